"""Who may sign in to an account, as what, and how that ends."""

from datetime import datetime

from chalicelib import audit, errors, ids, store
from chalicelib.audit import Actor
from chalicelib.people import users
from chalicelib.people.keys import keys_made_by, revoke_key
from chalicelib.people.saying import is_email, said
from chalicelib.tables import PLATFORM, Bot, Lookup, Person

OPERATOR, ADMIN, AGENT = "operator", "admin", "agent"
LISTED_MAX = 200


def invite(
    account_id: str, *, email: str, name: str, role: str, by: Actor, now: datetime
) -> Person:
    """Let somebody sign in to an account; Cognito sends him a first password by e-mail.

    Raises Conflict when the address signs in already, here or in another account.
    """
    person, writes = new_person(account_id, email, name, role, field="email", now=now)
    line = audit.line(account_id, by, "person invited", person.person_id, now, role=role)
    keep(person, [*writes, line])
    return person


def make_operator(*, email: str, name: str, now: datetime) -> Person:
    """Make a person of the platform's staff; the deployment's own command calls this."""
    by = Actor("deployment", "make operator")
    return invite(PLATFORM, email=email, name=name, role=OPERATOR, by=by, now=now)


def remove(account_id: str, person_id: str, *, by: Actor, now: datetime) -> None:
    """End a person's access at once, his API keys' too; what he did stays his.

    Raises Conflict for oneself and for the account's last admin.
    """
    person = find(account_id, person_id)
    if person is None or person.removed_at is not None:
        if person is not None:
            # Who was removed by a function that died there may have left keys and a user behind.
            _end_access(person, by=by, now=now)
        raise errors.NotFound("There is no such person.")
    if person_id == by.actor_id:
        raise errors.Conflict("You cannot remove yourself; another admin can.")
    writes: list[store.Write] = [
        store.Update(
            Person(partition=account_id, item=f"person#{person_id}"),
            Person.removed_at.does_not_exist(),
            actions=(Person.removed_at.set(now),),
        ),
        store.Delete(Lookup(key=f"sub#{person.sub}")),
        audit.line(account_id, by, "person removed", person_id, now, email=person.email),
    ]
    if person.role == ADMIN:
        other = next((p for p in _all(account_id) if _is_other_admin(p, person_id)), None)
        if other is None:
            raise errors.Conflict("An account needs an admin, and this is its last.")
        # Two admins who remove each other at once must not both succeed.
        item = Person(partition=account_id, item=other.item)
        writes.append(store.Check(item, Person.removed_at.does_not_exist()))
    try:
        store.commit(writes)
    except store.Changed:
        raise errors.Conflict("Somebody changed the people meanwhile; look again.") from None
    _end_access(person, by=by, now=now)


def people(account_id: str, *, limit: int, cursor: str | None) -> tuple[list[Person], str | None]:
    """List an account's people who may sign in; a page may be short."""
    return store.page(
        Person,
        account_id,
        Person.item.startswith("person#"),
        limit=limit,
        cursor=cursor,
        filtered_by=Person.removed_at.does_not_exist(),
    )


def person(account_id: str, person_id: str) -> Person:
    """Read a person of this account, or raise NotFound."""
    found = find(account_id, person_id)
    if found is None:
        raise errors.NotFound("There is no such person.")
    return found


def find(account_id: str, person_id: str) -> Person | None:
    """Read a person of this account, removed or not, or None."""
    return store.get(Person, account_id, f"person#{person_id}")


def is_here(account_id: str, person_id: str) -> bool:
    """Say whether a person belongs to an account and may still sign in."""
    person = find(account_id, person_id) if ids.is_one("per", person_id) else None
    return person is not None and person.removed_at is None


def wanted(account_id: str, person_id: str) -> tuple[type[Person], str, str]:
    """Name a person's item, to be read together with others."""
    return Person, account_id, f"person#{person_id}"


def who_takes(bot: Bot, set_id: str | None, found: Person | None) -> str | None:
    """Decide who gets a bot's new ticket: the one set, else who connected it, else an admin.

    `found` is what was read of the first two's choice; only when he is gone is more read.
    """
    if found is not None and found.removed_at is None:
        return str(found.person_id)
    if set_id is not None and is_here(bot.account_id, bot.connected_by):
        return str(bot.connected_by)
    admins = (p for p in _all(bot.account_id) if _is_other_admin(p, ""))
    first = min(admins, key=lambda person: person.created_at, default=None)
    return None if first is None else str(first.person_id)


def new_person(
    account_id: str, email: str, name: str, role: str, *, field: str, now: datetime
) -> tuple[Person, list[store.Write]]:
    """Make the user of a person-to-be and return what is to be written of him; then `keep` it."""
    email = email.strip().lower()
    if not is_email(email):
        raise errors.BadInput("An e-mail address, such as olena@example.com.", field=field)
    full_name = said(name, "admin_name" if field == "admin_email" else "name")
    person_id = ids.new("per", now)
    person = Person(
        partition=account_id,
        item=f"person#{person_id}",
        person_id=person_id,
        account_id=account_id,
        sub=users.make(email, field=field, now=now),
        email=email,
        name=full_name,
        role=role,
        created_at=now,
    )
    lookup = Lookup(
        key=f"sub#{person.sub}",
        account_id=account_id,
        subject_id=person_id,
        name=full_name,
        role=role,
    )
    return person, [
        store.Put(person, Person.item.does_not_exist()),
        store.Put(lookup, Lookup.key.does_not_exist()),
    ]


def keep(person: Person, writes: list[store.Write]) -> None:
    """Write a new person; where he surely was not written, his user goes again."""
    try:
        store.commit(writes)
    except Exception:
        # Without an answer the write may have happened all the same.
        if find(person.partition, person.person_id) is None:
            users.unmake(person.sub)
        raise


def _end_access(person: Person, *, by: Actor, now: datetime) -> None:
    for key in keys_made_by(person.partition, person.person_id):
        revoke_key(person.partition, key.key_id, by=by, now=now)
    users.unmake(person.sub)


def _all(account_id: str) -> list[Person]:
    found, cursor = people(account_id, limit=LISTED_MAX, cursor=None)
    while cursor is not None:
        more, cursor = people(account_id, limit=LISTED_MAX, cursor=cursor)
        found += more
    return found


def _is_other_admin(person: Person, person_id: str) -> bool:
    return person.role == ADMIN and person.removed_at is None and person.person_id != person_id
