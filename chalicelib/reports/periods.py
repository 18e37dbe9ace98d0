"""Which days a report is about: by the account's own clock, the last one not included."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib import errors

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2999, 12, 31)


class Period(NamedTuple):
    """The instants a report begins at and ends before, and the zone its times are told in."""

    from_at: datetime
    until_at: datetime
    zone: str

    def local(self, at: datetime) -> datetime:
        """Give an instant by the account's clock."""
        return at.astimezone(ZoneInfo(self.zone))

    def month_of(self, at: datetime) -> str:
        """Tell the account's month an instant lies in."""
        return self.local(at).strftime("%Y-%m")


def period(first: date | None, after_last: date | None, *, zone: str, now: datetime) -> Period:
    """Give the period from one day on and before another.

    Without the first it begins with this month, without the other it ends with today. Raises
    BadInput naming the day that is wrong.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    first = first or today.replace(day=1)
    after_last = after_last or max(today, first) + timedelta(days=1)
    for name, day in (("from", first), ("to", after_last)):
        if not FIRST_DAY <= day <= LAST_DAY:
            raise errors.BadInput(f"A day from {FIRST_DAY} to {LAST_DAY}.", field=name)
    if after_last <= first:
        raise errors.BadInput("A day after `from`, itself not in the report.", field="to")
    return Period(_midnight(first, zone), _midnight(after_last, zone), zone)


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
