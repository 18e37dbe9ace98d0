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

    def once() -> None:
        balance = read_balance(account_id)
        actions, is_as_read = looked_at_again(balance, now)
        store.update(Balance(key=account_id, item="balance"), actions, is_as_read)

    store.again(once)


def looked_at_again(balance: Balance, now: datetime) -> tuple[tuple[Any, ...], Any]:
    """Return the actions on a balance that let its account be looked at once more, under a date.

    A look that has begun tells by the balance whether anything has changed meanwhile, and here
    no amount does: so the date moves, never to a later one. The condition is the date as read,
    for of two who move it both have to be seen.
    """
    soon, due_at = now + LOOKED_AT_WITHIN, Balance.due_at
    if balance.due_at is None:
        at, is_as_read = soon, due_at.does_not_exist()
    else:
        at, is_as_read = min(soon, balance.due_at - A_LITTLE), due_at == balance.due_at
    shard = store.shard_of("balance", balance.key)
    return (Balance.due_shard.set(shard), due_at.set(at)), is_as_read
