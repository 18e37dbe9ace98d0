"""People and programs: accounts, who may sign in to them, and their API keys.

accounts    the platform's accounts
members     their people: invited, found, removed
keys        their programs' API keys
users       Cognito's half of a person
saying      names, addresses and time zones as people write them

Cognito keeps passwords; we keep who somebody is. A person is found by Cognito's `sub`, a
program by the hash of its key, both in the lookups table, so that an end takes effect at once.
"""

from chalicelib.people.accounts import LANGUAGES, account, accounts, make_account
from chalicelib.people.keys import (
    KEY_CHARACTERS,
    KEY_PREFIX,
    SCOPES,
    hash_of,
    keys,
    make_key,
    revoke_key,
)
from chalicelib.people.members import (
    ADMIN,
    AGENT,
    OPERATOR,
    find,
    invite,
    is_here,
    make_operator,
    people,
    person,
    remove,
    wanted,
    who_takes,
)
from chalicelib.people.saying import EMAIL_MAX_CHARACTERS, is_email
from chalicelib.people.users import end_sign_in

__all__ = [
    "ADMIN",
    "AGENT",
    "EMAIL_MAX_CHARACTERS",
    "KEY_CHARACTERS",
    "KEY_PREFIX",
    "LANGUAGES",
    "OPERATOR",
    "SCOPES",
    "account",
    "accounts",
    "end_sign_in",
    "find",
    "hash_of",
    "invite",
    "is_email",
    "is_here",
    "keys",
    "make_account",
    "make_key",
    "make_operator",
    "people",
    "person",
    "remove",
    "revoke_key",
    "wanted",
    "who_takes",
]
