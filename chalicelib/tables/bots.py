"""A bot with its settings, and the callbacks of its that are kept."""

from typing import Any

from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib import config
from chalicelib.tables.attributes import Binary, ExpiresAt, Flag, Instant, Json, Text, Whole
from chalicelib.tables.item import Due, Item


class BotsOfAccount(GlobalSecondaryIndex[Any]):
    """An account's bots, oldest first."""

    class Meta:
        index_name = "account"
        projection = AllProjection()

    account_id = Text(hash_key=True)
    created_at = Instant(range_key=True)


class DueFees(GlobalSecondaryIndex[Any]):
    """Bots by when something is due about their fee, sharded by account."""

    class Meta:
        index_name = "fees"
        projection = KeysOnlyProjection()

    fee_shard = Text(hash_key=True)
    fee_at = Instant(range_key=True)


class Bot(Item):
    """One Viber bot, connected by its key, with its settings and its plan.

    `plan` is `legacy`, `commercial` or `business`; None may not send. `paid_month` is the last
    month paid for, as `2026-12`; the fee of a `business` bot is that of its sessions. `ended_at`
    is when a refused fee ended the bot (or, for `business`, its sessions), or an operator did.
    """

    class Meta:
        table_name = config.name_of("bots")

    account_index = BotsOfAccount()
    due_index = Due()
    fees_index = DueFees()
    bot_id = Text(hash_key=True)
    account_id = Text()
    created_at = Instant()
    revision = Whole(default=0)
    state = Text()
    lease_until = Instant(null=True)
    key_sealed = Binary(null=True)
    viber_id = Text(null=True)
    name = Text()
    uri = Text(null=True)
    icon_url = Text(null=True)
    icon_file_id = Text(null=True)
    country = Text(null=True)
    connected_by = Text()
    connected_at = Instant(null=True)
    disconnected_at = Instant(null=True)
    settings = Json(default=dict)
    webhook_state = Text(null=True)
    webhook_checked_at = Instant(null=True)
    webhook_repaired_at = Instant(null=True)
    webhook_trouble = Text(null=True)
    sending_stopped = Whole(null=True)
    initiated_stopped_until = Instant(null=True)
    plan = Text(null=True)
    plan_since = Instant(null=True)
    made_on = Text(null=True)
    paid_month = Text(null=True)
    cancelled_at = Instant(null=True)
    ended_at = Instant(null=True)
    ended_reason = Text(null=True)
    set_aside_micros = Whole(default=0)
    has_sessions = Flag(default=False)
    sessions_fee_micros = Whole(null=True)
    session_price_micros = Whole(null=True)
    fee_shard = Text(null=True)
    fee_at = Instant(null=True)
    due_shard = Text(null=True)
    due_at = Instant(null=True)


class KeptCallback(Item):
    """A truly signed callback that could not be worked off, raw, with what went wrong."""

    class Meta:
        table_name = config.name_of("vault")

    due_index = Due()
    bot_id = Text(hash_key=True)
    callback_id = Text(range_key=True)
    account_id = Text()
    received_at = Instant()
    body = Binary()
    state = Text()
    event = Text(null=True)
    trouble = Text()
    tries = Whole(default=0)
    replayed_at = Instant(null=True)
    expires_at = ExpiresAt()
    due_shard = Text(null=True)
    due_at = Instant(null=True)
