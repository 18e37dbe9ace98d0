"""A broadcast to those whose talk goes on: one message each, counted and paid as any message is.

The message joins the ticket that the talk is in and leaves its status alone, for a broadcast is
no answer. It is accepted together with its line, so that nobody gets two.
"""

from datetime import datetime
from typing import Any, NamedTuple

from chalicelib import billing, conversations, ids, queues, store, talks, tariffs, viber
from chalicelib.delivery import accept, chunks, pricing, states
from chalicelib.delivery.broadcasts.audience import NOT_SUBSCRIBED
from chalicelib.log import log
from chalicelib.tables import Bot, Broadcast, Chunk, Conversation, Line, Message, Ticket

PRICE_RISEN = "price-risen"
NO_TICKET = "no-ticket"


class Place(NamedTuple):
    """What a message is accepted on, as it was read in this attempt."""

    conversation: Conversation
    bot: Bot
    balance: Any
    basis: talks.Basis
    ticket: Ticket
    tail: Message | None


def accept_one(
    broadcast: Broadcast, chunk: Chunk, line: Line, *, now: datetime
) -> queues.Outgoing | None:
    """Accept a line's message; None where it has one, or is left out with its reason.

    It may cost what the chunk was decided at, and no more. Raises Conflict where money or the
    bot's plan refuse it, and then nothing was written.
    """
    return store.again(lambda: _once(broadcast, chunk, line, now=now))


def _once(
    broadcast: Broadcast, chunk: Chunk, line: Line, *, now: datetime
) -> queues.Outgoing | None:
    place = _place(chunk, line, now=now)
    if isinstance(place, str):
        _left_out(line, place)
        return None
    conversation = place.conversation
    content_type = broadcast.content["type"]
    priced = pricing.priced(
        place.bot, conversation, [content_type], place.basis, now=now, may_open=False
    )
    accept.refuse_while_stopped(place.bot, priced, now=now)
    if priced.micros > chunk.apart_price.get(str(line.position), 0):
        _left_out(line, PRICE_RISEN)
        return None
    message = _message(broadcast, place, now=now)
    accept.note_price([message], priced, conversation.key, now=now)
    paid = accept.price_writes(
        place.bot, conversation, place.ticket, priced, place.balance, now=now
    )
    conversation.last_outgoing_id = message.message_id
    conversation.last_message_id = max(message.message_id, conversation.last_message_id or "")
    unanswered = Line.message_id.does_not_exist() & Line.state.does_not_exist()
    try:
        store.commit(
            [
                store.Update(
                    Line(key=line.key, item=line.item),
                    unanswered,
                    store.MINE,
                    actions=(Line.message_id.set(message.message_id),),
                ),
                store.Put(message, Message.key.does_not_exist()),
                conversations.conversation_write(conversation),
                _to_ticket(place.ticket, message, now=now),
                *paid,
            ]
        )
    except store.AlreadyThere:
        return None
    return queues.Outgoing(message.key, message.message_id, message.before_id)


def _place(chunk: Chunk, line: Line, *, now: datetime) -> Place | str:
    key = conversations.conversation_key(chunk.bot_id, line.subscriber_id)
    conversation, bot, balance, book = store.read(
        (Conversation, key, "conversation"),
        (Bot, chunk.bot_id, None),
        billing.wanted(chunk.account_id),
        tariffs.wanted(),
    )
    if conversation is None or not conversation.is_subscribed:
        return NOT_SUBSCRIBED
    if conversation.ticket_id is None:
        return NO_TICKET
    ticket_key = conversations.ticket_key(chunk.account_id, conversation.ticket_id)
    tail_item = conversations.message_item(conversation.last_outgoing_id or "-")
    ticket, tail = store.read((Ticket, ticket_key, None), (Message, key, tail_item))
    if ticket is None:
        return NO_TICKET
    return Place(conversation, bot, balance, talks.basis(bot, book, now), ticket, tail)


def _message(broadcast: Broadcast, place: Place, *, now: datetime) -> Message:
    conversation, tail = place.conversation, place.tail
    at_ms, before_id = states.next_in_line(conversation, tail, now)
    message_id = ids.caused("msg", at_ms, f"{broadcast.broadcast_id}/{conversation.key}")
    return Message(
        key=conversation.key,
        item=conversations.message_item(message_id),
        message_id=message_id,
        account_id=broadcast.account_id,
        ticket_id=place.ticket.ticket_id,
        broadcast_id=broadcast.broadcast_id,
        kind="outgoing",
        content=broadcast.content,
        at=now,
        author_id=broadcast.created_by,
        author_name=broadcast.created_by_name,
        sender_name=viber.sender_name(broadcast.sender_name),
        state=states.QUEUED,
        money="none",
        before_id=before_id,
        due_shard=store.shard_of("send", message_id),
        due_at=now + states.PICKED_UP_WITHIN,
    )


def _to_ticket(ticket: Ticket, message: Message, *, now: datetime) -> store.Write:
    return store.Update(
        Ticket(key=ticket.key),
        Ticket.revision == ticket.revision,
        actions=(
            Ticket.updated_at.set(now),
            Ticket.last_message_id.set(max(message.message_id, ticket.last_message_id)),
            Ticket.last_outgoing_id.set(message.message_id),
            Ticket.revision.set(Ticket.revision + 1),
        ),
    )


def _left_out(line: Line, reason: str) -> None:
    log.info("line left out", line=line.item, reason=reason)
    unanswered = Line.message_id.does_not_exist() & Line.state.does_not_exist()
    try:
        store.update(
            Line(key=line.key, item=line.item),
            [Line.state.set(chunks.SKIPPED), Line.reason.set(reason)],
            unanswered,
        )
    except store.Changed:
        log.info("line has its message", line=line.item)
