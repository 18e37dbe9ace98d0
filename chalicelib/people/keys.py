"""API keys: what programs may do, under a secret that only its maker has seen."""

import hashlib
from datetime import datetime

from chalicelib import audit, errors, ids, store
from chalicelib.audit import Actor
from chalicelib.people.saying import said
from chalicelib.tables import ApiKey, Lookup, Person

SCOPES = (
    "tickets:read",
    "tickets:write",
    "bots:read",
    "bots:write",
    "people:read",
    "billing:read",
    "billing:write",
)
KEY_PREFIX = "vd_"
KEY_CHARACTERS = len(KEY_PREFIX) + 43
"""The prefix and 32 random bytes in base64."""

LISTED_MAX = 200


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
        name=said(name, "name"),
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


def keys_made_by(account_id: str, person_id: str) -> list[ApiKey]:
    """Read the keys of a person that are not revoked."""
    found, cursor = keys(account_id, limit=LISTED_MAX, cursor=None)
    while cursor is not None:
        more, cursor = keys(account_id, limit=LISTED_MAX, cursor=cursor)
        found += more
    return [key for key in found if key.created_by == person_id and key.revoked_at is None]


def hash_of(secret: str) -> str:
    """Hash an API key as it is stored: 256 random bits need no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()
