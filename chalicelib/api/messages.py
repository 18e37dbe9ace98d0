"""What is said in a ticket: its thread, a reply or a note, and what became of each message."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib import delivery, money, tickets, viber
from chalicelib.delivery import Reply, accept
from chalicelib.money import Money
from chalicelib.tables import Message
from chalicelib.web import AGENTS, Call, Empty, Nouns, Page, page_limit

nouns = Nouns()


class MessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a thread."""

    limit: int = 50
    cursor: str | None = None


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
