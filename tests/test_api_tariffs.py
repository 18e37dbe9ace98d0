"""Tariffs through the API: everybody reads them, operators make them, wrong ones change nothing."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib import people, sessions, tariffs
from tests.desk import OPERATOR, Answered, Desk
from tests.fixtures_accounts import everything

STAFF = "operator@example.org"
ADMIN, AGENT = "olena@example.com", "taras@example.com"
FILE = "\ufeffdefault;0,02\r\nUA;0,0196\r\n".encode()


@pytest.fixture
def operated(desk: Desk) -> Desk:
    """A desk whose platform has an operator."""
    people.make_operator(email=STAFF, name="Ігор", now=desk.now)
    return desk


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def price_list(**changes: Any) -> dict[str, Any]:
    told = {"default": money("0.02"), "prices": [{"country": "UA", "price": money("0.0196")}]}
    return {name: value for name, value in (told | changes).items() if value is not ...}


def business(**changes: Any) -> dict[str, Any]:
    told = {
        "kind": "business",
        "window_seconds": 86400,
        "anchor": "first",
        "not_starters": ["picture"],
        "messages_max": 60,
        "unanswered_max": 10,
        "types": ["text", "picture"],
        "restarts": True,
    }
    return {name: value for name, value in (told | changes).items() if value is not ...}


def make(desk: Desk, body: Any, *, by: str = STAFF) -> Answered:
    return desk.call("POST", "/v1/price-lists", body, by=by)


def made(desk: Desk, **changes: Any) -> dict[str, Any]:
    answer = make(desk, price_list(**changes))
    assert answer.status == 201, answer
    body: dict[str, Any] = answer.body
    return body


def send_file(desk: Desk, raw: bytes, query: str = "", **headers: str) -> Answered:
    path = f"/v1/price-lists/import{query}"
    sent = {"Content-Type": "text/csv; charset=utf-8"} | headers
    return desk.call("POST", path, raw, by=STAFF, headers=sent)


def states(desk: Desk, by: str = ADMIN) -> dict[int, str]:
    listed = desk.call("GET", "/v1/price-lists", by=by).body["items"]
    return {each["version"]: each["state"] for each in listed}


def in_days(desk: Desk, days: int) -> str:
    return f"{desk.now + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


# Price lists.


def test_an_operator_makes_a_list_and_everybody_reads_it(operated: Desk) -> None:
    answer = make(operated, price_list())
    assert answer.status == 201
    key = operated.call("POST", "/v1/api-keys", {"name": "Каса", "scopes": ["billing:read"]})
    for by in (ADMIN, AGENT, key.body["key"]):
        shown = operated.call("GET", "/v1/price-lists/1", by=by)
        assert shown.status == 200, shown
        assert (shown.body["version"], shown.body["state"]) == (1, "in-force")
        assert (shown.body["default"], shown.body["prices"]) == (
            money("0.02"),
            [{"country": "UA", "price": money("0.0196")}],
        )
        assert shown.body["made_by_name"] is None, "who works for the platform is told to no one"
    assert answer.body["made_by_name"] == "Ігор"


def test_the_list_of_lists_says_how_each_stands(operated: Desk) -> None:
    made(operated)
    operated.wait(days=1)
    made(operated, valid_from=None)
    made(operated, valid_from=in_days(operated, 3))
    made(operated, valid_from=in_days(operated, 5))
    withdrawn = operated.call("DELETE", "/v1/price-lists/4", by=STAFF)
    assert withdrawn.status == 204
    assert states(operated) == {4: "withdrawn", 3: "scheduled", 2: "in-force", 1: "past"}
    operated.wait(days=3)
    assert states(operated) == {4: "withdrawn", 3: "in-force", 2: "past", 1: "past"}
    line = operated.call("GET", "/v1/price-lists?limit=1").body["items"][0]
    assert (line["countries"], line["default"]) == (1, money("0.02"))


def test_lists_come_in_pages(operated: Desk) -> None:
    for _ in range(3):
        made(operated)
    first = operated.call("GET", "/v1/price-lists?limit=2").body
    second = operated.call("GET", f"/v1/price-lists?limit=2&cursor={first['next_cursor']}").body
    assert [each["version"] for each in first["items"] + second["items"]] == [3, 2, 1]
    foreign = operated.call("GET", "/v1/people?limit=1").body["next_cursor"]
    refused = operated.call("GET", f"/v1/price-lists?cursor={foreign}")
    assert (refused.status, refused.body["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"default": ...}, "default"),
        ({"default": None}, "default"),
        ({"default": "0.02"}, "default"),
        ({"default": money("-0.02")}, "default.amount"),
        ({"default": money("0.0000001")}, "default.amount"),
        ({"default": money("dear")}, "default.amount"),
        ({"default": money("1e-2")}, "default.amount"),
        ({"default": money("10.01")}, "default"),
        ({"default": {"amount": "0.02", "currency": "USD"}}, "default.currency"),
        ({"default": {"amount": 0.02, "currency": "EUR"}}, "default.amount"),
        ({"prices": ...}, "prices"),
        ({"prices": {"UA": money("0.02")}}, "prices"),
        ({"prices": [{"country": "ZZ", "price": money("0.02")}]}, "prices[0].country"),
        ({"prices": [{"country": "UA", "price": money("x")}]}, "prices[0].price.amount"),
        ({"prices": [{"country": "UA"}]}, "prices[0].price"),
        ({"prices": [{"country": each, "price": money("0")} for each in ("UA", "ua")]}, None),
        ({"valid_from": "2026-11-20T09:59:59Z"}, "valid_from"),
        ({"valid_from": "2030-01-01T00:00:00Z"}, "valid_from"),
        ({"valid_from": "2027-01-01T00:00:00"}, "valid_from"),
        ({"valid_from": "tomorrow"}, "valid_from"),
        ({"valid_to": "2027-01-01T00:00:00Z"}, "valid_to"),
    ],
)
def test_a_wrong_list_is_refused_and_nothing_changes(
    operated: Desk, changes: dict[str, Any], field: str | None
) -> None:
    operated.sign_in(STAFF)
    before = everything()
    answer = make(operated, price_list(**changes))
    assert answer.status == 400, answer
    assert answer.body["field"] == (field or "prices[1].country")
    assert answer.body["detail"]
    assert everything() == before


@pytest.mark.parametrize("by", [ADMIN, AGENT])
def test_nobody_else_makes_or_withdraws_tariffs(operated: Desk, by: str) -> None:
    made(operated, valid_from=in_days(operated, 1))
    operated.sign_in(by)
    before = everything()
    for method, path, body in (
        ("POST", "/v1/price-lists", price_list()),
        ("DELETE", "/v1/price-lists/1", None),
        ("POST", "/v1/session-policies", business()),
        ("DELETE", "/v1/session-policies/business/2", None),
    ):
        assert operated.call(method, path, body, by=by).status == 403
    headers = {"Content-Type": "text/csv"}
    answer = operated.call("POST", "/v1/price-lists/import", FILE, by=by, headers=headers)
    assert answer.status == 403
    assert everything() == before


def test_what_is_in_force_is_not_withdrawn(operated: Desk) -> None:
    made(operated)
    answer = operated.call("DELETE", "/v1/price-lists/1", by=STAFF)
    assert (answer.status, answer.body["title"]) == (409, "Conflict")


@pytest.mark.parametrize("number", ["0", "2", "-1", "1.0", "one", "١", "9999999", "%20"])
def test_a_number_that_no_list_has_is_not_found(operated: Desk, number: str) -> None:
    made(operated)
    for path in (f"/v1/price-lists/{number}", f"/v1/price-lists/{number}/csv"):
        assert operated.call("GET", path).status == 404
    assert operated.call("DELETE", f"/v1/price-lists/{number}", by=STAFF).status == 404


# Files.


def test_a_file_becomes_a_list_and_a_list_a_file(operated: Desk) -> None:
    start = in_days(operated, 2)
    answer = send_file(operated, FILE, f"?valid_from={start}")
    assert answer.status == 201, answer
    assert (answer.body["state"], answer.body["valid_from"]) == ("scheduled", start)
    file = operated.call("GET", "/v1/price-lists/1/csv")
    assert file.status == 200
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert file.headers["Content-Disposition"] == 'attachment; filename="price-list-1.csv"'
    assert file.body == "\ufeffcountry,price\r\ndefault,0.02\r\nUA,0.0196\r\n".encode()
    again = send_file(operated, file.body)
    assert (again.body["version"], again.body["prices"]) == (2, answer.body["prices"])


def test_a_wrong_file_names_every_wrong_line_and_nothing_changes(operated: Desk) -> None:
    operated.sign_in(STAFF)
    before = everything()
    answer = send_file(operated, b"default,0.02\nUA,0.0196\nZZ,1\nDE,-1\nUA,2\n")
    assert answer.status == 400
    assert [each["line"] for each in answer.body["lines"]] == [3, 4, 5]
    assert answer.body["detail"].startswith("Line 3: 'ZZ' is no country")
    for raw in (b"", b"UA,0.0196\n", b"\xff\xfe"):
        assert send_file(operated, raw).status == 400
    past = send_file(operated, FILE, "?valid_from=2026-01-01T00:00:00Z")
    assert (past.status, past.body["field"]) == (400, "valid_from")
    assert everything() == before


def test_only_csv_is_imported_and_only_json_is_taken_elsewhere(operated: Desk) -> None:
    json_sent = send_file(operated, FILE, **{"Content-Type": "application/json"})
    assert json_sent.status == 415
    csv_sent = {"Content-Type": "text/csv"}
    refused = operated.call("POST", "/v1/price-lists", FILE, by=STAFF, headers=csv_sent)
    assert refused.status == 415
    assert send_file(operated, b"x" * (256 * 1024 + 1)).status == 413


# Session policies.


def test_the_built_in_policies_are_told_before_any_was_made(operated: Desk) -> None:
    (told,) = operated.call("GET", "/v1/session-policies").body["items"]
    assert (told["version"], told["state"], told["valid_from"]) == (1, "in-force", None)
    assert (told["messages_max"], told["unanswered_max"]) == (60, 10)
    assert told["window_seconds"] == sessions.BUSINESS.window_seconds
    (free,) = operated.call("GET", "/v1/session-policies?kind=free").body["items"]
    assert (free["kind"], free["messages_max"], free["restarts"]) == ("free", None, False)


def test_an_operator_sets_a_policy_from_a_day_on_and_takes_it_back(operated: Desk) -> None:
    wish = business(messages_max=50, valid_from=in_days(operated, 1))
    answer = operated.call("POST", "/v1/session-policies", wish, by=STAFF)
    assert answer.status == 201, answer
    assert (answer.body["version"], answer.body["state"]) == (2, "scheduled")
    assert (answer.body["messages_max"], answer.body["made_by_name"]) == (50, "Ігор")
    gone = operated.call("DELETE", "/v1/session-policies/business/2", by=STAFF)
    assert gone.status == 204
    operated.wait(days=2)
    listed = operated.call("GET", "/v1/session-policies").body["items"]
    assert [(each["version"], each["state"]) for each in listed] == [
        (2, "withdrawn"),
        (1, "in-force"),
    ]
    assert operated.call("DELETE", "/v1/session-policies/paid/2", by=STAFF).status == 404


def test_a_free_window_has_a_length_and_an_anchor(operated: Desk) -> None:
    wish = {"kind": "free", "window_seconds": 3600, "anchor": "last"}
    assert operated.call("POST", "/v1/session-policies", wish, by=STAFF).status == 201
    listed = operated.call("GET", "/v1/session-policies?kind=free").body["items"]
    assert [(each["version"], each["state"], each["anchor"]) for each in listed] == [
        (2, "in-force", "last"),
        (1, "past", "first"),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "paid"}, "kind"),
        ({"kind": "free"}, "not_starters"),
        ({"window_seconds": 0}, "window_seconds"),
        ({"window_seconds": "24 h"}, "window_seconds"),
        ({"window_seconds": ...}, "window_seconds"),
        ({"window_seconds": 10**30}, "window_seconds"),
        ({"anchor": "middle"}, "anchor"),
        ({"messages_max": 0}, "messages_max"),
        ({"messages_max": -60}, "messages_max"),
        ({"messages_max": ...}, "messages_max"),
        ({"unanswered_max": ...}, "unanswered_max"),
        ({"unanswered_max": 0}, "unanswered_max"),
        ({"restarts": ...}, "restarts"),
        ({"types": []}, "types"),
        ({"types": ["text", "text"]}, "types"),
        ({"types": ...}, "types"),
        ({"not_starters": ["smoke"]}, "not_starters"),
        ({"valid_from": "2026-11-19T00:00:00Z"}, "valid_from"),
        ({"price": "1.00"}, "price"),
    ],
)
def test_a_wrong_policy_is_refused_and_nothing_changes(
    operated: Desk, changes: dict[str, Any], field: str
) -> None:
    operated.sign_in(STAFF)
    before = everything()
    answer = operated.call("POST", "/v1/session-policies", business(**changes), by=STAFF)
    assert (answer.status, answer.body["field"]) == (400, field), answer
    assert everything() == before


def test_policies_of_an_unknown_kind_are_a_wrong_question(operated: Desk) -> None:
    answer = operated.call("GET", "/v1/session-policies?kind=paid")
    assert (answer.status, answer.body["field"]) == (400, "kind")


def test_policies_come_in_pages_that_the_built_in_one_ends(operated: Desk) -> None:
    for _ in range(2):
        tariffs.make_policy(sessions.FREE, None, by=OPERATOR, now=operated.now)
    path = "/v1/session-policies?kind=free&limit=1"
    seen, cursor = [], ""
    while cursor is not None:
        page = operated.call("GET", f"{path}{cursor and f'&cursor={cursor}'}").body
        seen += [each["version"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [3, 2, 1]
    foreign = operated.call("GET", "/v1/people?limit=1").body["next_cursor"]
    refused = operated.call("GET", f"{path}&cursor={foreign}")
    assert (refused.status, refused.body["field"]) == (400, "cursor")
