"""Conversations: what a subscriber's message does to his talk, his contact and his ticket.

The functions here change items and return writes; the flow that called them commits. A
conversation carries copies of its ticket's id and status, so whatever changes a ticket's
status writes both, each under what was read.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib import bots, config, ids, queues, sessions, store, talks, tariffs, viber
from chalicelib.tables import Bot, Contact, Conversation, Message, Ticket
from chalicelib.viber import content, incoming

ACTIVE = ("new", "accepted", "in_work", "awaiting_answer")
INACTIVE = ("done", "closed", "deleted")
STATUSES = (*ACTIVE, *INACTIVE)
TOKENS_KEPT = 20
COPY_FIRST_AFTER = timedelta(minutes=2)


def conversation_key(bot_id: str, subscriber_id: str) -> str:
    """Name the partition of one talk."""
    return f"{bot_id}/{subscriber_id}"


def ticket_key(account_id: str, ticket_id: str) -> str:
    """Name a ticket's item; another account's id names nothing."""
    return f"{account_id}/{ticket_id}"


def contact_key(account_id: str, contact_id: str) -> str:
    """Name a contact's item; another account's id names nothing."""
    return f"{account_id}/{contact_id}"


def message_item(message_id: str) -> str:
    """Name a message's place in its conversation; ids sort by time."""
    return f"message#{message_id}"


class Taken(NamedTuple):
    """What an inbound message becomes: the writes, and the files to copy when they are made."""

    writes: list[store.Write]
    copies: list[queues.Copy]


def take_message(
    bot: Bot,
    conversation: Conversation,
    callback: incoming.Message,
    *,
    at: datetime,
    assignee_id: str | None,
    basis: talks.Basis,
    now: datetime,
) -> Taken:
    """Put an inbound message where it belongs: conversation, contact and ticket, all or none.

    A first message makes contact and ticket; later ones join, under the bot's option for
    tickets that are no longer active. `at` is Viber's time of the message, never after `now`
    in what is decided by it. Every message counts as subscribed, and may begin a session by what
    `basis` says of the bot.
    """
    is_late = conversation.last_inbound_at is not None and at < conversation.last_inbound_at
    message = _inbound(bot, conversation, callback, at=at, now=now)
    hears(conversation, min(at, now))
    opens = opens_ticket(conversation, bots.settings(bot))
    name = _name(bot, conversation, callback.sender, is_late=is_late) if opens else None
    contact = _contact(bot, conversation, callback.sender, is_late=is_late, now=now)
    if opens:
        ticket_write = _new_ticket(bot, conversation, message, callback, assignee_id, name, now=now)
    else:
        ticket_write = _joined_ticket(conversation, message, callback, is_late=is_late, now=now)
    message.ticket_id = conversation.ticket_id
    conversation.tokens = [*conversation.tokens, message.token][-TOKENS_KEPT:]
    if callback.sender.country is not None and not is_late:
        conversation.country = callback.sender.country
    changes = _heard(conversation, message, basis, at=min(at, now), now=now)
    writes: list[store.Write] = [
        store.Put(message, Message.key.does_not_exist(), fails_as=store.MINE),
        ticket_write,
        conversation_write(conversation),
        *talks.writes(conversation, changes, contact_name=callback.sender.name),
    ]
    copies = []
    if contact is not None:
        writes.append(contact)
        if callback.sender.avatar is not None:
            key = contact_key(bot.account_id, conversation.contact_id)
            copies.append(queues.Copy(kind="contact", key=key, item=None))
    if message.file_state == "copying":
        copies.append(queues.Copy(kind="message", key=message.key, item=message.item))
    return Taken(writes, copies)


def inbound_id(callback: incoming.Message, *, at: datetime) -> str:
    """Make the id that a message of Viber's always has: a repeat meets itself."""
    return ids.of_token("msg", ids.to_ms(at), token_of(callback))


def token_of(callback: incoming.Message) -> str:
    """Give Viber's token, or for a message without one what it says and when."""
    if callback.token is not None:
        return callback.token
    said = f"{callback.timestamp_ms}/{viber.encode(callback.content)}"
    return f"none-{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def begin(bot: Bot, subscriber_id: str) -> Conversation:
    """Make the conversation of a subscriber nobody has heard of; nothing is written yet."""
    return Conversation(
        key=conversation_key(bot.bot_id, subscriber_id),
        item="conversation",
        account_id=bot.account_id,
        bot_id=bot.bot_id,
        subscriber_id=subscriber_id,
        revision=0,
        is_subscribed=False,
        tokens=[],
    )


def conversation_write(conversation: Conversation) -> store.Write:
    """Return the write of a changed conversation, under the revision it was read at."""
    seen = conversation.revision
    conversation.revision = seen + 1
    unchanged = Conversation.revision == seen if seen else Conversation.key.does_not_exist()
    return store.Put(conversation, unchanged)


def hears(conversation: Conversation, at: datetime) -> None:
    """Note that the subscriber wrote, which subscribes him unless a newer event says no."""
    subscribe(conversation, is_subscribed=True, at=at)
    if conversation.last_inbound_at is None or at > conversation.last_inbound_at:
        conversation.last_inbound_at = at


def subscribe(conversation: Conversation, *, is_subscribed: bool, at: datetime) -> bool:
    """Change the subscription by an event newer than the one it came from; say if it did."""
    if conversation.subscription_at is not None and at <= conversation.subscription_at:
        return False
    conversation.is_subscribed = is_subscribed
    conversation.subscription_at = at
    return True


def opens_ticket(conversation: Conversation, settings: bots.Settings) -> bool:
    """Decide whether the next inbound message opens a ticket or joins the current one.

    With the option on, what is done, closed or in the bin is not reopened; with it off, only
    a ticket removed for good is replaced.
    """
    if conversation.ticket_id is None or conversation.ticket_status == "removed":
        return True
    return settings.opens_new_ticket and conversation.ticket_status in INACTIVE


def status_after_inbound(status: str) -> str:
    """Tell the status that a subscriber's message leaves a joined ticket in."""
    return status if status in ("new", "accepted") else "in_work"


def shelf(account_id: str, status: str) -> str:
    """Name the part of the list a ticket lies in: active ones are what agents look at."""
    return f"{account_id}#{'active' if status in ACTIVE else 'inactive'}"


def shelf_order(last_inbound_at: datetime, ticket_id: str) -> str:
    """Give a ticket's place in its list: by the subscriber's last word."""
    return f"{ids.to_ms(last_inbound_at):015}#{ticket_id}"


def _heard(
    conversation: Conversation,
    message: Message,
    basis: talks.Basis,
    *,
    at: datetime,
    now: datetime,
) -> tuple[sessions.Change, ...]:
    """Let the talk hear a message at its own time, then do what time has done up to now."""
    terms = basis.terms
    talk = talks.of(conversation)
    content_type = message.content["type"]
    talk, changes = sessions.heard(talk, at, content_type, terms, tariffs.policy_of)
    if at < now:
        talk, later = sessions.advance(talk, now, terms, tariffs.policy_of)
        changes += later
    talks.keep(conversation, talk)
    return changes


def _inbound(
    bot: Bot,
    conversation: Conversation,
    callback: incoming.Message,
    *,
    at: datetime,
    now: datetime,
) -> Message:
    message_id = inbound_id(callback, at=at)
    message = Message(
        key=conversation.key,
        item=message_item(message_id),
        message_id=message_id,
        account_id=bot.account_id,
        kind="inbound",
        content=viber.encode(callback.content),
        at=at,
        received_at=now,
        token=token_of(callback),
    )
    if isinstance(callback.content, content.Picture | content.Video | content.File):
        message.file_state = "lost"
        if viber.media_url(callback.content) is not None:
            message.file_state = "copying"
            message.due_shard = store.shard_of("copy", message_id)
            message.due_at = now + COPY_FIRST_AFTER
    return message


def _new_ticket(
    bot: Bot,
    conversation: Conversation,
    message: Message,
    callback: incoming.Message,
    assignee_id: str | None,
    contact_name: str | None,
    *,
    now: datetime,
) -> store.Write:
    previous_id = conversation.ticket_id if conversation.ticket_status != "removed" else None
    ticket_id = ids.caused("tkt", ids.to_ms(now), f"{conversation.key}/{message.message_id}")
    conversation.ticket_id = ticket_id
    conversation.ticket_status = "new"
    conversation.last_message_id = message.message_id
    last_inbound_at = conversation.last_inbound_at or now
    ticket = Ticket(
        key=ticket_key(bot.account_id, ticket_id),
        shelf=shelf(bot.account_id, "new"),
        shelf_order=shelf_order(last_inbound_at, ticket_id),
        ticket_id=ticket_id,
        account_id=bot.account_id,
        bot_id=bot.bot_id,
        subscriber_id=conversation.subscriber_id,
        contact_id=conversation.contact_id,
        contact_name=contact_name,
        subject=viber.summary(callback.content),
        description=f"{config.public_url()}/console#/tickets/{previous_id}"
        if previous_id
        else None,
        previous_ticket_id=previous_id,
        status="new",
        assignee_id=assignee_id,
        participant_ids=bots.settings(bot).participant_ids,
        is_unread=True,
        preview=viber.summary(callback.content),
        preview_type=message.content["type"],
        preview_kind="inbound",
        last_message_id=message.message_id,
        last_outgoing_id=conversation.last_outgoing_id,
        last_inbound_at=last_inbound_at,
        created_at=now,
        updated_at=now,
        revision=1,
    )
    return store.Put(ticket, Ticket.key.does_not_exist())


def _joined_ticket(
    conversation: Conversation,
    message: Message,
    callback: incoming.Message,
    *,
    is_late: bool,
    now: datetime,
) -> store.Write:
    seen_status = conversation.ticket_status
    status = status_after_inbound(seen_status)
    conversation.ticket_status = status
    last_inbound_at = conversation.last_inbound_at or now
    actions = [
        Ticket.status.set(status),
        Ticket.shelf.set(shelf(conversation.account_id, status)),
        Ticket.shelf_order.set(shelf_order(last_inbound_at, conversation.ticket_id)),
        Ticket.last_inbound_at.set(last_inbound_at),
        Ticket.is_unread.set(True),
        Ticket.updated_at.set(now),
        Ticket.revision.set(Ticket.revision + 1),
    ]
    if not is_late:
        actions += [
            Ticket.preview.set(viber.summary(callback.content)),
            Ticket.preview_type.set(message.content["type"]),
            Ticket.preview_kind.set("inbound"),
        ]
    if message.message_id > (conversation.last_message_id or ""):
        conversation.last_message_id = message.message_id
        actions.append(Ticket.last_message_id.set(message.message_id))
    if callback.sender.name is not None and not is_late:
        actions.append(Ticket.contact_name.set(callback.sender.name))
    key = ticket_key(conversation.account_id, conversation.ticket_id)
    return store.Update(Ticket(key=key), Ticket.status == seen_status, actions=tuple(actions))


def _name(bot: Bot, conversation: Conversation, user: viber.User, *, is_late: bool) -> str | None:
    if conversation.contact_id is None or (user.name is not None and not is_late):
        return user.name
    # What Viber keeps from us this time, or told us before, its card may know better.
    card = store.get(Contact, contact_key(bot.account_id, conversation.contact_id))
    return user.name if card is None else card.name


def _contact(
    bot: Bot, conversation: Conversation, user: viber.User, *, is_late: bool, now: datetime
) -> store.Write | None:
    profile = _profile(user)
    if conversation.contact_id is None:
        contact_id = ids.caused("con", ids.to_ms(now), conversation.key)
        conversation.contact_id = contact_id
        conversation.profile = profile
        contact = Contact(
            key=contact_key(bot.account_id, contact_id),
            contact_id=contact_id,
            account_id=bot.account_id,
            bot_id=bot.bot_id,
            subscriber_id=conversation.subscriber_id,
            name=user.name,
            country=user.country,
            language=user.language,
            api_version=user.api_version,
            avatar_url=user.avatar,
            created_at=now,
            updated_at=now,
        )
        if user.avatar is not None:
            contact.due_shard = store.shard_of("copy", contact_id)
            contact.due_at = now + COPY_FIRST_AFTER
        return store.Put(contact, Contact.key.does_not_exist())
    if is_late or profile == conversation.profile:
        return None
    conversation.profile = profile
    told: tuple[tuple[Any, object], ...] = (
        (Contact.name, user.name),
        (Contact.country, user.country),
        (Contact.language, user.language),
        (Contact.api_version, user.api_version),
        (Contact.avatar_url, user.avatar),
    )
    actions = [attribute.set(value) for attribute, value in told if value is not None]
    actions.append(Contact.updated_at.set(now))
    if user.avatar is not None:
        actions += [
            Contact.due_shard.set(store.shard_of("copy", conversation.contact_id)),
            Contact.due_at.set(now + COPY_FIRST_AFTER),
            Contact.tries.remove(),
        ]
    item = Contact(key=contact_key(bot.account_id, conversation.contact_id))
    return store.Update(item, Contact.key.exists(), actions=tuple(actions))


def _profile(user: viber.User) -> str:
    said = "\x00".join(str(part) for part in (user.name, user.avatar, user.country, user.language))
    return hashlib.sha256(said.encode()).hexdigest()[:16]
