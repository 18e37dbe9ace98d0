"""A chunk of a broadcast as a value: which lines are in it, by bits, and what they cost.

    preparing ──► sending ──► sent          one request for all who are in `together`
        ▲  │          ├─────► failed
       held◄──────────┤       unknown       no readable answer: never sent twice
           │          └─────► singly ──► sent   where Viber has not allowed broadcasts
           └────────────────► stopped

A line's position in its chunk is a bit of a mask, so that one write of the chunk says what became
of 300 lines, in the transaction that moves their money.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from chalicelib import store
from chalicelib.delivery import states
from chalicelib.tables import BroadcastToken, Chunk, Line, Message

SIZE_MAX: Final = 300
"""Viber: one request goes to at most so many."""

NUMBER_DIGITS: Final = 5

PREPARING: Final = "preparing"
HELD: Final = "held"
SENDING: Final = "sending"
SINGLY: Final = "singly"
SENT: Final = "sent"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"
STOPPED: Final = "stopped"
SKIPPED: Final = "skipped"
FINAL: Final = (SENT, FAILED, UNKNOWN, STOPPED)

PASSES: Final = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=15))
"""How long after a chunk was sent its receipts are turned into money."""


def broadcast_item(broadcast_id: str) -> str:
    """Name a broadcast's place among its account's; ids sort by time."""
    return f"broadcast#{broadcast_id}"


def partition(account_id: str, broadcast_id: str) -> str:
    """Name the partition of a broadcast's chunks."""
    return f"{account_id}/{broadcast_id}"


def chunk_item(number: int) -> str:
    """Name a chunk's place in its broadcast."""
    return f"chunk#{number:0{NUMBER_DIGITS}}"


def chunk_name(broadcast_id: str, number: int) -> str:
    """Name a chunk for ever: the causes of its entries are made from it."""
    return f"{broadcast_id}-{number:0{NUMBER_DIGITS}}"


def line_item(subscriber_id: str) -> str:
    """Name a line's place among those of its chunk."""
    return f"line#{subscriber_id}"


def loose_item(chunk: Chunk) -> str:
    """Name a chunk's place among those of its bot whose token nobody knows."""
    return f"loose#{chunk.name}"


def token_key(bot_id: str, token: str) -> str:
    """Name the item of a token that Viber gave to a broadcast."""
    return f"{bot_id}/{token}"


def bit(position: int) -> int:
    """Give the mask of one line."""
    return 1 << position


def mask_of(positions: Iterable[int]) -> int:
    """Give the mask of lines."""
    mask = 0
    for position in positions:
        mask |= 1 << position
    return mask


def positions(mask: int) -> Iterator[int]:
    """Yield the positions in a mask, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def read(text: str) -> int:
    """Read a mask."""
    return int(text, 16)


def told(mask: int) -> str:
    """Write a mask."""
    return f"{mask:x}"


def together(chunk: Chunk) -> int:
    """Give the mask of those that the chunk's money is for."""
    mask = 0
    for group in chunk.together.values():
        mask |= read(group)
    return mask


def micros(chunk: Chunk, mask: int) -> int:
    """Tell what these lines of a chunk cost together."""
    return sum(
        int(price) * (read(group) & mask).bit_count() for price, group in chunk.together.items()
    )


def unsettled(chunk: Chunk) -> int:
    """Give the mask of those whose money is neither posted nor released."""
    return together(chunk) & ~(read(chunk.posted) | read(chunk.released))


def skipped(chunk: Chunk) -> int:
    """Give the mask of those that the chunk left out when it was sent."""
    mask = 0
    for group in chunk.skipped.values():
        mask |= read(group)
    return mask


def lines_of(chunk: Chunk) -> list[Line]:
    """Read a chunk's lines in their order."""
    found: list[Line] = []
    cursor = None
    while True:
        some, cursor = store.page(
            Line, chunk.lines_key, Line.item.startswith("line#"), limit=SIZE_MAX, cursor=cursor
        )
        found += some
        if cursor is None:
            return sorted(found, key=lambda line: int(line.position))


def state_of(chunk: Chunk, line: Line) -> str:
    """Tell the state of a line that has no message of its own: its own, else its chunk's."""
    if line.state is not None:
        return str(line.state)
    if chunk.state == STOPPED or bit(line.position) & skipped(chunk):
        return SKIPPED
    if str(line.position) in chunk.refused:
        return states.FAILED
    if bit(line.position) & read(chunk.apart) or chunk.state in (PREPARING, HELD, SINGLY):
        return states.QUEUED
    return str(chunk.state)


def reason_of(chunk: Chunk, line: Line) -> str | None:
    """Tell why a line was left out or failed: its own word, else its chunk's."""
    if line.state is not None:
        return None if line.reason is None else str(line.reason)
    state = state_of(chunk, line)
    if state == SKIPPED:
        here = bit(line.position)
        return next((why for why, group in chunk.skipped.items() if here & read(group)), STOPPED)
    return (chunk.reason or states.VIBER_REFUSED) if state == states.FAILED else None


def viber_status_of(chunk: Chunk, line: Line) -> int | None:
    """Tell the status with which Viber refused a line: its own, else that of its chunk."""
    status = line.viber_status
    if line.state is None and state_of(chunk, line) == states.FAILED:
        status = chunk.refused.get(str(line.position), chunk.viber_status)
    return int(status) if status else None


def token_of(
    chunk: Chunk, token: str, *, expires_at: datetime, is_settled: bool = False
) -> BroadcastToken:
    """Make the item that leads receipts from a token of Viber's to a chunk's lines."""
    return BroadcastToken(
        key=token_key(chunk.bot_id, token),
        lines_key=chunk.lines_key,
        chunk_key=chunk.key,
        chunk_item=chunk.item,
        is_settled=is_settled,
        expires_at=expires_at,
    )


def counted(
    chunk: Chunk, lines: Iterable[Line], own: Mapping[str, Message] | None = None
) -> dict[str, int]:
    """Count a chunk's lines by state; a line with a message of its own has that message's."""
    counts: Counter[str] = Counter()
    for line in lines:
        message = (own or {}).get(str(line.message_id))
        counts[state_of(chunk, line) if message is None else str(message.state)] += 1
    return dict(counts)


def write(chunk: Chunk) -> store.Write:
    """Return the write of a changed chunk, under the revision it was read at."""
    seen = chunk.revision
    chunk.revision = seen + 1
    unchanged = Chunk.revision == seen if seen else Chunk.key.does_not_exist()
    return store.Put(chunk, unchanged)


def due(chunk: Chunk, at: datetime | None) -> None:
    """Have a chunk looked at by the schedule at an instant, or never."""
    chunk.due_at = at
    chunk.due_shard = None if at is None else store.shard_of("chunk", chunk.name)
