"""A bot that its account says is old: the claim waits on the operators' desk to be confirmed."""

from datetime import datetime

from chalicelib import desk, store
from chalicelib.audit import Actor
from chalicelib.tables import Bot, Request


def claimed(bot: Bot, *, by: Actor, now: datetime) -> Request:
    """Make the request that asks an operator to confirm the day a bot was made on."""
    return desk.request(
        bot.account_id,
        desk.LEGACY,
        subject=desk.of_bot(bot.bot_id),
        bot_id=bot.bot_id,
        form={"made_on": bot.made_on},
        by=by,
        now=now,
    )


def claim(bot: Bot, *, by: Actor, now: datetime) -> list[store.Write]:
    """Return the writes of the claim that goes with connecting a bot, unless it is open."""
    if bot.plan is not None or bot.made_on is None:
        return []
    if desk.open_for(bot.account_id, bot.bot_id) is not None:
        return []
    return desk.ask(claimed(bot, by=by, now=now))
