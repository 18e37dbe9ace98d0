"""A business lives through every flow of its money on Amazon's own engine, by the front door.

Each list is walked whole, an item a page, and the books are audited at the end.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from chalicelib import bots, people
from demo.checkout import PretendStripe
from tests.desk import FORM, Answered, Desk
from tests.fixtures_payments import pretend_stripe
from tests.fixtures_talk import Talk

OPERATOR = "op@example.org"
PRICE, SESSION = "0.0196", "0.15"
NUMBERS = itertools.count(1)


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


class Business:
    """One account and the operator, as they use the API."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        people.make_operator(email=OPERATOR, name="Оператор", now=desk.now)
        self.account = f"/v1/accounts/{desk.account_id}"

    def call(self, method: str, path: str, body: Any = None, *, staff: bool = False) -> Any:
        """Make a call that goes well; give what it tells."""
        headers = {"Idempotency-Key": f"call {next(NUMBERS)}"}
        by = OPERATOR if staff else self.desk.admin.email
        answer: Answered = self.desk.call(method, path, body, by=by, headers=headers)
        assert 200 <= answer.status < 300, (method, path, answer)
        return answer.body

    def listed(self, path: str, *, staff: bool = False) -> list[dict[str, Any]]:
        """Walk a list by pages of one; give all of it."""
        first = path + ("&" if "?" in path else "?")
        whole: list[dict[str, Any]] = self.call("GET", f"{first}limit=100", staff=staff)["items"]
        walked: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.call("GET", f"{first}limit=1{cursor}", staff=staff)
            walked += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert walked == whole, path
        return whole

    def money(self) -> dict[str, str]:
        """Tell the parts of the balance that are not zero."""
        told = self.call("GET", "/v1/balance")
        parts = ("available", "held", "set_aside", "owed")
        return {each: told[each]["amount"] for each in parts if told[each]["amount"] != "0.00"}

    def audit(self) -> None:
        """Let an operator audit the books: nothing is found, whatever the engine."""
        told = self.call("POST", f"{self.account}/audit", {"whole": True}, staff=True)
        assert told["findings"] == [], told

    def transfer(self, amount: str) -> None:
        body = {"amount": eur(amount), "reference": f"R-{next(NUMBERS)}"}
        self.call("POST", f"{self.account}/transfers", body, staff=True)

    def set_prices(self) -> None:
        prices = [{"country": "UA", "price": eur(PRICE)}]
        self.call("POST", "/v1/price-lists", {"default": eur("0.05"), "prices": prices}, staff=True)

    def apply(self, purpose: str = "new", bot_id: str | None = None) -> str:
        form = msgspec.to_builtins(FORM) | {"inquiry": f"Bot {next(NUMBERS)}"}
        body = {"purpose": purpose, "bot_id": bot_id, "form": form}
        request_id: str = self.call("POST", "/v1/requests", body)["request_id"]
        return request_id

    def decide(self, request_id: str, decision: str, **more: Any) -> dict[str, Any]:
        path = f"{self.account}/requests/{request_id}/decision"
        body = {"decision": decision, "reason": "Looked at"} | more
        told: dict[str, Any] = self.call("POST", path, body, staff=True)
        return told

    def connect(self, bot_id: str, name: str) -> None:
        """Paste the key of a new Viber bot; from then on the desk speaks through it."""
        desk = self.desk
        desk.viber_bot = desk.viber.world.add_bot(name, uri=f"bot{next(NUMBERS)}")
        self.call("POST", "/v1/bots", {"key": desk.viber_bot.key, "bot_id": bot_id})
        desk.bot = bots.get(desk.account_id, bot_id)

    def bot(self) -> dict[str, Any]:
        told: dict[str, Any] = self.call("GET", f"/v1/bots/{self.desk.bot.bot_id}")
        return told

    def entries(self, query: str = "") -> list[str]:
        """List the kinds of the account's entries, newest first."""
        return [each["kind"] for each in self.listed(f"/v1/entries{query}")]


@pytest.fixture
def business(desk: Desk) -> Business:
    return Business(desk)


@pytest.fixture
def stripe(desk: Desk) -> Iterator[PretendStripe]:
    def post(url: str, headers: dict[str, str], body: bytes) -> int:
        return int(desk.client.http.post("/stripe", headers=headers, body=body).status_code)

    with pretend_stripe(post) as running:
        yield running


def test_money_comes_goes_back_and_comes_again(business: Business, stripe: PretendStripe) -> None:
    business.transfer("100.00")
    asked = business.call("POST", "/v1/top-ups", {"amount": eur("50.00")})
    left = business.call("POST", "/v1/top-ups", {"amount": eur("7.00")})
    payment = stripe.pay(asked["checkout_url"].rpartition("/")[2])
    stripe.expire(left["checkout_url"].rpartition("/")[2])
    assert business.money() == {"available": "150.00"}
    stripe.refund(payment.id, 1000)
    assert business.money() == {"available": "140.00"}
    stripe.fail_refund(payment.id)
    stripe.dispute(payment.id)
    assert business.money() == {"available": "100.00"}
    stripe.win(payment.id)
    assert business.money() == {"available": "150.00"}
    assert {event.status for event in stripe.delivered} == {200}
    assert [each["state"] for each in business.listed("/v1/top-ups")] == ["expired", "paid"]
    assert business.listed("/v1/desk/top-ups", staff=True) == []
    assert business.entries("?kind=top-up") == ["top-up", "top-up"]
    assert len(business.listed(f"{business.account}/entries", staff=True)) == 6
    business.call("GET", f"{business.account}/balance", staff=True)
    business.audit()


def test_a_bot_is_applied_for_pays_talks_and_is_cancelled(business: Business) -> None:
    desk = business.desk
    business.set_prices()
    business.transfer("900.00")
    refused, approved = business.apply(), business.apply()
    assert business.money() == {"available": "100.00", "held": "800.00"}
    waiting = business.listed("/v1/desk/requests?state=waiting", staff=True)
    assert [each["request_id"] for each in waiting] == sorted([refused, approved])
    business.decide(refused, "refused")
    bot_id = business.decide(approved, "approved")["bot_id"]
    assert business.money() == {"available": "500.00", "set_aside": "200.00"}
    # Beside them lies the claim by which the desk's first bot became legacy.
    states = [each["state"] for each in business.listed("/v1/requests")]
    assert sorted(states) == ["approved", "approved", "refused"]
    business.connect(bot_id, "Нова")

    talk = Talk(desk, "Остап", country="UA")
    desk.wait(hours=25)
    parts = {"parts": [{"type": "text", "text": "Акція"}]}
    quote = business.call("POST", f"/v1/tickets/{talk.ticket_id}/quote", parts)
    assert quote["price"] == eur(PRICE)
    talk.reply("Акція")
    assert business.money()["held"] == PRICE
    desk.work()
    assert business.money()["available"] == "499.9804"
    desk.faults({"refuse": 12})
    talk.reply("Ще акція")
    desk.work()
    talk.reply(*(f"{number}" for number in range(7)))
    desk.work()
    assert business.money() == {"available": "499.8432", "set_aside": "200.00"}
    assert business.entries(f"?bot_id={bot_id}&kind=message") == ["message"] * 8
    assert len(business.listed(f"/v1/reports/messages?bot_id={bot_id}")) == 8
    totals = business.call("GET", "/v1/reports/totals")
    assert totals["total"] == eur("699.8432")

    desk.wait(days=4)
    desk.run("charge_fees")
    assert business.bot()["plan"]["paid_until"] == "2026-12-31T22:00:00Z"
    assert business.entries("?kind=maintenance-fee") == ["maintenance-fee"]
    business.call("POST", f"/v1/bots/{bot_id}/cancel")
    assert business.money() == {"available": "599.8432"}
    desk.wait(days=40)
    desk.run("charge_fees")
    assert desk.reply(talk.ticket_id, "Пізно").body["type"].endswith("/bot-ended")
    revival = business.decide(business.apply("revival", bot_id), "approved")
    assert revival["bot_id"] == bot_id
    business.audit()


def test_sessions_open_run_out_fail_are_renewed_and_turned_off(business: Business) -> None:
    desk = business.desk
    business.set_prices()
    bot_id = business.call("POST", f"{business.account}/bots", {"name": "Пекарня"}, staff=True)[
        "bot_id"
    ]
    business.connect(bot_id, "Пекарня")
    business.transfer("200.00")
    wish = business.call("POST", f"/v1/bots/{bot_id}/wish", {"text": "Ми відповідаємо"})
    terms = {"fee": eur("30.00"), "price": eur(SESSION)}
    business.decide(wish["request_id"], "approved", **terms)
    desk.wait(minutes=5)
    talk, other = Talk(desk, "Остап"), Talk(desk, "Зоряна")
    desk.faults({"refuse": 5})
    talk.reply("Загубиться")
    desk.work()
    talk.reply("Добрий день")
    desk.work()
    # The next month's fee is protected already.
    assert business.money() == {"available": "139.85", "set_aside": "30.00"}
    states = {each["state"] for each in business.listed("/v1/sessions")}
    assert states == {"open", "waiting"}
    assert len(business.listed(f"/v1/sessions?state=open&bot_id={bot_id}")) == 1
    failed = business.listed("/v1/sessions?view=closed&reason=failed")
    assert [each["money"] for each in failed] == ["voided"]
    desk.wait(minutes=1)
    talk.phone.write("Так")
    for _ in range(6):
        for part in ("12345", "67890"):
            talk.reply(*part)
            desk.work()
        desk.wait(minutes=1)
        talk.phone.write("Так")
    assert [each["reason"] for each in business.listed("/v1/sessions?reason=limit")] == ["limit"]
    talk.reply(*"12345")
    talk.reply(*"67890")
    talk.reply("Одинадцяте")
    desk.work()
    assert len(business.listed(f"/v1/tickets/{talk.ticket_id}/sessions")) == 3
    desk.wait(hours=25)
    desk.run("expire_sessions")
    since = f"begun_from={desk.now:%Y-01-01T00:00:00Z}"
    assert business.listed(f"/v1/sessions?{since}") == []
    assert business.entries("?kind=session") == ["session", "session"]
    # The 11th in a row has a price of its own, which Viber did not bill: so it costs nothing.
    assert business.money()["available"] == "139.70"
    kinds = [each["kind"] for each in business.listed("/v1/desk/differences", staff=True)]
    assert kinds == ["not-billed-there"]
    sessions = f"{business.account}/bots/{bot_id}/sessions"
    business.call("PUT", sessions, {"on": False}, staff=True)
    business.call("PUT", sessions, {"on": True} | terms, staff=True)
    desk.wait(days=60)
    other.phone.write("Є хто?")
    business.audit()


def test_what_viber_leaves_open_is_settled(business: Business) -> None:
    desk = business.desk
    business.set_prices()
    desk.make_commercial()
    business.transfer("10.00")
    talk = Talk(desk, country="UA")
    desk.wait(hours=25)
    talk.phone.set(online=False)
    desk.faults({"lose_answer": True})
    talk.reply("Без відповіді")
    desk.work()
    desk.wait(minutes=5)
    talk.phone.set(online=True)
    desk.wait(minutes=5)
    desk.run("settle_messages")
    desk.faults({"lose_request": True})
    talk.reply("Загублене")
    desk.work()
    desk.faults({"fail_after": "no such device"})
    talk.reply("Не дійшло")
    desk.work()
    assert business.money()["held"] == PRICE
    desk.wait(days=15, hours=12)
    for _ in range(2):
        desk.run("settle_messages")
        desk.wait(hours=6)
    states = {m["content"]["text"]: m["charge"]["state"] for m in thread(talk)}
    assert states == {"Без відповіді": "posted", "Загублене": "voided", "Не дійшло": "voided"}
    assert "held" not in business.money()
    assert business.listed("/v1/desk/differences", staff=True) == []
    business.audit()


def thread(talk: Talk) -> list[dict[str, Any]]:
    return [each for each in talk.desk.thread(talk.ticket_id) if each["kind"] == "outgoing"]


def test_fees_are_protected_refused_and_end_what_is_not_paid(business: Business) -> None:
    desk = business.desk
    desk.make_commercial()
    bot_id = business.call("POST", f"{business.account}/bots", {"name": "Пекарня"}, staff=True)[
        "bot_id"
    ]
    business.transfer("100.00")
    terms = {"on": True, "fee": eur("70.00"), "price": eur(SESSION)}
    business.call("PUT", f"{business.account}/bots/{bot_id}/sessions", terms, staff=True)
    assert business.money() == {"set_aside": "230.00"}
    for days in (5, 6, 20, 6, 20, 20):
        desk.wait(days=days)
        desk.run("charge_fees")
    ended = {each["plan"]["plan"]: each["plan"] for each in business.listed("/v1/bots")}
    assert [ended[plan]["ended_reason"] for plan in ("commercial", "business")] == ["unpaid"] * 2
    fees = sorted(
        business.entries("?kind=maintenance-fee") + business.entries("?kind=sessions-fee")
    )
    assert fees == ["maintenance-fee"] * 2 + ["sessions-fee"]
    trail = [each["action"] for each in business.listed("/v1/audit")]
    assert {"bot deactivated", "sessions turned off"} <= set(trail)
    business.audit()


def test_prices_and_policies_are_made_listed_and_withdrawn(business: Business) -> None:
    desk = business.desk
    business.set_prices()
    sheet = business.call("GET", "/v1/price-lists/1/csv", staff=True)
    answer = desk.call(
        "POST",
        "/v1/price-lists/import?valid_from=2026-12-01T00:00:00Z",
        sheet,
        by=OPERATOR,
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status == 201, answer
    business.call("DELETE", "/v1/price-lists/2", staff=True)
    states = [each["state"] for each in business.listed("/v1/price-lists")]
    assert states == ["withdrawn", "in-force"]
    numbers = {"window_seconds": 3600, "anchor": "first", "not_starters": ["picture"]}
    limits = {"messages_max": 30, "unanswered_max": 5, "types": ["text"], "restarts": True}
    policy = {"kind": "business", "valid_from": "2026-12-01T00:00:00Z"} | numbers | limits
    made = business.call("POST", "/v1/session-policies", policy, staff=True)
    business.call("DELETE", f"/v1/session-policies/business/{made['version']}", staff=True)
    assert len(business.listed("/v1/session-policies?kind=business")) == 2
