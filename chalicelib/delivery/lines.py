"""A broadcast's line as a receipt meets it: found by the token of its chunk, and by nothing else.

A chunk goes to Viber under one token, which its item under bot and token leads back to. A receipt
touches its own line alone; what it does to money waits for the chunk's next pass.
"""

from collections.abc import Iterable
from datetime import datetime

from pynamodb.expressions.update import Action

from chalicelib import ids, store
from chalicelib.delivery import chunks, paying, states
from chalicelib.log import log
from chalicelib.tables import BroadcastToken, Chunk, Difference, Line, LooseChunk

ON_ITS_WAY = (None, states.SENDING, states.UNKNOWN)


def wanted(bot_id: str, token: str) -> tuple[type[BroadcastToken], str, str]:
    """Name what a token leads to for `store.read`."""
    return BroadcastToken, chunks.token_key(bot_id, token), "token"


def receipt(
    found: BroadcastToken,
    subscriber_id: str,
    event: str,
    reason: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Do what a receipt says to its line, once; doing it again changes nothing.

    Again it lists what its first time may have died before listing.
    """
    before = Line.state.is_in(*states.BEFORE_RECEIPT[event])
    try:
        line = store.update(
            Line(key=found.lines_key, item=chunks.line_item(subscriber_id)),
            _changes(event, reason, at),
            Line.key.exists() & (Line.state.does_not_exist() | before),
        )
    except store.Changed:
        log.info("receipt without effect", lines=found.lines_key, receipt=event)
        if not found.is_settled:
            return
        stored = store.get(Line, found.lines_key, chunks.line_item(subscriber_id))
        if stored is None or stored.state not in (states.DELIVERED, states.SEEN):
            return
        line = stored
    if found.is_settled and event != states.FAILED:
        _listed_as_unpaid(found, line, now=now)


def may_own(bot_id: str, subscriber_id: str, now: datetime) -> bool:
    """Say whether a receipt to this subscriber may be of a broadcast whose token nobody knows."""
    cursor = None
    while True:
        found, cursor = store.page(
            LooseChunk, bot_id, LooseChunk.item.startswith("loose#"), limit=100, cursor=cursor
        )
        for loose in found:
            line = store.get(Line, loose.lines_key, chunks.line_item(subscriber_id))
            if line is not None and line.state in ON_ITS_WAY and loose.expires_at > now:
                return True
        if cursor is None:
            return False


def owned(bot_id: str, tokens: Iterable[str]) -> set[str]:
    """Tell which of these tokens are those of broadcasts."""
    found = store.read(*(wanted(bot_id, token) for token in tokens))
    return {each.key.partition("/")[2] for each in found if each is not None}


def _changes(event: str, reason: str | None, at: datetime) -> list[Action]:
    changes: list[Action] = [Line.state.set(event)]
    if event == states.FAILED:
        changes += [Line.failed_at.set(at), Line.reason.set(reason or states.FAILED_ON_DEVICE)]
        return changes
    changes += [
        Line.delivered_at.set(Line.delivered_at | at),
        Line.failed_at.remove(),
        Line.reason.remove(),
    ]
    if event == states.SEEN:
        changes.append(Line.seen_at.set(at))
    return changes


def _listed_as_unpaid(found: BroadcastToken, line: Line, *, now: datetime) -> None:
    """Put on the operators' list a line that arrived after its chunk's last pass."""
    chunk = store.get(Chunk, found.chunk_key, found.chunk_item)
    if chunk is None:
        return
    went_back = chunks.read(chunk.released) & ~chunks.read(chunk.unpaid)
    micros = chunks.micros(chunk, chunks.bit(line.position) & went_back)
    if micros:
        write = unpaid(chunk, [line], micros, now=now, mark=line.subscriber_id)
        try:
            store.put(write, Difference.key.does_not_exist())
        except store.Changed:
            log.info("listed before", chunk=chunk.name)


def unpaid(
    chunk: Chunk, lines: list[Line], micros: int, *, now: datetime, mark: object
) -> Difference:
    """Make the item of the operators' list for lines that arrived after their money went back."""
    return difference(
        chunk,
        paying.DELIVERED_UNPAID,
        micros,
        now=now,
        mark=mark,
        subscriber_ids=[line.subscriber_id for line in lines],
    )


def unpaid_item(chunk: Chunk, mark: object) -> str:
    """Name the place on the list of lines that arrived unpaid."""
    return f"difference#{chunk.name}#{paying.DELIVERED_UNPAID}#{mark}"


def difference(
    chunk: Chunk, kind: str, micros: int, *, now: datetime, mark: object, **facts: object
) -> Difference:
    """Make the item of the operators' list for what differs about a chunk; `mark` names it."""
    cause = f"{chunk.name}/{kind}/{mark}"
    return Difference(
        key=chunk.account_id,
        item=f"difference#{chunk.name}#{kind}#{mark}",
        desk="differences",
        desk_order=ids.caused("dif", ids.to_ms(now), cause),
        account_id=chunk.account_id,
        kind=kind,
        at=now,
        bot_id=chunk.bot_id,
        message_id=chunk.name,
        price_micros=micros,
        facts={"broadcast_id": chunk.broadcast_id} | facts,
    )
