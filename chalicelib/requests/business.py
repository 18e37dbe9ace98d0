"""Bots with sessions: an admin wishes for them, an operator turns them on and off."""

from datetime import datetime
from typing import NamedTuple

from chalicelib import audit, billing, bots, desk, errors, fees, ids, months, plans, store
from chalicelib.audit import Actor
from chalicelib.tables import Bot, Entry, Request

WISH_MAX_CHARACTERS = 4000
NAME_MAX_CHARACTERS = 100


class Terms(NamedTuple):
    """What an operator sets for a bot's sessions: the monthly fee, the price of each."""

    fee_micros: int
    price_micros: int


def wish(bot: Bot, text: str, *, by: Actor, now: datetime) -> Request:
    """Ask for sessions with a text that describes the situation; an operator sees to it."""
    said = text.strip()
    if not 0 < len(said) <= WISH_MAX_CHARACTERS:
        raise errors.BadInput(f"1 to {WISH_MAX_CHARACTERS} characters.", field="text")
    if plans.has_sessions(bot, now):
        raise errors.Conflict("Sessions are on for this bot already.", kind="sessions-on")
    made = desk.request(
        bot.account_id,
        desk.SESSIONS,
        subject=desk.of_bot(bot.bot_id),
        bot_id=bot.bot_id,
        form={"text": said},
        by=by,
        now=now,
    )
    facts = {"kind": made.kind, "bot_id": bot.bot_id}
    line = audit.line(bot.account_id, by, "request sent", made.request_id, now, **facts)
    store.commit([*desk.ask(made), line])
    return made


def make(account_id: str, name: str, *, by: Actor, now: datetime) -> Bot:
    """Make a bot of a Viber business account that awaits its key; sessions are off."""
    said = " ".join(name.split())
    if not 0 < len(said) <= NAME_MAX_CHARACTERS:
        raise errors.BadInput(f"1 to {NAME_MAX_CHARACTERS} characters.", field="name")
    bot = Bot(
        bot_id=ids.new("bot", now),
        account_id=account_id,
        created_at=now,
        state=bots.AWAITING_KEY,
        name=said,
        connected_by=by.actor_id,
        plan=plans.BUSINESS,
        plan_since=now,
    )
    line = audit.line(account_id, by, "business bot made", bot.bot_id, now, name=said)
    store.commit([store.Put(bot, Bot.bot_id.does_not_exist()), line])
    return bot


def turn_on(account_id: str, bot_id: str, terms: Terms, *, by: Actor, now: datetime) -> Bot:
    """Turn a bot's sessions on, or change their terms, and decide the wish that is open for it.

    The current month's fee is taken in the same transaction, unless it was paid for already;
    InsufficientFunds or Owing where it cannot be.
    """

    def once() -> Bot:
        wished = desk.open_for(account_id, bot_id)
        is_wish = wished is not None and wished.kind == desk.SESSIONS
        bot = bots.get(account_id, bot_id)
        return turn_on_once(bot, terms, wished if is_wish else None, "", by=by, now=now)

    bot = store.again(once)
    bots.forget(bot_id)
    fees.begin(bot, now=now)
    return bots.get(account_id, bot_id)


def turn_on_once(
    bot: Bot, terms: Terms, request: Request | None, reason: str, *, by: Actor, now: datetime
) -> Bot:
    """Turn sessions on for a bot as it was read; Changed where it is no longer so."""
    if bot.plan == plans.COMMERCIAL and plans.is_over(bot, now):
        plans.refuse_unless_sending(bot, now)
    month = months.of(now, plans.zone())
    is_paid = bot.plan == plans.BUSINESS and (bot.paid_month or "") >= month
    change = billing.Change(bot.account_id)
    seen = bot.revision
    from_set_aside = 0
    if not is_paid:
        from_set_aside = min(bot.set_aside_micros, terms.fee_micros)
        entry = _fee(bot, month, from_set_aside, now)
        change.charge(terms.fee_micros, entry, set_aside_micros=from_set_aside)
    if bot.plan != plans.BUSINESS:
        bot.plan, bot.plan_since = plans.BUSINESS, now
    bot.paid_month = bot.paid_month if is_paid else month
    bot.cancelled_at = bot.ended_at = bot.ended_reason = None
    bot.has_sessions = True
    bot.sessions_fee_micros, bot.session_price_micros = terms
    bot.set_aside_micros -= from_set_aside
    bot.revision += 1
    for name, value in fees.watched(bot, now).items():
        setattr(bot, name, value)
    facts = {"fee_micros": terms.fee_micros, "price_micros": terms.price_micros}
    decided: list[store.Write] = []
    if request is not None:
        decided = desk.settle(request, desk.APPROVED, bot_id=None, reason=reason, by=by, now=now)
    store.commit(
        [
            *change.writes(billing.balance(bot.account_id), now=now),
            store.Put(bot, Bot.revision == seen),
            *decided,
            audit.line(bot.account_id, by, "sessions turned on", bot.bot_id, now, **facts),
        ]
    )
    return bot


def turn_off(account_id: str, bot_id: str, *, by: Actor, now: datetime) -> Bot:
    """Turn a bot's sessions off; it goes on at the normal tariff. Off already, nothing changes."""
    return store.again(lambda: _turn_off(account_id, bot_id, by=by, now=now))


def _turn_off(account_id: str, bot_id: str, *, by: Actor, now: datetime) -> Bot:
    bot = bots.get(account_id, bot_id)
    if bot.plan != plans.BUSINESS or not bot.has_sessions or bot.ended_at is not None:
        return bot
    change = billing.Change(account_id)
    condition = fees.as_read(bot)
    actions = [Bot.has_sessions.set(False), *fees.ended(bot, change, plans.TURNED_OFF, now=now)]
    store.commit(
        [
            *change.writes(billing.balance(account_id), now=now),
            store.Update(Bot(bot_id=bot_id), condition, actions=tuple(actions)),
            audit.line(account_id, by, "sessions turned off", bot_id, now),
        ]
    )
    bots.forget(bot_id)
    return bots.get(account_id, bot_id)


def turn_down(request: Request, reason: str, *, by: Actor, now: datetime) -> None:
    """Refuse a wish for sessions; the bot stays as it is."""
    facts = {"kind": request.kind, "bot_id": request.bot_id, "reason": reason}
    line = audit.line(request.account_id, by, "request refused", request.request_id, now, **facts)
    settled = desk.settle(request, desk.REFUSED, bot_id=None, reason=reason, by=by, now=now)
    store.commit([*settled, line])


def _fee(bot: Bot, month: str, from_set_aside: int, now: datetime) -> Entry:
    return billing.entry(
        bot.account_id,
        billing.SESSIONS_FEE,
        f"fee:{billing.SESSIONS_FEE}:{bot.bot_id}:{month}",
        now=now,
        bot_id=bot.bot_id,
        month=month,
        set_aside_micros=from_set_aside,
    )
