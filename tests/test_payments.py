"""Money from outside: credited once whatever comes twice, taken back, given back, never lost."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib import billing, checkout, errors, payments, store, tables, top_ups
from chalicelib.audit import Actor
from chalicelib.billing import Change
from chalicelib.tables import PLATFORM, Account, Payment, TopUp
from demo.checkout import PretendStripe, signature
from tests.faults import HOWS, Died, Line, Point
from tests.fixtures_accounts import rows
from tests.fixtures_payments import KEY, SECRET, door, pretend_stripe
from tests.fixtures_talk import Script
from tests.serial import serialised

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ADMIN, OPERATOR = Actor("per_1", "Олена"), Actor("per_2", "Оператор")
OURS = "acc_01ARZ3NDEKTSV4RRFFQ69G5FAV"
EUR = 1_000_000


@pytest.fixture(autouse=True)
def ledger(aws: None) -> Iterator[None]:
    Account(
        item=f"account#{OURS}", account_id=OURS, name="Ми", created_at=NOW, created_by="x"
    ).save()
    with serialised(tables.connection.client):
        yield


@pytest.fixture
def stripe() -> Iterator[PretendStripe]:
    with pretend_stripe(door(lambda: NOW)) as running:
        yield running


def purse() -> tuple[float, float]:
    """Tell what is available and owed, in euros; and check that the entries say the same."""
    found = billing.balance(OURS)
    booked = sum(entry.amount_micros for entry in billing.every_entry(OURS))
    parts = found.available_micros + found.held_micros + found.set_aside_micros
    assert parts - found.owed_micros == found.entries_micros == booked
    assert found.owed_micros == 0 or found.available_micros == 0
    return found.available_micros / EUR, found.owed_micros / EUR


def entries() -> list[tuple[str, float]]:
    return sorted((e.kind, e.amount_micros / EUR) for e in billing.every_entry(OURS))


def ledger_rows() -> list[str]:
    """All that is stored of money."""
    names = (TopUp.Meta.table_name, Payment.Meta.table_name)
    return sorted(json.dumps(row, sort_keys=True) for name in names for row in rows(name))


def asked(euros: int = 500, key: str = "wish") -> TopUp:
    return top_ups.start(OURS, euros * EUR, idempotency_key=key, by=ADMIN, now=NOW)


def session_of(top_up: TopUp) -> str:
    assert top_up.checkout_url is not None
    return top_up.checkout_url.rpartition("/")[2]


def spend(euros: int) -> None:
    change = Change(OURS)
    cause = f"spent-{euros}"
    change.charge(euros * EUR, billing.entry(OURS, billing.MESSAGE, cause, now=NOW))
    store.commit(change.writes(billing.balance(OURS), now=NOW))


def told(kind: str, about: dict[str, Any], *, secret: str = SECRET, at: float = 0) -> int:
    """Post an event written by hand."""
    event = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": about}}
    body = json.dumps(event).encode()
    signed = signature(body, secret, at=at or time.time())
    return door(lambda: NOW)("/stripe", {"Stripe-Signature": signed}, body)


# A payment is credited once.


@pytest.mark.rule("S1.29")
def test_a_payment_is_credited_once_whoever_tells_of_it() -> None:
    first = payments.top_up(OURS, 500 * EUR, "stripe#pi_1", now=NOW)
    again = payments.top_up(OURS, 500 * EUR, "stripe#pi_1", now=NOW + timedelta(days=2))
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert first.payment.entry_id == again.payment.entry_id
    assert purse() == (500, 0)
    assert entries() == [("top-up", 500)]


@pytest.mark.rule("S1.29")
def test_sixteen_tellers_at_once_credit_once() -> None:
    together, given = threading.Barrier(16), []

    def tell() -> None:
        together.wait()
        given.append(payments.top_up(OURS, 500 * EUR, "stripe#pi_1", now=NOW).is_repeat)

    threads = [threading.Thread(target=tell) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == [False, *[True] * 15]
    assert purse() == (500, 0)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.rule("S1.29")
def test_wherever_a_credit_fails_the_next_telling_makes_it_right(how: Any) -> None:
    line = Line()
    with line.between():
        with line.counting():
            payments.top_up("acc_other", 1, "stripe#pi_0", now=NOW)
        calls = len(line.calls)
        assert calls >= 2
        for number in range(1, calls + 1):
            payment = f"stripe#pi_{number}"
            with line.counting(Point(number, how)), contextlib.suppress(Died, errors.Busy):
                payments.top_up(OURS, EUR, payment, now=NOW)
            payments.top_up(OURS, EUR, payment, now=NOW + timedelta(minutes=5))
            assert purse() == (number, 0)


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_contention_and_throttling_delay_a_credit_and_lose_nothing(code: str) -> None:
    with Script("TransactWriteItems", [code, "None", "None"], ["None", code, "None"]):
        payments.top_up(OURS, EUR, "stripe#pi_1", now=NOW)
    assert purse() == (1, 0)


@pytest.mark.rule("S1.73")
def test_a_top_up_pays_the_debt_first() -> None:
    payments.top_up(OURS, 10 * EUR, "stripe#pi_1", now=NOW)
    spend(10)
    payments.take_back(
        "stripe#pi_1", "stripe-dispute#1", 10 * EUR, kind="dispute", cause="d", now=NOW
    )
    assert purse() == (0, 10)
    payments.top_up(OURS, 4 * EUR, "stripe#pi_2", now=NOW)
    assert purse() == (0, 6)
    payments.top_up(OURS, 9 * EUR, "stripe#pi_3", now=NOW)
    assert purse() == (3, 0)


# Bank transfers.


def transfer(reference: str = "UA12 3456", euros: int = 400, key: str = "k1", **given: Any) -> Any:
    account_id = given.get("account_id", OURS)
    return payments.transfer(
        account_id, euros * EUR, reference, idempotency_key=key, by=OPERATOR, now=NOW
    )


def test_a_transfer_is_credited_with_its_reference_and_an_audit_line() -> None:
    entry = transfer()
    assert entry.facts == {
        "payment": "transfer#UA123456",
        "reference": "UA12 3456",
        "credited_by": "Оператор",
    }
    assert purse() == (400, 0)
    for partition in (OURS, PLATFORM):
        page, _ = store.page(
            tables.AuditLine, partition, tables.AuditLine.item.startswith("audit#"), limit=9
        )
        assert [(line.action, line.facts["reference"]) for line in page] == [
            ("transfer credited", "UA123456")
        ]


def test_the_same_wish_again_gets_the_same_entry() -> None:
    assert transfer().entry_id == transfer().entry_id
    assert purse() == (400, 0)
    with pytest.raises(errors.KeyReused):
        transfer(euros=401)
    with pytest.raises(errors.KeyReused):
        transfer("UA9")
    assert purse() == (400, 0)


@pytest.mark.parametrize("reference", ["ua123456", " UA12\t3456 ", "ＵＡ１２３４５６"])
@pytest.mark.rule("S1.29")
def test_a_reference_is_credited_once_however_it_is_written(reference: str) -> None:
    transfer()
    before = ledger_rows()
    with pytest.raises(errors.Conflict) as refused:
        transfer(reference, key="k2")
    assert refused.value.kind == "already-credited"
    assert refused.value.facts["credited_to"] == OURS
    assert ledger_rows() == before


def test_dashes_are_one_and_other_signs_keep_references_apart() -> None:
    assert payments.normalised("1–23") == payments.normalised("1-23") == "1-23"
    assert payments.normalised("1-23") != payments.normalised("12-3")


@pytest.mark.parametrize("reference", ["", "   ", "x" * 101, "a\x00b", "a\u200bb"])
def test_a_reference_that_is_none_is_refused(reference: str) -> None:
    before = ledger_rows()
    with pytest.raises(errors.BadInput) as refused:
        transfer(reference)
    assert refused.value.field == "reference"
    assert ledger_rows() == before


def test_an_account_that_is_none_gets_nothing() -> None:
    before = ledger_rows()
    with pytest.raises(errors.NotFound):
        transfer(account_id="acc_01ARZ3NDEKTSV4RRFFQ69G5FAA")
    assert ledger_rows() == before


# A card.


@pytest.mark.rule("S1.27", "S1.29")
def test_a_top_up_is_asked_for_paid_and_credited_once(stripe: PretendStripe) -> None:
    top_up = asked(500)
    assert (top_up.state, top_up.amount_micros) == ("open", 500 * EUR)
    assert purse() == (0, 0)
    stripe.pay(session_of(top_up))
    stripe.pay(session_of(top_up))
    assert [each.status for each in stripe.delivered] == [200, 200]
    assert purse() == (500, 0)
    (entry,) = billing.every_entry(OURS)
    assert entry.cause == f"top-up:stripe#{next(iter(stripe.payments))}"
    found = top_ups.get(OURS, top_up.top_up_id)
    assert (found.state, found.paid_micros, found.paid_at) == ("paid", 500 * EUR, NOW)


def test_the_button_pressed_twice_opens_one_page(stripe: PretendStripe) -> None:
    assert asked().checkout_url == asked().checkout_url
    assert len(stripe.sessions) == 1
    assert asked(key="another").checkout_url != asked().checkout_url
    with pytest.raises(errors.KeyReused):
        asked(501)


def test_a_repeat_after_payment_gets_the_first_answer(stripe: PretendStripe) -> None:
    first = asked()
    stripe.pay(session_of(first))
    again = asked()
    assert (again.state, again.checkout_url) == ("open", first.checkout_url)


def test_when_stripe_does_not_answer_the_same_request_goes_on(stripe: PretendStripe) -> None:
    url = os.environ["STRIPE_API_URL"]
    os.environ["STRIPE_API_URL"] = "http://127.0.0.1:9"
    with pytest.raises(errors.GatewayFailed):
        asked()
    os.environ["STRIPE_API_URL"] = url
    top_up = asked()
    stripe.pay(session_of(top_up))
    assert purse() == (500, 0)
    assert len(top_ups.of_account(OURS, limit=9, cursor=None)[0]) == 1


def test_no_more_than_twenty_pages_wait_to_be_paid(stripe: PretendStripe) -> None:
    first, *_ = (asked(key=f"wish {number}") for number in range(20))
    with pytest.raises(errors.Conflict) as refused:
        asked(key="one more")
    assert refused.value.kind == "too-many-top-ups"
    assert len(stripe.sessions) == 20
    assert asked(key="wish 3").state == "open", "a repeat is not one more"

    stripe.pay(session_of(first))
    assert asked(key="one more").state == "open"
    with pytest.raises(errors.Conflict):
        asked(key="two more")

    tomorrow = NOW + timedelta(days=1, seconds=1)
    start = top_ups.start(OURS, EUR, idempotency_key="two more", by=ADMIN, now=tomorrow)
    assert start.state == "open"


def test_stripes_own_words_stay_with_us(stripe: PretendStripe) -> None:
    os.environ["STRIPE_SECRET_KEY"] = "sk_live_wrong_abcd"
    with pytest.raises(errors.GatewayFailed) as refused:
        asked()
    assert refused.value.detail == "Stripe, which takes the payment, refused: 401"
    os.environ["STRIPE_SECRET_KEY"] = KEY
    assert asked().state == "open"


@pytest.mark.parametrize("how", HOWS)
def test_wherever_asking_fails_asking_again_goes_on(stripe: PretendStripe, how: Any) -> None:
    line = Line()
    with line.between():
        with line.counting():
            asked(key="rehearsal")
        for number in range(1, len(line.calls) + 1):
            with line.counting(Point(number, how)), contextlib.suppress(Died, errors.Busy):
                asked(key=f"wish {number}")
            assert asked(key=f"wish {number}").state == "open"
    assert len(stripe.sessions) == len(top_ups.of_account(OURS, limit=99, cursor=None)[0])


def test_without_keys_no_cards_are_taken() -> None:
    with pytest.raises(errors.Conflict) as refused:
        asked()
    assert refused.value.kind == "no-cards"
    assert ledger_rows() == []


@pytest.mark.parametrize("micros", [0, -EUR, 499_999, 490_000, 1_000_000 * EUR])
def test_what_a_card_cannot_pay_is_refused(stripe: PretendStripe, micros: int) -> None:
    with pytest.raises(errors.BadInput):
        top_ups.start(OURS, micros, idempotency_key="x", by=ADMIN, now=NOW)
    assert ledger_rows() == []


def test_a_page_whose_time_ran_out_is_shown_so(stripe: PretendStripe) -> None:
    top_up = asked()
    stripe.expire(session_of(top_up))
    assert top_ups.get(OURS, top_up.top_up_id).state == "expired"
    assert purse() == (0, 0)


def session(top_up: TopUp, **given: Any) -> dict[str, Any]:
    metadata = {"stage": "test", "account_id": OURS, "top_up_id": top_up.top_up_id}
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "payment_status": "paid",
        "amount_total": 50_000,
        "currency": "eur",
        "payment_intent": "pi_by_hand",
        "metadata": metadata,
    } | given


def test_money_that_comes_later_is_credited_later(stripe: PretendStripe) -> None:
    top_up = asked()
    assert told("checkout.session.completed", session(top_up, payment_status="unpaid")) == 200
    assert top_ups.get(OURS, top_up.top_up_id).state == "pending"
    assert purse() == (0, 0)
    assert told("checkout.session.async_payment_succeeded", session(top_up)) == 200
    assert told("checkout.session.completed", session(top_up, payment_status="unpaid")) == 200
    assert top_ups.get(OURS, top_up.top_up_id).state == "paid"
    assert purse() == (500, 0)


def test_money_that_never_comes_is_shown_so(stripe: PretendStripe) -> None:
    top_up = asked()
    told("checkout.session.completed", session(top_up, payment_status="unpaid"))
    told("checkout.session.async_payment_failed", session(top_up, payment_status="unpaid"))
    told("checkout.session.completed", session(top_up, payment_status="unpaid"))
    assert top_ups.get(OURS, top_up.top_up_id).state == "failed"
    assert purse() == (0, 0)


def test_what_was_really_paid_is_credited_and_the_difference_noted(stripe: PretendStripe) -> None:
    top_up = asked(500)
    assert told("checkout.session.completed", session(top_up, amount_total=12_345)) == 200
    assert purse() == (123.45, 0)
    (entry,) = billing.every_entry(OURS)
    assert entry.facts["asked_for"] == "500.00"
    assert top_ups.get(OURS, top_up.top_up_id).paid_micros == 123_450_000


def test_another_currency_is_never_credited_but_laid_on_the_desk(stripe: PretendStripe) -> None:
    top_up = asked(500)
    for _ in range(2):
        assert told("checkout.session.completed", session(top_up, currency="usd")) == 200
    assert purse() == (0, 0)
    (found,), _ = top_ups.for_review(limit=9, cursor=None)
    assert (found.top_up_id, found.state) == (top_up.top_up_id, "review")
    assert found.facts == {"currency": "usd", "amount": 50_000}
    refund = {"id": "re_1", "amount": 100, "currency": "usd", "payment_intent": "pi_by_hand"}
    assert told("refund.created", refund) == 200
    assert purse() == (0, 0)


def test_two_payments_of_one_page_are_two_credits(stripe: PretendStripe) -> None:
    top_up = asked()
    told("checkout.session.completed", session(top_up, payment_intent="pi_a"))
    told("checkout.session.completed", session(top_up, payment_intent="pi_b"))
    assert purse() == (1000, 0)
    found = top_ups.get(OURS, top_up.top_up_id)
    assert (found.payment, found.paid_micros) == ("stripe#pi_a", 1000 * EUR)


# What Stripe signs, and what it does not.


@pytest.mark.parametrize(
    "signed",
    ["", "t=1,v1=00", "v1=00", "t=x,v1=00", "t=1", "t=1,v1=їж", "t=1,v1=" + "0" * 64, "ї"],
)
def test_what_stripe_did_not_sign_is_not_read(stripe: PretendStripe, signed: str) -> None:
    top_up = asked()
    body = json.dumps(
        {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": session(top_up)}}
    )
    before = ledger_rows()
    assert door(lambda: NOW)("/stripe", {"Stripe-Signature": signed}, body.encode()) == 401
    assert ledger_rows() == before


def test_an_old_signature_or_another_secret_is_none(stripe: PretendStripe) -> None:
    top_up = asked()
    assert told("checkout.session.completed", session(top_up), at=time.time() - 301) == 401
    assert told("checkout.session.completed", session(top_up), secret="whsec_2") == 401
    assert purse() == (0, 0)


def test_without_a_secret_nothing_is_signed() -> None:
    assert told("checkout.session.completed", {}, secret="") == 401


def test_bytes_that_are_no_text_are_not_signed(stripe: PretendStripe) -> None:
    body = b"\xff\xfe"
    signed = signature(body, SECRET, at=time.time())
    assert top_ups.receive(body, signed, now=NOW) is False


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id":"e","type":7}', b"[" * 5000])
def test_what_is_signed_and_makes_no_sense_is_told_so(stripe: PretendStripe, body: bytes) -> None:
    with pytest.raises(errors.BadInput):
        top_ups.receive(body, signature(body, SECRET, at=time.time()), now=NOW)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("customer.created", {"id": "cus_1"}),
        ("checkout.session.completed", {"id": "cs_1", "payment_status": "paid"}),
        (
            "checkout.session.completed",
            {
                "id": "cs_1",
                "payment_status": "paid",
                "metadata": {"stage": "prod", "top_up_id": "top_1", "account_id": "acc_1"},
            },
        ),
        ("checkout.session.renamed", {"id": "cs_1", "payment_status": "paid"}),
        ("refund.created", {"id": "re_1", "amount": 1, "currency": "eur"}),
        ("charge.refunded", {"id": "ch_1"}),
        ("charge.dispute.closed", {"id": "du_1"}),
    ],
)
def test_what_is_not_ours_is_answered_and_changes_nothing(
    stripe: PretendStripe, kind: str, about: dict[str, Any]
) -> None:
    assert told(kind, about) == 200
    assert ledger_rows() == []


def test_a_top_up_that_nobody_asked_for_is_told_again(stripe: PretendStripe) -> None:
    stranger = TopUp(top_up_id="top_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert told("checkout.session.completed", session(stranger)) == 404
    assert purse() == (0, 0)


def test_a_busy_store_makes_stripe_tell_again(stripe: PretendStripe) -> None:
    top_up = asked()
    silence = ReadTimeoutError(endpoint_url="https://store")
    with Script("TransactWriteItems", *[silence] * 6):
        assert told("checkout.session.completed", session(top_up)) == 503
    assert told("checkout.session.completed", session(top_up)) == 200
    assert purse() == (500, 0)


# Refunds.


@pytest.fixture
def paid(stripe: PretendStripe) -> str:
    """A top-up of 500 euros that was paid: the payment's id."""
    stripe.pay(session_of(asked(500)))
    return next(iter(stripe.payments))


@pytest.mark.rule("S1.73")
def test_a_refund_takes_what_is_available_once(stripe: PretendStripe, paid: str) -> None:
    stripe.refund(paid, 12_000)
    stripe.refund(paid, 3_000)
    assert {each.status for each in stripe.delivered} == {200}
    assert purse() == (350, 0)
    assert entries() == [("top-up", 500), ("top-up-returned", -120), ("top-up-returned", -30)]
    known = store.get(Payment, f"stripe#{paid}")
    assert known is not None
    assert known.returned_micros == 150 * EUR


@pytest.mark.rule("S1.73")
def test_a_refund_of_what_is_spent_is_a_debt(stripe: PretendStripe, paid: str) -> None:
    spend(450)
    stripe.refund(paid)
    assert purse() == (0, 450)


def test_a_refund_that_fails_comes_back_once(stripe: PretendStripe, paid: str) -> None:
    stripe.refund(paid)
    stripe.fail_refund(paid)
    assert purse() == (500, 0)
    assert entries() == [("correction", 500), ("top-up", 500), ("top-up-returned", -500)]
    stripe.refund(paid)
    assert purse() == (0, 0)


def test_a_failure_that_comes_before_its_refund_takes_nothing(
    stripe: PretendStripe, paid: str
) -> None:
    refund = {"id": "re_9", "amount": 100, "currency": "eur", "payment_intent": paid}
    assert told("refund.updated", refund | {"status": "failed"}) == 200
    assert told("refund.created", refund | {"status": "pending"}) == 200
    assert told("refund.updated", refund | {"status": "canceled"}) == 200
    assert purse() == (500, 0)
    assert entries() == [("top-up", 500)]


def test_a_refund_that_waits_for_its_payer_takes_nothing_yet(
    stripe: PretendStripe, paid: str
) -> None:
    refund = {"id": "re_9", "amount": 100, "currency": "eur", "payment_intent": paid}
    assert told("refund.created", refund | {"status": "requires_action"}) == 200
    assert purse() == (500, 0)
    assert told("refund.updated", refund | {"status": "succeeded"}) == 200
    assert purse() == (499, 0)


def test_a_charges_own_list_of_refunds_is_enough(stripe: PretendStripe, paid: str) -> None:
    refund = {"id": "re_9", "amount": 100, "currency": "eur", "status": "succeeded"}
    charge = {"id": "ch_1", "payment_intent": paid, "refunds": {"data": [refund]}}
    assert told("charge.refunded", charge) == 200
    assert purse() == (499, 0)


def test_a_refund_before_its_payment_is_told_again_and_not_lost(stripe: PretendStripe) -> None:
    top_up = asked(500)
    session_id = session_of(top_up)
    stripe._post = lambda url, headers, body: 500
    stripe.pay(session_id)
    paid = next(iter(stripe.payments))
    refund = {"id": "re_9", "amount": 100, "currency": "eur", "payment_intent": paid}
    assert told("refund.created", refund) == 409
    assert told("charge.dispute.funds_withdrawn", refund | {"id": "du_1"}) == 409
    assert purse() == (0, 0)
    assert told("checkout.session.completed", session(top_up, payment_intent=paid)) == 200
    assert told("refund.created", refund) == 200
    assert purse() == (499, 0)


def test_a_refund_of_another_shop_is_none_of_ours(stripe: PretendStripe, paid: str) -> None:
    foreign = stripe.payments[paid]
    foreign.metadata = {"stage": "prod", "top_up_id": "top_1"}
    stripe.payments["pi_foreign"] = foreign
    refund = {"id": "re_9", "amount": 100, "currency": "eur", "payment_intent": "pi_foreign"}
    assert told("refund.created", refund) == 200
    assert purse() == (500, 0)


@pytest.mark.parametrize("how", HOWS)
def test_wherever_a_refund_fails_the_next_telling_makes_it_right(
    stripe: PretendStripe, paid: str, how: Any
) -> None:
    line = Line()
    number = 0
    with line.between():
        for turn in range(1, 9):
            refund = {"id": f"re_{turn}", "amount": 100, "currency": "eur", "payment_intent": paid}
            with line.counting(Point(turn, how)):
                with contextlib.suppress(Died):
                    told("refund.created", refund)
                number = max(number, len(line.calls))
            assert told("refund.created", refund) == 200
            assert purse() == (500 - turn, 0)
    assert number >= 3


# Disputes.


@pytest.mark.rule("S1.73")
def test_a_dispute_takes_the_payment_and_a_dispute_won_gives_it_back(
    stripe: PretendStripe, paid: str
) -> None:
    spend(200)
    stripe.dispute(paid)
    assert purse() == (0, 200)
    stripe.dispute(paid)
    assert purse() == (0, 200)
    stripe.win(paid)
    assert purse() == (300, 0)
    assert entries() == [
        ("dispute", -500),
        ("dispute-won", 500),
        ("message", -200),
        ("top-up", 500),
    ]


@pytest.mark.rule("S1.73")
def test_a_dispute_leaves_held_and_set_aside_money(stripe: PretendStripe, paid: str) -> None:
    change = Change(OURS)
    change.hold(100 * EUR)
    change.set_aside(300 * EUR, billing.entry(OURS, billing.SET_ASIDE, "aside", now=NOW))
    store.commit(change.writes(billing.balance(OURS), now=NOW))
    stripe.dispute(paid)
    found = billing.balance(OURS)
    assert (found.held_micros, found.set_aside_micros) == (100 * EUR, 300 * EUR)
    assert purse() == (0, 400)
    with pytest.raises(billing.InsufficientFunds):
        spend(1)


def test_due_fees_are_tried_after_a_credit_and_never_undo_it() -> None:
    calls: list[str] = []
    with Script("Query", *[ReadTimeoutError(endpoint_url="https://store")] * 3) as script:
        payments.top_up(OURS, EUR, "stripe#pi_1", now=NOW)
        calls = [call["IndexName"] for call in script.calls]
    assert calls == ["account"] * 3
    assert purse() == (1, 0)


def test_stripe_counts_whole_cents_and_nothing_is_rounded() -> None:
    assert checkout.cents(5 * EUR) == 500
    with pytest.raises(ValueError, match="whole cents"):
        checkout.cents(EUR + 1)
