"""How fast an account spends: what messages and sessions cost on each of its last days.

A day's sum is counted once, when the day is over, and kept: entries never change.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib import billing, ids, store
from chalicelib.tables import Pace

SPENT_KINDS = (billing.MESSAGE, billing.SESSION, billing.SESSION_RETURNED, billing.BROADCAST)
DAYS_KEPT = 28
DAYS_OF_WARNINGS = 14
DAYS_A_WEEK = 7
# A function that began before midnight may still write an entry of the day.
OVER_AFTER = timedelta(minutes=15)
COUNTED_AT_ONCE = 20_000


class Counted(NamedTuple):
    """What the entries of a day come to, up to and with the one of this id."""

    day: str
    until: str
    micros: int


class Spent(NamedTuple):
    """What was spent on each whole day that is known, in micros."""

    days: Mapping[date, int]

    def per_day(self, last_days: int = DAYS_KEPT) -> int:
        """Tell the mean of the last days that are known."""
        known = [self.days[day] for day in sorted(self.days)[-last_days:]]
        return max(sum(known), 0) // len(known) if known else 0

    def per_weekday(self) -> tuple[int, ...]:
        """Tell the mean of each weekday, Monday first; of one not known yet, that of all days."""
        means = []
        for weekday in range(DAYS_A_WEEK):
            known = [micros for day, micros in self.days.items() if day.weekday() == weekday]
            means.append(max(sum(known), 0) // len(known) if known else self.per_day())
        return tuple(means)


def wanted(account_id: str) -> tuple[type[Pace], str, str]:
    """Name what is kept of an account's pace for `store.read`."""
    return Pace, account_id, "pace"


def spent(
    account_id: str,
    kept: Pace | None,
    *,
    zone: str,
    since: datetime,
    now: datetime,
    at_most: int = COUNTED_AT_ONCE,
) -> Spent:
    """Tell what an account spent on its last whole days, none before `since`.

    Days that nobody has counted yet are counted now, the last one first, and kept; of an account
    with very many entries only some, and the others the next time.
    """
    last = (now - OVER_AFTER).astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    first = max(last - timedelta(days=DAYS_KEPT - 1), since.astimezone(ZoneInfo(zone)).date())
    asked = [last - timedelta(days=back) for back in range((last - first).days + 1)]
    known: dict[date, int] = {}
    begun = None
    if kept is not None and kept.time_zone == zone:
        known = {date.fromisoformat(day): micros for day, micros in kept.days.items()}
        begun = None if kept.counting is None else Counted(*kept.counting)
    days = {day: known[day] for day in asked if day in known}
    counting, left = begun, at_most
    for part in _in_turn([day.isoformat() for day in asked if day not in days], begun):
        if left <= 0:
            break
        counted, read, is_whole = _of_day(account_id, part, zone, at_most=left)
        left -= read
        counting = None if is_whole else counted
        if is_whole:
            days[date.fromisoformat(counted.day)] = counted.micros
    if set(days) - set(known) or counting != begun or (kept is not None and kept.time_zone != zone):
        told = {day.isoformat(): days[day] for day in sorted(days)}
        # Whoever counts beside this finds the same sums of whole days.
        store.put(Pace(key=account_id, time_zone=zone, days=told, counting=counting))
    return Spent(days)


def _in_turn(days: list[str], begun: Counted | None) -> list[Counted]:
    """Tell from where each day is counted on; the one that is counted in part goes first."""
    fresh = [Counted(day, "", 0) for day in days if begun is None or begun.day != day]
    return fresh if begun is None or begun.day not in days else [begun, *fresh]


def _of_day(
    account_id: str, begun: Counted, zone: str, *, at_most: int
) -> tuple[Counted, int, bool]:
    """Count so many entries of a day; tell how many there were, and whether it is whole now."""
    day = date.fromisoformat(begun.day)
    begin, end = (_midnight(each, zone) for each in (day, day + timedelta(days=1)))
    if begun.until:
        begin = datetime.fromtimestamp(ids.ms_of(begun.until) / 1000, UTC)
    until, micros, read = begun.until, begun.micros, 0
    for entry in billing.every_entry(account_id, from_at=begin, until_at=end):
        if entry.entry_id <= begun.until:
            continue
        if read == at_most:
            return Counted(begun.day, until, micros), read, False
        until, read = entry.entry_id, read + 1
        if entry.kind in SPENT_KINDS:
            micros -= entry.amount_micros
    return Counted(begun.day, until, micros), read, True


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
