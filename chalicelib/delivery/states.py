"""What an outgoing message can be, and what leads from one to the other.

    queued ──► sending ──► sent ──► delivered ──► seen
       │          │  │       └────► failed
       │          │  └► unknown ──► sent, failed (a late answer, or a receipt that can only
       │          │                 be its own)
       └──────────┴────► failed

Nothing unknown is ever sent again by itself. A receipt that proves delivery wins over a
failure told before; nothing else leads back.
"""

from datetime import datetime, timedelta
from typing import Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import ids, store
from chalicelib.conversations import message_item
from chalicelib.tables import Conversation, Message

QUEUED: Final = "queued"
SENDING: Final = "sending"
SENT: Final = "sent"
DELIVERED: Final = "delivered"
SEEN: Final = "seen"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"

# What a receipt may change: a state never goes back.
BEFORE_RECEIPT: Final = {
    DELIVERED: (SENDING, UNKNOWN, SENT, FAILED),
    SEEN: (SENDING, UNKNOWN, SENT, DELIVERED, FAILED),
    FAILED: (SENDING, UNKNOWN, SENT),
}

# Why a message failed, in stable words that the console translates.
EXPIRED: Final = "expired"
BOT_ENDED: Final = "bot-ended"
BOT_DISCONNECTED: Final = "bot-disconnected"
SENDING_STOPPED: Final = "sending-stopped"
VIBER_REFUSED: Final = "viber-refused"
NOT_CONNECTED: Final = "not-connected"
FAILED_ON_DEVICE: Final = "failed-on-device"

PICKED_UP_WITHIN: Final = timedelta(minutes=1)
SENT_WITHIN: Final = timedelta(hours=1)
ANSWERED_WITHIN: Final = timedelta(seconds=90)
RECEIPTS_COME_FOR: Final = timedelta(days=15)
TOKENS_KEPT_FOR: Final = timedelta(days=16)


def is_in(*states: str) -> Condition:
    """Give the condition that a message is in one of these states."""
    return Message.state.is_in(*states)


def at_receipt(event: str, at: datetime) -> list[Action]:
    """Give the changes that a receipt of this event makes to a message."""
    changes: list[Action] = [Message.state.set(event)]
    if event == FAILED:
        changes.append(Message.failed_at.set(at))
    else:
        changes.append(Message.delivered_at.set(Message.delivered_at | at))
        # One device may have failed before another showed the message.
        changes += [
            Message.failed_at.remove(),
            Message.reason.remove(),
            Message.viber_words.remove(),
        ]
    if event == SEEN:
        changes.append(Message.seen_at.set(at))
    return changes


def next_in_line(
    conversation: Conversation, tail: Message | None, now: datetime
) -> tuple[int, str | None]:
    """Give the instant of a new message, in ms, and the id of the one that is to go before it.

    `tail` is the conversation's last outgoing message, where it is written.
    """
    last_id = conversation.last_outgoing_id
    at_ms = ids.to_ms(now)
    if last_id is None:
        return at_ms, None
    # Two replies of one millisecond keep the order they were accepted in.
    at_ms = max(at_ms, ids.ms_of(last_id) + 1)
    # The last part of a long reply may not be written yet; it still goes first.
    return at_ms, last_id if tail is None or tail.state == QUEUED else None


def message_at(key: str, message_id: str) -> Message:
    """Name a message's item, to be changed without being read."""
    return Message(key=key, item=message_item(message_id))


def read_message(key: str, message_id: str) -> Message | None:
    """Read a message of a conversation."""
    return store.get(Message, key, message_item(message_id))
