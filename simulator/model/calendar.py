"""The fee calendar, walked day by day (S1.36, S1.37, S1.41, S1.72)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
LAST_DAY_LESS = 5
PROTECTED_BEFORE = 10


def month_of(at: datetime, zone: str) -> str:
    """Tell the month of an instant by the wall calendar of a zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m}"


@cache
def next_month(month: str) -> str:
    """Walk on until the month's name changes."""
    day = _first_day(month)
    while f"{day:%Y-%m}" == month:
        day += DAY
    return f"{day:%Y-%m}"


@cache
def charge_day(month: str) -> date:
    """Give the day in this month on which the next month's fee is taken."""
    last = _first_day(next_month(month)) - DAY
    return last - LAST_DAY_LESS * DAY


@cache
def charged_from(paid_month: str, zone: str) -> datetime:
    """Give the instant from which the fee after a paid month is due."""
    return _midnight(charge_day(paid_month), zone)


@cache
def protected_from(paid_month: str, zone: str) -> datetime:
    """Give the instant from which money is moved aside for that fee."""
    return _midnight(charge_day(paid_month) - PROTECTED_BEFORE * DAY, zone)


@cache
def over_at(month: str, zone: str) -> datetime:
    """Give the instant at which a month is over."""
    return _midnight(_first_day(next_month(month)), zone)


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
