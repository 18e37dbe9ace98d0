"""An account's people, and the trail of what they changed."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib import audit, errors, people
from chalicelib.tables import Person
from chalicelib.web import (
    ADMINS,
    AGENTS,
    Call,
    EmailText,
    Empty,
    NameText,
    Nouns,
    Page,
    PageQuery,
    page_limit,
)

nouns = Nouns()

ROLES = [people.AGENT, people.ADMIN]


class PersonIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to invite."""

    email: EmailText
    name: NameText
    role: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ROLES})] = people.AGENT


class PersonOut(msgspec.Struct, frozen=True):
    """Somebody who signs in."""

    person_id: str
    email: str
    name: str
    role: str
    created_at: datetime


class AuditOut(msgspec.Struct, frozen=True):
    """One change: when, by whom, what, to what."""

    at: datetime
    by: str
    by_name: str | None
    action: str
    subject: str
    facts: dict[str, Any]


@nouns.route_to(
    "GET",
    "/v1/people",
    roles=AGENTS,
    scope="people:read",
    query=PageQuery,
    answer=list[PersonOut],
)
def list_people(call: Call[Empty, PageQuery]) -> Page:
    """List the account's people."""
    found, cursor = people.people(
        call.account_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([person_out(person) for person in found], cursor)


@nouns.route_to(
    "POST",
    "/v1/people",
    roles=ADMINS,
    body=PersonIn,
    answer=PersonOut,
    status=201,
    problems=(409,),
)
def invite_person(call: Call[PersonIn, Empty]) -> PersonOut:
    """Invite somebody to the account by e-mail."""
    body = call.body
    if body.role not in ROLES:
        raise errors.BadInput(f"One of {', '.join(ROLES)}.", field="role")
    invited = people.invite(
        call.account_id,
        email=body.email,
        name=body.name,
        role=body.role,
        by=call.actor,
        now=call.now,
    )
    return person_out(invited)


@nouns.route_to(
    "DELETE",
    "/v1/people/{person_id}",
    roles=ADMINS,
    answer=None,
    status=204,
    problems=(404, 409),
)
def remove_person(call: Call[Empty, Empty], person_id: str) -> None:
    """End somebody's access at once."""
    people.remove(call.account_id, person_id, by=call.actor, now=call.now)


@nouns.route_to("GET", "/v1/audit", roles=ADMINS, query=PageQuery, answer=list[AuditOut])
def list_audit(call: Call[Empty, PageQuery]) -> Page:
    """List who changed what, newest first."""
    found, cursor = audit.lines(
        call.account_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page(
        [AuditOut(a.at, a.by, a.by_name, a.action, a.subject, dict(a.facts or {})) for a in found],
        cursor,
    )


def person_out(person: Person) -> PersonOut:
    """Tell a person."""
    return PersonOut(person.person_id, person.email, person.name, person.role, person.created_at)
