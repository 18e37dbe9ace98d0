"""What an attribute of an item can be: how its value is kept in DynamoDB and set in an update."""

from datetime import UTC, datetime
from typing import Any, TypeVar, overload

import msgspec
from pynamodb.attributes import Attribute, BinaryAttribute, BooleanAttribute, UnicodeAttribute
from pynamodb.constants import LIST, NUMBER, STRING
from pynamodb.expressions.update import SetAction

T = TypeVar("T")
Same = TypeVar("Same", bound="Quick[Any]")


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
    """An attribute at the top of its item, under its own name: PynamoDB's way, only shorter.

    Handlers read some sixty attributes; PynamoDB asks each time whether it lies in a map.
    """

    def __set_name__(self, owner: type[Any], name: str) -> None:
        super().__set_name__(owner, name)
        self._own_name = name

    @overload
    def __get__(self: Same, instance: None, owner: Any) -> Same: ...

    @overload
    def __get__(self, instance: Any, owner: Any) -> T: ...

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else instance.attribute_values.get(self._own_name)

    def __set__(self, instance: Any, value: T | None) -> None:
        instance.attribute_values[self._own_name] = value

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
