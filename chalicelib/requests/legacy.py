"""A bot made before bots were paid for: an account claims it, an operator confirms it."""

from datetime import date, datetime

from chalicelib import audit, bots, desk, errors, plans, store
from chalicelib.audit import Actor
from chalicelib.tables import Bot, Request


def claim(bot: Bot, made_on: date, *, by: Actor, now: datetime) -> Bot:
    """Say when a bot without a plan was made, for an operator to confirm.

    Raises Conflict where the bot has a plan or an open request, was never connected, or is so
    young that it needs a connection request.
    """
    plans.refuse_unless_old(made_on)
    if bot.plan is not None:
        raise errors.Conflict("This bot has its plan already.", kind="has-a-plan")
    _refuse_unless_proved(bot)
    seen = bot.revision
    bot.made_on, bot.revision = made_on.isoformat(), seen + 1
    try:
        store.commit(
            [
                store.Put(bot, Bot.revision == seen),
                *desk.ask(bots.claimed(bot, by=by, now=now)),
                audit.line(
                    bot.account_id, by, "bot claimed as old", bot.bot_id, now, made_on=bot.made_on
                ),
            ]
        )
    except store.Changed:
        raise bots.changed_meanwhile() from None
    return bot


def confirm(
    account_id: str, bot_id: str, made_on: date | None, *, is_old: bool, by: Actor, now: datetime
) -> Bot:
    """Confirm that a bot is old, with or without its account's claim, or say that it is not.

    A legacy bot found to be younger may not send any more. Saying again what was said before
    changes nothing.
    """
    bot = store.again(lambda: _confirm(account_id, bot_id, made_on, is_old=is_old, by=by, now=now))
    bots.forget(bot_id)
    return bot


def _confirm(
    account_id: str, bot_id: str, made_on: date | None, *, is_old: bool, by: Actor, now: datetime
) -> Bot:
    bot = bots.get(account_id, bot_id)
    found = desk.open_for(account_id, bot_id)
    request = found if found is not None and found.kind == desk.LEGACY else None
    if is_old:
        claimed = None if bot.made_on is None else date.fromisoformat(bot.made_on)
        day = made_on or claimed
        if day is None:
            raise errors.BadInput("The day on which the bot was made.", field="made_on")
        return confirm_once(bot, day, request, "", by=by, now=now)
    if request is not None:
        turn_down(request, "", by=by, now=now)
        return bots.get(account_id, bot_id)
    if bot.plan == plans.LEGACY and bot.ended_at is None:
        facts = {"reason": plans.NOT_LEGACY}
        bot.ended_at, bot.ended_reason = now, plans.NOT_LEGACY
        bot.revision += 1
        store.commit(
            [
                store.Put(bot, Bot.revision == bot.revision - 1),
                audit.line(account_id, by, "bot is not old", bot_id, now, **facts),
            ]
        )
    return bot


def confirm_once(
    bot: Bot, made_on: date, request: Request | None, reason: str, *, by: Actor, now: datetime
) -> Bot:
    """Make a bot without a plan a legacy one, and decide the claim that asked for it.

    Raises Conflict of kind `never-connected` for a bot whose key has not been proved.
    """
    plans.refuse_unless_old(made_on)
    if bot.plan == plans.LEGACY and bot.ended_at is None and request is None:
        return bot
    if bot.plan not in (None, plans.LEGACY):
        raise errors.Conflict("This bot has another plan already.", kind="has-a-plan")
    _refuse_unless_proved(bot)
    seen = bot.revision
    bot.plan, bot.plan_since, bot.made_on = plans.LEGACY, now, made_on.isoformat()
    bot.ended_at = bot.ended_reason = None
    bot.revision += 1
    store.commit(
        [
            store.Put(bot, Bot.revision == seen),
            *_settled(request, desk.APPROVED, reason, by, now),
            audit.line(bot.account_id, by, "bot is old", bot.bot_id, now, made_on=bot.made_on),
        ]
    )
    return bot


def _refuse_unless_proved(bot: Bot) -> None:
    if bot.connected_at is None:
        raise errors.Conflict(
            "This bot was never connected, so nobody knows which bot of Viber's it is; connect it "
            "first.",
            kind="never-connected",
        )


def turn_down(request: Request, reason: str, *, by: Actor, now: datetime) -> None:
    """Refuse a claim: the bot stays without a plan, and may be claimed for another day."""
    # A bot that Viber refused meanwhile is gone, and its claim is still to be put away.
    bot = store.get(Bot, str(request.bot_id))
    writes = _settled(request, desk.REFUSED, reason, by, now)
    if bot is not None and bot.account_id == request.account_id and bot.plan is None:
        bot.made_on = None
        bot.revision += 1
        writes.append(store.Put(bot, Bot.revision == bot.revision - 1))
    facts = {"kind": request.kind, "bot_id": request.bot_id, "reason": reason}
    line = audit.line(request.account_id, by, "request refused", request.request_id, now, **facts)
    store.commit([*writes, line])


def _settled(
    request: Request | None, state: str, reason: str, by: Actor, now: datetime
) -> list[store.Write]:
    if request is None:
        return []
    return desk.settle(request, state, bot_id=None, reason=reason, by=by, now=now)
