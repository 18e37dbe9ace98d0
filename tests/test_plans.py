"""Plans: the table of plan × situation, what each bot pays, may send and offers, and when."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from chalicelib import errors, plans, sessions
from chalicelib.money import euros
from chalicelib.tables import Bot
from tests.fixtures_money import kyiv

NOW = kyiv(2026, 11, 10, 12)
MONTH_ENDS = kyiv(2026, 12, 1)
PRICE = 40_000


def bot(plan: str | None, **facts: Any) -> Bot:
    return Bot(
        bot_id="bot_01KGR1GP0S8TH2M5TSCK9XNV5B",
        account_id="acc_01KGR1GP0S8TH2M5TSCK9XNV5B",
        created_at=NOW,
        plan=plan,
        **facts,
    )


SESSIONS = {
    "has_sessions": True,
    "sessions_fee_micros": euros(30),
    "session_price_micros": PRICE,
    "paid_month": "2026-11",
}


class Row(NamedTuple):
    """One column of the design's table: a bot, and what holds for it now."""

    bot: Bot
    fee: tuple[str, int] | None
    policy: sessions.Policy | None
    session_price: int
    may_send: bool = True


TABLE = {
    "legacy": Row(bot("legacy"), None, sessions.FREE, 0),
    "commercial": Row(
        bot("commercial", paid_month="2026-11"),
        ("maintenance-fee", euros(100)),
        sessions.FREE,
        0,
    ),
    "business, sessions on": Row(
        bot("business", **SESSIONS), ("sessions-fee", euros(30)), sessions.BUSINESS, PRICE
    ),
    "business, sessions off": Row(bot("business"), None, None, 0),
    "business, never paid on": Row(bot("business", paid_month="2026-10"), None, None, 0),
    "no plan": Row(bot(None), None, None, 0, may_send=False),
    "legacy, not old": Row(
        bot("legacy", ended_at=NOW, ended_reason="not-legacy"), None, None, 0, may_send=False
    ),
    "commercial, deactivated": Row(
        bot("commercial", paid_month="2026-10", ended_at=NOW, ended_reason="unpaid"),
        None,
        None,
        0,
        may_send=False,
    ),
    "commercial, cancelled, month runs": Row(
        bot("commercial", paid_month="2026-11", cancelled_at=NOW), None, sessions.FREE, 0
    ),
    "commercial, cancelled, month over": Row(
        bot("commercial", paid_month="2026-10", cancelled_at=NOW - timedelta(days=20)),
        None,
        None,
        0,
        may_send=False,
    ),
    "commercial, unpaid and not tried": Row(
        bot("commercial", paid_month="2026-08"),
        ("maintenance-fee", euros(100)),
        sessions.FREE,
        0,
    ),
    "business, sessions unpaid": Row(
        bot("business", **SESSIONS, ended_at=NOW, ended_reason="unpaid"), None, None, 0
    ),
    "business, sessions cancelled, month runs": Row(
        bot("business", **SESSIONS, cancelled_at=NOW), None, sessions.BUSINESS, PRICE
    ),
    "business, sessions cancelled, month over": Row(
        bot("business", **SESSIONS | {"paid_month": "2026-10"}, cancelled_at=NOW), None, None, 0
    ),
}


@pytest.mark.rule("S1.19")
@pytest.mark.rule("S1.35")
@pytest.mark.rule("S2.9")
@pytest.mark.rule("X.3")
@pytest.mark.parametrize("name", TABLE)
def test_what_holds_for_a_bot_of_each_plan_in_each_situation(name: str) -> None:
    row = TABLE[name]
    fee = plans.next_fee(row.bot)
    assert (None if fee is None else (fee.kind, fee.micros)) == row.fee
    terms = plans.terms(row.bot, sessions.FREE, sessions.BUSINESS, NOW)
    assert terms == sessions.Terms(row.policy, row.session_price)
    assert plans.has_sessions(row.bot, NOW) == (row.policy is sessions.BUSINESS)
    assert plans.may_send(row.bot, NOW) == row.may_send
    assert plans.has_fee(row.bot) == (row.fee is not None)


@pytest.mark.rule("S2.12")
@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("legacy", None),
        ("commercial", None),
        ("business, sessions on", ("text", "picture")),
    ],
)
def test_which_types_the_plans_talk_takes(name: str, types: tuple[str, ...] | None) -> None:
    terms = plans.terms(TABLE[name].bot, sessions.FREE, sessions.BUSINESS, NOW)
    assert terms.policy is not None
    assert terms.policy.types == types


@pytest.mark.rule("S1.53")
@pytest.mark.rule("S1.62")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("no plan", "no-plan"),
        ("legacy, not old", "bot-ended"),
        ("commercial, deactivated", "bot-deactivated"),
        ("commercial, cancelled, month over", "bot-ended"),
    ],
)
def test_a_bot_that_may_not_send_is_told_why_and_the_way_out(name: str, kind: str) -> None:
    with pytest.raises(errors.Conflict) as refused:
        plans.refuse_unless_sending(TABLE[name].bot, NOW)
    assert refused.value.kind == kind
    assert "request" in refused.value.detail


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.may_send])
def test_a_bot_that_may_send_is_not_stopped(name: str) -> None:
    plans.refuse_unless_sending(TABLE[name].bot, NOW)


@pytest.mark.rule("S1.52")
@pytest.mark.parametrize(
    ("at", "may_send"),
    [(MONTH_ENDS - timedelta(milliseconds=1), True), (MONTH_ENDS, False)],
)
def test_a_cancelled_bot_ends_at_the_very_instant(at: datetime, may_send: bool) -> None:
    cancelled = bot("commercial", paid_month="2026-11", cancelled_at=NOW)
    assert plans.ends_at(cancelled) == MONTH_ENDS
    assert plans.may_send(cancelled, at) is may_send


@pytest.mark.rule("S1.36")
@pytest.mark.rule("S1.72")
def test_a_fee_says_when_it_is_protected_due_and_late() -> None:
    fee = plans.next_fee(bot("commercial", paid_month="2026-11"))
    assert fee == plans.Fee(
        "maintenance-fee",
        euros(100),
        "2026-12",
        due_at=kyiv(2026, 11, 25),
        protected_from=kyiv(2026, 11, 15),
        last_at=MONTH_ENDS,
    )


@contextmanager
def settings(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.mark.rule("S1.41")
def test_amount_day_and_zone_are_settings_of_the_platform() -> None:
    with settings(FEE_ZONE="Asia/Tokyo", FEE_DAYS_BEFORE_LAST="2", MAINTENANCE_EUR="90"):
        fee = plans.next_fee(bot("commercial", paid_month="2026-11"))
        assert fee is not None
        assert fee.micros == euros(90)
        assert fee.due_at == datetime.fromisoformat("2026-11-28T00:00+09:00")
        assert fee.last_at == datetime.fromisoformat("2026-12-01T00:00+09:00")


@pytest.mark.rule("S1.13")
@pytest.mark.rule("S1.14")
@pytest.mark.rule("X.2")
def test_the_day_that_parts_old_bots_from_new_ones() -> None:
    assert plans.PAID_SINCE.isoformat() == "2024-02-05"
    plans.refuse_unless_old(plans.PAID_SINCE - timedelta(days=1))
    for day in (plans.PAID_SINCE, None):
        with pytest.raises(errors.Conflict) as refused:
            plans.refuse_unless_old(day)
        assert (refused.value.kind, refused.value.field) == ("needs-request", "made_on")
