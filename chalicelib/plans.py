"""What a bot's plan is and lets it do now: pure functions of the bot and the instant.

legacy      made before bots were paid: a free window, then 10 000 messages a UTC month
commercial  an approved request: a fee each month, a free window, then a country's price
business    made by an operator: sessions where they are on, else a country's price
"""

from datetime import date, datetime
from typing import NamedTuple

from chalicelib import config, errors, months, sessions
from chalicelib.tables import Bot

LEGACY, COMMERCIAL, BUSINESS = "legacy", "commercial", "business"
PLANS = (LEGACY, COMMERCIAL, BUSINESS)

PAID_SINCE = date(2024, 2, 5)
"""Viber: bots made on this day or later are commercial; the one place that says so."""

LEGACY_MESSAGES_A_MONTH = 10_000

# Why a bot, or a business bot's sessions, ended.
UNPAID = "unpaid"
NOT_LEGACY = "not-legacy"
TURNED_OFF = "turned-off"

# What an attempt to take a fee comes to.
PAID, PUT_OFF, ENDED = "paid", "put off", "ended"


class Fee(NamedTuple):
    """The next fee of a bot: how much, for which month, due when, the month before over when."""

    kind: str
    micros: int
    month: str
    due_at: datetime
    protected_from: datetime
    last_at: datetime


def zone() -> str:
    """Name the zone of the fee calendar, a setting of the platform."""
    return config.fee_zone()


def has_fee(bot: Bot) -> bool:
    """Say whether months are charged for this bot from now on."""
    if bot.paid_month is None or bot.cancelled_at is not None or bot.ended_at is not None:
        return False
    return bot.plan == COMMERCIAL or (bot.plan == BUSINESS and bool(bot.has_sessions))


def next_fee(bot: Bot) -> Fee | None:
    """Tell the next fee of a bot, None where it pays none."""
    if not has_fee(bot):
        return None
    month = months.after(bot.paid_month)
    is_business = bot.plan == BUSINESS
    return Fee(
        kind="sessions-fee" if is_business else "maintenance-fee",
        micros=bot.sessions_fee_micros if is_business else config.maintenance_fee_micros(),
        month=month,
        due_at=months.charged_at(bot.paid_month, zone(), config.fee_days_before_last()),
        protected_from=months.protected_from(bot.paid_month, zone(), config.fee_days_before_last()),
        last_at=months.end(bot.paid_month, zone()),
    )


def attempted(bot: Bot, fee: Fee, available_micros: int, now: datetime) -> str:
    """Decide an attempt to take a fee: it is paid whole, put off, or refused for good."""
    if fee.micros <= bot.set_aside_micros + available_micros:
        return PAID
    return ENDED if now >= fee.last_at else PUT_OFF


def protects(bot: Bot, fee: Fee, available_micros: int, now: datetime) -> int:
    """Tell how much available money is to be moved to a bot's set-aside now."""
    if now < fee.protected_from:
        return 0
    return max(min(fee.micros - bot.set_aside_micros, available_micros), 0)


def order_of_fees(bot: Bot) -> tuple[str, bool, datetime, str]:
    """Sort bots by whose fee is to be paid first: months, maintenance before sessions, age."""
    fee = next_fee(bot)
    month = months.of_utc(bot.created_at) if fee is None else fee.month
    return month, bot.plan == BUSINESS, bot.created_at, str(bot.bot_id)


def ends_at(bot: Bot) -> datetime | None:
    """Tell when a cancelled subscription ends: with the month it has paid for."""
    if bot.cancelled_at is None or bot.paid_month is None:
        return None
    return months.end(bot.paid_month, zone())


def is_over(bot: Bot, now: datetime) -> bool:
    """Say whether a bot's subscription is over: refused a fee, or cancelled and run out."""
    if bot.ended_at is not None:
        return True
    end = ends_at(bot)
    return end is not None and now >= end


def may_send(bot: Bot, now: datetime) -> bool:
    """Say whether the plan lets the bot send; a business bot sends without sessions too."""
    if bot.plan == LEGACY:
        return bot.ended_at is None
    if bot.plan == COMMERCIAL:
        return not is_over(bot, now)
    return bot.plan == BUSINESS


def has_sessions(bot: Bot, now: datetime) -> bool:
    """Say whether sessions are on."""
    return bot.plan == BUSINESS and bool(bot.has_sessions) and not is_over(bot, now)


def terms(
    bot: Bot,
    free: sessions.Policy,
    business: sessions.Policy,
    now: datetime,
    *,
    was: sessions.PolicyAt | None = None,
) -> sessions.Terms:
    """Tell which kind of talk costs what on this bot now; `was` tells earlier sessions' policy."""
    if has_sessions(bot, now):
        return sessions.Terms(business, bot.session_price_micros, was)
    if bot.plan in (LEGACY, COMMERCIAL) and may_send(bot, now):
        return sessions.Terms(free, 0)
    return sessions.Terms(None, 0)


def refuse_unless_old(made_on: date | None) -> None:
    """Raise Conflict, with the way in, for a bot that only a connection request connects."""
    if made_on is not None and made_on < PAID_SINCE:
        return
    raise errors.Conflict(
        f"A bot made on {PAID_SINCE:%d.%m.%Y} or later is connected through a connection request; "
        "send one, and paste the key into the bot that its approval makes. For an older bot say "
        "on which day it was made.",
        kind="needs-request",
        field="made_on",
    )


def refuse_unless_sending(bot: Bot, now: datetime) -> None:
    """Raise Conflict, with the way out, for a bot whose plan does not let it send."""
    if may_send(bot, now):
        return
    if bot.plan is None:
        raise errors.Conflict(
            "This bot has no plan yet: an operator has to confirm that it was made before "
            f"{PAID_SINCE:%d.%m.%Y}, or a connection request has to be approved for it.",
            kind="no-plan",
        )
    if bot.ended_reason == UNPAID:
        raise errors.Conflict(
            "This bot was deactivated because its monthly fee could not be paid; only a new "
            "connection request brings it back. What was written stays readable.",
            kind="bot-deactivated",
            ended_at=bot.ended_at,
        )
    raise errors.Conflict(
        "This bot's subscription is over; only a new connection request brings it back. What "
        "was written stays readable.",
        kind="bot-ended",
        ended_at=bot.ended_at or ends_at(bot),
    )
