"""When a bot's fee has to be looked at next, and what of the bot a decision about it rests on."""

from datetime import datetime
from typing import Any

from chalicelib import months, plans, store
from chalicelib.tables import Bot


def looked_at(bot: Bot, now: datetime, *, is_tried: bool = False) -> datetime | None:
    """Tell when the schedule has to look at a bot's fee; None where it pays none.

    What could not be paid or covered (`is_tried`) is looked at again daily: at the same hours
    for all bots of a month, so that those of one account are always due together.
    """
    fee = plans.next_fee(bot)
    if fee is None:
        return None
    if bot.set_aside_micros >= fee.micros:
        return fee.due_at
    if now < fee.protected_from:
        return fee.protected_from
    if now < fee.due_at:
        return _next_day(fee.protected_from, now, fee.due_at) if is_tried else now
    return _next_day(fee.due_at, now, fee.last_at) if is_tried else fee.due_at


def watched(bot: Bot, now: datetime) -> dict[str, object]:
    """Give the attributes that let the schedule find a bot in time; None takes it out."""
    at = looked_at(bot, now)
    shard = None if at is None else store.shard_of("fee", bot.account_id)
    return {"fee_shard": shard, "fee_at": at}


def watching(bot: Bot, at: datetime | None) -> list[Any]:
    """Return the actions that let the schedule look at a bot at this instant, or no more."""
    if at is None:
        return [Bot.fee_shard.remove(), Bot.fee_at.remove()]
    return [Bot.fee_shard.set(store.shard_of("fee", bot.account_id)), Bot.fee_at.set(at)]


def as_read(bot: Bot) -> Any:
    """Ask the store that nothing which a decision about a fee rests on has changed."""
    condition: Any = Bot.account_id == bot.account_id
    for name in ("plan", "paid_month", "cancelled_at", "ended_at", "sessions_fee_micros"):
        attribute, value = getattr(Bot, name), getattr(bot, name)
        condition &= attribute.does_not_exist() if value is None else attribute == value
    set_aside = Bot.set_aside_micros == bot.set_aside_micros
    if bot.set_aside_micros == 0:
        set_aside = Bot.set_aside_micros.does_not_exist() | set_aside
    return condition & set_aside


def _next_day(first: datetime, now: datetime, last: datetime) -> datetime:
    at = first
    while at <= now and at < last:
        at = months.day_after(at, plans.zone())
    return min(at, last)
