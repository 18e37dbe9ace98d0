"""The DynamoDB models: what each item is, its key, and who finds it by which index.

Several models share a table where one transaction or one read wants them side by side. Keys
begin with the account or the bot; `docs/architecture.md` lists the few that cannot.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import (
    Attribute,
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    UnicodeAttribute,
)
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import LIST, NUMBER, STRING
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib import config

PLATFORM = "platform"
CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 3
TRIES_AFTER_THE_FIRST = 1

connection = Connection(
    region=config.region(),
    connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
    read_timeout_seconds=READ_TIMEOUT_SECONDS,
    max_retry_attempts=TRIES_AFTER_THE_FIRST,
    max_pool_connections=10,
)


class Whole(Attribute[int]):
    """A whole number of any size, never a float."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """Give DynamoDB's decimal text."""
        return str(int(value))

    def deserialize(self, value: str) -> int:
        """Read DynamoDB's decimal text."""
        return int(value)


class Instant(Attribute[datetime]):
    """An aware UTC datetime, kept as whole milliseconds so that it sorts and stays small."""

    attr_type = NUMBER

    def serialize(self, value: datetime) -> str:
        """Give milliseconds since 1970."""
        return str(round(value.timestamp() * 1000))

    def deserialize(self, value: str) -> datetime:
        """Read milliseconds since 1970."""
        return datetime.fromtimestamp(int(value) / 1000, UTC)


class TextList(Attribute[list[str]]):
    """A short list of texts, in order."""

    attr_type = LIST

    def serialize(self, value: list[str]) -> list[dict[str, str]]:
        """Give DynamoDB's list of typed values."""
        return [{STRING: each} for each in value]

    def deserialize(self, value: list[dict[str, str]]) -> list[str]:
        """Read DynamoDB's list of typed values."""
        return [each[STRING] for each in value]


class ExpiresAt(Instant):
    """When DynamoDB may drop the item: whole seconds, as its TTL wants them."""

    def serialize(self, value: datetime) -> str:
        """Give seconds since 1970."""
        return str(int(value.timestamp()))

    def deserialize(self, value: str) -> datetime:
        """Read seconds since 1970."""
        return datetime.fromtimestamp(int(value), UTC)


class Item(Model):
    """What all models share: one connection, hence one client and one session per container."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # PynamoDB opens a session and a client for every model; a cold start pays for one.
        table = super()._get_connection()
        if table.connection is not connection:
            if table.table_name not in connection._tables:
                beside = [model for model in ALL if model.Meta.table_name == table.table_name]
                widest = max(beside, key=lambda model: len(model._indexes))
                connection.add_meta_table(super(Item, widest)._get_connection().get_meta_table())
            table.connection = connection
        return table


class Due(GlobalSecondaryIndex[Any]):
    """What a schedule has to look at, in 16 shards per kind of work, oldest first."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    due_at = Instant(range_key=True)


class Conversation(Item):
    """Bot × subscriber: who he is, his current ticket, what was said last."""

    class Meta:
        table_name = config.name_of("conversations")

    key = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True, default="conversation")
    account_id = UnicodeAttribute()
    bot_id = UnicodeAttribute()
    subscriber_id = UnicodeAttribute()
    revision = Whole(default=0)
    contact_id = UnicodeAttribute(null=True)
    profile = UnicodeAttribute(null=True)
    is_subscribed = BooleanAttribute(default=False)
    subscription_at = Instant(null=True)
    context = UnicodeAttribute(null=True)
    context_at = Instant(null=True)
    welcomed_at = Instant(null=True)
    ticket_id = UnicodeAttribute(null=True)
    ticket_status = UnicodeAttribute(null=True)
    last_inbound_at = Instant(null=True)
    last_message_id = UnicodeAttribute(null=True)
    last_outgoing_id = UnicodeAttribute(null=True)
    tokens = TextList(default=list)


class Message(Item):
    """Anything said in a conversation: inbound, outgoing, note or system."""

    class Meta:
        table_name = config.name_of("conversations")

    due_index = Due()
    key = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    message_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    ticket_id = UnicodeAttribute()
    kind = UnicodeAttribute()
    content = JSONAttribute()
    at = Instant()
    received_at = Instant(null=True)
    token = UnicodeAttribute(null=True)
    author_id = UnicodeAttribute(null=True)
    author_name = UnicodeAttribute(null=True)
    file_id = UnicodeAttribute(null=True)
    file_state = UnicodeAttribute(null=True)
    file_facts = JSONAttribute(null=True)
    state = UnicodeAttribute(null=True)
    money = UnicodeAttribute(null=True)
    reply_id = UnicodeAttribute(null=True)
    sender_name = UnicodeAttribute(null=True)
    before_id = UnicodeAttribute(null=True)
    sending_at = Instant(null=True)
    sent_at = Instant(null=True)
    delivered_at = Instant(null=True)
    seen_at = Instant(null=True)
    failed_at = Instant(null=True)
    reason = UnicodeAttribute(null=True)
    viber_status = Whole(null=True)
    viber_words = UnicodeAttribute(null=True)
    billing_status = Whole(null=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = Instant(null=True)
    tries = Whole(null=True)


class TokenItem(Item):
    """One Viber token of a conversation: ours that a message was sent under, or an orphan's.

    The worker that writes the token of a sent message and the receipt that arrives under it
    meet on this item; whoever comes second finds what the first has left.
    """

    class Meta:
        table_name = config.name_of("conversations")

    key = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    token = UnicodeAttribute()
    message_id = UnicodeAttribute(null=True)
    sent_at = Instant(null=True)
    orphan_at = Instant(null=True)
    delivered_at = Instant(null=True)
    seen_at = Instant(null=True)
    failed_at = Instant(null=True)
    reason = UnicodeAttribute(null=True)
    expires_at = ExpiresAt()


class UnknownMark(Item):
    """Says that a message of this conversation is `unknown`, for an orphan receipt to find."""

    class Meta:
        table_name = config.name_of("conversations")

    key = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    message_id = UnicodeAttribute()
    sending_at = Instant()
    expires_at = ExpiresAt()


class Shelf(GlobalSecondaryIndex[Any]):
    """An account's tickets, active or not, by the subscriber's last word."""

    class Meta:
        index_name = "shelf"
        projection = AllProjection()

    shelf = UnicodeAttribute(hash_key=True)
    shelf_order = UnicodeAttribute(range_key=True)


class Ticket(Item):
    """A piece of work: status, assignee, participants, and what its row in the list shows."""

    class Meta:
        table_name = config.name_of("tickets")

    shelf_index = Shelf()
    key = UnicodeAttribute(hash_key=True)
    shelf = UnicodeAttribute()
    shelf_order = UnicodeAttribute()
    ticket_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    bot_id = UnicodeAttribute()
    subscriber_id = UnicodeAttribute()
    contact_id = UnicodeAttribute()
    contact_name = UnicodeAttribute(null=True)
    subject = UnicodeAttribute(default="")
    description = UnicodeAttribute(null=True)
    previous_ticket_id = UnicodeAttribute(null=True)
    status = UnicodeAttribute()
    assignee_id = UnicodeAttribute(null=True)
    participant_ids = TextList(default=list)
    is_unread = BooleanAttribute(default=True)
    preview = UnicodeAttribute(default="")
    preview_type = UnicodeAttribute(default="text")
    preview_kind = UnicodeAttribute(default="inbound")
    last_message_id = UnicodeAttribute()
    last_outgoing_id = UnicodeAttribute(null=True)
    last_inbound_at = Instant()
    created_at = Instant()
    updated_at = Instant()
    revision = Whole(default=0)


class Contact(Item):
    """The card of one subscriber in the account."""

    class Meta:
        table_name = config.name_of("contacts")

    due_index = Due()
    key = UnicodeAttribute(hash_key=True)
    contact_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    bot_id = UnicodeAttribute()
    subscriber_id = UnicodeAttribute()
    name = UnicodeAttribute(null=True)
    phone = UnicodeAttribute(null=True)
    country = UnicodeAttribute(null=True)
    language = UnicodeAttribute(null=True)
    api_version = Whole(null=True)
    avatar_url = UnicodeAttribute(null=True)
    avatar_file_id = UnicodeAttribute(null=True)
    avatar_copied_from = UnicodeAttribute(null=True)
    created_at = Instant()
    updated_at = Instant()
    due_shard = UnicodeAttribute(null=True)
    due_at = Instant(null=True)
    tries = Whole(null=True)


class BotsOfAccount(GlobalSecondaryIndex[Any]):
    """An account's bots, oldest first."""

    class Meta:
        index_name = "account"
        projection = AllProjection()

    account_id = UnicodeAttribute(hash_key=True)
    created_at = Instant(range_key=True)


class Bot(Item):
    """One Viber bot, connected by its key, with its settings."""

    class Meta:
        table_name = config.name_of("bots")

    account_index = BotsOfAccount()
    due_index = Due()
    bot_id = UnicodeAttribute(hash_key=True)
    account_id = UnicodeAttribute()
    created_at = Instant()
    revision = Whole(default=0)
    state = UnicodeAttribute()
    lease_until = Instant(null=True)
    key_sealed = BinaryAttribute(null=True, legacy_encoding=False)
    viber_id = UnicodeAttribute()
    name = UnicodeAttribute()
    uri = UnicodeAttribute()
    icon_url = UnicodeAttribute(null=True)
    icon_file_id = UnicodeAttribute(null=True)
    country = UnicodeAttribute(null=True)
    connected_by = UnicodeAttribute()
    connected_at = Instant(null=True)
    disconnected_at = Instant(null=True)
    settings = JSONAttribute(default=dict)
    webhook_state = UnicodeAttribute(null=True)
    webhook_checked_at = Instant(null=True)
    webhook_repaired_at = Instant(null=True)
    webhook_trouble = UnicodeAttribute(null=True)
    sending_stopped = Whole(null=True)
    initiated_stopped_until = Instant(null=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = Instant(null=True)


class Account(Item):
    """A business; all accounts lie in the platform's partition, which only operators read."""

    class Meta:
        table_name = config.name_of("accounts")

    partition = UnicodeAttribute(hash_key=True, default=PLATFORM)
    item = UnicodeAttribute(range_key=True)
    account_id = UnicodeAttribute()
    name = UnicodeAttribute()
    time_zone = UnicodeAttribute(default="Europe/Kyiv")
    language = UnicodeAttribute(default="uk")
    created_at = Instant()
    created_by = UnicodeAttribute()


class Person(Item):
    """Somebody who signs in: an operator of the platform, or an account's admin or agent."""

    class Meta:
        table_name = config.name_of("accounts")

    partition = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    person_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    sub = UnicodeAttribute()
    email = UnicodeAttribute()
    name = UnicodeAttribute()
    role = UnicodeAttribute()
    created_at = Instant()
    removed_at = Instant(null=True)


class ApiKey(Item):
    """What an account sees of an API key; the key itself is shown once and never stored."""

    class Meta:
        table_name = config.name_of("accounts")

    partition = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    key_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    name = UnicodeAttribute()
    scopes = TextList()
    key_hash = UnicodeAttribute()
    ending = UnicodeAttribute()
    created_at = Instant()
    created_by = UnicodeAttribute()
    revoked_at = Instant(null=True)


class AuditLine(Item):
    """Who changed what, and when; never changed afterwards."""

    class Meta:
        table_name = config.name_of("accounts")

    partition = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    at = Instant()
    by = UnicodeAttribute()
    by_name = UnicodeAttribute(null=True)
    action = UnicodeAttribute()
    subject = UnicodeAttribute()
    facts = JSONAttribute(default=dict)


class Lookup(Item):
    """What is found by a secret or a foreign name: a sign-in, an API key, a Viber bot, an end."""

    class Meta:
        table_name = config.name_of("lookups")

    key = UnicodeAttribute(hash_key=True)
    account_id = UnicodeAttribute(null=True)
    subject_id = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    role = UnicodeAttribute(null=True)
    scopes = TextList(null=True)
    expires_at = ExpiresAt(null=True)


class FirstAnswer(Item):
    """The first answer to an Idempotency-Key, and the plan of a reply too long for one write."""

    class Meta:
        table_name = config.name_of("answers")

    due_index = Due()
    key = UnicodeAttribute(hash_key=True)
    fingerprint = UnicodeAttribute()
    state = UnicodeAttribute()
    answer = JSONAttribute(null=True)
    plan = JSONAttribute(null=True)
    started_at = Instant()
    expires_at = ExpiresAt()
    due_shard = UnicodeAttribute(null=True)
    due_at = Instant(null=True)


class KeptCallback(Item):
    """A truly signed callback that could not be worked off, raw, with what went wrong."""

    class Meta:
        table_name = config.name_of("vault")

    due_index = Due()
    bot_id = UnicodeAttribute(hash_key=True)
    callback_id = UnicodeAttribute(range_key=True)
    account_id = UnicodeAttribute()
    received_at = Instant()
    body = BinaryAttribute(legacy_encoding=False)
    state = UnicodeAttribute()
    event = UnicodeAttribute(null=True)
    trouble = UnicodeAttribute()
    tries = Whole(default=0)
    replayed_at = Instant(null=True)
    expires_at = ExpiresAt()
    due_shard = UnicodeAttribute(null=True)
    due_at = Instant(null=True)


ALL: Sequence[type[Item]] = (
    Conversation,
    Message,
    TokenItem,
    UnknownMark,
    Ticket,
    Contact,
    Bot,
    Account,
    Person,
    ApiKey,
    AuditLine,
    Lookup,
    FirstAnswer,
    KeptCallback,
)
