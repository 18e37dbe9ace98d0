"""DynamoDB's expressions, evaluated over one item: conditions, filters, keys and updates.

An expression's text is read once; its names and values are looked up at each use. Only what
the code under test writes is known here, and anything else is an error at once.
"""

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

Typed = dict[str, Any]
Item = dict[str, Typed]

_TOKEN = re.compile(r"\s*(?:(<>|<=|>=|[=<>(),+\-])|([#:]?[A-Za-z0-9_]+))")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_CLAUSES = ("SET", "REMOVE")


class Invalid(Exception):
    """DynamoDB would refuse this expression."""


class Given(NamedTuple):
    """What an expression is evaluated over."""

    item: Item
    names: dict[str, str]
    values: dict[str, Typed]


Operand = Callable[[Given], Typed | None]
Condition = Callable[[Given], bool]


def is_true(text: str | None, item: Item | None, request: dict[str, Any]) -> bool:
    """Evaluate a condition of a request over an item, None for one that is not there."""
    return text is None or _condition(text)(_given(item, request))


def updated(text: str, item: Item, request: dict[str, Any]) -> Item:
    """Give the item as an update expression of a request leaves it; all of it reads the old."""
    given = _given(item, request)
    changed = dict(item)
    for name, operand in _update(text):
        place = _name(name, given)
        value = None if operand is None else operand(given)
        if operand is None:
            changed.pop(place, None)
        elif value is None:
            raise Invalid("an attribute of the update expression is not in the item")
        else:
            changed[place] = value
    return changed


def ordered(typed: Typed) -> Any:
    """Give a key's value in a form that sorts as DynamoDB sorts it."""
    ((kind, value),) = typed.items()
    return int(value) if kind == "N" else value.encode() if kind == "S" else value


def _given(item: Item | None, request: dict[str, Any]) -> Given:
    return Given(
        item or {},
        request.get("ExpressionAttributeNames") or {},
        request.get("ExpressionAttributeValues") or {},
    )


@functools.lru_cache(maxsize=4096)
def _condition(text: str) -> Condition:
    reader = _Reader(text)
    condition = reader.condition()
    reader.end()
    return condition


@functools.lru_cache(maxsize=4096)
def _update(text: str) -> list[tuple[str, Operand | None]]:
    reader = _Reader(text)
    found: list[tuple[str, Operand | None]] = []
    while not reader.is_over:
        clause = reader.take()
        if clause not in _CLAUSES:
            raise Invalid(f"an update clause {clause!r}")
        while True:
            name = reader.take()
            if clause == "SET":
                reader.take("=")
                found.append((name, reader.sum()))
            else:
                found.append((name, None))
            if not reader.takes(","):
                break
    return found


def _name(token: str, given: Given) -> str:
    return given.names[token] if token.startswith("#") else token


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        place = 0
        while place < len(text.rstrip()):
            found = _TOKEN.match(text, place)
            if found is None:
                raise Invalid(f"the expression {text!r} at {place}")
            self._tokens.append(found[1] or found[2])
            place = found.end()
        self._at = 0

    @property
    def is_over(self) -> bool:
        return self._at == len(self._tokens)

    def end(self) -> None:
        if not self.is_over:
            raise Invalid(f"what follows in {self._tokens}")

    def peek(self) -> str:
        return "" if self.is_over else self._tokens[self._at]

    def takes(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self._at += 1
        return True

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        if not token or wanted not in (None, token):
            raise Invalid(f"{wanted or 'more'} is missing at {self._at} in {self._tokens}")
        self._at += 1
        return token

    def condition(self) -> Condition:
        parts = [self._and()]
        while self.takes("OR"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda given: any(part(given) for part in parts)

    def _and(self) -> Condition:
        parts = [self._not()]
        while self.takes("AND"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda given: all(part(given) for part in parts)

    def _not(self) -> Condition:
        if self.takes("NOT"):
            inner = self._not()
            return lambda given: not inner(given)
        if self.takes("("):
            nested = self.condition()
            self.take(")")
            return nested
        if self.peek() in _FUNCTIONS:
            return self._function(self.take())
        return self._comparison()

    def _function(self, name: str) -> Condition:
        self.take("(")
        operands = [self.operand()]
        while self.takes(","):
            operands.append(self.operand())
        self.take(")")
        says = _FUNCTIONS[name]
        return lambda given: says(*(operand(given) for operand in operands))

    def _comparison(self) -> Condition:
        left = self.operand()
        operator = self.take()
        if operator == "BETWEEN":
            low = self.operand()
            self.take("AND")
            high = self.operand()
            return lambda given: (
                _compare(">=", left(given), low(given)) and _compare("<=", left(given), high(given))
            )
        if operator == "IN":
            self.take("(")
            among = [self.operand()]
            while self.takes(","):
                among.append(self.operand())
            self.take(")")
            return lambda given: any(_compare("=", left(given), each(given)) for each in among)
        right = self.operand()
        return lambda given: _compare(operator, left(given), right(given))

    def sum(self) -> Operand:
        left = self.operand()
        if self.peek() not in ("+", "-"):
            return left
        sign = 1 if self.take() == "+" else -1
        right = self.operand()
        return lambda given: _added(left(given), right(given), sign)

    def operand(self) -> Operand:
        token = self.take()
        if token == "if_not_exists":
            self.take("(")
            path = self.operand()
            self.take(",")
            other = self.operand()
            self.take(")")
            return lambda given: path(given) or other(given)
        if token.startswith(":"):
            return lambda given: given.values[token]
        if not token.startswith("#") and not token.isidentifier():
            raise Invalid(f"{token!r} as an operand")
        return lambda given: given.item.get(_name(token, given))


def _added(left: Typed | None, right: Typed | None, sign: int) -> Typed:
    if left is None or right is None or "N" not in left or "N" not in right:
        raise Invalid("only numbers that are there can be added")
    return {"N": str(int(left["N"]) + sign * int(right["N"]))}


def _compare(operator: str, left: Typed | None, right: Typed | None) -> bool:
    if left is None or right is None:
        # An attribute that is not there equals nothing, and differs from everything.
        return operator == "<>"
    is_same_kind = left.keys() == right.keys()
    if operator in ("=", "<>"):
        is_equal = is_same_kind and _plain(left) == _plain(right)
        return is_equal == (operator == "=")
    return is_same_kind and _COMPARED[operator](_plain(left), _plain(right))


def _plain(typed: Typed) -> Any:
    ((kind, value),) = typed.items()
    if kind == "N":
        return int(value)
    return value.encode() if kind == "S" else value


def _begins(path: Typed | None, prefix: Typed | None) -> bool:
    if path is None or prefix is None or path.keys() != prefix.keys():
        return False
    return bool(_plain(path).startswith(_plain(prefix)))


def _contains(path: Typed | None, part: Typed | None) -> bool:
    if path is None or part is None:
        return False
    ((kind, value),) = path.items()
    if kind == "L":
        return part in value
    return path.keys() == part.keys() and _plain(part) in _plain(path)


_FUNCTIONS: dict[str, Callable[..., bool]] = {
    "attribute_exists": lambda path: path is not None,
    "attribute_not_exists": lambda path: path is None,
    "attribute_type": lambda path, kind: path is not None and kind["S"] in path,
    "begins_with": _begins,
    "contains": _contains,
}
