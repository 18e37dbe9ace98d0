"""A chunk goes to Viber in one request, and what is answered goes into one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from chalicelib import billing, bots, config, errors, store, viber
from chalicelib.billing import Change
from chalicelib.delivery import chunks, lines, paying, sending, states
from chalicelib.delivery.broadcasts import catching, steering
from chalicelib.delivery.broadcasts.holding import given_back, gives_all_back, returned_quota
from chalicelib.log import log
from chalicelib.tables import Broadcast, Chunk, Line, LooseChunk
from chalicelib.viber import Status

NOT_ALLOWED: Final = (Status.CANNOT_SEND_BROADCAST, Status.BROADCAST_NOT_ALLOWED)
WAIT_FIRST: Final = timedelta(minutes=1)
WAIT_MAX: Final = timedelta(minutes=30)
TOO_MANY_HTTP: Final = 429
VIBER_REFUSED: Final = "viber-refused"
NO_BALANCE_AT_VIBER: Final = "viber-no-balance"
FREE_MESSAGES_USED: Final = "free-messages-used"


def call(
    broadcast: Broadcast,
    chunk: Chunk,
    found: Sequence[Line],
    known: bots.Known,
    *,
    now: datetime,
    http: viber.Transport | None,
) -> str:
    """Send a chunk that is `sending`, once; returns the state it is left in."""
    went = chunks.positions(chunks.together(chunk))
    receivers = [found[position].subscriber_id for position in went]
    client = viber.Client(known.key, base_url=config.viber_api_url(), http=http)
    try:
        sent = client.broadcast_message(receivers, payload_of(broadcast))
    except viber.Refused as refused:
        return _refused(broadcast, chunk, found, refused, known, now=now)
    except viber.Unknown as unknown:
        log.warning("no answer", chunk=chunk.name, reason=unknown.reason)
        return become_unknown(chunk, now=now)
    try:
        return store.insist(lambda: _sent(broadcast, chunk, found, sent, now=now))
    except errors.Busy:
        _keep_token(chunk, sent.token)
        raise


def _keep_token(chunk: Chunk, token: str) -> None:
    """Keep at least the token, so that receipts find their lines and its passes what arrived.

    The account's balance, which may be what everybody writes just now, is not in it.
    """
    is_on_its_way = Chunk.state.is_in(chunks.SENDING, chunks.UNKNOWN)
    kept = (
        Chunk.token.set(token),
        Chunk.due_shard.set(store.shard_of("chunk", chunk.name)),
        Chunk.due_at.set(chunk.sending_at + chunks.PASSES[0]),
        Chunk.revision.set(Chunk.revision + 1),
    )
    item = Chunk(key=chunk.key, item=chunk.item)
    store.commit(
        [
            store.Update(item, is_on_its_way, actions=kept),
            _told(chunk, token),
            store.Delete(LooseChunk(key=chunk.bot_id, item=chunks.loose_item(chunk))),
        ]
    )


def _told(chunk: Chunk, token: str) -> store.Put:
    """Return the write that leads receipts from a chunk's token to its lines."""
    expires_at = (chunk.sending_at or chunk.sent_at) + states.TOKENS_KEPT_FOR
    return store.Put(chunks.token_of(chunk, token, expires_at=expires_at))


def become_unknown(known: Chunk, *, now: datetime) -> str:
    """Mark a chunk whose request has no readable answer; it is never sent a second time."""

    def once() -> str:
        chunk = fresh(known)
        if chunk.state != chunks.SENDING:
            return str(chunk.state)
        chunk.state = chunks.UNKNOWN
        first = chunks.PASSES[-1 if chunk.token is None else 0]
        chunks.due(chunk, (chunk.sending_at or now) + first)
        chunk.counts = chunks.counted(chunk, chunks.lines_of(chunk))
        store.commit([chunks.write(chunk)])
        log.warning("chunk unknown", chunk=chunk.name)
        return chunks.UNKNOWN

    return store.again(once)


def payload_of(broadcast: Broadcast) -> dict[str, object]:
    """Write what a broadcast says as Viber wants it."""
    content = msgspec.convert(broadcast.content, viber.Sendable)
    return viber.payload(content, sender_name=broadcast.sender_name)


def fresh(known: Chunk) -> Chunk:
    """Read a chunk again; one that was made is never removed."""
    found = store.get(Chunk, known.key, known.item)
    if found is None:
        raise store.Changed("chunk")
    return found


def waits(refused: viber.Refused) -> bool:
    """Say whether a refusal passes by itself: too many requests, or no connection."""
    is_too_many = refused.status == Status.TOO_MANY_REQUESTS or refused.http_status == TOO_MANY_HTTP
    return is_too_many or is_cut_off(refused)


def is_cut_off(refused: viber.Refused) -> bool:
    """Say whether there was no connection, so that nothing was asked at all."""
    return refused.status is None and refused.http_status == 0


def reason_of(status: int | None) -> str:
    """Name in stable words why a broadcast pauses on Viber's refusal."""
    if status == Status.FREE_MESSAGES_EXCEEDED:
        return FREE_MESSAGES_USED
    if status == Status.NO_BALANCE:
        return NO_BALANCE_AT_VIBER
    return states.SENDING_STOPPED if status in viber.STOPS_SENDING else VIBER_REFUSED


def wait(broadcast: Broadcast, *, now: datetime) -> list[store.Write]:
    """Return the write that lets a broadcast wait, longer each time.

    One that does not run any more has nothing to wait for: paused it rests until somebody resumes
    it, and its stop is not put off.
    """
    fresh_one = steering.get(broadcast.account_id, broadcast.broadcast_id)
    if fresh_one.state != "running":
        return []
    tries = (fresh_one.tries or 0) + 1
    until = now + min(WAIT_FIRST * 2 ** min(tries - 1, 10), WAIT_MAX)
    return [
        store.Update(
            Broadcast(key=broadcast.key, item=broadcast.item),
            Broadcast.state == "running",
            actions=(
                Broadcast.tries.set(tries),
                Broadcast.waits_until.set(until),
                Broadcast.due_at.set(until),
            ),
        )
    ]


def _sent(
    broadcast: Broadcast,
    known: Chunk,
    found: Sequence[Line],
    sent: viber.BroadcastSent,
    *,
    now: datetime,
) -> str:
    chunk, balance = store.read((Chunk, known.key, known.item), billing.wanted(known.account_id))
    if chunk.state not in (chunks.SENDING, chunks.UNKNOWN):
        return str(chunk.state)
    by_receiver = {failed.receiver: failed.status for failed in sent.failed}
    went = chunks.together(chunk)
    chunk.refused = {
        str(line.position): by_receiver[line.subscriber_id] or 0
        for line in found
        if line.subscriber_id in by_receiver and chunks.bit(line.position) & went
    }
    gone = chunks.mask_of(int(position) for position in chunk.refused)
    chunk.state, chunk.sent_at, chunk.token = chunks.SENT, now, sent.token
    chunk.billing_status = sent.billing_status
    differences = _verdict(chunk, went & ~gone, now=now)
    if chunk.verdict == paying.NOT_BILLED_THERE:
        gone = went
    chunk.released = chunks.told(gone)
    returned = chunk.held_micros - chunks.micros(chunk, went & ~gone)
    chunk.held_micros -= returned
    chunks.due(chunk, now + chunks.PASSES[0])
    chunk.counts = chunks.counted(chunk, found)
    change = Change(chunk.account_id)
    change.void(returned)
    store.commit(
        [
            chunks.write(chunk),
            _told(chunk, sent.token),
            store.Delete(LooseChunk(key=chunk.bot_id, item=chunks.loose_item(chunk))),
            *change.writes(balance, now=now),
            *returned_quota(chunk, len(chunk.refused), now=now),
            *given_back(broadcast, returned),
            *differences,
        ]
    )
    catching.catch_up(chunk, found, now=now)
    return chunks.SENT


def _verdict(chunk: Chunk, took: int, *, now: datetime) -> list[store.Put]:
    """Compare Viber's one verdict on all it took with ours; list where they differ."""
    status = chunk.billing_status
    if status is None or not took:
        return []
    is_billed = status == viber.BillingStatus.OUT_OF_SESSION_BILLED
    micros = chunks.micros(chunk, took)
    if micros and not is_billed:
        kind = paying.NOT_BILLED_THERE
    elif not micros and is_billed:
        kind = paying.BILLED_THERE
    else:
        return []
    chunk.verdict = kind
    told = lines.difference(
        chunk, kind, micros, now=now, mark="all", billing_status=status, lines=took.bit_count()
    )
    return [store.Put(told)]


def _refused(
    broadcast: Broadcast,
    known: Chunk,
    found: Sequence[Line],
    refused: viber.Refused,
    bot: bots.Known,
    *,
    now: datetime,
) -> str:
    log.info("chunk refused", chunk=known.name, status=refused.status, http=refused.http_status)
    if refused.status in NOT_ALLOWED:
        return store.insist(lambda: _goes_singly(broadcast, known, now=now))
    if waits(refused):
        return store.insist(lambda: _waits(broadcast, known, found, now=now))
    state = store.insist(lambda: _failed(broadcast, known, found, refused, now=now))
    # Before anything else is learnt of it, the other chunks are kept from being refused too.
    steering.pause_for(broadcast, reason_of(refused.status), refused.words, refused.status)
    sending.learn(bot.bot, refused.status, now=now)
    return state


def _goes_singly(broadcast: Broadcast, known: Chunk, *, now: datetime) -> str:
    chunk = fresh(known)
    if chunk.state not in (chunks.SENDING, chunks.UNKNOWN):
        return str(chunk.state)
    chunk.state = chunks.SINGLY
    chunks.due(chunk, now + chunks.PASSES[-1])
    item = Broadcast(key=broadcast.key, item=broadcast.item)
    singly = store.Update(item, Broadcast.key.exists(), actions=(Broadcast.sends_singly.set(True),))
    store.commit([chunks.write(chunk), singly])
    return chunks.SINGLY


def _waits(broadcast: Broadcast, known: Chunk, found: Sequence[Line], *, now: datetime) -> str:
    chunk = fresh(known)
    if chunk.state not in (chunks.SENDING, chunks.UNKNOWN):
        return str(chunk.state)
    chunk.state = chunks.HELD
    chunk.sending_at = None
    chunks.due(chunk, now + chunks.PASSES[-1])
    chunk.counts = chunks.counted(chunk, found)
    loose = store.Delete(LooseChunk(key=chunk.bot_id, item=chunks.loose_item(chunk)))
    store.commit([chunks.write(chunk), loose, *wait(broadcast, now=now)])
    return chunks.HELD


def _failed(
    broadcast: Broadcast,
    known: Chunk,
    found: Sequence[Line],
    refused: viber.Refused,
    *,
    now: datetime,
) -> str:
    chunk, balance = store.read((Chunk, known.key, known.item), billing.wanted(known.account_id))
    if chunk.state not in (chunks.SENDING, chunks.UNKNOWN):
        return str(chunk.state)
    chunk.state, chunk.reason, chunk.viber_status = chunks.FAILED, VIBER_REFUSED, refused.status
    gives = gives_all_back(broadcast, chunk, balance, now=now)
    chunk.counts = chunks.counted(chunk, found)
    store.commit([chunks.write(chunk), *gives])
    return chunks.FAILED
