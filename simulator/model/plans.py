"""An account's money, requests and bots: what is paid when, what ends for want of it (S1, X)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from simulator.model import calendar
from simulator.model.books import Books, Wrong
from simulator.model.talk import BUSINESS, Policy, Terms

EURO = 1_000_000
DEPOSIT = 400 * EURO
ACTIVATION = 200 * EURO
MAINTENANCE = 100 * EURO


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
class Plans:
    """An account. Each method is one fact that has taken effect; Wrong is what may not be."""

    account_id: str
    zone: str
    tariff_at: Callable[[datetime], Tariff]
    books: Books = field(default_factory=Books)
    bots: dict[str, Bot] = field(default_factory=dict)
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
            return Terms(tariff.session, bot.price, lambda at: self.tariff_at(at).session)
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

    # Smaller parts.

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
