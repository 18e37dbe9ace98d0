"""What admins and operators do: pay in, apply, decide, cancel, set prices; what Stripe tells."""

import hashlib
import hmac
import itertools
import json
import os
from datetime import timedelta
from typing import Any

from chalicelib import store
from chalicelib.tables import TopUp
from demo.emulator.records import Bot as ViberBot
from simulator.model.business import Business
from simulator.model.plans import EURO, Bot
from simulator.model.talk import Policy
from simulator.world import OPERATOR, WEBHOOK_SECRET, OurBot, World

TRIES_MAX = 8
AMOUNTS = (1, 2, 5, 20, 100, 300, 450, 450)
FORM = {
    "has_read_terms": True,
    "first_name": "Olena",
    "last_name": "Koval",
    "work_email": "olena@example.com",
    "country": "UA",
    "company_website": "https://example.com",
    "has_business_account": False,
    "company_type": "bot_owner",
    "inquiry": "A bot for our customers.",
}


class Offices:
    """Admins, operators, and Stripe."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = itertools.count(1)
        self._paid: list[tuple[str, str, int]] = []
        self._viber_bots: dict[str, ViberBot] = {}

    # Money in and out.

    def transfer(self, account_id: str, euros: int = 0) -> None:
        """Let an operator credit a bank transfer, at times the same one twice."""
        amount = euros or self.world.draw.choice(AMOUNTS)
        reference = f"R-{next(self._numbers)}"
        body = {"amount": _euros(amount * EURO), "reference": reference}
        for _ in range(2 if self.world.draw.random() < 0.1 else 1):
            self._post(f"/v1/accounts/{account_id}/transfers", body, by=OPERATOR)

    def pay_by_card(self, account_id: str) -> None:
        """Let an admin pay a top-up at Stripe, which tells of it once or more, soon or late."""
        world, number = self.world, next(self._numbers)
        micros = world.draw.choice(AMOUNTS) * EURO
        top_up_id = f"top_{number:026}"
        with world.in_peace():
            asked = TopUp(key=account_id, item=f"top-up#{top_up_id}", top_up_id=top_up_id)
            asked.account_id, asked.amount_micros, asked.state = account_id, micros, "open"
            asked.created_at, asked.created_by = world.clock.now, "per_admin"
            store.put(asked)
        intent = f"pi_{number}"
        told = {"stage": os.environ["STAGE"], "account_id": account_id, "top_up_id": top_up_id}
        session = {
            "id": f"cs_{number}",
            "payment_status": "paid",
            "amount_total": micros // 10_000,
            "currency": "eur",
            "payment_intent": intent,
            "metadata": told,
        }
        self._paid.append((account_id, intent, micros))
        self._stripe("checkout.session.completed", session)

    def take_back(self, *, disputed: bool) -> None:
        """Let a payment's refund or dispute be told, and at times its end."""
        if not self._paid:
            return
        _, intent, micros = self._paid[self.world.draw.randrange(len(self._paid))]
        number = next(self._numbers)
        part = micros if disputed else micros // 2
        about: dict[str, Any] = {
            "amount": part // 10_000,
            "currency": "eur",
            "payment_intent": intent,
        }
        if disputed:
            about |= {"id": f"dp_{number}", "reason": "fraudulent"}
            self._stripe("charge.dispute.funds_withdrawn", about)
            if self.world.draw.random() < 0.3:
                again = timedelta(days=self.world.draw.randrange(30))
                self.world.afterwards(
                    again, lambda: self._stripe("charge.dispute.funds_reinstated", about)
                )
        else:
            about |= {"id": f"re_{number}", "status": "succeeded"}
            self._stripe("refund.created", about)
        self._paid = [each for each in self._paid if each[1] != intent]

    def _stripe(self, kind: str, about: dict[str, Any], *, tries: int = 1) -> None:
        """Tell of an event until it is taken, and at times once more."""
        now = self.world.clock.now
        event = {"id": f"evt_{next(self._numbers)}", "type": kind, "data": {"object": about}}
        raw = json.dumps(event).encode()
        at = str(int(now.timestamp()))
        said = hmac.new(
            WEBHOOK_SECRET.encode(), f"{at}.".encode() + raw, hashlib.sha256
        ).hexdigest()
        headers = {"Stripe-Signature": f"t={at},v1={said}"}
        answer = self.world.call("POST", "/stripe", None, raw=raw, headers=headers)
        is_taken = answer is not None and answer.status < 300
        if is_taken and self.world.draw.random() > 0.1:
            return
        if tries < TRIES_MAX:
            wait = timedelta(minutes=self.world.draw.choice((1, 60, 600)))
            self.world.afterwards(wait, lambda: self._stripe(kind, about, tries=tries + 1))

    # Requests.

    def apply(self, business: Business, purpose: str = "new", bot_id: str | None = None) -> None:
        """Let an admin send a connection request."""
        form = FORM | {"company_name": f"Bread {next(self._numbers)}"}
        body = {"purpose": purpose, "bot_id": bot_id, "form": form}
        self._post("/v1/requests", body, by=self.world.callers[business.account_id])

    def decide(self, business: Business) -> None:
        """Let an operator decide what waits, at times twice."""
        waiting = [r for r, (state, _, _) in business.requests.items() if state == "waiting"]
        if not waiting:
            return
        request_id = self.world.draw.choice(waiting)
        verdict = "approved" if self.world.draw.random() < 0.75 else "refused"
        path = f"/v1/accounts/{business.account_id}/requests/{request_id}/decision"
        for _ in range(2 if self.world.draw.random() < 0.2 else 1):
            self._post(path, {"decision": verdict, "reason": ""}, by=OPERATOR)

    # Bots.

    def paste_keys(self, account_id: str) -> None:
        """Let an admin paste the keys of bots that await one, or were disconnected."""
        for bot_id, item in self.world.bot_items(account_id):
            if item["state"] not in ("connected",):
                body = {"key": self._viber_bot(bot_id).key, "bot_id": bot_id}
                self.world.call(
                    "POST", "/v1/bots", body, by=self.world.callers[account_id], headers=self._key()
                )
            if item["state"] == "connected" and bot_id not in self.world.bots:
                bot = OurBot(bot_id, account_id, self._viber_bot(bot_id))
                self.world.bots[bot_id] = bot
                for _ in range(self.world.draw.randint(3, 6)):
                    self.world.add_phone(bot)

    def connect_old(self, account_id: str) -> None:
        """Let an admin connect a bot of before 2024, and an operator confirm its age."""
        admin = self.world.callers[account_id]
        viber_bot = self.world.viber.emulator.world.add_bot("old")
        known = {bot_id for bot_id, _ in self.world.bot_items(account_id)}
        body = {"key": viber_bot.key, "made_on": "2020-05-04"}
        self.world.call("POST", "/v1/bots", body, by=admin, headers=self._key())
        for bot_id, _ in self.world.bot_items(account_id):
            if bot_id not in known:
                self._viber_bots[bot_id] = viber_bot
                path = f"/v1/accounts/{account_id}/bots/{bot_id}/legacy"
                self._post(path, {"confirmed": True, "made_on": "2020-05-04"}, by=OPERATOR)

    def make_business_bot(self, account_id: str) -> None:
        """Let an operator make a bot of a Viber business account."""
        path = f"/v1/accounts/{account_id}/bots"
        self._post(path, {"name": f"Business {next(self._numbers)}"}, by=OPERATOR)

    def turn_sessions(self, business: Business, bot: Bot, *, on: bool) -> None:
        """Let an operator turn a bot's sessions on, on other terms, or off."""
        body: dict[str, Any] = {"on": on}
        if on:
            draw = self.world.draw
            body["fee"] = _euros(draw.choice((10, 30)) * EURO)
            body["price"] = _euros(draw.choice((20_000, 50_000, 77_700)))
        path = f"/v1/accounts/{business.account_id}/bots/{bot.bot_id}/sessions"
        self.world.call("PUT", path, body, by=OPERATOR, headers=self._key())

    def cancel(self, business: Business, bot: Bot) -> None:
        """Let an admin cancel a bot's subscription, at times twice."""
        for _ in range(2 if self.world.draw.random() < 0.3 else 1):
            path = f"/v1/bots/{bot.bot_id}/cancel"
            self._post(path, {}, by=self.world.callers[business.account_id])

    def protect(self, business: Business, *, on: bool) -> None:
        """Let an admin turn fee protection on or off."""
        admin = self.world.callers[business.account_id]
        if not self.world.door.has("PATCH", "/v1/money-settings"):
            return
        self.world.call("PATCH", "/v1/money-settings", {"protects_fees": on}, by=admin)

    # Tariffs.

    def set_prices(self, *, in_days: int = 0) -> None:
        """Let an operator set a price list, valid from now or from a later day."""
        draw, now = self.world.draw, self.world.clock.now
        prices = {"UA": draw.choice((19_600, 23_400, 1_250_000)), "RO": 51_300, "DE": 89_001}
        since = now + timedelta(days=in_days)
        body: dict[str, Any] = {
            "default": _euros(90_000),
            "prices": [{"country": c, "price": _euros(m)} for c, m in prices.items()],
        }
        if in_days:
            body["valid_from"] = since.isoformat()
        with self.world.in_peace():
            answer = self.world.call("POST", "/v1/price-lists", body, by=OPERATOR)
        assert answer is not None, "nothing crashes in peace"
        if answer.status == 201:
            self.world.set_prices(since, prices, 90_000)

    def set_policy(self) -> None:
        """Let an operator set other numbers of sessions or of free windows."""
        draw, now = self.world.draw, self.world.clock.now
        kind = draw.choice(("free", "business", "business"))
        policy = Policy(
            0,
            kind,
            timedelta(hours=draw.choice((6, 24, 24, 30))),
            is_anchored_last=draw.random() < 0.3,
        )
        if kind == "business":
            policy = policy._replace(
                not_starters=draw.choice((("picture",), ("picture", "sticker"), ())),
                messages_max=draw.choice((60, 20, None)),
                unanswered_max=draw.choice((10, 3, 10, None)),
                types=draw.choice((("text", "picture"), None)),
                restarts=draw.random() < 0.8,
            )
        body: dict[str, Any] = {
            "kind": kind,
            "window_seconds": int(policy.window.total_seconds()),
            "anchor": "last" if policy.is_anchored_last else "first",
        }
        if kind == "business":
            body |= {
                "not_starters": policy.not_starters,
                "messages_max": policy.messages_max,
                "unanswered_max": policy.unanswered_max,
                "types": policy.types,
                "restarts": policy.restarts,
            }
        with self.world.in_peace():
            answer = self.world.call("POST", "/v1/session-policies", body, by=OPERATOR)
        assert answer is not None, "nothing crashes in peace"
        assert answer.status == 201, f"a policy was refused: {answer}"
        self.world.set_policy(now, policy._replace(version=answer.body["version"]))

    def _post(self, path: str, body: Any, *, by: Any, key: str = "", tries: int = 1) -> None:
        """Ask for something, under one key until there is an answer."""
        key = key or self._key()["Idempotency-Key"]
        answer = self.world.call("POST", path, body, by=by, headers={"Idempotency-Key": key})
        if answer is not None and answer.status < 500 and answer.kind != "still-running":
            return
        if tries < TRIES_MAX:
            wait = timedelta(seconds=self.world.draw.choice((1, 40, 600, 90_000)))
            self.world.afterwards(
                wait, lambda: self._post(path, body, by=by, key=key, tries=tries + 1)
            )

    def _key(self) -> dict[str, str]:
        return {"Idempotency-Key": f"o{next(self._numbers)}"}

    def _viber_bot(self, bot_id: str) -> ViberBot:
        if bot_id not in self._viber_bots:
            self._viber_bots[bot_id] = self.world.viber.emulator.world.add_bot("Bread")
        return self._viber_bots[bot_id]


def _euros(micros: int) -> dict[str, str]:
    whole, rest = divmod(micros, EURO)
    return {"amount": f"{whole}.{rest:06}".rstrip("0").rstrip("."), "currency": "EUR"}
