"""What-if: the rules of fees played forward, and the pace they are played at."""

import calendar
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import billing, fees, forecast, ids, store
from chalicelib.forecast import Forecast, Start, TopUp, pace, play
from chalicelib.tables import Bot, Entry, MoneySettings, Pace, Quota
from tests.desk import Desk
from tests.fixtures_money import Till
from tests.fixtures_paid import commercial

KYIV = ZoneInfo("Europe/Kyiv")
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
EUR = 1_000_000
FEE = 100 * EUR
NOTHING = (0,) * 7


def bot(number: int = 1, **facts: Any) -> Bot:
    told: dict[str, Any] = {
        "bot_id": f"bot_{number:026}",
        "account_id": "acc_1",
        "name": f"Бот {number}",
        "state": "connected",
        "connected_by": "per_1",
        "created_at": datetime(2026, 1, number, tzinfo=UTC),
        "plan": "commercial",
        "paid_month": "2026-11",
    }
    return Bot(**told | facts)


def start(
    euros: int,
    *bots: Bot,
    spends: int | Sequence[int] = 0,
    owed: int = 0,
    protects: bool = True,
) -> Start:
    weekdays = (spends,) * 7 if isinstance(spends, int) else spends
    return Start(euros * EUR, owed, bots or (bot(),), protects, weekdays)


def played(begin: Start, ahead: int = 3, **what_if: Any) -> Forecast:
    return play(begin, until=forecast.until(NOW, ahead), now=NOW, **what_if)


def told(found: Forecast, kind: str) -> list[tuple[str, str]]:
    """Tell on which day of the fee calendar something happens, and to which bot or month."""
    return [
        (f"{event.at.astimezone(KYIV):%Y-%m-%d}", event.month or event.bot_name or "")
        for event in found.events
        if event.kind == kind
    ]


# Fees.


@pytest.mark.rule("S1.36", "S1.37")
def test_fees_are_foretold_on_their_charge_days() -> None:
    assert told(played(start(1000)), "fee-paid") == [
        ("2026-11-25", "2026-12"),
        ("2026-12-26", "2027-01"),
        ("2027-01-26", "2027-02"),
        ("2027-02-23", "2027-03"),
    ]


def test_months_tell_what_is_taken_and_left() -> None:
    found = played(start(1000, spends=EUR))
    assert [row.name for row in found.months] == ["2026-11", "2026-12", "2027-01", "2027-02"]
    first, second = found.months[:2]
    # What is left of 20 November by the clock of Kyiv, and the ten days after it.
    assert first.spent_micros == 10 * EUR + EUR * 12 // 24
    assert second.spent_micros == 31 * EUR
    assert (first.fees_micros, second.fees_micros) == (FEE, FEE)
    assert first.available_micros == 1000 * EUR - FEE - first.spent_micros
    # Ten days before the charge day of February the money for March is put aside, and paid.
    assert found.months[-1].set_aside_micros == 0
    assert len(found.days) == 11 + 31 + 31 + 28


def test_each_weekday_has_its_own_pace() -> None:
    found = played(start(1000, spends=(0, 0, 0, 0, 0, 7 * EUR, 0)), 1)
    spending = [row.name for row in found.days if row.spent_micros]
    assert spending[:2] == ["2026-11-21", "2026-11-28"]
    assert {date.fromisoformat(name).weekday() for name in spending} == {calendar.SATURDAY}


@pytest.mark.parametrize(("first", "hours"), [(date(2026, 10, 25), 25), (date(2027, 3, 28), 23)])
def test_a_day_of_the_change_of_clocks_is_spent_as_one(first: date, hours: int) -> None:
    at = datetime(first.year, first.month, first.day, tzinfo=KYIV).astimezone(UTC)
    until = at + timedelta(hours=hours)
    found = play(start(1000, spends=EUR), until=until, now=at)
    assert [row.spent_micros for row in found.days] == [EUR]


@pytest.mark.rule("S1.6", "S1.71", "S1.72")
def test_set_aside_money_pays_first_and_is_filled_up_before_the_charge_day() -> None:
    found = played(start(1000, bot(set_aside_micros=150 * EUR)), 1)
    day = {row.name: row for row in found.days}
    assert day["2026-11-25"].set_aside_micros == 50 * EUR
    assert day["2026-11-25"].available_micros == 1000 * EUR
    assert day["2026-12-15"].set_aside_micros == 50 * EUR
    assert day["2026-12-16"].set_aside_micros == 100 * EUR
    assert day["2026-12-16"].available_micros == 950 * EUR


@pytest.mark.rule("S1.72")
def test_protected_money_is_not_spent_on_messages() -> None:
    protected = played(start(150, spends=20 * EUR), 0)
    assert told(protected, "fee-paid") == [("2026-11-25", "2026-12")]
    assert told(protected, "money-out") == [("2026-11-23", "")]
    spent = played(start(150, spends=20 * EUR, protects=False), 0)
    assert told(spent, "fee-paid") == []
    assert told(spent, "fee-refused") == [("2026-11-25", "2026-12")]


@pytest.mark.rule("S1.59", "S1.58")
def test_a_fee_that_fails_ends_the_bot_with_its_paid_month() -> None:
    found = played(start(99), 1)
    assert told(found, "fee-refused") == [("2026-11-25", "2026-12")]
    assert told(found, "bot-deactivated") == [("2026-12-01", "2026-12")]
    assert told(found, "fee-paid") == []
    # What had been put aside for it is there again.
    assert (found.months[-1].available_micros, found.months[-1].set_aside_micros) == (99 * EUR, 0)


@pytest.mark.rule("S1.71")
def test_older_bots_and_maintenance_go_first() -> None:
    sessions = {"plan": "business", "has_sessions": True, "sessions_fee_micros": 50 * EUR}
    found = played(start(260, bot(1, **sessions), bot(3), bot(2), protects=False), 0)
    assert told(found, "fee-paid") == [("2026-11-25", "2026-12")] * 3
    paid = [event.bot_name for event in found.events if event.kind == "fee-paid"]
    assert paid == ["Бот 2", "Бот 3", "Бот 1"]
    short = played(start(240, bot(1, **sessions), bot(3), bot(2), protects=False), 0)
    refused = [event.bot_name for event in short.events if event.kind == "fee-refused"]
    assert refused == ["Бот 1"]
    ended = [event.bot_name for event in played(start(0, bot(1, **sessions)), 1).events]
    assert ended == ["Бот 1", "Бот 1"]


@pytest.mark.rule("S1.52", "S1.54")
def test_a_cancelled_bot_pays_nothing_more_and_ends_with_its_month() -> None:
    found = played(start(1000, bot(cancelled_at=NOW)), 1)
    assert told(found, "fee-paid") == []
    assert told(found, "bot-ends") == [("2026-12-01", "Бот 1")]


# What is changed.


@pytest.mark.rule("S1.73")
def test_money_that_comes_in_pays_a_debt_then_what_is_due() -> None:
    top_up = TopUp(datetime(2026, 11, 27, 9, tzinfo=UTC), 250 * EUR)
    found = played(start(0, owed=120 * EUR), 0, top_ups=[top_up])
    assert told(found, "fee-refused") == [("2026-11-25", "2026-12")]
    assert told(found, "fee-paid") == [("2026-11-27", "2026-12")]
    last = found.months[-1]
    assert (last.available_micros, last.owed_micros, last.top_ups_micros) == (
        30 * EUR,
        0,
        250 * EUR,
    )


def test_a_new_bot_takes_its_deposit_and_pays_its_first_months_of_it() -> None:
    found = played(start(450, bot(plan="legacy")), 3, new_bots=2)
    assert told(found, "bot-added") == [("2026-11-20", "new-2")]
    assert told(found, "request-refused") == [("2026-11-20", "")]
    assert told(found, "fee-paid") == [("2026-11-25", "2026-12"), ("2026-12-26", "2027-01")]
    # 50 are left, and put aside for a fee they do not cover.
    assert told(found, "bot-deactivated") == [("2027-02-01", "2027-02")]
    assert found.months[0].other_micros == 200 * EUR
    assert found.months[-1].available_micros == 50 * EUR


def test_money_out_is_told_once_and_again_after_money_came() -> None:
    top_up = TopUp(datetime(2026, 12, 10, 9, tzinfo=UTC), 5 * EUR)
    legacy_only = bot(plan="legacy")
    found = played(start(4, legacy_only, spends=EUR), 1, top_ups=[top_up])
    assert told(found, "money-out") == [("2026-11-24", ""), ("2026-12-15", "")]
    assert found.out_at is not None
    december = found.months[-1]
    assert december.spent_micros + december.unspent_micros == 31 * EUR


def test_exactly_enough_is_enough() -> None:
    whole_days = EUR * 12 // 24 + 10 * EUR
    found = play(
        Start(whole_days, 0, (bot(plan="legacy"),), True, (EUR,) * 7),
        until=forecast.until(NOW, 0),
        now=NOW,
    )
    assert (found.out_at, found.months[-1].available_micros) == (None, 0)


def test_it_is_a_function_of_what_it_is_given() -> None:
    mine = bot(set_aside_micros=150 * EUR)
    begin = start(1000, mine, spends=EUR)
    assert played(begin) == played(begin)
    assert (mine.paid_month, mine.set_aside_micros) == ("2026-11", 150 * EUR)
    assert mine.ended_at is None


# The same as what is really charged.


Plan = tuple[str, int, int]
KINDS = st.sampled_from(["commercial", "business"])


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    euros=st.integers(0, 900),
    bots=st.lists(
        st.tuples(KINDS, st.integers(0, 250), st.integers(1, 9)),
        min_size=1,
        max_size=3,
        unique_by=lambda plan: plan[2],
    ),
    protects=st.booleans(),
    ahead=st.integers(1, 2),
)
@pytest.mark.rule("S1.36", "S1.59", "S1.71", "S1.72")
def test_fees_foretold_are_the_fees_charged(
    aws: None, euros: int, bots: list[Plan], protects: bool, ahead: int
) -> None:
    till = Till(ids.new("acc", NOW))
    till.now = NOW
    mine = _furnish(till, euros, bots, protects)
    chosen = store.get(MoneySettings, till.account_id, "settings")
    begin = forecast.start_of(till.balance, [_read(each) for each in mine], chosen, NOTHING)
    until = forecast.until(NOW, ahead)
    foretold = play(begin, until=until, now=NOW)
    _live(till, until)
    assert _charged(foretold) == _in_ledger(till)
    assert _ended(foretold) == {
        (each.bot_id, each.ended_at) for each in map(_read, mine) if each.ended_at is not None
    }
    last = foretold.months[-1]
    assert last.available_micros == till.balance.available_micros
    assert last.set_aside_micros == till.balance.set_aside_micros
    # The next example finds a calendar without these bots.
    store.commit([store.Delete(Bot(bot_id=each)) for each in mine])


def _furnish(till: Till, euros: int, made: list[Plan], protects: bool) -> list[str]:
    """Give an account these bots, with money put aside for them, and nothing spent."""
    if euros:
        till.top_up(euros)
    till.protects(protects)
    found = []
    for kind, aside, number in made:
        item = bot(number, bot_id=ids.new("bot", NOW), account_id=till.account_id, plan=kind)
        if kind == "business":
            item.has_sessions, item.sessions_fee_micros = True, 60 * EUR
        if aside:
            till.top_up(aside)
            _put_aside(till, item, aside * EUR)
        for name, value in fees.watched(item, NOW).items():
            setattr(item, name, value)
        store.put(item)
        found.append(str(item.bot_id))
    return found


def _put_aside(till: Till, item: Bot, micros: int) -> None:
    change = billing.Change(till.account_id)
    cause = f"set-aside:{item.bot_id}:test"
    entry = billing.entry(till.account_id, billing.SET_ASIDE, cause, now=NOW)
    change.set_aside(micros, entry)
    store.commit(change.writes(till.balance, now=NOW))
    item.set_aside_micros = micros


def _live(till: Till, until: datetime) -> None:
    """Run the job of fees whenever it has something to look at, until an instant."""
    while (due := min((b.fee_at for b in _mine(till) if b.fee_at), default=until)) < until:
        till.now = max(till.now, due)
        for account in fees.due(till.now):
            fees.work(account, now=till.now)


def _mine(till: Till) -> list[Bot]:
    return forecast.bots_of(till.account_id)


def _read(bot_id: str) -> Bot:
    found = store.get(Bot, bot_id)
    assert found is not None
    return found


def _charged(found: Forecast) -> list[tuple[str, str, datetime, int]]:
    paid = [event for event in found.events if event.kind == "fee-paid"]
    return sorted((str(e.bot_id), str(e.month), e.at, e.micros) for e in paid)


def _in_ledger(till: Till) -> list[tuple[str, str, datetime, int]]:
    kinds = (billing.MAINTENANCE_FEE, billing.SESSIONS_FEE)
    paid: list[Entry] = [e for e in till.entries if e.kind in kinds]
    return sorted((str(e.bot_id), e.facts["month"], e.at, -e.amount_micros) for e in paid)


def _ended(found: Forecast) -> set[tuple[str, datetime]]:
    kinds = ("bot-deactivated", "sessions-off")
    return {(str(event.bot_id), event.at) for event in found.events if event.kind in kinds}


# Pace.


def spend(desk: Desk, micros: int) -> None:
    """Spend money on a message that arrived now."""
    change = billing.Change(desk.account_id)
    cause = f"message:{next(desk.keys)}"
    change.charge(micros, billing.entry(desk.account_id, billing.MESSAGE, cause, now=desk.now))
    store.commit(change.writes(billing.balance(desk.account_id), now=desk.now))


def pace_now(desk: Desk, **how: Any) -> pace.Spent:
    kept = store.get(*pace.wanted(desk.account_id))
    return pace.spent(
        desk.account_id,
        kept,
        zone="Europe/Kyiv",
        since=desk.account.created_at,
        now=desk.now,
        **how,
    )


def test_the_pace_is_the_mean_of_the_whole_days_since_the_account_was_made(desk: Desk) -> None:
    desk.top_up(100)
    spend(desk, 3 * EUR)
    assert pace_now(desk).per_day() == 0
    desk.wait(days=1)
    spend(desk, 5 * EUR)
    desk.wait(days=1)
    spend(desk, 100_000)
    assert pace_now(desk).days == {date(2026, 11, 20): 3 * EUR, date(2026, 11, 21): 5 * EUR}
    assert pace_now(desk).per_day() == 4 * EUR
    # 20 November 2026 is a Friday; a weekday not seen yet has the mean.
    assert pace_now(desk).per_weekday() == (*[4 * EUR] * 4, 3 * EUR, 5 * EUR, 4 * EUR)


def test_days_are_counted_once_and_only_the_last_ones_kept(desk: Desk) -> None:
    desk.top_up(100)
    spend(desk, 3 * EUR)
    desk.wait(days=2)
    pace_now(desk)
    before = store.get(Pace, desk.account_id, "pace")
    assert before is not None
    before.days["2026-11-20"] = 7
    store.put(before)
    assert pace_now(desk).days[date(2026, 11, 20)] == 7
    desk.wait(days=40)
    assert len(pace_now(desk).days) == pace.DAYS_KEPT
    after = store.get(Pace, desk.account_id, "pace")
    assert after is not None
    assert len(after.days) == pace.DAYS_KEPT


def test_very_many_entries_are_counted_over_several_askings(desk: Desk) -> None:
    desk.top_up(100)
    for _ in range(3):
        spend(desk, EUR)
        desk.wait(days=1)
    assert pace_now(desk, at_most=1).days == {date(2026, 11, 22): EUR}
    assert len(pace_now(desk, at_most=1).days) == 2
    # The first day has the top-up too.
    assert len(pace_now(desk, at_most=2).days) == 3


def test_a_day_of_very_many_entries_is_counted_over_several_askings(desk: Desk) -> None:
    desk.top_up(100)
    for cents in (1, 10, 100, 1_000):
        spend(desk, cents * EUR // 100)
    # Of the same millisecond, so that only their ids tell them apart.
    desk.wait(days=1)
    assert pace_now(desk, at_most=2).days == {}
    assert pace_now(desk, at_most=1).days == {}
    spend(desk, EUR)
    desk.wait(days=1)
    assert pace_now(desk, at_most=2).days == {date(2026, 11, 20): 1_111 * EUR // 100}
    assert len(pace_now(desk).days) == 2


# Legacy.


@pytest.mark.rule("S1.18")
def test_a_legacy_bot_is_told_when_its_month_runs_out_and_what_moving_costs() -> None:
    found = forecast.outlook(bot(plan="legacy"), 8_000, 0, 20_000, now=NOW)
    # 8 000 in 19 days and 10 hours: 12 360 in a month.
    assert found.messages_a_month == 12_361
    assert found.runs_out_at is not None
    assert found.runs_out_at.date() == date(2026, 11, 25)
    assert found.commercial_micros == FEE + 12_361 * 20_000
    assert found.break_even_micros == found.commercial_micros // 2_361


def test_a_slow_legacy_bot_does_not_run_out() -> None:
    found = forecast.outlook(bot(plan="legacy"), 3_000, 0, 20_000, now=NOW)
    assert (found.runs_out_at, found.break_even_micros) == (None, None)
    unused = forecast.outlook(bot(plan="legacy"), 0, 0, None, now=NOW)
    assert (unused.runs_out_at, unused.commercial_micros) == (None, None)


def test_at_the_beginning_of_a_month_the_last_one_counts_too() -> None:
    first = datetime(2026, 12, 1, 1, tzinfo=UTC)
    found = forecast.outlook(bot(plan="legacy"), 10, 12_000, 20_000, now=first)
    assert found.messages_a_month == pytest.approx(12_400, abs=100)
    assert found.runs_out_at is not None
    assert found.runs_out_at.date() == date(2026, 12, 26)
    used_up = forecast.outlook(bot(plan="legacy"), 10_000, 0, 20_000, now=NOW)
    assert used_up.runs_out_at == NOW


# The API.


def asked(desk: Desk, body: Any, **how: Any) -> Any:
    return desk.call("POST", "/v1/forecast", body, **how)


def test_an_account_is_told_its_own_forecast(desk: Desk) -> None:
    commercial(desk, euros=150)
    store.put(
        Quota(key=desk.account_id, item=billing.quota_item(desk.bot.bot_id, "2026-11"), used=9)
    )
    spend(desk, 7 * EUR)
    desk.wait(days=7)
    answer = asked(desk, {"months": 2})
    assert answer.status == 200
    told_all = answer.body
    assert told_all["time_zone"] == "Europe/Kyiv"
    assert told_all["days_known"] == 7
    assert told_all["until"] == "2027-01-31T22:00:00Z"
    assert [row["name"] for row in told_all["months"]] == ["2026-11", "2026-12", "2027-01"]
    assert told_all["weekday_spend"][4] == {"amount": "7.00", "currency": "EUR"}
    fee = next(event for event in told_all["events"] if event["kind"] == "fee-paid")
    assert (fee["at"], fee["bot_name"], fee["month"]) == (
        "2026-12-25T22:00:00Z",
        "Пекарня",
        "2027-01",
    )
    assert told_all["legacy"] == []
    assert store.get(Pace, desk.account_id, "pace") is not None


def test_changes_change_the_forecast(desk: Desk) -> None:
    commercial(desk, euros=150)
    changes = {
        "top_ups": [{"at": "2026-12-10T09:00:00Z", "amount": {"amount": "600.00"}}],
        "new_bots": 0,
        "daily_spend": {"amount": "10.00"},
    }
    plain = asked(desk, {"months": 1}).body
    changed = asked(desk, {"months": 1, "changes": changes}).body
    assert plain["out_at"] is None
    assert changed["out_at"].startswith("2026-12-04T22")
    assert {event["kind"] for event in changed["events"]} >= {"top-up", "money-out", "fee-paid"}
    assert changed["months"][1]["spent"]["amount"] != "0.00"


def test_a_legacy_bots_outlook_is_in_the_forecast(desk: Desk) -> None:
    store.put(
        Quota(key=desk.account_id, item=billing.quota_item(desk.bot.bot_id, "2026-11"), used=8_000)
    )
    (told_legacy,) = asked(desk, {"months": 1}).body["legacy"]
    assert (told_legacy["used"], told_legacy["limit"]) == (8_000, 10_000)
    assert told_legacy["runs_out_at"].startswith("2026-11-25")
    assert told_legacy["commercial_month"] is None


WRONG: list[tuple[Any, str]] = [
    ({}, "months"),
    ({"months": 0}, "months"),
    ({"months": 13}, "months"),
    ({"months": "1"}, "months"),
    ({"months": 1, "changes": {"new_bots": -1}}, "changes.new_bots"),
    ({"months": 1, "changes": {"new_bots": 51}}, "changes.new_bots"),
    ({"months": 1, "changes": {"pace_factor": -0.5}}, "changes.pace_factor"),
    ({"months": 1, "changes": {"daily_spend": {"amount": "-1"}}}, "changes.daily_spend.amount"),
    (
        {"months": 1, "changes": {"daily_spend": {"amount": "1", "currency": "USD"}}},
        "changes.daily_spend.currency",
    ),
    ({"months": 1, "changes": {"wish": 1}}, "changes.wish"),
    (
        {
            "months": 1,
            "changes": {"top_ups": [{"at": "2026-11-19T00:00:00Z", "amount": {"amount": "1"}}]},
        },
        "changes.top_ups[0].at",
    ),
    (
        {
            "months": 1,
            "changes": {"top_ups": [{"at": "2027-01-01T00:00:00Z", "amount": {"amount": "1"}}]},
        },
        "changes.top_ups[0].at",
    ),
    (
        {
            "months": 1,
            "changes": {"top_ups": [{"at": "2026-11-21T00:00:00Z", "amount": {"amount": "0"}}]},
        },
        "changes.top_ups[0].amount.amount",
    ),
]


def test_what_is_wrong_is_named(desk: Desk) -> None:
    for body, field in WRONG:
        answer = asked(desk, body)
        assert (answer.status, answer.body["field"]) == (400, field), body


def test_forecasts_are_for_admins(desk: Desk) -> None:
    assert asked(desk, {"months": 1}, by="taras@example.com").status == 403
