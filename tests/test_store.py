"""Writes all or nothing: how a failure is told, and what is tried again."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from chalicelib import errors, store
from chalicelib.store import asking
from chalicelib.tables import Lookup
from tests.faults import Line, Point
from tests.fixtures_accounts import rows
from tests.fixtures_talk import Script

pytestmark = pytest.mark.usefixtures("aws")

SHORT = errors.Conflict("The money is short.", kind="short")
SILENCE = ReadTimeoutError(endpoint_url="https://store")
PASSING = [
    "TransactionInProgressException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "ProvisionedThroughputExceededException",
    "InternalServerError",
]


def there(key: str, **facts: Any) -> Lookup:
    """Put an item down, so that a condition against it fails."""
    item = Lookup(key=key, **facts)
    item.save()
    return item


def stored(key: str) -> Lookup | None:
    return store.get(Lookup, key)


def mine(key: str, **facts: Any) -> store.Put:
    return store.Put(Lookup(key=key, **facts), Lookup.key.does_not_exist(), fails_as=store.MINE)


def version(key: str) -> store.Put:
    return store.Put(Lookup(key=key), Lookup.key.does_not_exist())


def limited(key: str) -> store.Check:
    return store.Check(Lookup(key=key), Lookup.key.does_not_exist(), fails_as=SHORT)


# One verdict.


def test_all_is_written_or_nothing() -> None:
    there("b")
    with pytest.raises(store.Changed):
        store.commit([version("a"), version("b"), version("c")])
    assert (stored("a"), stored("c")) == (None, None)
    store.commit([version("a"), version("c")])
    assert stored("a") is not None
    assert stored("c") is not None


def test_every_kind_of_write_does_its_own() -> None:
    old, kept = there("old"), there("kept", name="Олена")
    store.commit(
        [
            store.Update(Lookup(key="new"), actions=(Lookup.name.set("Тарас 🥖"),)),
            store.Put(Lookup(key="put")),
            store.Delete(old, Lookup.key.exists()),
            store.Check(kept, Lookup.name == "Олена"),
        ]
    )
    names = {row["key"]["S"]: row.get("name", {}).get("S") for row in rows(Lookup.Meta.table_name)}
    assert names == {"new": "Тарас 🥖", "put": None, "kept": "Олена"}


def test_what_i_meant_to_write_comes_before_a_changed_version_and_a_limit() -> None:
    there("mine", name="перший")
    there("version")
    there("limit")
    with pytest.raises(store.AlreadyThere) as told:
        store.commit([limited("limit"), version("version"), mine("mine", name="другий")])
    assert isinstance(told.value.item, Lookup)
    assert told.value.item.name == "перший"


def test_a_changed_version_comes_before_a_limit() -> None:
    there("version")
    there("limit")
    with pytest.raises(store.Changed):
        store.commit([limited("limit"), version("version"), mine("mine")])


def test_a_limit_is_the_refusal_its_write_names() -> None:
    there("limit")
    with pytest.raises(errors.Conflict) as told:
        store.commit([limited("limit"), version("version"), mine("mine")])
    assert told.value is SHORT
    assert stored("mine") is None


@pytest.mark.parametrize("count", [0, 11])
def test_a_transaction_has_one_to_ten_actions(count: int) -> None:
    with Script("TransactWriteItems") as store_calls, pytest.raises(ValueError, match="actions"):
        store.commit([version(str(number)) for number in range(count)])
    assert store_calls.calls == []


def test_ten_actions_fit() -> None:
    store.commit([version(str(number)) for number in range(10)])
    assert len(rows(Lookup.Meta.table_name)) == 10


# What is no verdict is tried again.


@pytest.mark.parametrize(
    "reasons",
    [
        ["TransactionConflict", "None"],
        ["None", "TransactionConflict"],
        ["TransactionConflict", "ThrottlingError"],
        ["ProvisionedThroughputExceeded", "None"],
    ],
)
def test_a_conflict_is_tried_again_as_the_same_request(reasons: list[str]) -> None:
    with Script("TransactWriteItems", reasons, reasons, None) as script:
        store.commit([limited("limit"), mine("mine")])
    assert stored("mine") is not None
    assert len({call["ClientRequestToken"] for call in script.calls}) == 1
    assert len(script.calls) == 3


@pytest.mark.parametrize("code", PASSING)
def test_throttling_and_trouble_inside_the_store_are_tried_again(code: str) -> None:
    with Script("TransactWriteItems", code, None) as script:
        store.commit([mine("mine")])
    assert stored("mine") is not None
    assert len({call["ClientRequestToken"] for call in script.calls}) == 1


def test_a_conflict_is_never_taken_for_a_refusal() -> None:
    always = [["TransactionConflict", "TransactionConflict"]] * asking.TRIES_MAX
    with Script("TransactWriteItems", *always) as script, pytest.raises(errors.Busy):
        store.commit([limited("limit"), mine("mine")])
    assert len(script.calls) == asking.TRIES_MAX
    assert stored("mine") is None


def test_a_limit_beside_a_conflict_is_asked_again_for_my_fact_may_be_arriving() -> None:
    mixed = ["ConditionalCheckFailed", "TransactionConflict"]
    there("limit")
    there("mine", name="перший")
    with Script("TransactWriteItems", mixed, None), pytest.raises(store.AlreadyThere):
        store.commit([limited("limit"), mine("mine")])


def test_a_limit_beside_a_conflict_is_told_once_the_conflict_is_over() -> None:
    there("limit")
    mixed = ["ConditionalCheckFailed", "TransactionConflict"]
    with Script("TransactWriteItems", mixed, None), pytest.raises(errors.Conflict) as told:
        store.commit([limited("limit"), mine("mine")])
    assert told.value is SHORT


@pytest.mark.parametrize(
    ("write", "verdict"), [(mine, store.AlreadyThere), (version, store.Changed)]
)
def test_my_fact_or_a_changed_version_is_told_even_beside_a_conflict(
    write: Any, verdict: type[Exception]
) -> None:
    mixed = ["ConditionalCheckFailed", "TransactionConflict"]
    with Script("TransactWriteItems", mixed) as script, pytest.raises(verdict):
        store.commit([write("a"), version("b")])
    assert len(script.calls) == 1


@pytest.mark.parametrize("reason", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_a_reason_that_is_a_bug_stays_one(reason: str) -> None:
    with Script("TransactWriteItems", [reason, "None"]), pytest.raises(ClientError):
        store.commit([version("a"), version("b")])


def test_a_refused_request_is_a_bug_and_is_not_repeated() -> None:
    with (
        Script("TransactWriteItems", "ValidationException") as script,
        pytest.raises(ClientError),
    ):
        store.commit([version("a")])
    assert len(script.calls) == 1


# Answers that are lost.


@pytest.mark.parametrize("how", ["no answer before", "no answer after"])
def test_a_lost_answer_is_asked_for_again_and_the_write_applies_once(how: Any) -> None:
    there("counter", scopes=["0"])
    line = Line()
    with line.between(), line.counting(Point(1, how)):
        store.commit(
            [
                store.Update(
                    Lookup(key="counter"), actions=(Lookup.scopes.set(Lookup.scopes.append(["+"])),)
                )
            ]
        )
    counter = stored("counter")
    assert counter is not None
    assert counter.scopes == ["0", "+"]
    assert line.calls == ["TransactWriteItems"] * 2


@pytest.mark.parametrize(
    "silence", [SILENCE, ConnectTimeoutError(endpoint_url="https://store")], ids=str
)
def test_a_store_that_stays_silent_is_busy_and_says_what_may_have_happened(
    silence: Exception,
) -> None:
    with (
        Script("TransactWriteItems", *[silence] * asking.TRIES_MAX) as script,
        pytest.raises(errors.Busy, match="may have made it"),
    ):
        store.commit([mine("mine")])
    assert len(script.calls) == asking.TRIES_MAX


# Single items.


def test_a_single_write_fails_as_its_condition_says() -> None:
    there("a")
    with pytest.raises(store.Changed):
        store.put(Lookup(key="a"), Lookup.key.does_not_exist())
    with pytest.raises(store.AlreadyThere):
        store.put(Lookup(key="a"), Lookup.key.does_not_exist(), fails_as=store.MINE)
    with pytest.raises(store.Changed):
        store.update(Lookup(key="b"), [Lookup.name.set("x")], Lookup.key.exists())
    assert stored("b") is None


def test_an_update_gives_the_item_as_it_is_now() -> None:
    there("a", name="Олена", role="admin")
    changed = store.update(Lookup(key="a"), [Lookup.name.set("Тарас")], Lookup.key.exists())
    assert (changed.name, changed.role) == ("Тарас", "admin")


@pytest.mark.parametrize("step", [*PASSING[1:], "TransactionConflictException", SILENCE], ids=str)
def test_a_single_call_is_made_again_within_bounds(step: str | Exception) -> None:
    there("a")
    with Script("GetItem", step, step, None) as script:
        assert stored("a") is not None
    assert len(script.calls) == asking.ASKED_MAX
    with Script("UpdateItem", *[step] * asking.ASKED_MAX) as script, pytest.raises(errors.Busy):
        store.update(Lookup(key="a"), [Lookup.name.set("x")], Lookup.key.exists())
    assert len(script.calls) == asking.ASKED_MAX


def test_a_single_call_that_is_wrong_is_not_repeated() -> None:
    with Script("GetItem", "ValidationException") as script, pytest.raises(ClientError):
        stored("a")
    with Script("UpdateItem", "ValidationException"), pytest.raises(ClientError):
        store.update(Lookup(key="a"), [Lookup.name.set("x")], Lookup.key.exists())
    assert len(script.calls) == 1


# Deciding again.


def test_a_decision_on_what_changed_is_made_again() -> None:
    decided: list[int] = []

    def decide() -> str:
        decided.append(1)
        if len(decided) < 3:
            raise store.Changed("version")
        return "done"

    assert store.again(decide) == "done"
    assert len(decided) == 3


def test_a_decision_that_is_always_overtaken_is_busy() -> None:
    decided: list[int] = []

    def decide() -> None:
        decided.append(1)
        raise store.Changed("version")

    with pytest.raises(errors.Busy):
        store.again(decide, times=3)
    assert len(decided) == 3
