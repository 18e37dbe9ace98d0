"""Tickets: the list, one ticket, its changes; the card of a contact."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import conversations, tickets
from chalicelib.tables import Contact, Ticket
from chalicelib.web import AGENTS, Call, Empty, Nouns, Page, page_limit

nouns = Nouns()

Status = Annotated[str, msgspec.Meta(extra_json_schema={"enum": conversations.STATUSES})]


class TicketsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a list of tickets is narrowed to; `assignee_id` may be `me` or `none`."""

    view: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["active", "inactive"]})] = (
        "active"
    )
    status: Status | None = None
    assignee_id: str | None = None
    bot_id: str | None = None
    limit: int = 50
    cursor: str | None = None


class TicketIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; what is not given stays, `assignee_id` null is nobody."""

    status: Status | UnsetType = UNSET
    assignee_id: str | UnsetType | None = UNSET
    is_unread: bool | UnsetType = UNSET


class Preview(msgspec.Struct, frozen=True):
    """The last word, for the list."""

    text: str
    type: str
    kind: str


class TicketOut(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work."""

    ticket_id: str
    status: str
    subject: str
    description: str | None
    previous_ticket_id: str | None
    bot_id: str
    contact_id: str
    contact_name: str | None
    assignee_id: str | None
    participant_ids: list[str]
    is_unread: bool
    preview: Preview
    created_at: datetime
    updated_at: datetime
    last_inbound_at: datetime


class ContactOut(msgspec.Struct, frozen=True):
    """The card of a subscriber."""

    contact_id: str
    name: str | None
    phone: str | None
    country: str | None
    language: str | None
    avatar_file_id: str | None


class ConversationOut(msgspec.Struct, frozen=True):
    """The talk that a ticket is part of."""

    is_subscribed: bool
    context: str | None
    is_current: bool
    current_ticket_id: str | None
    last_inbound_at: datetime | None


class BotOfTicket(msgspec.Struct, frozen=True):
    """The bot that a ticket came through."""

    bot_id: str
    name: str
    state: str


class OpenedOut(TicketOut, frozen=True, kw_only=True):
    """A ticket with its contact, conversation and bot."""

    contact: ContactOut
    conversation: ConversationOut
    bot: BotOfTicket


@nouns.route_to(
    "GET",
    "/v1/tickets",
    roles=AGENTS,
    scope="tickets:read",
    query=TicketsQuery,
    answer=list[TicketOut],
    has_etag=True,
)
def list_tickets(call: Call[Empty, TicketsQuery]) -> Page:
    """List tickets by the subscriber's last word, newest first."""
    query = call.query
    assignee_id = call.caller.caller_id if query.assignee_id == "me" else query.assignee_id
    found, cursor = tickets.listed(
        call.account_id,
        tickets.Filters(query.view, query.status, assignee_id, query.bot_id),
        limit=page_limit(query),
        cursor=query.cursor,
    )
    return Page([TicketOut(**_told(ticket)) for ticket in found], cursor)


@nouns.route_to(
    "GET",
    "/v1/tickets/{ticket_id}",
    roles=AGENTS,
    scope="tickets:read",
    answer=OpenedOut,
    problems=(404,),
    has_etag=True,
)
def show_ticket(call: Call[Empty, Empty], ticket_id: str) -> OpenedOut:
    """Show a ticket with its contact, conversation and bot."""
    ticket, contact, conversation, bot = tickets.opened(call.account_id, ticket_id)
    return OpenedOut(
        **_told(ticket),
        contact=_contact_out(contact),
        conversation=ConversationOut(
            conversation.is_subscribed,
            conversation.context,
            conversation.ticket_id == ticket.ticket_id,
            conversation.ticket_id,
            conversation.last_inbound_at,
        ),
        bot=BotOfTicket(bot.bot_id, bot.name, bot.state),
    )


@nouns.route_to(
    "PATCH",
    "/v1/tickets/{ticket_id}",
    roles=AGENTS,
    scope="tickets:write",
    body=TicketIn,
    answer=TicketOut,
    problems=(404, 409),
)
def change_ticket(call: Call[TicketIn, Empty], ticket_id: str) -> TicketOut:
    """Change a ticket's status, assignee or unread mark."""
    given = msgspec.structs.asdict(call.body).items()
    changes = {name: value for name, value in given if value is not UNSET}
    changed = tickets.change(call.account_id, ticket_id, **changes, by=call.actor, now=call.now)
    return TicketOut(**_told(changed))


@nouns.route_to(
    "GET",
    "/v1/contacts/{contact_id}",
    roles=AGENTS,
    scope="tickets:read",
    answer=ContactOut,
    problems=(404,),
)
def show_contact(call: Call[Empty, Empty], contact_id: str) -> ContactOut:
    """Show the card of a subscriber."""
    return _contact_out(tickets.contact(call.account_id, contact_id))


def _told(ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id,
        "status": ticket.status,
        "subject": ticket.subject,
        "description": ticket.description,
        "previous_ticket_id": ticket.previous_ticket_id,
        "bot_id": ticket.bot_id,
        "contact_id": ticket.contact_id,
        "contact_name": ticket.contact_name,
        "assignee_id": ticket.assignee_id,
        "participant_ids": list(ticket.participant_ids),
        "is_unread": ticket.is_unread,
        "preview": Preview(ticket.preview, ticket.preview_type, ticket.preview_kind),
        "created_at": ticket.created_at,
        "updated_at": ticket.updated_at,
        "last_inbound_at": ticket.last_inbound_at,
    }


def _contact_out(contact: Contact) -> ContactOut:
    return ContactOut(
        contact.contact_id,
        contact.name,
        contact.phone,
        contact.country,
        contact.language,
        contact.avatar_file_id,
    )
