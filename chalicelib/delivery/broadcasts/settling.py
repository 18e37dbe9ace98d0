"""The schedule of broadcasts: passes that turn receipts into money, and what a crash left open.

A chunk is looked at 5 minutes, an hour, a day and 15 days after it was sent. Each pass reads its
lines and writes, in one transaction, the chunk, the balance and one entry: what has newly arrived
is spent, what has newly failed goes back, and at the last pass all that is left does. Once more,
a little later, it is looked at for what arrived while the last pass was being written.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pynamodb.expressions.update import Action

from chalicelib import billing, ids, money, queues, store
from chalicelib.billing import Change
from chalicelib.delivery import chunks, lines, states
from chalicelib.delivery.broadcasts import catching, listing, singly, steering, together
from chalicelib.delivery.broadcasts.holding import decides_afresh, given_back, returned_quota
from chalicelib.delivery.broadcasts.planning import queued
from chalicelib.tables import Balance, Broadcast, Chunk, Difference, Line

LOOKED_AT_AFTER = timedelta(minutes=10)
QUEUED_FOR = timedelta(minutes=10)
"""So long a broadcast that was queued may wait for a worker before it is queued once more."""
ARRIVED = (states.DELIVERED, states.SEEN)
LAST = len(chunks.PASSES) - 1


def due(now: datetime) -> Iterator[Broadcast | Chunk]:
    """Find the broadcasts that should have gone on, and the chunks whose pass has come."""
    yield from store.due(Broadcast, "broadcast", now)
    yield from store.due(Chunk, "chunk", now)


def settle(left: Broadcast | Chunk, *, now: datetime) -> str:
    """Queue a broadcast again, or let a chunk have its pass; tells what was done."""
    if isinstance(left, Broadcast):
        return _queued_again(left, now=now)
    return store.again(lambda: _settled(left, now=now))


def held_micros(account_id: str) -> int:
    """Tell what an account's broadcasts hold now, for the audit of its books."""
    return sum(
        int(chunk.held_micros)
        for broadcast in listing.every(account_id)
        if broadcast.started_at is not None
        for chunk in steering.every_chunk(broadcast)
    )


def _queued_again(broadcast: Broadcast, *, now: datetime) -> str:
    is_live = broadcast.state in steering.LIVE
    later: list[Action] = [
        Broadcast.due_at.set(now + QUEUED_FOR) if is_live else Broadcast.due_at.remove()
    ]
    as_read = (Broadcast.due_at == broadcast.due_at) & (Broadcast.state == broadcast.state)
    try:
        store.update(Broadcast(key=broadcast.key, item=broadcast.item), later, as_read)
    except store.Changed:
        return "changed"
    if not is_live:
        return str(broadcast.state)
    queues.put_broadcast(queued(broadcast))
    return "queued again"


def _settled(known: Chunk, *, now: datetime) -> str:
    chunk, broadcast, balance = store.read(
        (Chunk, known.key, known.item),
        (Broadcast, known.account_id, chunks.broadcast_item(known.broadcast_id)),
        billing.wanted(known.account_id),
    )
    if chunk is None or chunk.due_at is None or chunk.due_at > now:
        return "changed"
    if chunk.state == chunks.SENDING:
        return together.become_unknown(chunk, now=now)
    if chunk.is_closed:
        return _looked(chunk, now=now)
    if chunk.state == chunks.SINGLY:
        return _left_half_sent(broadcast, chunk, now=now)
    if chunk.state == chunks.HELD:
        return _abandoned(broadcast, chunk, balance, now=now)
    return _passed(broadcast, chunk, balance, now=now)


def _abandoned(
    broadcast: Broadcast, chunk: Chunk, balance: Balance | None, *, now: datetime
) -> str:
    """Give back the money of a chunk that nobody has sent on for as long as receipts come."""
    gives = decides_afresh(broadcast, chunk, balance, now=now)
    store.commit([chunks.write(chunk), *gives])
    return "given back"


def _left_half_sent(broadcast: Broadcast, chunk: Chunk, *, now: datetime) -> str:
    """End a chunk that nobody has sent on: what was not sent goes back, the rest has its passes."""
    singly.tell_stale(chunk, now=now)
    return singly.close(broadcast, chunk, is_stopped=True, now=now)


def _passed(broadcast: Broadcast, chunk: Chunk, balance: Balance | None, *, now: datetime) -> str:
    begun_at = chunk.sent_at or chunk.sending_at or now
    number = max(n for n, after in enumerate(chunks.PASSES) if n == 0 or begun_at + after <= now)
    found = chunks.lines_of(chunk)
    # What a receipt does that has read no settled token is seen by the look that comes later.
    is_settled = number == LAST and _settle_tokens(chunk, found, now=now)
    if catching.catch_up(chunk, found, now=now) or is_settled:
        found = chunks.lines_of(chunk)
    priced = chunks.together(chunk)
    arrived = _in(found, ARRIVED) & priced
    open_now = chunks.unsettled(chunk)
    posted = arrived & open_now
    failed = _in(found, (states.FAILED,)) & open_now
    released = failed if number < LAST else open_now & ~posted
    unpaid = arrived & chunks.read(chunk.released) & ~chunks.read(chunk.unpaid)
    if is_settled:
        unpaid &= ~_listed_themselves(chunk, found, unpaid)
    writes = _money(broadcast, chunk, balance, found, posted, released, number, now=now)
    if chunks.micros(chunk, unpaid) and chunk.verdict is None:
        writes.append(_listed(chunk, found, unpaid, number, now=now))
    writes += returned_quota(chunk, failed.bit_count(), now=now)
    chunk.posted = chunks.told(chunks.read(chunk.posted) | posted)
    chunk.released = chunks.told(chunks.read(chunk.released) | released)
    chunk.unpaid = chunks.told(chunks.read(chunk.unpaid) | unpaid)
    chunk.passes, chunk.is_closed = min(number + 1, LAST), number == LAST
    chunk.counts = chunks.counted(chunk, found, steering.messages_of(chunk, found))
    next_at = now + LOOKED_AT_AFTER if number == LAST else begun_at + chunks.PASSES[number + 1]
    chunks.due(chunk, next_at)
    store.commit([chunks.write(chunk), *writes])
    return f"pass {number + 1}"


def _in(found: list[Line], wanted: tuple[str, ...]) -> int:
    return chunks.mask_of(line.position for line in found if line.state in wanted)


def _money(
    broadcast: Broadcast,
    chunk: Chunk,
    balance: Balance | None,
    found: list[Line],
    posted: int,
    released: int,
    number: int,
    *,
    now: datetime,
) -> list[store.Write]:
    spent, returned = chunks.micros(chunk, posted), chunks.micros(chunk, released)
    if number == LAST:
        # Whoever left a chunk that waited is in no mask; without an answer his hold is still here.
        returned = chunk.held_micros - spent
    change = Change(chunk.account_id)
    change.void(returned)
    if spent:
        entry = billing.entry(
            chunk.account_id,
            billing.BROADCAST,
            f"broadcast:{chunk.name}:{number + 1}",
            now=now,
            bot_id=chunk.bot_id,
            broadcast_id=chunk.broadcast_id,
            chunk=chunk.name,
            step=number + 1,
            lines=posted.bit_count(),
            prices=_prices(chunk, posted),
            countries=_countries(chunk, found, posted),
            price_list=chunk.price_list,
            author_id=broadcast.created_by,
            author_name=broadcast.created_by_name,
            sent_at=None if chunk.sent_at is None else ids.to_ms(chunk.sent_at),
        )
        change.post(spent, entry)
    chunk.held_micros -= spent + returned
    writes = change.writes(balance, now=now)
    return [*writes, *given_back(broadcast, returned)]


def _prices(chunk: Chunk, mask: int) -> dict[str, int]:
    """Tell how many lines cost how much."""
    found = {
        money.text(int(price)): (chunks.read(group) & mask).bit_count()
        for price, group in chunk.together.items()
    }
    return {price: count for price, count in found.items() if count}


def _countries(chunk: Chunk, found: list[Line], mask: int) -> dict[str, dict[str, object]]:
    """Tell how many lines went to which country, and what they cost; "" is one nobody knows."""
    of_country: dict[str, int] = {}
    for line in found:
        country = line.country or ""
        of_country[country] = of_country.get(country, 0) | (chunks.bit(line.position) & mask)
    return {
        country: {"lines": group.bit_count(), "amount": money.text(chunks.micros(chunk, group))}
        for country, group in sorted(of_country.items())
        if group
    }


def _listed(
    chunk: Chunk, found: list[Line], mask: int, number: int, *, now: datetime
) -> store.Write:
    late = [line for line in found if chunks.bit(line.position) & mask]
    micros = chunks.micros(chunk, mask)
    return store.Put(lines.unpaid(chunk, late, micros, now=now, mark=f"pass-{number + 1}"))


def _looked(chunk: Chunk, *, now: datetime) -> str:
    """List who arrived beside the last pass and has not put himself on the list."""
    found = chunks.lines_of(chunk)
    late = _in(found, ARRIVED) & chunks.read(chunk.released) & ~chunks.read(chunk.unpaid)
    late &= ~_listed_themselves(chunk, found, late)
    writes: list[store.Write] = []
    if chunks.micros(chunk, late) and chunk.verdict is None:
        writes.append(_listed(chunk, found, late, LAST + 1, now=now))
    chunk.unpaid = chunks.told(chunks.read(chunk.unpaid) | late)
    chunk.passes = len(chunks.PASSES)
    chunk.counts = chunks.counted(chunk, found, steering.messages_of(chunk, found))
    chunks.due(chunk, None)
    store.commit([chunks.write(chunk), *writes])
    return "closed"


def _settle_tokens(chunk: Chunk, found: list[Line], *, now: datetime) -> bool:
    """Let receipts list by themselves who arrives from here on; False without a token."""
    missing = [line.token for line in found if line.state not in ARRIVED]
    tokens = {chunk.token, *missing} - {None}
    expires_at = now + states.TOKENS_KEPT_FOR - states.RECEIPTS_COME_FOR
    store.put_all(
        [
            chunks.token_of(chunk, str(token), expires_at=expires_at, is_settled=True)
            for token in tokens
        ]
    )
    return bool(tokens)


def _listed_themselves(chunk: Chunk, found: list[Line], mask: int) -> int:
    """Give the mask of those whose own receipt has put them on the list."""
    late = [line for line in found if chunks.bit(line.position) & mask]
    wanted = [
        (Difference, chunk.account_id, lines.unpaid_item(chunk, line.subscriber_id))
        for line in late
    ]
    differences = zip(late, store.read(*wanted), strict=True)
    return chunks.mask_of(line.position for line, listed in differences if listed is not None)
