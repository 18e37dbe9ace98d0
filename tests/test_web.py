"""What every view shares: headers, bodies, queries, problems, ETags, idempotency keys."""

import itertools
import json
from typing import Any

from app import app
from chalicelib import web
from tests.desk import Answered, Desk
from tests.fixtures_accounts import MISSING, everything

PROBLEM = "application/problem+json"


def assert_told(answer: Answered, status: int, kind: str, field: str | None = None) -> None:
    """A refusal is RFC 9457 problem details that name what is wrong."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.body["type"] == web.PROBLEM_TYPES + kind
    assert answer.body["status"] == status
    assert answer.body["title"]
    assert answer.body["detail"]
    assert answer.body.get("field") == field, answer.body


def ticket_of(desk: Desk) -> str:
    desk.phone("Марічка").write("Чи є хліб? 🍞")
    ticket_id: str = desk.tickets()[0]["ticket_id"]
    return ticket_id


ASKED: list[tuple[str, str, str | None]] = [
    ("GET", "/v1/tickets", "olena@example.com"),
    ("GET", f"/v1/tickets/{MISSING.ticket_id}", "olena@example.com"),
    ("GET", "/v1/tickets?limit=0", "olena@example.com"),
    ("GET", "/v1/accounts", "taras@example.com"),
    ("POST", "/v1/sign-in", None),
    ("PUT", "/v1/sign-in", None),
    ("GET", "/openapi.json", None),
    ("GET", "/console", None),
    ("GET", "/docs", None),
    ("GET", "/", None),
    ("GET", "/console/nothing.js", None),
    ("POST", f"/viber/{MISSING.bot_id}", None),
]


def test_every_answer_keeps_the_browser_on_a_short_leash(desk: Desk) -> None:
    for method, path, by in ASKED:
        assert_on_leash(desk, method, path, by)


def assert_on_leash(desk: Desk, method: str, path: str, by: str | None) -> None:
    answer = desk.call(method, path, by=by, headers={"Origin": "https://evil.example"})
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert "max-age=" in headers["strict-transport-security"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"]
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert not [name for name in headers if name.startswith("access-control")]


def test_no_route_is_opened_to_other_origins() -> None:
    assert not [
        path
        for path, methods in app.routes.items()
        for entry in methods.values()
        if entry.cors is not None
    ]


def test_what_is_unchanged_is_not_sent_again(desk: Desk) -> None:
    ticket_id = ticket_of(desk)
    for path in (
        "/v1/tickets",
        "/v1/bots",
        f"/v1/tickets/{ticket_id}",
        f"/v1/tickets/{ticket_id}/messages",
    ):
        first = desk.call("GET", path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        etag = first.headers["ETag"]
        again = desk.call("GET", path, headers={"If-None-Match": etag})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
        several = desk.call("GET", path, headers={"If-None-Match": f'"other", W/{etag}'})
        assert several.status == 304
        assert desk.call("GET", path, headers={"If-None-Match": '"other"'}).status == 200


def test_what_has_changed_is_sent_under_another_etag(desk: Desk) -> None:
    ticket_id = ticket_of(desk)
    before = desk.call("GET", f"/v1/tickets/{ticket_id}")
    desk.call("PATCH", f"/v1/tickets/{ticket_id}", {"status": "done"})
    answer = desk.call(
        "GET", f"/v1/tickets/{ticket_id}", headers={"If-None-Match": before.headers["ETag"]}
    )
    assert answer.status == 200
    assert answer.headers["ETag"] != before.headers["ETag"]


WRONG_BODIES: list[tuple[str, Any, str]] = [
    ("/v1/people", {"email": "a@b.example", "name": "А", "wage": 1}, "wage"),
    ("/v1/people", {"name": "А"}, "email"),
    ("/v1/people", {"email": 7, "name": "А"}, "email"),
    ("/v1/people", {"email": "a@b.example", "name": "А", "role": "owner"}, "role"),
    ("/v1/api-keys", {"name": "А", "scopes": ["bots:read", 5]}, "scopes[1]"),
    ("/v1/sign-in", {"email": "a@b.example", "password": ""}, "password"),
    ("/v1/sign-in", {"email": "", "password": "x"}, "email"),
    ("/v1/sign-in/forgot", {"email": " "}, "email"),
    ("/v1/sign-out", {"everywhere": True}, "everywhere"),
]


def test_a_body_that_is_wrong_is_refused_by_the_name_of_its_field(desk: Desk) -> None:
    desk.sign_in("olena@example.com")
    before = everything()
    for path, body, field in WRONG_BODIES:
        assert_told(desk.call("POST", path, body), 400, "bad-input", field)
    assert everything() == before


WRONG_PARTS: list[tuple[Any, str]] = [
    ([{"type": "text"}], "parts[0].text"),
    ([{"type": "text", "text": "Так"}, {"type": "text", "text": 5}], "parts[1].text"),
    ([{"type": "poem", "text": "Так"}], "parts[0].type"),
    ([{"text": "Так"}], "parts[0].type"),
    ([], "parts"),
    ("Так", "parts"),
    ([{"type": "text", "text": ""}], "parts[0].text"),
    ([{"type": "text", "text": "т" * 7001}], "parts[0].text"),
    ([{"type": "picture", "media": "http://plain.example/a.jpg", "text": ""}], "parts[0].media"),
]


def test_a_reply_that_is_wrong_names_the_part_and_writes_nothing(desk: Desk) -> None:
    path = f"/v1/tickets/{ticket_of(desk)}/messages"
    before = everything()
    for parts, field in WRONG_PARTS:
        answer = desk.call("POST", path, {"parts": parts}, headers={"Idempotency-Key": "one"})
        assert_told(answer, 400, "bad-input", field)
    assert everything() == before


NO_OBJECTS = [
    b"{",
    b"[]",
    b"null",
    b'"\xff"',
    b'{"email": "\\ud800", "name": "x"}',
    b'{"email": NaN}',
    b"[" * 100_000,
    b"\xef\xbb\xbf{}",
]


def test_a_body_that_is_no_json_object_is_refused(desk: Desk) -> None:
    for raw in NO_OBJECTS:
        answer = _raw(desk, "POST", "/v1/people", raw)
        assert_told(answer, 400, "bad-input", answer.body.get("field"))


def test_a_body_may_be_256_kilobytes_and_no_more(desk: Desk) -> None:
    ticket_id = ticket_of(desk)
    limit = web.BODY_MAX_BYTES
    path = f"/v1/tickets/{ticket_id}/messages"
    body = b'{"parts": [], "notify": true}'
    fits = _raw(desk, "POST", path, body.ljust(limit))
    assert_told(fits, 400, "bad-input", "Idempotency-Key")
    assert_told(_raw(desk, "POST", path, body.ljust(limit + 1)), 413, "too-large")


def test_a_body_of_another_kind_is_refused(desk: Desk) -> None:
    headers = {"Content-Type": "text/plain"}
    assert_told(desk.call("POST", "/v1/people", {}, headers=headers), 415, "unsupported-media-type")


def test_a_message_needs_an_idempotency_key_of_reasonable_length(desk: Desk) -> None:
    path = f"/v1/tickets/{ticket_of(desk)}/messages"
    body = {"parts": [{"type": "text", "text": "Так"}], "notify": False}
    for headers in ({}, {"Idempotency-Key": "  "}, {"Idempotency-Key": "k" * 201}):
        answer = desk.call("POST", path, body, headers=headers)
        assert_told(answer, 400, "bad-input", "Idempotency-Key")
    assert desk.call("POST", path, body, headers={"Idempotency-Key": "k" * 200}).status == 202


def test_an_idempotency_key_gives_the_first_answer_again_and_refuses_another_wish(
    desk: Desk,
) -> None:
    path = f"/v1/tickets/{ticket_of(desk)}/messages"
    body = {"parts": [{"type": "text", "text": "Так"}]}
    headers = {"Idempotency-Key": "once"}
    first, again = (desk.call("POST", path, body, headers=headers) for _ in range(2))
    assert (first.status, first.body) == (again.status, again.body)
    other = desk.call("POST", path, body | {"notify": False}, headers=headers)
    assert_told(other, 422, "idempotency-key-reused")
    assert len(desk.thread(desk.tickets()[0]["ticket_id"])) == 2


LISTS = ("/v1/tickets", "/v1/people", "/v1/bots", "/v1/api-keys", "/v1/audit")


WRONG_QUERIES = [
    ("limit=0", "limit"),
    ("limit=-1", "limit"),
    ("limit=201", "limit"),
    ("limit=lots", "limit"),
    ("limit=", "limit"),
    ("limit=1.5", "limit"),
    (f"limit={'9' * 400}", "limit"),
    ("page=2", "page"),
    ("cursor=", "cursor"),
    ("cursor=garbage", "cursor"),
    ("cursor=bnVsbA", "cursor"),
    ("cursor=e30", "cursor"),
    ("cursor=%F0%9F%8D%9E", "cursor"),
    ("cursor=%00", "cursor"),
    (f"cursor={'A' * 6000}", "cursor"),
]


def test_a_query_that_is_wrong_is_refused_by_the_name_of_its_field(desk: Desk) -> None:
    for (query, field), path in itertools.product(WRONG_QUERIES, LISTS):
        assert_told(desk.call("GET", f"{path}?{query}"), 400, "bad-input", field)


def test_a_list_goes_on_where_its_last_page_ended(desk: Desk) -> None:
    for name in ("Марічка", "Остап", "Софія"):
        desk.phone(name).write(f"Це {name}")
        desk.wait(seconds=1)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = desk.call("GET", f"/v1/tickets?limit=1{cursor and f'&cursor={cursor}'}").body
        seen += [ticket["contact_name"] for ticket in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["Софія", "Остап", "Марічка"]
    for limit in (1, web.PAGE_MAX):
        assert desk.call("GET", f"/v1/tickets?limit={limit}").status == 200


NO_IDS = [
    "tkt_",
    "tkt_1",
    "tkt",
    "%20",
    "%00",
    "bot_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "т" * 30,
    "a" * 3000,
]


def test_what_has_not_the_form_of_an_id_is_not_found(desk: Desk) -> None:
    for ticket_id in NO_IDS:
        answer = desk.call("GET", f"/v1/tickets/{ticket_id}")
        assert_told(answer, 404, "not-found", "ticket_id")


def test_a_method_that_a_path_does_not_have_is_refused_with_those_it_has(desk: Desk) -> None:
    answer = desk.call("DELETE", "/v1/people")
    assert_told(answer, 405, "wrong-method")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "POST"}


def test_a_path_that_is_none_is_refused_at_the_gateway(desk: Desk) -> None:
    assert desk.call("GET", "/v2/tickets", by=None).status in (403, 404)
    assert desk.call("HEAD", "/v1/tickets", by=None).status >= 400


def _raw(desk: Desk, method: str, path: str, raw: bytes) -> Answered:
    token = desk.sign_in("olena@example.com")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    answer = desk.client.http.request(method, path, headers=headers, body=raw)
    return Answered(answer.status_code, json.loads(answer.body), answer.headers)
