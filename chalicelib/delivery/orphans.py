"""Orphans: receipts under a token that none of our messages carries yet."""

from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.condition import Condition

from chalicelib import store
from chalicelib.delivery import states
from chalicelib.log import log
from chalicelib.tables import Conversation, Message, TokenItem, UnknownMark

LOOKED_AT_MAX = 300


def match(key: str, *, now: datetime) -> str | None:
    """Give an orphan to the unknown message that alone can own it; returns that message's id.

    An orphan belongs to a message only if it is not older than the send, no other message of
    the conversation on its way could own it, no welcome message could, and no other orphan
    could be this message's. Otherwise everything stays as it is: unknown is a true state.
    """
    conversation = store.get(Conversation, key, "conversation")
    if conversation is None or _is_welcomed(conversation, now):
        return None
    found, _ = store.page(
        TokenItem,
        key,
        TokenItem.item.startswith("token#"),
        limit=LOOKED_AT_MAX,
        newest_first=True,
        filtered_by=TokenItem.message_id.does_not_exist(),
    )
    loose = [orphan for orphan in found if orphan.token not in conversation.tokens]
    if not loose:
        return None
    messages, _ = store.page(
        Message,
        key,
        Message.item.startswith("message#"),
        limit=LOOKED_AT_MAX,
        newest_first=True,
        filtered_by=states.is_in(states.SENDING, states.UNKNOWN) | (Message.kind == "inbound"),
    )
    on_their_way = [message for message in messages if message.kind != "inbound"]
    # The conversation itself remembers only the subscriber's last tokens.
    theirs = {message.token for message in messages if message.kind == "inbound"}
    loose = [orphan for orphan in loose if orphan.token not in theirs]
    for message in on_their_way:
        if message.state != states.UNKNOWN:
            continue
        mine = [orphan for orphan in loose if _could_own(message, orphan)]
        if len(mine) == 1 and [m for m in on_their_way if _could_own(m, mine[0])] == [message]:
            try:
                claim(message, mine[0], sent_at=mine[0].orphan_at or now)
            except store.Changed:
                return None
            log.info("unknown message found its receipt", message_id=message.message_id)
            return str(message.message_id)
    return None


def claim(
    message: Message, orphan: TokenItem, *, sent_at: datetime, extra: list[Any] | None = None
) -> str:
    """Tie an orphan's token to a message and do what its receipts say; returns the new state.

    Raises Changed when another receipt reached the orphan meanwhile.
    """
    changes = extra or [
        Message.token.set(orphan.token),
        Message.sent_at.set(sent_at),
        *([] if message.money == "held" else [Message.due_shard.remove(), Message.due_at.remove()]),
    ]
    state = states.SENT
    delivered_at = orphan.delivered_at or orphan.seen_at
    if orphan.failed_at is not None and delivered_at is None:
        state = states.FAILED
        changes = [
            *changes,
            Message.failed_at.set(orphan.failed_at),
            Message.reason.set(states.FAILED_ON_DEVICE),
        ]
        if orphan.reason is not None:
            changes.append(Message.viber_words.set(orphan.reason))
    if delivered_at is not None:
        state = states.DELIVERED
        changes = [*changes, Message.delivered_at.set(delivered_at)]
    if orphan.seen_at is not None:
        state = states.SEEN
        changes = [*changes, Message.seen_at.set(orphan.seen_at)]
    store.commit(
        [
            store.Update(
                states.message_at(message.key, message.message_id),
                states.is_in(states.SENDING, states.UNKNOWN),
                actions=(Message.state.set(state), *changes),
            ),
            store.Update(
                TokenItem(key=orphan.key, item=orphan.item),
                _as_read(orphan),
                actions=(
                    TokenItem.message_id.set(message.message_id),
                    TokenItem.sent_at.set(sent_at),
                ),
            ),
            store.Delete(UnknownMark(key=message.key, item=f"unknown#{message.message_id}")),
        ]
    )
    return state


def _could_own(message: Message, orphan: TokenItem) -> bool:
    return (
        message.sending_at is not None
        and orphan.orphan_at is not None
        and timedelta(0) <= orphan.orphan_at - message.sending_at <= states.RECEIPTS_COME_FOR
    )


def _is_welcomed(conversation: Conversation, now: datetime) -> bool:
    # A welcome message goes out in an HTTP response, so its token reaches us as an orphan.
    at = conversation.welcomed_at
    return at is not None and now - at < states.RECEIPTS_COME_FOR


def _as_read(orphan: TokenItem) -> Condition:
    same: Condition = TokenItem.message_id.does_not_exist()
    for attribute, value in (
        (TokenItem.delivered_at, orphan.delivered_at),
        (TokenItem.seen_at, orphan.seen_at),
        (TokenItem.failed_at, orphan.failed_at),
    ):
        same &= attribute.does_not_exist() if value is None else attribute == value
    return same
