"""A chunk is decided and its money held, in one transaction; nothing goes to Viber before.

What was planned only told the price. Who hears it and at what price is decided here, on the
conversations as they are now: a window that opened since makes a message free, and one that
lapsed lets it cost what it costs, up to what the broadcast may spend.
"""

from datetime import datetime
from typing import NamedTuple

from chalicelib import billing, errors, money, months, plans, store, talks, tariffs
from chalicelib.billing import Change
from chalicelib.delivery import chunks, states
from chalicelib.delivery.broadcasts import audience
from chalicelib.delivery.broadcasts.dividing import Division, divided
from chalicelib.delivery.broadcasts.steering import LOOKED_AT_WITHIN
from chalicelib.tables import Balance, Bot, Broadcast, Chunk, Line, LooseChunk

# Why a broadcast pauses, in stable words that the console translates.
CAP_REACHED = "cap-reached"


class Decided(NamedTuple):
    """A chunk whose money is held, with its lines in their order."""

    chunk: Chunk
    lines: list[Line]


def hold(broadcast: Broadcast, number: int, *, now: datetime) -> Decided | None:
    """Decide a chunk and hold its money; None where it, or its broadcast, is at another point.

    Raises Conflict where money, the cap, a legacy bot's month or the bot's plan refuse it, and
    then nothing was written.
    """
    return store.again(lambda: _once(broadcast, number, now=now))


def _once(known: Broadcast, number: int, *, now: datetime) -> Decided | None:
    partition = chunks.partition(known.account_id, known.broadcast_id)
    broadcast, chunk, bot, balance, book = store.read(
        (Broadcast, known.key, known.item),
        (Chunk, partition, chunks.chunk_item(number)),
        (Bot, known.bot_id, None),
        billing.wanted(known.account_id),
        tariffs.wanted(),
    )
    if broadcast.state != "running" or chunk.state not in (chunks.PREPARING, chunks.HELD):
        return None
    if chunk.state == chunks.HELD and _is_of_another_plan(chunk, bot):
        gives = decides_afresh(broadcast, chunk, balance, now=now)
        store.commit([chunks.write(chunk), *gives])
        return None
    lines = chunks.lines_of(chunk)
    kept = chunks.together(chunk)
    asked = [line for line in lines if not kept or kept & chunks.bit(line.position)]
    found = audience.talks_of(chunk.bot_id, [line.subscriber_id for line in asked])
    numbered = [(line.position, talk) for line, talk in zip(asked, found, strict=True)]
    basis = talks.basis(bot, book, now)
    division = divided(numbered, bot, broadcast.content["type"], basis, now=now)
    if chunk.state == chunks.PREPARING:
        writes = _held(broadcast, chunk, bot, balance, division, now=now)
    else:
        writes = _kept(broadcast, chunk, balance, division, now=now)
    chunk.counts = chunks.counted(chunk, lines)
    store.commit([chunks.write(chunk), *writes])
    return Decided(chunk, lines)


def _held(
    broadcast: Broadcast,
    chunk: Chunk,
    bot: Bot,
    balance: Balance | None,
    division: Division,
    *,
    now: datetime,
) -> list[store.Write]:
    """Put what was decided on the chunk, and return the writes that hold its money."""
    _refuse_beyond_limit(broadcast, division.micros)
    chunk.together = {str(price): chunks.told(m) for price, m in division.together.items()}
    chunk.skipped = {reason: chunks.told(mask) for reason, mask in division.skipped.items()}
    _goes_apart(chunk, division)
    chunk.price_list = division.price_list
    chunk.held_micros = division.together_micros
    chunk.decided_at = now
    count = chunks.together(chunk).bit_count()
    change = Change(chunk.account_id)
    change.hold(division.together_micros)
    refusal = billing.refused(balance, division.together_micros)
    writes = [
        _committed(broadcast, division.micros, now=now),
        *change.writes(balance, now=now, refusal=refusal),
    ]
    if bot.plan == plans.LEGACY and count:
        chunk.quota_month = months.of_utc(now)
        writes.append(_counted(chunk, count))
    return [*writes, *_on_its_way(broadcast, chunk, now=now)]


def _kept(
    broadcast: Broadcast,
    chunk: Chunk,
    balance: Balance | None,
    division: Division,
    *,
    now: datetime,
) -> list[store.Write]:
    """Let those go apart or be left out whose talk has changed while the chunk had to wait.

    Whoever stays costs what was held for him. What was held for the others goes back when the
    chunk is answered, so that waiting writes no balance; only where nobody stays, it does at once.
    """
    leaving = division.apart
    for reason, mask in division.skipped.items():
        chunk.skipped[reason] = chunks.told(chunks.read(chunk.skipped.get(reason, "0")) | mask)
        leaving |= mask
    chunk.together = {
        price: chunks.told(chunks.read(group) & ~leaving)
        for price, group in chunk.together.items()
        if chunks.read(group) & ~leaving
    }
    _goes_apart(chunk, division)
    more = sum(division.apart_micros.values())
    change = Change(chunk.account_id)
    if not chunk.together:
        change.void(chunk.held_micros)
        more -= chunk.held_micros
        chunk.held_micros = 0
    _refuse_beyond_limit(broadcast, more)
    return [
        _committed(broadcast, more, now=now),
        *change.writes(balance, now=now),
        *returned_quota(chunk, leaving.bit_count(), now=now),
        *_on_its_way(broadcast, chunk, now=now),
    ]


def returned_quota(chunk: Chunk, count: int, *, now: datetime) -> list[store.Write]:
    """Return the write that gives a legacy bot's counts back, while their month is the current."""
    if chunk.quota_month is None or not count or chunk.quota_month != months.of_utc(now):
        return []
    return [billing.return_quota(chunk.account_id, chunk.bot_id, chunk.quota_month, count)]


def decides_afresh(
    broadcast: Broadcast, chunk: Chunk, balance: Balance | None, *, now: datetime
) -> list[store.Write]:
    """Let a chunk that waits, and of which nothing was sent, be decided as if for the first time.

    Returns the writes that give back all it holds, and all it may spend for those apart.
    """
    apart_micros = sum(chunk.apart_price.values())
    gives = gives_all_back(broadcast, chunk, balance, apart_micros=apart_micros, now=now)
    chunk.state, chunk.together, chunk.apart, chunk.released = chunks.PREPARING, {}, "0", "0"
    chunk.apart_price, chunk.skipped, chunk.quota_month = {}, {}, None
    return gives


def _is_of_another_plan(chunk: Chunk, bot: Bot) -> bool:
    """Say whether a chunk was counted for a legacy bot that now pays, or the other way round."""
    return (chunk.quota_month is not None) != (bot.plan == plans.LEGACY)


def gives_all_back(
    broadcast: Broadcast,
    chunk: Chunk,
    balance: Balance | None,
    *,
    apart_micros: int = 0,
    now: datetime,
) -> list[store.Write]:
    """Settle a chunk that was not sent, and return the writes that give back all it holds."""
    micros, count = chunk.held_micros, chunks.unsettled(chunk).bit_count()
    chunk.released = chunks.told(chunks.read(chunk.released) | chunks.unsettled(chunk))
    chunk.held_micros = 0
    chunks.due(chunk, None)
    change = Change(chunk.account_id)
    change.void(micros)
    return [
        *change.writes(balance, now=now),
        *returned_quota(chunk, count, now=now),
        *given_back(broadcast, micros + apart_micros),
        store.Delete(LooseChunk(key=chunk.bot_id, item=chunks.loose_item(chunk))),
    ]


def given_back(broadcast: Broadcast, micros: int) -> list[store.Write]:
    """Return the write that lets a broadcast spend again what a chunk gives back."""
    if not micros:
        return []
    item = Broadcast(key=broadcast.key, item=broadcast.item)
    less = Broadcast.committed_micros.set(Broadcast.committed_micros - micros)
    return [store.Update(item, actions=(less,))]


def _on_its_way(broadcast: Broadcast, chunk: Chunk, *, now: datetime) -> list[store.Write]:
    """Put a decided chunk on its way, and return the write that lets others know of it."""
    if not chunks.together(chunk):
        chunk.state = chunks.SENT
        chunk.sent_at = now
        chunks.due(chunk, now + chunks.PASSES[0])
        return []
    chunk.state = chunks.SINGLY if broadcast.sends_singly else chunks.SENDING
    chunk.sending_at = now
    # Line by line there is no one answer to wait for, and some lines may have to wait for hours.
    chunks.due(
        chunk, now + (chunks.PASSES[-1] if broadcast.sends_singly else states.ANSWERED_WITHIN)
    )
    loose = LooseChunk(
        key=chunk.bot_id,
        item=chunks.loose_item(chunk),
        lines_key=chunk.lines_key,
        expires_at=now + states.TOKENS_KEPT_FOR,
    )
    return [store.Put(loose)]


def _goes_apart(chunk: Chunk, division: Division) -> None:
    chunk.apart = chunks.told(chunks.read(chunk.apart) | division.apart)
    chunk.apart_price |= {str(position): m for position, m in division.apart_micros.items()}


def _committed(broadcast: Broadcast, micros: int, *, now: datetime) -> store.Write:
    as_read = (Broadcast.state == "running") & (
        Broadcast.committed_micros == broadcast.committed_micros
    )
    return store.Update(
        Broadcast(key=broadcast.key, item=broadcast.item),
        as_read,
        actions=(
            Broadcast.committed_micros.set(broadcast.committed_micros + micros),
            Broadcast.due_at.set(now + LOOKED_AT_WITHIN),
            Broadcast.waits_until.remove(),
        ),
    )


def _counted(chunk: Chunk, count: int) -> store.Write:
    return billing.use_quota(
        chunk.account_id,
        chunk.bot_id,
        str(chunk.quota_month),
        count,
        at_most=plans.LEGACY_MESSAGES_A_MONTH,
        refusal=errors.Conflict(
            f"This bot has used its {plans.LEGACY_MESSAGES_A_MONTH} messages of "
            f"{chunk.quota_month} that are no answers, or has no room for {count} more.",
            kind="quota-used",
        ),
    )


def _refuse_beyond_limit(broadcast: Broadcast, micros: int) -> None:
    limit = broadcast.limit_micros or 0
    if micros > 0 and broadcast.committed_micros + micros > limit:
        raise errors.Conflict(
            f"The next chunk costs {money.text(micros)} {money.CURRENCY}, and of the "
            f"{money.text(limit)} that this broadcast may spend "
            f"{money.text(limit - broadcast.committed_micros)} are left. Resume it with a higher "
            "cap, or stop it.",
            kind=CAP_REACHED,
        )
