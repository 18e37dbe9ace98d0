"""One read: items by their keys, a page of a list, what is due."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pynamodb.attributes import Attribute
from pynamodb.exceptions import QueryError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib import errors, tables
from chalicelib.store import cursors
from chalicelib.store.asking import TRIES_MAX, asked, code_of, pause

SHARDS = 16
BATCH_GET_MAX = 100

M = TypeVar("M", bound=Model)


def get(model: type[M], key: str, item: str | None = None) -> M | None:
    """Read one item consistently, or None."""
    request = {
        "TableName": model.Meta.table_name,
        "Key": _key_at(model, (key,) if item is None else (key, item)),
        "ConsistentRead": True,
    }
    answer = asked(lambda: tables.connection.client.get_item(**request))
    raw = answer.get("Item")
    return None if raw is None else model.from_raw_data(raw)


def read(*wanted: tuple[type[Model], str, str | None]) -> list[Any]:
    """Read items of any tables consistently, 100 a round trip, None for each that is not there.

    Not a snapshot: what is decided on them is guarded by conditions.
    """
    found: list[Any] = []
    for first in range(0, len(wanted), BATCH_GET_MAX):
        found += _read_together(wanted[first : first + BATCH_GET_MAX])
    return found


def page(
    model: type[M],
    hash_key: str,
    range_condition: Condition | None = None,
    *,
    limit: int,
    cursor: str | None = None,
    newest_first: bool = False,
    index: str | None = None,
    filtered_by: Condition | None = None,
) -> tuple[list[M], str | None]:
    """Read one page of a partition in one round trip, and the cursor of the next.

    A filter is applied to what the page read, so a filtered page may be short or empty while
    its cursor still goes on. Raises BadInput for a cursor that is none of ours.
    """
    table = model._get_connection().table_name
    names = tuple(tables.connection.get_meta_table(table).get_key_names(index))
    start = None if cursor is None else cursors.opened(cursor, names, hash_key)
    try:
        answer = asked(
            lambda: tables.connection.query(
                table,
                hash_key,
                range_key_condition=range_condition,
                filter_condition=filtered_by,
                limit=limit,
                exclusive_start_key=start,
                index_name=index,
                consistent_read=index is None,
                scan_index_forward=not newest_first,
            )
        )
    except QueryError as error:
        # DynamoDB refuses a start outside of the query's own bounds.
        if cursor is not None and code_of(error) == "ValidationException":
            raise cursors.foreign() from None
        raise
    last = answer.get("LastEvaluatedKey")
    sealed = None if last is None else cursors.closed(last)
    return [model.from_raw_data(raw) for raw in answer["Items"]], sealed


def due(
    model: type[M],
    kind: str,
    now: datetime,
    *,
    at_most: int = 200,
    index: str = "due",
    instant: Attribute[datetime] = tables.Due.due_at,
) -> Iterator[M]:
    """Yield what is due of a kind, each read afresh: one query per shard, then what it found.

    `index` is sorted by `instant`, which an item that is not due any more has lost or moved.
    """
    by_then = instant <= now
    # Beginning anywhere, no account's load keeps the others' shards waiting every time.
    first = random.randrange(SHARDS)  # noqa: S311
    for shard in (each % SHARDS for each in range(first, first + SHARDS)):
        stale, _ = page(model, f"{kind}#{shard:02}", by_then, limit=at_most, index=index)
        for keys in stale:
            fresh = get(model, *_key_of(keys))
            # The index follows its table with a delay: what was settled meanwhile is not due.
            at = getattr(fresh, str(instant.attr_name), None)
            if fresh is not None and at is not None and at <= now:
                yield fresh


def shard_of(kind: str, cause: str) -> str:
    """Name the shard of a due index that this cause always lies in."""
    return f"{kind}#{hashlib.sha256(cause.encode()).digest()[0] % SHARDS:02}"


def _read_together(wanted: Sequence[tuple[type[Model], str, str | None]]) -> list[Any]:
    keys: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
    names: dict[str, tuple[str, ...]] = {}
    places: list[tuple[type[Model], str, tuple[str, ...]]] = []
    for model, hash_key, range_key in wanted:
        table = model.Meta.table_name
        place = (hash_key,) if range_key is None else (hash_key, range_key)
        names[table] = tables.key_names(model)
        keys.setdefault(table, {})[place] = _key_at(model, place)
        places.append((model, table, place))
    found = {
        (table, tuple(raw[name]["S"] for name in names[table])): raw
        for table, raw in _batch_get({table: list(each.values()) for table, each in keys.items()})
    }
    return [
        model.from_raw_data(found[table, place]) if (table, place) in found else None
        for model, table, place in places
    ]


def _batch_get(keys: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    left: dict[str, Any] = {
        table: {"Keys": wanted, "ConsistentRead": True} for table, wanted in keys.items()
    }
    for tried in range(TRIES_MAX):
        if tried:
            pause(tried)
        request = {"RequestItems": left}
        answer = asked(lambda: tables.connection.client.batch_get_item(**request))  # noqa: B023
        for table, found in answer["Responses"].items():
            for raw in found:
                yield table, raw
        left = answer.get("UnprocessedKeys") or {}
        if not left:
            return
    raise errors.Busy("The store did not give everything asked for; send the request again.")


def _key_at(model: type[Model], place: tuple[str, ...]) -> dict[str, Any]:
    names = tables.key_names(model)
    return {name: {"S": value} for name, value in zip(names, place, strict=True)}


def _key_of(item: Model) -> tuple[str, ...]:
    return tuple(getattr(item, name) for name in tables.key_names(type(item)))
