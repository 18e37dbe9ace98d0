"""A broadcast: what is said to whom, its chunks of recipients, and what became of each line."""

from chalicelib import config
from chalicelib.tables.attributes import ExpiresAt, Flag, Instant, Json, Text, Whole
from chalicelib.tables.item import Due, Item

BROADCASTS = config.name_of("broadcasts")


class Broadcast(Item):
    """One message to many subscribers of a bot, from its plan to its end.

    `state` is `planning`, `ready`, `running`, `paused`, `stopping`, `stopped` or `done`. What was
    planned is counted in `recipients`, `apart`, `price_micros` and `skipped`; `committed_micros`
    is what its chunks have held and not given back, never more than `limit_micros`.
    """

    class Meta:
        table_name = BROADCASTS

    due_index = Due()
    key = Text(hash_key=True)
    item = Text(range_key=True)
    broadcast_id = Text()
    account_id = Text()
    bot_id = Text()
    state = Text()
    reason = Text(null=True)
    words = Text(null=True)
    viber_status = Whole(null=True)
    content = Json()
    sender_name = Text()
    audience = Json(default=dict)
    cursor = Text(null=True)
    recipients = Whole(default=0)
    apart = Whole(default=0)
    price_micros = Whole(default=0)
    skipped = Json(default=dict)
    chunks = Whole(default=0)
    chunks_done = Whole(default=0)
    cap_micros = Whole(null=True)
    limit_micros = Whole(null=True)
    committed_micros = Whole(default=0)
    progress = Json(default=dict)
    sends_singly = Flag(default=False)
    waits_until = Instant(null=True)
    tries = Whole(null=True)
    revision = Whole(default=0)
    created_at = Instant()
    created_by = Text()
    created_by_name = Text(null=True)
    started_at = Instant(null=True)
    ended_at = Instant(null=True)
    due_shard = Text(null=True)
    due_at = Instant(null=True)


class Audience(Item):
    """The contacts that a broadcast was asked to go to, where they were named one by one."""

    class Meta:
        table_name = BROADCASTS

    key = Text(hash_key=True)
    item = Text(range_key=True, default="audience")
    contact_ids = Json()


class Chunk(Item):
    """Up to 300 recipients of a broadcast, and what is known of all of them at once.

    `state` is `preparing` (nothing held), `held` (money held, to be sent again), `sending`,
    `singly` (line by line), `sent`, `failed`, `unknown` or `stopped`. Masks are hexadecimal, one
    bit for the position of each line: `together` gives those of the chunk's one request by their
    price in micros, `apart` those who get a message of their own, `posted` and `released` whose
    money is settled, `unpaid` who arrived after it went back. `refused` is Viber's status by
    position. A line without a state of its own has that of its chunk.
    """

    class Meta:
        table_name = BROADCASTS

    due_index = Due()
    key = Text(hash_key=True)
    item = Text(range_key=True)
    name = Text()
    number = Whole()
    account_id = Text()
    broadcast_id = Text()
    bot_id = Text()
    lines_key = Text()
    size = Whole()
    state = Text()
    revision = Whole(default=0)
    together = Json(default=dict)
    apart = Text(default="0")
    apart_price = Json(default=dict)
    skipped = Json(default=dict)
    refused = Json(default=dict)
    posted = Text(default="0")
    released = Text(default="0")
    unpaid = Text(default="0")
    held_micros = Whole(default=0)
    price_list = Whole(null=True)
    quota_month = Text(null=True)
    passes = Whole(default=0)
    is_closed = Flag(default=False)
    counts = Json(default=dict)
    token = Text(null=True)
    billing_status = Whole(null=True)
    verdict = Text(null=True)
    reason = Text(null=True)
    viber_status = Whole(null=True)
    decided_at = Instant(null=True)
    sending_at = Instant(null=True)
    sent_at = Instant(null=True)
    due_shard = Text(null=True)
    due_at = Instant(null=True)


class Line(Item):
    """One recipient of a broadcast; only what differs from its chunk is written on it.

    One that got a message of its own names it, and that message's state is the line's.
    """

    class Meta:
        table_name = BROADCASTS

    key = Text(hash_key=True)
    item = Text(range_key=True)
    subscriber_id = Text()
    contact_id = Text(null=True)
    position = Whole()
    country = Text(null=True)
    state = Text(null=True)
    message_id = Text(null=True)
    token = Text(null=True)
    sending_at = Instant(null=True)
    sending_by = Text(null=True)
    tries = Whole(null=True)
    delivered_at = Instant(null=True)
    seen_at = Instant(null=True)
    failed_at = Instant(null=True)
    reason = Text(null=True)
    viber_status = Whole(null=True)
    billing_status = Whole(null=True)


class BroadcastToken(Item):
    """The token that Viber gave a chunk, or one of its lines: a receipt finds its line by it."""

    class Meta:
        table_name = BROADCASTS

    key = Text(hash_key=True)
    item = Text(range_key=True, default="token")
    lines_key = Text()
    chunk_key = Text()
    chunk_item = Text()
    is_settled = Flag(default=False)
    expires_at = ExpiresAt()


class LooseChunk(Item):
    """A chunk of a bot whose token nobody knows: receipts without an owner may be of its lines."""

    class Meta:
        table_name = BROADCASTS

    key = Text(hash_key=True)
    item = Text(range_key=True)
    lines_key = Text()
    expires_at = ExpiresAt()
