"""A chunk goes line by line, for a bot that Viber has not allowed to broadcast.

The chunk's money is held as ever. Each line goes from queued to `sending` by its own condition,
then one call; only a line that is found `sending` later is unknown.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import billing, bots, config, store, viber
from chalicelib.billing import Change
from chalicelib.delivery import chunks, lines, paying, sending, states
from chalicelib.delivery.broadcasts import catching, steering, together
from chalicelib.delivery.broadcasts.holding import given_back, returned_quota
from chalicelib.log import log
from chalicelib.tables import Broadcast, Chunk, Line, LooseChunk
from chalicelib.viber import Status

WAITS_MAX = 5
"""Viber answers 12 also for one receiver who has had too much: then his line fails at last."""
PAUSES_ON = (*viber.STOPS_SENDING, Status.FREE_MESSAGES_EXCEEDED, Status.NO_BALANCE)
WAITING = "waiting"
STOPPING = "stopping"
LEFT = (None, states.SENDING)


def go_on(
    broadcast: Broadcast,
    chunk: Chunk,
    known: bots.Known,
    *,
    clock: Callable[[], datetime],
    has_time: Callable[[], bool],
    http: viber.Transport | None,
) -> str:
    """Send what is left of a chunk; returns the state it is in afterwards."""
    client = viber.Client(known.key, base_url=config.viber_api_url(), http=http)
    payload = together.payload_of(broadcast)
    went = chunks.unsettled(chunk)
    left = [line for line in chunks.lines_of(chunk) if line.state in LEFT]
    for number, line in enumerate(line for line in left if chunks.bit(line.position) & went):
        if not has_time():
            return chunks.SINGLY
        if number % steering.ASKED_EVERY == 0 and steering.is_stopped(broadcast):
            return STOPPING
        state = _one(broadcast, chunk, line, client, payload, known, now=clock())
        if state in (WAITING, steering.PAUSED):
            return state
    return close(broadcast, chunk, is_stopped=False, now=clock())


def close(broadcast: Broadcast, known: Chunk, *, is_stopped: bool, now: datetime) -> str:
    """End a chunk whose lines are all told; with `is_stopped` those that are left do not go."""
    if is_stopped:
        leave_out(chunks.lines_of(known), chunks.unsettled(known))
    return store.again(lambda: _closed(broadcast, known, now=now))


def leave_out(found: Sequence[Line], mask: int) -> None:
    """Let those of these lines that nobody has begun never be sent.

    Another worker may have the chunk in hand: the line is all that both meet on, so that it is
    either left out here or on its way there.
    """
    unanswered = Line.state.does_not_exist() & Line.message_id.does_not_exist()
    told: list[Action] = [Line.state.set(chunks.SKIPPED), Line.reason.set(chunks.STOPPED)]
    for line in found:
        is_left = line.state is None and line.message_id is None
        if is_left and chunks.bit(line.position) & mask:
            _change(line, told, unanswered)


def tell_stale(chunk: Chunk, *, now: datetime) -> None:
    """Let those lines be unknown whose call has no answer any more."""
    for line in chunks.lines_of(chunk):
        if line.state == states.SENDING:
            _found_sending(line, now=now)


def _one(
    broadcast: Broadcast,
    chunk: Chunk,
    line: Line,
    client: viber.Client,
    payload: dict[str, object],
    known: bots.Known,
    *,
    now: datetime,
) -> str:
    if line.state == states.SENDING:
        return _found_sending(line, now=now)
    mine = uuid.uuid4().hex
    taken = [Line.state.set(states.SENDING), Line.sending_at.set(now), Line.sending_by.set(mine)]
    if not _change(line, taken, Line.state.does_not_exist()):
        found = store.get(Line, line.key, line.item)
        if found is None or found.sending_by != mine or found.state != states.SENDING:
            return states.SENDING if found is None else str(found.state)
        # The answer to this very write was lost, and it was made again.
    on_its_way = Line.state.is_in(states.SENDING, states.UNKNOWN) & (Line.sending_by == mine)
    try:
        sent = client.send_message(line.subscriber_id, payload)
    except viber.Refused as refused:
        return _refused(broadcast, line, refused, known, on_its_way, now=now)
    except viber.Unknown as unknown:
        log.warning("no answer", chunk=chunk.name, reason=unknown.reason)
        _change(line, [Line.state.set(states.UNKNOWN)], on_its_way)
        return states.UNKNOWN
    token = chunks.token_of(chunk, sent.token, expires_at=now + states.TOKENS_KEPT_FOR)
    store.insist(lambda: store.put(token))
    told = [Line.state.set(states.SENT), Line.token.set(sent.token)]
    if sent.billing_status is not None:
        told.append(Line.billing_status.set(sent.billing_status))
    if not _surely(line, told, on_its_way):
        # Its receipt was faster.
        _surely(line, told[1:], Line.sending_by == mine)
    _waits_no_more(broadcast)
    return states.SENT


def _found_sending(line: Line, *, now: datetime) -> str:
    if now - (line.sending_at or now) < states.ANSWERED_WITHIN:
        return states.SENDING
    same = (Line.state == states.SENDING) & (Line.sending_by == line.sending_by)
    _change(line, [Line.state.set(states.UNKNOWN)], same)
    return states.UNKNOWN


def _refused(
    broadcast: Broadcast,
    line: Line,
    refused: viber.Refused,
    known: bots.Known,
    on_its_way: Condition,
    *,
    now: datetime,
) -> str:
    tries = line.tries or 0
    if together.is_cut_off(refused) or (together.waits(refused) and tries < WAITS_MAX):
        # Without a connection nothing was asked of Viber, and the line is as good as new.
        tried = [] if together.is_cut_off(refused) else [Line.tries.set(tries + 1)]
        _surely(line, [Line.state.remove(), *tried], on_its_way)
        store.again(lambda: _wait(broadcast, now=now))
        return WAITING
    failed: list[Action] = [
        Line.state.set(states.FAILED),
        Line.failed_at.set(now),
        Line.reason.set(states.VIBER_REFUSED),
    ]
    if refused.status is not None:
        failed.append(Line.viber_status.set(refused.status))
    _surely(line, failed, on_its_way)
    if refused.status not in PAUSES_ON:
        return states.FAILED
    reason = together.reason_of(refused.status)
    steering.pause_for(broadcast, reason, refused.words, refused.status)
    sending.learn(known.bot, refused.status, now=now)
    return steering.PAUSED


def _wait(broadcast: Broadcast, *, now: datetime) -> None:
    if writes := together.wait(broadcast, now=now):
        store.commit(writes)


def _waits_no_more(broadcast: Broadcast) -> None:
    """Let the next wait be a short one again, now that Viber takes something."""
    if broadcast.tries:
        named = Broadcast(key=broadcast.key, item=broadcast.item)
        store.update(named, [Broadcast.tries.remove()], Broadcast.key.exists())
        broadcast.tries = None


def _closed(broadcast: Broadcast, known: Chunk, *, now: datetime) -> str:
    chunk, balance = store.read((Chunk, known.key, known.item), billing.wanted(known.account_id))
    if chunk.state != chunks.SINGLY:
        return str(chunk.state)
    found = chunks.lines_of(chunk)
    went = chunks.unsettled(chunk)
    mine = [line for line in found if chunks.bit(line.position) & went]
    if any(line.state in LEFT for line in mine):
        return chunks.SINGLY
    left = [line for line in mine if line.state == chunks.SKIPPED]
    gone = chunks.mask_of(line.position for line in (*left, *_failed(mine)))
    if left:
        stopped = chunks.mask_of(line.position for line in left)
        chunk.skipped[chunks.STOPPED] = chunks.told(stopped)
    not_billed, billed = _judged(chunk, mine)
    differences = [
        _difference(chunk, kind, mask, now=now)
        for kind, mask in ((paying.NOT_BILLED_THERE, not_billed), (paying.BILLED_THERE, billed))
        if mask
    ]
    chunk.unpaid = chunks.told(not_billed)
    count = gone.bit_count()
    gone |= not_billed
    chunk.state, chunk.sent_at = chunks.SENT, now
    chunk.released = chunks.told(chunks.read(chunk.released) | gone)
    returned = chunk.held_micros - chunks.micros(chunk, went & ~gone)
    chunk.held_micros -= returned
    chunks.due(chunk, now + chunks.PASSES[0])
    chunk.counts = chunks.counted(chunk, found)
    change = Change(chunk.account_id)
    change.void(returned)
    writes = [
        chunks.write(chunk),
        *change.writes(balance, now=now),
        *returned_quota(chunk, count, now=now),
        *given_back(broadcast, returned),
        *differences,
    ]
    if not any(line.state == states.UNKNOWN for line in mine):
        writes.append(store.Delete(LooseChunk(key=chunk.bot_id, item=chunks.loose_item(chunk))))
    store.commit(writes)
    catching.catch_up(chunk, found, now=now)
    return chunks.SENT


def _failed(found: list[Line]) -> list[Line]:
    return [line for line in found if line.state == states.FAILED]


def _judged(chunk: Chunk, found: list[Line]) -> tuple[int, int]:
    """Give the masks of priced lines that Viber did not bill, and of free ones that it did."""
    not_billed = billed = 0
    for line in found:
        mask = chunks.bit(line.position)
        is_billed = line.billing_status == viber.BillingStatus.OUT_OF_SESSION_BILLED
        is_priced = bool(chunks.micros(chunk, mask))
        if line.billing_status is None:
            continue
        if is_priced and not is_billed:
            not_billed |= mask
        elif is_billed and not is_priced:
            billed |= mask
    return not_billed, billed


def _difference(chunk: Chunk, kind: str, mask: int, *, now: datetime) -> store.Write:
    told = lines.difference(
        chunk,
        kind,
        chunks.micros(chunk, mask),
        now=now,
        mark="lines",
        lines=mask.bit_count(),
    )
    return store.Put(told)


def _surely(line: Line, changes: list[Action], condition: Condition) -> bool:
    return store.insist(lambda: _change(line, changes, condition))


def _change(line: Line, changes: list[Action], condition: Condition) -> bool:
    try:
        store.update(Line(key=line.key, item=line.item), changes, condition)
    except store.Changed:
        return False
    return True
