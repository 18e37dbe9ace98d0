"""One read and one transaction: the only place that talks to DynamoDB about more than one item.

Domain modules return writes, the flow that called them commits them here together. A failed
condition is read by its cancellation code and told in this order: what I meant to write is
there already, what I decided on has changed, a limit is reached. Conflicts and throttling are
no verdict: they are tried again within bounds.
"""

import base64
import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute
from pynamodb.exceptions import PynamoDBException, QueryError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.expressions.update import Update as Changes
from pynamodb.models import Model

from chalicelib import errors, tables
from chalicelib.log import log

ACTIONS_MAX = 10
TRIES_MAX = 6
ASKED_MAX = 3
INSISTS_MAX = 3
FIRST_PAUSE_SECONDS = 0.025
PAUSE_MAX_SECONDS = 0.8
SHARDS = 16
BATCH_GET_MAX = 100
BATCH_WRITE_MAX = 25

M = TypeVar("M", bound=Model)
T = TypeVar("T")

CONFLICTS = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",
        "ThrottlingException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "InternalServerError",
        "ServiceUnavailable",
    }
)


class AlreadyThere(Exception):
    """My own fact was written before; `item` is what lies there (raw attributes)."""

    def __init__(self, model: type[Model], raw_item: dict[str, Any] | None) -> None:
        super().__init__(model.__name__)
        self.item = model.from_raw_data(raw_item) if raw_item else None


class Changed(Exception):
    """A version that the decision was made on is no longer the one stored: decide again."""


MINE = "mine"
VERSION = "version"


class Write(msgspec.Struct, frozen=True):
    """One action of a transaction, and what its failed condition means.

    `fails_as` is MINE (my fact is there already), VERSION (decide again) or the refusal to
    raise. A write without a condition cannot fail by itself.
    """

    item: Any
    condition: Any = None
    fails_as: Any = VERSION


class Put(Write, frozen=True):
    """Writes the whole item."""


class Update(Write, frozen=True):
    """Changes some attributes of the item with this one's key."""

    actions: tuple[Any, ...] = ()


class Delete(Write, frozen=True):
    """Removes the item with this one's key."""


class Check(Write, frozen=True):
    """Writes nothing, and lets the transaction through only if its condition holds."""


def commit(writes: Sequence[Write]) -> None:
    """Write all or nothing: at most 10 actions, under one ClientRequestToken.

    Raises AlreadyThere, Changed, a write's own refusal, or Busy when the store stayed
    contended or did not answer through all tries. After Busy the writes may or may not have
    happened; every flow can be begun again with the same cause.
    """
    if not 0 < len(writes) <= ACTIONS_MAX:
        raise ValueError(f"{len(writes)} actions do not fit a transaction of {ACTIONS_MAX}")
    request = {
        "TransactItems": [_action(write) for write in writes],
        "ClientRequestToken": str(uuid.uuid4()),
    }
    for tried in range(TRIES_MAX):
        if tried:
            pause(tried)
        try:
            tables.connection.client.transact_write_items(**request)
        except (BotoCoreError, ClientError) as error:
            if _code(error) == "TransactionCanceledException":
                _read_reasons(writes, error.response["CancellationReasons"], error)
            elif not _may_pass(error):
                raise
            log.info("transaction not confirmed", code=_code(error), tried=tried + 1)
        else:
            return
    raise errors.Busy(
        "The store did not confirm the write, and may have made it; send the same request again."
    )


def put(item: Model, condition: Condition | None = None, *, fails_as: str = VERSION) -> None:
    """Write one item outside a transaction, at half its price; fails like `commit`."""
    request = _put_request(item, condition)
    try:
        _asked(lambda: tables.connection.client.put_item(**request))
    except ClientError as error:
        _tell_single(error, type(item), fails_as)


def put_all(items: Sequence[Model]) -> None:
    """Write items without conditions, 25 a request; they replace what lies there."""
    for first in range(0, len(items), BATCH_WRITE_MAX):
        wanted: dict[str, Any] = {}
        for item in items[first : first + BATCH_WRITE_MAX]:
            put = {"PutRequest": {"Item": item.serialize()}}
            wanted.setdefault(item.Meta.table_name, []).append(put)
        _batch_write(wanted)


def update(item: M, actions: Sequence[Action], condition: Condition) -> M:
    """Change one item outside a transaction and return it as it is now; Changed if it may not."""
    request = _update_request(item, actions, condition) | {"ReturnValues": "ALL_NEW"}
    try:
        answer = _asked(lambda: tables.connection.client.update_item(**request))
    except ClientError as error:
        _tell_single(error, type(item), VERSION)
    return type(item).from_raw_data(answer["Attributes"])


def get(model: type[M], key: str, item: str | None = None) -> M | None:
    """Read one item consistently, or None."""
    request = {
        "TableName": model.Meta.table_name,
        "Key": _key_at(model, (key,) if item is None else (key, item)),
        "ConsistentRead": True,
    }
    answer = _asked(lambda: tables.connection.client.get_item(**request))
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
    start = None if cursor is None else _opened(cursor, names, hash_key)
    try:
        answer = _asked(
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
        if cursor is not None and _code(error) == "ValidationException":
            raise _foreign_cursor() from None
        raise
    last = answer.get("LastEvaluatedKey")
    sealed = None if last is None else _closed(last)
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


def again(decide: Callable[[], T], *, times: int = TRIES_MAX) -> T:
    """Decide and commit, afresh as often as a version changed underneath; then Busy."""
    for tried in range(times):
        if tried:
            pause(tried)
        try:
            return decide()
        except Changed:
            continue
    raise errors.Busy("Too many others are changing the same thing; send the request again.")


def insist(decide: Callable[[], T]) -> T:
    """Decide and commit like `again`, a few times through Busy too: for what nobody else knows."""
    for _ in range(INSISTS_MAX - 1):
        try:
            return again(decide)
        except errors.Busy:
            log.warning("store is busy, and what is to be written is known only here")
    return again(decide)


def pause(tried: int) -> None:
    """Wait before another try: longer each time, and never in step with the others."""
    time.sleep(random.uniform(0, min(PAUSE_MAX_SECONDS, FIRST_PAUSE_SECONDS * 2**tried)))  # noqa: S311


def _action(write: Write) -> dict[str, Any]:
    item, condition = write.item, write.condition
    match write:
        case Put():
            action = {"Put": _put_request(item, condition)}
        case Update(actions=actions):
            action = {"Update": _update_request(item, actions, condition)}
        case Delete():
            action = {"Delete": _expressed(item, condition) | {"Key": _key(item)}}
        case _:
            action = {"ConditionCheck": _expressed(item, condition) | {"Key": _key(item)}}
    if write.fails_as == MINE:
        # The old item comes back with a failed condition, so that a repeat needs no second read.
        for request in action.values():
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return action


def _put_request(item: Any, condition: Condition | None) -> dict[str, Any]:
    return _expressed(item, condition) | {"Item": item.serialize()}


def _update_request(
    item: Any, actions: Sequence[Action], condition: Condition | None
) -> dict[str, Any]:
    return _expressed(item, condition, actions) | {"Key": _key(item)}


def _expressed(
    item: Any, condition: Condition | None, actions: Sequence[Action] = ()
) -> dict[str, Any]:
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    request: dict[str, Any] = {"TableName": item.Meta.table_name}
    if actions:
        request["UpdateExpression"] = Changes(*actions).serialize(names, values)
    if condition is not None:
        request["ConditionExpression"] = condition.serialize(names, values)
    if names:
        request["ExpressionAttributeNames"] = {short: name for name, short in names.items()}
    if values:
        request["ExpressionAttributeValues"] = values
    return request


def _key(item: Model) -> dict[str, Any]:
    return {name: {"S": getattr(item, name)} for name in tables.key_names(type(item))}


def _key_at(model: type[Model], place: tuple[str, ...]) -> dict[str, Any]:
    names = tables.key_names(model)
    return {name: {"S": value} for name, value in zip(names, place, strict=True)}


def _read_reasons(writes: Sequence[Write], reasons: list[dict[str, Any]], error: Exception) -> None:
    """Raise what the failed conditions mean; return where others were in the way."""
    failed = [
        (write, reason.get("Item"))
        for write, reason in zip(writes, reasons, strict=True)
        if reason.get("Code") == "ConditionalCheckFailed"
    ]
    codes = {reason.get("Code", "None") for reason in reasons}
    only_refused = all(isinstance(write.fails_as, Exception) for write, _ in failed)
    # A refusal beside a conflict is no verdict yet: the other may be writing my own fact.
    if failed and not (only_refused and codes & CONFLICTS):
        _tell(failed)
    if not codes <= CONFLICTS | {"None", "ConditionalCheckFailed"}:
        raise error


def _tell(failed: list[tuple[Write, dict[str, Any] | None]]) -> None:
    for write, raw_item in failed:
        if write.fails_as == MINE:
            raise AlreadyThere(type(write.item), raw_item)
    for write, _ in failed:
        if write.fails_as == VERSION:
            raise Changed(type(write.item).__name__)
    for write, _ in failed:
        if isinstance(write.fails_as, Exception):
            raise write.fails_as
    raise AssertionError("a failed condition that says nothing")


def _tell_single(error: ClientError, model: type[Model], fails_as: str) -> NoReturn:
    if _code(error) != "ConditionalCheckFailedException":
        raise error
    if fails_as == MINE:
        raise AlreadyThere(model, None) from None
    raise Changed(model.__name__) from None


def _asked(send: Callable[[], T]) -> T:
    """Make one call, again within bounds where it was throttled or not answered; then Busy."""
    for tried in range(ASKED_MAX):
        if tried:
            pause(tried)
        try:
            return send()
        except (PynamoDBException, BotoCoreError, ClientError) as error:
            if not _may_pass(error):
                raise
            log.warning("store did not answer", tried=tried + 1, error=str(error)[:200])
    raise errors.Busy("The store did not answer; send the same request again.")


def _may_pass(error: Exception) -> bool:
    code = _code(error)
    # No code at all means no answer: a time-out, or a connection that broke.
    return code in CONFLICTS or (code is None and isinstance(_cause(error), BotoCoreError))


def _code(error: Exception) -> str | None:
    # PynamoDB's own property fails for errors of the connection, whose response is None.
    response = getattr(_cause(error), "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def _cause(error: Exception) -> Any:
    return error.cause if isinstance(error, PynamoDBException) else error


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
        answer = _asked(lambda: tables.connection.client.batch_get_item(**request))  # noqa: B023
        for table, found in answer["Responses"].items():
            for raw in found:
                yield table, raw
        left = answer.get("UnprocessedKeys") or {}
        if not left:
            return
    raise errors.Busy("The store did not give everything asked for; send the request again.")


def _batch_write(left: dict[str, Any]) -> None:
    for tried in range(TRIES_MAX):
        if tried:
            pause(tried)
        request = {"RequestItems": left}
        answer = _asked(lambda: tables.connection.client.batch_write_item(**request))  # noqa: B023
        left = answer.get("UnprocessedItems") or {}
        if not left:
            return
    raise errors.Busy("The store did not take everything; send the request again.")


def _closed(key: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _opened(cursor: str, names: tuple[str, ...], hash_key: str) -> dict[str, Any]:
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise _foreign_cursor() from None
    if not isinstance(key, dict) or {"S": hash_key} not in key.values() or set(key) != set(names):
        raise _foreign_cursor()
    for typed in key.values():
        match typed:
            case {"S": str(text)} if text and len(typed) == 1:
                continue
            case {"N": str(number)} if number.isdecimal() and len(typed) == 1:
                continue
        raise _foreign_cursor()
    return key


def _foreign_cursor() -> errors.BadInput:
    return errors.BadInput(
        "This cursor is none that a page of this list gave; begin without one.", field="cursor"
    )


def _key_of(item: Model) -> tuple[str, ...]:
    return tuple(getattr(item, name) for name in tables.key_names(type(item)))
