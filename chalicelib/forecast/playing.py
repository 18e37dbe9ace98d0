"""The rules of fees played forward: a function of the money, the bots, the pace and the instant.

Each day of the fee calendar fees are taken, put off or refused, then money is moved aside, then
the day is spent; what comes in pays a debt and due fees at once. The decisions are those of
`plans`, which the real fees are taken by.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib import config, months, plans
from chalicelib.plans import ENDED, PAID, Fee
from chalicelib.tables import Bot

FEE_PAID = "fee-paid"
FEE_REFUSED = "fee-refused"
DEACTIVATED = "bot-deactivated"
SESSIONS_OFF = "sessions-off"
BOT_ENDS = "bot-ends"
BOT_ADDED = "bot-added"
REQUEST_REFUSED = "request-refused"
TOPPED_UP = "top-up"
MONEY_OUT = "money-out"


class TopUp(NamedTuple):
    """Money that is to come in."""

    at: datetime
    micros: int


class Start(NamedTuple):
    """What a forecast begins with; `weekday_micros` is the spending of each weekday from Monday."""

    available_micros: int
    owed_micros: int
    bots: Sequence[Bot]
    protects_fees: bool
    weekday_micros: Sequence[int]


class Event(NamedTuple):
    """Something that will happen to the account's money or bots."""

    at: datetime
    kind: str
    micros: int = 0
    bot_id: str | None = None
    bot_name: str | None = None
    month: str | None = None


@dataclass
class Row:
    """A day or month: what was spent, taken, came in, and what was there at its end.

    `unspent_micros` is what the pace wanted to spend, and the money did not suffice for.
    """

    name: str
    spent_micros: int = 0
    unspent_micros: int = 0
    fees_micros: int = 0
    other_micros: int = 0
    top_ups_micros: int = 0
    available_micros: int = 0
    set_aside_micros: int = 0
    owed_micros: int = 0


class Forecast(NamedTuple):
    """What will be, if all goes on as it does."""

    until: datetime
    months: list[Row]
    days: list[Row]
    events: list[Event]

    @property
    def out_at(self) -> datetime | None:
        """Tell when the money does not suffice for messages and sessions for the first time."""
        return next((event.at for event in self.events if event.kind == MONEY_OUT), None)


def play(
    start: Start,
    *,
    until: datetime,
    now: datetime,
    top_ups: Iterable[TopUp] = (),
    new_bots: int = 0,
) -> Forecast:
    """Play an account forward from now until an instant."""
    zone = ZoneInfo(plans.zone())
    coming = sorted(each for each in top_ups if now <= each.at < until)
    game = _Game(start, zone)
    instants = sorted({now, *(each.at for each in coming), *_midnights(now, until, zone)})
    for at, end in zip(instants, [*instants[1:], until], strict=True):
        game.open(at)
        for top_up in coming:
            if top_up.at == at:
                game.take_in(top_up)
        if at == now:
            for _ in range(new_bots):
                game.add_bot(at)
        game.work(at)
        game.spend(at, end)
    return Forecast(until, game.months, game.days, game.events)


@dataclass
class _Game:
    start: Start
    zone: ZoneInfo
    months: list[Row] = field(default_factory=list)
    days: list[Row] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.available = self.start.available_micros
        self.owed = self.start.owed_micros
        # What is set aside lies with the bots; bots are copied, for their months will move on.
        self.bots = [Bot(**bot.attribute_values) for bot in self.start.bots]
        self.fees: dict[str, Fee] = {}
        self.refused: set[tuple[str, str]] = set()
        self.is_out = False
        for bot in self.bots:
            self._look(bot)

    def open(self, at: datetime) -> None:
        """Begin the rows of the day and month that an instant lies in; tell whose time is up."""
        local = at.astimezone(self.zone)
        for rows, name in ((self.months, f"{local:%Y-%m}"), (self.days, f"{local:%Y-%m-%d}")):
            if not rows or rows[-1].name != name:
                rows.append(Row(name))
        for bot in self.bots:
            if bot.ended_at is None and plans.ends_at(bot) == at:
                self._tell(at, BOT_ENDS, bot=bot)

    def take_in(self, top_up: TopUp) -> None:
        """Let money come in; a debt is paid first."""
        self._make_available(top_up.micros)
        for row in self._rows():
            row.top_ups_micros += top_up.micros
        self.events.append(Event(top_up.at, TOPPED_UP, top_up.micros))
        self.is_out = False

    def add_bot(self, at: datetime) -> None:
        """Let a request for another bot be sent and approved at once, if it can be paid."""
        deposit = config.deposit_micros()
        if self.available < deposit:
            self.events.append(Event(at, REQUEST_REFUSED, deposit))
            return
        activation = min(config.activation_micros(), deposit)
        self.available -= deposit
        number = len(self.bots) + 1
        bot = Bot(
            bot_id=f"new-{number}",
            name=f"new-{number}",
            created_at=at + timedelta(milliseconds=number),
            plan=plans.COMMERCIAL,
            paid_month=months.of(at, plans.zone()),
            set_aside_micros=deposit - activation,
        )
        self.bots.append(bot)
        self._look(bot)
        for row in self._rows():
            row.other_micros += activation
        self._tell(at, BOT_ADDED, activation, bot)

    def work(self, at: datetime) -> None:
        """Take what is due, in order, then protect what is near."""
        near = [bot for bot in self.bots if self._is_near(bot, at)]
        left = [bot for bot in near if self.fees[bot.bot_id].due_at <= at]
        while left:
            bot = min(left, key=plans.order_of_fees)
            is_paid = self._attempt(bot, self.fees[bot.bot_id], at)
            fee = self.fees.get(bot.bot_id)
            if not is_paid or fee is None or fee.due_at > at:
                left.remove(bot)
        if self.start.protects_fees:
            for bot in sorted(near, key=plans.order_of_fees):
                fee = self.fees.get(bot.bot_id)
                moved = 0 if fee is None else plans.protects(bot, fee, self.available, at)
                bot.set_aside_micros += moved
                self.available -= moved

    def spend(self, at: datetime, end: datetime) -> None:
        """Spend what the pace says for the time until an instant of the same day; close the rows.

        Where no bot may send any more nothing is spent.
        """
        wanted = self._wanted(at, end) if any(plans.may_send(bot, at) for bot in self.bots) else 0
        spent = min(wanted, self.available)
        self.available -= spent
        if spent < wanted and not self.is_out:
            self.is_out = True
            self._tell(at, MONEY_OUT)
        for row in self._rows():
            row.spent_micros += spent
            row.unspent_micros += wanted - spent
            row.available_micros = self.available
            row.set_aside_micros = sum(bot.set_aside_micros for bot in self.bots)
            row.owed_micros = self.owed

    def _attempt(self, bot: Bot, fee: Fee, at: datetime) -> bool:
        outcome = plans.attempted(bot, fee, self.available, at)
        if outcome == PAID:
            from_set_aside = min(bot.set_aside_micros, fee.micros)
            bot.set_aside_micros -= from_set_aside
            self.available -= fee.micros - from_set_aside
            bot.paid_month = fee.month
            for row in self._rows():
                row.fees_micros += fee.micros
            self._tell(at, FEE_PAID, fee.micros, bot, fee.month)
        elif (bot.bot_id, fee.month) not in self.refused:
            self.refused.add((bot.bot_id, fee.month))
            self._tell(at, FEE_REFUSED, fee.micros, bot, fee.month)
        if outcome == ENDED:
            bot.ended_at, bot.ended_reason = at, plans.UNPAID
            back, bot.set_aside_micros = bot.set_aside_micros, 0
            self._make_available(back)
            is_business = bot.plan == plans.BUSINESS
            self._tell(at, SESSIONS_OFF if is_business else DEACTIVATED, fee.micros, bot, fee.month)
        self._look(bot)
        return outcome == PAID

    def _make_available(self, micros: int) -> None:
        paid = min(self.owed, micros)
        self.owed -= paid
        self.available += micros - paid

    def _wanted(self, at: datetime, end: datetime) -> int:
        local = at.astimezone(self.zone)
        of_day = self.start.weekday_micros[local.weekday()]
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        begin = midnight.astimezone(UTC)
        length, *since = (
            (instant - begin) // timedelta(milliseconds=1)
            for instant in (months.day_after(begin, self.zone.key), at, end)
        )
        # By what has passed of the day at both ends, so that its parts come to the whole.
        before, after = (of_day * passed // length for passed in since)
        return after - before

    def _is_near(self, bot: Bot, at: datetime) -> bool:
        fee = self.fees.get(bot.bot_id)
        return fee is not None and fee.protected_from <= at

    def _look(self, bot: Bot) -> None:
        fee = plans.next_fee(bot)
        if fee is None:
            self.fees.pop(bot.bot_id, None)
        else:
            self.fees[bot.bot_id] = fee

    def _rows(self) -> tuple[Row, Row]:
        return self.months[-1], self.days[-1]

    def _tell(
        self,
        at: datetime,
        kind: str,
        micros: int = 0,
        bot: Bot | None = None,
        month: str | None = None,
    ) -> None:
        bot_id, name = (None, None) if bot is None else (bot.bot_id, bot.name)
        self.events.append(Event(at, kind, micros, bot_id, name, month))


def _midnights(now: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
    found: list[datetime] = []
    day = now.astimezone(zone).date()
    while True:
        day += timedelta(days=1)
        at = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        if at >= until:
            return found
        found.append(at)
