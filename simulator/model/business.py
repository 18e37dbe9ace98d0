"""One account under the rules: its bots, requests, talks and messages, and what they cost."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from simulator.model import calendar, talk
from simulator.model.books import Books, Wrong
from simulator.model.broadcasts import Chunk
from simulator.model.talk import BUSINESS, Policy, Said, Session, Talk, Terms

EURO = 1_000_000
DEPOSIT = 400 * EURO
ACTIVATION = 200 * EURO
MAINTENANCE = 100 * EURO
LEGACY_MONTH = 10_000
GIVEN_UP_AFTER = timedelta(days=15)
BILLED_OUTSIDE = 5


class Tariff(NamedTuple):
    """What is in force at an instant."""

    prices: dict[str, int]
    default: int
    free: Policy
    session: Policy


@dataclass
class Bot:
    """A bot's plan."""

    bot_id: str
    plan: str | None = None
    paid_month: str | None = None
    cancelled_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str | None = None
    has_sessions: bool = False
    fee: int = 0
    price: int = 0
    used: dict[str, int] = field(default_factory=dict)


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
class Business:
    """An account. Each method is one fact that has taken effect; Wrong is what may not be."""

    account_id: str
    zone: str
    tariff_at: Callable[[datetime], Tariff]
    books: Books = field(default_factory=Books)
    bots: dict[str, Bot] = field(default_factory=dict)
    talks: dict[str, Talk] = field(default_factory=dict)
    countries: dict[str, str | None] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    chunks: dict[str, Chunk] = field(default_factory=dict)
    requests: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    protects: bool = True
    ends: list[str] = field(default_factory=list)
    stored: tuple[int, ...] = (0, 0, 0, 0)

    # Money from outside.

    def paid_in(self, payment: str, micros: int) -> None:
        """A payment was credited (S1.29)."""
        self.books.come_in(micros, f"top-up:{payment}")

    def paid_back(self, cause: str, micros: int) -> None:
        """A payment was refunded or disputed outside."""
        self.books.taken_back(micros, cause)

    # Requests.

    def applied(self, request_id: str, kind: str, bot_id: str | None) -> None:
        """A connection request was sent with its deposit (S1.23 to S1.25)."""
        if self.books.owed:
            raise Wrong("S1.73: a request while there is a debt")
        if self.books.available < DEPOSIT:
            raise Wrong(f"S1.24: a request with {self.books.available} available")
        self.requests[request_id] = ("waiting", kind, bot_id)
        self.books.hold(DEPOSIT)
        self.books.move(f"deposit:{request_id}", DEPOSIT)

    def decided(self, request_id: str, verdict: str, bot_id: str | None, now: datetime) -> None:
        """An operator has decided (S1.4 to S1.6, S1.34)."""
        state, kind, own_id = self.requests[request_id]
        if state != "waiting":
            raise Wrong(f"S1.34: {request_id} was decided before")
        self.requests[request_id] = (verdict, kind, own_id)
        if verdict == "refused":
            self.books.release(DEPOSIT)
            self.books.move(f"deposit:{request_id}", DEPOSIT)
            return
        bot_id = bot_id or own_id
        if bot_id is None:
            raise Wrong(f"S1.67: {request_id} is approved, and there is no bot")
        self.books.spend_held(ACTIVATION, f"activation:{request_id}")
        self.books.put_aside(DEPOSIT - ACTIVATION, bot_id, from_held=True)
        self.books.move(f"set-aside:{request_id}", DEPOSIT - ACTIVATION)
        bot = self.bots.setdefault(bot_id, Bot(bot_id))
        # What was paid further ahead stays paid.
        month = calendar.month_of(now, self.zone)
        bot.plan, bot.paid_month = "commercial", max(bot.paid_month or "", month)
        bot.cancelled_at = bot.ended_at = bot.ended_reason = None
        bot.has_sessions = False

    # Bots.

    def bot(self, bot_id: str) -> Bot:
        """Find a bot, or begin with one that has no plan."""
        return self.bots.setdefault(bot_id, Bot(bot_id))

    def fee_taken(self, bot_id: str, month: str, now: datetime) -> None:
        """A bot's fee was taken for a month (S1.36 to S1.40, S1.54, S2.47)."""
        bot = self.bots[bot_id]
        if bot.paid_month is None or month != calendar.next_month(bot.paid_month):
            raise Wrong(f"S1.38: a fee for {month} after {bot.paid_month}")
        if bot.cancelled_at or bot.ended_at:
            raise Wrong("S1.54: a fee of a bot that is cancelled or over")
        if now < calendar.charged_from(bot.paid_month, self.zone):
            raise Wrong(f"S1.37: the fee for {month} at {now}")
        self._spend_fee(bot, month)
        bot.paid_month = month

    def put_aside(self, bot_id: str, micros: int, now: datetime) -> None:
        """Available money was protected for a bot's next fee (S1.72)."""
        bot = self.bots[bot_id]
        if not self.protects:
            raise Wrong("S1.72: protection is off")
        if bot.cancelled_at or bot.ended_at or bot.paid_month is None:
            raise Wrong("S1.72: protection for a bot that pays no fee")
        if now < calendar.protected_from(bot.paid_month, self.zone):
            raise Wrong(f"S1.72: protection for {bot.paid_month} at {now}")
        room = self.fee_of(bot) - self.books.aside.get(bot_id, 0)
        if micros > room:
            raise Wrong(f"S1.72: {micros} protected where {room} were missing")
        self.books.put_aside(micros, bot_id)
        self.books.move(f"set-aside:{bot_id}", micros)

    def cancelled(self, bot_id: str, now: datetime) -> int:
        """A subscription was cancelled (S1.52, S1.56); tells what of its money came back."""
        bot = self.bots[bot_id]
        if bot.cancelled_at is not None:
            raise Wrong("S1.56: cancelled twice")
        bot.cancelled_at = now
        self.ends.append(f"{bot.plan}, cancelled")
        return self._return_aside(bot)

    def deactivated(self, bot_id: str, now: datetime) -> None:
        """A bot, or its sessions, ended for want of money (S1.59, S2.47)."""
        bot = self.bots[bot_id]
        if bot.paid_month is None or bot.cancelled_at or bot.ended_at:
            raise Wrong("S1.59: the end of what pays no fee")
        if now < calendar.over_at(bot.paid_month, self.zone):
            raise Wrong(f"S1.59: ended at {now}, though {bot.paid_month} is paid")
        own = self.books.aside.get(bot_id, 0)
        if own + self.books.available >= self.fee_of(bot):
            raise Wrong(f"S1.59: ended with {own} set aside, {self.books.available} available")
        bot.ended_at, bot.ended_reason = now, "unpaid"
        self.ends.append(f"{bot.plan}, unpaid")
        self._return_aside(bot)

    def sessions_on(self, bot_id: str, fee: int, price: int, now: datetime) -> None:
        """An operator turned sessions on, or changed their terms (S2.8, S2.15, S2.47)."""
        bot = self.bots[bot_id]
        month = calendar.month_of(now, self.zone)
        is_paid = bot.plan == BUSINESS and (bot.paid_month or "") >= month
        bot.plan, bot.fee, bot.price, bot.has_sessions = BUSINESS, fee, price, True
        bot.cancelled_at = bot.ended_at = bot.ended_reason = None
        if not is_paid:
            if self.books.owed:
                raise Wrong("S1.73: sessions are turned on while there is a debt")
            self._spend_fee(bot, month)
            bot.paid_month = month

    def ended(self, bot_id: str, reason: str, now: datetime) -> None:
        """An operator has ended a bot's sessions, or an old bot that is not old."""
        bot = self.bots[bot_id]
        bot.ended_at, bot.ended_reason = now, reason
        self.ends.append(f"{bot.plan}, {reason}")
        if reason == "turned-off":
            bot.has_sessions = False
        self._return_aside(bot)

    def fee_of(self, bot: Bot) -> int:
        """Tell a bot's monthly fee."""
        return bot.fee if bot.plan == BUSINESS else MAINTENANCE

    def due(self, now: datetime) -> list[Bot]:
        """List the bots whose next fee is due and can be paid, or that are to end now."""
        found = []
        for bot in self.bots.values():
            if self._pays(bot) and now >= calendar.charged_from(str(bot.paid_month), self.zone):
                money = self.books.aside.get(bot.bot_id, 0) + self.books.available
                is_over = now >= calendar.over_at(str(bot.paid_month), self.zone)
                if is_over or money >= self.fee_of(bot):
                    found.append(bot)
        return found

    def terms(self, bot: Bot, now: datetime) -> Terms:
        """Tell what a bot's plan offers."""
        tariff = self.tariff_at(now)
        if bot.plan == BUSINESS and bot.has_sessions and not self._is_over(bot, now):
            return Terms(tariff.session, bot.price)
        if bot.plan == "legacy" and bot.ended_at is None:
            return Terms(tariff.free)
        if bot.plan == "commercial" and not self._is_over(bot, now):
            return Terms(tariff.free)
        return Terms(None)

    def may_send(self, bot: Bot, now: datetime) -> bool:
        """Say whether a bot's plan lets it send."""
        if bot.plan == "legacy":
            return bot.ended_at is None
        if bot.plan == "commercial":
            return not self._is_over(bot, now)
        return bot.plan == BUSINESS

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

    # Smaller parts.

    def _talk(self, key: str) -> Talk:
        return self.talks.setdefault(key, Talk())

    def _pays(self, bot: Bot) -> bool:
        if bot.paid_month is None or bot.cancelled_at or bot.ended_at:
            return False
        return bot.plan == "commercial" or (bot.plan == BUSINESS and bot.has_sessions)

    def _is_over(self, bot: Bot, now: datetime) -> bool:
        if bot.ended_at is not None:
            return True
        if bot.cancelled_at is None or bot.paid_month is None:
            return False
        return now >= calendar.over_at(bot.paid_month, self.zone)

    def _spend_fee(self, bot: Bot, month: str) -> None:
        kind = "sessions-fee" if bot.plan == BUSINESS else "maintenance-fee"
        fee = self.fee_of(bot)
        if self.books.aside.get(bot.bot_id, 0) + self.books.available < fee:
            raise Wrong("S1.58: a fee that the money does not cover in full")
        if fee:
            self.books.spend_fee(fee, bot.bot_id, f"fee:{kind}:{bot.bot_id}:{month}")

    def _return_aside(self, bot: Bot) -> int:
        micros = self.books.return_aside(bot.bot_id)
        if micros:
            self.books.move(f"set-aside-returned:{bot.bot_id}", micros)
        return micros
