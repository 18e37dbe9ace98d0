"""What all models share: one connection, how an item is read and written, the due index."""

import functools
from typing import Any, Self

from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import NULL
from pynamodb.exceptions import AttributeNullError
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib import config
from chalicelib.tables.attributes import Instant, Text

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


class Item(Model):
    """What all models share: one connection, hence one client and one session per container."""

    def __init__(self, **values: Any) -> None:
        """Make an item of these values; what is not among them has its default."""
        cls = type(self)
        if not cls.get_attributes().keys() >= values.keys():
            unknown = sorted(values.keys() - cls.get_attributes().keys())
            raise TypeError(f"{cls.__name__} has no {', '.join(unknown)}")
        self.attribute_values = _defaults(cls) | values

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Make an item of what DynamoDB gave; what it did not give has its default."""
        item = cls.__new__(cls)
        values = item.attribute_values = _defaults(cls)
        attributes = cls.get_attributes()
        for name, typed in data.items():
            attribute = attributes.get(name)
            if attribute is not None:
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
                raw[name] = {attribute.attr_type: attribute.serialize(value)}
        return raw

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # PynamoDB opens a session and a client for every model; a cold start pays for one.
        table = super()._get_connection()
        if table.connection is not connection:
            if table.table_name not in connection._tables:
                name = table.table_name
                beside = [each for each in Item.__subclasses__() if each.Meta.table_name == name]
                widest = max(beside, key=lambda model: len(model._indexes))
                connection.add_meta_table(super(Item, widest)._get_connection().get_meta_table())
            table.connection = connection
        return table


def _defaults(model: type[Item]) -> dict[str, Any]:
    return {
        name: default() if callable(default) else default
        for name, default in _attributes_with_defaults(model)
    }


@functools.cache
def _attributes_with_defaults(model: type[Item]) -> tuple[tuple[str, Any], ...]:
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
