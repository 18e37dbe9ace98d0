"""The ledger of an account: its balance, its entries, and what is counted or differs."""

from typing import Any

from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib import config
from chalicelib.tables.attributes import Instant, Json, Text, Whole
from chalicelib.tables.item import Due, Item

LEDGER = config.name_of("ledger")


class Desk(GlobalSecondaryIndex[Any]):
    """What operators look at, by kind and time; nothing else of the ledger is in it."""

    class Meta:
        index_name = "desk"
        projection = AllProjection()

    desk = Text(hash_key=True)
    desk_order = Text(range_key=True)


class Balance(Item):
    """An account's commercial money: available + held + set aside - owed = sum of its entries.

    `due_at` says since when nobody has looked whether a warning is to be given.
    """

    class Meta:
        table_name = LEDGER

    due_index = Due()
    desk_index = Desk()
    key = Text(hash_key=True)
    item = Text(range_key=True, default="balance")
    available_micros = Whole(default=0)
    held_micros = Whole(default=0)
    set_aside_micros = Whole(default=0)
    owed_micros = Whole(default=0)
    entries_micros = Whole(default=0)
    due_shard = Text(null=True)
    due_at = Instant(null=True)


class Entry(Item):
    """One line of the ledger, never changed: what it added to or took from the account, and why.

    `cause` is unique for ever. A move between available, held and a bot's set-aside is an entry
    of zero that says from where to where and how much.
    """

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    entry_id = Text()
    at = Instant()
    kind = Text()
    cause = Text()
    amount_micros = Whole()
    moved_micros = Whole(null=True)
    moved_from = Text(null=True)
    moved_to = Text(null=True)
    bot_id = Text(null=True)
    corrects = Text(null=True)
    facts = Json(default=dict)


class Quota(Item):
    """How many bot-initiated messages a legacy bot has used in a UTC month.

    `due_at` says that nobody has looked yet whether a warning is to be given.
    """

    class Meta:
        table_name = LEDGER

    due_index = Due()
    key = Text(hash_key=True)
    item = Text(range_key=True)
    used = Whole(default=0)
    due_shard = Text(null=True)
    due_at = Instant(null=True)


class Difference(Item):
    """Where Viber's verdict and ours differ, or a message came after its money went back.

    `kind` is `not-billed-there`, `billed-there` or `delivered-unpaid`.
    """

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    desk = Text(null=True)
    desk_order = Text(null=True)
    account_id = Text()
    kind = Text()
    at = Instant()
    bot_id = Text()
    message_id = Text()
    price_micros = Whole(default=0)
    facts = Json(default=dict)
