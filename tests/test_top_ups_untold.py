"""A card payment that Stripe never tells of: asked for, credited once, and nothing lost by it."""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import batches, billing, errors, people, store, top_ups
from chalicelib.tables import TopUp
from demo.checkout import PretendStripe
from tests.desk import OPERATOR, Desk
from tests.faults import HOWS, Died, Line, Point, just_before_the_next_transaction, out_of_reach
from tests.fixtures_accounts import rows
from tests.fixtures_payments import pretend_stripe

JOB = "settle_top_ups"
OTHER_EMAIL = "maria@example.org"


class Wire:
    """The way of Stripe's events to the desk's front door; cut, it keeps what was lost."""

    def __init__(self, desk: Desk) -> None:
        self.is_cut = True
        self._desk = desk
        self._lost: list[tuple[dict[str, str], bytes]] = []

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        if self.is_cut:
            self._lost.append((headers, body))
            return 500
        return int(self._desk.client.http.post("/stripe", headers=headers, body=body).status_code)

    def mend(self) -> set[int]:
        """Let what was lost come now, and tell how it was answered."""
        self.is_cut = False
        return {self("/stripe", *lost) for lost in self._lost}


@pytest.fixture
def wire(desk: Desk) -> Wire:
    return Wire(desk)


@pytest.fixture
def stripe(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendStripe]:
    """A pretend Stripe none of whose events arrives."""
    # The desk's requests are answered in this stage, so its schedule has to run there too.
    monkeypatch.setenv("STAGE", "dev")
    with pretend_stripe(wire) as running:
        yield running


def asked(desk: Desk, key: str = "wish", *, by: str = "olena@example.com") -> dict[str, Any]:
    body = {"amount": {"amount": "500.00", "currency": "EUR"}}
    headers = {"Idempotency-Key": key}
    answer = desk.call("POST", "/v1/top-ups", body, by=by, headers=headers)
    assert answer.status == 201, answer
    told: dict[str, Any] = answer.body
    return told


def session_of(top_up: dict[str, Any]) -> str:
    return str(top_up["checkout_url"].rpartition("/")[2])


def state(desk: Desk, top_up: dict[str, Any]) -> str:
    return str(desk.call("GET", f"/v1/top-ups/{top_up['top_up_id']}").body["state"])


def available(desk: Desk, *, by: str = "olena@example.com") -> str:
    return str(desk.call("GET", "/v1/balance", by=by).body["available"]["amount"])


def causes(desk: Desk) -> list[str]:
    return [entry.cause for entry in billing.every_entry(desk.account_id)]


def nobody_is_asked(desk: Desk) -> None:
    with out_of_reach("STRIPE_API_URL"):
        desk.run(JOB)


# Paid, and nobody told.


@pytest.mark.rule("S1.29")
def test_a_payment_that_nobody_told_of_is_credited_when_its_page_is_over(
    desk: Desk, stripe: PretendStripe
) -> None:
    top_up = asked(desk)
    paid = stripe.pay(session_of(top_up))
    assert (state(desk, top_up), available(desk)) == ("open", "0.00")
    desk.wait(hours=24)
    nobody_is_asked(desk)
    assert state(desk, top_up) == "open"

    desk.wait(hours=1, minutes=1)
    desk.run(JOB)

    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")
    assert causes(desk) == [f"top-up:stripe#{paid.id}"]
    desk.wait(days=40)
    nobody_is_asked(desk)


@pytest.mark.rule("S1.29")
def test_an_event_that_comes_after_all_credits_nothing_more(
    desk: Desk, stripe: PretendStripe, wire: Wire
) -> None:
    top_up = asked(desk)
    stripe.pay(session_of(top_up))
    desk.wait(days=2)
    desk.run(JOB)
    desk.wait(days=1)

    assert wire.mend() == {200}

    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")
    assert len(causes(desk)) == 1


def test_what_stripe_has_told_of_is_not_asked_for(
    desk: Desk, stripe: PretendStripe, wire: Wire
) -> None:
    wire.is_cut = False
    paid, over, failed = (asked(desk, key) for key in ("paid", "over", "failed"))
    stripe.pay(session_of(paid))
    stripe.expire(session_of(over))
    about = stripe._session(stripe.sessions[session_of(failed)])
    stripe._tell("checkout.session.completed", about)
    stripe._tell("checkout.session.async_payment_failed", about)
    abroad = asked(desk, "another currency")
    stripe.sessions[session_of(abroad)].currency = "usd"
    stripe.pay(session_of(abroad))
    told = [state(desk, each) for each in (paid, over, failed, abroad)]
    assert told == ["paid", "expired", "failed", "review"]
    for _ in range(3):
        desk.wait(days=2)
        nobody_is_asked(desk)


def test_an_event_that_comes_while_stripe_is_asked_is_credited_once(
    desk: Desk, stripe: PretendStripe, wire: Wire
) -> None:
    top_up = asked(desk)
    stripe.pay(session_of(top_up))
    desk.wait(days=2)
    with just_before_the_next_transaction(wire.mend):
        desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")
    assert len(causes(desk)) == 1
    desk.wait(days=2)
    nobody_is_asked(desk)


def test_a_payment_in_another_currency_is_laid_on_the_desk_as_its_event_would(
    desk: Desk, stripe: PretendStripe
) -> None:
    top_up = asked(desk)
    stripe.sessions[session_of(top_up)].currency = "usd"
    stripe.pay(session_of(top_up))
    desk.wait(days=2)
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("review", "0.00")
    (found,), _ = top_ups.for_review(limit=9, cursor=None)
    assert found.top_up_id == top_up["top_up_id"]
    desk.wait(days=2)
    nobody_is_asked(desk)


# Not paid, or not yet.


def test_a_page_that_was_left_is_shown_as_over(desk: Desk, stripe: PretendStripe) -> None:
    top_up = asked(desk)
    stripe.expire(session_of(top_up))
    desk.wait(days=2)
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("expired", "0.00")
    desk.wait(days=2)
    nobody_is_asked(desk)


def test_a_page_that_is_still_open_is_asked_for_again_in_an_hour(
    desk: Desk, stripe: PretendStripe
) -> None:
    top_up = asked(desk)
    desk.wait(hours=25, minutes=1)
    desk.run(JOB)
    assert state(desk, top_up) == "open"
    desk.wait(minutes=50)
    nobody_is_asked(desk)
    stripe.pay(session_of(top_up))
    desk.wait(minutes=11)
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")


def test_money_of_a_slow_method_is_asked_for_daily_until_it_is_there(
    desk: Desk, stripe: PretendStripe
) -> None:
    top_up = asked(desk)
    stripe.sessions[session_of(top_up)].status = "complete"
    desk.wait(days=2)
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("pending", "0.00")
    desk.wait(hours=23)
    nobody_is_asked(desk)
    desk.wait(hours=2)
    desk.run(JOB)
    assert state(desk, top_up) == "pending"

    stripe.pay(session_of(top_up))
    desk.wait(hours=23)
    nobody_is_asked(desk)
    desk.wait(hours=2)
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")


def test_money_that_its_event_has_announced_is_asked_for_when_no_other_comes(
    desk: Desk, stripe: PretendStripe, wire: Wire
) -> None:
    top_up = asked(desk)
    session = stripe.sessions[session_of(top_up)]
    session.status, wire.is_cut = "complete", False
    stripe._tell("checkout.session.completed", stripe._session(session))
    assert state(desk, top_up) == "pending"
    wire.is_cut = True
    stripe.pay(session.id)
    desk.wait(hours=25)
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")


def test_what_has_no_end_after_thirty_days_is_left_as_it_is_and_may_still_be_told(
    desk: Desk, stripe: PretendStripe, wire: Wire
) -> None:
    slow, never = asked(desk, "slow"), asked(desk, "never")
    stripe.sessions[session_of(slow)].status = "complete"
    for _ in range(30):
        desk.wait(days=1)
        desk.run(JOB)
    assert [state(desk, each) for each in (slow, never)] == ["pending", "open"]
    desk.wait(days=1)
    nobody_is_asked(desk)

    stripe.pay(session_of(slow))
    wire.mend()
    assert (state(desk, slow), available(desk)) == ("paid", "500.00")


# Twice, at once, cut short.


@pytest.mark.rule("S1.29")
def test_jobs_at_once_and_one_after_another_credit_once(desk: Desk, stripe: PretendStripe) -> None:
    top_up = asked(desk)
    stripe.pay(session_of(top_up))
    desk.wait(days=2)
    (left,) = top_ups.due(desk.now)
    together, done = threading.Barrier(4), []

    def work() -> None:
        together.wait()
        done.append(top_ups.settle(left, now=desk.now))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["credited", "repeat", "repeat", "repeat"]
    assert top_ups.settle(left, now=desk.now) == "repeat"
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")
    assert len(causes(desk)) == 1


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.rule("S1.29")
def test_wherever_the_job_dies_entry_and_state_are_there_together_and_the_next_one_ends_it(
    desk: Desk, stripe: PretendStripe, how: Any
) -> None:
    def paid_untold(key: str) -> tuple[dict[str, Any], TopUp]:
        top_up = asked(desk, key)
        stripe.pay(session_of(top_up))
        desk.wait(days=2)
        (left,) = top_ups.due(desk.now)
        return top_up, left

    line = Line()
    with line.between():
        _, left = paid_untold("rehearsal")
        with line.counting():
            top_ups.settle(left, now=desk.now)
        calls = len(line.calls)
        assert "TransactWriteItems" in line.calls
        for number in range(1, calls + 1):
            top_up, left = paid_untold(f"wish {number}")
            with line.counting(Point(number, how)), contextlib.suppress(Died, errors.Busy):
                top_ups.settle(left, now=desk.now)
            is_credited = len(causes(desk)) == number + 1
            assert state(desk, top_up) == ("paid" if is_credited else "open")
            desk.wait(hours=1)
            desk.run(JOB)
            assert state(desk, top_up) == "paid"
            assert len(causes(desk)) == number + 1
            assert available(desk) == f"{500 * (number + 1)}.00"


# Stripe is down, or knows nothing.


def test_one_that_stripe_refuses_keeps_no_other_and_is_asked_for_again(
    desk: Desk, stripe: PretendStripe
) -> None:
    first, second, third = (asked(desk, key) for key in ("first", "second", "third"))
    for each in (first, second, third):
        stripe.pay(session_of(each))
    lost = stripe.sessions.pop(session_of(second))
    desk.wait(days=2)
    with pytest.raises(batches.SomeFailed, match="1 of 3"):
        desk.run(JOB)
    assert [state(desk, each) for each in (first, second, third)] == ["paid", "open", "paid"]
    assert available(desk) == "1000.00"

    desk.wait(minutes=50)
    nobody_is_asked(desk)
    stripe.sessions[lost.id] = lost
    desk.wait(minutes=11)
    desk.run(JOB)
    assert (state(desk, second), available(desk)) == ("paid", "1500.00")


def test_a_stripe_that_does_not_answer_is_asked_until_it_does(
    desk: Desk, stripe: PretendStripe
) -> None:
    top_up = asked(desk)
    stripe.pay(session_of(top_up))
    for days in (2, 40):
        desk.wait(days=days)
        with out_of_reach("STRIPE_API_URL"), pytest.raises(batches.SomeFailed):
            desk.run(JOB)
        nobody_is_asked(desk)
    desk.wait(hours=1)
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")


def test_a_page_that_stripe_does_not_know_rings_for_thirty_days_and_no_longer(
    desk: Desk, stripe: PretendStripe
) -> None:
    top_up = asked(desk)
    stripe.sessions.clear()
    for days in (2, 27, 1):
        desk.wait(days=days)
        with pytest.raises(batches.SomeFailed):
            desk.run(JOB)
    desk.wait(days=1)
    nobody_is_asked(desk)
    assert state(desk, top_up) == "open"


# Whose it is, and whether at all.


def test_nothing_of_another_account_moves(desk: Desk, stripe: PretendStripe) -> None:
    other = people.make_account(
        name="Інші",
        admin_email=OTHER_EMAIL,
        admin_name="Марія",
        time_zone="Europe/Kyiv",
        language="uk",
        by=OPERATOR,
        now=desk.now,
    )
    ours, theirs = asked(desk), asked(desk, by=OTHER_EMAIL)
    stripe.pay(session_of(ours))

    def their_rows() -> list[dict[str, Any]]:
        found = (row for row in rows(TopUp.Meta.table_name) if other.account_id in str(row))
        return [{k: v for k, v in row.items() if k != "due_at"} for row in found]

    before = their_rows()
    desk.wait(days=2)
    desk.run(JOB)
    assert available(desk) == "500.00"
    assert available(desk, by=OTHER_EMAIL) == "0.00"
    assert their_rows() == before
    found = top_ups.get(other.account_id, theirs["top_up_id"])
    assert found.state == "open"
    assert found.payment is None


def test_a_deployment_without_cards_asks_nobody_not_even_its_store(desk: Desk) -> None:
    line = Line()
    with line.between(), line.counting():
        desk.run(JOB)
    assert line.calls == []


def test_without_its_webhooks_secret_what_was_paid_is_still_found(
    desk: Desk, stripe: PretendStripe
) -> None:
    top_up = asked(desk)
    stripe.pay(session_of(top_up))
    os.environ["STRIPE_WEBHOOK_SECRET"] = ""
    desk.wait(days=2)
    desk.run(JOB)
    assert (state(desk, top_up), available(desk)) == ("paid", "500.00")


def test_with_nothing_due_the_job_looks_once_into_each_shard(
    desk: Desk, stripe: PretendStripe
) -> None:
    for key in ("one", "two"):
        asked(desk, key)
    line = Line()
    with line.between(), line.counting():
        desk.run(JOB)
    assert line.calls == ["Query"] * store.SHARDS
