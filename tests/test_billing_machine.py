"""Any sequence of what can happen to money, repeats and lost answers among it, balances."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moto import mock_aws

from chalicelib import billing, store
from chalicelib.billing import Change
from chalicelib.tables import Guard, connection
from tests.faults import Line, Point
from tools.resources import tables

BEGIN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
AMOUNTS = st.integers(1, 12)
FAULTS = st.sampled_from(["none", "none", "none", "no answer before", "no answer after"])


class Ledger(RuleBasedStateMachine):
    """Does to the ledger what flows do, and keeps its own simple account beside it."""

    def __init__(self) -> None:
        super().__init__()
        # An AWS with one table: moto copies all there are at each transaction.
        self.aws = mock_aws()
        self.aws.start()
        (ledger,) = [t for t in tables("test") if t["TableName"] == Guard.Meta.table_name]
        connection.client.create_table(**ledger)
        self.account_id = "acc_ours"
        self.line = Line()
        self.between = self.line.between()
        self.between.__enter__()
        self.now = BEGIN
        self.number = 0
        self.available = self.owed = 0
        self.holds: list[int] = []
        self.asides: list[int] = []
        self.spent: list[tuple[int, str]] = []
        self.inside = 0
        self.last: tuple[Any, ...] | None = None

    def teardown(self) -> None:
        self.between.__exit__(None, None, None)
        self.aws.stop()

    # How a flow commits: under a fact of its own, decided again when something changed.

    def apply(self, act: Any, fault: str = "none", *, cause: str = "") -> str:
        if not cause:
            self.number += 1
            self.now += timedelta(seconds=7)
            cause = f"cause-{self.number}"

        def once() -> None:
            change = Change(self.account_id)
            balance = billing.balance(self.account_id)
            act(change, lambda kind: billing.entry(self.account_id, kind, cause, now=self.now))
            fact = Guard(key=self.account_id, item=f"guard#{cause}", subject_id=cause)
            own = store.Put(fact, Guard.key.does_not_exist(), fails_as=store.MINE)
            store.commit([own, *change.writes(balance, now=self.now)])

        # The second call of the flow is its transaction.
        point = None if fault == "none" else Point(2, fault)  # type: ignore[arg-type]
        with self.line.counting(point):
            try:
                store.again(once)
            except store.AlreadyThere:
                return "repeat"
            except billing.InsufficientFunds:
                return "refused"
        self.last = (act, cause)
        return "done"

    def becomes_available(self, micros: int) -> None:
        paid = min(self.owed, micros)
        self.owed -= paid
        self.available += micros - paid

    # What can happen.

    @rule(micros=AMOUNTS, fault=FAULTS)
    def top_up(self, micros: int, fault: str) -> None:
        act = lambda change, entry: change.take_in(micros, entry(billing.TOP_UP))  # noqa: E731
        assert self.apply(act, fault) == "done"
        self.becomes_available(micros)
        self.inside += micros

    @rule(micros=AMOUNTS, fault=FAULTS)
    def hold(self, micros: int, fault: str) -> None:
        done = self.apply(lambda change, entry: change.hold(micros), fault)
        assert done == ("done" if micros <= self.available else "refused")
        if done == "done":
            self.available -= micros
            self.holds.append(micros)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), fault=FAULTS)
    def post(self, data: st.DataObject, fault: str) -> None:
        held = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        micros = data.draw(st.integers(0, held))
        act = lambda change, entry: change.post(  # noqa: E731
            micros, entry(billing.MESSAGE), held_micros=held
        )
        assert self.apply(act, fault) == "done"
        self.becomes_available(held - micros)
        self.spent.append((micros, f"cause-{self.number}"))
        self.inside -= micros

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), fault=FAULTS)
    def void(self, data: st.DataObject, fault: str) -> None:
        held = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        assert self.apply(lambda change, entry: change.void(held), fault) == "done"
        self.becomes_available(held)

    @rule(micros=AMOUNTS, fault=FAULTS)
    def set_aside(self, micros: int, fault: str) -> None:
        act = lambda change, entry: change.set_aside(micros, entry(billing.SET_ASIDE))  # noqa: E731
        done = self.apply(act, fault)
        assert done == ("done" if micros <= self.available else "refused")
        if done == "done":
            self.available -= micros
            self.asides.append(micros)

    @precondition(lambda self: self.asides)
    @rule(fault=FAULTS)
    def return_set_aside(self, fault: str) -> None:
        micros = self.asides.pop()
        act = lambda change, entry: change.return_set_aside(  # noqa: E731
            micros, entry(billing.SET_ASIDE_RETURNED)
        )
        assert self.apply(act, fault) == "done"
        self.becomes_available(micros)

    @precondition(lambda self: self.asides)
    @rule(more=st.integers(0, 9), fault=FAULTS)
    def fee(self, more: int, fault: str) -> None:
        aside = self.asides[-1]
        act = lambda change, entry: change.charge(  # noqa: E731
            aside + more, entry(billing.MAINTENANCE_FEE), set_aside_micros=aside
        )
        done = self.apply(act, fault)
        assert done == ("done" if more <= self.available else "refused")
        if done == "done":
            self.asides.pop()
            self.available -= more
            self.inside -= aside + more

    @precondition(lambda self: self.spent)
    @rule(fault=FAULTS)
    def refund(self, fault: str) -> None:
        micros, _ = self.spent.pop()
        act = lambda change, entry: change.refund(  # noqa: E731
            micros, entry(billing.SESSION_RETURNED)
        )
        assert self.apply(act, fault) == "done"
        self.becomes_available(micros)
        self.inside += micros

    @rule(micros=AMOUNTS, fault=FAULTS)
    def dispute(self, micros: int, fault: str) -> None:
        act = lambda change, entry: change.take_back(micros, entry(billing.DISPUTE))  # noqa: E731
        assert self.apply(act, fault) == "done"
        taken = min(micros, self.available)
        self.available -= taken
        self.owed += micros - taken
        self.inside -= micros

    @precondition(lambda self: self.last)
    @rule(later=st.integers(0, 3))
    def repeat(self, later: int) -> None:
        assert self.last is not None
        act, cause = self.last
        self.now += timedelta(days=later)
        assert self.apply(act, cause=cause) == "repeat"

    # What is always true.

    @invariant()
    def the_balance_is_the_sum_of_its_entries(self) -> None:
        found = billing.balance(self.account_id)
        parts = (
            found.available_micros,
            found.held_micros,
            found.set_aside_micros,
            found.owed_micros,
        )
        assert parts == (self.available, sum(self.holds), sum(self.asides), self.owed)
        assert min(parts) >= 0
        assert self.owed == 0 or self.available == 0
        entries = list(billing.every_entry(self.account_id))
        booked = sum(entry.amount_micros for entry in entries)
        assert parts[0] + parts[1] + parts[2] - parts[3] == found.entries_micros == booked
        assert booked == self.inside == billing.balance_at(self.account_id, self.now)
        assert len({entry.cause for entry in entries}) == len(entries)


def test_whatever_happens_to_money_the_books_balance() -> None:
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=8,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
