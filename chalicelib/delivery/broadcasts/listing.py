"""An account's broadcasts, newest first: a page of them, or one after another."""

from collections.abc import Iterator

from chalicelib import store
from chalicelib.tables import Broadcast


def listed(
    account_id: str, *, limit: int, cursor: str | None
) -> tuple[list[Broadcast], str | None]:
    """List an account's broadcasts, newest first."""
    return store.page(
        Broadcast,
        account_id,
        Broadcast.item.startswith("broadcast#"),
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )


def every(account_id: str) -> Iterator[Broadcast]:
    """Yield all of an account's broadcasts, newest first, page by page."""
    cursor = None
    while True:
        found, cursor = listed(account_id, limit=100, cursor=cursor)
        yield from found
        if cursor is None:
            return
