"""What is in force: prices per country and session policies, dated and versioned by operators.

book      what is or will be in force, read on the way of every message
versions  making, withdrawing and listing versions; each keeps an item of its own for ever
files     price lists as spreadsheets read and write them
"""

from chalicelib.tariffs.book import PriceList, Tariffs, at, forget, policy_of, wanted
from chalicelib.tariffs.versions import (
    PRICE_MAX_MICROS,
    Version,
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
    "PRICE_MAX_MICROS",
    "PriceList",
    "Tariffs",
    "Version",
    "at",
    "forget",
    "make_policy",
    "make_price_list",
    "policies",
    "policy",
    "policy_of",
    "price_list",
    "price_lists",
    "state_of",
    "wanted",
    "withdraw_policy",
    "withdraw_price_list",
]
