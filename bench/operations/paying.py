"""What costs money: paid messages, sessions, quotes, lists of them, and the job of the fees.

They come last, for they change the plan of the shop's bot; `legacy` gives it back.
"""

from datetime import timedelta
from typing import Any

from bench.operations.registry import Act, operation, receipt, webhook
from bench.operations.schedules import DUE, worked_off
from bench.shop import Shop, Talk

PRICE, SESSION_PRICE, FEE = 19_600, 150_000, 30_000_000
HISTORY = 1000


def legacy(shop: Shop) -> None:
    """Let the bot be what the operations before these found it."""
    _plan(shop, "legacy", has_sessions=False)


def take_business_plan(shop: Shop) -> None:
    """Let the bot be one whose every message is paid for, and give it money."""
    _plan(shop, "business", has_sessions=False)


@operation("reply of one part, paid: accepted")
def _(shop: Shop) -> Act:
    event = shop.reply(_paying(shop))
    return lambda: shop.run(event)


@operation("reply of one part, paid: sent")
def _(shop: Shop) -> Act:
    shop.run(shop.reply(_paying(shop)))
    queued = shop.queued()
    shop.keep_warm()
    return lambda: shop.send(queued)


@operation("reply of one part, paid: from accept to sent")
def _(shop: Shop) -> Act:
    return _through(shop, _paying(shop))


@operation("receipt: delivered, of a paid message")
def _(shop: Shop) -> Act:
    talk = _paying(shop)
    return receipt(shop, talk, "delivered", shop.sent(talk))


@operation("receipt: seen, of a paid message delivered before")
def _(shop: Shop) -> Act:
    talk = _paying(shop)
    token = shop.sent(talk)
    receipt(shop, talk, "delivered", token)()
    return receipt(shop, talk, "seen", token)


@operation("duplicate of a paid message's receipt")
def _(shop: Shop) -> Act:
    talk = _paying(shop)
    token = shop.sent(talk)
    receipt(shop, talk, "delivered", token)()
    return receipt(shop, talk, "delivered", token)


@operation("receipt: failed, of a paid message")
def _(shop: Shop) -> Act:
    talk = _paying(shop)
    return receipt(shop, talk, "failed", shop.sent(talk))


@operation("quote")
def _(shop: Shop) -> Act:
    talk = _paying(shop)
    event = shop.quote(talk)
    return lambda: shop.run(event)


@operation("inbound message that begins a session")
def _(shop: Shop) -> Act:
    _sessions(shop)
    return webhook(shop, shop.message(shop.subscriber()))


@operation("reply that opens a session: from accept to sent")
def _(shop: Shop) -> Act:
    _sessions(shop)
    return _through(shop, shop.talk(1))


@operation("reply in an open session: from accept to sent")
def _(shop: Shop) -> Act:
    _sessions(shop)
    talk = shop.talk(1)
    shop.sent(talk)
    return _through(shop, talk)


@operation("inbound message in an open session")
def _(shop: Shop) -> Act:
    _sessions(shop)
    talk = shop.talk(1)
    shop.sent(talk)
    return webhook(shop, shop.message(talk.subscriber_id))


@operation("page of entries, 50 of 1000")
def _(shop: Shop) -> Act:
    _many_entries(shop)
    event = shop.call("GET", "/v1/entries", {}, query={"limit": "50"})
    return lambda: shop.run(event)


@operation("page of past sessions, 50 of 1000")
def _(shop: Shop) -> Act:
    _many_sessions(shop, "closed")
    event = shop.call("GET", "/v1/sessions", {}, query={"limit": "50", "view": "closed"})
    return lambda: shop.run(event)


@operation("page of live sessions, 50 of 1000")
def _(shop: Shop) -> Act:
    _many_sessions(shop, "live")
    event = shop.call("GET", "/v1/sessions", {}, query={"limit": "50", "view": "live"})
    return lambda: shop.run(event)


@operation("schedule give_warnings, nothing due")
def _(shop: Shop) -> Act:
    return worked_off(shop, "give_warnings")


@operation("schedule charge_fees, nothing due")
def _(shop: Shop) -> Act:
    return worked_off(shop, "charge_fees")


@operation("schedule expire_sessions, nothing due")
def _(shop: Shop) -> Act:
    return worked_off(shop, "expire_sessions")


@operation("charge_fees, 10 of 100 bots due")
def _(shop: Shop) -> Act:
    return _fees_due(shop, 100)


@operation("charge_fees, 10 of 10000 bots due")
def _(shop: Shop) -> Act:
    return _fees_due(shop, 10_000)


def _through(shop: Shop, talk: Talk) -> Act:
    event = shop.reply(talk)

    def act() -> None:
        shop.run(event)
        shop.send(shop.queued())

    shop.keep_warm()
    return act


def _paying(shop: Shop) -> Talk:
    """Give a customer to whom every message is paid for: a business bot without sessions."""
    take_business_plan(shop)
    shop.viber.bills = True
    return shop.regular


def _sessions(shop: Shop) -> None:
    _plan(shop, "business", has_sessions=True)
    shop.viber.bills = False


def _plan(shop: Shop, plan: str, *, has_sessions: bool) -> None:
    from chalicelib import bots, months, plans, store
    from chalicelib.tables import Bot

    _money(shop)
    changes: dict[str, Any] = {
        "plan": plan,
        "has_sessions": has_sessions,
        "paid_month": months.after(months.of(shop.now, plans.zone())),
        "sessions_fee_micros": FEE,
        "session_price_micros": SESSION_PRICE,
    }
    actions = [getattr(Bot, name).set(value) for name, value in changes.items()]
    actions.append(Bot.revision.set(Bot.revision + 1))
    store.update(Bot(bot_id=shop.bot.bot_id), actions, Bot.bot_id.exists())
    bots.known(shop.bot.bot_id, shop.now, at_most_seconds_old=-1)


def _money(shop: Shop) -> None:
    from chalicelib import billing, money, store, tariffs

    if billing.balance(shop.account_id).available_micros < money.euros(1000):
        change = billing.Change(shop.account_id)
        cause = f"top-up:bench-{next(shop.numbers)}"
        entry = billing.entry(shop.account_id, billing.TOP_UP, cause, now=shop.now)
        change.take_in(money.euros(100_000), entry)
        store.commit(change.writes(billing.balance(shop.account_id), now=shop.now))
        tariffs.make_price_list([("UA", PRICE)], PRICE, None, by=shop.actor, now=shop.now)


def _many_entries(shop: Shop) -> None:
    from chalicelib import billing
    from chalicelib.tables import Entry

    with Entry.batch_write() as batch:
        for _ in range(HISTORY):
            number = next(shop.numbers)
            made = billing.entry(
                shop.account_id,
                billing.MESSAGE,
                f"message:bench-{number}",
                now=shop.now - timedelta(minutes=number),
                bot_id=shop.bot.bot_id,
                country="UA",
                subscriber_id=f"{number:022}==",
                ticket_id="tkt_01KGR1GP0S8TH2M5TSCK9XNV5B",
            )
            made.amount_micros = -PRICE
            batch.save(made)


def _many_sessions(shop: Shop, where: str) -> None:
    from chalicelib import ids
    from chalicelib.tables import Conversation, Session

    is_live = where == "live"
    with Session.batch_write() as batch, Conversation.batch_write() as talks:
        for number in range(HISTORY):
            session_id = ids.new("ses", shop.now)
            subscriber_id = shop.subscriber()
            key = f"{shop.bot.bot_id}/{subscriber_id}"
            talks.save(
                Conversation(
                    key=key,
                    account_id=shop.account_id,
                    bot_id=shop.bot.bot_id,
                    subscriber_id=subscriber_id,
                )
            )
            batch.save(
                Session(
                    key=key,
                    item=f"session#{session_id}",
                    shelf=f"{shop.account_id}#{where}",
                    shelf_order=f"{number:015}#{session_id}",
                    session_id=session_id,
                    account_id=shop.account_id,
                    bot_id=shop.bot.bot_id,
                    subscriber_id=subscriber_id,
                    state="open" if is_live else "closed",
                    begun_at=shop.now,
                    ends_at=shop.now + timedelta(hours=24),
                )
            )


def _fees_due(shop: Shop, how_many: int) -> Act:
    from chalicelib import ids, months, plans, store
    from chalicelib.tables import Bot

    _money(shop)
    act = worked_off(shop, "charge_fees")
    month = months.of(shop.now, plans.zone())
    with Bot.batch_write() as batch:
        for number in range(how_many):
            is_due = number < DUE
            bot_id = ids.new("bot", shop.now)
            batch.save(
                Bot(
                    bot_id=bot_id,
                    # One account owns what is due, so that it is the same work each time.
                    account_id=shop.account_id if is_due else "acc_many",
                    created_at=shop.now,
                    revision=1,
                    state="disconnected",
                    name="Пекарня",
                    connected_by=shop.admin.person_id,
                    plan="business",
                    has_sessions=True,
                    sessions_fee_micros=1_000_000,
                    paid_month=months.after(month, -1) if is_due else months.after(month),
                    fee_shard=store.shard_of("fee", shop.account_id if is_due else "acc_many"),
                    fee_at=shop.now + timedelta(seconds=-1 if is_due else 3600 * 24),
                )
            )
    return act
