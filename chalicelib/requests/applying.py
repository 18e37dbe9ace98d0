"""An account applies for a commercial bot: its form, its deposit, all in one transaction."""

import hashlib
from datetime import datetime
from typing import NamedTuple

import msgspec

from chalicelib import audit, billing, config, desk, errors, ids, plans, repeats, store
from chalicelib.audit import Actor
from chalicelib.requests.form import Form, checked, same_answers
from chalicelib.tables import Bot, Request


class Application(NamedTuple):
    """What an account asks for: the purpose, the bot it is about, Viber's ten fields.

    `idempotency_key` names the wish: the same key with the same wish is answered as it was.
    """

    purpose: str
    bot_id: str | None
    form: Form
    idempotency_key: str


def apply(account_id: str, wanted: Application, *, by: Actor, now: datetime) -> Request:
    """Send a connection request and keep its deposit, or refuse it and keep nothing.

    Raises BadInput naming the field, NotFound for a bot of somebody else's, KeyReused, and
    Conflict of kind `request-open`, `not-for-this-bot`, `insufficient-funds` or `owing`.
    """
    if wanted.purpose not in desk.PAID_KINDS:
        raise errors.BadInput(f"One of {', '.join(desk.PAID_KINDS)}.", field="purpose")
    if wanted.bot_id is not None and not ids.is_one("bot", wanted.bot_id):
        raise errors.NotFound("There is no such bot.", field="bot_id")
    if (wanted.bot_id is None) != (wanted.purpose == desk.NEW):
        raise errors.BadInput("The bot to move or to revive, none for a new one.", field="bot_id")
    wanted = wanted._replace(form=checked(wanted.form))
    return store.again(lambda: _apply_once(account_id, wanted, by=by, now=now))


def _apply_once(account_id: str, wanted: Application, *, by: Actor, now: datetime) -> Request:
    asked = [wanted.purpose, wanted.bot_id, wanted.form]
    wish = repeats.wish(account_id, wanted.idempotency_key, "request", asked)
    first, balance, bot = store.read(
        repeats.wanted(wish), billing.wanted(account_id), (Bot, wanted.bot_id or "-", None)
    )
    if first is not None:
        return desk.get(account_id, repeats.answered(wish, first))
    subject = f"answers#{_digest(same_answers(wanted.form))}"
    if wanted.bot_id is not None:
        refuse_unless_for(wanted.purpose, bot, account_id)
        subject = desk.of_bot(wanted.bot_id)
    made = desk.request(
        account_id,
        wanted.purpose,
        subject=subject,
        bot_id=wanted.bot_id,
        form=msgspec.to_builtins(wanted.form),
        deposit_micros=config.deposit_micros(),
        by=by,
        now=now,
        cause=wish.key,
    )
    change = billing.Change(account_id)
    change.hold_deposit(
        made.deposit_micros,
        billing.entry(
            account_id,
            billing.DEPOSIT,
            f"deposit:{made.request_id}:taken",
            now=now,
            bot_id=wanted.bot_id,
            request_id=made.request_id,
            purpose=wanted.purpose,
        ),
    )
    facts = {"purpose": made.kind, "bot_id": made.bot_id}
    store.commit(
        [
            repeats.put(wish, made.request_id, now),
            *desk.ask(made),
            *change.writes(balance, now=now),
            audit.line(account_id, by, "request sent", made.request_id, now, **facts),
        ]
    )
    return made


def refuse_unless_for(purpose: str, bot: Bot | None, account_id: str) -> Bot:
    """Give the bot back, or raise NotFound, or Conflict with why it cannot be moved or revived."""
    if bot is None or bot.account_id != account_id:
        raise errors.NotFound("There is no such bot.", field="bot_id")
    if purpose == desk.MOVE:
        if bot.plan in (plans.LEGACY, None):
            return bot
        detail = "Only a bot without a plan, or of the old model, can be moved to the new one."
    else:
        is_over = bot.ended_at is not None or bot.cancelled_at is not None
        if is_over and bot.plan in (plans.LEGACY, plans.COMMERCIAL):
            return bot
        detail = "Only a bot that was cancelled or deactivated can be revived."
    raise errors.Conflict(detail, kind="not-for-this-bot", field="bot_id")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
