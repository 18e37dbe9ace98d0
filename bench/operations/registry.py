"""Where every operation is entered under the name that its budget has."""

from collections.abc import Callable
from typing import Any, Final

from bench.shop import Shop, Talk

Act = Callable[[], object]
Operation = Callable[[Shop], Act]

OPERATIONS: Final[dict[str, Operation]] = {}


def operation(name: str) -> Callable[[Operation], Operation]:
    """Enter an operation: it prepares its business, then gives the act to count."""

    def enter(prepare: Operation) -> Operation:
        OPERATIONS[name] = prepare
        return prepare

    return enter


def webhook(shop: Shop, body: dict[str, Any]) -> Act:
    """Let a callback come in."""
    event = shop.webhook(body)
    return lambda: shop.run(event)


def receipt(shop: Shop, talk: Talk, kind: str, token: str) -> Act:
    """Let a receipt come in."""
    return webhook(shop, shop.told(kind, token, user_id=talk.subscriber_id))


def change(shop: Shop, talk: Talk, status: str) -> None:
    """Change a ticket's status."""
    from chalicelib import tickets

    tickets.change(shop.account_id, talk.ticket_id, status=status, by=shop.actor, now=shop.now)


def lost(shop: Shop, talk: Talk) -> Act:
    """Send a reply whose answer Viber loses."""
    shop.run(shop.reply(talk))
    queued = shop.queued()

    def act() -> None:
        shop.viber.loses_answers = True
        shop.send(queued)
        shop.viber.loses_answers = False

    shop.keep_warm()
    return act
