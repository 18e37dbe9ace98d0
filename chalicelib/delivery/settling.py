"""The schedule that finishes what a crash, a lost put or a lost answer left open."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib import queues, store
from chalicelib.delivery import failing, orphans, paying, receipts, states
from chalicelib.delivery.finishing import DUE, finish
from chalicelib.delivery.sending import become_unknown, fail_queued
from chalicelib.tables import FirstAnswer, Message, TokenItem

RECEIPT_PAUSE_MAX = timedelta(hours=6)
# What a receipt that came before our own write may still change, had a crash kept it from that.
CAUGHT_UP = (states.SENT, states.DELIVERED, states.FAILED)


def due(now: datetime) -> Iterator[FirstAnswer | Message]:
    """Find the long replies and the messages that something is left to do about."""
    # A long reply is written whole before any of its messages is given up.
    yield from store.due(FirstAnswer, DUE, now)
    yield from store.due(Message, "send", now)


def settle(left: FirstAnswer | Message, *, now: datetime) -> str:
    """Bring a message or a long reply one true step further; tells what was done."""
    if isinstance(left, FirstAnswer):
        finish(left)
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
    age = now - (message.sending_at or message.at)
    if message.state == states.UNKNOWN and age < states.RECEIPTS_COME_FOR:
        return _ask_for_receipt(message, age, now=now)
    if message.state in CAUGHT_UP and message.token is not None:
        message = _caught_up(message, now=now)
    if paying.is_held(message) and age < states.RECEIPTS_COME_FOR:
        left_for = states.RECEIPTS_COME_FOR - age
        return "waiting" if _push(message, message.state, left_for, now=now) else "changed"
    if paying.is_held(message) or message.state == states.UNKNOWN:
        failing.given_up(message, now=now)
        return "given up"
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


def _caught_up(message: Message, *, now: datetime) -> Message:
    """Do what a receipt has left on the message's token, had a crash kept it from more."""
    token = store.get(TokenItem, message.key, f"token#{message.token}")
    if token is None or token.message_id != message.message_id:
        return message
    receipts.catch_up(token, message.account_id, now=now)
    return states.read_message(message.key, message.message_id) or message


def _ask_for_receipt(message: Message, asked_for: timedelta, *, now: datetime) -> str:
    state = orphans.match(message, now=now)
    if state == states.UNKNOWN:
        # Most receipts come within minutes; the last may come after two weeks.
        pause = min(max(asked_for, orphans.RIPE_AFTER), RECEIPT_PAUSE_MAX)
        _push(message, states.UNKNOWN, pause, now=now)
    return state


def _push(
    message: Message, state: str, pause: timedelta = states.PICKED_UP_WITHIN, *, now: datetime
) -> bool:
    try:
        store.update(
            states.message_at(message.key, message.message_id),
            [Message.due_at.set(now + pause)],
            states.is_in(state) & (Message.due_at == message.due_at),
        )
    except store.Changed:
        return False
    return True
