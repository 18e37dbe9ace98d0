"""Broadcasts: planned, looked at with their price, started, paused, resumed, stopped."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib import errors, viber
from chalicelib.delivery import broadcasts, chunks
from chalicelib.money import Money, told, told_or_none
from chalicelib.tables import Broadcast
from chalicelib.web import ADMINS, Call, Empty, Nouns, Page, PageQuery, page_limit

nouns = Nouns()

STATES = ("planning", "ready", "running", "paused", "stopping", "stopped", "done")
State = Annotated[str, msgspec.Meta(extra_json_schema={"enum": STATES})]
BotId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^bot_[0-9A-Za-z]{26}$"})]


class BroadcastIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message to many; `spending_cap` is what it may cost at most."""

    bot_id: BotId
    parts: Annotated[
        list[viber.Sendable], msgspec.Meta(extra_json_schema={"minItems": 1, "maxItems": 1})
    ]
    recipients: broadcasts.Recipients
    spending_cap: Money | None = None


class StartIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price that was looked at and agreed to."""

    agreed_price: Money


class ResumeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another cap, where the old one stood in the way."""

    spending_cap: Money | None = None


class BroadcastPlanOut(msgspec.Struct, frozen=True):
    """Who is to hear it: in talks that go on at their own terms, and the rest at the tariff."""

    recipients: int
    apart: int
    together: int
    price: Money
    skipped: dict[str, int]


class BroadcastOut(msgspec.Struct, frozen=True, kw_only=True):
    """A broadcast; `reason` and `words` tell why it is paused or stopped."""

    broadcast_id: str
    bot_id: str
    state: State
    reason: str | None
    words: str | None
    viber_status: int | None
    waits_until: datetime | None
    content: dict[str, Any]
    audience: dict[str, Any]
    plan: BroadcastPlanOut
    spending_cap: Money | None
    spending_limit: Money | None
    committed: Money
    chunks: int
    chunks_done: int
    progress: dict[str, int]
    sends_singly: bool
    created_at: datetime
    created_by: str
    created_by_name: str | None
    started_at: datetime | None
    ended_at: datetime | None


class ShownOut(BroadcastOut, frozen=True, kw_only=True):
    """A broadcast with its lines by state as of each chunk's last pass, and its money now."""

    lines: dict[str, int]
    held: Money
    spent: Money


class RecipientOut(msgspec.Struct, frozen=True):
    """One recipient and what became of his line; `price` is what is or was kept for it.

    `ticket_id` is the ticket that his talk goes on in, if there is one.
    """

    contact_id: str | None
    contact_name: str | None
    ticket_id: str | None
    subscriber_id: str
    state: str
    price: Money
    message_id: str | None
    reason: str | None
    viber_status: int | None
    delivered_at: datetime | None
    seen_at: datetime | None
    failed_at: datetime | None


class RecipientsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the last page ended; a page is a chunk."""

    cursor: str | None = None


def _steers(
    verb: str, *, body: type[Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Serve a view that leads a broadcast on, where its state lets it."""
    return nouns.route_to(
        "POST",
        f"/v1/broadcasts/{{broadcast_id}}/{verb}",
        roles=ADMINS,
        scope="billing:write",
        body=body,
        answer=BroadcastOut,
        problems=(404, 409),
    )


@nouns.route_to(
    "POST",
    "/v1/broadcasts",
    roles=ADMINS,
    scope="billing:write",
    body=BroadcastIn,
    answer=BroadcastOut,
    status=202,
    problems=(404, 409, 422),
    is_idempotent=True,
)
def make_broadcast(call: Call[BroadcastIn, Empty]) -> BroadcastOut:
    """Plan a broadcast: when it is `ready`, its plan tells who hears it and what it costs."""
    body = call.body
    if len(body.parts) != 1:
        raise errors.BadInput("A broadcast carries one message.", field="parts")
    wanted = broadcasts.Wanted(
        body.bot_id, body.parts[0], body.recipients, body.spending_cap, call.idempotency_key
    )
    return _out(broadcasts.make(call.account_id, wanted, by=call.actor, now=call.now))


@nouns.route_to(
    "GET",
    "/v1/broadcasts",
    roles=ADMINS,
    scope="billing:read",
    query=PageQuery,
    answer=list[BroadcastOut],
    has_etag=True,
)
def list_broadcasts(call: Call[Empty, PageQuery]) -> Page:
    """List broadcasts, newest first."""
    found, cursor = broadcasts.listed(
        call.account_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([_out(broadcast) for broadcast in found], cursor)


@nouns.route_to(
    "GET",
    "/v1/broadcasts/{broadcast_id}",
    roles=ADMINS,
    scope="billing:read",
    answer=ShownOut,
    problems=(404,),
    has_etag=True,
)
def show_broadcast(call: Call[Empty, Empty], broadcast_id: str) -> ShownOut:
    """Show a broadcast and how far it is.

    Up to three chunks are counted as they are now. Of a longer one `lines` are as of each chunk's
    last pass: five minutes, an hour, a day and 15 days after it was sent.
    """
    shown = broadcasts.show(call.account_id, broadcast_id)
    return ShownOut(
        **msgspec.structs.asdict(_out(shown.broadcast)),
        lines=dict(shown.counts),
        held=told(shown.held_micros),
        spent=told(shown.posted_micros),
    )


@nouns.route_to(
    "GET",
    "/v1/broadcasts/{broadcast_id}/recipients",
    roles=ADMINS,
    scope="billing:read",
    query=RecipientsQuery,
    answer=list[RecipientOut],
    problems=(404,),
)
def list_recipients(call: Call[Empty, RecipientsQuery], broadcast_id: str) -> Page:
    """List a broadcast's recipients and what became of each, a chunk a page."""
    cursor = call.query.cursor or "0"
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= chunks.NUMBER_DIGITS):
        raise errors.BadInput("This cursor is none that a page gave.", field="cursor")
    found, following = broadcasts.recipients(call.account_id, broadcast_id, number=int(cursor))
    return Page([_recipient_out(each) for each in found], _cursor(following))


@_steers("start", body=StartIn)
def start_broadcast(call: Call[StartIn, Empty], broadcast_id: str) -> BroadcastOut:
    """Start a broadcast that is ready, at the price agreed to."""
    price = call.body.agreed_price
    return _out(broadcasts.start(call.account_id, broadcast_id, price, by=call.actor, now=call.now))


@_steers("pause")
def pause_broadcast(call: Call[Empty, Empty], broadcast_id: str) -> BroadcastOut:
    """Let a broadcast rest after the chunk that is on its way."""
    return _out(broadcasts.pause(call.account_id, broadcast_id, by=call.actor, now=call.now))


@_steers("resume", body=ResumeIn)
def resume_broadcast(call: Call[ResumeIn, Empty], broadcast_id: str) -> BroadcastOut:
    """Let a paused broadcast go on, up to another cap if one is given."""
    cap = call.body.spending_cap
    return _out(broadcasts.resume(call.account_id, broadcast_id, cap, by=call.actor, now=call.now))


@_steers("stop")
def stop_broadcast(call: Call[Empty, Empty], broadcast_id: str) -> BroadcastOut:
    """End a broadcast; who has not been sent to is not, and costs nothing."""
    return _out(broadcasts.stop(call.account_id, broadcast_id, by=call.actor, now=call.now))


def _out(broadcast: Broadcast) -> BroadcastOut:
    return BroadcastOut(
        broadcast_id=broadcast.broadcast_id,
        bot_id=broadcast.bot_id,
        state=broadcast.state,
        reason=broadcast.reason,
        words=broadcast.words,
        viber_status=broadcast.viber_status,
        waits_until=broadcast.waits_until,
        content=broadcast.content,
        audience=broadcast.audience,
        plan=BroadcastPlanOut(
            broadcast.recipients,
            broadcast.apart,
            broadcast.recipients - broadcast.apart,
            told(broadcast.price_micros),
            broadcast.skipped,
        ),
        spending_cap=told_or_none(broadcast.cap_micros),
        spending_limit=told_or_none(broadcast.limit_micros),
        committed=told(broadcast.committed_micros),
        chunks=broadcast.chunks,
        chunks_done=broadcast.chunks_done,
        progress=broadcast.progress,
        sends_singly=broadcast.sends_singly,
        created_at=broadcast.created_at,
        created_by=broadcast.created_by,
        created_by_name=broadcast.created_by_name,
        started_at=broadcast.started_at,
        ended_at=broadcast.ended_at,
    )


def _recipient_out(found: broadcasts.Recipient) -> RecipientOut:
    line = found.line if found.message is None else found.message
    return RecipientOut(
        found.line.contact_id,
        None if found.card is None else found.card.name,
        None if found.talk is None else found.talk.ticket_id,
        found.line.subscriber_id,
        found.state,
        told(found.price_micros),
        found.line.message_id,
        found.reason,
        found.viber_status,
        line.delivered_at,
        line.seen_at,
        line.failed_at,
    )


def _cursor(number: int | None) -> str | None:
    return None if number is None else str(number)
