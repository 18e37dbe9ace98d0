"""What agents and programs do, and what leaves for Viber."""

from datetime import timedelta
from typing import Any

from bench.events import Context
from bench.operations.registry import Act, change, lost, operation
from bench.shop import ADMIN, PASSWORD, Shop, Talk

HISTORY = 1000


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
    return lost(shop, shop.talk(1))


@operation("note")
def _(shop: Shop) -> Act:
    event = shop.reply(shop.regular, notify=False)
    return lambda: shop.run(event)


@operation("ticket's status changed")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    return lambda: change(shop, talk, "closed")


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


def _copy(item: Any) -> Any:
    return type(item).from_raw_data(item.serialize())
