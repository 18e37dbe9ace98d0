"""The fee calendar: months, charge days and daily steps in every zone there is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import months

KYIV = "Europe/Kyiv"
ZONES = st.sampled_from(sorted(available_timezones()))
MONTHS = st.builds("{:04}-{:02}".format, st.integers(2020, 2099), st.integers(1, 12))
# From 2020 to 2099, by the second.
INSTANTS = st.integers(1_577_836_800, 4_099_680_000).map(lambda s: datetime.fromtimestamp(s, UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.rule("S1.37")
@pytest.mark.parametrize(
    ("month", "day"),
    [
        ("2026-01", 26),
        ("2026-02", 23),
        ("2028-02", 24),
        ("2100-02", 23),
        ("2000-02", 24),
        ("2026-04", 25),
        ("2026-12", 26),
    ],
)
def test_the_charge_day_is_the_last_of_the_month_less_five(month: str, day: int) -> None:
    assert months.charged_on(month, 5) == day


def test_years_end_and_begin() -> None:
    assert months.after("2026-12") == "2027-01"
    assert months.after("2026-01", -1) == "2025-12"
    assert months.after("2026-11", 14) == "2028-01"
    assert months.end("2026-12", KYIV) == months.begin("2027-01", KYIV) == at("2026-12-31T22:00Z")


@pytest.mark.rule("S1.41")
def test_a_month_begins_by_the_zones_own_clock_in_summer_and_winter() -> None:
    assert months.begin("2026-07", KYIV) == at("2026-06-30T21:00Z")
    assert months.begin("2026-11", KYIV) == at("2026-10-31T22:00Z")
    assert months.of(at("2026-10-31T21:59:59Z"), KYIV) == "2026-10"
    assert months.of(at("2026-10-31T22:00Z"), KYIV) == "2026-11"
    assert months.of(at("2026-10-31T22:00Z"), "America/New_York") == "2026-10"


@pytest.mark.rule("S1.17")
def test_a_legacy_bots_month_is_utcs() -> None:
    assert months.of_utc(at("2026-11-01T01:59+02:00")) == "2026-10"
    assert months.of_utc(at("2026-11-01T02:00+02:00")) == "2026-11"


def test_a_day_has_23_or_25_hours_where_the_clock_is_changed() -> None:
    spring, autumn = at("2026-03-28T22:00Z"), at("2026-10-24T21:00Z")
    assert months.day_after(spring, KYIV) - spring == timedelta(hours=23)
    assert months.day_after(autumn, KYIV) - autumn == timedelta(hours=25)


def test_protection_of_marchs_fee_begins_before_the_clock_is_changed() -> None:
    # The charge day is the 26th, the change on the 29th; in October the 26th lies behind it.
    assert months.protected_from("2026-03", KYIV, 5) == at("2026-03-15T22:00Z")
    assert months.charged_at("2026-03", KYIV, 5) == at("2026-03-25T22:00Z")
    assert months.protected_from("2026-10", KYIV, 5) == at("2026-10-15T21:00Z")
    assert months.charged_at("2026-10", KYIV, 5) == at("2026-10-25T22:00Z")


@given(month=MONTHS, zone=ZONES)
def test_every_month_begins_where_the_one_before_ends_and_holds_its_charge_day(
    month: str, zone: str
) -> None:
    begin, end = months.begin(month, zone), months.end(month, zone)
    charged = months.charged_at(month, zone, 5)
    protected = months.protected_from(month, zone, 5)
    assert months.of(begin, zone) == month
    assert months.of(begin - timedelta(milliseconds=1), zone) == months.after(month, -1)
    assert months.of(end - timedelta(milliseconds=1), zone) == month
    assert begin < protected < charged < end
    assert charged.astimezone(ZoneInfo(zone)).day == months.charged_on(month, 5)
    assert timedelta(days=4) < end - charged < timedelta(days=7)
    assert timedelta(days=9) < charged - protected < timedelta(days=11)


@given(instant=INSTANTS, zone=ZONES)
def test_every_instant_lies_in_its_month(instant: datetime, zone: str) -> None:
    month = months.of(instant, zone)
    assert months.begin(month, zone) <= instant < months.end(month, zone)


@given(instant=INSTANTS, zone=ZONES)
def test_the_next_day_is_always_later(instant: datetime, zone: str) -> None:
    step = months.day_after(instant, zone) - instant
    assert timedelta(hours=20) < step < timedelta(hours=28)


@given(month=MONTHS, count=st.integers(-600, 600))
def test_months_are_counted_there_and_back(month: str, count: int) -> None:
    assert months.after(months.after(month, count), -count) == month
