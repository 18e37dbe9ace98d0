"""The ledger: an account's balance, and the entries that say how it came about.

    outside ─► available ─► held ─► spent            a message's or a session's price
                   │  ▲       └──► available
                   │  └─────────── set aside ─► spent     a bot's monthly fees
                   └────────────►

available + held + set aside - owed = sum of the entries, in every transaction. A `Change` is
what one transaction does to one account's money; the flow that made it commits its writes
together with the fact that is paid for, and that fact's own item keeps it from happening twice.

change      a `Change`, its entries, and what is refused
statement   the balance now and at any instant, entries by time
quota       a legacy bot's messages of a month
looking     whose warnings are to be looked at, though no money moved
"""

from chalicelib.billing.change import (
    ACTIVATION,
    BROADCAST,
    CORRECTION,
    DEPOSIT,
    DEPOSIT_RETURNED,
    DISPUTE,
    DISPUTE_WON,
    KINDS,
    LOOKED_AT_WITHIN,
    MAINTENANCE_FEE,
    MESSAGE,
    SESSION,
    SESSION_RETURNED,
    SESSIONS_FEE,
    SET_ASIDE,
    SET_ASIDE_RETURNED,
    TOP_UP,
    TOP_UP_RETURNED,
    BooksBroken,
    Change,
    InsufficientFunds,
    Owing,
    entry,
    entry_item,
    refused,
    short_of,
)
from chalicelib.billing.looking import look_again, looked_at_again
from chalicelib.billing.quota import quota_item, return_quota, use_quota
from chalicelib.billing.statement import (
    balance,
    balance_at,
    checkpoint_before,
    checkpoint_item,
    entries,
    every_entry,
    read_entry,
    wanted,
)

__all__ = [
    "ACTIVATION",
    "BROADCAST",
    "CORRECTION",
    "DEPOSIT",
    "DEPOSIT_RETURNED",
    "DISPUTE",
    "DISPUTE_WON",
    "KINDS",
    "LOOKED_AT_WITHIN",
    "MAINTENANCE_FEE",
    "MESSAGE",
    "SESSION",
    "SESSIONS_FEE",
    "SESSION_RETURNED",
    "SET_ASIDE",
    "SET_ASIDE_RETURNED",
    "TOP_UP",
    "TOP_UP_RETURNED",
    "BooksBroken",
    "Change",
    "InsufficientFunds",
    "Owing",
    "balance",
    "balance_at",
    "checkpoint_before",
    "checkpoint_item",
    "entries",
    "entry",
    "entry_item",
    "every_entry",
    "look_again",
    "looked_at_again",
    "quota_item",
    "read_entry",
    "refused",
    "return_quota",
    "short_of",
    "use_quota",
    "wanted",
]
