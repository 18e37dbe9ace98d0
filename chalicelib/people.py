"""People and programs: accounts, who may sign in to them, and their API keys.

Cognito keeps passwords; we keep who somebody is. A person is found by Cognito's `sub`, a
program by the hash of its key, both in the lookups table, so that an end takes effect at once.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Any

from chalicelib import audit, aws, config, errors, ids, store
from chalicelib.audit import Actor
from chalicelib.tables import PLATFORM, Account, ApiKey, Bot, Lookup, Person

OPERATOR, ADMIN, AGENT = "operator", "admin", "agent"
SCOPES = (
    "tickets:read",
    "tickets:write",
    "bots:read",
    "bots:write",
    "people:read",
    "billing:read",
    "billing:write",
)
LANGUAGES = ("uk", "ru", "ro", "en")
KEY_PREFIX = "vd_"
KEY_CHARACTERS = len(KEY_PREFIX) + 43
"""The prefix and 32 random bytes in base64."""

LISTED_MAX = 200
INVITED_WITHIN = timedelta(minutes=5)
# Cognito: a user name has at most 128 characters.
EMAIL_MAX_CHARACTERS = 128

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def make_account(
    *,
    name: str,
    admin_email: str,
    admin_name: str,
    time_zone: str,
    language: str,
    by: Actor,
    now: datetime,
) -> Account:
    """Make an account and invite its first admin by e-mail."""
    _check_zone(time_zone)
    if language not in LANGUAGES:
        raise errors.BadInput(f"One of {', '.join(LANGUAGES)}.", field="language")
    account_id = ids.new("acc", now)
    account = Account(
        partition=PLATFORM,
        item=f"account#{account_id}",
        account_id=account_id,
        name=_said(name, "name"),
        time_zone=time_zone,
        language=language,
        created_at=now,
        created_by=by.actor_id,
    )
    person, writes = _person(
        account_id, admin_email, admin_name, ADMIN, field="admin_email", now=now
    )
    try:
        store.commit(
            [
                store.Put(account, Account.item.does_not_exist()),
                *writes,
                audit.line(PLATFORM, by, "account made", account_id, now, name=name),
                audit.line(account_id, by, "person invited", person.person_id, now, role=ADMIN),
            ]
        )
    except Exception:
        # Without an answer the write may have happened all the same.
        if find(account_id, person.person_id) is None:
            _unmake_user(person.sub)
        raise
    return account


def accounts(*, limit: int, cursor: str | None) -> tuple[list[Account], str | None]:
    """List all accounts, for operators."""
    return store.page(
        Account, PLATFORM, Account.item.startswith("account#"), limit=limit, cursor=cursor
    )


def account(account_id: str) -> Account:
    """Read one account."""
    found = store.get(Account, PLATFORM, f"account#{account_id}")
    if found is None:
        raise errors.NotFound("There is no such account.")
    return found


def invite(
    account_id: str, *, email: str, name: str, role: str, by: Actor, now: datetime
) -> Person:
    """Let somebody sign in to an account; Cognito sends him a first password by e-mail.

    Raises Conflict when the address signs in already, here or in another account.
    """
    person, writes = _person(account_id, email, name, role, field="email", now=now)
    try:
        store.commit(
            [
                *writes,
                audit.line(account_id, by, "person invited", person.person_id, now, role=role),
            ]
        )
    except Exception:
        # Without an answer the write may have happened all the same.
        if find(account_id, person.person_id) is None:
            _unmake_user(person.sub)
        raise
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


def _end_access(person: Person, *, by: Actor, now: datetime) -> None:
    for key in _keys_made_by(person.partition, person.person_id):
        revoke_key(person.partition, key.key_id, by=by, now=now)
    _unmake_user(person.sub)


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


def make_key(
    account_id: str, *, name: str, scopes: list[str], by: Actor, now: datetime
) -> tuple[ApiKey, str]:
    """Make an API key; its secret is returned this once and only its hash is kept."""
    import secrets

    foreign = [scope for scope in scopes if scope not in SCOPES]
    if foreign or not scopes:
        raise errors.BadInput(f"At least one of {', '.join(SCOPES)}.", field="scopes")
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        partition=account_id,
        item=f"api-key#{(key_id := ids.new('key', now))}",
        key_id=key_id,
        account_id=account_id,
        name=_said(name, "name"),
        scopes=sorted(set(scopes)),
        key_hash=hash_of(secret),
        ending=secret[-4:],
        created_at=now,
        created_by=by.actor_id,
    )
    lookup = Lookup(
        key=f"api-key#{key.key_hash}",
        account_id=account_id,
        subject_id=key_id,
        name=key.name,
        scopes=key.scopes,
    )
    store.commit(
        [
            store.Put(key, ApiKey.item.does_not_exist()),
            store.Put(lookup, Lookup.key.does_not_exist()),
            # Who is being removed beside this must not leave a key behind.
            store.Check(
                Person(partition=account_id, item=f"person#{by.actor_id}"),
                Person.item.exists() & Person.removed_at.does_not_exist(),
                fails_as=errors.Forbidden("You no longer belong to this account."),
            ),
            audit.line(
                account_id, by, "API key made", key_id, now, name=key.name, scopes=key.scopes
            ),
        ]
    )
    return key, secret


def keys(account_id: str, *, limit: int, cursor: str | None) -> tuple[list[ApiKey], str | None]:
    """List an account's API keys, revoked ones too."""
    return store.page(
        ApiKey, account_id, ApiKey.item.startswith("api-key#"), limit=limit, cursor=cursor
    )


def revoke_key(account_id: str, key_id: str, *, by: Actor, now: datetime) -> None:
    """End an API key at once; revoking it again changes nothing."""
    key = store.get(ApiKey, account_id, f"api-key#{key_id}")
    if key is None:
        raise errors.NotFound("There is no such API key.")
    if key.revoked_at is not None:
        return
    store.commit(
        [
            store.Update(
                ApiKey(partition=account_id, item=key.item),
                ApiKey.item.exists(),
                actions=(ApiKey.revoked_at.set(now),),
            ),
            store.Delete(Lookup(key=f"api-key#{key.key_hash}")),
            audit.line(account_id, by, "API key revoked", key_id, now, name=key.name),
        ]
    )


def _keys_made_by(account_id: str, person_id: str) -> list[ApiKey]:
    found, cursor = keys(account_id, limit=LISTED_MAX, cursor=None)
    while cursor is not None:
        more, cursor = keys(account_id, limit=LISTED_MAX, cursor=cursor)
        found += more
    return [key for key in found if key.created_by == person_id and key.revoked_at is None]


def hash_of(secret: str) -> str:
    """Hash an API key as it is stored: 256 random bits need no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def end_sign_in(sign_in_id: str, until: datetime) -> None:
    """Refuse every token of one sign-in from now on, until none of them could be used anyway."""
    store.put(Lookup(key=f"ended#{sign_in_id}", expires_at=until + timedelta(hours=2)))


def _person(
    account_id: str, email: str, name: str, role: str, *, field: str, now: datetime
) -> tuple[Person, list[store.Write]]:
    email = email.strip().lower()
    if not is_email(email):
        raise errors.BadInput("An e-mail address, such as olena@example.com.", field=field)
    said = _said(name, "admin_name" if field == "admin_email" else "name")
    person_id = ids.new("per", now)
    person = Person(
        partition=account_id,
        item=f"person#{person_id}",
        person_id=person_id,
        account_id=account_id,
        sub=_make_user(email, field=field, now=now),
        email=email,
        name=said,
        role=role,
        created_at=now,
    )
    lookup = Lookup(
        key=f"sub#{person.sub}",
        account_id=account_id,
        subject_id=person_id,
        name=said,
        role=role,
    )
    return person, [
        store.Put(person, Person.item.does_not_exist()),
        store.Put(lookup, Lookup.key.does_not_exist()),
    ]


def _make_user(email: str, *, field: str, now: datetime) -> str:
    cognito = aws.client("cognito-idp")
    try:
        return _create_user(email)
    except cognito.exceptions.UsernameExistsException:
        if not _is_left_over(email, now=now):
            raise errors.Conflict(
                "Somebody signs in with this address already.", field=field
            ) from None
        return _create_user(email)
    except cognito.exceptions.InvalidParameterException:
        raise errors.BadInput("An e-mail address that can receive mail.", field=field) from None
    except cognito.exceptions.LimitExceededException:
        raise errors.TooManyRequests(
            "No more invitations can be mailed today; invite again tomorrow."
        ) from None


def _create_user(email: str) -> str:
    answer = aws.client("cognito-idp").admin_create_user(
        UserPoolId=config.user_pool_id(),
        Username=email,
        UserAttributes=[
            {"Name": "email", "Value": email},
            {"Name": "email_verified", "Value": "true"},
        ],
        DesiredDeliveryMediums=["EMAIL"],
    )
    return _sub(answer["User"]["Attributes"])


def _is_left_over(email: str, *, now: datetime) -> bool:
    """Say whether Cognito knows an address that nobody signs in with, and make room for it.

    Such a user is left by an invitation that died half-way; a young one may be under way.
    """
    cognito = aws.client("cognito-idp")
    user = cognito.admin_get_user(UserPoolId=config.user_pool_id(), Username=email)
    sub = _sub(user["UserAttributes"])
    is_young = now - user["UserCreateDate"] < INVITED_WITHIN
    if is_young or store.get(Lookup, f"sub#{sub}") is not None:
        return False
    _unmake_user(sub)
    return True


def _unmake_user(sub: str) -> None:
    cognito = aws.client("cognito-idp")
    try:
        cognito.admin_delete_user(UserPoolId=config.user_pool_id(), Username=sub)
    except cognito.exceptions.UserNotFoundException:
        return


def _sub(attributes: list[dict[str, Any]]) -> str:
    return next(str(each["Value"]) for each in attributes if each["Name"] == "sub")


def find(account_id: str, person_id: str) -> Person | None:
    """Read a person of this account, removed or not, or None."""
    return store.get(Person, account_id, f"person#{person_id}")


def _all(account_id: str) -> list[Person]:
    found, cursor = people(account_id, limit=LISTED_MAX, cursor=None)
    while cursor is not None:
        more, cursor = people(account_id, limit=LISTED_MAX, cursor=cursor)
        found += more
    return found


def _is_other_admin(person: Person, person_id: str) -> bool:
    return person.role == ADMIN and person.removed_at is None and person.person_id != person_id


def is_email(text: str) -> bool:
    """Say whether a text has the form of an e-mail address."""
    return len(text) <= EMAIL_MAX_CHARACTERS and _EMAIL.fullmatch(text) is not None


def _said(text: str, field: str) -> str:
    said = " ".join(text.split())
    if not 0 < len(said) <= 100 or _CONTROL.search(said):
        raise errors.BadInput("1 to 100 characters, no control characters.", field=field)
    return said


def _check_zone(time_zone: str) -> None:

    from zoneinfo import available_timezones

    if time_zone not in available_timezones():
        raise errors.BadInput(
            "A time zone of the IANA list, such as Europe/Kyiv.", field="time_zone"
        )
