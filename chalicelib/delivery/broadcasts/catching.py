"""Receipts that were faster than our own write of a chunk's token: found, and done."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib import conversations, store
from chalicelib.delivery import chunks, lines, states
from chalicelib.tables import BroadcastToken, Chunk, Line, TokenItem


def catch_up(chunk: Chunk, found: Sequence[Line], *, now: datetime) -> bool:
    """Do what early receipts of a chunk's lines say; doing it again changes nothing.

    They lie as orphans in their conversations, and stay there until they expire: nobody else
    takes one whose token is a broadcast's. Says whether there were any.
    """
    waiting = [(line, token) for line in found if (token := _token(chunk, line)) is not None]
    wanted = [
        (
            TokenItem,
            conversations.conversation_key(chunk.bot_id, line.subscriber_id),
            f"token#{token}",
        )
        for line, token in waiting
    ]
    orphans = store.read(*wanted)
    for (line, _), orphan in zip(waiting, orphans, strict=True):
        if orphan is not None:
            _done(chunk, line, orphan, now=now)
    return any(orphan is not None for orphan in orphans)


def _token(chunk: Chunk, line: Line) -> str | None:
    """Tell the token under which a receipt of a line may still be waiting, if any."""
    if not chunks.bit(line.position) & chunks.together(chunk):
        return None
    if line.state not in (None, states.SENT, states.UNKNOWN):
        return None
    token: str | None = line.token or chunk.token
    return token


def _done(chunk: Chunk, line: Line, orphan: TokenItem, *, now: datetime) -> None:
    token = BroadcastToken(
        key="", lines_key=chunk.lines_key, chunk_key=chunk.key, chunk_item=chunk.item
    )
    delivered_at = orphan.delivered_at or orphan.seen_at
    told = (
        (states.DELIVERED, delivered_at),
        (states.SEEN, orphan.seen_at),
        (states.FAILED, orphan.failed_at if delivered_at is None else None),
    )
    for event, at in told:
        if at is not None:
            lines.receipt(token, line.subscriber_id, event, orphan.reason, at=at, now=now)
