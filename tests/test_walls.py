"""Every route × every caller × ids of another account: only refusals, and nothing changed."""

import itertools
import json
import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from app import app
from chalicelib import people, tables
from tests import fixtures_accounts as accounts
from tests import moto_copies
from tests.desk import Answered, Desk
from tests.fixtures_accounts import MISSING
from tests.fixtures_walkers import (
    AGENT_EMAIL,
    GUARDED,
    OPERATOR_EMAIL,
    ROUTES,
    World,
    foreign_paths,
    path_of,
    walkers,
)
from tests.serial import serialised

FOR_VIBER = ("POST", "/viber/{bot_id}")
FOR_STRIPE = ("POST", "/stripe")
FOR_OPERATORS = {
    ("GET", "/v1/accounts"),
    ("POST", "/v1/accounts"),
    ("GET", "/v1/accounts/{account_id}/balance"),
    ("GET", "/v1/accounts/{account_id}/entries"),
    ("POST", "/v1/accounts/{account_id}/audit"),
    ("POST", "/v1/accounts/{account_id}/corrections"),
    ("POST", "/v1/accounts/{account_id}/transfers"),
    ("GET", "/v1/accounts/{account_id}/bots"),
    ("POST", "/v1/accounts/{account_id}/bots"),
    ("PUT", "/v1/accounts/{account_id}/bots/{bot_id}/sessions"),
    ("POST", "/v1/accounts/{account_id}/bots/{bot_id}/legacy"),
    ("POST", "/v1/accounts/{account_id}/requests/{request_id}/decision"),
    ("GET", "/v1/desk/requests"),
    ("GET", "/v1/desk/differences"),
    ("GET", "/v1/desk/top-ups"),
    ("POST", "/v1/price-lists"),
    ("POST", "/v1/price-lists/import"),
    ("DELETE", "/v1/price-lists/{version}"),
    ("POST", "/v1/session-policies"),
    ("DELETE", "/v1/session-policies/{kind}/{version}"),
}
FOR_EVERYBODY = {
    ("POST", "/v1/sign-in"),
    ("POST", "/v1/sign-in/new-password"),
    ("POST", "/v1/sign-in/refresh"),
    ("POST", "/v1/sign-in/forgot"),
    ("POST", "/v1/sign-in/reset"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/"),
    ("GET", "/console"),
    ("GET", "/console/{name}"),
    ("GET", "/console/vendor/{name}"),
}


@pytest.fixture(scope="module")
def world(jwks: str) -> Iterator[World]:
    """Two accounts; what these tests may not change they share."""
    with mock_aws():
        os.environ.update(moto_copies.create_all(), JWKS_URL=jwks)
        with serialised(tables.connection.client), Desk() as desk:
            mine, theirs = accounts.own(desk), accounts.neighbour(desk)
            yield World(desk, mine, theirs, {each.name: each for each in walkers(desk)})


WALKERS = [
    "operator",
    "admin",
    "agent",
    "nobody",
    "no scheme",
    "broken token",
    "unknown key",
    *(f"key without {scope}" for scope in people.SCOPES),
    "key with all",
    "revoked key",
    "removed admin",
    "signed-out admin",
]


def test_every_route_served_is_one_that_the_tables_tell() -> None:
    served = {(method, path) for path, methods in app.routes.items() for method in methods}
    assert served == {(route.method, route.path) for route in ROUTES} | {FOR_VIBER, FOR_STRIPE}


def test_only_signing_in_the_pages_and_the_webhook_ask_for_no_authorization() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.roles is None} == FOR_EVERYBODY
    unguarded = {
        (method, path)
        for path, methods in app.routes.items()
        for method, entry in methods.items()
        if entry.authorizer is None
    }
    assert unguarded == FOR_EVERYBODY | {FOR_VIBER, FOR_STRIPE}


@pytest.mark.rule("S2.8")
def test_what_only_operators_may_do_is_open_to_operators_alone() -> None:
    # The walk below takes each door's own word for who may pass it.
    theirs = [route for route in GUARDED if route.roles == frozenset({"operator"})]
    assert {(route.method, route.path) for route in theirs} == FOR_OPERATORS
    assert [route.path for route in theirs if route.scope is not None] == []


def test_the_walk_knows_everybody(world: World) -> None:
    assert set(world.walkers) == set(WALKERS)


@pytest.mark.parametrize("name", WALKERS)
def test_nobody_does_what_is_not_his(world: World, name: str) -> None:
    walker = world.walkers[name]
    before = accounts.everything()
    walked = 0
    for route in GUARDED:
        if walker.may(route):
            continue
        paths = [path_of(route, world.mine.ids), *itertools.chain(*foreign_paths(route, world))]
        given = [world.call_path(walker, route, path) for path in paths]
        for answer in given:
            assert answer.status in ((403,) if walker.role else (401, 403)), (route.path, answer)
            assert_same(answer, given[0])
        walked += len(given)
    assert walked
    assert accounts.everything() == before


@pytest.mark.parametrize("name", ["admin", "agent", "key with all"])
def test_another_accounts_id_is_as_unknown_as_one_that_does_not_exist(
    world: World, name: str
) -> None:
    walker = world.walkers[name]
    before = accounts.everything()
    webhook = world.theirs.viber_bot.webhook
    walked = 0
    for route in GUARDED:
        if not walker.may(route) or "{" not in route.path:
            continue
        for path, twin in foreign_paths(route, world):
            answer = world.call_path(walker, route, path)
            assert answer.status == 404, (route.method, path, answer)
            assert_same(answer, world.call_path(walker, route, twin))
            walked += 1
    assert walked
    assert accounts.everything() == before
    assert world.theirs.viber_bot.webhook == webhook


@pytest.mark.parametrize("name", ["admin", "agent", "key with all"])
def test_no_list_shows_what_is_another_accounts(world: World, name: str) -> None:
    walker = world.walkers[name]
    foreign = {*world.theirs.ids, world.theirs.account.account_id, world.theirs.admin.person_id}
    for route in GUARDED:
        if route.method == "GET" and "{" not in route.path and walker.may(route):
            answer = world.call(walker, route, world.mine.ids)
            assert answer.status == 200, (route.path, answer)
            said = json.dumps(answer.body, default=repr)
            assert not [each for each in foreign if each in said], route.path


@pytest.mark.parametrize("given", ["theirs", "missing"])
def test_another_accounts_id_in_a_body_or_a_query_names_nobody(world: World, given: str) -> None:
    ids = world.theirs.ids if given == "theirs" else MISSING
    desk, mine = world.desk, world.mine.ids
    ticket, bot = f"/v1/tickets/{mine.ticket_id}", f"/v1/bots/{mine.bot_id}"
    before = accounts.everything()
    for path, body, field in (
        (ticket, {"assignee_id": ids.person_id}, "assignee_id"),
        (bot, {"assignee_id": ids.person_id}, "assignee_id"),
        (bot, {"participant_ids": [ids.person_id]}, "participant_ids[0]"),
    ):
        answer = desk.call("PATCH", path, body)
        assert (answer.status, answer.body["field"]) == (400, field)
        assert ids.person_id not in answer.body["detail"]
    for query in (f"bot_id={ids.bot_id}", f"assignee_id={ids.person_id}"):
        assert desk.tickets(f"?{query}") == []
    assert accounts.everything() == before


def test_another_accounts_cursor_opens_nothing(world: World) -> None:
    desk = world.desk
    for path in ("/v1/tickets", "/v1/people", "/v1/audit"):
        theirs = desk.call("GET", f"{path}?limit=1", by="ivan@example.net")
        cursor = theirs.body["next_cursor"]
        assert cursor, path
        answer = desk.call("GET", f"{path}?cursor={cursor}")
        assert (answer.status, answer.body["field"]) == (400, "cursor")


def test_the_same_idempotency_key_in_two_accounts_names_two_wishes(world: World) -> None:
    desk = world.desk
    sent = {"parts": [{"type": "text", "text": "Нотатка"}], "notify": False}
    answers = [
        desk.call(
            "POST",
            f"/v1/tickets/{side.ids.ticket_id}/messages",
            sent,
            by=side.key,
            headers={"Idempotency-Key": "shared"},
        )
        for side in (world.mine, world.theirs)
    ]
    assert [answer.status for answer in answers] == [202, 202]
    first, second = (answer.body["messages"][0]["message_id"] for answer in answers)
    assert first != second


@pytest.mark.rule("S4.14")
def test_who_is_no_admin_can_neither_connect_nor_set_up_a_bot(world: World) -> None:
    bot = f"/v1/bots/{world.mine.ids.bot_id}"
    for method, path, body in (
        ("POST", "/v1/bots", {"key": "whatever"}),
        ("PATCH", bot, {"welcome_text": "Вітаю!"}),
        ("PUT", f"{bot}/key", {"key": "whatever"}),
        ("POST", f"{bot}/check", {}),
        ("DELETE", bot, None),
        ("GET", f"{bot}/callbacks", None),
    ):
        for by in (AGENT_EMAIL, OPERATOR_EMAIL):
            answer = world.desk.call(method, path, body, by=by)
            assert (answer.status, answer.body["title"]) == (403, "Not allowed")


def assert_same(answer: Answered, other: Answered) -> None:
    """Tell two refusals apart by nothing: status, body and headers are alike."""
    assert (answer.status, answer.body) == (other.status, other.body)
    ignored = {"x-amzn-requestid"}
    first, second = (
        {name: value for name, value in each.headers.items() if name.lower() not in ignored}
        for each in (answer, other)
    )
    assert first == second
