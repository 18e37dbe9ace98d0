"""Before the charge day available money is moved to a bot's set-aside, up to its next fee.

What is set aside is available neither to messages nor to requests, so that no other condition
has to know about protection.
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib import billing, plans, store
from chalicelib.fees.watching import as_read, looked_at, watching
from chalicelib.tables import Bot, MoneySettings


def protect(account_id: str, bots_in_order: Sequence[Bot], *, now: datetime) -> None:
    """Move money aside for each bot whose fee is near, and say when to look again."""
    if not bots_in_order:
        return
    settings = store.get(MoneySettings, account_id, "settings")
    is_protecting = settings is None or bool(settings.protects_fees)
    for bot in bots_in_order:
        store.again(lambda: _protect(account_id, bot.bot_id, is_protecting, now))  # noqa: B023


def _protect(account_id: str, bot_id: str, is_protecting: bool, now: datetime) -> None:
    bot, balance = store.read((Bot, bot_id, None), billing.wanted(account_id))
    fee = None if bot is None else plans.next_fee(bot)
    if bot is None or (fee is None and bot.fee_at is None):
        return
    moved = 0
    if fee is not None and balance is not None and is_protecting:
        moved = plans.protects(bot, fee, balance.available_micros, now)
    condition = as_read(bot)
    change = billing.Change(account_id)
    if fee is not None and moved:
        cause = f"set-aside:{bot_id}:{fee.month}:{bot.revision}"
        change.set_aside(
            moved,
            billing.entry(
                account_id,
                billing.SET_ASIDE,
                cause,
                now=now,
                bot_id=bot_id,
                month=fee.month,
                protects=fee.kind,
            ),
        )
        bot.set_aside_micros += moved
    at = looked_at(bot, now, is_tried=True)
    if not moved and at == bot.fee_at:
        return
    if fee is not None and fee.protected_from <= now and bot.set_aside_micros < fee.micros:
        billing.look_again(account_id, now=now)
    actions = [*watching(bot, at), Bot.revision.set(Bot.revision + 1)]
    if moved:
        actions.append(Bot.set_aside_micros.set(bot.set_aside_micros))
    store.commit(
        [
            *change.writes(balance, now=now, refusal=store.Changed("Balance")),
            store.Update(Bot(bot_id=bot_id), condition, actions=tuple(actions)),
        ]
    )
