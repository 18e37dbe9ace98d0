"""Whose money the schedule of warnings has to look at, though nothing of it has moved."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib import store
from chalicelib.billing.change import LOOKED_AT_WITHIN
from chalicelib.billing.statement import balance as read_balance
from chalicelib.tables import Balance

A_LITTLE = timedelta(milliseconds=1)


def look_again(account_id: str, *, now: datetime) -> None:
    """Let an account be looked at within minutes, even if somebody is just looking."""
    balance = read_balance(account_id)
    at = _at(balance, now)
    is_other = Balance.due_at.does_not_exist() | (Balance.due_at != at)
    try:
        store.update(
            Balance(key=account_id, item="balance"), looked_at_again(balance, now), is_other
        )
    except store.Changed:
        return


def looked_at_again(balance: Balance, now: datetime) -> tuple[Any, ...]:
    """Return the actions on a balance, as read, that let its account be looked at once more.

    A look that has begun tells by the balance whether anything has changed meanwhile, and here
    no amount does: so the date moves, never to a later one.
    """
    shard = store.shard_of("balance", balance.key)
    return Balance.due_shard.set(shard), Balance.due_at.set(_at(balance, now))


def _at(balance: Balance, now: datetime) -> datetime:
    soon = now + LOOKED_AT_WITHIN
    return soon if balance.due_at is None else min(soon, balance.due_at - A_LITTLE)
