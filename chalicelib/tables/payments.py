"""Money from outside: the wish to pay it in, and what was paid under its provider's name."""

from chalicelib import config
from chalicelib.tables.attributes import Instant, Json, Text, Whole
from chalicelib.tables.item import Due, Item
from chalicelib.tables.ledger import LEDGER


class TopUp(Item):
    """One wish to pay money in: what was asked for, and what became of it.

    `state` is `new`, `open` (its checkout waits), `pending` (paid, and not yet there), `paid`,
    `failed`, `expired`, or `review` (paid in another currency: an operator has to look).
    `due_at` says when Stripe is asked what became of its session, should it not tell before.
    """

    class Meta:
        table_name = LEDGER

    due_index = Due()
    key = Text(hash_key=True)
    item = Text(range_key=True)
    desk = Text(null=True)
    desk_order = Text(null=True)
    top_up_id = Text()
    account_id = Text()
    amount_micros = Whole()
    state = Text()
    session_id = Text(null=True)
    checkout_url = Text(null=True)
    payment = Text(null=True)
    paid_micros = Whole(null=True)
    created_at = Instant()
    created_by = Text()
    paid_at = Instant(null=True)
    facts = Json(default=dict)
    due_shard = Text(null=True)
    due_at = Instant(null=True)


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
