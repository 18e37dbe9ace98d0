"""Tickets: the list, one ticket, its thread, a reply or a note."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import conversations, delivery, money, tickets, viber
from chalicelib.delivery import Reply, accept
from chalicelib.money import Money
from chalicelib.tables import Contact, Message, Ticket
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


class MessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a thread."""

    limit: int = 50
    cursor: str | None = None


class TicketIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; what is not given stays, `assignee_id` null is nobody."""

    status: Status | UnsetType = UNSET
    assignee_id: str | UnsetType | None = UNSET
    is_unread: bool | UnsetType = UNSET


class ReplyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reply's parts in order; without `notify` they are a note.

    It is not sent where it costs more than the `agreed_price`, the price of a quote.
    """

    parts: Annotated[
        list[viber.Sendable],
        msgspec.Meta(extra_json_schema={"minItems": 1, "maxItems": accept.PARTS_MAX}),
    ]
    notify: bool = True
    agreed_price: Money | None = None


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


class Author(msgspec.Struct, frozen=True):
    """Who said it: the subscriber, a person, a program or the bot."""

    kind: str
    person_id: str | None
    name: str | None


class FileOfMessage(msgspec.Struct, frozen=True):
    """Our copy of a message's file: copying, ready or lost."""

    file_id: str | None
    state: str
    name: str | None
    size_bytes: int | None
    media_type: str | None


class DeliveryOut(msgspec.Struct, frozen=True):
    """What became of an outgoing message."""

    state: str
    reason: str | None
    viber_status: int | None
    words: str | None
    sent_at: datetime | None
    delivered_at: datetime | None
    seen_at: datetime | None
    failed_at: datetime | None
    billing_status: int | None


class ChargeOut(msgspec.Struct, frozen=True):
    """What a message costs and why; `state` is none, held, posted or voided.

    A message in a session is free itself: `session_id` names what was paid for.
    """

    kind: str
    price: Money
    state: str
    session_id: str | None
    country: str | None
    price_list: int | None


class MessageOut(msgspec.Struct, frozen=True):
    """Anything said in a conversation; `content` is told apart by its `type`."""

    message_id: str
    ticket_id: str
    kind: str
    at: datetime
    author: Author
    content: dict[str, Any]
    file: FileOfMessage | None
    delivery: DeliveryOut | None
    charge: ChargeOut | None


class RepliedOut(msgspec.Struct, frozen=True):
    """The messages that a reply became."""

    messages: list[MessageOut]


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
    "/v1/tickets/{ticket_id}/messages",
    roles=AGENTS,
    scope="tickets:read",
    query=MessagesQuery,
    answer=list[MessageOut],
    problems=(404,),
    has_etag=True,
)
def list_messages(call: Call[Empty, MessagesQuery], ticket_id: str) -> Page:
    """List a ticket's messages, newest first."""
    found, cursor = tickets.messages(
        call.account_id, ticket_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([_message_out(message) for message in found], cursor)


@nouns.route_to(
    "POST",
    "/v1/tickets/{ticket_id}/messages",
    roles=AGENTS,
    scope="tickets:write",
    body=ReplyIn,
    answer=RepliedOut,
    status=202,
    problems=(404, 409, 422),
    is_idempotent=True,
)
def reply(call: Call[ReplyIn, Empty], ticket_id: str) -> RepliedOut:
    """Answer the customer in Viber, or leave a note."""
    body = call.body
    wanted = Reply(ticket_id, body.parts, body.notify, call.idempotency_key, body.agreed_price)
    accepted = delivery.reply(call.account_id, wanted, by=call.actor, now=call.now)
    return RepliedOut([_message_out(message) for message in accepted.messages])


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


def _message_out(message: Message) -> MessageOut:
    return MessageOut(
        message.message_id,
        message.ticket_id,
        message.kind,
        message.at,
        _author(message),
        message.content,
        _file(message),
        _delivery(message),
        _charge(message),
    )


def _author(message: Message) -> Author:
    if message.kind == "inbound":
        return Author("subscriber", None, message.author_name)
    is_person = (message.author_id or "").startswith("per_")
    return Author(
        "person" if is_person else "program",
        message.author_id if is_person else None,
        message.author_name,
    )


def _file(message: Message) -> FileOfMessage | None:
    if message.file_state is None:
        return None
    facts = message.file_facts or {}
    name = message.content.get("file_name") or facts.get("name")
    return FileOfMessage(
        message.file_id,
        message.file_state,
        name,
        facts.get("size_bytes") or message.content.get("size_bytes"),
        facts.get("media_type"),
    )


def _charge(message: Message) -> ChargeOut | None:
    if message.price_kind is None:
        return None
    return ChargeOut(
        message.price_kind,
        money.told(message.price_micros or 0),
        message.money or "none",
        message.session_id,
        message.country,
        message.priced_by,
    )


def _delivery(message: Message) -> DeliveryOut | None:
    if message.state is None:
        return None
    words = message.viber_words
    if words is None and message.viber_status is not None:
        words = viber.words(message.viber_status)
    return DeliveryOut(
        message.state,
        message.reason,
        message.viber_status,
        words,
        message.sent_at,
        message.delivered_at,
        message.seen_at,
        message.failed_at,
        message.billing_status,
    )
