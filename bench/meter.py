"""Counts what happens between two points: round trips, items, and units by AWS's rules.

It listens to botocore's own events, so it sees every HTTP request, tries again included. What
lies in the store before and after a write it reads through a client of its own, uncounted.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

from bench import units
from bench.units import Index, Item, Write
from tools import resources

STORE = "dynamodb"
SINGLE = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}
PLACEHOLDER = re.compile(r"[#:]\w+")


@dataclass
class Count:
    """What one operation took."""

    round_trips: int = 0
    other_calls: Counter[str] = field(default_factory=Counter)
    write_units: int = 0
    read_units: float = 0
    items_written: int = 0
    largest_item_bytes: int = 0
    lines: list[str] = field(default_factory=list)


class Table(NamedTuple):
    """A table's key and indexes, as the template says."""

    keys: tuple[str, ...]
    indexes: tuple[Index, ...]


class Meter:
    """Counts while it is entered; `observer` is a client of the same store that nobody counts."""

    def __init__(self, clients: Iterable[Any], observer: Any, stage: str) -> None:
        self._clients = list(clients)
        self._observer = observer
        self._tables = {each["TableName"]: _table(each) for each in resources.tables(stage)}
        self._before: list[Item | None] = []
        self._params: dict[str, Any] = {}
        self.count = Count()

    def __enter__(self) -> Self:
        for client in self._clients:
            events = client.meta.events
            events.register_first("before-send", self._sent, unique_id="meter-sent")
            if client.meta.service_model.service_name == STORE:
                events.register("provide-client-params", self._begun, unique_id="meter-begun")
                events.register("after-call", self._done, unique_id="meter-done")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients:
            events = client.meta.events
            events.unregister("before-send", unique_id="meter-sent")
            events.unregister("provide-client-params", unique_id="meter-begun")
            events.unregister("after-call", unique_id="meter-done")

    def call(self, service: str) -> None:
        """Count one call that does not go through botocore, such as Viber's."""
        self.count.other_calls[service] += 1

    def _sent(self, event_name: str, **_: Any) -> None:
        service = event_name.split(".")[1]
        if service == STORE:
            self.count.round_trips += 1
        else:
            self.count.other_calls[service] += 1

    def _begun(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self._params = params
        self._before = [self._stored(action) for _, action in _actions(model.name, params)]

    def _done(self, model: Any, http_response: Any, **_: Any) -> None:
        has_failed = http_response.status_code >= 400
        actions = list(_actions(model.name, self._params))
        if actions:
            for (kind, action), before in zip(actions, self._before, strict=True):
                self._write(model.name, kind, action, before, has_failed=has_failed)
        else:
            self._read(model.name)

    def _write(
        self,
        operation: str,
        kind: str,
        action: Mapping[str, Any],
        before: Item | None,
        *,
        has_failed: bool,
    ) -> None:
        # What a failed update would have made is not known; its old item is the best measure.
        after = action["Item"] if kind == "Put" and has_failed else self._stored(action)
        write = Write(before, after, operation == "TransactWriteItems", has_failed)
        table = action["TableName"]
        cost = units.write_units(write, self._tables[table].indexes)
        size = max(units.item_bytes(before or {}), units.item_bytes(after or {}))
        self.count.write_units += cost
        self.count.items_written += not has_failed and kind != "ConditionCheck"
        self.count.largest_item_bytes = max(self.count.largest_item_bytes, size)
        key = self._key(action)
        name = "/".join(next(iter(value.values())) for value in key.values())
        self.count.lines.append(
            f"{operation:18} {kind:6} {table.rpartition('-')[2]:13} {size:5} bytes {cost} units"
            f"{' FAILED' if has_failed else ''}  {name[-60:]}"
        )

    def _read(self, operation: str) -> None:
        match operation:
            case "GetItem":
                cost = self._read_keys([(self._params, self._params["Key"])])
            case "BatchGetItem":
                asked = self._params["RequestItems"].items()
                wanted = [({"TableName": t} | w, key) for t, w in asked for key in w["Keys"]]
                cost = self._read_keys(wanted)
            case "Query":
                cost = self._query()
            case _:
                raise ValueError(f"nobody has told the meter what {operation} costs")
        self.count.read_units += cost
        self.count.lines.append(f"{operation:18} {cost:g} read units")

    def _read_keys(self, wanted: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> float:
        cost = 0.0
        for request, key in wanted:
            found = self._observer.get_item(TableName=request["TableName"], Key=key).get("Item")
            is_consistent = bool(request.get("ConsistentRead"))
            cost += units.read_units([units.item_bytes(found or {})], is_consistent=is_consistent)
        return cost

    def _query(self) -> float:
        # The filter is left out, for what it drops is paid for as well.
        asked = {name: value for name, value in self._params.items() if name != "FilterExpression"}
        used = set(PLACEHOLDER.findall(asked["KeyConditionExpression"]))
        for names in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            asked[names] = {n: v for n, v in self._params.get(names, {}).items() if n in used}
        found = self._observer.query(**{name: value for name, value in asked.items() if value})
        size_bytes = sum(units.item_bytes(item) for item in found["Items"])
        return units.query_units(size_bytes, is_consistent=bool(asked.get("ConsistentRead")))

    def _stored(self, action: Mapping[str, Any]) -> Item | None:
        item: Item | None = self._observer.get_item(
            TableName=action["TableName"], Key=self._key(action), ConsistentRead=True
        ).get("Item")
        return item

    def _key(self, action: Mapping[str, Any]) -> dict[str, Any]:
        given = action.get("Key") or action["Item"]
        return {name: given[name] for name in self._tables[action["TableName"]].keys}


def _actions(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if operation in SINGLE:
        yield SINGLE[operation], params
    elif operation == "TransactWriteItems":
        for each in params["TransactItems"]:
            yield from each.items()
    elif operation == "BatchWriteItem":
        for table, wanted in params["RequestItems"].items():
            for each in wanted:
                yield "Put", {"TableName": table} | each["PutRequest"]


def _table(told: Mapping[str, Any]) -> Table:
    keys = _names(told["KeySchema"])
    indexes = []
    for index in told.get("GlobalSecondaryIndexes", ()):
        projection = index["Projection"]
        carries = tuple(projection.get("NonKeyAttributes", ()))
        is_all = projection["ProjectionType"] == "ALL"
        index_keys = _names(index["KeySchema"])
        indexes.append(Index(index["IndexName"], index_keys, keys, None if is_all else carries))
    return Table(keys, tuple(indexes))


def _names(schema: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in schema)
