"""One transaction: all or nothing, and each failed condition read for what it means."""

import uuid
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.expressions.update import Update as Changes
from pynamodb.models import Model

from chalicelib import errors, tables
from chalicelib.log import log
from chalicelib.store.asking import (
    CONFLICTS,
    TRIES_MAX,
    Changed,
    asked,
    code_of,
    gave_up,
    may_pass,
    pause,
)

ACTIONS_MAX = 10
BATCH_WRITE_MAX = 25

M = TypeVar("M", bound=Model)

MINE = "mine"
VERSION = "version"


class AlreadyThere(Exception):
    """My own fact was written before; `item` is what lies there (raw attributes)."""

    def __init__(self, model: type[Model], raw_item: dict[str, Any] | None) -> None:
        super().__init__(model.__name__)
        self.item = model.from_raw_data(raw_item) if raw_item else None


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
    met: Exception | None = None
    for tried in range(TRIES_MAX):
        if tried:
            pause(tried)
        try:
            tables.connection.client.transact_write_items(**request)
        except (BotoCoreError, ClientError) as error:
            met = error
            if code_of(error) == "TransactionCanceledException":
                _read_reasons(writes, error.response["CancellationReasons"], error)
            elif not may_pass(error):
                raise
            log.info("transaction not confirmed", code=code_of(error), tried=tried + 1)
        else:
            return
    raise gave_up(
        met,
        "The store did not confirm the write, and may have made it; send the same request again.",
    )


def put(item: Model, condition: Condition | None = None, *, fails_as: str = VERSION) -> None:
    """Write one item outside a transaction, at half its price; fails like `commit`."""
    request = _put_request(item, condition)
    try:
        asked(lambda: tables.connection.client.put_item(**request))
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
        answer = asked(lambda: tables.connection.client.update_item(**request))
    except ClientError as error:
        _tell_single(error, type(item), VERSION)
    return type(item).from_raw_data(answer["Attributes"])


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
    if code_of(error) != "ConditionalCheckFailedException":
        raise error
    if fails_as == MINE:
        raise AlreadyThere(model, None) from None
    raise Changed(model.__name__) from None


def _batch_write(left: dict[str, Any]) -> None:
    for tried in range(TRIES_MAX):
        if tried:
            pause(tried)
        request = {"RequestItems": left}
        answer = asked(lambda: tables.connection.client.batch_write_item(**request))  # noqa: B023
        left = answer.get("UnprocessedItems") or {}
        if not left:
            return
    raise errors.Busy("The store did not take everything; send the request again.")
