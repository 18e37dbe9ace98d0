"""Accounts, their people and programs, what they did, and what is found without an account."""

from chalicelib import config
from chalicelib.tables.attributes import ExpiresAt, Instant, Json, Text, TextList
from chalicelib.tables.item import Item

PLATFORM = "platform"


class Account(Item):
    """A business; all accounts lie in the platform's partition, which only operators read."""

    class Meta:
        table_name = config.name_of("accounts")

    partition = Text(hash_key=True, default=PLATFORM)
    item = Text(range_key=True)
    account_id = Text()
    name = Text()
    time_zone = Text(default="Europe/Kyiv")
    language = Text(default="uk")
    created_at = Instant()
    created_by = Text()


class Person(Item):
    """Somebody who signs in: an operator of the platform, or an account's admin or agent."""

    class Meta:
        table_name = config.name_of("accounts")

    partition = Text(hash_key=True)
    item = Text(range_key=True)
    person_id = Text()
    account_id = Text()
    sub = Text()
    email = Text()
    name = Text()
    role = Text()
    created_at = Instant()
    removed_at = Instant(null=True)


class ApiKey(Item):
    """What an account sees of an API key; the key itself is shown once and never stored."""

    class Meta:
        table_name = config.name_of("accounts")

    partition = Text(hash_key=True)
    item = Text(range_key=True)
    key_id = Text()
    account_id = Text()
    name = Text()
    scopes = TextList()
    key_hash = Text()
    ending = Text()
    created_at = Instant()
    created_by = Text()
    revoked_at = Instant(null=True)


class AuditLine(Item):
    """Who changed what, and when; never changed afterwards."""

    class Meta:
        table_name = config.name_of("accounts")

    partition = Text(hash_key=True)
    item = Text(range_key=True)
    at = Instant()
    by = Text()
    by_name = Text(null=True)
    action = Text()
    subject = Text()
    facts = Json(default=dict)


class Lookup(Item):
    """What is found by a secret or a foreign name: a sign-in, an API key, a Viber bot, an end."""

    class Meta:
        table_name = config.name_of("lookups")

    key = Text(hash_key=True)
    account_id = Text(null=True)
    subject_id = Text(null=True)
    name = Text(null=True)
    role = Text(null=True)
    scopes = TextList(null=True)
    expires_at = ExpiresAt(null=True)
