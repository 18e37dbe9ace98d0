"""API keys, for an account's programs."""

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib import people
from chalicelib.tables import ApiKey
from chalicelib.web import ADMINS, Call, Empty, NameText, Nouns, Page, PageQuery, page_limit

nouns = Nouns()

Scope = Annotated[str, msgspec.Meta(extra_json_schema={"enum": people.SCOPES})]


class ApiKeyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new key: what it is for and what it may do."""

    name: NameText
    scopes: Annotated[list[Scope], msgspec.Meta(extra_json_schema={"minItems": 1})]


class ApiKeyOut(msgspec.Struct, frozen=True):
    """A key as it can be shown: `key` itself only in the answer that made it."""

    key_id: str
    name: str
    scopes: list[str]
    ending: str
    created_at: datetime
    revoked_at: datetime | None
    key: str | None = None


@nouns.route_to("GET", "/v1/api-keys", roles=ADMINS, query=PageQuery, answer=list[ApiKeyOut])
def list_keys(call: Call[Empty, PageQuery]) -> Page:
    """List the account's API keys."""
    found, cursor = people.keys(
        call.account_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([_out(key) for key in found], cursor)


@nouns.route_to("POST", "/v1/api-keys", roles=ADMINS, body=ApiKeyIn, answer=ApiKeyOut, status=201)
def make_key(call: Call[ApiKeyIn, Empty]) -> ApiKeyOut:
    """Make an API key; this answer is the only one that shows it."""
    key, secret = people.make_key(
        call.account_id,
        name=call.body.name,
        scopes=call.body.scopes,
        by=call.actor,
        now=call.now,
    )
    return msgspec.structs.replace(_out(key), key=secret)


@nouns.route_to(
    "DELETE", "/v1/api-keys/{key_id}", roles=ADMINS, answer=None, status=204, problems=(404,)
)
def revoke_key(call: Call[Empty, Empty], key_id: str) -> None:
    """End an API key at once."""
    people.revoke_key(call.account_id, key_id, by=call.actor, now=call.now)


def _out(key: ApiKey) -> ApiKeyOut:
    return ApiKeyOut(
        key.key_id, key.name, list(key.scopes), key.ending, key.created_at, key.revoked_at
    )
