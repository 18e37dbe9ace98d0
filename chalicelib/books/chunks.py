"""What a broadcast's chunks say about money: what they hold, and which lines were paid for."""

from collections.abc import Iterator
from datetime import datetime

from chalicelib import money
from chalicelib.books.facts import HELD, HELD_BEFORE, POSTED, Fact, Finding, every
from chalicelib.delivery import chunks, states
from chalicelib.tables import Broadcast, Chunk, Difference, Line

ARRIVED = (states.DELIVERED, states.SEEN)


def broadcasts(account_id: str, since: datetime | None) -> Iterator[Fact | Finding]:
    """Yield the chunks of the broadcasts that were started and not over long before."""
    of_account = Broadcast.item.startswith("broadcast#")
    has_started = Broadcast.started_at.exists()
    for broadcast in every(Broadcast, account_id, of_account, filtered_by=has_started):
        ended_at = broadcast.ended_at
        if since is not None and ended_at is not None and ended_at < since - HELD_BEFORE:
            continue
        partition = chunks.partition(account_id, broadcast.broadcast_id)
        for chunk in every(Chunk, partition, Chunk.item.startswith("chunk#")):
            if chunk.together:
                yield from _of_chunk(chunk, broadcast.created_at)


def _of_chunk(chunk: Chunk, made_at: datetime) -> Iterator[Fact | Finding]:
    cause = f"broadcast:{chunk.name}"
    since = chunk.decided_at or made_at
    yield Fact(f"{cause}:held", HELD, chunk.held_micros, since)
    posted = chunks.read(chunk.posted)
    spent = chunks.micros(chunk, posted)
    if spent:
        yield Fact(cause, POSTED, spent, since, in_passes=True)
    owed = _still_held(chunk)
    if owed is not None and owed != chunk.held_micros:
        yield Finding("chunk-held", cause, money.text(owed), money.text(chunk.held_micros))
    lines = chunks.lines_of(chunk)
    arrived = chunks.mask_of(line.position for line in lines if line.state in ARRIVED)
    if unfounded := posted & ~arrived:
        told = f"{unfounded.bit_count()} not"
        yield Finding("posted-not-arrived", cause, "delivered or seen", told)
    # What arrived waits for the next pass, where one comes; Viber's own verdict is listed once.
    is_over = chunk.due_at is None and chunk.state in chunks.FINAL
    if is_over and chunk.verdict is None:
        missed = arrived & chunks.together(chunk) & ~posted & ~chunks.read(chunk.unpaid)
        # A legacy bot's cost nothing, and stand on no list.
        if micros := chunks.micros(chunk, _unlisted(chunk, lines, missed)):
            yield Finding("arrived-unlisted", cause, "listed as unpaid", money.text(micros))


def _still_held(chunk: Chunk) -> int | None:
    """Tell what a chunk must hold by its lines; None where that is not known to the micro.

    Until a chunk is answered it may hold money for those who left it while it waited.
    """
    if chunk.is_closed or chunk.state in (chunks.STOPPED, chunks.FAILED):
        return 0
    if chunk.state == chunks.SENT:
        return chunks.micros(chunk, chunks.unsettled(chunk))
    return None


def _unlisted(chunk: Chunk, lines: list[Line], missed: int) -> int:
    if not missed:
        return 0
    listed: set[str] = set()
    of_chunk = Difference.item.startswith(f"difference#{chunk.name}#")
    for difference in every(Difference, chunk.account_id, of_chunk):
        listed |= set(difference.facts.get("subscriber_ids", ()))
    found = (line.position for line in lines if line.subscriber_id in listed)
    return missed & ~chunks.mask_of(found)


def chunk_of(account_id: str, cause: str) -> tuple[type[Chunk], str, str]:
    """Name the chunk that an entry's cause speaks of, for `store.read`."""
    broadcast_id, _, number = cause.split(":")[1].rpartition("-")
    item = chunks.chunk_item(int(number)) if number.isdecimal() else "-"
    return (Chunk, chunks.partition(account_id, broadcast_id), item)
