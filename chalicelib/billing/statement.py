"""What an account's money is now and was at any instant, and the entries that made it so."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition

from chalicelib import errors, ids, store
from chalicelib.billing.change import KINDS, entry_item
from chalicelib.tables import Balance, Checkpoint, Entry

READ_AT_ONCE = 500
BEGINNING_OF_TIME_MS = 0
INSTANT = timedelta(milliseconds=1)


def wanted(account_id: str) -> tuple[type[Balance], str, str]:
    """Name an account's balance for `store.read`."""
    return (Balance, account_id, "balance")


def balance(account_id: str) -> Balance:
    """Read an account's balance; one that nothing ever came to is all zeros."""
    found = store.get(Balance, account_id, "balance")
    return found or Balance(key=account_id)


def balance_at(account_id: str, at: datetime) -> int:
    """Tell what all entries up to an instant come to: the last checkpoint and those since.

    Every entry is counted, in as many reads as it takes: at most those of one month and the
    days until its checkpoint is made.
    """
    checkpoint = checkpoint_before(account_id, at)
    since = None if checkpoint is None else checkpoint.ends_at
    total = 0 if checkpoint is None else checkpoint.entries_micros
    later = every_entry(account_id, from_at=since, until_at=at + INSTANT)
    return total + sum(entry.amount_micros for entry in later)


def entries(
    account_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    from_at: datetime | None = None,
    until_at: datetime | None = None,
    bot_id: str | None = None,
    kind: str | None = None,
    newest_first: bool = True,
) -> tuple[list[Entry], str | None]:
    """Read a page of an account's entries by time, from an instant on and before another.

    A page of one bot's or kind's may be short while its cursor goes on. Raises BadInput for an
    unknown kind.
    """
    if kind is not None and kind not in KINDS:
        raise errors.BadInput(f"One of {', '.join(KINDS)}.", field="kind")
    if from_at is not None and until_at is not None and from_at >= until_at:
        return [], None
    only: Condition | None = None
    if bot_id is not None:
        only = Entry.bot_id == bot_id
    if kind is not None:
        only = only & (Entry.kind == kind)
    return store.page(
        Entry,
        account_id,
        _between(from_at, until_at),
        limit=limit,
        cursor=cursor,
        newest_first=newest_first,
        filtered_by=only,
    )


def every_entry(
    account_id: str, *, from_at: datetime | None = None, until_at: datetime | None = None
) -> Iterator[Entry]:
    """Yield all entries from an instant on and before another, oldest first, page by page."""
    cursor: str | None = None
    while True:
        found, cursor = entries(
            account_id,
            limit=READ_AT_ONCE,
            cursor=cursor,
            from_at=from_at,
            until_at=until_at,
            newest_first=False,
        )
        yield from found
        if cursor is None:
            return


def read_entry(account_id: str, entry_id: str) -> Entry:
    """Read one entry, or raise NotFound."""
    found = store.get(Entry, account_id, entry_item(entry_id))
    if found is None:
        raise errors.NotFound("There is no such entry.", field="entry_id")
    return found


def checkpoint_before(account_id: str, at: datetime) -> Checkpoint | None:
    """Find the last checkpoint whose months were over at an instant."""
    cursor: str | None = None
    while True:
        # A month that is not over has none, so the first page nearly always has it.
        found, cursor = store.page(
            Checkpoint,
            account_id,
            Checkpoint.item.startswith(checkpoint_item("")),
            limit=24,
            cursor=cursor,
            newest_first=True,
        )
        for checkpoint in found:
            if checkpoint.ends_at <= at:
                return checkpoint
        if cursor is None:
            return None


def checkpoint_item(month: str) -> str:
    """Name a checkpoint's place in its account's ledger; months sort by time."""
    return f"checkpoint#{month}"


def _between(from_at: datetime | None, until_at: datetime | None) -> Condition:
    first_ms = BEGINNING_OF_TIME_MS if from_at is None else ids.to_ms(from_at)
    until_ms = ids.MS_MAX if until_at is None else ids.to_ms(until_at)
    # The lowest id of an instant is nobody's: its last bytes are those of no cause.
    return Entry.item.between(
        entry_item(ids.first_at("ent", first_ms)), entry_item(ids.first_at("ent", until_ms))
    )
