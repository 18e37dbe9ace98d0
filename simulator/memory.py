"""A DynamoDB in memory: the operations and expressions that the store uses, and no others.

It stands where botocore's client stands, so a call costs microseconds. What is strict in the
real one and matters to money is strict here: all conditions of a transaction are judged before
any of it is written, an item appears in it once, a ClientRequestToken applies once, keys of an
index that are missing leave the item out of it. `heard` is told of every commit, as a stream
would tell.
"""

import bisect
import copy
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from simulator import expressions
from simulator.expressions import Item

ACTIONS_MAX = 10
BATCH_MAX = 25
_KEY_CONDITION = re.compile(
    r"\(?(?P<hash>[#\w]+) = (?P<partition>:\w+)"
    r"( AND (\w+ )?"
    r"((?P<range>[#\w]+) (?P<operator><=|>=|=|<|>) (?P<a>:\w+)"
    r"|[#\w]+ BETWEEN (?P<low>:\w+) AND (?P<high>:\w+)"
    r"|\([#\w]+, (?P<prefix>:\w+)\)))?\)?"
)
Key = tuple[Any, ...]


class Written(NamedTuple):
    """One item that a commit changed: before and after, None where it is not there."""

    table: str
    old: Item | None
    new: Item | None


class Index:
    """Items of a table by a partition and a sort key, in order."""

    def __init__(self, schema: list[dict[str, str]]) -> None:
        self.hash_name = schema[0]["AttributeName"]
        self.range_name = schema[1]["AttributeName"] if len(schema) > 1 else None
        self._partitions: dict[Any, list[tuple[Any, Key]]] = {}

    def _place(self, item: Item, key: Key) -> tuple[Any, tuple[Any, Key]] | None:
        names = (self.hash_name, self.range_name)
        if any(name is not None and name not in item for name in names):
            return None
        order = b"" if self.range_name is None else expressions.ordered(item[self.range_name])
        return expressions.ordered(item[self.hash_name]), (order, key)

    def add(self, item: Item, key: Key) -> None:
        """Put an item into its place, where it has the index's attributes."""
        place = self._place(item, key)
        if place is not None:
            bisect.insort(self._partitions.setdefault(place[0], []), place[1])

    def remove(self, item: Item, key: Key) -> None:
        """Take an item out of its place."""
        place = self._place(item, key)
        if place is not None:
            rows = self._partitions[place[0]]
            del rows[bisect.bisect_left(rows, place[1])]
            if not rows:
                del self._partitions[place[0]]

    def rows(self, partition: Any) -> list[tuple[Any, Key]]:
        """List a partition's rows in order."""
        return self._partitions.get(partition, [])

    def partitions(self) -> Iterator[tuple[Any, list[tuple[Any, Key]]]]:
        """Give all partitions with their rows."""
        return iter(self._partitions.items())


class Table:
    """One table with its items and indexes."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.names = tuple(each["AttributeName"] for each in description["KeySchema"])
        self.items: dict[Key, Item] = {}
        self.main = Index(description["KeySchema"])
        self.indexes: dict[str | None, Index] = {None: self.main}
        self.projected: dict[str, tuple[str, ...] | None] = {}
        for each in description.get("GlobalSecondaryIndexes", ()):
            name = each["IndexName"]
            self.indexes[name] = Index(each["KeySchema"])
            keys = tuple(key["AttributeName"] for key in each["KeySchema"])
            is_whole = each["Projection"]["ProjectionType"] == "ALL"
            self.projected[name] = None if is_whole else (*self.names, *keys)

    def key_of(self, item: Item) -> Key:
        """Give an item's key in the order of the table's names."""
        try:
            return tuple(item[name]["S"] for name in self.names)
        except KeyError as missing:
            raise refusal("ValidationException", f"the key {missing} is missing") from None

    def write(self, key: Key, item: Item | None) -> None:
        """Put or remove one item."""
        old = self.items.get(key)
        if old is not None:
            for index in self.indexes.values():
                index.remove(old, key)
        if item is None:
            self.items.pop(key, None)
            return
        self.items[key] = item
        for index in self.indexes.values():
            index.add(item, key)


class Database:
    """All tables; its methods are those of botocore's client for DynamoDB that the store calls."""

    def __init__(self, tables: list[dict[str, Any]]) -> None:
        self.tables = {each["TableName"]: Table(each) for each in tables}
        self.descriptions = {each["TableName"]: each for each in tables}
        self.heard: Callable[[list[Written]], None] = lambda _: None
        self._tokens: dict[str, Any] = {}

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Read one item."""
        table = self._table(request)
        item = table.items.get(table.key_of(request["Key"]))
        return {} if item is None else {"Item": copy.copy(item)}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Read items of several tables."""
        found: dict[str, list[Item]] = {}
        for name, wanted in request["RequestItems"].items():
            table = self.tables[name]
            keys = [table.key_of(key) for key in wanted["Keys"]]
            if len(set(keys)) != len(keys):
                raise refusal("ValidationException", "Provided list of item keys has duplicates")
            found[name] = [copy.copy(table.items[key]) for key in keys if key in table.items]
        return {"Responses": found, "UnprocessedKeys": {}}

    def query(self, **request: Any) -> dict[str, Any]:
        """Read one page of a partition, of the table or of an index."""
        table = self._table(request)
        name = request.get("IndexName")
        index = table.indexes[name]
        partition, low, high = _asked(request, index)
        rows = index.rows(partition)
        first, last = low(rows), high(rows)
        start = request.get("ExclusiveStartKey")
        is_forward = request.get("ScanIndexForward", True)
        limit = request.get("Limit")
        if start is not None:
            after = _row(index, table, start)
            if is_forward:
                first = max(first, bisect.bisect_right(rows, after))
            else:
                last = min(last, bisect.bisect_left(rows, after))
        count = max(last - first, 0) if limit is None else min(max(last - first, 0), limit)
        found = rows[first : first + count] if is_forward else rows[last - count : last][::-1]
        read = [(row[1], table.items[row[1]]) for row in found]
        given = [self._seen(table, name, item) for _, item in read]
        wanted = request.get("FilterExpression")
        answer: dict[str, Any] = {
            "Items": [each for each in given if expressions.is_true(wanted, each, request)],
            "ScannedCount": len(read),
        }
        if read and len(read) == limit:
            # As Amazon's: a page that ends with the partition is told of as any other full one.
            names = {*table.names, index.hash_name, index.range_name} - {None}
            answer["LastEvaluatedKey"] = {each: read[-1][1][each] for each in names}
        return answer

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Write one item."""
        self._alone({"Put": request})
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Change one item; gives it as it is afterwards."""
        written = self._alone({"Update": request})
        return {"Attributes": written.new} if "ReturnValues" in request else {}

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Remove one item."""
        self._alone({"Delete": request})
        return {}

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        """Put items of several tables, without conditions; they are no transaction."""
        wanted = [
            (name, each["PutRequest"])
            for name, some in request["RequestItems"].items()
            for each in some
        ]
        if not 0 < len(wanted) <= BATCH_MAX:
            raise refusal("ValidationException", f"{len(wanted)} items")
        for name, put in wanted:
            self._alone({"Put": {"TableName": name, **put}})
        return {"UnprocessedItems": {}}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """Write all or nothing; a token that was applied before does nothing again."""
        actions, token = request["TransactItems"], request.get("ClientRequestToken")
        if token in self._tokens:
            if self._tokens[token] != actions:
                raise refusal("IdempotentParameterMismatchException", "other actions")
            return {}
        if not 0 < len(actions) <= ACTIONS_MAX:
            raise refusal("ValidationException", f"{len(actions)} actions")
        planned = [self._planned(action) for action in actions]
        if len({(each.name, each.key) for each in planned}) != len(planned):
            raise refusal("ValidationException", "two actions on one item")
        if not all(each.is_allowed for each in planned):
            raise _cancelled(planned)
        self._write([each for each in planned if each.is_write])
        if token is not None:
            self._tokens[token] = actions
            while len(self._tokens) > 200:
                del self._tokens[next(iter(self._tokens))]
        return {}

    def _make_api_call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        # PynamoDB's connection calls botocore by the operation's name.
        if operation == "DescribeTable":
            raise refusal("ValidationException", "tables are described by their models")
        methods = {"Query": self.query, "GetItem": self.get_item, "PutItem": self.put_item}
        return methods[operation](**request)

    def _alone(self, action: dict[str, Any]) -> Written:
        planned = self._planned(action)
        if not planned.is_allowed:
            raise refusal("ConditionalCheckFailedException", "The conditional request failed")
        self._write([planned])
        return Written(planned.name, planned.old, planned.new)

    def _planned(self, action: dict[str, Any]) -> "_Planned":
        ((kind, request),) = action.items()
        table = self._table(request)
        is_put = kind == "Put"
        key = table.key_of(request["Item"] if is_put else request["Key"])
        old = table.items.get(key)
        try:
            is_allowed = expressions.is_true(request.get("ConditionExpression"), old, request)
            if not is_allowed or kind == "ConditionCheck":
                new = old
            elif is_put:
                new = dict(request["Item"])
            elif kind == "Delete":
                new = None
            else:
                new = expressions.updated(
                    request["UpdateExpression"], old or dict(request["Key"]), request
                )
        except (expressions.Invalid, KeyError) as error:
            raise refusal("ValidationException", str(error)) from None
        _refuse_empty_keys(table, new)
        gives_old = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        is_write = kind != "ConditionCheck"
        return _Planned(request["TableName"], key, old, new, is_allowed, is_write, gives_old)

    def _write(self, planned: list["_Planned"]) -> None:
        for each in planned:
            self.tables[each.name].write(each.key, each.new)
        self.heard([Written(each.name, each.old, each.new) for each in planned])

    def _table(self, request: dict[str, Any]) -> Table:
        found = self.tables.get(request["TableName"])
        if found is None:
            raise refusal("ResourceNotFoundException", request["TableName"])
        return found

    def _seen(self, table: Table, index: str | None, item: Item) -> Item:
        names = None if index is None else table.projected[index]
        if names is None:
            return copy.copy(item)
        return {name: item[name] for name in names if name in item}


class _Planned(NamedTuple):
    name: str
    key: Key
    old: Item | None
    new: Item | None
    is_allowed: bool
    is_write: bool
    gives_old: bool


def refusal(code: str, message: str, **more: Any) -> ClientError:
    """Make the error that botocore raises for an answer of this code."""
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, "Simulated")


def cancelled(codes: list[str]) -> ClientError:
    """Make the error of a transaction cancelled for these reasons, one for each action."""
    reasons = [{"Code": code} for code in codes]
    return refusal("TransactionCanceledException", str(codes), CancellationReasons=reasons)


def _cancelled(planned: list[_Planned]) -> ClientError:
    reasons: list[dict[str, Any]] = []
    for each in planned:
        reason: dict[str, Any] = {
            "Code": "None" if each.is_allowed else "ConditionalCheckFailed",
        }
        if not each.is_allowed and each.gives_old and each.old is not None:
            reason["Item"] = copy.copy(each.old)
        reasons.append(reason)
    codes = [reason["Code"] for reason in reasons]
    return refusal("TransactionCanceledException", str(codes), CancellationReasons=reasons)


Bound = Callable[[list[tuple[Any, Key]]], int]


def _asked(request: dict[str, Any], index: Index) -> tuple[Any, Bound, Bound]:
    """Read a key condition: the one partition it asks for, and from where to where in it."""
    names = request.get("ExpressionAttributeNames") or {}
    found = _KEY_CONDITION.fullmatch(request["KeyConditionExpression"])
    if found is None or names.get(found["hash"], found["hash"]) != index.hash_name:
        raise refusal("ValidationException", "Query key condition not supported")
    asked = {
        name: expressions.ordered(request["ExpressionAttributeValues"][value])
        for name, value in found.groupdict().items()
        if value is not None and value.startswith(":")
    }

    def at(place: Callable[..., int], value: Any) -> Bound:
        return lambda rows: place(rows, value, key=_order)

    low: Bound = lambda rows: 0  # noqa: E731
    high: Bound = len
    match found["operator"]:
        case "=":
            low, high = at(bisect.bisect_left, asked["a"]), at(bisect.bisect_right, asked["a"])
        case "<=":
            high = at(bisect.bisect_right, asked["a"])
        case "<":
            high = at(bisect.bisect_left, asked["a"])
        case ">=":
            low = at(bisect.bisect_left, asked["a"])
        case ">":
            low = at(bisect.bisect_right, asked["a"])
    if "low" in asked:
        low, high = at(bisect.bisect_left, asked["low"]), at(bisect.bisect_right, asked["high"])
    elif "prefix" in asked:
        # No text that begins so is greater than this one: UTF-8 never has the byte 0xff.
        beyond = asked["prefix"] + b"\xff"
        low, high = at(bisect.bisect_left, asked["prefix"]), at(bisect.bisect_left, beyond)
    return asked["partition"], low, high


def _order(row: tuple[Any, Key]) -> Any:
    return row[0]


def _row(index: Index, table: Table, start: Item) -> tuple[Any, Key]:
    order = b"" if index.range_name is None else expressions.ordered(start[index.range_name])
    return order, table.key_of(start)


def _refuse_empty_keys(table: Table, item: Item | None) -> None:
    if item is None:
        return
    for index in table.indexes.values():
        for name in (index.hash_name, index.range_name):
            if name is not None and item.get(name) == {"S": ""}:
                raise refusal("ValidationException", f"the key {name} is an empty text")
