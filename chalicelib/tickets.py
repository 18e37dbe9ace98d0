"""Tickets as agents work them: the list, one ticket with its thread, status and assignee."""

from datetime import datetime
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from chalicelib import conversations, errors, ids, people, store
from chalicelib.audit import Actor
from chalicelib.tables import Bot, Contact, Conversation, Message, Ticket


class Opened(NamedTuple):
    """A ticket with what an agent needs beside it."""

    ticket: Ticket
    contact: Contact
    conversation: Conversation
    bot: Bot


class Filters(NamedTuple):
    """What a list of tickets is narrowed to."""

    view: str = "active"
    status: str | None = None
    assignee_id: str | None = None
    bot_id: str | None = None


def listed(
    account_id: str, filters: Filters, *, limit: int, cursor: str | None
) -> tuple[list[Ticket], str | None]:
    """List an account's tickets by the subscriber's last word, newest first.

    A status decides the view it lies in. A filtered page may be short while its cursor goes on.
    """
    view = filters.view
    if filters.status is not None:
        _check_status(filters.status)
        view = "active" if filters.status in conversations.ACTIVE else "inactive"
    if view not in ("active", "inactive"):
        raise errors.BadInput("active or inactive.", field="view")
    narrowed = None
    if filters.status is not None:
        narrowed = Ticket.status == filters.status
    if filters.bot_id is not None:
        narrowed = narrowed & (Ticket.bot_id == filters.bot_id)
    if filters.assignee_id == "none":
        narrowed = narrowed & Ticket.assignee_id.does_not_exist()
    elif filters.assignee_id is not None:
        narrowed = narrowed & (Ticket.assignee_id == filters.assignee_id)
    return store.page(
        Ticket,
        f"{account_id}#{view}",
        limit=limit,
        cursor=cursor,
        newest_first=True,
        index="shelf",
        filtered_by=narrowed,
    )


def get(account_id: str, ticket_id: str) -> Ticket:
    """Read a ticket of this account, or raise NotFound."""
    ticket = store.get(Ticket, conversations.ticket_key(account_id, ticket_id))
    if ticket is None:
        raise errors.NotFound("There is no such ticket.")
    return ticket


def opened(account_id: str, ticket_id: str) -> Opened:
    """Read a ticket with its contact, conversation and bot."""
    ticket = get(account_id, ticket_id)
    contact, conversation, bot = store.read(
        (Contact, conversations.contact_key(account_id, ticket.contact_id), None),
        (Conversation, _talk_of(ticket), "conversation"),
        (Bot, ticket.bot_id, None),
    )
    return Opened(ticket, contact, conversation, bot)


def contact(account_id: str, contact_id: str) -> Contact:
    """Read a contact of this account, or raise NotFound."""
    found = store.get(Contact, conversations.contact_key(account_id, contact_id))
    if found is None:
        raise errors.NotFound("There is no such contact.")
    return found


def messages(
    account_id: str, ticket_id: str, *, limit: int, cursor: str | None
) -> tuple[list[Message], str | None]:
    """List a ticket's messages, newest first; a page may be short while its cursor goes on."""
    ticket = get(account_id, ticket_id)
    # A note moves `updated_at` alone, and a late message may move the last one back.
    newest = ids.last_at(
        "msg", max(ids.ms_of(ticket.last_message_id), ids.to_ms(ticket.updated_at))
    )
    return store.page(
        Message,
        _talk_of(ticket),
        Message.item.between("message#", conversations.message_item(newest)),
        limit=limit,
        cursor=cursor,
        newest_first=True,
        filtered_by=Message.ticket_id == ticket_id,
    )


def change(
    account_id: str,
    ticket_id: str,
    *,
    status: str | UnsetType = UNSET,
    assignee_id: str | UnsetType | None = UNSET,
    is_unread: bool | None = None,
    by: Actor,
    now: datetime,
) -> Ticket:
    """Change a ticket's status, assignee or unread mark; what is not given stays.

    Raises BadInput for a status or person that is none, and Conflict of kind `not-current`
    where a ticket would become active beside the talk's current one.
    """
    if status is not UNSET:
        _check_status(status)
    if isinstance(assignee_id, str) and not people.is_here(account_id, assignee_id):
        raise errors.BadInput("A person of this account, or null.", field="assignee_id")
    return store.again(
        lambda: _change_once(account_id, ticket_id, status, assignee_id, is_unread, now=now)
    )


def _change_once(
    account_id: str,
    ticket_id: str,
    status: str | UnsetType,
    assignee_id: str | UnsetType | None,
    is_unread: bool | None,
    *,
    now: datetime,
) -> Ticket:
    ticket = get(account_id, ticket_id)
    seen = ticket.revision
    writes: list[store.Write] = []
    if status is not UNSET and status != ticket.status:
        writes += _to_talk(ticket, status)
        ticket.status = status
        ticket.shelf = conversations.shelf(account_id, status)
    if assignee_id is not UNSET:
        ticket.assignee_id = assignee_id
    if is_unread is not None:
        ticket.is_unread = is_unread
    ticket.revision = seen + 1
    ticket.updated_at = now
    store.commit([store.Put(ticket, Ticket.revision == seen), *writes])
    return ticket


def _to_talk(ticket: Ticket, status: str) -> list[store.Write]:
    conversation = store.get(Conversation, _talk_of(ticket), "conversation")
    if conversation is None:
        return []
    if conversation.ticket_id != ticket.ticket_id:
        if status in conversations.ACTIVE:
            raise errors.Conflict(
                "The talk with this customer goes on in a newer ticket.",
                kind="not-current",
                current_ticket_id=conversation.ticket_id,
            )
        return []
    conversation.ticket_status = status
    return [conversations.conversation_write(conversation)]


def _talk_of(ticket: Ticket) -> str:
    return conversations.conversation_key(ticket.bot_id, ticket.subscriber_id)


def _check_status(status: str) -> None:
    if status not in conversations.STATUSES:
        raise errors.BadInput(f"One of {', '.join(conversations.STATUSES)}.", field="status")
