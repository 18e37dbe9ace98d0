"""The bench's calculator: what AWS charges by its published rules, and when a budget is broken."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bench import budgets, units
from bench.budgets import BUDGETS, Budget
from bench.meter import Count, Meter
from bench.operations import OPERATIONS
from bench.units import Index, Write

DUE = Index("due", ("shard", "at"), ("key",))
SHELF = Index("shelf", ("shelf",), ("key",), None)


def item(**values: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in values.items()}


@pytest.mark.parametrize(
    ("value", "size_bytes"),
    [
        ({"S": "хліб"}, 8),
        ({"S": "🍞"}, 4),
        ({"S": ""}, 0),
        ({"B": b"\x00\x01\x02"}, 3),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "1795168800123"}, 8),
        ({"N": "1000000"}, 2),
        ({"N": "-0.00120"}, 2),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "123"]}, 5),
        ({"L": []}, 3),
        ({"L": [{"S": "abc"}, {"S": "d"}]}, 3 + 1 + 3 + 1 + 1),
        ({"M": {"ab": {"S": "c"}}}, 3 + 2 + 1 + 1),
    ],
)
def test_a_value_is_as_long_as_aws_says(value: dict[str, Any], size_bytes: int) -> None:
    assert units.value_bytes(value) == size_bytes


def test_names_count_too_and_in_utf_8() -> None:
    assert units.item_bytes({"key": {"S": "a"}, "ім'я": {"S": "Ї"}}) == 3 + 1 + 7 + 2


def test_a_type_that_dynamodb_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no type X"):
        units.value_bytes({"X": 1})


@pytest.mark.parametrize(
    ("length", "single", "in_transaction"), [(1, 1, 2), (1023, 1, 2), (1024, 2, 4), (2100, 3, 6)]
)
def test_each_kilobyte_begun_costs_one_unit_and_two_in_a_transaction(
    length: int, single: int, in_transaction: int
) -> None:
    after = item(k="x" * length)
    assert units.write_units(Write(None, after), ()) == single
    assert units.write_units(Write(None, after, in_transaction=True), ()) == in_transaction


def test_the_larger_of_before_and_after_is_paid() -> None:
    small, large = item(key="a"), item(key="x" * 3000)
    assert units.write_units(Write(large, small), ()) == 3
    assert units.write_units(Write(small, large), ()) == 3
    assert units.write_units(Write(large, None), ()) == 3


def test_deleting_what_is_not_there_costs_one_unit() -> None:
    assert units.write_units(Write(None, None), (DUE,)) == 1


@pytest.mark.parametrize(
    ("before", "after", "cost"),
    [
        (None, item(key="1", shard="a", at="1"), 1),
        (item(key="1", shard="a", at="1"), None, 1),
        (item(key="1", shard="a", at="1"), item(key="1"), 1),
        (item(key="1"), item(key="1", shard="a"), 0),
        (item(key="1", shard="a", at="1"), item(key="1", shard="a", at="2"), 2),
        (item(key="1", shard="a", at="1"), item(key="1", shard="b", at="1"), 2),
        (item(key="1", shard="a", at="1"), item(key="1", shard="a", at="1", text="new"), 0),
        (None, None, 0),
    ],
)
def test_an_index_costs_by_what_happens_to_its_entry(
    before: dict[str, Any] | None, after: dict[str, Any] | None, cost: int
) -> None:
    assert units.index_units(DUE, before, after) == cost


def test_an_index_of_all_attributes_costs_for_any_change() -> None:
    before = item(key="1", shelf="active", text="a")
    assert units.index_units(SHELF, before, item(key="1", shelf="active", text="b")) == 1
    assert units.index_units(SHELF, before, item(key="1", shelf="inactive", text="a")) == 2
    assert units.index_units(SHELF, before, before) == 0


def test_an_index_pays_for_what_it_carries_and_not_for_the_rest() -> None:
    after = item(key="1", shard="a", at="1", text="x" * 5000)
    assert units.index_units(DUE, None, after) == 1
    assert units.index_units(SHELF, None, {**after, "shelf": {"S": "active"}}) == 5
    some = Index("some", ("shard",), ("key",), ("text",))
    assert units.index_units(some, None, after) == 5


def test_a_transaction_does_not_double_the_price_of_an_index() -> None:
    after = item(key="1", shard="a", at="1")
    assert units.write_units(Write(None, after, in_transaction=True), (DUE,)) == 2 + 1


def test_a_failed_condition_costs_the_write_but_leaves_the_indexes_alone() -> None:
    before, after = item(key="1"), item(key="1", shard="a", at="1", text="x" * 1500)
    assert units.write_units(Write(before, after, has_failed=True), (DUE,)) == 2


def test_a_condition_check_in_a_transaction_costs_like_a_write() -> None:
    same = item(key="x" * 1500)
    assert units.write_units(Write(same, same, in_transaction=True), (DUE,)) == 4


def test_items_read_by_key_are_rounded_up_one_by_one() -> None:
    assert units.read_units([1, 4096, 4097, 0], is_consistent=True) == 1 + 1 + 2 + 1
    assert units.read_units([1], is_consistent=False) == 0.5


def test_items_of_a_query_are_rounded_up_together() -> None:
    assert units.query_units(40 * 150, is_consistent=True) == 2
    assert units.query_units(0, is_consistent=False) == 0.5


def test_every_budget_has_its_operation_and_every_operation_its_budget() -> None:
    assert [budget.operation for budget in BUDGETS] != []
    assert {budget.operation for budget in BUDGETS} == set(OPERATIONS)
    assert len(BUDGETS) == len(OPERATIONS)


def test_where_more_than_the_design_allows_is_taken_a_reason_is_given() -> None:
    assert all(budget.reason for budget in BUDGETS if budget.beyond)


def within(budget: Budget) -> Count:
    trips = (budget.round_trips or 0) + budget.beyond
    return Count(round_trips=trips, write_units=budget.write_units or 0)


def test_a_budget_holds_at_its_limit_and_breaks_one_above_it() -> None:
    counts = {budget.operation: within(budget) for budget in BUDGETS}
    assert budgets.broken(counts) == []
    name = "inbound message, nothing opened"
    counts[name] = Count(round_trips=3, write_units=9)
    assert budgets.broken(counts) == [
        f"{name}: 3 round trips, budget 2",
        f"{name}: 9 write units, budget 8",
    ]


def test_what_must_cost_the_same_may_not_differ_even_within_its_budget() -> None:
    counts = {budget.operation: within(budget) for budget in BUDGETS}
    few, many = budgets.SAME[0]
    counts[few] = Count(round_trips=counts[many].round_trips - 1)
    (told,) = budgets.broken(counts)
    assert told.startswith(many)


@pytest.mark.usefixtures("aws")
def test_the_meter_counts_a_transaction_a_refusal_and_a_filtered_page() -> None:
    from botocore.session import get_session

    from chalicelib import store, tables
    from chalicelib.tables import Message

    now = datetime(2026, 11, 20, 10, tzinfo=UTC)
    message = Message(
        key="bot/user",
        item="message#1",
        message_id="1",
        account_id="acc",
        ticket_id="tkt",
        kind="inbound",
        content={},
        author_name="ї" * 600,
        at=now,
        due_shard="copy#00",
        due_at=now,
    )
    write = store.Put(message, Message.key.does_not_exist(), fails_as=store.MINE)
    observer = get_session().create_client("dynamodb", region_name="eu-central-1")
    with Meter([tables.connection.client], observer, "test") as meter:
        store.commit([write])
        with pytest.raises(store.AlreadyThere):
            store.commit([write])
        store.page(Message, "bot/user", limit=10, filtered_by=Message.ticket_id == "other")
    assert meter.count.round_trips == 3
    assert meter.count.write_units == (4 + 1) + 4
    assert meter.count.items_written == 1
    assert meter.count.read_units == 1
    assert 1024 < meter.count.largest_item_bytes < 2048
