"""Reads: many items at once, pages and their cursors, what is due."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pynamodb.exceptions import QueryError

from chalicelib import errors, store, tables
from chalicelib.store import asking
from chalicelib.tables import AuditLine, Lookup, Message
from tests.fixtures_talk import Script

pytestmark = pytest.mark.usefixtures("aws")

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


# Many at once.


def test_items_of_several_tables_come_in_the_order_asked_for_in_one_round_trip() -> None:
    line(3)
    Lookup(key="a", name="Олена").save()
    with Script("BatchGetItem") as script:
        first, missing, second, again = store.read(
            (Lookup, "a", None),
            (Lookup, "b", None),
            (AuditLine, "account", "audit#03"),
            (Lookup, "a", None),
        )
    assert (first.name, missing, second.subject) == ("Олена", None, "3")
    assert again.name == "Олена"
    assert again is not first
    assert len(script.calls) == 1
    asked = script.calls[0]["RequestItems"].values()
    assert all(each["ConsistentRead"] for each in asked)


def test_more_than_a_hundred_items_take_a_round_trip_for_each_hundred() -> None:
    store.put_all([Lookup(key=str(number), name=str(number)) for number in range(101)])
    with Script("BatchGetItem") as script:
        found = store.read(*((Lookup, str(number), None) for number in range(201)))
        assert store.read() == []
    assert [each and each.name for each in found] == [*map(str, range(101)), *[None] * 100]
    assert len(script.calls) == 3


def test_what_the_store_did_not_get_to_is_asked_for_again() -> None:
    for key in "abc":
        Lookup(key=key, name=key).save()
    table = Lookup.Meta.table_name
    asked: list[Any] = []

    def half(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        asked.append(parsed)
        if len(asked) == 1:
            left = parsed["Responses"][table].pop()
            keys = {"Keys": [{"key": left["key"]}], "ConsistentRead": True}
            parsed["UnprocessedKeys"] = {table: keys}

    events = tables.connection.client.meta.events
    events.register("after-call.dynamodb.BatchGetItem", half)
    try:
        found = store.read(*((Lookup, key, None) for key in "abc"))
    finally:
        events.unregister("after-call.dynamodb.BatchGetItem", half)
    assert [each.name for each in found] == list("abc")
    assert len(asked) == 2


def test_a_throttled_read_of_many_ends_as_busy() -> None:
    throttled = ["ProvisionedThroughputExceededException"] * asking.ASKED_MAX
    with Script("BatchGetItem", *throttled), pytest.raises(errors.Busy):
        store.read((Lookup, "a", None))


# Pages.


def line(number: int, partition: str = "account") -> None:
    AuditLine(
        partition=partition,
        item=f"audit#{number:02}",
        at=NOW,
        by="per_1",
        action="done",
        subject=str(number),
    ).save()


def page(cursor: str | None, partition: str = "account", **given: Any) -> tuple[list[str], Any]:
    found, following = store.page(
        AuditLine,
        partition,
        AuditLine.item.startswith("audit#"),
        limit=2,
        cursor=cursor,
        **given,
    )
    return [each.subject for each in found], following


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_go_through_a_partition_once(newest_first: bool) -> None:
    for number in range(5):
        line(number)
    line(9, "other")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        with Script("Query") as script:
            items, cursor = page(cursor, newest_first=newest_first)
        assert len(script.calls) == 1
        seen += items
        if cursor is None:
            break
    assert seen == (list("43210") if newest_first else list("01234"))


def test_a_filtered_page_may_be_short_while_its_cursor_goes_on() -> None:
    for number in range(4):
        line(number)
    items, cursor = page(None, filtered_by=AuditLine.subject == "3")
    assert items == []
    assert page(cursor, filtered_by=AuditLine.subject == "3")[0] == ["3"]


def sealed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def opened(cursor: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    return found


TAMPERED: dict[str, Callable[[str], str]] = {
    "nothing": lambda cursor: "",
    "no base64": lambda cursor: "кіт",
    "half": lambda cursor: cursor[: len(cursor) // 2],
    "not JSON": lambda cursor: base64.urlsafe_b64encode(b"\xff\xfe{").decode(),
    "nested without end": lambda cursor: base64.urlsafe_b64encode(b"[" * 9000).decode(),
    "a list": lambda cursor: sealed([1]),
    "null": lambda cursor: sealed(None),
    "no key": lambda cursor: sealed({}),
    "another partition": lambda cursor: sealed(opened(cursor) | {"partition": {"S": "other"}}),
    "one attribute less": lambda cursor: sealed({"partition": opened(cursor)["partition"]}),
    "one attribute more": lambda cursor: sealed(opened(cursor) | {"by": {"S": "x"}}),
    "an empty text": lambda cursor: sealed(opened(cursor) | {"item": {"S": ""}}),
    "a number as text": lambda cursor: sealed(opened(cursor) | {"item": {"S": 7}}),
    "two types": lambda cursor: sealed(opened(cursor) | {"item": {"S": "x", "N": "1"}}),
    "no type": lambda cursor: sealed(opened(cursor) | {"item": "x"}),
    "a number that is none": lambda cursor: sealed(opened(cursor) | {"item": {"N": "1e9"}}),
    "a binary": lambda cursor: sealed(opened(cursor) | {"item": {"B": "aGk="}}),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_cursor_that_no_page_gave_is_bad_input(how: str) -> None:
    for number in range(3):
        line(number)
    _, cursor = page(None)
    assert cursor is not None
    with pytest.raises(errors.BadInput) as told:
        page(TAMPERED[how](cursor))
    assert told.value.field == "cursor"


def test_another_partitions_cursor_is_bad_input() -> None:
    for number in range(3):
        line(number)
        line(number, "other")
    _, cursor = page(None, "other")
    with pytest.raises(errors.BadInput):
        page(cursor)


def test_a_start_that_the_store_itself_refuses_is_bad_input_only_with_a_cursor() -> None:
    for number in range(3):
        line(number)
    _, cursor = page(None)
    with Script("Query", "ValidationException"), pytest.raises(errors.BadInput):
        page(cursor)
    with Script("Query", "ValidationException"), pytest.raises(QueryError):
        page(None)


# What is due.


def waiting(number: int, due_at: datetime, shard: str = "send#03") -> Message:
    message = Message(
        key="bot/subscriber",
        item=f"message#{number}",
        message_id=str(number),
        account_id="acc",
        ticket_id="tkt",
        kind="outgoing",
        content={},
        at=NOW,
        state="queued",
        due_shard=shard,
        due_at=due_at,
    )
    message.save()
    return message


def test_due_is_what_is_due_by_now_oldest_first_and_whole() -> None:
    waiting(1, NOW)
    waiting(2, NOW - timedelta(minutes=1))
    waiting(3, NOW + timedelta(milliseconds=1))
    waiting(4, NOW, shard="copy#03")
    found = list(store.due(Message, "send", NOW))
    assert [each.message_id for each in found] == ["2", "1"]
    assert found[0].state == "queued"


def test_what_was_moved_settled_or_removed_meanwhile_is_not_due() -> None:
    messages = [waiting(number, NOW - timedelta(seconds=9 - number)) for number in range(5)]
    found = store.due(Message, "send", NOW)
    assert next(found).message_id == "0"
    messages[1].update([Message.due_at.set(NOW + timedelta(minutes=1))])
    messages[2].update([Message.due_at.remove(), Message.due_shard.remove()])
    messages[3].delete()
    assert [each.message_id for each in found] == ["4"]


def test_a_shard_gives_no_more_than_asked_for() -> None:
    for number in range(5):
        waiting(number, NOW)
    assert len(list(store.due(Message, "send", NOW, at_most=3))) == 3


def test_a_cause_lies_in_one_of_sixteen_shards_always_the_same() -> None:
    shards = {store.shard_of("send", f"msg_{number}") for number in range(500)}
    assert shards == {f"send#{number:02}" for number in range(16)}
    assert store.shard_of("send", "msg_1") == store.shard_of("send", "msg_1")
