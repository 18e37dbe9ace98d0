"""The ledger of an account: its balance, its entries, and what else moves its money."""

from typing import Any

from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib import config
from chalicelib.tables.attributes import ExpiresAt, Flag, Instant, Json, Text, Whole
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


class Checkpoint(Item):
    """What an account's entries before `ends_at`, the end of a month, came to, when audited."""

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    month = Text()
    ends_at = Instant()
    entries_micros = Whole()
    at = Instant()


class Quota(Item):
    """How many bot-initiated messages a legacy bot has used in a UTC month."""

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    used = Whole(default=0)


class MoneySettings(Item):
    """What an account has set about its money; an account without it has the defaults."""

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True, default="settings")
    protects_fees = Flag(default=True)
    warnings = Json(default=dict)
    revision = Whole(default=0)


class Request(Item):
    """An application for a commercial bot, or another wish that an operator decides.

    `kind` is `new`, `move` or `revival` (with a deposit), `sessions` or `legacy` (without).
    """

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    desk = Text(null=True)
    desk_order = Text(null=True)
    request_id = Text()
    account_id = Text()
    kind = Text()
    state = Text()
    bot_id = Text(null=True)
    form = Json(default=dict)
    deposit_micros = Whole(default=0)
    guard = Text(null=True)
    created_at = Instant()
    created_by = Text()
    created_by_name = Text(null=True)
    decided_at = Instant(null=True)
    decided_by = Text(null=True)
    reason = Text(null=True)


class Guard(Item):
    """Keeps something from being there twice: one open request per bot, or per set of answers."""

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    subject_id = Text()
    expires_at = ExpiresAt(null=True)


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


class TopUp(Item):
    """One wish to pay money in: what was asked for, and what became of it.

    `state` is `new`, `open` (its checkout waits), `pending` (paid, and not yet there), `paid`,
    `failed`, `expired`, or `review` (paid in another currency: an operator has to look).
    """

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    desk = Text(null=True)
    desk_order = Text(null=True)
    top_up_id = Text()
    account_id = Text()
    amount_micros = Whole()
    state = Text()
    checkout_url = Text(null=True)
    payment = Text(null=True)
    paid_micros = Whole(null=True)
    created_at = Instant()
    created_by = Text()
    paid_at = Instant(null=True)
    facts = Json(default=dict)


class Payment(Item):
    """Money from outside under the identity its provider gave it: the guard of its one entry.

    `key` is `stripe#pi_…` or `transfer#reference`; what is taken back of one has an item of its
    own, `stripe-refund#re_…` or `stripe-dispute#du_…`, whose `parent` it is. `state` is `done`,
    `review` (nothing was credited), `taken` or `given-back`. Whoever calls has no account, so
    this is one of the few keys that begins with none.
    """

    class Meta:
        table_name = config.name_of("payments")

    key = Text(hash_key=True)
    account_id = Text(null=True)
    amount_micros = Whole()
    entry_id = Text(null=True)
    at = Instant()
    state = Text(default="done")
    parent = Text(null=True)
    top_up_id = Text(null=True)
    returned_micros = Whole(default=0)
    facts = Json(default=dict)
