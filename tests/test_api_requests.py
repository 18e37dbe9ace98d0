"""Requests and plans through the API: by whom, with what, and what is told."""

from typing import Any

import msgspec
import pytest

from chalicelib import people
from tests.desk import FORM, Answered, Desk
from tests.fixtures_accounts import everything, neighbour

OPERATOR_EMAIL = "op@example.org"
ANSWERS: dict[str, Any] = msgspec.to_builtins(FORM)
EUR = "EUR"


@pytest.fixture
def office(desk: Desk) -> Desk:
    """A desk whose platform has an operator."""
    people.make_operator(email=OPERATOR_EMAIL, name="Ігор", now=desk.now)
    desk.sign_in(OPERATOR_EMAIL)
    return desk


def send(desk: Desk, *, key: str = "", by: str = "olena@example.com", **given: Any) -> Answered:
    body = {"purpose": "new", "form": ANSWERS} | given
    headers = {"Idempotency-Key": key or next(desk.keys)}
    return desk.call("POST", "/v1/requests", body, headers=headers, by=by)


def decide(desk: Desk, request: dict[str, Any], **verdict: Any) -> Answered:
    path = f"/v1/accounts/{request['account_id']}/requests/{request['request_id']}/decision"
    return desk.call("POST", path, verdict, by=OPERATOR_EMAIL)


def balance(desk: Desk) -> tuple[str, str, str]:
    told = desk.call("GET", "/v1/balance").body
    return told["available"]["amount"], told["held"]["amount"], told["set_aside"]["amount"]


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": EUR}


def of_bot(desk: Desk, rest: str, bot_id: str = "") -> str:
    return f"/v1/accounts/{desk.account_id}/bots/{bot_id or desk.bot.bot_id}{rest}"


@pytest.mark.rule("S1.25")
@pytest.mark.rule("S1.31")
@pytest.mark.rule("S1.32")
def test_a_request_is_sent_listed_refused_and_shows_its_refund(office: Desk) -> None:
    office.top_up(400)
    sent = send(office)
    assert (sent.status, sent.body["state"], sent.body["kind"]) == (201, "waiting", "new")
    assert sent.body["form"] == ANSWERS
    assert (sent.body["deposit"], sent.body["refund"]) == (euros("400.00"), euros("0.00"))
    assert balance(office) == ("0.00", "400.00", "0.00")
    (waiting,) = office.call("GET", "/v1/desk/requests", by=OPERATOR_EMAIL).body["items"]
    assert waiting == sent.body
    decided = decide(office, waiting, decision="refused", reason=" Your site does not open. ")
    assert (decided.status, decided.body["state"]) == (200, "refused")
    assert decided.body["reason"] == "Your site does not open."
    assert decided.body["refund"] == euros("400.00")
    assert balance(office) == ("400.00", "0.00", "0.00")
    listed = office.call("GET", "/v1/requests", by="taras@example.com").body["items"]
    assert listed[0] == decided.body
    assert office.call("GET", f"/v1/requests/{waiting['request_id']}").body == decided.body
    assert office.call("GET", "/v1/desk/requests", by=OPERATOR_EMAIL).body["items"] == []


@pytest.mark.rule("S1.26")
def test_one_key_is_one_request(office: Desk) -> None:
    office.top_up(800)
    first = send(office, key="one")
    assert send(office, key="one").body == first.body
    other = send(office, key="one", form=ANSWERS | {"inquiry": "Other"})
    assert other.status == 422
    assert balance(office) == ("400.00", "400.00", "0.00")
    without = office.call("POST", "/v1/requests", {"purpose": "new", "form": ANSWERS})
    assert (without.status, without.body["field"]) == (400, "Idempotency-Key")


def test_a_short_balance_says_what_is_needed(office: Desk) -> None:
    refused = send(office)
    assert (refused.status, refused.body["type"].rpartition("/")[2]) == (409, "insufficient-funds")
    assert refused.body["needed"] == euros("400.00")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"form": ANSWERS | {"first_name": "Олена"}}, "form.first_name"),
        ({"form": ANSWERS | {"has_read_terms": False}}, "form.has_read_terms"),
        ({"form": ANSWERS | {"has_read_terms": "yes"}}, "form.has_read_terms"),
        ({"form": ANSWERS | {"eleventh": 1}}, "form.eleventh"),
        ({"form": {k: v for k, v in ANSWERS.items() if k != "country"}}, "form.country"),
        ({"purpose": "gift"}, "purpose"),
        ({"purpose": "move"}, "bot_id"),
        ({"deposit": "0"}, "deposit"),
    ],
)
def test_a_wrong_request_names_its_field_and_changes_nothing(
    office: Desk, given: dict[str, Any], field: str
) -> None:
    office.top_up(400)
    before = everything()
    refused = send(office, **given)
    assert (refused.status, refused.body["field"]) == (400, field)
    assert everything() == before


@pytest.mark.rule("S1.33")
def test_another_accounts_requests_and_bots_are_unknown(office: Desk) -> None:
    theirs = neighbour(office)
    office.top_up(400, account_id=theirs.account.account_id)
    office.top_up(400)
    sent = send(office, by="ivan@example.net").body
    before = everything()
    assert office.call("GET", f"/v1/requests/{sent['request_id']}").status == 404
    ids = {each["account_id"] for each in office.call("GET", "/v1/requests").body["items"]}
    assert ids == {office.account_id}
    assert send(office, purpose="move", bot_id=theirs.bot.bot_id).status == 404
    for rest, body in (
        ("cancel", {}),
        ("wish", {"text": "x"}),
        ("legacy-claim", {"made_on": "2020-01-01"}),
    ):
        assert office.call("POST", f"/v1/bots/{theirs.bot.bot_id}/{rest}", body).status == 404
    mixed = sent | {"account_id": office.account_id}
    assert decide(office, mixed, decision="approved").status == 404
    path = of_bot(office, "/sessions", theirs.bot.bot_id)
    assert office.call("PUT", path, {"on": False}, by=OPERATOR_EMAIL).status == 404
    assert everything() == before


@pytest.mark.rule("S1.34")
def test_a_decision_twice_and_the_other_one_say_what_was_decided(office: Desk) -> None:
    office.top_up(400)
    sent = send(office).body
    first = decide(office, sent, decision="approved")
    before = everything()
    assert decide(office, sent, decision="approved").body == first.body
    refused = decide(office, sent, decision="refused")
    assert (refused.status, refused.body["type"].rpartition("/")[2]) == (409, "already-decided")
    assert refused.body["state"] == "approved"
    assert everything() == before


@pytest.mark.parametrize(
    "verdict", [{}, {"decision": "maybe"}, {"decision": "refused", "reason": "x" * 1001}]
)
def test_a_wrong_decision_changes_nothing(office: Desk, verdict: dict[str, Any]) -> None:
    office.top_up(400)
    sent = send(office).body
    before = everything()
    assert decide(office, sent, **verdict).status == 400
    assert everything() == before


@pytest.mark.parametrize("state", ["", "open", "waiting "])
def test_the_desk_knows_three_states(office: Desk, state: str) -> None:
    answer = office.call("GET", f"/v1/desk/requests?state={state}", by=OPERATOR_EMAIL)
    assert answer.status == 400


@pytest.mark.rule("S1.41")
def test_a_bot_tells_its_plan_its_next_fee_with_day_and_zone_and_what_is_set_aside(
    office: Desk,
) -> None:
    office.make_commercial()
    plan = office.call("GET", f"/v1/bots/{office.bot.bot_id}").body["plan"]
    assert plan == {
        "plan": "commercial",
        "since": "2026-11-20T10:00:00Z",
        "made_on": "2023-11-30",
        "may_send": True,
        "paid_until": "2026-11-30T22:00:00Z",
        "next_fee": {
            "kind": "maintenance-fee",
            "amount": euros("100.00"),
            "month": "2026-12",
            "due_at": "2026-11-24T22:00:00Z",
            "last_at": "2026-11-30T22:00:00Z",
            "time_zone": "Europe/Kyiv",
        },
        "cancelled_at": None,
        "ends_at": None,
        "ended_at": None,
        "ended_reason": None,
        "set_aside": euros("200.00"),
        "sessions": None,
        "legacy": None,
        "pays_while_not_connected": False,
    }
    (listed,) = office.call("GET", "/v1/bots").body["items"]
    assert listed["plan"] == plan


@pytest.mark.rule("S1.52")
@pytest.mark.rule("S1.56")
def test_cancelling_tells_the_end_and_cancelling_twice_changes_nothing(office: Desk) -> None:
    office.make_commercial()
    path = f"/v1/bots/{office.bot.bot_id}/cancel"
    told = office.call("POST", path, {}).body["plan"]
    assert (told["ends_at"], told["next_fee"], told["may_send"]) == (
        "2026-11-30T22:00:00Z",
        None,
        True,
    )
    assert balance(office) == ("200.00", "0.00", "0.00")
    before = everything()
    assert office.call("POST", path, {}).status == 200
    assert everything() == before
    assert office.call("POST", path, {}, by="taras@example.com").status == 403


@pytest.mark.rule("S1.60")
@pytest.mark.rule("S1.61")
def test_a_bot_whose_fee_was_not_paid_sends_again_only_after_a_request_with_its_deposit(
    office: Desk,
) -> None:
    office.make_commercial()
    phone = office.phone()
    phone.write("Добрий день")
    ticket_id = office.tickets()[0]["ticket_id"]
    # Two months are set aside; there is nothing for the third.
    office.wait(days=75)
    office.run("charge_fees")
    office.top_up(400)
    office.run("charge_fees")
    refused = office.reply(ticket_id, "Ми тут")
    assert (refused.status, refused.body["type"].rpartition("/")[2]) == (409, "bot-deactivated")
    sent = send(office, purpose="revival", bot_id=office.bot.bot_id)
    assert (sent.status, balance(office)) == (201, ("0.00", "400.00", "0.00"))
    assert office.reply(ticket_id, "Ми тут").body == refused.body
    assert decide(office, sent.body, decision="approved").body["bot_id"] == office.bot.bot_id
    assert balance(office) == ("0.00", "0.00", "200.00")
    phone.write("Ви вже працюєте?")
    assert office.reply(ticket_id, "Ми тут").status == 202


@pytest.mark.rule("S2.8")
@pytest.mark.rule("S2.11")
def test_an_admin_wishes_for_sessions_and_an_operator_grants_them_with_fee_and_price(
    office: Desk,
) -> None:
    path = f"/v1/bots/{office.bot.bot_id}/wish"
    wish = office.call("POST", path, {"text": "Маємо Viber for Business з весни."})
    assert (wish.status, wish.body["kind"]) == (201, "sessions")
    office.top_up(30)
    for missing, given in (("fee", {}), ("price", {"fee": euros("30.00")})):
        refused = decide(office, wish.body, decision="approved", **given)
        assert (refused.status, refused.body["field"]) == (400, missing)
    terms = {"fee": euros("30.00"), "price": euros("0.0405")}
    assert decide(office, wish.body, decision="approved", **terms).body["state"] == "approved"
    plan = office.call("GET", f"/v1/bots/{office.bot.bot_id}").body["plan"]
    assert plan["plan"] == "business"
    assert plan["sessions"] == {"on": True, "fee": euros("30.00"), "price": euros("0.0405")}
    assert balance(office) == ("0.00", "0.00", "0.00")


@pytest.mark.rule("S2.8")
def test_an_admin_neither_turns_sessions_on_nor_grants_his_own_wish(office: Desk) -> None:
    office.top_up(30)
    path = f"/v1/bots/{office.bot.bot_id}/wish"
    request_id = office.call("POST", path, {"text": "Дуже хочемо"}).body["request_id"]
    terms = {"fee": euros("30.00"), "price": euros("1.00")}
    decision = f"/v1/accounts/{office.account_id}/requests/{request_id}/decision"
    before = everything()
    for method, to, body in (
        ("PUT", of_bot(office, "/sessions"), {"on": True} | terms),
        ("POST", decision, {"decision": "approved"} | terms),
    ):
        assert office.call(method, to, body).status == 403, to
    assert everything() == before


@pytest.mark.rule("S2.15")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"on": True}, "fee"),
        ({"on": True, "fee": {"amount": "30.00", "currency": "EUR"}}, "price"),
        ({"on": True, "price": {"amount": "1.00", "currency": "EUR"}}, "fee"),
        (
            {
                "on": True,
                "fee": {"amount": "0.00", "currency": "EUR"},
                "price": {"amount": "1", "currency": "EUR"},
            },
            "fee.amount",
        ),
        (
            {
                "on": True,
                "fee": {"amount": "-5", "currency": "EUR"},
                "price": {"amount": "1", "currency": "EUR"},
            },
            "fee.amount",
        ),
        (
            {
                "on": True,
                "fee": {"amount": "5", "currency": "USD"},
                "price": {"amount": "1", "currency": "EUR"},
            },
            "fee.currency",
        ),
        ({}, "on"),
    ],
)
def test_sessions_are_turned_on_with_fee_and_price_or_not_at_all(
    office: Desk, given: dict[str, Any], field: str
) -> None:
    office.top_up(100)
    before = everything()
    refused = office.call("PUT", of_bot(office, "/sessions"), given, by=OPERATOR_EMAIL)
    assert (refused.status, refused.body["field"]) == (400, field)
    assert everything() == before


@pytest.mark.rule("S2.9")
@pytest.mark.rule("S2.10")
def test_a_business_bot_is_made_by_an_operator_and_its_sessions_turned_on_and_off(
    office: Desk,
) -> None:
    path = f"/v1/accounts/{office.account_id}/bots"
    made = office.call("POST", path, {"name": "Замовлення"}, by=OPERATOR_EMAIL)
    assert (made.status, made.body["state"]) == (201, "awaiting_key")
    assert made.body["plan"]["sessions"] == {"on": False, "fee": None, "price": None}
    office.top_up(30)
    terms = {"on": True, "fee": euros("30"), "price": euros("1")}
    to = of_bot(office, "/sessions", made.body["bot_id"])
    on = office.call("PUT", to, terms, by=OPERATOR_EMAIL)
    assert (on.status, on.body["plan"]["sessions"]["on"]) == (200, True)
    off = office.call("PUT", to, {"on": False}, by=OPERATOR_EMAIL)
    assert (off.body["plan"]["sessions"]["on"], off.body["plan"]["may_send"]) == (False, True)
    listed = office.call("GET", path, by=OPERATOR_EMAIL).body["items"]
    assert [each["bot_id"] for each in listed] == [office.bot.bot_id, made.body["bot_id"]]
    missing = f"/v1/accounts/acc_{office.account_id[4:-1]}0/bots"
    for method, body in (("GET", None), ("POST", {"name": "x"})):
        assert office.call(method, missing, body, by=OPERATOR_EMAIL).status == 404


def test_an_operator_takes_a_legacy_bots_rights_and_gives_them_back(office: Desk) -> None:
    path = of_bot(office, "/legacy")
    gone = office.call("POST", path, {"confirmed": False}, by=OPERATOR_EMAIL)
    assert gone.body["plan"]["ended_reason"] == "not-legacy"
    assert gone.body["plan"]["may_send"] is False
    given = {"confirmed": True, "made_on": "2024-02-05"}
    assert office.call("POST", path, given, by=OPERATOR_EMAIL).status == 409
    given = {"confirmed": True, "made_on": "2024-02-04"}
    back = office.call("POST", path, given, by=OPERATOR_EMAIL)
    assert (back.body["plan"]["may_send"], back.body["plan"]["made_on"]) == (True, "2024-02-04")
