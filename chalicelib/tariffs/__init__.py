"""What is in force: prices per country and session policies, dated and versioned by operators.

book      what is or will be in force, read on the way of every message
versions  making, withdrawing and listing versions; each keeps an item of its own for ever
prices    the lines of a price list, and how spreadsheets read and write them
"""

from chalicelib.tariffs.book import (
    KINDS,
    PriceList,
    Tariffs,
    at,
    business_before,
    forget,
    policy_of,
    wanted,
)
from chalicelib.tariffs.prices import read as read_csv
from chalicelib.tariffs.prices import written as csv_of
from chalicelib.tariffs.versions import (
    Version,
    current,
    make_policy,
    make_price_list,
    policies,
    policy,
    price_list,
    price_lists,
    state_of,
    withdraw_policy,
    withdraw_price_list,
)

__all__ = [
    "KINDS",
    "PriceList",
    "Tariffs",
    "Version",
    "at",
    "business_before",
    "csv_of",
    "current",
    "forget",
    "make_policy",
    "make_price_list",
    "policies",
    "policy",
    "policy_of",
    "price_list",
    "price_lists",
    "read_csv",
    "state_of",
    "wanted",
    "withdraw_policy",
    "withdraw_price_list",
]
