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


def _items(
    bot: Bot, subscriber_id: str, at: datetime, country: str
) -> Iterator[Conversation | Contact]:
    contact_id = ids.caused("con", ids.to_ms(at), subscriber_id)
    yield Conversation(
        key=conversations.conversation_key(bot.bot_id, subscriber_id),
        account_id=bot.account_id,
        bot_id=bot.bot_id,
        subscriber_id=subscriber_id,
        revision=1,
        contact_id=contact_id,
        is_subscribed=True,
        ticket_id=ids.caused("tkt", ids.to_ms(at), subscriber_id),
        ticket_status="new",
        last_inbound_at=at,
        country=country,
        tokens=[],
    )
    yield Contact(
        key=conversations.contact_key(bot.account_id, contact_id),
        contact_id=contact_id,
        account_id=bot.account_id,
        bot_id=bot.bot_id,
        subscriber_id=subscriber_id,
        country=country,
        language="uk-UA",
        created_at=at,
        updated_at=at,
    )
