"""The queue's worker: a broadcast is planned or sent on, chunk by chunk, while there is time.

Viber takes 500 broadcast requests in 10 seconds. One run makes at most 100 and the next begins 5
seconds later; the queue's function runs at most twice at once.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from chalicelib import billing, bots, errors, plans, queues, store, viber
from chalicelib.delivery import chunks, states
from chalicelib.delivery.broadcasts import apart, holding, planning, singly, steering, together
from chalicelib.log import log
from chalicelib.queues import Broadcast as Wanted
from chalicelib.tables import Broadcast, Chunk

CHUNKS_A_RUN: Final = 100
PAUSE_SECONDS: Final = 5
BOT_AT_MOST_SECONDS_OLD: Final = 20.0

GO_ON: Final = "go on"
BUSY: Final = "busy"
WAITING: Final = "waiting"
QUEUED_AGAIN: Final = "queued again"
BOT_CONNECTING: Final = "bot-connecting"

Clock = Callable[[], datetime]
HasTime = Callable[[], bool]


def work(
    wanted: Wanted, *, clock: Clock, has_time: HasTime, http: viber.Transport | None = None
) -> str:
    """Bring a broadcast as far as time allows; tells where it was left.

    What has to wait, or is in another's hands, is left to `settle_broadcasts`.
    """
    steps = 0
    while has_time() and steps < CHUNKS_A_RUN:
        now = clock()
        item = chunks.broadcast_item(wanted.broadcast_id)
        broadcast = store.get(Broadcast, wanted.account_id, item)
        if broadcast is None or broadcast.state not in steering.LIVE:
            return "gone" if broadcast is None else str(broadcast.state)
        waits_until = broadcast.waits_until if broadcast.state == "running" else None
        if waits_until is not None and now < waits_until:
            return WAITING
        try:
            left = _step(broadcast, clock=clock, has_time=has_time, http=http)
        except store.Changed:
            left = GO_ON
        steps += 1
        if left in (BUSY, BOT_CONNECTING):
            _looked_at_soon(broadcast, now=clock())
        if left != GO_ON:
            return WAITING if left == BOT_CONNECTING else left
    is_fast = steps == CHUNKS_A_RUN
    queues.put_broadcast(wanted, delay_seconds=PAUSE_SECONDS if is_fast else 0)
    return QUEUED_AGAIN


def _step(
    broadcast: Broadcast, *, clock: Clock, has_time: HasTime, http: viber.Transport | None
) -> str:
    now = clock()
    if broadcast.state == "planning":
        planning.plan(broadcast, now=now)
        return GO_ON
    number = broadcast.chunks_done
    if number >= broadcast.chunks:
        return _ended(broadcast, "done", Counter(), now=now)
    partition = chunks.partition(broadcast.account_id, broadcast.broadcast_id)
    chunk = store.get(Chunk, partition, chunks.chunk_item(number))
    if chunk is None:
        raise store.Changed("chunk")
    if chunk.state == chunks.SENDING:
        if now - (chunk.sending_at or now) < states.ANSWERED_WITHIN:
            return BUSY
        together.become_unknown(chunk, now=now)
        return GO_ON
    if broadcast.state == "stopping":
        return _stopped(broadcast, chunk, now=now)
    known = bots.known(broadcast.bot_id, now, at_most_seconds_old=BOT_AT_MOST_SECONDS_OLD)
    if known is None or _trouble(known, now) is not None:
        # A verdict against sending is not taken from memory.
        known = bots.known(broadcast.bot_id, now, at_most_seconds_old=0)
    trouble = states.BOT_DISCONNECTED if known is None else _trouble(known, now)
    if trouble == BOT_CONNECTING:
        return BOT_CONNECTING
    if known is None or trouble is not None:
        steering.pause_for(broadcast, str(trouble))
        return steering.PAUSED
    try:
        if chunk.state in (chunks.PREPARING, chunks.HELD):
            return _sent_together(broadcast, chunk, known, now=now, http=http)
        if chunk.state == chunks.SINGLY:
            state = singly.go_on(broadcast, chunk, known, clock=clock, has_time=has_time, http=http)
            return _left(state, has_time)
        return _finished(broadcast, chunk, clock=clock, has_time=has_time)
    except (errors.Conflict, errors.BadInput) as refusal:
        steering.pause_for(broadcast, refusal.kind, refusal.detail)
        return steering.PAUSED


def _looked_at_soon(broadcast: Broadcast, *, now: datetime) -> None:
    """Have a broadcast queued again in a minute, for what it waits for may be over by then."""
    soon = [Broadcast.due_at.set(now + steering.LOOKED_AT_WITHIN)]
    try:
        store.update(_named(broadcast), soon, Broadcast.state == broadcast.state)
    except store.Changed:
        log.info("broadcast is at another point", broadcast_id=broadcast.broadcast_id)


def _trouble(known: bots.Known, now: datetime) -> str | None:
    """Tell why nothing can be sent through a bot now, None where it can."""
    bot = known.bot
    if bot.state == "connecting":
        return BOT_CONNECTING
    if bot.state != "connected":
        return states.BOT_DISCONNECTED
    if bot.sending_stopped is not None:
        return states.SENDING_STOPPED
    return None if plans.may_send(bot, now) else states.BOT_ENDED


def _sent_together(
    broadcast: Broadcast,
    chunk: Chunk,
    known: bots.Known,
    *,
    now: datetime,
    http: viber.Transport | None,
) -> str:
    decided = holding.hold(broadcast, chunk.number, now=now)
    if decided is not None and decided.chunk.state == chunks.SENDING:
        together.call(broadcast, decided.chunk, decided.lines, known, now=now, http=http)
    return GO_ON


def _left(state: str, has_time: HasTime) -> str:
    if state in (singly.WAITING, steering.PAUSED):
        return state
    # Lines that are still `sending` are in another's hands, or of a run that died.
    return BUSY if state == chunks.SINGLY and has_time() else GO_ON


def _finished(broadcast: Broadcast, chunk: Chunk, *, clock: Clock, has_time: HasTime) -> str:
    """Send those apart, and go on to the next chunk."""
    lines = chunks.lines_of(chunk)
    wanted = chunks.read(chunk.apart)
    accepted: list[queues.Outgoing] = []
    try:
        left = [line for line in lines if line.message_id is None and line.state is None]
        for number, line in enumerate(line for line in left if chunks.bit(line.position) & wanted):
            if not has_time():
                return GO_ON
            if number % steering.ASKED_EVERY == 0 and steering.is_stopped(broadcast):
                return GO_ON
            message = apart.accept_one(broadcast, chunk, line, now=clock())
            if message is not None:
                accepted.append(message)
    finally:
        if accepted:
            queues.put_outgoing(accepted)
    counts = Counter(chunk.counts)
    if wanted:
        lines = chunks.lines_of(chunk)
        counts = Counter(chunks.counted(chunk, lines, steering.messages_of(chunk, lines)))
    changes = [
        Broadcast.chunks_done.set(chunk.number + 1),
        Broadcast.progress.set(dict(Counter(broadcast.progress) + counts)),
        Broadcast.tries.remove(),
        Broadcast.due_at.set(clock() + steering.LOOKED_AT_WITHIN),
    ]
    is_next = (Broadcast.chunks_done == chunk.number) & (Broadcast.state == "running")
    store.update(_named(broadcast), changes, is_next)
    return GO_ON


def _stopped(broadcast: Broadcast, chunk: Chunk, *, now: datetime) -> str:
    """Give back what the current chunk holds for those who were not sent to, and end.

    Those apart who have no message yet get none.
    """
    if chunk.state == chunks.SINGLY:
        singly.tell_stale(chunk, now=now)
        if singly.close(broadcast, chunk, is_stopped=True, now=now) == chunks.SINGLY:
            return BUSY
        chunk = together.fresh(chunk)
    elif chunk.state == chunks.HELD:
        balance = store.get(*billing.wanted(chunk.account_id))
        chunk.state = chunks.STOPPED
        gives = holding.gives_all_back(broadcast, chunk, balance, now=now)
        chunk.counts = chunks.counted(chunk, chunks.lines_of(chunk))
        store.commit([chunks.write(chunk), *gives])
    counts = Counter(chunk.counts)
    if wanted := chunks.read(chunk.apart):
        singly.leave_out(chunks.lines_of(chunk), wanted)
        lines = chunks.lines_of(chunk)
        counts = Counter(chunks.counted(chunk, lines, steering.messages_of(chunk, lines)))
    return _ended(broadcast, "stopped", counts, now=now)


def _ended(broadcast: Broadcast, state: str, counts: Counter[str], *, now: datetime) -> str:
    changes: list[Any] = [
        Broadcast.state.set(state),
        Broadcast.progress.set(dict(Counter(broadcast.progress) + counts)),
        Broadcast.ended_at.set(now),
        Broadcast.due_at.remove(),
        Broadcast.revision.set(Broadcast.revision + 1),
    ]
    store.update(_named(broadcast), changes, Broadcast.state == broadcast.state)
    log.info("broadcast ended", broadcast_id=broadcast.broadcast_id, state=state)
    return state


def _named(broadcast: Broadcast) -> Broadcast:
    return Broadcast(key=broadcast.key, item=broadcast.item)
