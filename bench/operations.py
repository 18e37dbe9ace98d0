"""The operations that are counted: each prepares its business, then gives the act to count."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from bench.shop import ADMIN, AVATAR, PASSWORD, PROFILE, Context, Shop, Talk

Act = Callable[[], object]
Operation = Callable[[Shop], Act]

OPERATIONS: Final[dict[str, Operation]] = {}
PICTURE = {"type": "picture", "media": AVATAR, "thumbnail": AVATAR, "text": "Ось такий"}
LONG = {"type": "text", "text": "Чи буде завтра зранку свіжий житній хліб на заквасці? " * 6}
MANY, FEW, DUE = 2000, 100, 10
HISTORY = 1000


def operation(name: str) -> Callable[[Operation], Operation]:
    """Enter an operation under the name its budget has."""

    def enter(prepare: Operation) -> Operation:
        OPERATIONS[name] = prepare
        return prepare

    return enter


# What Viber tells us.


@operation("inbound message, nothing opened")
def _(shop: Shop) -> Act:
    shop.sent(shop.regular)
    return _webhook(shop, shop.message(shop.regular.subscriber_id))


@operation("inbound message that opens contact and ticket")
def _(shop: Shop) -> Act:
    return _webhook(shop, shop.message(shop.subscriber(), avatar=AVATAR))


@operation("the same with a picture")
def _(shop: Shop) -> Act:
    return _webhook(shop, shop.message(shop.subscriber(), PICTURE, avatar=AVATAR))


@operation("inbound message after a closed ticket, which opens a new one")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    _change(shop, talk, "closed")
    return _webhook(shop, shop.message(talk.subscriber_id))


@operation("inbound message of 300 letters, nothing opened")
def _(shop: Shop) -> Act:
    return _webhook(shop, shop.message(shop.regular.subscriber_id, LONG))


@operation("duplicate of an inbound message")
def _(shop: Shop) -> Act:
    body = shop.message(shop.regular.subscriber_id)
    shop.run(shop.webhook(body))
    return _webhook(shop, body)


@operation("duplicate of an inbound message older than the last 20")
def _(shop: Shop) -> Act:
    subscriber_id = shop.subscriber()
    first = shop.message(subscriber_id)
    for body in (first, *(shop.message(subscriber_id) for _ in range(24))):
        shop.run(shop.webhook(body))
    return _webhook(shop, first)


@operation("conversation started, with a welcome message")
def _(shop: Shop) -> Act:
    from chalicelib import bots

    bot = bots.get(shop.account_id, shop.bot.bot_id)
    bots.change_settings(bot, {"welcome_text": "Вітаємо!"}, by=shop.actor, now=shop.now)
    user = {"id": shop.subscriber(), "name": "Марічка Шевченко", **PROFILE}
    return _webhook(
        shop, shop.told("conversation_started", type="open", user=user, subscribed=False)
    )


@operation("unsubscribed")
def _(shop: Shop) -> Act:
    return _webhook(shop, shop.told("unsubscribed", user_id=shop.talk(1).subscriber_id))


# Receipts.


@operation("receipt: delivered")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    return _receipt(shop, talk, "delivered", shop.sent(talk))


@operation("receipt: seen")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    token = shop.sent(talk)
    _receipt(shop, talk, "delivered", token)()
    return _receipt(shop, talk, "seen", token)


@operation("receipt: failed")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    return _receipt(shop, talk, "failed", shop.sent(talk))


@operation("receipt of the subscriber's own message")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    body = shop.message(talk.subscriber_id)
    shop.run(shop.webhook(body))
    return _receipt(shop, talk, "delivered", str(body["message_token"]))


@operation("receipt under a token nobody knows")
def _(shop: Shop) -> Act:
    return _receipt(shop, shop.regular, "delivered", str(next(shop.tokens)))


@operation("duplicate of a receipt")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    token = shop.sent(talk)
    _receipt(shop, talk, "delivered", token)()
    return _receipt(shop, talk, "delivered", token)


@operation("duplicate of a receipt under a token nobody knows")
def _(shop: Shop) -> Act:
    token = str(next(shop.tokens))
    _receipt(shop, shop.regular, "delivered", token)()
    return _receipt(shop, shop.regular, "delivered", token)


@operation("receipt that proves an unknown message")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    _lost(shop, talk)()
    return _receipt(shop, talk, "delivered", str(next(shop.tokens)))


# What agents do, and what leaves.


@operation("reply of one part, free: accepted")
def _(shop: Shop) -> Act:
    event = shop.reply(shop.regular)
    return lambda: shop.run(event)


@operation("reply of one part, free: sent")
def _(shop: Shop) -> Act:
    shop.run(shop.reply(shop.regular))
    queued = shop.queued()
    shop.keep_warm()
    return lambda: shop.send(queued)


@operation("reply of one part, free: from accept to sent")
def _(shop: Shop) -> Act:
    event = shop.reply(shop.regular)

    def act() -> None:
        shop.run(event)
        shop.send(shop.queued())

    shop.keep_warm()
    return act


@operation("duplicate of a reply (same Idempotency-Key)")
def _(shop: Shop) -> Act:
    event = shop.reply(shop.regular)
    shop.run(event)
    return lambda: shop.run(event)


@operation("duplicate of a queued item that is sent")
def _(shop: Shop) -> Act:
    shop.run(shop.reply(shop.talk(1)))
    queued = shop.queued()
    shop.send(queued)
    shop.keep_warm()
    return lambda: shop.send(queued)


@operation("answer lost by Viber: message becomes unknown")
def _(shop: Shop) -> Act:
    return _lost(shop, shop.talk(1))


@operation("note")
def _(shop: Shop) -> Act:
    event = shop.reply(shop.regular, notify=False)
    return lambda: shop.run(event)


@operation("ticket's status changed")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    return lambda: _change(shop, talk, "closed")


@operation("ticket opened")
def _(shop: Shop) -> Act:
    event = shop.call("GET", "/v1/tickets/{ticket_id}", {"ticket_id": shop.talk(1).ticket_id})
    return lambda: shop.run(event)


@operation("page of tickets, 50 of 1000")
def _(shop: Shop) -> Act:
    _many_tickets(shop)
    event = shop.call("GET", "/v1/tickets", {}, query={"limit": "50"})
    return lambda: shop.run(event)


@operation("page of tickets, filtered")
def _(shop: Shop) -> Act:
    query = {"limit": "50", "assignee_id": "none", "status": "in_work"}
    event = shop.call("GET", "/v1/tickets", {}, query=query)
    return lambda: shop.run(event)


@operation("page of messages, 50 of 1000")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    _long_history(shop, talk)
    resource = "/v1/tickets/{ticket_id}/messages"
    event = shop.call("GET", resource, {"ticket_id": talk.ticket_id}, query={"limit": "50"})
    return lambda: shop.run(event)


@operation("authorizer: API key")
def _(shop: Shop) -> Act:
    return _authorizer(shop, shop.api_key)


@operation("authorizer: person")
def _(shop: Shop) -> Act:
    from chalicelib import aws, config, signin

    aws.client("cognito-idp").admin_set_user_password(
        UserPoolId=config.user_pool_id(), Username=ADMIN, Password=PASSWORD, Permanent=True
    )
    return _authorizer(shop, str(signin.sign_in(ADMIN, PASSWORD).access_token))


# Schedules.


@operation("schedule check_webhooks, nothing due")
def _(shop: Shop) -> Act:
    return _worked_off(shop, "check_webhooks")


@operation("schedule replay_callbacks, nothing due")
def _(shop: Shop) -> Act:
    return _worked_off(shop, "replay_callbacks")


@operation("schedule settle_messages, nothing due")
def _(shop: Shop) -> Act:
    return _worked_off(shop, "settle_messages")


@operation("schedule copy_missing_files, nothing due")
def _(shop: Shop) -> Act:
    return _worked_off(shop, "copy_missing_files")


@operation("check_webhooks, 10 of 100 bots due")
def _(shop: Shop) -> Act:
    return _bots_due(shop, FEW)


@operation("check_webhooks, 10 of 2000 bots due")
def _(shop: Shop) -> Act:
    return _bots_due(shop, MANY)


@operation("settle_messages, 10 of 100 messages due")
def _(shop: Shop) -> Act:
    return _messages_due(shop, FEW)


@operation("settle_messages, 10 of 2000 messages due")
def _(shop: Shop) -> Act:
    return _messages_due(shop, MANY)


# How they are prepared.


def _webhook(shop: Shop, body: dict[str, Any]) -> Act:
    event = shop.webhook(body)
    return lambda: shop.run(event)


def _receipt(shop: Shop, talk: Talk, kind: str, token: str) -> Act:
    return _webhook(shop, shop.told(kind, token, user_id=talk.subscriber_id))


def _change(shop: Shop, talk: Talk, status: str) -> None:
    from chalicelib import tickets

    tickets.change(shop.account_id, talk.ticket_id, status=status, by=shop.actor, now=shop.now)


def _lost(shop: Shop, talk: Talk) -> Act:
    shop.run(shop.reply(talk))
    queued = shop.queued()

    def act() -> None:
        shop.viber.loses_answers = True
        shop.send(queued)
        shop.viber.loses_answers = False

    shop.keep_warm()
    return act


def _authorizer(shop: Shop, credential: str) -> Act:
    event = {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {credential}",
        "methodArn": "arn:aws:execute-api:eu-central-1:123456789012:bench/api/GET/v1/tickets",
    }

    def act() -> None:
        answer = shop.app_function("authorize")(event, Context())
        if answer["principalId"] == "nobody":
            raise AssertionError("the authorizer let nobody in")

    return act


def _schedule(shop: Shop, name: str) -> Act:
    event = {
        "version": "0",
        "account": "123456789012",
        "region": "eu-central-1",
        "detail": {},
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": "2026-11-20T10:00:00Z",
        "id": "bench",
        "resources": [],
    }

    def act() -> None:
        shop.app_function(name)(event, Context())

    return act


def _worked_off(shop: Shop, name: str) -> Act:
    act = _schedule(shop, name)
    act()
    return act


def _many_tickets(shop: Shop) -> None:
    from chalicelib import conversations, ids, store
    from chalicelib.tables import Ticket

    talk = shop.talk(1)
    pattern = store.get(Ticket, conversations.ticket_key(shop.account_id, talk.ticket_id))
    if pattern is None:
        raise AssertionError("the talk has no ticket")
    with Ticket.batch_write() as batch:
        for number in range(HISTORY):
            at = shop.now - timedelta(minutes=number)
            pattern.ticket_id = ids.new("tkt", at)
            pattern.key = conversations.ticket_key(shop.account_id, pattern.ticket_id)
            pattern.shelf_order = conversations.shelf_order(at, pattern.ticket_id)
            batch.save(_copy(pattern))


def _long_history(shop: Shop, talk: Talk) -> None:
    from chalicelib import ids
    from chalicelib.tables import Message

    with Message.batch_write() as batch:
        for number in range(HISTORY):
            at = shop.now - timedelta(minutes=number + 1)
            batch.save(
                Message(
                    key=f"{shop.bot.bot_id}/{talk.subscriber_id}",
                    item=f"message#{(message_id := ids.new('msg', at))}",
                    message_id=message_id,
                    account_id=shop.account_id,
                    ticket_id=talk.ticket_id,
                    kind="inbound",
                    content={"type": "text", "text": "Добрий день! Чи є ще житній хліб? 🍞"},
                    at=at,
                    received_at=at,
                )
            )


def _bots_due(shop: Shop, how_many: int) -> Act:
    from chalicelib import ids, kms, store
    from chalicelib.tables import Bot

    act = _worked_off(shop, "check_webhooks")
    with Bot.batch_write() as batch:
        for number in range(how_many):
            is_due = number < DUE
            bot_id = ids.new("bot", shop.now)
            sealed = kms.seal(bot_id, owner=bot_id) if is_due else b"sealed"
            batch.save(
                Bot(
                    bot_id=bot_id,
                    account_id="acc_many",
                    created_at=shop.now,
                    revision=1,
                    state="connected",
                    key_sealed=sealed,
                    viber_id=f"pa:{bot_id}",
                    name="Пекарня",
                    uri="pekarnia",
                    connected_by=shop.admin.person_id,
                    connected_at=shop.now,
                    webhook_state="ok",
                    due_shard=store.shard_of("check", bot_id),
                    due_at=shop.now + timedelta(seconds=-1 if is_due else 3600),
                )
            )
            if is_due:
                kms.unseal(sealed, owner=bot_id)
    return act


def _messages_due(shop: Shop, how_many: int) -> Act:
    from chalicelib import ids, store
    from chalicelib.delivery import states
    from chalicelib.tables import Message

    act = _worked_off(shop, "settle_messages")
    with Message.batch_write() as batch:
        for number in range(how_many):
            is_due = number < DUE
            message_id = ids.new("msg", shop.now)
            batch.save(
                Message(
                    key=f"{shop.bot.bot_id}/{shop.subscriber()}",
                    item=f"message#{message_id}",
                    message_id=message_id,
                    account_id=shop.account_id,
                    ticket_id="tkt_many",
                    kind="outgoing",
                    content={"type": "text", "text": "Так, щойно з печі."},
                    at=shop.now,
                    state=states.QUEUED,
                    money="none",
                    due_shard=store.shard_of("send", message_id),
                    due_at=shop.now + timedelta(seconds=-1 if is_due else 3600),
                )
            )
    return act


def _copy(item: Any) -> Any:
    return type(item).from_raw_data(item.serialize())
