"""A broadcast is started at a price agreed, paused, resumed and stopped; and looked at.

    ready ──► running ──► done
                │  ▲
                ▼  │
              paused ──► stopping ──► stopped

Who stops gives back what is held for those that were not sent yet. A broadcast that cannot go on
pauses by itself, with the reason.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pynamodb.expressions.update import Action

from chalicelib import audit, conversations, errors, money, queues, store
from chalicelib.audit import Actor
from chalicelib.delivery import chunks, states
from chalicelib.delivery.broadcasts import listing
from chalicelib.delivery.broadcasts.planning import queued
from chalicelib.log import log
from chalicelib.money import Money
from chalicelib.tables import Broadcast, Chunk, Contact, Conversation, Line, Message

LOOKED_AT_WITHIN = timedelta(minutes=1)
PAUSED = "paused"
LIVE = ("planning", "running", "stopping")
CHUNKS_AT_ONCE = 200
RUNNING_MAX = 10
COUNTED_NOW_MAX = 3
ASKED_EVERY = 10
"""After so many lines a worker asks whether somebody has stopped the broadcast."""


class Told(NamedTuple):
    """A broadcast, and what has become of its lines: now, or of a long one at its last passes."""

    broadcast: Broadcast
    counts: Counter[str]
    held_micros: int
    posted_micros: int


class Recipient(NamedTuple):
    """One line as it is shown: its state and why, what it costs or did, and of whom."""

    line: Line
    state: str
    reason: str | None
    viber_status: int | None
    price_micros: int
    message: Message | None
    card: Contact | None
    talk: Conversation | None


def get(account_id: str, broadcast_id: str) -> Broadcast:
    """Read a broadcast, or raise NotFound."""
    found = store.get(Broadcast, account_id, chunks.broadcast_item(broadcast_id))
    if found is None:
        raise errors.NotFound("There is no such broadcast.", field="broadcast_id")
    return found


def show(account_id: str, broadcast_id: str) -> Told:
    """Tell how far a broadcast is; the lines of a short one are counted as they are now."""
    broadcast = get(account_id, broadcast_id)
    counts: Counter[str] = Counter()
    held = posted = 0
    for chunk in every_chunk(broadcast):
        is_counted_now = broadcast.chunks <= COUNTED_NOW_MAX and chunk.state != chunks.PREPARING
        counts.update(_counted_now(chunk) if is_counted_now else chunk.counts)
        held += chunk.held_micros
        posted += chunks.micros(chunk, chunks.read(chunk.posted))
    return Told(broadcast, counts, held, posted)


def _counted_now(chunk: Chunk) -> dict[str, int]:
    lines = chunks.lines_of(chunk)
    return chunks.counted(chunk, lines, messages_of(chunk, lines))


def recipients(
    account_id: str, broadcast_id: str, *, number: int
) -> tuple[list[Recipient], int | None]:
    """Tell a chunk's lines as they are now, and the number of the next chunk."""
    broadcast = get(account_id, broadcast_id)
    partition = chunks.partition(account_id, broadcast_id)
    chunk = store.get(Chunk, partition, chunks.chunk_item(number))
    if chunk is None:
        return [], None
    lines = chunks.lines_of(chunk)
    own = messages_of(chunk, lines)
    found = []
    for line, (card, talk) in zip(lines, _heard_by(chunk, lines, account_id), strict=True):
        message = own.get(str(line.message_id))
        one = _recipient(chunk, line, message, card, talk)
        if broadcast.state == "stopped" and message is None and one.state == states.QUEUED:
            # Nobody writes to a chunk that was never begun.
            one = one._replace(state=chunks.SKIPPED, reason=chunks.STOPPED)
        found.append(one)
    return found, number + 1 if number + 1 < broadcast.chunks else None


def _recipient(
    chunk: Chunk,
    line: Line,
    message: Message | None,
    card: Contact | None,
    talk: Conversation | None,
) -> Recipient:
    if message is not None:
        state, reason, status = message.state, message.reason, message.viber_status
        return Recipient(
            line, state, reason, status, message.price_micros or 0, message, card, talk
        )
    return Recipient(
        line,
        chunks.state_of(chunk, line),
        chunks.reason_of(chunk, line),
        chunks.viber_status_of(chunk, line),
        chunks.micros(chunk, chunks.bit(line.position)),
        message,
        card,
        talk,
    )


def messages_of(chunk: Chunk, lines: list[Line]) -> dict[str, Message]:
    """Read the messages of those lines that got one of their own, by id."""
    wanted = [
        (
            Message,
            conversations.conversation_key(chunk.bot_id, line.subscriber_id),
            conversations.message_item(line.message_id),
        )
        for line in lines
        if line.message_id is not None
    ]
    return {each.message_id: each for each in store.read(*wanted) if each is not None}


def _heard_by(
    chunk: Chunk, lines: list[Line], account_id: str
) -> Iterator[tuple[Contact | None, Conversation | None]]:
    """Read the card and the talk of each line, in the order of the lines."""
    cards = [
        (Contact, conversations.contact_key(account_id, line.contact_id or "-"), None)
        for line in lines
    ]
    talks = [
        (
            Conversation,
            conversations.conversation_key(chunk.bot_id, line.subscriber_id),
            "conversation",
        )
        for line in lines
    ]
    found = store.read(*cards, *talks)
    return zip(found[: len(lines)], found[len(lines) :], strict=True)


def every_chunk(broadcast: Broadcast) -> list[Chunk]:
    """Read all chunks of a broadcast in their order."""
    found: list[Chunk] = []
    cursor = None
    partition = chunks.partition(broadcast.account_id, broadcast.broadcast_id)
    while True:
        some, cursor = store.page(
            Chunk,
            partition,
            Chunk.item.startswith("chunk#"),
            limit=CHUNKS_AT_ONCE,
            cursor=cursor,
        )
        found += some
        if cursor is None:
            return found


def start(
    account_id: str, broadcast_id: str, agreed_price: Money, *, by: Actor, now: datetime
) -> Broadcast:
    """Start a planned broadcast at a price agreed to; starting again changes nothing.

    It never spends more than its cap, or than the price agreed to where it has none. Raises
    NotFound, and Conflict of kind `price-risen` or `not-ready`.
    """
    agreed_micros = money.price(agreed_price, field="agreed_price")

    def changes(broadcast: Broadcast) -> list[Action]:
        if broadcast.state == "running":
            return []
        if broadcast.state != "ready":
            raise _wrong(broadcast, "Only a broadcast that is planned to its end can be started.")
        if broadcast.price_micros > agreed_micros:
            raise errors.Conflict(
                f"This broadcast costs {money.text(broadcast.price_micros)} {money.CURRENCY}, more "
                "than agreed; look at the price and start it again.",
                kind="price-risen",
                price=money.told(broadcast.price_micros),
            )
        _refuse_beside_too_many(account_id)
        cap = broadcast.cap_micros
        limit = agreed_micros if cap is None else cap
        return [Broadcast.limit_micros.set(limit), Broadcast.started_at.set(now), *_goes(now)]

    return _changed(account_id, broadcast_id, changes, "broadcast started", by=by, now=now)


def pause(account_id: str, broadcast_id: str, *, by: Actor, now: datetime) -> Broadcast:
    """Let a broadcast rest after the chunk that is on its way; pausing again changes nothing."""

    def changes(broadcast: Broadcast) -> list[Action]:
        if broadcast.state == PAUSED:
            return []
        if broadcast.state != "running":
            raise _wrong(broadcast, "Only a broadcast that is running can be paused.")
        return _rests("paused-by-person", None, None)

    return _changed(account_id, broadcast_id, changes, "broadcast paused", by=by, now=now)


def resume(
    account_id: str,
    broadcast_id: str,
    spending_cap: Money | None = None,
    *,
    by: Actor,
    now: datetime,
) -> Broadcast:
    """Let a broadcast go on, up to another spending cap if one is given."""
    cap = None if spending_cap is None else money.price(spending_cap, field="spending_cap")

    def changes(broadcast: Broadcast) -> list[Action]:
        if broadcast.state == "running" and cap in (None, broadcast.limit_micros):
            return []
        if broadcast.state != PAUSED:
            raise _wrong(broadcast, "Only a broadcast that is paused can be resumed.")
        _refuse_beside_too_many(account_id)
        capped = [] if cap is None else [Broadcast.cap_micros.set(cap)]
        limited = [] if cap is None else [Broadcast.limit_micros.set(cap)]
        return [*capped, *limited, *_goes(now)]

    return _changed(account_id, broadcast_id, changes, "broadcast resumed", by=by, now=now)


def _refuse_beside_too_many(account_id: str) -> None:
    """Refuse to send one broadcast more beside those that are being sent.

    Two that come at the same instant may both pass; the next one does not.
    """
    running = 0
    for each in listing.every(account_id):
        running += each.state in ("running", "stopping")
        if running >= RUNNING_MAX:
            raise errors.Conflict(
                f"At most {RUNNING_MAX} broadcasts are sent at once; wait for the end of one, or "
                "pause or stop it.",
                kind="too-many-running",
            )


def stop(account_id: str, broadcast_id: str, *, by: Actor, now: datetime) -> Broadcast:
    """End a broadcast before its time; whoever has not been sent to is not, and costs nothing."""

    def changes(broadcast: Broadcast) -> list[Action]:
        if broadcast.state in ("stopping", "stopped"):
            return []
        if broadcast.state == "done":
            raise _wrong(broadcast, "This broadcast is done already.")
        if broadcast.started_at is None:
            return [Broadcast.state.set("stopped"), Broadcast.ended_at.set(now), *_rested()]
        return _goes(now, state="stopping")

    return _changed(account_id, broadcast_id, changes, "broadcast stopped", by=by, now=now)


def is_stopped(broadcast: Broadcast) -> bool:
    """Say whether somebody has stopped a broadcast since it was read."""
    return get(broadcast.account_id, broadcast.broadcast_id).state in ("stopping", "stopped")


def pause_for(
    broadcast: Broadcast, reason: str, words: str | None = None, viber_status: int | None = None
) -> None:
    """Pause a broadcast that cannot go on, with the reason; a person resumes it."""
    log.warning("broadcast paused", broadcast_id=broadcast.broadcast_id, reason=reason)
    try:
        store.update(
            _named(broadcast),
            [*_rests(reason, words, viber_status), Broadcast.revision.set(Broadcast.revision + 1)],
            Broadcast.state == "running",
        )
    except store.Changed:
        log.info("broadcast is not running any more", broadcast_id=broadcast.broadcast_id)


def _changed(
    account_id: str,
    broadcast_id: str,
    changes: Callable[[Broadcast], list[Action]],
    what: audit.Action,
    *,
    by: Actor,
    now: datetime,
) -> Broadcast:
    def once() -> Broadcast:
        broadcast = get(account_id, broadcast_id)
        wanted: list[Any] = changes(broadcast)
        if wanted:
            wanted.append(Broadcast.revision.set(Broadcast.revision + 1))
            as_read = Broadcast.revision == broadcast.revision
            store.commit(
                [
                    store.Update(_named(broadcast), as_read, actions=tuple(wanted)),
                    audit.line(account_id, by, what, broadcast_id, now),
                ]
            )
            broadcast = get(account_id, broadcast_id)
        if broadcast.state in LIVE:
            queues.put_broadcast(queued(broadcast))
        return broadcast

    return store.again(once)


def _goes(now: datetime, *, state: str = "running") -> list[Action]:
    return [
        Broadcast.state.set(state),
        Broadcast.reason.remove(),
        Broadcast.words.remove(),
        Broadcast.viber_status.remove(),
        Broadcast.waits_until.remove(),
        Broadcast.tries.remove(),
        Broadcast.due_at.set(now + LOOKED_AT_WITHIN),
    ]


def _rests(reason: str, words: str | None, viber_status: int | None) -> list[Action]:
    told = [
        attribute.remove() if value is None else attribute.set(value)
        for attribute, value in (
            (Broadcast.words, words),
            (Broadcast.viber_status, viber_status),
        )
    ]
    return [Broadcast.state.set(PAUSED), Broadcast.reason.set(reason), *told, *_rested()]


def _rested() -> list[Action]:
    return [Broadcast.due_at.remove(), Broadcast.waits_until.remove()]


def _named(broadcast: Broadcast) -> Broadcast:
    return Broadcast(key=broadcast.key, item=broadcast.item)


def _wrong(broadcast: Broadcast, detail: str) -> errors.Conflict:
    return errors.Conflict(detail, kind="wrong-state", state=broadcast.state)
