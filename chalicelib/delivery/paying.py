"""The money of one message: held when accepted, posted when delivered, else given back.

What a message's entry will say lies on the item of its token, so that a receipt finds in its
first read all it needs to post the price.
"""

from datetime import datetime
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib import billing, ids, store, viber
from chalicelib.billing import Change
from chalicelib.delivery import pricing
from chalicelib.tables import Balance, Difference, Message

HELD, POSTED, VOIDED = "held", "posted", "voided"
FREE_HERE = (
    pricing.FREE_WINDOW,
    pricing.IN_SESSION,
    pricing.OPENS_SESSION,
    pricing.RENEWS_SESSION,
)

OF_SESSION = "of_session"
"""What the token of a failed message of a session says instead of a price."""

NOT_BILLED_THERE = "not-billed-there"
BILLED_THERE = "billed-there"
DELIVERED_UNPAID = "delivered-unpaid"


def is_held(message: Message) -> bool:
    """Say whether money is kept for this message now."""
    return message.money == HELD and bool(message.price_micros)


def what_is_paid(message: Message, *, sent_at: datetime) -> dict[str, Any]:
    """Write down what the entry of a message will say, and how much it costs."""
    bot_id, _, subscriber_id = message.key.partition("/")
    facts = {
        "message_id": message.message_id,
        "micros": message.price_micros,
        "bot_id": bot_id,
        "subscriber_id": subscriber_id,
        "ticket_id": message.ticket_id,
        "author_id": message.author_id,
        "author_name": message.author_name,
        "price_kind": message.price_kind,
        "country": message.country,
        "price_list": message.priced_by,
        "accepted_at": ids.to_ms(message.at),
        "sent_at": ids.to_ms(sent_at),
    }
    return {name: value for name, value in facts.items() if value is not None}


def posted(
    account_id: str,
    paid: dict[str, Any],
    balance: Balance | None,
    *,
    event: str,
    at: datetime,
    now: datetime,
) -> list[store.Write]:
    """Return the writes that spend what was held for a message that has arrived."""
    facts = dict(paid)
    micros, bot_id = facts.pop("micros"), facts.pop("bot_id")
    change = Change(account_id)
    entry = billing.entry(
        account_id,
        billing.MESSAGE,
        f"message:{facts['message_id']}",
        now=now,
        bot_id=bot_id,
        proof=event,
        arrived_at=ids.to_ms(at),
        **facts,
    )
    change.post(micros, entry)
    return change.writes(balance, now=now)


def at_viber(message: Message, billing_status: int | None) -> str | None:
    """Compare Viber's verdict on a message it took with ours; None where they agree."""
    if billing_status is None:
        return None
    is_billed = billing_status == viber.BillingStatus.OUT_OF_SESSION_BILLED
    if is_held(message) and not is_billed:
        return NOT_BILLED_THERE
    if is_billed and message.price_kind in (*FREE_HERE, pricing.LEGACY):
        return BILLED_THERE
    return None


def difference(message: Message, kind: str, *, now: datetime, **facts: Any) -> store.Write:
    """Return the write that puts a message on the operators' list of differences."""
    difference_id = ids.caused("dif", ids.to_ms(now), f"{message.message_id}/{kind}")
    bot_id, _, subscriber_id = message.key.partition("/")
    return store.Put(
        Difference(
            key=message.account_id,
            item=f"difference#{message.message_id}#{kind}",
            desk="differences",
            desk_order=difference_id,
            account_id=message.account_id,
            kind=kind,
            at=now,
            bot_id=bot_id,
            message_id=message.message_id,
            price_micros=message.price_micros or 0,
            facts={"subscriber_id": subscriber_id, "ticket_id": message.ticket_id} | facts,
        )
    )


def voided_actions() -> list[Action]:
    """Give the changes to a message whose money goes back."""
    return [Message.money.set(VOIDED)]
