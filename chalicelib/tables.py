"""The DynamoDB models: what each item is, its key, and who finds it by which index.

Several models share a table where one transaction or one read wants them side by side. Keys
begin with the account or the bot; `docs/architecture.md` lists the few that cannot.
"""

import functools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import msgspec
from pynamodb.attributes import Attribute, BinaryAttribute, BooleanAttribute, UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import LIST, NULL, NUMBER, STRING
from pynamodb.exceptions import AttributeNullError
from pynamodb.expressions.update import SetAction
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib import config

T = TypeVar("T")

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


class Assign(SetAction):
    """Sets one attribute to a plain value; PynamoDB's general way costs several times as much."""

    def __init__(self, attribute: Attribute[Any], value: Any) -> None:
        self._name = attribute.attr_name
        self._value = {attribute.attr_type: attribute.serialize(value)}

    def serialize(self, placeholder_names: dict[str, str], values: dict[str, Any]) -> str:
        """Write the action with its placeholders."""
        name = placeholder_names.setdefault(self._name, f"#{len(placeholder_names)}")
        value = f":{len(values)}"
        values[value] = self._value
        return f"{name} = {value}"


class Quick(Attribute[T]):
    """An attribute at the top of its item, set by `Assign` where the value is a plain one."""

    def set(self, value: Any) -> Any:
        """Give the action that sets this attribute, to a value or to another expression."""
        if not isinstance(value, PLAIN):
            return super().set(value)
        return Assign(self, value)


PLAIN = (str, int, bool, datetime, list, dict, bytes)


class Text(Quick[str], UnicodeAttribute):
    """A text."""


class Flag(Quick[bool], BooleanAttribute):
    """True or false."""


class Binary(Quick[bytes], BinaryAttribute):
    """Bytes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(legacy_encoding=False, **options)


class Json(Quick[Any]):
    """Any JSON value, as text: Cyrillic takes its two bytes a letter and not six."""

    attr_type = STRING

    def serialize(self, value: Any) -> str:
        """Write JSON."""
        return msgspec.json.encode(value).decode()

    def deserialize(self, value: str) -> Any:
        """Read JSON."""
        return msgspec.json.decode(value)


class Whole(Quick[int]):
    """A whole number of any size, never a float."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """Give DynamoDB's decimal text."""
        return str(int(value))

    def deserialize(self, value: str) -> int:
        """Read DynamoDB's decimal text."""
        return int(value)


class Instant(Quick[datetime]):
    """An aware UTC datetime, kept as whole milliseconds so that it sorts and stays small."""

    attr_type = NUMBER

    def serialize(self, value: datetime) -> str:
        """Give milliseconds since 1970."""
        return str(round(value.timestamp() * 1000))

    def deserialize(self, value: str) -> datetime:
        """Read milliseconds since 1970."""
        return datetime.fromtimestamp(int(value) / 1000, UTC)


class TextList(Quick[list[str]]):
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
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Make an item of what DynamoDB gave; what it did not give has its default."""
        item = cls.__new__(cls)
        values = item.attribute_values = {
            name: default() if callable(default) else default for name, default in _defaults(cls)
        }
        attributes, names = cls.get_attributes(), cls._dynamo_to_python_attrs  # type: ignore[attr-defined]
        for raw_name, typed in data.items():
            name = names.get(raw_name, raw_name)
            attribute = attributes.get(name)
            if attribute is None:
                continue
            ((attribute_type, value),) = typed.items()
            if attribute_type != NULL:
                values[name] = attribute.deserialize(value)
        return item

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:
        """Give what has a value as DynamoDB wants it; AttributeNullError where one is missing."""
        attributes, values = self.get_attributes(), self.attribute_values
        missing = [name for name in _required(type(self)) if values.get(name) is None]
        if null_check and missing:
            raise AttributeNullError(missing[0])
        raw: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if value is not None:
                attribute = attributes[name]
                raw[attribute.attr_name] = {attribute.attr_type: attribute.serialize(value)}
        return raw

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


@functools.cache
def _defaults(model: type[Item]) -> tuple[tuple[str, Any], ...]:
    attributes = model.get_attributes().items()
    return tuple((name, each.default) for name, each in attributes if each.default is not None)


@functools.cache
def key_names(model: type[Model]) -> tuple[str, ...]:
    """Name the attributes of a model's key; all of ours are texts."""
    names = (model._hash_keyname, model._range_keyname)
    return tuple(name for name in names if name is not None)


@functools.cache
def _required(model: type[Item]) -> tuple[str, ...]:
    return tuple(name for name, each in model.get_attributes().items() if not each.null)


class Due(GlobalSecondaryIndex[Any]):
    """What a schedule has to look at, in 16 shards per kind of work, oldest first."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = Text(hash_key=True)
    due_at = Instant(range_key=True)


class Conversation(Item):
    """Bot × subscriber: who he is, his current ticket, what was said last."""

    class Meta:
        table_name = config.name_of("conversations")

    key = Text(hash_key=True)
    item = Text(range_key=True, default="conversation")
    account_id = Text()
    bot_id = Text()
    subscriber_id = Text()
    revision = Whole(default=0)
    contact_id = Text(null=True)
    profile = Text(null=True)
    is_subscribed = Flag(default=False)
    subscription_at = Instant(null=True)
    context = Text(null=True)
    context_at = Instant(null=True)
    welcomed_at = Instant(null=True)
    ticket_id = Text(null=True)
    ticket_status = Text(null=True)
    last_inbound_at = Instant(null=True)
    last_message_id = Text(null=True)
    last_outgoing_id = Text(null=True)
    tokens = TextList(default=list)


class Message(Item):
    """Anything said in a conversation: inbound, outgoing, note or system."""

    class Meta:
        table_name = config.name_of("conversations")

    due_index = Due()
    key = Text(hash_key=True)
    item = Text(range_key=True)
    message_id = Text()
    account_id = Text()
    ticket_id = Text()
    kind = Text()
    content = Json()
    at = Instant()
    received_at = Instant(null=True)
    token = Text(null=True)
    author_id = Text(null=True)
    author_name = Text(null=True)
    file_id = Text(null=True)
    file_state = Text(null=True)
    file_facts = Json(null=True)
    state = Text(null=True)
    money = Text(null=True)
    sender_name = Text(null=True)
    before_id = Text(null=True)
    sending_at = Instant(null=True)
    sending_by = Text(null=True)
    sent_at = Instant(null=True)
    delivered_at = Instant(null=True)
    seen_at = Instant(null=True)
    failed_at = Instant(null=True)
    reason = Text(null=True)
    viber_status = Whole(null=True)
    viber_words = Text(null=True)
    billing_status = Whole(null=True)
    due_shard = Text(null=True)
    due_at = Instant(null=True)
    tries = Whole(null=True)


class TokenItem(Item):
    """One Viber token of a conversation: ours that a message was sent under, or an orphan's.

    The worker that writes the token of a sent message and the receipt that arrives under it
    meet on this item; whoever comes second finds what the first has left.
    """

    class Meta:
        table_name = config.name_of("conversations")

    key = Text(hash_key=True)
    item = Text(range_key=True)
    token = Text()
    message_id = Text(null=True)
    sent_at = Instant(null=True)
    orphan_at = Instant(null=True)
    arrived_at = Instant(null=True)
    delivered_at = Instant(null=True)
    seen_at = Instant(null=True)
    failed_at = Instant(null=True)
    reason = Text(null=True)
    expires_at = ExpiresAt()


class Shelf(GlobalSecondaryIndex[Any]):
    """An account's tickets, active or not, by the subscriber's last word."""

    class Meta:
        index_name = "shelf"
        projection = AllProjection()

    shelf = Text(hash_key=True)
    shelf_order = Text(range_key=True)


class Ticket(Item):
    """A piece of work: status, assignee, participants, and what its row in the list shows."""

    class Meta:
        table_name = config.name_of("tickets")

    shelf_index = Shelf()
    key = Text(hash_key=True)
    shelf = Text()
    shelf_order = Text()
    ticket_id = Text()
    account_id = Text()
    bot_id = Text()
    subscriber_id = Text()
    contact_id = Text()
    contact_name = Text(null=True)
    subject = Text(default="")
    description = Text(null=True)
    previous_ticket_id = Text(null=True)
    status = Text()
    assignee_id = Text(null=True)
    participant_ids = TextList(default=list)
    is_unread = Flag(default=True)
    preview = Text(default="")
    preview_type = Text(default="text")
    preview_kind = Text(default="inbound")
    last_message_id = Text()
    last_outgoing_id = Text(null=True)
    last_inbound_at = Instant()
    created_at = Instant()
    updated_at = Instant()
    revision = Whole(default=0)


class Contact(Item):
    """The card of one subscriber in the account."""

    class Meta:
        table_name = config.name_of("contacts")

    due_index = Due()
    key = Text(hash_key=True)
    contact_id = Text()
    account_id = Text()
    bot_id = Text()
    subscriber_id = Text()
    name = Text(null=True)
    phone = Text(null=True)
    country = Text(null=True)
    language = Text(null=True)
    api_version = Whole(null=True)
    avatar_url = Text(null=True)
    avatar_file_id = Text(null=True)
    avatar_copied_from = Text(null=True)
    created_at = Instant()
    updated_at = Instant()
    due_shard = Text(null=True)
    due_at = Instant(null=True)
    tries = Whole(null=True)


class BotsOfAccount(GlobalSecondaryIndex[Any]):
    """An account's bots, oldest first."""

    class Meta:
        index_name = "account"
        projection = AllProjection()

    account_id = Text(hash_key=True)
    created_at = Instant(range_key=True)


class Bot(Item):
    """One Viber bot, connected by its key, with its settings."""

    class Meta:
        table_name = config.name_of("bots")

    account_index = BotsOfAccount()
    due_index = Due()
    bot_id = Text(hash_key=True)
    account_id = Text()
    created_at = Instant()
    revision = Whole(default=0)
    state = Text()
    lease_until = Instant(null=True)
    key_sealed = Binary(null=True)
    viber_id = Text()
    name = Text()
    uri = Text()
    icon_url = Text(null=True)
    icon_file_id = Text(null=True)
    country = Text(null=True)
    connected_by = Text()
    connected_at = Instant(null=True)
    disconnected_at = Instant(null=True)
    settings = Json(default=dict)
    webhook_state = Text(null=True)
    webhook_checked_at = Instant(null=True)
    webhook_repaired_at = Instant(null=True)
    webhook_trouble = Text(null=True)
    sending_stopped = Whole(null=True)
    initiated_stopped_until = Instant(null=True)
    due_shard = Text(null=True)
    due_at = Instant(null=True)


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


class FirstAnswer(Item):
    """The first answer to an Idempotency-Key, and the plan of a reply too long for one write."""

    class Meta:
        table_name = config.name_of("answers")

    due_index = Due()
    key = Text(hash_key=True)
    fingerprint = Text()
    state = Text()
    answer = Json(null=True)
    plan = Json(null=True)
    started_at = Instant()
    expires_at = ExpiresAt()
    due_shard = Text(null=True)
    due_at = Instant(null=True)


class KeptCallback(Item):
    """A truly signed callback that could not be worked off, raw, with what went wrong."""

    class Meta:
        table_name = config.name_of("vault")

    due_index = Due()
    bot_id = Text(hash_key=True)
    callback_id = Text(range_key=True)
    account_id = Text()
    received_at = Instant()
    body = Binary()
    state = Text()
    event = Text(null=True)
    trouble = Text()
    tries = Whole(default=0)
    replayed_at = Instant(null=True)
    expires_at = ExpiresAt()
    due_shard = Text(null=True)
    due_at = Instant(null=True)


ALL: Sequence[type[Item]] = (
    Conversation,
    Message,
    TokenItem,
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
