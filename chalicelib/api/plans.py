"""What the console and programs are told of a bot's plan."""

from datetime import datetime

import msgspec

from chalicelib import bots, months, plans
from chalicelib.money import Money, told, told_or_none
from chalicelib.tables import Bot, Quota


class NextFee(msgspec.Struct, frozen=True):
    """The next month's fee: taken from `due_at` on, refused for good after `last_at`."""

    kind: str
    amount: Money
    month: str
    due_at: datetime
    last_at: datetime
    time_zone: str


class SessionsOut(msgspec.Struct, frozen=True):
    """A business bot's sessions: whether they are on, the monthly fee, the price of each."""

    on: bool
    fee: Money | None
    price: Money | None


class UsedOut(msgspec.Struct, frozen=True):
    """How many messages outside the free window a legacy bot has sent in this UTC month."""

    used: int
    limit: int
    month: str


class PlanOut(msgspec.Struct, frozen=True):
    """A bot's plan; for a business bot, what is paid, cancelled and ended is its sessions."""

    plan: str | None
    since: datetime | None
    made_on: str | None
    may_send: bool
    paid_until: datetime | None
    next_fee: NextFee | None
    cancelled_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None
    set_aside: Money
    sessions: SessionsOut | None
    legacy: UsedOut | None
    pays_while_not_connected: bool


def plan_out(bot: Bot, now: datetime, quota: Quota | None = None) -> PlanOut:
    """Tell a bot's plan; the count of a legacy bot only where it was read."""
    has_months = bot.plan in (plans.COMMERCIAL, plans.BUSINESS) and bot.paid_month is not None
    return PlanOut(
        plan=bot.plan,
        since=bot.plan_since,
        made_on=bot.made_on,
        may_send=plans.may_send(bot, now),
        paid_until=months.end(bot.paid_month, plans.zone()) if has_months else None,
        next_fee=_next_fee(bot),
        cancelled_at=bot.cancelled_at,
        ends_at=plans.ends_at(bot),
        ended_at=bot.ended_at,
        ended_reason=bot.ended_reason,
        set_aside=told(bot.set_aside_micros),
        sessions=_sessions(bot, now),
        legacy=_used(bot, quota, now),
        pays_while_not_connected=plans.has_fee(bot) and bot.state in _NOT_CONNECTED,
    )


_NOT_CONNECTED = ("disconnected", bots.AWAITING_KEY)


def _next_fee(bot: Bot) -> NextFee | None:
    fee = plans.next_fee(bot)
    if fee is None:
        return None
    return NextFee(fee.kind, told(fee.micros), fee.month, fee.due_at, fee.last_at, plans.zone())


def _sessions(bot: Bot, now: datetime) -> SessionsOut | None:
    if bot.plan != plans.BUSINESS:
        return None
    return SessionsOut(
        plans.has_sessions(bot, now),
        told_or_none(bot.sessions_fee_micros),
        told_or_none(bot.session_price_micros),
    )


def _used(bot: Bot, quota: Quota | None, now: datetime) -> UsedOut | None:
    if bot.plan != plans.LEGACY or quota is None:
        return None
    return UsedOut(quota.used, plans.LEGACY_MESSAGES_A_MONTH, months.of_utc(now))
