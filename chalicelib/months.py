"""Calendar months of the fee calendar: `2026-12`, in the platform's own time zone."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

PROTECTED_DAYS_BEFORE_THE_CHARGE = 10


def of(at: datetime, zone: str) -> str:
    """Tell which month an instant lies in."""
    return at.astimezone(_zone(zone)).strftime("%Y-%m")


def of_utc(at: datetime) -> str:
    """Tell which UTC month an instant lies in: a legacy bot's count goes by it."""
    return at.astimezone(UTC).strftime("%Y-%m")


def after(month: str, count: int = 1) -> str:
    """Give the month so many months later."""
    year, number = _parts(month)
    total = year * 12 + number - 1 + count
    return f"{total // 12:04}-{total % 12 + 1:02}"


def begin(month: str, zone: str) -> datetime:
    """Give the instant a month begins at."""
    year, number = _parts(month)
    return datetime(year, number, 1, tzinfo=_zone(zone)).astimezone(UTC)


def end(month: str, zone: str) -> datetime:
    """Give the instant a month is over, which is the next one's first."""
    return begin(after(month), zone)


def charged_on(month: str, days_before_last: int) -> int:
    """Give the day of a month on which the next one's fee is taken: its last less some days."""
    year, number = _parts(month)
    return monthrange(year, number)[1] - days_before_last


def charged_at(month: str, zone: str, days_before_last: int) -> datetime:
    """Give the instant from which the fee of the month after this one is due."""
    year, number = _parts(month)
    day = charged_on(month, days_before_last)
    return datetime(year, number, day, tzinfo=_zone(zone)).astimezone(UTC)


def protected_from(month: str, zone: str, days_before_last: int) -> datetime:
    """Give the instant from which money is moved aside for the fee charged in this month."""
    local = charged_at(month, zone, days_before_last).astimezone(_zone(zone))
    day = local.replace(tzinfo=None) - timedelta(days=PROTECTED_DAYS_BEFORE_THE_CHARGE)
    return day.replace(tzinfo=_zone(zone)).astimezone(UTC)


def day_after(at: datetime, zone: str) -> datetime:
    """Give the same time of the next day, by that zone's own clock."""
    local = at.astimezone(_zone(zone))
    day = local.replace(tzinfo=None) + timedelta(days=1)
    return day.replace(tzinfo=_zone(zone)).astimezone(UTC)


def _parts(month: str) -> tuple[int, int]:
    year, number = month.split("-")
    return int(year), int(number)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
