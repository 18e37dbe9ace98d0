"""How many messages a legacy bot has used of its UTC month: counted in the store, never read."""

from typing import Any

from chalicelib import months, store
from chalicelib.billing.change import BooksBroken
from chalicelib.tables import Quota


def quota_item(bot_id: str, month: str) -> str:
    """Name the counter of a bot's UTC month."""
    return f"quota#{bot_id}#{month}"


def use_quota(
    account_id: str, bot_id: str, month: str, count: int, *, at_most: int, refusal: Exception
) -> store.Write:
    """Return the write that counts messages of a month, or refuses what would exceed it."""
    room = at_most - count
    condition = Quota.used <= room
    if room >= 0:
        condition = Quota.used.does_not_exist() | condition
    return store.Update(
        Quota(key=account_id, item=quota_item(bot_id, month)),
        condition,
        refusal,
        actions=(Quota.used.set((Quota.used | 0) + count), *_looked_at(account_id, month)),
    )


def return_quota(account_id: str, bot_id: str, month: str, count: int) -> store.Write:
    """Return the write that gives counts back to a month."""
    return store.Update(
        Quota(key=account_id, item=quota_item(bot_id, month)),
        Quota.used >= count,
        BooksBroken(f"{bot_id}: the count of {month} is below {count}"),
        actions=(Quota.used.set(Quota.used - count),),
    )


def _looked_at(account_id: str, month: str) -> tuple[Any, ...]:
    """Let the schedule of warnings look at a count that has moved: it is due since its month."""
    return (
        Quota.due_shard.set(Quota.due_shard | store.shard_of("quota", account_id)),
        Quota.due_at.set(Quota.due_at | months.begin(month, "UTC")),
    )
