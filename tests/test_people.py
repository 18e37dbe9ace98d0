"""Accounts, people and API keys: who may come in, from when and until when."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import aws, config, errors, people, store, tables
from chalicelib.tables import Person
from tests.desk import PASSWORD, Answered, Desk
from tests.faults import just_before_the_next_transaction
from tests.fixtures_accounts import everything, rows

OPERATOR = "operator@example.org"
ADMIN = "olena@example.com"
AGENT = "taras@example.com"
REFUSED = (401, 403)


@pytest.fixture
def operated(desk: Desk) -> Desk:
    """A desk whose platform has an operator."""
    people.make_operator(email=OPERATOR, name="Оператор", now=desk.now)
    return desk


def make_account(desk: Desk, **changes: Any) -> Answered:
    told = {"name": "Кав'ярня", "admin_email": "marta@example.net", "admin_name": "Марта"}
    return desk.call("POST", "/v1/accounts", told | changes, by=OPERATOR)


def invite(desk: Desk, email: str, role: str = "agent", *, by: str = ADMIN) -> Answered:
    return desk.call("POST", "/v1/people", {"email": email, "name": "Ніна", "role": role}, by=by)


def remove(desk: Desk, person_id: str, *, by: str = ADMIN) -> Answered:
    return desk.call("DELETE", f"/v1/people/{person_id}", by=by)


def trail(desk: Desk, by: str = ADMIN) -> list[tuple[str, str, str]]:
    lines = desk.call("GET", "/v1/audit", by=by).body["items"]
    return [(line["by_name"], line["action"], line["subject"]) for line in lines]


def test_an_operator_makes_an_account_and_its_admin_signs_in_with_his_first_password(
    operated: Desk,
) -> None:
    made = make_account(operated)
    assert made.status == 201, made
    assert (made.body["name"], made.body["time_zone"], made.body["language"]) == (
        "Кав'ярня",
        "Europe/Kyiv",
        "uk",
    )
    listed = operated.call("GET", "/v1/accounts", by=OPERATOR).body["items"]
    assert made.body["account_id"] in {each["account_id"] for each in listed}
    user = aws.client("cognito-idp").admin_get_user(
        UserPoolId=config.user_pool_id(), Username="marta@example.net"
    )
    assert user["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    me = operated.call("GET", "/v1/me", by="marta@example.net").body
    assert me["account"] == made.body
    assert (me["person"]["role"], me["person"]["name"]) == ("admin", "Марта")
    assert (
        operated.tickets()
        == operated.call("GET", "/v1/tickets", by="marta@example.net").body["items"]
    )


def test_an_operator_belongs_to_no_account(operated: Desk) -> None:
    me = operated.call("GET", "/v1/me", by=OPERATOR).body
    assert (me["person"]["role"], me["account"]) == ("operator", None)
    assert operated.call("GET", "/v1/tickets", by=OPERATOR).status == 403


WRONG_ACCOUNTS = [
    ({"name": ""}, "name"),
    ({"name": "н" * 101}, "name"),
    ({"name": "а\x00б"}, "name"),
    ({"admin_name": " "}, "admin_name"),
    ({"admin_email": "marta"}, "admin_email"),
    ({"admin_email": "marta@localhost"}, "admin_email"),
    ({"admin_email": "ma rta@example.net"}, "admin_email"),
    ({"admin_email": "a@b@example.net"}, "admin_email"),
    ({"admin_email": "m\x00@example.net"}, "admin_email"),
    ({"admin_email": "m@example..net"}, "admin_email"),
    ({"admin_email": f"{'m' * 120}@example.net"}, "admin_email"),
    ({"time_zone": "Kyiv"}, "time_zone"),
    ({"time_zone": ""}, "time_zone"),
    ({"time_zone": "Europe"}, "time_zone"),
    ({"time_zone": "../etc/passwd"}, "time_zone"),
    ({"time_zone": "Nowhere/At_All"}, "time_zone"),
    ({"time_zone": "z" * 300}, "time_zone"),
    ({"time_zone": "\x00"}, "time_zone"),
    ({"language": "de"}, "language"),
    ({"language": ""}, "language"),
]


def test_an_account_that_is_wrong_is_refused_by_its_field_and_leaves_nothing(
    operated: Desk,
) -> None:
    operated.sign_in(OPERATOR)
    before = everything()
    for changes, field in WRONG_ACCOUNTS:
        answer = make_account(operated, **changes)
        assert (answer.status, answer.body.get("field")) == (400, field), (changes, answer)
        assert answer.body["detail"]
    assert everything() == before


def test_names_in_any_alphabet_and_with_emoji_survive(operated: Desk) -> None:
    name = "Кав'ярня «Їжак» 👩‍👩‍👧 ☕"
    assert make_account(operated, name=f"  {name}  ").body["name"] == name


def test_an_address_that_signs_in_already_is_refused_and_nothing_is_left(operated: Desk) -> None:
    operated.sign_in(OPERATOR)
    operated.sign_in(ADMIN)
    before = everything()
    for answer in (
        make_account(operated, admin_email=AGENT.upper()),
        invite(operated, AGENT),
        invite(operated, f" {ADMIN}"),
    ):
        assert answer.status == 409, answer
        assert answer.body["field"].endswith("email")
    assert everything() == before


def test_an_admin_invites_and_the_invited_works_at_once(desk: Desk) -> None:
    made = invite(desk, "Nina@Example.com")
    assert (made.status, made.body["email"], made.body["role"]) == (
        201,
        "nina@example.com",
        "agent",
    )
    assert desk.call("GET", "/v1/tickets", by="nina@example.com").status == 200
    listed = desk.call("GET", "/v1/people", by=AGENT).body["items"]
    assert {person["email"] for person in listed} == {ADMIN, AGENT, "nina@example.com"}
    assert invite(desk, "oksana@example.com", by=AGENT).status == 403


def test_a_person_that_is_wrong_is_refused_by_the_field(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    before = everything()
    for changes, field in (
        ({"email": "nina"}, "email"),
        ({"name": ""}, "name"),
        ({"role": "operator"}, "role"),
    ):
        told = {"email": "nina@example.com", "name": "Ніна", "role": "agent"} | changes
        answer = desk.call("POST", "/v1/people", told)
        assert (answer.status, answer.body["field"]) == (400, field)
    assert everything() == before


def test_a_removed_persons_very_next_request_is_refused(desk: Desk) -> None:
    assert desk.call("GET", "/v1/tickets", by=AGENT).status == 200
    assert remove(desk, desk.agent.person_id).status == 204
    assert desk.call("GET", "/v1/tickets", by=AGENT).status in REFUSED
    answer = desk.call("POST", "/v1/sign-in", {"email": AGENT, "password": PASSWORD}, by=None)
    assert answer.status == 401
    assert AGENT not in json.dumps(desk.call("GET", "/v1/people").body)
    assert remove(desk, desk.agent.person_id).status == 404


def test_removing_again_ends_the_keys_that_a_removal_cut_short_has_left(desk: Desk) -> None:
    nina = invite(desk, "nina@example.com", "admin").body["person_id"]
    desk.sign_in("nina@example.com")
    told = {"name": "Каса", "scopes": ["tickets:read"]}
    key = desk.call("POST", "/v1/api-keys", told, by="nina@example.com").body["key"]
    removed = [Person.removed_at.set(desk.now)]
    item = Person(partition=desk.account_id, item=f"person#{nina}")
    store.update(item, removed, Person.removed_at.does_not_exist())
    assert desk.call("GET", "/v1/tickets", by=key).status == 200

    assert remove(desk, nina).status == 404

    assert desk.call("GET", "/v1/tickets", by=key).status in REFUSED


def test_when_no_more_letters_go_out_today_the_inviter_is_told_to_wait(desk: Desk) -> None:
    before = everything()
    told = {
        "Error": {"Code": "LimitExceededException", "Message": "50 a day"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    events = aws.client("cognito-idp").meta.events
    event = "before-call.cognito-identity-provider.AdminCreateUser"

    def refuse(**_: Any) -> Any:
        return SimpleNamespace(status_code=400), told

    events.register(event, refuse)
    try:
        answer = invite(desk, "nina@example.com")
    finally:
        events.unregister(event, refuse)

    assert (answer.status, answer.body["type"].rpartition("/")[2]) == (429, "too-many-requests")
    assert everything() == before


def test_an_assignee_of_any_length_is_looked_for_only_if_it_can_be_a_person(desk: Desk) -> None:
    assert not people.is_here(desk.account_id, "x" * 5000)


def test_who_was_removed_can_be_invited_again_as_somebody_new(desk: Desk) -> None:
    remove(desk, desk.agent.person_id)
    again = invite(desk, AGENT)
    assert again.status == 201
    assert again.body["person_id"] != desk.agent.person_id


def test_nobody_removes_himself_nor_the_last_admin(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    before = everything()
    assert remove(desk, desk.admin.person_id).status == 409
    with pytest.raises(errors.Conflict, match="last"):
        people.remove(
            desk.account_id,
            desk.admin.person_id,
            by=desk.actor._replace(actor_id="per_somebody"),
            now=desk.now,
        )
    assert everything() == before


def test_two_admins_who_remove_each_other_at_once_do_not_both_succeed(desk: Desk) -> None:
    nina = invite(desk, "nina@example.com", "admin").body["person_id"]
    desk.sign_in("nina@example.com")
    desk.sign_in(ADMIN)
    inner: list[Answered] = []

    def meanwhile() -> None:
        inner.append(remove(desk, desk.admin.person_id, by="nina@example.com"))

    with just_before_the_next_transaction(meanwhile):
        outer = remove(desk, nina)
    assert [each.status for each in inner] == [204]
    assert outer.status == 409
    left, _ = people.people(desk.account_id, limit=10, cursor=None)
    assert [person.person_id for person in left if person.role == "admin"] == [nina]


def test_of_two_invitations_of_one_address_at_once_one_succeeds(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    answers: list[Answered] = []

    def ask() -> None:
        answers.append(invite(desk, "nina@example.com"))

    with just_before_the_next_transaction(ask):
        ask()
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert desk.call("GET", "/v1/me", by="nina@example.com").status == 200


def test_an_invitation_that_the_store_does_not_take_leaves_no_sign_in(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    before = everything()

    def broken() -> None:
        raise RuntimeError("the function died here")

    with just_before_the_next_transaction(broken):
        assert invite(desk, "nina@example.com").status == 500
    assert everything() == before
    assert invite(desk, "nina@example.com").status == 201


def test_an_api_key_is_shown_once_and_kept_as_a_hash(desk: Desk) -> None:
    made = desk.call("POST", "/v1/api-keys", {"name": "Сайт", "scopes": ["tickets:read"]})
    assert made.status == 201
    key = made.body["key"]
    assert key.startswith("vd_")
    assert len(key) >= 43
    assert made.body["ending"] == key[-4:]
    listed = desk.call("GET", "/v1/api-keys").body["items"]
    assert [each["key"] for each in listed] == [None]
    assert key not in json.dumps(everything())
    assert key[3:-4] not in json.dumps(everything())


def test_an_api_key_does_what_its_scopes_say_and_only_until_it_is_revoked(desk: Desk) -> None:
    made = desk.call("POST", "/v1/api-keys", {"name": "Сайт", "scopes": ["tickets:read"]}).body
    desk.phone().write("Чи є хліб? 🍞")
    ticket_id = desk.tickets()[0]["ticket_id"]
    assert desk.call("GET", f"/v1/tickets/{ticket_id}", by=made["key"]).status == 200
    answer = desk.call("PATCH", f"/v1/tickets/{ticket_id}", {"status": "done"}, by=made["key"])
    assert answer.status == 403
    assert "tickets:write" in answer.body["detail"]
    for path in ("/v1/people", "/v1/bots", "/v1/api-keys", "/v1/audit", "/v1/me"):
        assert desk.call("GET", path, by=made["key"]).status == 403
    path = f"/v1/api-keys/{made['key_id']}"
    assert [desk.call("DELETE", path).status for _ in range(2)] == [204, 204]
    assert desk.call("GET", f"/v1/tickets/{ticket_id}", by=made["key"]).status in REFUSED
    (listed,) = desk.call("GET", "/v1/api-keys").body["items"]
    assert listed["revoked_at"] is not None


def test_a_note_by_a_program_is_signed_with_the_keys_name(desk: Desk) -> None:
    made = desk.call("POST", "/v1/api-keys", {"name": "Сайт", "scopes": ["tickets:write"]}).body
    desk.phone().write("Чи є хліб? 🍞")
    ticket_id = desk.tickets()[0]["ticket_id"]
    body = {"parts": [{"type": "text", "text": "Є"}], "notify": False}
    headers = {"Idempotency-Key": "k"}
    path = f"/v1/tickets/{ticket_id}/messages"
    answer = desk.call("POST", path, body, by=made["key"], headers=headers)
    author = answer.body["messages"][0]["author"]
    assert author == {"kind": "program", "person_id": None, "name": "Сайт"}


def test_a_key_that_is_wrong_is_refused_by_its_field(desk: Desk) -> None:
    for changes, field in (
        ({"scopes": []}, "scopes"),
        ({"scopes": ["tickets:read", "everything"]}, "scopes"),
        ({"name": " "}, "name"),
        ({"name": "к" * 101}, "name"),
    ):
        told: dict[str, Any] = {"name": "Сайт", "scopes": ["tickets:read"]}
        answer = desk.call("POST", "/v1/api-keys", told | changes)
        assert (answer.status, answer.body["field"]) == (400, field)
    assert desk.call("GET", "/v1/api-keys").body["items"] == []


def test_the_trail_tells_who_changed_what(desk: Desk) -> None:
    person_id = invite(desk, "nina@example.com").body["person_id"]
    key_id = desk.call("POST", "/v1/api-keys", {"name": "К", "scopes": ["bots:read"]}).body[
        "key_id"
    ]
    desk.call("DELETE", f"/v1/api-keys/{key_id}")
    remove(desk, person_id)
    desk.call("PATCH", f"/v1/bots/{desk.bot.bot_id}", {"welcome_text": "Вітаю!"})
    assert {
        ("Олена", "person invited", person_id),
        ("Олена", "API key made", key_id),
        ("Олена", "API key revoked", key_id),
        ("Олена", "person removed", person_id),
        ("Олена", "bot settings changed", desk.bot.bot_id),
        ("Олена", "bot connected", desk.bot.bot_id),
    } <= set(trail(desk))
    assert "vd_" not in json.dumps(desk.call("GET", "/v1/audit").body)
    assert desk.call("GET", "/v1/audit", by=AGENT).status == 403


def test_no_secret_lies_in_the_tables_as_it_is(desk: Desk) -> None:
    stored = repr([rows(name) for name in {model.Meta.table_name for model in tables.ALL}])
    assert desk.viber_bot.key not in stored
    assert PASSWORD not in stored
