"""A broadcast is planned: its recipients are found, counted and priced before anything moves.

    planning ──► ready ──► running …

Planning goes chunk by chunk. A chunk's lines are written first, under a key of this attempt's
own; then one transaction puts down the chunk and moves the plan on. Whoever comes second leaves
lines that nothing names.
"""

import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from chalicelib import (
    audit,
    errors,
    ids,
    money,
    queues,
    repeats,
    store,
    talks,
    tariffs,
    viber,
)
from chalicelib.audit import Actor
from chalicelib.delivery import accept, chunks
from chalicelib.delivery.broadcasts import audience, listing
from chalicelib.delivery.broadcasts.dividing import divided
from chalicelib.money import Money
from chalicelib.tables import Audience, Bot, Broadcast, Chunk, Conversation, Line, TariffBook

PLANNED_WITHIN = timedelta(minutes=1)
PAGES_AT_ONCE = 20
PLANNING_MAX = 3
NOT_STARTED_MAX = 20
"""Plans cost an account nothing and the workers time: so many at once, and so many unstarted."""


class Wanted(NamedTuple):
    """What is to be said to whom through which bot, and what it may cost at most."""

    bot_id: str
    content: viber.Sendable
    recipients: audience.Wanted
    spending_cap: Money | None
    idempotency_key: str


def make(account_id: str, wanted: Wanted, *, by: Actor, now: datetime) -> Broadcast:
    """Begin to plan a broadcast; nothing is held or sent before somebody starts it.

    Raises BadInput naming what Viber, a session or the filter does not take, NotFound, KeyReused,
    and Conflict where the bot is not connected or may not send, or, of kind
    `too-many-broadcasts`, where too many are being planned or were never started.
    """
    _check_content(wanted.content)
    asked = audience.checked(wanted.recipients)
    cap = wanted.spending_cap
    cap_micros = None if cap is None else money.price(cap, field="spending_cap")
    said = [
        wanted.bot_id,
        viber.encode(wanted.content),
        msgspec.to_builtins(wanted.recipients),
        None if cap is None else msgspec.to_builtins(cap),
    ]
    wish = repeats.wish(account_id, wanted.idempotency_key, "broadcast", said)
    return store.again(
        lambda: _make_once(account_id, wanted, asked, cap_micros, wish, by=by, now=now)
    )


def plan(broadcast: Broadcast, *, now: datetime) -> None:
    """Find and price the next chunk of recipients, or end the plan; again does no harm."""
    talks_found: list[Conversation] = []
    skipped: Counter[str] = Counter()
    for _ in range(PAGES_AT_ONCE):
        found = audience.page(broadcast, _partition(broadcast))
        talks_found += found.conversations
        skipped += found.skipped
        broadcast.cursor = found.cursor
        if found.cursor is None or len(talks_found) > chunks.SIZE_MAX - audience.PAGE_SIZE:
            break
    bot, book = store.read((Bot, broadcast.bot_id, None), tariffs.wanted())
    numbered = list(enumerate(talks_found))
    content_type = broadcast.content["type"]
    try:
        division = divided(numbered, bot, content_type, talks.basis(bot, book, now), now=now)
    except (errors.Conflict, errors.BadInput) as refusal:
        _refused(broadcast, refusal, now=now)
        return
    broadcast.recipients += division.recipients
    broadcast.apart += division.apart.bit_count()
    broadcast.price_micros += division.micros
    broadcast.skipped = dict(Counter(broadcast.skipped) + skipped)
    writes: list[store.Write] = []
    if talks_found:
        chunk = _chunk(broadcast, talks_found)
        store.put_all(_lines(chunk, talks_found))
        broadcast.chunks += 1
        writes.append(chunks.write(chunk))
    broadcast.due_at = now + PLANNED_WITHIN
    if broadcast.cursor is None:
        broadcast.state = "ready"
        broadcast.due_at = None
    store.commit([_planned(broadcast), *writes])


def queued(broadcast: Broadcast) -> queues.Broadcast:
    """Name a broadcast's next step for the queue."""
    return queues.Broadcast(broadcast.account_id, broadcast.broadcast_id)


def _make_once(
    account_id: str,
    wanted: Wanted,
    asked: dict[str, Any],
    cap_micros: int | None,
    wish: repeats.Wish,
    *,
    by: Actor,
    now: datetime,
) -> Broadcast:
    if not ids.is_one("bot", wanted.bot_id):
        raise errors.NotFound("There is no such bot.", field="bot_id")
    first, bot, book = store.read(
        repeats.wanted(wish), (Bot, wanted.bot_id, None), tariffs.wanted()
    )
    if first is not None:
        broadcast_id = repeats.answered(wish, first)["broadcast_id"]
        made = store.get(Broadcast, account_id, chunks.broadcast_item(broadcast_id))
        if made is None:
            raise errors.NotFound("There is no such broadcast.")
        return made
    if bot is None or bot.account_id != account_id:
        raise errors.NotFound("There is no such bot.", field="bot_id")
    _refuse_unless_sendable(bot, wanted.content, book, now=now)
    _refuse_beside_too_many(account_id)
    broadcast_id = ids.new("brc", now)
    made = Broadcast(
        key=account_id,
        item=chunks.broadcast_item(broadcast_id),
        broadcast_id=broadcast_id,
        account_id=account_id,
        bot_id=bot.bot_id,
        state="planning",
        content=viber.encode(wanted.content),
        sender_name=viber.sender_name(bot.name),
        audience=asked,
        cap_micros=cap_micros,
        created_at=now,
        created_by=by.actor_id,
        created_by_name=by.name,
        revision=1,
        due_shard=store.shard_of("broadcast", broadcast_id),
        due_at=now + PLANNED_WITHIN,
    )
    named = wanted.recipients.contact_ids
    writes: list[store.Write] = [
        store.Put(made, Broadcast.key.does_not_exist()),
        repeats.put(wish, {"broadcast_id": broadcast_id}, now),
        audit.line(account_id, by, "broadcast planned", broadcast_id, now, bot_id=bot.bot_id),
    ]
    if named is not None:
        writes.append(store.Put(Audience(key=_partition(made), contact_ids=named)))
    store.commit(writes)
    queues.put_broadcast(queued(made))
    return made


def _check_content(content: viber.Sendable) -> None:
    try:
        viber.check(content)
        payload = viber.payload(content, sender_name=accept.LARGEST_NAME)
        viber.check_size(payload, receivers=chunks.SIZE_MAX)
    except viber.Unsendable as unsendable:
        raise errors.BadInput(unsendable.reason, field=unsendable.field) from None


def _refuse_unless_sendable(
    bot: Bot, content: viber.Sendable, book: TariffBook | None, *, now: datetime
) -> None:
    if bot.state != "connected":
        raise errors.Conflict(
            "This bot is not connected; an admin can connect it again.", kind="bot-disconnected"
        )
    nobody = Conversation(
        key=f"{bot.bot_id}/", account_id=bot.account_id, bot_id=bot.bot_id, subscriber_id=""
    )
    nobody.is_subscribed = True
    basis = talks.basis(bot, book, now)
    divided([(0, nobody)], bot, viber.type_of(content), basis, now=now)


def _refuse_beside_too_many(account_id: str) -> None:
    """Refuse one plan more beside those that nobody has started or given up.

    Two that come at the same instant may both pass; the next one does not.
    """
    planning = waiting = 0
    for each in listing.every(account_id):
        planning += each.state == "planning"
        waiting += each.state in ("planning", "ready")
        if planning >= PLANNING_MAX or waiting >= NOT_STARTED_MAX:
            raise errors.Conflict(
                f"At most {PLANNING_MAX} broadcasts are planned at once, and at most "
                f"{NOT_STARTED_MAX} wait to be started; start or stop one of them first.",
                kind="too-many-broadcasts",
            )


def _chunk(broadcast: Broadcast, found: list[Conversation]) -> Chunk:
    number = broadcast.chunks
    partition = _partition(broadcast)
    return Chunk(
        key=partition,
        item=chunks.chunk_item(number),
        name=chunks.chunk_name(broadcast.broadcast_id, number),
        number=number,
        account_id=broadcast.account_id,
        broadcast_id=broadcast.broadcast_id,
        bot_id=broadcast.bot_id,
        lines_key=f"{partition}/{number}/{uuid.uuid4().hex[:12]}",
        size=len(found),
        state=chunks.PREPARING,
    )


def _lines(chunk: Chunk, found: list[Conversation]) -> list[Line]:
    return [
        Line(
            key=chunk.lines_key,
            item=chunks.line_item(talk.subscriber_id),
            subscriber_id=talk.subscriber_id,
            contact_id=talk.contact_id,
            position=position,
            country=talk.country,
        )
        for position, talk in enumerate(found)
    ]


def _planned(broadcast: Broadcast) -> store.Write:
    """Return the write of a plan that went on, which holds only while nobody else changed it."""
    seen = broadcast.revision
    broadcast.revision = seen + 1
    return store.Put(broadcast, Broadcast.revision == seen)


def _refused(broadcast: Broadcast, refusal: errors.Problem, *, now: datetime) -> None:
    """End a plan that the bot may not send any more."""
    broadcast.state, broadcast.reason, broadcast.words = "stopped", refusal.kind, refusal.detail
    broadcast.ended_at = now
    broadcast.due_at = None
    store.commit([_planned(broadcast)])


def _partition(broadcast: Broadcast) -> str:
    return chunks.partition(broadcast.account_id, broadcast.broadcast_id)
