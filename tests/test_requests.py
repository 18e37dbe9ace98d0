"""Connection requests: what they keep, once; what a decision does with it, once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import billing, desk, errors, plans, requests, tables
from chalicelib.requests import Form
from chalicelib.tables import Bot, Request
from tests.desk import FORM, OPERATOR
from tests.fixtures_money import ADMIN, NEIGHBOUR_ID, Till, kyiv
from tests.serial import serialised


@pytest.fixture
def till(aws: None) -> Till:
    return Till()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do things in threads that begin together; tell what each gave or raised."""
    given: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def one(place: int) -> None:
        start.wait()
        try:
            given[place] = acts[place]()
        except errors.Problem as problem:
            given[place] = problem

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(acts))]
    with serialised(tables.connection.client):
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    return given


# The deposit.


@pytest.mark.rule("S1.3")
@pytest.mark.rule("S1.24")
@pytest.mark.rule("S1.25")
def test_at_exactly_400_euros_a_request_is_sent_and_keeps_them(till: Till) -> None:
    till.top_up(400)
    request = till.apply()
    assert (request.state, request.kind, request.deposit_micros) == ("waiting", "new", 400_000_000)
    assert till.money == (0, 400, 0, 0)
    assert till.told("deposit") == [(f"deposit:{request.request_id}:taken", 400)]
    till.check()


@pytest.mark.rule("S1.23")
@pytest.mark.rule("S1.24")
def test_at_a_hundredth_of_a_cent_less_it_is_refused_and_nothing_is_written(till: Till) -> None:
    till.top_up(399.9999)
    with pytest.raises(billing.InsufficientFunds) as refused:
        till.apply()
    assert refused.value.facts["needed"].amount == "400.00"
    assert till.money == (399.9999, 0, 0, 0)
    assert desk.of_account(till.account_id, limit=10, cursor=None)[0] == []
    assert till.trail() == []


@pytest.mark.rule("S1.23")
def test_without_any_money_it_is_refused(till: Till) -> None:
    with pytest.raises(billing.InsufficientFunds):
        till.apply()
    assert till.entries == []


@pytest.mark.rule("S1.73")
def test_while_there_is_a_debt_it_is_refused(till: Till) -> None:
    till.top_up(50)
    till.dispute(80)
    with pytest.raises(billing.Owing):
        till.apply()
    till.check()


@pytest.mark.rule("S1.26")
def test_with_800_euros_two_requests_are_open_at_once_and_a_third_is_refused(till: Till) -> None:
    till.top_up(800)
    till.apply()
    till.apply()
    assert till.money == (0, 800, 0, 0)
    with pytest.raises(billing.InsufficientFunds):
        till.apply()
    till.check()


@pytest.mark.rule("S1.25")
def test_two_requests_at_once_do_not_both_have_the_same_400_euros(till: Till) -> None:
    till.top_up(400)
    given = at_once(till.apply, till.apply)
    refused = [each for each in given if isinstance(each, billing.InsufficientFunds)]
    assert (len(refused), till.money) == (1, (0, 400, 0, 0))
    till.check()


# Once.


@pytest.mark.rule("S1.26")
def test_the_same_answers_are_open_once_however_they_are_written(till: Till) -> None:
    till.top_up(1200)
    first = till.apply(inquiry="We sell bread.")
    with pytest.raises(errors.Conflict) as refused:
        till.apply(inquiry="  we  SELL bread. ")
    assert refused.value.kind == "request-open"
    assert till.money == (800, 400, 0, 0)
    till.decide(first, "refused")
    assert till.apply(inquiry="We sell bread.").state == "waiting"
    till.check()


@pytest.mark.rule("S1.26")
def test_a_bot_has_one_open_request_whatever_it_asks(till: Till) -> None:
    till.top_up(800)
    bot_id = till.plain("legacy")
    till.apply("move", bot_id)
    with pytest.raises(errors.Conflict) as refused:
        till.apply("move", bot_id)
    assert refused.value.kind == "request-open"
    with pytest.raises(errors.Conflict):
        requests.wish(till.bot(bot_id), "Sessions, please", by=ADMIN, now=till.now)
    assert till.money == (400, 400, 0, 0)


def test_the_same_key_is_answered_as_it_was_and_keeps_nothing_more(till: Till) -> None:
    till.top_up(800)
    first = till.apply(key="one", inquiry="Bread")
    till.decide(first, "refused")
    again = till.apply(key="one", inquiry="Bread")
    assert (again.request_id, again.state) == (first.request_id, "refused")
    assert till.money == (800, 0, 0, 0)


def test_the_same_key_with_another_form_is_refused(till: Till) -> None:
    till.top_up(800)
    till.apply(key="one", inquiry="Bread")
    with pytest.raises(errors.KeyReused):
        till.apply(key="one", inquiry="Cakes")
    assert till.money == (400, 400, 0, 0)


def test_the_same_key_twice_at_once_keeps_400_euros_once(till: Till) -> None:
    till.top_up(800)
    first, second = at_once(*[lambda: till.apply(key="one", inquiry="Bread")] * 2)
    assert first.request_id == second.request_id
    assert till.money == (400, 400, 0, 0)
    till.check()


# What it is for.


@pytest.mark.parametrize(
    ("purpose", "has_bot", "field"),
    [("new", True, "bot_id"), ("move", False, "bot_id"), ("gift", False, "purpose")],
)
@pytest.mark.rule("S1.67")
def test_a_request_says_what_it_is_for(till: Till, purpose: str, has_bot: bool, field: str) -> None:
    till.top_up(400)
    bot_id = till.plain("legacy") if has_bot else None
    with pytest.raises(errors.BadInput) as refused:
        till.apply(purpose, bot_id)
    assert refused.value.field == field
    assert till.money == (400, 0, 0, 0)


@pytest.mark.parametrize("bot_id", ["bot_01ARZ3NDEKTSV4RRFFQ69G5FAV", "", "bot_1", "x"])
def test_a_bot_that_does_not_exist_is_neither_moved_nor_revived(till: Till, bot_id: str) -> None:
    till.top_up(400)
    for purpose in ("move", "revival"):
        with pytest.raises(errors.NotFound):
            till.apply(purpose, bot_id)
    assert till.money == (400, 0, 0, 0)


def test_another_accounts_bot_is_neither_moved_nor_revived(till: Till) -> None:
    till.top_up(400)
    foreign = Till(NEIGHBOUR_ID).plain("legacy")
    with pytest.raises(errors.NotFound):
        till.apply("move", foreign)


def test_only_what_has_ended_is_revived_and_only_what_is_free_is_moved(till: Till) -> None:
    commercial, legacy = till.commercial(), till.plain("legacy")
    till.top_up(400)
    for purpose, bot_id in (("revival", commercial), ("move", commercial), ("revival", legacy)):
        with pytest.raises(errors.Conflict) as refused:
            till.apply(purpose, bot_id)
        assert refused.value.kind == "not-for-this-bot"
    assert till.money == (400, 0, 200, 0)


# Decisions.


@pytest.mark.rule("S1.5")
@pytest.mark.rule("S1.6")
@pytest.mark.rule("S1.67")
def test_an_approved_request_costs_200_and_sets_200_aside_for_a_bot_that_awaits_its_key(
    till: Till,
) -> None:
    till.top_up(450)
    request = till.apply(company_name="Khlib i Sil")
    decided = till.decide(request, "approved", reason="Welcome")
    assert (decided.state, decided.reason, decided.decided_at) == ("approved", "Welcome", till.now)
    bot = till.bot(str(decided.bot_id))
    assert (bot.state, bot.name, bot.plan) == ("awaiting_key", "Khlib i Sil", "commercial")
    assert (bot.set_aside_micros, bot.plan_since) == (200_000_000, till.now)
    assert till.money == (50, 0, 200, 0)
    assert till.told("activation") == [(f"activation:{request.request_id}", -200)]
    assert till.told("set-aside") == [(f"set-aside:{request.request_id}", 200)]
    assert sorted(till.trail()) == ["request approved", "request sent"]
    till.check()


@pytest.mark.rule("S1.9")
def test_the_month_of_activation_carries_no_fee_of_its_own(till: Till) -> None:
    bot = till.bot(till.commercial())
    assert bot.paid_month == "2026-11"
    assert till.fees_of(bot.bot_id) == []


@pytest.mark.rule("S1.4")
@pytest.mark.rule("S1.32")
def test_a_refused_request_gives_the_whole_400_back(till: Till) -> None:
    till.top_up(400)
    request = till.apply()
    decided = till.decide(request, "refused", reason="The site does not open")
    assert decided.state == "refused"
    assert decided.bot_id is None
    assert till.money == (400, 0, 0, 0)
    assert till.told("deposit-returned") == [(f"deposit:{request.request_id}:returned", 400)]
    till.check()


@pytest.mark.rule("S1.73")
def test_what_a_refusal_gives_back_pays_a_debt_first(till: Till) -> None:
    till.top_up(400)
    request = till.apply()
    till.dispute(150)
    till.decide(request, "refused")
    assert till.money == (250, 0, 0, 0)
    till.check()


@pytest.mark.rule("S1.34")
@pytest.mark.parametrize("state", ["approved", "refused"])
def test_a_second_decision_has_no_effect_and_says_what_was_decided(till: Till, state: str) -> None:
    till.top_up(400)
    request = till.apply()
    first = till.decide(request, state)
    money, trail = till.money, till.trail()
    till.now = kyiv(2026, 11, 11)
    same = till.decide(request, state)
    assert (same.decided_at, same.bot_id) == (first.decided_at, first.bot_id)
    other = "refused" if state == "approved" else "approved"
    with pytest.raises(errors.Conflict) as refused:
        till.decide(request, other)
    assert refused.value.kind == "already-decided"
    assert refused.value.facts == {"state": state, "decided_at": first.decided_at}
    assert (till.money, till.trail()) == (money, trail)
    till.check()


@pytest.mark.rule("S1.34")
def test_two_decisions_at_once_are_one(till: Till) -> None:
    till.top_up(400)
    request = till.apply()
    given = at_once(
        lambda: till.decide(request, "approved"), lambda: till.decide(request, "refused")
    )
    (refused,) = [each for each in given if isinstance(each, errors.Conflict)]
    (decided,) = [each for each in given if isinstance(each, Request)]
    assert refused.facts["state"] == decided.state
    assert till.money == ((0, 0, 200, 0) if decided.state == "approved" else (400, 0, 0, 0))
    till.check()


@pytest.mark.parametrize("state", ["", "waiting", "maybe"])
def test_a_decision_is_one_of_two(till: Till, state: str) -> None:
    till.top_up(400)
    with pytest.raises(errors.BadInput):
        till.decide(till.apply(), state)
    assert till.money == (0, 400, 0, 0)


def test_an_unknown_or_foreign_request_is_not_found(till: Till) -> None:
    till.top_up(400)
    request = till.apply()
    for account_id, request_id in (
        (NEIGHBOUR_ID, request.request_id),
        (till.account_id, "req_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ):
        with pytest.raises(errors.NotFound):
            requests.decide(
                account_id, request_id, requests.Verdict("approved"), by=OPERATOR, now=till.now
            )


@pytest.mark.rule("S1.18")
@pytest.mark.rule("S1.68")
@pytest.mark.rule("X.3")
def test_an_approved_move_changes_the_plan_of_a_legacy_bot_at_that_instant(till: Till) -> None:
    till.top_up(400)
    bot_id = till.plain("legacy")
    request = till.apply("move", bot_id)
    assert till.bot(bot_id).plan == "legacy"
    till.now = kyiv(2026, 11, 12)
    till.decide(request, "approved")
    bot = till.bot(bot_id)
    assert (bot.plan, bot.plan_since, bot.paid_month) == ("commercial", till.now, "2026-11")
    assert (bot.state, bot.viber_id, bot.set_aside_micros) == (
        "connected",
        f"pa:{bot_id}",
        200_000_000,
    )
    till.check()


@pytest.mark.rule("S1.68")
def test_a_refused_move_leaves_the_bot_as_it_was(till: Till) -> None:
    till.top_up(400)
    bot_id = till.plain("legacy")
    before = till.bot(bot_id).serialize()
    till.decide(till.apply("move", bot_id), "refused")
    assert till.bot(bot_id).serialize() == before


@pytest.mark.rule("S1.60")
def test_an_ended_bot_comes_back_under_its_id_by_a_request_and_its_deposit(till: Till) -> None:
    bot_id = till.commercial()
    till.cancel(bot_id)
    till.now = kyiv(2027, 1, 15)
    assert not plans.may_send(till.bot(bot_id), till.now)
    till.top_up(200)
    request = till.apply("revival", bot_id)
    till.decide(request, "approved")
    bot = till.bot(bot_id)
    assert plans.may_send(bot, till.now)
    assert bot.paid_month == "2027-01"
    assert bot.cancelled_at is bot.ended_at is None
    assert till.money == (0, 0, 200, 0)
    till.check()


def test_a_request_for_a_bot_that_changed_meanwhile_can_only_be_refused(till: Till) -> None:
    till.top_up(400)
    bot_id = till.plain("legacy")
    request = till.apply("move", bot_id)
    till.top_up(30)
    terms = requests.Terms(30_000_000, 40_000)
    requests.turn_on(till.account_id, bot_id, terms, by=OPERATOR, now=till.now)
    with pytest.raises(errors.Conflict) as refused:
        till.decide(request, "approved")
    assert refused.value.kind == "not-for-this-bot"
    assert till.money == (0, 400, 0, 0)
    till.decide(request, "refused")
    assert till.money == (400, 0, 0, 0)
    till.check()


@pytest.mark.rule("S1.40")
@pytest.mark.parametrize(("day", "paid"), [(24, []), (25, ["2026-12"]), (30, ["2026-12"])])
def test_a_bot_approved_on_the_charge_day_or_later_pays_the_next_month_at_once(
    till: Till, day: int, paid: list[str]
) -> None:
    till.now = kyiv(2026, 11, day, 9)
    bot_id = till.commercial()
    assert till.fees_of(bot_id) == paid
    assert till.money == (0, 0, 200 - 100 * len(paid), 0)
    till.check()


# The lists.


@pytest.mark.rule("S1.31")
@pytest.mark.rule("S1.33")
def test_an_account_sees_its_own_requests_with_their_states_newest_first(till: Till) -> None:
    other = Till(NEIGHBOUR_ID)
    for each in (till, other):
        each.top_up(1200)
    first = till.apply()
    other.apply()
    till.now = kyiv(2026, 11, 11)
    second = till.apply()
    till.decide(first, "refused")
    found, cursor = desk.of_account(till.account_id, limit=10, cursor=None)
    told = [(each.request_id, each.state) for each in found]
    assert told == [(second.request_id, "waiting"), (first.request_id, "refused")]
    assert cursor is None


def test_the_desk_has_what_waits_of_all_accounts_oldest_first(till: Till) -> None:
    other = Till(NEIGHBOUR_ID)
    for each in (till, other):
        each.top_up(1200)
    first = till.apply()
    till.now = other.now = kyiv(2026, 11, 11)
    second = other.apply()
    till.now = kyiv(2026, 11, 12)
    third = till.apply()
    till.decide(first, "approved")
    waiting, _ = desk.in_state("waiting", limit=10, cursor=None)
    assert [each.request_id for each in waiting] == [second.request_id, third.request_id]
    approved, _ = desk.in_state("approved", limit=10, cursor=None)
    assert [each.request_id for each in approved] == [first.request_id]


# The form.


@pytest.mark.rule("S3.9")
def test_the_form_has_viber_s_ten_fields_in_their_order() -> None:
    assert Form.__struct_fields__ == (
        "has_read_terms",
        "first_name",
        "last_name",
        "work_email",
        "country",
        "company_name",
        "company_website",
        "has_business_account",
        "company_type",
        "inquiry",
    )


WRONG: list[tuple[str, Any]] = [
    ("has_read_terms", False),
    ("first_name", ""),
    ("first_name", "  "),
    ("first_name", "O" * 101),
    ("first_name", "Ole\x00na"),
    ("last_name", ""),
    ("work_email", "olena"),
    ("work_email", "olena@"),
    ("work_email", "ole na@example.com"),
    ("country", "Ukraine"),
    ("country", "XX"),
    ("country", "UKR"),
    ("country", ""),
    ("company_name", ""),
    ("company_name", "B" * 201),
    ("company_website", "bread.example.com"),
    ("company_website", "ftp://bread.example.com"),
    ("company_website", "javascript:alert(1)"),
    ("company_website", "https://"),
    ("company_website", "https://bread"),
    ("company_website", "https://127.0.0.1/"),
    ("company_website", "https://bread.example.com:port/"),
    ("company_website", "https://me:secret@bread.example.com"),
    ("company_website", "https://bread .example.com"),
    ("company_website", "https://[::1"),
    ("company_type", "owner"),
    ("company_type", ""),
    ("inquiry", ""),
    ("inquiry", "x" * 4001),
]


@pytest.mark.rule("S3.9")
@pytest.mark.rule("S3.10")
@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_wrong_field_is_named_and_nothing_is_kept(till: Till, field: str, value: Any) -> None:
    till.top_up(400)
    with pytest.raises(errors.BadInput) as refused:
        till.apply(**{field: value})
    assert refused.value.field == f"form.{field}"
    assert till.money == (400, 0, 0, 0)


@pytest.mark.rule("S1.22")
@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("first_name", "Олена", "О"),
        ("last_name", "Tkachenkо", "о"),
        ("work_email", "олена@example.com", "о"),
        ("company_name", "Bread & Σία", "Σ"),
        ("company_website", "https://пекарня.example", "п"),
        ("inquiry", "We bake ხაჭაპური", "ხ"),
        ("inquiry", "Bread 面包", "面"),
        ("inquiry", "number ٣", "٣"),
    ],
)
def test_other_letters_than_latin_are_refused_by_name(
    till: Till, field: str, value: str, named: str
) -> None:
    till.top_up(400)
    with pytest.raises(errors.BadInput) as refused:
        till.apply(**{field: value})
    assert refused.value.field == f"form.{field}"
    assert "Latin letters" in refused.value.detail
    assert f"“{named}”" in refused.value.detail
    assert till.money == (400, 0, 0, 0)


@pytest.mark.rule("S1.22")
@pytest.mark.parametrize(
    "value",
    [
        "José O'Neill-Łukasiewicz 3rd",
        "Mar'yana, Mar’yana & Marʼyana",
        "Straße № 5 (50 % – €20) 🥖",
        "Timis\u0327oara, Timișoara",
    ],
)
def test_accents_digits_and_punctuation_of_latin_script_are_fine(till: Till, value: str) -> None:
    till.top_up(400)
    assert till.apply(company_name=value).form["company_name"] == value


def test_a_form_is_kept_tidy(till: Till) -> None:
    till.top_up(400)
    form = till.apply(
        first_name="  Olena   Ivanivna ",
        country=" ua",
        inquiry="\nBread:\n  white \n  rye\n",
    ).form
    assert (form["first_name"], form["country"]) == ("Olena Ivanivna", "UA")
    assert form["inquiry"] == "Bread:\nwhite\nrye"
    assert list(form) == list(FORM.__struct_fields__)


# Old bots.


@pytest.mark.rule("S1.13")
def test_a_bot_without_a_plan_is_claimed_and_becomes_legacy_when_an_operator_confirms(
    till: Till,
) -> None:
    bot_id = till.plain(None)
    requests.claim(till.bot(bot_id), plans.PAID_SINCE.replace(day=4), by=ADMIN, now=till.now)
    (waiting,), _ = desk.in_state("waiting", limit=10, cursor=None)
    assert (waiting.kind, waiting.bot_id, waiting.form) == (
        "legacy",
        bot_id,
        {"made_on": "2024-02-04"},
    )
    assert waiting.deposit_micros == 0
    assert not plans.may_send(till.bot(bot_id), till.now)
    till.decide(waiting, "approved")
    bot = till.bot(bot_id)
    assert (bot.plan, bot.made_on, bot.plan_since) == ("legacy", "2024-02-04", till.now)
    assert plans.may_send(bot, till.now)


@pytest.mark.rule("S1.14")
def test_a_bot_made_on_the_day_itself_is_no_old_one(till: Till) -> None:
    bot_id = till.plain(None)
    with pytest.raises(errors.Conflict) as refused:
        requests.claim(till.bot(bot_id), plans.PAID_SINCE, by=ADMIN, now=till.now)
    assert (refused.value.kind, refused.value.field) == ("needs-request", "made_on")
    with pytest.raises(errors.Conflict):
        confirm(till, bot_id, plans.PAID_SINCE)
    assert till.bot(bot_id).plan is None


def confirm(till: Till, bot_id: str, made_on: Any = None, *, is_old: bool = True) -> Bot:
    return requests.confirm(
        till.account_id, bot_id, made_on, is_old=is_old, by=OPERATOR, now=till.now
    )


def test_a_refused_claim_leaves_the_bot_without_a_plan_and_may_be_made_again(till: Till) -> None:
    bot_id = till.plain(None)
    day = plans.PAID_SINCE.replace(day=1)
    requests.claim(till.bot(bot_id), day, by=ADMIN, now=till.now)
    (waiting,), _ = desk.in_state("waiting", limit=10, cursor=None)
    till.decide(waiting, "refused", reason="Made in March")
    bot = till.bot(bot_id)
    assert bot.plan is bot.made_on is None
    requests.claim(bot, day, by=ADMIN, now=till.now)
    assert len(desk.in_state("waiting", limit=10, cursor=None)[0]) == 1


def test_an_operator_confirms_without_a_claim_and_corrects_its_day(till: Till) -> None:
    bot_id = till.plain(None)
    with pytest.raises(errors.BadInput):
        confirm(till, bot_id)
    day = plans.PAID_SINCE.replace(year=2023)
    assert confirm(till, bot_id, day).made_on == "2023-02-05"
    claimed = till.plain(None)
    requests.claim(till.bot(claimed), day, by=ADMIN, now=till.now)
    assert confirm(till, claimed, day.replace(year=2022)).made_on == "2022-02-05"
    assert desk.in_state("waiting", limit=10, cursor=None)[0] == []


def test_a_legacy_bot_found_to_be_younger_may_not_send_and_is_revived_as_commercial(
    till: Till,
) -> None:
    bot_id = till.plain("legacy")
    bot = confirm(till, bot_id, is_old=False)
    assert (bot.ended_reason, plans.may_send(bot, till.now)) == (plans.NOT_LEGACY, False)
    assert confirm(till, bot_id, is_old=False).revision == bot.revision
    till.commercial("revival", bot_id)
    assert till.bot(bot_id).plan == "commercial"
    till.check()


def test_a_bot_with_another_plan_is_not_made_legacy(till: Till) -> None:
    bot_id = till.commercial()
    acts: tuple[Callable[[], Bot], ...] = (
        lambda: confirm(till, bot_id, plans.PAID_SINCE.replace(day=1)),
        lambda: requests.claim(
            till.bot(bot_id), plans.PAID_SINCE.replace(day=1), by=ADMIN, now=till.now
        ),
    )
    for act in acts:
        with pytest.raises(errors.Conflict) as refused:
            act()
        assert refused.value.kind == "has-a-plan"
