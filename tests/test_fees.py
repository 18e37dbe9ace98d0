"""Monthly fees: protected, charged once, put off, refused for good, cancelled."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib import bots, errors, fees, months, plans, requests, store
from chalicelib.money import euros
from tests.desk import OPERATOR
from tests.faults import HOWS, Died, Line, Point
from tests.fixtures_money import ADMIN, NEIGHBOUR_ID, Till, kyiv
from tests.test_requests import at_once


@pytest.fixture
def till(aws: None) -> Till:
    return Till()


# When.


@pytest.mark.rule("S1.36")
@pytest.mark.rule("S1.7")
def test_the_next_months_fee_is_taken_on_the_charge_day_of_each_month(till: Till) -> None:
    bot_id = till.commercial()
    till.top_up(500)
    taken: list[datetime] = []
    while till.sleep() < kyiv(2027, 4, 1):
        before = len(till.fees_of(bot_id))
        till.run()
        taken += [till.now] * (len(till.fees_of(bot_id)) - before)
    assert taken == [
        kyiv(2026, 11, 25),
        kyiv(2026, 12, 26),
        kyiv(2027, 1, 26),
        kyiv(2027, 2, 23),
        kyiv(2027, 3, 26),
    ]
    assert till.fees_of(bot_id) == ["2026-12", "2027-01", "2027-02", "2027-03", "2027-04"]
    # 200 of them came from what was set aside, and April's next is protected from May's day on.
    assert till.money == (200, 0, 0, 0)
    till.check()


@pytest.mark.rule("S1.37")
@pytest.mark.parametrize(
    ("month", "day"),
    [("2027-01", 26), ("2027-04", 25), ("2027-02", 23), ("2028-02", 24), ("2026-12", 26)],
)
def test_the_charge_day_is_the_months_last_less_five(till: Till, month: str, day: int) -> None:
    year, number = map(int, month.split("-"))
    till.now = kyiv(year, number, 2)
    bot_id = till.commercial()
    till.now = kyiv(year, number, day) - timedelta(milliseconds=1)
    till.run()
    assert till.fees_of(bot_id) == []
    till.now = kyiv(year, number, day)
    till.run()
    assert till.fees_of(bot_id) == [months.after(month)]


@pytest.mark.rule("S1.41")
def test_the_day_begins_by_the_platforms_clock(till: Till) -> None:
    bot_id = till.commercial()
    fee = plans.next_fee(till.bot(bot_id))
    assert fee is not None
    assert fee.due_at == datetime.fromisoformat("2026-11-24T22:00:00Z")
    assert fee.last_at == datetime.fromisoformat("2026-11-30T22:00:00Z")


# Once.


@pytest.mark.rule("S1.38")
def test_however_often_the_job_runs_a_month_is_paid_once(till: Till) -> None:
    bot_id = till.commercial()
    till.now = kyiv(2026, 11, 25, 1)
    assert till.run() == ["paid"]
    for _ in range(3):
        assert till.run() == []
        fees.work(fees.Due(till.account_id, [till.bot(bot_id)]), now=till.now)
        fees.after_top_up(till.account_id, now=till.now)
    assert (till.fees_of(bot_id), till.money) == (["2026-12"], (0, 0, 100, 0))
    till.check()


@pytest.mark.rule("S1.38")
def test_two_jobs_at_once_take_one_fee(till: Till) -> None:
    bot_id = till.commercial()
    till.now = kyiv(2026, 11, 25, 1)
    found = fees.Due(till.account_id, [till.bot(bot_id)])
    at_once(*[lambda: fees.work(found, now=till.now)] * 4)
    assert till.fees_of(bot_id) == ["2026-12"]
    till.check()


@pytest.mark.rule("S1.8")
def test_each_bot_pays_its_own_fee(till: Till) -> None:
    first, second = till.commercial(), till.commercial()
    till.now = kyiv(2026, 11, 25)
    assert till.run() == ["paid"]
    assert till.money == (0, 0, 200, 0)
    assert till.fees_of(first) == till.fees_of(second) == ["2026-12"]


@pytest.mark.rule("S1.39")
def test_a_job_late_by_months_catches_up_month_by_month(till: Till) -> None:
    bot_id = till.commercial()
    till.top_up(200)
    till.now = kyiv(2027, 2, 10)
    till.run()
    assert till.fees_of(bot_id) == ["2026-12", "2027-01", "2027-02"]
    assert plans.may_send(till.bot(bot_id), till.now)
    assert till.money == (100, 0, 0, 0)
    till.check()


@pytest.mark.rule("S1.39")
def test_until_the_job_has_tried_nobody_is_deactivated(till: Till) -> None:
    bot_id = till.commercial()
    till.now = kyiv(2027, 6, 1)
    bot = till.bot(bot_id)
    assert plans.may_send(bot, till.now)
    assert bot.ended_at is None


def test_a_late_job_serves_bots_as_one_in_time_would_have(till: Till) -> None:
    older = till.commercial()
    till.now += timedelta(hours=1)
    newer = till.commercial()
    till.top_up(100)
    till.now = kyiv(2027, 2, 10)
    till.run()
    # January was paid of both before February was tried of the older.
    assert till.fees_of(newer) == ["2026-12", "2027-01"]
    assert till.fees_of(older) == ["2026-12", "2027-01", "2027-02"]
    assert till.bot(newer).ended_reason == "unpaid"
    till.check()


# From what.


@pytest.mark.rule("S1.6")
@pytest.mark.rule("S1.71")
def test_what_is_set_aside_pays_first_and_for_two_months(till: Till) -> None:
    bot_id = till.commercial()
    till.top_up(100)
    for month, expected in ((11, (100, 0, 100, 0)), (12, (100, 0, 0, 0))):
        till.now = kyiv(2026, month, 26)
        till.run()
        assert till.money == expected
    till.now = kyiv(2027, 1, 26)
    till.run()
    assert till.money == (0, 0, 0, 0)
    sources = [each.facts["set_aside_micros"] for each in till.entries if "fee" in each.kind]
    assert sources == [euros(100), euros(100), 0]
    assert len(till.fees_of(bot_id)) == 3
    till.check()


@pytest.mark.rule("S1.71")
def test_maintenance_goes_before_sessions_and_older_bots_before_newer(till: Till) -> None:
    till.protects(False)
    till.now = kyiv(2026, 9, 2)
    sessions = till.business(fee=100)
    till.top_up(200)
    till.now = kyiv(2026, 9, 3)
    older = till.commercial()
    till.now = kyiv(2026, 9, 4)
    newer = till.commercial()
    till.now = kyiv(2026, 11, 1)
    till.run()
    assert [till.fees_of(each)[-1] for each in (older, newer, sessions)] == ["2026-11"] * 3
    assert till.money == (0, 0, 0, 0)
    till.now = kyiv(2026, 11, 25)
    for paid in (older, newer, sessions):
        assert till.fees_of(paid)[-1] == "2026-11"
        till.top_up(100)
        fees.after_top_up(till.account_id, now=till.now)
        assert till.fees_of(paid)[-1] == "2026-12"
    till.check()


@pytest.mark.rule("S1.71")
def test_a_run_that_finds_more_than_it_looks_at_tears_no_account_apart(till: Till) -> None:
    till.protects(False)
    till.now = kyiv(2026, 9, 2)
    known = {till.commercial() for _ in range(3)}
    till.now = kyiv(2026, 11, 25)
    # The bots of an account lie in one shard.
    (found,) = fees.due(till.now, at_most=1)
    assert {bot.bot_id for bot in found.bots} == known


@pytest.mark.rule("S1.71", "S2.47")
@pytest.mark.parametrize("protects", [True, False])
def test_money_for_one_fee_of_a_month_pays_maintenance_and_no_older_bots_sessions(
    till: Till, protects: bool
) -> None:
    till.protects(protects)
    till.now = kyiv(2026, 9, 2)
    sessions = till.business(fee=100)
    till.top_up(200)
    till.now = kyiv(2026, 9, 3)
    newer = till.commercial()
    till.now = kyiv(2026, 11, 1)
    till.run()
    assert till.money == (0, 0, 0, 0)
    till.top_up(100)
    for till.now in (kyiv(2026, 11, 15), kyiv(2026, 11, 25), kyiv(2026, 12, 1)):
        till.run()
    assert (till.fees_of(newer)[-1], till.fees_of(sessions)[-1]) == ("2026-12", "2026-11")
    assert plans.may_send(till.bot(newer), till.now)
    assert not plans.has_sessions(till.bot(sessions), till.now)
    till.check()


@pytest.mark.rule("S1.58")
def test_of_a_fee_that_cannot_be_paid_in_full_nothing_is_taken(till: Till) -> None:
    till.protects(False)
    bot_id = till.business(fee=30)
    till.top_up(29.99)
    till.now = kyiv(2026, 11, 25)
    assert till.run() == ["refused"]
    assert till.money == (29.99, 0, 0, 0)
    assert till.fees_of(bot_id) == ["2026-11"]
    till.check()


@pytest.mark.rule("S1.73")
def test_under_a_debt_set_aside_money_still_pays_fees(till: Till) -> None:
    bot_id = till.commercial()
    till.dispute(50)
    till.now = kyiv(2026, 11, 25)
    till.run()
    assert (till.fees_of(bot_id), till.money) == (["2026-12"], (0, 0, 100, 50))
    till.check()


# Refused.


def without_money(till: Till) -> str:
    """Make a bot that has paid January, and of February's fee has only 60 euros set aside."""
    bot_id = till.commercial()
    till.sleep()
    till.run()
    till.sleep()
    till.run()
    till.top_up(60)
    till.now = kyiv(2027, 1, 20)
    till.run()
    assert till.bot(bot_id).paid_month == "2027-01"
    assert till.money == (0, 0, 60, 0)
    return bot_id


@pytest.mark.rule("S1.59")
def test_a_refused_fee_is_tried_daily_and_at_the_instant_the_month_ends(till: Till) -> None:
    bot_id = without_money(till)
    tried: list[datetime] = []
    while till.bot(bot_id).ended_at is None:
        till.sleep()
        if "refused" in till.run():
            tried.append(till.now)
    assert tried == [*(kyiv(2027, 1, day) for day in range(26, 32)), kyiv(2027, 2, 1)]
    bot = till.bot(bot_id)
    assert (bot.ended_at, bot.ended_reason) == (kyiv(2027, 2, 1), "unpaid")


@pytest.mark.rule("S1.59")
@pytest.mark.rule("S1.62")
def test_a_bot_is_deactivated_when_the_month_is_over_and_not_before(till: Till) -> None:
    bot_id = without_money(till)
    till.now = kyiv(2027, 2, 1) - timedelta(milliseconds=1)
    till.run()
    assert plans.may_send(till.bot(bot_id), till.now)
    till.now = kyiv(2027, 2, 1)
    assert till.run() == ["refused"]
    bot = till.bot(bot_id)
    with pytest.raises(errors.Conflict) as refused:
        plans.refuse_unless_sending(bot, till.now)
    assert refused.value.kind == "bot-deactivated"
    assert bot.paid_month == "2027-01"
    assert till.trail().count("bot deactivated") == 1
    assert till.run() == []


@pytest.mark.rule("S1.6")
def test_what_was_set_aside_for_a_deactivated_bot_comes_back(till: Till) -> None:
    bot_id = without_money(till)
    till.now = kyiv(2027, 2, 1)
    till.run()
    assert till.money == (60, 0, 0, 0)
    assert till.told("set-aside-returned")[0][1] == 60
    assert till.bot(bot_id).set_aside_micros == 0


@pytest.mark.rule("S1.59")
def test_a_top_up_before_the_months_end_pays_at_once(till: Till) -> None:
    bot_id = without_money(till)
    till.now = kyiv(2027, 1, 28, 13)
    till.run()
    till.top_up(40)
    fees.after_top_up(till.account_id, now=till.now)
    assert till.fees_of(bot_id) == ["2026-12", "2027-01", "2027-02"]
    assert till.money == (0, 0, 0, 0)


@pytest.mark.rule("S1.61")
def test_a_top_up_after_deactivation_revives_nothing(till: Till) -> None:
    bot_id = without_money(till)
    till.now = kyiv(2027, 2, 1)
    till.run()
    till.top_up(1000)
    fees.after_top_up(till.account_id, now=till.now)
    till.now = kyiv(2027, 2, 27)
    till.run()
    assert till.bot(bot_id).ended_at == kyiv(2027, 2, 1)
    assert till.fees_of(bot_id) == ["2026-12", "2027-01"]
    assert till.money == (1060, 0, 0, 0)


def end_after_a_top_up(till: Till, bot_id: str, euros: int) -> None:
    """Deactivate a bot at its month's end, on what was read before so much came in."""
    till.now = kyiv(2027, 2, 1)
    bot, balance = till.bot(bot_id), till.balance
    fee = plans.next_fee(bot)
    assert fee is not None
    till.top_up(euros)
    fees.end_unpaid(bot, fee, balance, now=till.now)


@pytest.mark.rule("S1.59")
def test_money_that_comes_as_a_bot_is_being_deactivated_pays_instead(till: Till) -> None:
    bot_id = without_money(till)
    with pytest.raises(store.Changed):
        end_after_a_top_up(till, bot_id, 40)
    till.run()
    assert till.fees_of(bot_id) == ["2026-12", "2027-01", "2027-02"]
    assert till.bot(bot_id).ended_at is None


@pytest.mark.rule("S1.59")
def test_a_balance_that_moves_and_stays_too_small_does_not_put_the_end_off(till: Till) -> None:
    bot_id = without_money(till)
    end_after_a_top_up(till, bot_id, 39)
    assert till.bot(bot_id).ended_reason == "unpaid"
    assert till.money == (99, 0, 0, 0)


@pytest.mark.rule("S1.71")
def test_what_a_deactivated_bot_leaves_pays_for_the_next_in_the_same_run(till: Till) -> None:
    older = without_money(till)
    till.now = kyiv(2027, 1, 21)
    till.protects(False)
    sessions = till.business(fee=50)
    till.now = kyiv(2027, 2, 1)
    till.run()
    assert till.bot(older).ended_at == till.now
    assert till.fees_of(sessions) == ["2027-01", "2027-02"]
    assert till.money == (10, 0, 0, 0)


# Protection.


@pytest.mark.rule("S1.72")
def test_from_ten_days_before_the_charge_day_money_is_moved_aside(till: Till) -> None:
    bot_id = till.business(fee=30)
    till.top_up(50)
    till.now = kyiv(2026, 11, 15) - timedelta(milliseconds=1)
    assert till.run() == []
    till.now = kyiv(2026, 11, 15)
    assert till.run() == ["protected"]
    assert till.money == (20, 0, 30, 0)
    assert till.told("set-aside")[0][1] == 30
    assert till.run() == []
    till.now = kyiv(2026, 11, 25)
    till.run()
    assert (till.fees_of(bot_id), till.money) == (["2026-11", "2026-12"], (20, 0, 0, 0))
    till.check()


@pytest.mark.rule("S1.72")
def test_protection_is_repeated_daily_and_at_a_top_up_until_the_fee_is_covered(till: Till) -> None:
    till.business(fee=30)
    till.now = kyiv(2026, 11, 15)
    till.top_up(10)
    till.run()
    assert till.money == (0, 0, 10, 0)
    till.top_up(10)
    till.now = kyiv(2026, 11, 15, 23)
    assert till.run() == []
    till.now = kyiv(2026, 11, 16)
    till.run()
    assert till.money == (0, 0, 20, 0)
    till.top_up(25)
    fees.after_top_up(till.account_id, now=till.now)
    assert till.money == (15, 0, 30, 0)
    till.now = kyiv(2026, 11, 20)
    assert till.run() == []
    till.check()


@pytest.mark.rule("S1.72")
def test_without_protection_nothing_is_moved_until_it_is_turned_on(till: Till) -> None:
    till.protects(False)
    till.business(fee=30)
    till.top_up(50)
    till.now = kyiv(2026, 11, 15)
    till.run()
    assert till.money == (50, 0, 0, 0)
    till.protects(True)
    till.now = kyiv(2026, 11, 16)
    till.run()
    assert till.money == (20, 0, 30, 0)


@pytest.mark.rule("S1.72")
def test_protected_money_is_available_to_no_request_and_comes_back_by_cancelling(
    till: Till,
) -> None:
    bot_id = till.business(fee=30)
    till.top_up(400)
    till.now = kyiv(2026, 11, 15)
    till.run()
    with pytest.raises(errors.Conflict):
        till.apply()
    till.cancel(bot_id)
    assert till.money == (400, 0, 0, 0)
    assert till.apply().state == "waiting"


# Cancelling.


@pytest.mark.rule("S1.52")
@pytest.mark.rule("S1.53")
@pytest.mark.rule("S1.54")
def test_a_cancelled_bot_works_to_the_end_of_the_month_and_pays_no_more(till: Till) -> None:
    bot_id = till.commercial()
    till.top_up(500)
    bot = till.cancel(bot_id)
    assert (bot.cancelled_at, plans.ends_at(bot)) == (till.now, kyiv(2026, 12, 1))
    till.now = kyiv(2026, 11, 26)
    assert till.run() == []
    fees.after_top_up(till.account_id, now=till.now)
    assert till.fees_of(bot_id) == []
    assert plans.may_send(till.bot(bot_id), kyiv(2026, 12, 1) - timedelta(milliseconds=1))
    assert not plans.may_send(till.bot(bot_id), kyiv(2026, 12, 1))
    assert till.trail().count("subscription cancelled") == 1


@pytest.mark.rule("S1.6")
@pytest.mark.rule("S1.65")
def test_what_was_set_aside_for_a_cancelled_bot_can_serve_another(till: Till) -> None:
    bot_id = till.commercial()
    till.top_up(200)
    till.cancel(bot_id)
    assert till.money == (400, 0, 0, 0)
    assert till.told("set-aside-returned")[0][1] == 200
    assert till.apply().state == "waiting"
    till.check()


@pytest.mark.rule("S1.56")
def test_cancelling_twice_changes_nothing(till: Till) -> None:
    bot_id = till.commercial()
    first = till.cancel(bot_id)
    money, trail = till.money, till.trail()
    till.now = kyiv(2026, 11, 12)
    again = till.cancel(bot_id)
    assert (again.cancelled_at, again.revision) == (first.cancelled_at, first.revision)
    assert (till.money, till.trail()) == (money, trail)
    at_once(*[lambda: till.cancel(bot_id)] * 3)
    till.check()


@pytest.mark.rule("S1.55")
def test_cancelled_after_the_charge_day_it_works_through_the_month_already_paid(
    till: Till,
) -> None:
    bot_id = till.commercial()
    till.now = kyiv(2026, 11, 25)
    till.run()
    till.now = kyiv(2026, 11, 28)
    bot = till.cancel(bot_id)
    assert plans.ends_at(bot) == kyiv(2027, 1, 1)
    assert till.money == (100, 0, 0, 0)


@pytest.mark.rule("S1.55")
def test_cancel_and_fee_at_once_leave_either_paid_or_not(till: Till) -> None:
    bot_id = till.commercial()
    till.now = kyiv(2026, 11, 25)
    found = fees.Due(till.account_id, [till.bot(bot_id)])
    at_once(lambda: till.cancel(bot_id), lambda: fees.work(found, now=till.now))
    bot = till.bot(bot_id)
    assert bot.cancelled_at == till.now
    is_paid = till.fees_of(bot_id) == ["2026-12"]
    assert bot.paid_month == ("2026-12" if is_paid else "2026-11")
    assert till.money == ((100 if is_paid else 200), 0, 0, 0)
    till.check()


@pytest.mark.parametrize("kind", ["legacy", "no plan", "ended", "business off"])
def test_what_has_no_subscription_is_not_cancelled(till: Till, kind: str) -> None:
    makes: dict[str, Callable[[], str]] = {
        "legacy": lambda: till.plain("legacy"),
        "no plan": lambda: till.plain(None),
        "ended": lambda: without_money(till),
        "business off": lambda: str(
            requests.make(till.account_id, "Orders", by=OPERATOR, now=till.now).bot_id
        ),
    }
    bot_id = makes[kind]()
    if kind == "ended":
        till.now = kyiv(2027, 2, 1)
        till.run()
    before = till.bot(bot_id).serialize()
    with pytest.raises(errors.Conflict) as refused:
        till.cancel(bot_id)
    assert refused.value.kind == "no-subscription"
    assert till.bot(bot_id).serialize() == before


def test_cancelled_and_revived_and_cancelled_again_the_books_hold(till: Till) -> None:
    bot_id = till.commercial()
    for _ in range(3):
        till.cancel(bot_id)
        till.top_up(200)
        till.decide(till.apply("revival", bot_id), "approved")
        till.check()
    assert till.bot(bot_id).cancelled_at is None
    assert till.bot(bot_id).set_aside_micros == euros(200)


# Sessions.


@pytest.mark.rule("S2.8")
@pytest.mark.rule("S2.15")
@pytest.mark.rule("S2.2", "S2.47")
def test_turning_sessions_on_takes_the_current_months_fee_and_the_next_on_the_calendar(
    till: Till,
) -> None:
    bot_id = till.business(fee=30, price=2)
    bot = till.bot(bot_id)
    assert (bot.plan, bot.sessions_fee_micros, bot.session_price_micros) == (
        "business",
        euros(30),
        euros(2),
    )
    assert plans.has_sessions(bot, till.now)
    assert till.told("sessions-fee") == [(f"fee:sessions-fee:{bot_id}:2026-11", -30)]
    till.top_up(30)
    till.now = kyiv(2026, 11, 25)
    till.run()
    assert till.fees_of(bot_id) == ["2026-11", "2026-12"]
    till.check()


@pytest.mark.rule("S2.47")
def test_turned_on_after_the_charge_day_both_months_are_due_at_once(till: Till) -> None:
    till.now = kyiv(2026, 11, 27)
    till.top_up(30)
    bot_id = till.business(fee=30)
    assert till.fees_of(bot_id) == ["2026-11", "2026-12"]
    till.check()


@pytest.mark.rule("S2.47")
def test_sessions_that_cannot_be_paid_are_not_turned_on(till: Till) -> None:
    bot = requests.make(till.account_id, "Orders", by=OPERATOR, now=till.now)
    till.top_up(29)
    terms = requests.Terms(euros(30), euros(1))
    with pytest.raises(errors.Conflict) as refused:
        requests.turn_on(till.account_id, bot.bot_id, terms, by=OPERATOR, now=till.now)
    assert refused.value.kind == "insufficient-funds"
    assert till.bot(bot.bot_id).serialize() == bot.serialize()
    assert till.money == (29, 0, 0, 0)


@pytest.mark.rule("S2.9")
@pytest.mark.rule("S2.47")
def test_an_unpaid_fee_turns_sessions_off_and_not_the_bot(till: Till) -> None:
    bot_id = till.business(fee=30)
    till.now = kyiv(2026, 12, 1)
    assert till.run() == ["refused"]
    bot = till.bot(bot_id)
    assert (bot.plan, plans.has_sessions(bot, till.now)) == ("business", False)
    assert plans.may_send(bot, till.now)
    assert till.trail().count("sessions turned off") == 1
    assert till.run() == []


@pytest.mark.rule("S2.7")
def test_every_bot_has_sessions_off_until_an_operator_turns_them_on(till: Till) -> None:
    bot = requests.make(till.account_id, "Orders", by=OPERATOR, now=till.now)
    ids = [till.commercial(), till.plain("legacy"), str(bot.bot_id)]
    assert not any(plans.has_sessions(till.bot(each), till.now) for each in ids)


@pytest.mark.rule("S2.10")
def test_a_business_bot_awaits_its_key_and_costs_nothing(till: Till) -> None:
    bot = requests.make(till.account_id, "  Orders  ", by=OPERATOR, now=till.now)
    assert (bot.state, bot.plan, bot.name) == ("awaiting_key", "business", "Orders")
    till.now = kyiv(2027, 3, 1)
    assert till.run() == []
    assert till.entries == []


@pytest.mark.rule("S2.11")
def test_the_change_of_plan_keeps_what_is_set_aside_and_pays_from_it(till: Till) -> None:
    bot_id = till.commercial()
    request = requests.wish(till.bot(bot_id), "Нам потрібні сесії", by=ADMIN, now=till.now)
    assert (request.kind, request.state) == ("sessions", "waiting")
    with pytest.raises(errors.BadInput) as missing:
        till.decide(request, "approved", fee_micros=euros(30))
    assert missing.value.field == "price"
    till.decide(request, "approved", fee_micros=euros(30), price_micros=euros(1))
    bot = till.bot(bot_id)
    assert (bot.plan, bot.plan_since, bot.set_aside_micros) == ("business", till.now, euros(170))
    assert till.money == (0, 0, 170, 0)
    till.now = kyiv(2026, 11, 25)
    till.run()
    assert till.told("maintenance-fee") == []
    assert till.fees_of(bot_id) == ["2026-11", "2026-12"]
    till.check()


@pytest.mark.rule("S2.11")
def test_a_wish_is_refused_or_granted_by_turning_sessions_on(till: Till) -> None:
    bot_id = till.plain("legacy")
    first = requests.wish(till.bot(bot_id), "Please", by=ADMIN, now=till.now)
    assert till.decide(first, "refused", reason="No business account").state == "refused"
    assert till.bot(bot_id).plan == "legacy"
    second = requests.wish(till.bot(bot_id), "Now we have one", by=ADMIN, now=till.now)
    till.top_up(30)
    terms = requests.Terms(euros(30), euros(1))
    requests.turn_on(till.account_id, bot_id, terms, by=OPERATOR, now=till.now)
    assert till.decide(second, "approved", fee_micros=1, price_micros=1).state == "approved"
    assert till.bot(bot_id).sessions_fee_micros == euros(30)
    with pytest.raises(errors.Conflict):
        requests.wish(till.bot(bot_id), "Again", by=ADMIN, now=till.now)


def test_off_and_on_again_in_one_month_that_month_is_paid_once(till: Till) -> None:
    bot_id = till.business(fee=30)
    till.top_up(30)
    till.now = kyiv(2026, 11, 15)
    till.run()
    assert till.money == (0, 0, 30, 0)
    for _ in range(2):
        off = requests.turn_off(till.account_id, bot_id, by=OPERATOR, now=till.now)
        assert (off.ended_reason, plans.has_sessions(off, till.now)) == ("turned-off", False)
    assert till.money == (30, 0, 0, 0)
    terms = requests.Terms(euros(40), euros(2))
    on = requests.turn_on(till.account_id, bot_id, terms, by=OPERATOR, now=till.now)
    assert plans.has_sessions(on, till.now)
    assert till.fees_of(bot_id) == ["2026-11"]
    till.check()


def test_other_terms_for_sessions_that_are_on_cost_nothing_now(till: Till) -> None:
    bot_id = till.business(fee=30)
    terms = requests.Terms(euros(40), euros(2))
    requests.turn_on(till.account_id, bot_id, terms, by=OPERATOR, now=till.now)
    bot = till.bot(bot_id)
    assert (bot.sessions_fee_micros, bot.session_price_micros) == terms
    assert till.fees_of(bot_id) == ["2026-11"]


@pytest.mark.rule("S1.60")
def test_a_deactivated_bot_does_not_come_back_by_sessions(till: Till) -> None:
    bot_id = without_money(till)
    till.now = kyiv(2027, 2, 1)
    till.run()
    terms = requests.Terms(euros(30), euros(1))
    with pytest.raises(errors.Conflict) as refused:
        requests.turn_on(till.account_id, bot_id, terms, by=OPERATOR, now=till.now)
    assert refused.value.kind == "bot-deactivated"


# The schedule.


def test_the_schedule_works_off_each_account_whatever_becomes_of_the_others(till: Till) -> None:
    other = Till(NEIGHBOUR_ID)
    mine, theirs = till.commercial(), other.commercial()
    till.now = other.now = kyiv(2026, 11, 25)
    assert till.run() == ["paid", "paid"]
    assert till.fees_of(mine) == other.fees_of(theirs) == ["2026-12"]


@pytest.mark.parametrize("how", HOWS)
def test_a_fee_job_that_fails_at_any_call_is_finished_by_the_next(till: Till, how: Any) -> None:
    till.top_up(100)
    bot_id = till.commercial()
    till.now = kyiv(2027, 1, 27)
    line = Line()
    number = 0
    with line.between():
        while True:
            number += 1
            with line.counting(Point(number, how)):
                try:
                    outcome = till.run()
                except (Died, errors.Busy):
                    outcome = None
            till.check()
            if number > len(line.calls):
                break
            assert till.bot(bot_id).ended_at is None
            if outcome is not None and till.fees_of(bot_id)[-1:] == ["2027-02"]:
                break
    till.run()
    assert till.fees_of(bot_id) == ["2026-12", "2027-01", "2027-02"]
    assert till.money == (0, 0, 0, 0)
    bots.forget(bot_id)
