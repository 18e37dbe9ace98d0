"""The schedule that finishes what a crash, a lost put or a lost answer left open."""

from collections.abc import Iterator
from datetime import datetime

from chalicelib import queues, store
from chalicelib.delivery import states
from chalicelib.delivery.accept import finish
from chalicelib.delivery.sending import become_unknown, fail_queued
from chalicelib.tables import FirstAnswer, Message


def due(now: datetime) -> Iterator[FirstAnswer | Message]:
    """Find the long replies and the messages that something is left to do about."""
    yield from store.due(FirstAnswer, "accept", now)
    yield from store.due(Message, "send", now)


def settle(left: FirstAnswer | Message, *, now: datetime) -> str:
    """Bring a message or a long reply one true step further; tells what was done."""
    if isinstance(left, FirstAnswer):
        finish(left, now=now)
        return "accepted"
    return _settle(left, now=now)


def _settle(message: Message, *, now: datetime) -> str:
    if message.state == states.QUEUED:
        if now - message.at >= states.SENT_WITHIN:
            return fail_queued(message.key, message.message_id, states.EXPIRED, now=now)
        if not _push(message, states.QUEUED, now=now):
            return "changed"
        queues.put_outgoing([queues.Outgoing(message.key, message.message_id, message.before_id)])
        return "queued again"
    if message.state == states.SENDING:
        if now - (message.sending_at or message.at) >= states.ANSWERED_WITHIN:
            return become_unknown(message, now=now)
        return "waiting" if _push(message, states.SENDING, now=now) else "changed"
    done = [Message.due_shard.remove(), Message.due_at.remove()]
    try:
        store.update(
            states.message_at(message.key, message.message_id),
            done,
            states.is_in(message.state) & (Message.due_at == message.due_at),
        )
    except store.Changed:
        return "changed"
    return "settled"


def _push(message: Message, state: str, *, now: datetime) -> bool:
    try:
        store.update(
            states.message_at(message.key, message.message_id),
            [Message.due_at.set(now + states.PICKED_UP_WITHIN)],
            states.is_in(state) & (Message.due_at == message.due_at),
        )
    except store.Changed:
        return False
    return True
