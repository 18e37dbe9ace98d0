"""Subscribers by the hundred, put there as if they had written days ago; tests use them too."""

from collections.abc import Iterator
from datetime import datetime

from chalicelib import conversations, ids, store
from chalicelib.tables import Bot, Contact, Conversation


def gather(
    bot: Bot, count: int, last_inbound_at: datetime, *, country: str = "UA", name: str = "crowd"
) -> list[str]:
    """Give a bot so many subscribers, each with contact and conversation; returns their ids."""
    made = [f"{name}-{number:05}" for number in range(count)]
    store.put_all(
        [
            item
            for subscriber_id in made
            for item in _items(bot, subscriber_id, last_inbound_at, country)
        ]
    )
    return made


def contact_id(subscriber_id: str, last_inbound_at: datetime) -> str:
    """Tell the id of the contact that a subscriber of a crowd was given."""
    return ids.caused("con", ids.to_ms(last_inbound_at), subscriber_id)


def _items(
    bot: Bot, subscriber_id: str, at: datetime, country: str
) -> Iterator[Conversation | Contact]:
    contact = contact_id(subscriber_id, at)
    yield Conversation(
        key=conversations.conversation_key(bot.bot_id, subscriber_id),
        account_id=bot.account_id,
        bot_id=bot.bot_id,
        subscriber_id=subscriber_id,
        revision=1,
        contact_id=contact,
        is_subscribed=True,
        ticket_id=ids.caused("tkt", ids.to_ms(at), subscriber_id),
        ticket_status="new",
        last_inbound_at=at,
        country=country,
        tokens=[],
    )
    yield Contact(
        key=conversations.contact_key(bot.account_id, contact),
        contact_id=contact,
        account_id=bot.account_id,
        bot_id=bot.bot_id,
        subscriber_id=subscriber_id,
        country=country,
        language="uk-UA",
        created_at=at,
        updated_at=at,
    )
