"""One account under the rules: its talks, messages and broadcasts, and what they cost."""

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from simulator.model import talk
from simulator.model.books import Wrong
from simulator.model.broadcasts import Chunk
from simulator.model.plans import Bot, Plans
from simulator.model.talk import Said, Session, Talk

LEGACY_MONTH = 10_000
GIVEN_UP_AFTER = timedelta(days=15)
BILLED_OUTSIDE = 5


@dataclass
class Message:
    """One accepted message with its money."""

    message_id: str
    key: str
    at: datetime
    said: Said
    price: int
    state: str = "queued"
    money: str = "none"
    quota_month: str | None = None
    sending_at: datetime | None = None


@dataclass
class Business(Plans):
    """An account with everything that is said through its bots."""

    talks: dict[str, Talk] = field(default_factory=dict)
    countries: dict[str, str | None] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    chunks: dict[str, Chunk] = field(default_factory=dict)

    # Talk.

    def heard(self, key: str, at: datetime, kind: str, country: str | None, now: datetime) -> None:
        """A subscriber's message was taken."""
        bot = self.bot(key.partition("/")[0])
        self.countries[key] = country
        self._talk(key).hear(min(at, now), kind, now, self.terms(bot, now))

    def looked(self, key: str, now: datetime) -> None:
        """Somebody looked what time has done to a talk."""
        bot = self.bot(key.partition("/")[0])
        self._talk(key).look(now, self.terms(bot, now))

    def accepted(
        self, key: str, parts: list[tuple[str, str]], now: datetime, *, may_open: bool = True
    ) -> None:
        """A reply was accepted, whole (S2.50); a broadcast's message opens nothing (S2.51)."""
        bot = self.bot(key.partition("/")[0])
        if not self.may_send(bot, now):
            raise Wrong("S1.53, S1.62: a reply through a bot that may not send")
        needed, used, new = self._place(key, bot, parts, now, may_open=may_open)
        if needed and self.books.owed:
            raise Wrong("S1.73: a paid reply while there is a debt")
        if needed > self.books.available:
            raise Wrong(f"S1.45: a reply for {needed} with {self.books.available} available")
        month = f"{now.astimezone(UTC):%Y-%m}"
        if used:
            self._count(bot, month, used)
        for message in new:
            self.messages[message.message_id] = message
        self.books.hold(needed)

    def price(self, key: str, types: tuple[str, ...], now: datetime) -> int | str:
        """Tell what a reply would cost now, or why the rules refuse it. Nothing changes."""
        bot = self.bot(key.partition("/")[0])
        if not self.may_send(bot, now):
            return "may not send"
        own = self._talk(key)
        self.talks[key] = copy.deepcopy(own)
        try:
            parts = [(f"quoted-{position}", kind) for position, kind in enumerate(types)]
            needed, used, _ = self._place(key, bot, parts, now)
        except Wrong:
            return "type-not-in-sessions"
        finally:
            self.talks[key] = own
        if bot.used.get(f"{now.astimezone(UTC):%Y-%m}", 0) + used > LEGACY_MONTH and used:
            return "quota-used"
        if needed and self.books.owed:
            return "owing"
        return "insufficient-funds" if needed > self.books.available else needed

    def _place(
        self,
        key: str,
        bot: Bot,
        parts: list[tuple[str, str]],
        now: datetime,
        *,
        may_open: bool = True,
    ) -> tuple[int, int, list[Message]]:
        tariff, terms = self.tariff_at(now), self.terms(bot, now)
        try:
            said = self._talk(key).say(parts, now, terms, may_open=may_open)
        except talk.TypeRefused as refused:
            raise Wrong(f"S2.12: a part of type {refused} was accepted") from None
        needed, used, new = 0, 0, []
        for each in said:
            message = Message(each.message_id, key, now, each, 0)
            if each.kind == "outside" and bot.plan == "legacy":
                used += 1
                message.quota_month = f"{now.astimezone(UTC):%Y-%m}"
            elif each.kind == "outside":
                country = self.countries.get(key) or ""
                message.price = tariff.prices.get(country, tariff.default)
                message.money = "held" if message.price else "none"
            elif each.kind in ("opens-session", "renews-session") and each.session is not None:
                needed += each.session.price_micros
            needed += message.price
            new.append(message)
        return needed, used, new

    # Broadcasts.

    def chunk_decided(
        self, chunk: Chunk, lines: dict[int, str], kind: str, now: datetime
    ) -> tuple[set[int], set[int]]:
        """A chunk's money was held; tells who goes together and who apart (S2.51)."""
        bot = self.bot(chunk.bot_id)
        if not self.may_send(bot, now):
            raise Wrong("S1.53, S1.62: a broadcast through a bot that may not send")
        prices, apart = {}, set()
        for line, subscriber in lines.items():
            price = self.alone(f"{chunk.bot_id}/{subscriber}", kind, now)
            if price is None:
                apart.add(line)
            else:
                prices[line] = price
        chunk.hold(prices, self.books)
        if bot.plan == "legacy" and prices:
            chunk.quota_month = f"{now.astimezone(UTC):%Y-%m}"
            self._count(bot, chunk.quota_month, len(prices))
        return set(prices), apart

    def alone(self, key: str, kind: str, now: datetime) -> int | None:
        """Tell what a broadcast's message costs outside of any talk, None for one in a talk."""
        bot, tariff = self.bot(key.partition("/")[0]), self.tariff_at(now)
        trial = copy.deepcopy(self._talk(key))
        try:
            (said,) = trial.say([("trial", kind)], now, self.terms(bot, now), may_open=False)
        except talk.TypeRefused:
            raise Wrong(f"S2.14: a broadcast of type {kind}") from None
        if said.kind != "outside" or said.left is not None:
            return None
        country = self.countries.get(key) or ""
        return 0 if bot.plan == "legacy" else tariff.prices.get(country, tariff.default)

    def quota_returned(self, bot_id: str, month: str | None, count: int, now: datetime) -> None:
        """Lines of a legacy bot's chunk did not go: their counts come back (S1.15)."""
        if month == f"{now.astimezone(UTC):%Y-%m}":
            self.bots[bot_id].used[month] -= count

    def _count(self, bot: Bot, month: str, used: int) -> None:
        bot.used[month] = bot.used.get(month, 0) + used
        if bot.used[month] > LEGACY_MONTH:
            raise Wrong(f"S1.16: {bot.used[month]} messages of {month}")

    # What becomes of messages.

    def named(self, message_id: str, session: str | None, left: str | None) -> None:
        """Learn by which ids a message names its session and the one it left."""
        said = self.messages[message_id].said
        for own, name in ((said.session, session), (said.left, left)):
            if (own is None) != (name is None):
                raise Wrong(f"{message_id} is of {name}, not of {own and own.number} ({said.kind})")
            if own is not None and own.name not in (None, name):
                raise Wrong(f"{message_id} is of {name}, not of {own.name}")
            if own is not None:
                own.name = name

    def picked_up(self, message_id: str, now: datetime) -> None:
        """A message is on its way to Viber."""
        message = self.messages[message_id]
        if message.state != "queued":
            raise Wrong(f"{message_id} is sent a second time")
        message.state, message.sending_at = "sending", now

    def unknown(self, message_id: str) -> None:
        """Nobody knows whether Viber took it."""
        message = self.messages[message_id]
        message.state = "unknown"
        message.said.unknown_since = message.sending_at

    def taken(self, message_id: str, billing_status: int | None) -> None:
        """Viber has taken a message: its session is paid for, and Viber's word counts (S1.70)."""
        message = self.messages[message_id]
        message.state, message.said.unknown_since = "sent", None
        session = message.said.session
        if session is not None and session.money == "held":
            session.money = "posted"
            self.books.spend_held(session.price_micros, f"session:{session.name}")
        if billing_status is not None and billing_status != BILLED_OUTSIDE:
            self._void(message)

    def arrived(self, message_id: str, state: str) -> None:
        """A message was shown on a device: what is still held for it is spent, once (S1.11)."""
        message = self.messages[message_id]
        message.state = state
        if message.money == "held":
            message.money = "posted"
            self.books.spend_held(message.price, f"message:{message_id}")

    def failed(self, message_id: str, now: datetime) -> None:
        """A message has failed."""
        message = self.messages[message_id]
        message.state = "failed"
        self._give_back(message, now)

    def given_up(self, message_id: str, now: datetime) -> None:
        """Nothing more will be heard of a message (15 days)."""
        message = self.messages[message_id]
        since = message.sending_at or message.at
        if now - since < GIVEN_UP_AFTER:
            raise Wrong(f"{message_id} is given up after {now - since}")
        if message.state == "unknown":
            self._give_back(message, now)
        else:
            self._void(message)

    def _give_back(self, message: Message, now: datetime) -> None:
        self._void(message)
        bot = self.bots[message.key.partition("/")[0]]
        month = f"{now.astimezone(UTC):%Y-%m}"
        if message.quota_month == month:
            bot.used[month] -= 1
        said, own = message.said, self._talk(message.key)
        terms = self.terms(bot, now)
        own.give_back(said)
        gone = own.undo(said, now, terms)
        if gone is None:
            session = said.session
            is_lost = session is not None and all(m.is_lost_at(now) for m in session.messages)
            if session is None or not is_lost:
                return
            own.wait_again(session, now, terms)
            gone = [session]
        for session in gone:
            self._unpay(session)

    def _unpay(self, session: Session) -> None:
        if session.money == "held":
            session.money = "voided"
            self.books.release(session.price_micros)
        elif session.money == "posted":
            session.money = "refunded"
            self.books.come_in(session.price_micros, f"session-returned:{session.name}")

    def _void(self, message: Message) -> None:
        if message.money == "held":
            message.money = "voided"
            self.books.release(message.price)

    def _talk(self, key: str) -> Talk:
        return self.talks.setdefault(key, Talk())
