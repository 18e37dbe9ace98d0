"""The simulator's DynamoDB answers as moto and Amazon's own engine do."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from moto import mock_aws

from bench import dynamodb_local
from simulator.memory import Database

TABLE = {
    "TableName": "things",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("key", "S"), ("item", "S"), ("due_shard", "S"), ("due_at", "N"))
    ],
    "KeySchema": [
        {"AttributeName": "key", "KeyType": "HASH"},
        {"AttributeName": "item", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "due",
            "KeySchema": [
                {"AttributeName": "due_shard", "KeyType": "HASH"},
                {"AttributeName": "due_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}
CONDITIONS = (
    None,
    "attribute_not_exists (#k)",
    "attribute_exists (#k)",
    "#n >= :n",
    "(attribute_not_exists (#n) OR #n <= :n)",
    "(#t IN (:a, :b) AND (NOT attribute_exists (#gone)))",
    "#n BETWEEN :zero AND :n",
    "begins_with (#t, :a)",
    "#t <> :a",
)
UPDATES = (
    "SET #n = if_not_exists (#n, :zero) + :n, #t = :a",
    "SET #t = :b REMOVE #n, #shard, #at",
    "SET #n = if_not_exists (#n, :n) - :one, #shard = :shard, #at = :at",
)
VALUES = {":zero": 0, ":one": 1, ":n": None, ":at": None, ":a": "ab", ":b": "b", ":shard": "s#01"}
NAMES = {
    "#k": "key",
    "#n": "number",
    "#t": "text",
    "#gone": "gone",
    "#shard": "due_shard",
    "#at": "due_at",
}


@pytest.fixture
def moto() -> Iterator[Any]:
    with mock_aws():
        client = get_session().create_client("dynamodb", region_name="eu-central-1")
        client.create_table(**TABLE)
        yield client


@pytest.fixture(scope="module")
def amazon() -> Iterator[Any]:
    try:
        with dynamodb_local.running() as url:
            client = get_session().create_client(
                "dynamodb", region_name="eu-central-1", endpoint_url=url
            )
            client.create_table(**TABLE)
            yield client
    except dynamodb_local.Unavailable as missing:
        pytest.skip(str(missing))


def test_it_answers_as_moto_does(moto: Any) -> None:
    _compare(moto, seed=1, rounds=250, is_moto=True)


def test_it_answers_as_amazons_engine_does(amazon: Any) -> None:
    _compare(amazon, seed=2, rounds=250)


def test_a_token_applies_once_and_an_item_appears_once() -> None:
    mine = Database([TABLE])
    action = {
        "Update": {
            "TableName": "things",
            "Key": {"key": {"S": "x"}, "item": {"S": "a"}},
            "UpdateExpression": UPDATES[0],
            "ExpressionAttributeNames": {"#n": "number", "#t": "text"},
            "ExpressionAttributeValues": {":n": {"N": "1"}, ":zero": {"N": "0"}, ":a": {"S": "a"}},
        }
    }
    for _ in range(2):
        mine.transact_write_items(TransactItems=[action], ClientRequestToken="once")
    found = mine.get_item(TableName="things", Key=action["Update"]["Key"])["Item"]
    assert found["number"] == {"N": "1"}
    with pytest.raises(ClientError, match="two actions on one item"):
        mine.transact_write_items(TransactItems=[action, action], ClientRequestToken="twice")


def _compare(other: Any, *, seed: int, rounds: int, is_moto: bool = False) -> None:
    draw = random.Random(seed)
    mine = Database([TABLE])
    told: dict[str, int] = {}
    for number in range(rounds):
        operation, request = _drawn(draw, number)
        answers = [_answer(each, operation, request) for each in (mine, other)]
        is_bound = " AND " in request.get("KeyConditionExpression", "")
        if operation == "query" and (is_moto or is_bound):
            # Where a full page is the last one, some say so; others let ask once more.
            answers = [(*each[:-1], None) for each in answers]
        assert answers[0] == answers[1], f"{number} {operation} {request} {answers}"
        told[str(answers[0])[:24]] = told.get(str(answers[0])[:24], 0) + 1
    assert len(told) > 5


def _drawn(draw: random.Random, number: int) -> tuple[str, dict[str, Any]]:
    operation = draw.choice(
        ("transact_write_items",) * 3
        + ("put_item", "update_item", "delete_item", "get_item", "batch_get_item")
        + ("query", "query_due")
    )
    key = {"key": {"S": draw.choice("xyz")}, "item": {"S": draw.choice("abcde")}}
    match operation:
        case "transact_write_items":
            drawn = [_action(draw) for _ in range(draw.randint(1, 4))]
            # Two actions on one item are refused by all, but in words of their own.
            items = {_place(each): each for each in drawn}
            token = f"token-{number}"
            return operation, {"TransactItems": list(items.values()), "ClientRequestToken": token}
        case "get_item":
            return operation, {"TableName": "things", "Key": key, "ConsistentRead": True}
        case "batch_get_item":
            keys = [key, {"key": key["key"], "item": {"S": "none"}}]
            wanted = {"things": {"Keys": keys, "ConsistentRead": True}}
            return operation, {"RequestItems": wanted}
        case "query" | "query_due":
            return "query", _query(draw, is_due=operation == "query_due")
        case _:
            ((_, request),) = _action(draw, operation.partition("_")[0].title()).items()
            if operation == "update_item":
                request["ReturnValues"] = "ALL_NEW"
            request.pop("ReturnValuesOnConditionCheckFailure", None)
            return operation, request


def _place(action: dict[str, Any]) -> str:
    ((_, request),) = action.items()
    key = request.get("Key") or request["Item"]
    return f"{key['key']['S']}/{key['item']['S']}"


def _query(draw: random.Random, *, is_due: bool) -> dict[str, Any]:
    request: dict[str, Any] = {
        "TableName": "things",
        "Limit": draw.randint(1, 4),
        "ScanIndexForward": draw.random() < 0.5,
        "ExpressionAttributeNames": {"#h": "due_shard" if is_due else "key"},
        "ExpressionAttributeValues": {":h": {"S": "s#01" if is_due else draw.choice("xyz")}},
        "KeyConditionExpression": "#h = :h",
    }
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    if is_due:
        request |= {"IndexName": "due", "KeyConditionExpression": "(#h = :h AND #r <= :r)"}
        names["#r"], values[":r"] = "due_at", {"N": str(draw.randint(0, 50))}
        # Items of one due instant have no order in an index.
        request["Limit"] = 100
        return request
    if draw.random() < 0.5:
        request["FilterExpression"] = "attribute_exists (#n)"
        names["#n"] = "number"
    bound = draw.choice(("", "#r = :r", "#r < :r", "#r > :r", "#r >= :r", "begins_with (#r, :r)"))
    if draw.random() < 0.2:
        bound = "#r BETWEEN :r AND :t"
        values[":t"] = {"S": draw.choice("abcde")}
    if bound:
        request["KeyConditionExpression"] = f"(#h = :h AND {bound})"
        names["#r"], values[":r"] = "item", {"S": draw.choice("abcde")}
        if ":t" in values and values[":t"]["S"] < values[":r"]["S"]:
            values[":r"], values[":t"] = values[":t"], values[":r"]
    elif draw.random() < 0.5:
        request["ExclusiveStartKey"] = {"key": values[":h"], "item": {"S": draw.choice("abcde")}}
    return request


def _action(draw: random.Random, kind: str = "") -> dict[str, Any]:
    kind = kind or draw.choice(("Put", "Update", "Delete", "ConditionCheck"))
    key = {"key": {"S": draw.choice("xyz")}, "item": {"S": draw.choice("abcde")}}
    condition = draw.choice(CONDITIONS)
    request: dict[str, Any] = {"TableName": "things"}
    if kind == "ConditionCheck" and condition is None:
        condition = CONDITIONS[1]
    said = condition or ""
    if condition is not None:
        request["ConditionExpression"] = condition
        if draw.random() < 0.5:
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if kind == "Put":
        request["Item"] = key | _attributes(draw)
    else:
        request["Key"] = key
    if kind == "Update":
        request["UpdateExpression"] = draw.choice(UPDATES)
        said += " " + request["UpdateExpression"]
    names = {short: name for short, name in NAMES.items() if short in said}
    values = {
        short: _typed(draw.randint(0, 30) if value is None else value)
        for short, value in VALUES.items()
        if short in said.replace("(", " ").replace(")", " ").replace(",", " ").split()
    }
    if names:
        request["ExpressionAttributeNames"] = names
    if values:
        request["ExpressionAttributeValues"] = values
    return {kind: request}


def _attributes(draw: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if draw.random() < 0.7:
        found["number"] = {"N": str(draw.randint(0, 30))}
    if draw.random() < 0.7:
        found["text"] = {"S": draw.choice(("ab", "abc", "b", "c"))}
    if draw.random() < 0.5:
        found |= {"due_shard": {"S": "s#01"}, "due_at": {"N": str(draw.randint(0, 50))}}
    return found


def _typed(value: int | str) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _answer(client: Any, operation: str, request: dict[str, Any]) -> Any:
    try:
        told = getattr(client, operation)(**request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        reasons = error.response.get("CancellationReasons", [])
        return code, [(each["Code"], each.get("Item")) for each in reasons]
    items = told.get("Items")
    if items is not None and "IndexName" in request:
        items = sorted(items, key=lambda item: sorted(map(str, item.values())))
    found = told.get("Responses", {}).get("things")
    return told.get("Item"), told.get("Attributes"), items, found, told.get("LastEvaluatedKey")
