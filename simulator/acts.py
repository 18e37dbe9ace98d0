"""What people do: subscribers write, agents answer, in every mood the rules have words for."""

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

from chalicelib.auth import Caller
from demo.emulator.people import Unable
from simulator.watching import Wish
from simulator.world import MAY_NOT_SEND, NOT_OF_MONEY, OurBot, Phone, Unlike, World

TRIES_MAX = 8
STEERED_MAX = 12
PICTURE = "https://pictures.example/bread.jpg"
STARTERS = ("text",) * 16 + ("picture", "picture", "sticker", "location", "contact")


class Talkers:
    """Subscribers and agents."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = itertools.count(1)
        self._people = world.viber.emulator.people

    # Subscribers.

    def write(self, bot: OurBot, phone: Phone, kind: str = "") -> None:
        """Let a subscriber write something."""
        kind = kind or self.world.draw.choice(STARTERS)
        content: dict[str, Any] = {"type": kind}
        match kind:
            case "text":
                content["text"] = f"w{next(self._numbers)}"
            case "picture":
                content |= {"media": PICTURE, "text": ""}
            case "sticker":
                content["sticker_id"] = 40100
            case "location":
                content["location"] = {"lat": 50.45, "lon": 30.52}
            case "contact":
                content["contact"] = {"name": "Shop", "phone_number": "380671234567"}
        self._on_phone(lambda: self._people.write(phone.phone_id, phone.uri, content))

    def look(self, phone: Phone) -> None:
        """Let a subscriber read his chat."""
        self._on_phone(lambda: self._people.read(phone.phone_id, phone.uri))

    def switch(self, phone: Phone) -> None:
        """Let a phone go off or on."""
        profile = self.world.viber.emulator.world.phone(phone.phone_id).profile
        self._on_phone(
            lambda: self._people.configure(phone.phone_id, {"online": not profile.online})
        )

    def turn_away(self, phone: Phone) -> None:
        """Let a subscriber unsubscribe, or come back."""
        chat = self.world.viber.emulator.world.chat(phone.phone_id, phone.uri)
        act = self._people.unsubscribe if chat.subscribed else self._people.subscribe
        self._on_phone(lambda: act(phone.phone_id, phone.uri))

    def _on_phone(self, act: Any) -> None:
        try:
            act()
        except Unable:
            return
        self.flush()

    def flush(self) -> None:
        """Let Viber send the callbacks it owes."""
        self.world.viber.emulator.dispatcher.flush()

    # Agents.

    def reply(self, bot: OurBot, phone: Phone, types: tuple[str, ...] = ()) -> None:
        """Let an agent answer, under a key that he repeats until he has an answer."""
        ticket_id = self._ticket(phone)
        if ticket_id is None:
            return
        types = types or self._types(bot)
        key = f"k{next(self._numbers)}"
        parts = [self._part(key, position, kind) for position, kind in enumerate(types)]
        notify = self.world.draw.random() > 0.03
        self.world.wishes[key] = Wish(phone.conversation, types, notify)
        by = self.world.callers[bot.account_id]
        self._send(key, f"/v1/tickets/{ticket_id}/messages", parts, notify, by, tries=1)

    def broadcast(self, bot: OurBot, plan: str | None) -> None:
        """Let an admin plan a broadcast to all of a bot's subscribers, and start it."""
        world, text = self.world, f"b{next(self._numbers)}"
        world.broadcasts[text] = plan
        kind = "picture" if world.draw.random() < 0.2 else "text"
        part = {"type": "text", "text": text}
        if kind == "picture":
            part = {"type": "picture", "media": PICTURE, "text": text}
        cap = {"amount": world.draw.choice(("0.05", "1", "500")), "currency": "EUR"}
        body = {"bot_id": bot.bot_id, "parts": [part], "recipients": {}, "spending_cap": cap}
        by = world.callers[bot.account_id]
        headers = {"Idempotency-Key": text}
        for _ in range(TRIES_MAX):
            answer = world.call("POST", "/v1/broadcasts", body, by=by, headers=headers)
            if answer is not None and answer.status < 500:
                if answer.status == 202:
                    self._steer(bot, answer.body["broadcast_id"], tries=0)
                return

    def _steer(self, bot: OurBot, broadcast_id: str, *, tries: int) -> None:
        """Start a broadcast when it is planned, and see it through its pauses, or stop it."""
        world, path = self.world, f"/v1/broadcasts/{broadcast_id}"
        by = world.callers[bot.account_id]
        with world.in_peace():
            shown = world.call("GET", path, None, by=by)
        assert shown is not None, "nothing crashes in peace"
        assert shown.status == 200, f"{path} answered {shown}"
        state, drawn = shown.body["state"], world.draw.random()
        headers = {"Idempotency-Key": f"{broadcast_id}-{tries}"}
        if state == "ready":
            price = {"agreed_price": shown.body["plan"]["price"]}
            world.call("POST", f"{path}/start", price, by=by, headers=headers)
        elif state == "paused" and drawn < 0.7:
            cap = {"spending_cap": {"amount": "900", "currency": "EUR"}}
            world.call("POST", f"{path}/resume", cap, by=by, headers=headers)
        elif state in ("running", "paused") and drawn > 0.85:
            verb = "pause" if state == "running" and drawn > 0.95 else "stop"
            world.call("POST", f"{path}/{verb}", None, by=by, headers=headers)
        if state in ("planning", "ready", "running", "paused") and tries < STEERED_MAX:
            wait = timedelta(minutes=world.draw.choice((0, 1, 20, 600)))
            world.afterwards(wait, lambda: self._steer(bot, broadcast_id, tries=tries + 1))

    def ask_price(self, bot: OurBot, phone: Phone) -> None:
        """Let an agent see the price before he sends: it is the model's."""
        ticket_id = self._ticket(phone)
        if ticket_id is None:
            return
        world, types = self.world, self._types(bot)
        parts = [self._part("asked", position, kind) for position, kind in enumerate(types)]
        with world.in_peace():
            answer = world.call(
                "POST",
                f"/v1/tickets/{ticket_id}/quote",
                {"parts": parts},
                by=world.callers[bot.account_id],
            )
        assert answer is not None, "nothing crashes in peace"
        assert answer.status == 200, f"a quote of {types} answered {answer}"
        refusal = answer.body["refusal"]
        kind = "" if refusal is None else str(refusal["type"]).rpartition("/")[2]
        if kind in NOT_OF_MONEY:
            return
        told: int | str = "may not send" if kind in MAY_NOT_SEND else kind
        if refusal is None:
            told = round(Decimal(answer.body["price"]["amount"]) * 1_000_000)
        world.watcher.checks["quotes"] += 1
        business = world.businesses[bot.account_id]
        price = business.price(phone.conversation, types, world.clock.now)
        if told != price:
            story = "\n".join(world.stories[bot.account_id])
            raise Unlike(f"a quote of {types} says {told}, by the rules {price}\n{story}")

    def _send(
        self, key: str, path: str, parts: list[Any], notify: bool, by: Caller, *, tries: int
    ) -> None:
        body = {"parts": parts, "notify": notify}
        answer = self.world.call("POST", path, body, by=by, headers={"Idempotency-Key": key})
        if answer is not None and answer.status < 500 and answer.kind != "still-running":
            if answer.status >= 400:
                self.world.refused(key, answer)
            return
        if tries < TRIES_MAX:
            wait = timedelta(seconds=self.world.draw.choice((1, 5, 40, 600)))
            self.world.afterwards(
                wait, lambda: self._send(key, path, parts, notify, by, tries=tries + 1)
            )

    def _part(self, key: str, position: int, kind: str) -> dict[str, Any]:
        text = f"{key}.{position}"
        if kind == "text":
            return {"type": "text", "text": text}
        if kind == "picture":
            return {"type": "picture", "media": PICTURE, "text": text}
        # A place has no text; which one it is says whose it is.
        number = int(key[1:]) if key[1:].isdigit() else 0
        return {"type": "location", "lat": float(position), "lon": number / 1000}

    def _types(self, bot: OurBot) -> tuple[str, ...]:
        draw = self.world.draw
        count = draw.choice((1,) * 10 + (2, 2, 3, 5, 6, 12))
        weights = (90, 8, 2)
        return tuple(draw.choices(("text", "picture", "location"), weights, k=count))

    def _ticket(self, phone: Phone) -> str | None:
        table = self.world.database.tables[self.world.table("conversations")]
        found = table.items.get((phone.conversation, "conversation"))
        ticket = None if found is None else found.get("ticket_id")
        return None if ticket is None else str(ticket["S"])
