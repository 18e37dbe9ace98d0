"""How many messages a legacy bot has used of its UTC month: counted in the store, never read."""

from chalicelib import store
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
        actions=(Quota.used.set((Quota.used | 0) + count),),
    )


def return_quota(account_id: str, bot_id: str, month: str, count: int) -> store.Write:
    """Return the write that gives counts back to a month."""
    return store.Update(
        Quota(key=account_id, item=quota_item(bot_id, month)),
        Quota.used >= count,
        BooksBroken(f"{bot_id}: the count of {month} is below {count}"),
        actions=(Quota.used.set(Quota.used - count),),
    )
