"""An operator decides a request, once; approval makes, moves or revives a commercial bot."""

from datetime import date, datetime
from typing import Any, NamedTuple

from chalicelib import audit, billing, bots, config, desk, errors, fees, ids, months, plans, store
from chalicelib.audit import Actor
from chalicelib.log import log
from chalicelib.requests import business, legacy
from chalicelib.requests.applying import refuse_unless_for
from chalicelib.tables import Bot, Request


class Verdict(NamedTuple):
    """What an operator decides, with what the kind of request asks of him.

    Approved sessions need their monthly fee and price; a legacy bot's date is the one claimed
    unless another is given.
    """

    state: str
    reason: str = ""
    fee_micros: int | None = None
    price_micros: int | None = None
    made_on: date | None = None


def decide(
    account_id: str, request_id: str, verdict: Verdict, *, by: Actor, now: datetime
) -> Request:
    """Approve or refuse a request with all that follows from it, in one transaction.

    The same decision again is answered as the first one; another raises Conflict of kind
    `already-decided` that says what was decided. Either has no effect.
    """
    if verdict.state not in (desk.APPROVED, desk.REFUSED):
        raise errors.BadInput(f"One of {desk.APPROVED}, {desk.REFUSED}.", field="decision")
    bot = store.again(lambda: _decide_once(account_id, request_id, verdict, by=by, now=now))
    if bot is not None:
        bots.forget(bot.bot_id)
        fees.begin(bot, now=now)
    return desk.get(account_id, request_id)


def _decide_once(
    account_id: str, request_id: str, verdict: Verdict, *, by: Actor, now: datetime
) -> Bot | None:
    """Decide and commit; returns the bot that has a plan of another kind now."""
    request = desk.get(account_id, request_id)
    if request.state != desk.WAITING:
        if request.state == verdict.state:
            log.info("decided already", request_id=request_id, state=request.state)
            return None
        raise errors.Conflict(
            f"This request was decided already: {request.state}. Nothing was changed.",
            kind="already-decided",
            state=request.state,
            decided_at=request.decided_at,
        )
    is_approved = verdict.state == desk.APPROVED
    if request.kind in desk.PAID_KINDS:
        if is_approved:
            return _approve(request, verdict.reason, by=by, now=now)
        _refuse(request, verdict.reason, by=by, now=now)
        return None
    if not is_approved:
        turn_down = legacy.turn_down if request.kind == desk.LEGACY else business.turn_down
        turn_down(request, verdict.reason, by=by, now=now)
        return None
    bot = bots.get(account_id, str(request.bot_id))
    if request.kind == desk.LEGACY:
        made_on = verdict.made_on or date.fromisoformat(str(request.form["made_on"]))
        return legacy.confirm_once(bot, made_on, request, verdict.reason, by=by, now=now)
    if verdict.fee_micros is None or verdict.price_micros is None:
        missing = "fee" if verdict.fee_micros is None else "price"
        raise errors.BadInput("Sessions have no default fee and price; give both.", field=missing)
    terms = business.Terms(verdict.fee_micros, verdict.price_micros)
    return business.turn_on_once(bot, terms, request, verdict.reason, by=by, now=now)


def _approve(request: Request, reason: str, *, by: Actor, now: datetime) -> Bot:
    account_id = request.account_id
    found, balance = store.read((Bot, request.bot_id or "-", None), billing.wanted(account_id))
    if request.kind == desk.NEW:
        bot = _awaiting(request, now)
        condition: Any = Bot.bot_id.does_not_exist()
    else:
        bot = refuse_unless_for(request.kind, found, account_id)
        condition = Bot.revision == bot.revision
        bot.revision += 1
    kept = request.deposit_micros - min(config.activation_micros(), request.deposit_micros)
    change = billing.Change(account_id)
    bot_id, of_request = bot.bot_id, {"request_id": request.request_id}
    cause = f"activation:{request.request_id}"
    activation = billing.entry(
        account_id, billing.ACTIVATION, cause, now=now, bot_id=bot_id, **of_request
    )
    change.spend_held(request.deposit_micros - kept, activation)
    if kept:
        cause = f"set-aside:{request.request_id}"
        entry = billing.entry(
            account_id, billing.SET_ASIDE, cause, now=now, bot_id=bot_id, **of_request
        )
        change.set_aside(kept, entry, from_held=True)
    _begin(bot, kept, now)
    store.commit(
        [
            *change.writes(balance, now=now),
            store.Put(bot, condition),
            *desk.settle(request, desk.APPROVED, bot_id=bot_id, reason=reason, by=by, now=now),
            _told(request, "request approved", bot_id, reason, by, now),
        ]
    )
    return bot


def _begin(bot: Bot, set_aside_micros: int, now: datetime) -> None:
    """Let the commercial plan begin: the month of activation carries no fee of its own."""
    bot.plan, bot.plan_since = plans.COMMERCIAL, now
    bot.paid_month = max(bot.paid_month or "", months.of(now, plans.zone()))
    bot.cancelled_at = bot.ended_at = bot.ended_reason = None
    bot.has_sessions = False
    bot.set_aside_micros += set_aside_micros
    for name, value in fees.watched(bot, now).items():
        setattr(bot, name, value)


def _awaiting(request: Request, now: datetime) -> Bot:
    return Bot(
        bot_id=ids.caused("bot", ids.to_ms(now), request.request_id),
        account_id=request.account_id,
        created_at=now,
        state=bots.AWAITING_KEY,
        name=str(request.form["company_name"]),
        connected_by=request.created_by,
    )


def _refuse(request: Request, reason: str, *, by: Actor, now: datetime) -> None:
    change = billing.Change(request.account_id)
    change.return_deposit(
        request.deposit_micros,
        billing.entry(
            request.account_id,
            billing.DEPOSIT_RETURNED,
            f"deposit:{request.request_id}:returned",
            now=now,
            bot_id=request.bot_id,
            request_id=request.request_id,
            reason=reason or None,
        ),
    )
    store.commit(
        [
            *change.writes(billing.balance(request.account_id), now=now),
            *desk.settle(request, desk.REFUSED, bot_id=None, reason=reason, by=by, now=now),
            _told(request, "request refused", request.bot_id, reason, by, now),
        ]
    )


def _told(
    request: Request,
    action: audit.Action,
    bot_id: str | None,
    reason: str,
    by: Actor,
    now: datetime,
) -> store.Put:
    facts = {"kind": request.kind, "bot_id": bot_id, "reason": reason}
    return audit.line(request.account_id, by, action, request.request_id, now, **facts)
