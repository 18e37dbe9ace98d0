"""Money by the API: what is shown, to whom, what is taken and what is refused."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import billing, books, payments, people, store
from chalicelib.billing import Change
from chalicelib.tables import Entry, FirstAnswer
from demo.checkout import PretendStripe
from tests.desk import Answered, Desk
from tests.fixtures_payments import pretend_stripe

EUR = 1_000_000
OPERATOR_EMAIL = "op@example.org"


def amount(text: Any, currency: Any = "EUR") -> dict[str, Any]:
    return {"amount": text, "currency": currency}


@pytest.fixture
def stripe(desk: Desk) -> Iterator[PretendStripe]:
    """A pretend Stripe that tells the desk's own front door."""

    def post(url: str, headers: dict[str, str], body: bytes) -> int:
        return int(desk.client.http.post("/stripe", headers=headers, body=body).status_code)

    with pretend_stripe(post) as running:
        yield running


@pytest.fixture
def operator(desk: Desk) -> str:
    people.make_operator(email=OPERATOR_EMAIL, name="Оператор", now=desk.now)
    return OPERATOR_EMAIL


def top_up(desk: Desk, wanted: Any, *, key: str = "wish", **given: Any) -> Answered:
    headers = {"Idempotency-Key": key} if key else {}
    return desk.call("POST", "/v1/top-ups", {"amount": wanted}, headers=headers, **given)


def transfer(desk: Desk, wanted: Any, reference: Any = "UA-1", *, key: str = "k") -> Answered:
    return desk.call(
        "POST",
        f"/v1/accounts/{desk.account_id}/transfers",
        {"amount": wanted, "reference": reference},
        by=OPERATOR_EMAIL,
        headers={"Idempotency-Key": key},
    )


def balance(desk: Desk, **given: Any) -> dict[str, Any]:
    answer = desk.call("GET", "/v1/balance", **given)
    assert answer.status == 200, answer
    told: dict[str, Any] = answer.body
    return {name: part["amount"] if name != "currency" else part for name, part in told.items()}


def spend(desk: Desk, entry: Entry, micros: int) -> None:
    change = Change(desk.account_id)
    change.charge(micros, entry)
    store.commit(change.writes(billing.balance(desk.account_id), now=desk.now))


# What is shown.


@pytest.mark.rule("S1.42", "S1.44", "S1.64")
def test_the_balance_is_told_in_its_parts_with_the_currency(desk: Desk) -> None:
    payments.top_up(desk.account_id, 500 * EUR, "stripe#pi_1", now=desk.now)
    change = Change(desk.account_id)
    change.hold(19_600)
    aside = billing.entry(desk.account_id, billing.SET_ASIDE, "aside", now=desk.now)
    change.set_aside(100 * EUR, aside)
    store.commit(change.writes(billing.balance(desk.account_id), now=desk.now))
    assert balance(desk) == {
        "available": "399.9804",
        "held": "0.0196",
        "set_aside": "100.00",
        "owed": "0.00",
        "total": "500.00",
        "currency": "EUR",
    }
    assert balance(desk, by="taras@example.com") == balance(desk)


@pytest.mark.rule("S1.66")
def test_each_step_is_an_entry_with_its_reason(desk: Desk) -> None:
    payments.top_up(desk.account_id, 500 * EUR, "stripe#pi_1", now=desk.now)
    desk.wait(hours=1)
    fee = billing.entry(
        desk.account_id,
        billing.MAINTENANCE_FEE,
        f"fee:maintenance-fee:{desk.bot.bot_id}:2026-12",
        now=desk.now,
        bot_id=desk.bot.bot_id,
        set_aside_micros=0,
    )
    spend(desk, fee, 100 * EUR)
    answer = desk.call("GET", "/v1/entries")
    assert answer.status == 200
    newest, oldest = answer.body["items"]
    assert (newest["kind"], newest["amount"]["amount"]) == ("maintenance-fee", "-100.00")
    assert newest["facts"] == {"set_aside": amount("0.00")}
    assert (oldest["cause"], oldest["amount"]["amount"]) == ("top-up:stripe#pi_1", "500.00")
    one = desk.call("GET", f"/v1/entries/{newest['entry_id']}")
    assert one.body == newest
    only = desk.call("GET", f"/v1/entries?kind=maintenance-fee&bot_id={desk.bot.bot_id}")
    assert only.body["items"] == [newest]
    then = oldest["at"].replace("Z", "%2B00:00")
    assert desk.call("GET", f"/v1/entries?to={then}").body["items"] == []
    assert desk.call("GET", f"/v1/entries?from={then}&limit=1").body["items"] == [newest]


def test_the_balance_of_a_past_instant_is_told(desk: Desk) -> None:
    before = desk.now - timedelta(minutes=1)
    payments.top_up(desk.account_id, 500 * EUR, "stripe#pi_1", now=desk.now)
    desk.wait(hours=1)
    for at, expected in ((before, "0.00"), (desk.now, "500.00")):
        told = desk.call("GET", f"/v1/balance/at?at={at:%Y-%m-%dT%H:%M:%SZ}")
        assert told.body["total"] == amount(expected)
    assert desk.call("GET", "/v1/balance/at").body["total"] == amount("500.00")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/balance/at?at=yesterday", "at"),
        ("/v1/balance/at?at=2026-11-20T10:00:00", "at"),
        ("/v1/balance/at?at=2999-01-01T00:00:00Z", "at"),
        ("/v1/entries?kind=gift", "kind"),
        ("/v1/entries?bot_id=bot", "bot_id"),
        ("/v1/entries?from=now", "from"),
        ("/v1/entries?limit=0", "limit"),
        ("/v1/entries?cursor=x", "cursor"),
        ("/v1/entries?since=2026-01-01T00:00:00Z", "since"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_its_field(
    desk: Desk, path: str, field: str
) -> None:
    answer = desk.call("GET", path)
    assert (answer.status, answer.body["field"]) == (400, field)


@pytest.mark.parametrize("path", ["/v1/entries/ent_01ARZ3NDEKTSV4RRFFQ69G5FAV", "/v1/entries/x"])
def test_an_entry_that_is_none_is_not_found(desk: Desk, path: str) -> None:
    assert desk.call("GET", path).status == 404


def test_operators_see_any_account_and_no_account_that_is_none(desk: Desk, operator: str) -> None:
    payments.top_up(desk.account_id, 500 * EUR, "stripe#pi_1", now=desk.now)
    at = f"/v1/accounts/{desk.account_id}"
    assert desk.call("GET", f"{at}/balance", by=operator).body["total"] == amount("500.00")
    assert len(desk.call("GET", f"{at}/entries", by=operator).body["items"]) == 1
    nobody = "/v1/accounts/acc_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for path in (f"{nobody}/balance", f"{nobody}/entries"):
        assert desk.call("GET", path, by=operator).status == 404
    assert desk.call("GET", f"{at}/balance").status == 403


# A top-up by card.


@pytest.mark.rule("S1.27", "S1.29", "S1.64")
def test_an_admin_tops_up_and_pays_and_the_balance_follows(
    desk: Desk, stripe: PretendStripe
) -> None:
    asked = top_up(desk, amount("500.00"))
    assert asked.status == 201
    assert (asked.body["state"], asked.body["amount"]) == ("open", amount("500.00"))
    stripe.pay(asked.body["checkout_url"].rpartition("/")[2])
    assert [each.status for each in stripe.delivered] == [200, 200]
    assert balance(desk)["available"] == "500.00"
    found = desk.call("GET", f"/v1/top-ups/{asked.body['top_up_id']}").body
    assert (found["state"], found["paid"]) == ("paid", amount("500.00"))
    assert desk.call("GET", "/v1/top-ups").body["items"] == [found]


@pytest.mark.rule("S1.29")
def test_the_same_press_twice_is_one_top_up(desk: Desk, stripe: PretendStripe) -> None:
    first, again = top_up(desk, amount("500.00")), top_up(desk, amount("500.00"))
    assert (first.status, first.body) == (again.status, again.body)
    other = top_up(desk, amount("500.01"))
    assert (other.status, other.body["type"].rpartition("/")[2]) == (422, "idempotency-key-reused")
    assert top_up(desk, amount("500.00"), key="").status == 400


def test_only_an_admin_or_a_program_with_its_scope_tops_up(
    desk: Desk, stripe: PretendStripe
) -> None:
    assert top_up(desk, amount("5.00"), by="taras@example.com").status == 403
    given: dict[str, Any] = {"name": "Каса", "by": desk.actor, "now": desk.now}
    _, reader = people.make_key(desk.account_id, scopes=["billing:read"], **given)
    _, writer = people.make_key(desk.account_id, scopes=["billing:write"], **given)
    assert top_up(desk, amount("5.00"), by=reader).status == 403
    assert top_up(desk, amount("5.00"), by=writer).status == 201
    assert desk.call("GET", "/v1/balance", by=reader).status == 200
    assert desk.call("GET", "/v1/balance", by=writer).status == 403


def test_without_cards_the_way_out_is_told(desk: Desk) -> None:
    answer = top_up(desk, amount("5.00"))
    assert (answer.status, answer.body["type"].rpartition("/")[2]) == (409, "no-cards")


def test_a_stripe_that_is_down_is_told_and_the_same_request_goes_on(
    desk: Desk, stripe: PretendStripe
) -> None:
    url = os.environ["STRIPE_API_URL"]
    os.environ["STRIPE_API_URL"] = "http://127.0.0.1:9"
    assert top_up(desk, amount("5.00")).status == 502
    os.environ["STRIPE_API_URL"] = url
    assert top_up(desk, amount("5.00")).status == 201


@pytest.mark.parametrize("headers", [{}, {"Stripe-Signature": "t=1,v1=00"}])
def test_the_webhook_answers_strangers_with_nothing(desk: Desk, headers: dict[str, str]) -> None:
    answer = desk.client.http.post("/stripe", headers=headers, body=b'{"id": "evt_1"}')
    assert (answer.status_code, answer.body) == (401, b"")


# A bank transfer.


def test_an_operator_credits_a_transfer_once(desk: Desk, operator: str) -> None:
    first, again = transfer(desk, amount("400.00")), transfer(desk, amount("400.00"))
    assert (first.status, first.body) == (201, again.body)
    assert first.body["facts"]["reference"] == "UA-1"
    second = transfer(desk, amount("400.00"), "ua – 1", key="k2")
    assert (second.status, second.body["type"].rpartition("/")[2]) == (409, "already-credited")
    assert second.body["credited_to"] == desk.account_id
    assert balance(desk)["available"] == "400.00"
    assert transfer(desk, amount("400.00"), " ", key="k3").body["field"] == "reference"
    refused = desk.call(
        "POST",
        f"/v1/accounts/{desk.account_id}/transfers",
        {"amount": amount("1.00"), "reference": "UA-2"},
        headers={"Idempotency-Key": "k4"},
    )
    assert refused.status == 403


# The audit.


def test_an_operator_asks_for_the_audit(desk: Desk, operator: str) -> None:
    transfer(desk, amount("400.00"))
    path = f"/v1/accounts/{desk.account_id}/audit"
    told = desk.call("POST", path, {}, by=operator).body
    assert (told["balances"], told["findings"], told["entries"]) == (True, [], 1)
    assert told["total"] == amount("400.00")
    found = billing.balance(desk.account_id)
    found.available_micros += 1
    found.save()
    told = desk.call("POST", path, {"whole": True}, by=operator).body
    assert told["balances"] is False
    assert told["findings"][0]["kind"] == "balance"
    assert desk.call("POST", path, {}).status == 403


# A correction.


def test_an_operator_puts_an_entry_right_by_another(desk: Desk, operator: str) -> None:
    wrong = transfer(desk, amount("400.00")).body["entry_id"]

    def corrected(text: str, key: str, **given: Any) -> Answered:
        asked = {"entry_id": wrong, "amount": amount(text), "gives": False, "reason": "Двічі"}
        path = f"/v1/accounts/{desk.account_id}/corrections"
        headers = {"Idempotency-Key": key}
        return desk.call("POST", path, asked | given, by=operator, headers=headers)

    first = corrected("0.0196", "c1")
    assert first.status == 201, first
    assert (first.status, first.body["amount"]) == (201, amount("-0.0196"))
    assert (first.body["corrects"], first.body["facts"]["reason"]) == (wrong, "Двічі")
    assert corrected("0.0196", "c1").body == first.body
    assert corrected("0.0197", "c1").status == 422
    for answer in list(FirstAnswer.scan()):
        answer.delete()
    desk.now += timedelta(days=3)
    assert corrected("0.0196", "c1").body == first.body, "its first answer is forgotten"
    assert balance(desk)["available"] == "399.9804"
    assert corrected("1.00", "c2", gives=True).body["amount"] == amount("1.00")
    assert corrected("500.00", "c3").status == 201
    assert balance(desk)["owed"] == "99.0196"
    before = len(desk.call("GET", "/v1/entries").body["items"])
    for status, given in (
        (400, {"reason": " "}),
        (404, {"entry_id": "ent_01ARZ3NDEKTSV4RRFFQ69G5FAV"}),
        (400, {"amount": amount("0")}),
    ):
        assert corrected("1.00", "c4", **given).status == status
    assert len(desk.call("GET", "/v1/entries").body["items"]) == before
    assert books.audit(desk.account_id, now=desk.now).findings == []
