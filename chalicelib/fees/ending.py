"""A subscription ends: cancelled by an admin, refused a fee, turned off by an operator."""

from datetime import datetime
from typing import Any

from chalicelib import audit, billing, bots, errors, money, plans, store
from chalicelib.audit import Actor
from chalicelib.fees.watching import as_read
from chalicelib.tables import Balance, Bot

NO_FEE = (Bot.fee_shard.remove(), Bot.fee_at.remove())


def cancel(bot: Bot, *, by: Actor, now: datetime) -> Bot:
    """End a subscription with the period already paid; what was set aside for it comes back.

    Cancelling again changes nothing. Raises Conflict for a bot that has no subscription, or
    none any more.
    """
    return store.again(lambda: _cancel(bot.account_id, bot.bot_id, by=by, now=now))


def _cancel(account_id: str, bot_id: str, *, by: Actor, now: datetime) -> Bot:
    bot = bots.get(account_id, bot_id)
    if bot.cancelled_at is not None:
        return bot
    if not plans.has_fee(bot):
        raise errors.Conflict("There is no subscription to cancel.", kind="no-subscription")
    condition = as_read(bot)
    change = billing.Change(account_id)
    actions = [Bot.cancelled_at.set(now), *back(bot, change, "cancelled", now=now)]
    store.commit(
        [
            *change.writes(billing.balance(account_id), now=now),
            store.Update(Bot(bot_id=bot_id), condition, actions=tuple(actions)),
            audit.line(account_id, by, "subscription cancelled", bot_id, now),
        ]
    )
    bot.cancelled_at = now
    return _without_fee(bot)


def end_unpaid(bot: Bot, fee: plans.Fee, balance: Balance, *, now: datetime) -> Bot:
    """Deactivate a bot, or turn its sessions off, for a fee that the account cannot pay.

    In the same transaction the store is asked that the money is short indeed; Changed where it
    is no longer.
    """
    condition = as_read(bot)
    change = billing.Change(bot.account_id)
    missing = fee.micros - bot.set_aside_micros
    actions = [
        Bot.ended_at.set(now),
        Bot.ended_reason.set(plans.UNPAID),
        *back(bot, change, "ended", now=now),
    ]
    short = Balance.available_micros.does_not_exist() | (Balance.available_micros < missing)
    # The account is warned of it, though nothing of its money may move.
    looked_at, is_as_read = billing.looked_at_again(balance, now)
    of_balance = change.writes(balance, now=now, only_if=short) or [
        store.Update(Balance(key=bot.account_id), short & is_as_read, actions=looked_at)
    ]
    is_business = bot.plan == plans.BUSINESS
    what: audit.Action = "sessions turned off" if is_business else "bot deactivated"
    facts = {"reason": plans.UNPAID, "month": fee.month, "fee": money.text(fee.micros)}
    store.commit(
        [
            *of_balance,
            store.Update(Bot(bot_id=bot.bot_id), condition, actions=tuple(actions)),
            audit.line(bot.account_id, audit.JOB, what, bot.bot_id, now, **facts),
        ]
    )
    bot.ended_at, bot.ended_reason = now, plans.UNPAID
    return _without_fee(bot)


def ended(bot: Bot, change: billing.Change, reason: str, *, now: datetime) -> list[Any]:
    """Return the actions on a bot that end it, or a business bot's sessions, for this reason."""
    return [
        Bot.ended_at.set(now),
        Bot.ended_reason.set(reason),
        *back(bot, change, "ended", now=now),
    ]


def back(bot: Bot, change: billing.Change, why: str, *, now: datetime) -> list[Any]:
    """Give a bot's set-aside money back; return the actions that take its fee off the calendar."""
    left = bot.set_aside_micros
    if left:
        cause = f"set-aside-returned:{bot.bot_id}:{why}:{bot.revision}"
        entry = billing.entry(
            bot.account_id,
            billing.SET_ASIDE_RETURNED,
            cause,
            now=now,
            bot_id=bot.bot_id,
            reason=why,
        )
        change.return_set_aside(left, entry)
    return [Bot.set_aside_micros.set(0), *NO_FEE, Bot.revision.set(Bot.revision + 1)]


def _without_fee(bot: Bot) -> Bot:
    bots.forget(bot.bot_id)
    bot.set_aside_micros = 0
    bot.fee_shard = bot.fee_at = None
    bot.revision += 1
    return bot
