"""The ledger: what each operation does to the balance, what the store refuses, what is shown."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib import billing, config, errors, ids, store, tables
from chalicelib.billing import Change
from chalicelib.tables import Balance, Checkpoint, Entry, Guard
from tests.faults import Line, Point
from tests.fixtures_talk import Script
from tests.serial import serialised

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
OURS = "acc_ours"
EUR = 1_000_000

Part = Callable[[Change], None]


@pytest.fixture(autouse=True)
def ledger(aws: None) -> Iterator[None]:
    with serialised(tables.connection.client):
        yield


def line(cause: str = "test", *, kind: str = billing.TOP_UP, **given: Any) -> Entry:
    return billing.entry(OURS, kind, cause, now=given.pop("now", NOW), **given)


def apply(*parts: Part, now: datetime = NOW, guard: str | None = None, **given: Any) -> None:
    """Commit one change, under a fact of its own where one is named."""

    def once() -> None:
        change = Change(OURS)
        for part in parts:
            part(change)
        writes = change.writes(billing.balance(OURS), now=now, **given)
        if guard is not None:
            fact = Guard(key=OURS, item=f"guard#{guard}", subject_id=guard)
            there_is_none = Guard.key.does_not_exist()
            writes.insert(0, store.Put(fact, there_is_none, fails_as=store.MINE))
        store.commit(writes)

    store.again(once)


def take_in(euros: int, cause: str = "money", **given: Any) -> Part:
    return lambda change: change.take_in(euros * EUR, line(cause, **given))


def purse() -> tuple[int, int, int, int]:
    """Tell available, held, set aside and owed; and check that the entries say the same."""
    found = billing.balance(OURS)
    parts = (
        found.available_micros,
        found.held_micros,
        found.set_aside_micros,
        found.owed_micros,
    )
    available, held, set_aside, owed = parts
    booked = sum(entry.amount_micros for entry in billing.every_entry(OURS))
    assert available + held + set_aside - owed == found.entries_micros == booked
    assert min(parts) >= 0
    assert owed == 0 or available == 0
    return parts


def seen() -> list[tuple[str, int]]:
    return [(entry.cause, entry.amount_micros) for entry in billing.every_entry(OURS)]


# What each operation does.


def test_an_account_that_nothing_came_to_has_nothing() -> None:
    assert purse() == (0, 0, 0, 0)
    assert billing.entries(OURS, limit=10) == ([], None)
    assert billing.balance_at(OURS, NOW) == 0


@pytest.mark.rule("S1.44", "S1.66")
def test_a_price_is_held_then_posted_and_only_then_an_entry() -> None:
    apply(take_in(10))
    apply(lambda change: change.hold(3 * EUR))
    assert purse() == (7 * EUR, 3 * EUR, 0, 0)
    assert seen() == [("money", 10 * EUR)]
    posted = line("message:msg_1", kind=billing.MESSAGE)
    apply(lambda change: change.post(3 * EUR, posted))
    assert purse() == (7 * EUR, 0, 0, 0)
    assert dict(seen()) == {"money": 10 * EUR, "message:msg_1": -3 * EUR}


def test_a_part_of_a_hold_is_posted_and_the_rest_is_available_again() -> None:
    apply(take_in(10))
    apply(lambda change: change.hold(6 * EUR))
    apply(lambda change: change.post(2 * EUR, line("part"), held_micros=6 * EUR))
    assert purse() == (8 * EUR, 0, 0, 0)


def test_a_void_gives_back_without_an_entry() -> None:
    apply(take_in(10))
    apply(lambda change: change.hold(6 * EUR))
    apply(lambda change: change.void(6 * EUR))
    assert purse() == (10 * EUR, 0, 0, 0)
    assert seen() == [("money", 10 * EUR)]


def test_a_charge_takes_the_set_aside_part_first_named() -> None:
    apply(take_in(300))
    apply(lambda change: change.set_aside(60 * EUR, line("aside", kind=billing.SET_ASIDE)))
    assert purse() == (240 * EUR, 0, 60 * EUR, 0)
    fee = line("fee:maintenance-fee:bot_1:2026-12", kind=billing.MAINTENANCE_FEE, bot_id="bot_1")
    apply(lambda change: change.charge(100 * EUR, fee, set_aside_micros=60 * EUR))
    assert purse() == (200 * EUR, 0, 0, 0)


@pytest.mark.rule("S1.66")
def test_a_move_is_an_entry_of_zero_that_says_from_where_to_where() -> None:
    apply(take_in(500))
    apply(lambda change: change.hold_deposit(400 * EUR, line("deposit:req_1:taken")))
    assert purse() == (100 * EUR, 400 * EUR, 0, 0)
    apply(
        lambda change: change.spend_held(200 * EUR, line("activation:req_1")),
        lambda change: change.set_aside(200 * EUR, line("set-aside:req_1"), from_held=True),
    )
    assert purse() == (100 * EUR, 0, 200 * EUR, 0)
    apply(lambda change: change.return_set_aside(200 * EUR, line("set-aside-returned:bot_1:end")))
    assert purse() == (300 * EUR, 0, 0, 0)
    moves = {
        entry.cause: (entry.amount_micros, entry.moved_micros, entry.moved_from, entry.moved_to)
        for entry in billing.every_entry(OURS)
        if entry.moved_micros is not None
    }
    assert moves == {
        "deposit:req_1:taken": (0, 400 * EUR, "available", "held"),
        "set-aside:req_1": (0, 200 * EUR, "held", "set-aside"),
        "set-aside-returned:bot_1:end": (0, 200 * EUR, "set-aside", "available"),
    }


def test_a_deposit_comes_back_whole() -> None:
    apply(take_in(400))
    apply(lambda change: change.hold_deposit(400 * EUR, line("deposit:req_1:taken")))
    apply(lambda change: change.return_deposit(400 * EUR, line("deposit:req_1:returned")))
    assert purse() == (400 * EUR, 0, 0, 0)


def test_what_was_spent_comes_back_by_an_entry_that_names_the_old() -> None:
    apply(take_in(10))
    spent = line("session:ses_1", kind=billing.SESSION)
    apply(lambda change: change.charge(2 * EUR, spent))
    again = line("session-returned:ses_1", corrects=spent.entry_id)
    apply(lambda change: change.refund(2 * EUR, again))
    assert purse() == (10 * EUR, 0, 0, 0)
    assert billing.read_entry(OURS, again.entry_id).corrects == spent.entry_id
    assert billing.read_entry(OURS, spent.entry_id).amount_micros == -2 * EUR


def test_the_parts_of_a_change_are_one_write_of_the_balance() -> None:
    apply(take_in(10))
    change = Change(OURS)
    for number in range(4):
        change.hold(EUR)
        change.post(EUR, line(f"message:{number}"))
    writes = change.writes(billing.balance(OURS), now=NOW)
    assert [type(write.item) for write in writes] == [Balance, *[Entry] * 4]


def test_a_change_of_nothing_writes_nothing() -> None:
    change = Change(OURS)
    change.hold(EUR)
    change.void(EUR)
    assert change.writes(None, now=NOW) == []


@pytest.mark.parametrize(
    "part",
    [
        lambda change: change.hold(-1),
        lambda change: change.void(-1),
        lambda change: change.post(-1, line()),
        lambda change: change.post(2, line(), held_micros=1),
        lambda change: change.charge(1, line(), set_aside_micros=2),
        lambda change: change.charge(1, line(), set_aside_micros=-2),
        lambda change: change.spend_held(-1, line()),
        lambda change: change.refund(-1, line()),
        lambda change: change.take_in(-1, line()),
        lambda change: change.take_back(-1, line()),
        lambda change: change.set_aside(-1, line()),
        lambda change: change.return_set_aside(-1, line()),
        lambda change: change.hold_deposit(-1, line()),
        lambda change: change.return_deposit(-1, line()),
    ],
)
def test_an_amount_below_zero_is_a_bug(part: Part) -> None:
    change = Change(OURS)
    with pytest.raises(ValueError, match="micros"):
        part(change)
    assert change == Change(OURS)


# What the store refuses.


@pytest.mark.rule("S1.46")
@pytest.mark.parametrize(
    "part",
    [
        lambda change: change.hold(10 * EUR + 1),
        lambda change: change.charge(10 * EUR + 1, line("x")),
        lambda change: change.set_aside(10 * EUR + 1, line("x")),
        lambda change: change.hold_deposit(10 * EUR + 1, line("x")),
    ],
)
def test_more_than_is_available_is_refused_to_the_micro(part: Part) -> None:
    apply(take_in(10))
    with pytest.raises(billing.InsufficientFunds) as refused:
        apply(part)
    assert refused.value.kind == "insufficient-funds"
    assert purse() == (10 * EUR, 0, 0, 0)
    assert seen() == [("money", 10 * EUR)]


def test_exactly_what_is_available_may_be_spent() -> None:
    apply(take_in(10))
    apply(lambda change: change.hold(10 * EUR))
    assert purse() == (0, 10 * EUR, 0, 0)


def test_an_account_without_a_balance_cannot_pay() -> None:
    with pytest.raises(billing.InsufficientFunds):
        apply(lambda change: change.hold(1))
    assert store.get(Balance, OURS, "balance") is None


def test_a_flow_may_refuse_in_its_own_words() -> None:
    with pytest.raises(errors.Conflict, match="no deposit"):
        apply(lambda change: change.hold(1), refusal=errors.Conflict("no deposit"))


@pytest.mark.parametrize(
    "part",
    [
        lambda change: change.post(1, line("x")),
        lambda change: change.spend_held(1, line("x")),
    ],
)
def test_held_money_that_is_not_there_is_a_bug_and_nothing_is_written(part: Part) -> None:
    apply(take_in(10))
    with pytest.raises(billing.BooksBroken):
        apply(part)
    assert purse() == (10 * EUR, 0, 0, 0)


def test_a_void_of_nothing_is_never_written() -> None:
    apply(take_in(10))
    with pytest.raises(errors.Busy):
        apply(lambda change: change.void(1))
    assert purse() == (10 * EUR, 0, 0, 0)


@pytest.mark.rule("S1.46")
def test_sixteen_who_spend_at_once_never_spend_more_than_there_is() -> None:
    apply(take_in(10))
    together, refused = threading.Barrier(16), []

    def spend(number: int) -> None:
        together.wait()
        try:
            apply(lambda change: change.hold(EUR))
        except billing.InsufficientFunds:
            refused.append(number)

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert purse() == (0, 10 * EUR, 0, 0)
    assert len(refused) == 6


def test_an_entry_is_never_written_over() -> None:
    apply(take_in(10))
    with pytest.raises(errors.Busy):
        apply(take_in(99))
    assert seen() == [("money", 10 * EUR)]
    assert purse() == (10 * EUR, 0, 0, 0)


# Debts.


@pytest.mark.rule("S1.73")
def test_what_is_taken_back_takes_available_money_and_then_becomes_a_debt() -> None:
    apply(take_in(10))
    apply(lambda change: change.hold(3 * EUR))
    apply(lambda change: change.set_aside(2 * EUR, line("aside")))
    apply(lambda change: change.take_back(10 * EUR, line("dispute:1")))
    assert purse() == (0, 3 * EUR, 2 * EUR, 5 * EUR)
    (taken,) = [e for e in billing.every_entry(OURS) if e.cause == "dispute:1"]
    assert (taken.amount_micros, taken.facts["debt_micros"]) == (-10 * EUR, 5 * EUR)


@pytest.mark.rule("S1.73")
def test_a_debt_is_paid_first_by_whatever_becomes_available() -> None:
    apply(take_in(10))
    apply(lambda change: change.hold(6 * EUR))
    apply(lambda change: change.take_back(10 * EUR, line("dispute:1")))
    assert purse() == (0, 6 * EUR, 0, 6 * EUR)
    apply(lambda change: change.void(2 * EUR))
    assert purse() == (0, 4 * EUR, 0, 4 * EUR)
    apply(lambda change: change.post(EUR, line("m"), held_micros=4 * EUR))
    assert purse() == (0, 0, 0, EUR)
    apply(take_in(5, "second"))
    assert purse() == (4 * EUR, 0, 0, 0)


@pytest.mark.rule("S1.73")
def test_while_a_debt_stands_nothing_is_held_and_the_refusal_says_why() -> None:
    apply(lambda change: change.take_back(5 * EUR, line("dispute:1")))
    assert purse() == (0, 0, 0, 5 * EUR)
    with pytest.raises(billing.Owing) as refused:
        apply(lambda change: change.hold(1))
    assert refused.value.kind == "owing"
    assert "5.00 EUR" in refused.value.detail


def test_set_aside_money_pays_a_fee_even_under_a_debt() -> None:
    apply(take_in(100))
    apply(lambda change: change.set_aside(100 * EUR, line("aside")))
    apply(lambda change: change.take_back(40 * EUR, line("dispute:1")))
    fee = line("fee", kind=billing.MAINTENANCE_FEE)
    apply(lambda change: change.charge(100 * EUR, fee, set_aside_micros=100 * EUR))
    assert purse() == (0, 0, 0, 40 * EUR)


def test_money_in_and_out_again_in_one_change_is_settled_as_one() -> None:
    apply(lambda change: change.take_back(5 * EUR, line("dispute:1")))
    apply(
        lambda change: change.take_in(20 * EUR, line("in")),
        lambda change: change.take_back(4 * EUR, line("out")),
    )
    assert purse() == (11 * EUR, 0, 0, 0)


def test_a_debt_that_comes_between_the_read_and_the_write_is_still_paid_first() -> None:
    apply(take_in(10))
    apply(lambda change: change.hold(10 * EUR))
    stale = billing.balance(OURS)
    apply(lambda change: change.take_back(3 * EUR, line("dispute:1")))
    change = Change(OURS)
    change.void(10 * EUR)
    with pytest.raises(store.Changed):
        store.commit(change.writes(stale, now=NOW))
    assert purse() == (0, 10 * EUR, 0, 3 * EUR)


def test_money_that_comes_between_the_read_and_what_is_taken_back_is_no_debt() -> None:
    stale = billing.balance(OURS)
    apply(take_in(10))
    change = Change(OURS)
    change.take_back(4 * EUR, line("refund"))
    with pytest.raises(store.Changed):
        store.commit(change.writes(stale, now=NOW))
    assert purse() == (10 * EUR, 0, 0, 0)


def test_a_hold_does_not_mind_what_others_do_meanwhile() -> None:
    apply(take_in(10))
    stale = billing.balance(OURS)
    apply(lambda change: change.hold(4 * EUR))
    change = Change(OURS)
    change.hold(6 * EUR)
    store.commit(change.writes(stale, now=NOW))
    assert purse() == (0, 10 * EUR, 0, 0)


# Faults of the store.


@pytest.mark.parametrize(
    "codes",
    [
        ["TransactionConflict", "None"],
        ["None", "ThrottlingError"],
        ["TransactionConflict", "ConditionalCheckFailed"],
    ],
)
def test_a_conflict_or_throttling_is_no_verdict(codes: list[str]) -> None:
    apply(take_in(10))
    with Script("TransactWriteItems", codes, codes) as script:
        apply(lambda change: change.charge(10 * EUR, line("x")))
    tokens = {call["ClientRequestToken"] for call in script.calls}
    assert purse() == (0, 0, 0, 0)
    # A failed condition on an entry means: decide again, under a new token.
    assert len(tokens) == (3 if codes[-1] == "ConditionalCheckFailed" else 1)


def test_a_refusal_beside_a_conflict_is_asked_again() -> None:
    apply(take_in(10))
    reasons = ["ConditionalCheckFailed", "TransactionConflict"]
    with Script("TransactWriteItems", reasons):
        apply(lambda change: change.charge(10 * EUR, line("x")))
    assert purse() == (0, 0, 0, 0)


def test_a_store_that_stays_silent_is_given_up_and_told() -> None:
    silence = ReadTimeoutError(endpoint_url="https://store")
    with Script("TransactWriteItems", *[silence] * 9), pytest.raises(errors.Busy):
        apply(take_in(10))
    assert purse() == (0, 0, 0, 0)


@pytest.mark.parametrize("how", ["no answer before", "no answer after"])
def test_a_lost_answer_applies_once(how: Any) -> None:
    line_between = Line()
    with line_between.between(), line_between.counting(Point(2, how)):
        apply(take_in(10), guard="payment")
        assert line_between.calls.count("TransactWriteItems") == 2
    assert purse() == (10 * EUR, 0, 0, 0)


def test_an_exact_repeat_meets_its_own_fact() -> None:
    apply(take_in(10), guard="payment")
    with pytest.raises(store.AlreadyThere):
        apply(take_in(10), guard="payment", now=NOW + timedelta(hours=1))
    assert purse() == (10 * EUR, 0, 0, 0)


# The statement.


@pytest.fixture
def history() -> list[Entry]:
    """Nine entries, an hour apart, of three kinds and two bots."""
    kinds = (billing.TOP_UP, billing.MESSAGE, billing.MAINTENANCE_FEE)
    made = []
    for number in range(9):
        entry = line(
            f"n{number}",
            kind=kinds[number % 3],
            now=NOW + timedelta(hours=number),
            bot_id=f"bot_{number % 2}",
        )
        apply(lambda change, entry=entry: change.take_in(EUR, entry))  # type: ignore[misc]
        made.append(entry)
    return made


def causes(found: list[Entry]) -> list[str]:
    return [entry.cause for entry in found]


def test_entries_are_paged_by_time_either_way(history: list[Entry]) -> None:
    newest, cursor = billing.entries(OURS, limit=4)
    assert causes(newest) == ["n8", "n7", "n6", "n5"]
    rest, _ = billing.entries(OURS, limit=9, cursor=cursor)
    assert causes(rest) == ["n4", "n3", "n2", "n1", "n0"]
    oldest, _ = billing.entries(OURS, limit=2, newest_first=False)
    assert causes(oldest) == ["n0", "n1"]


def test_a_period_holds_its_first_instant_and_not_its_last(history: list[Entry]) -> None:
    found, _ = billing.entries(
        OURS, limit=9, from_at=NOW + timedelta(hours=2), until_at=NOW + timedelta(hours=4)
    )
    assert causes(found) == ["n3", "n2"]
    assert billing.entries(OURS, limit=9, from_at=NOW, until_at=NOW) == ([], None)


def test_entries_of_a_bot_or_a_kind(history: list[Entry]) -> None:
    found, _ = billing.entries(OURS, limit=9, bot_id="bot_1", kind=billing.MESSAGE)
    assert causes(found) == ["n7", "n1"]
    with pytest.raises(errors.BadInput) as refused:
        billing.entries(OURS, limit=9, kind="gift")
    assert refused.value.field == "kind"


def test_another_accounts_entry_is_none(history: list[Entry]) -> None:
    assert billing.read_entry(OURS, history[0].entry_id).cause == "n0"
    with pytest.raises(errors.NotFound):
        billing.read_entry("acc_theirs", history[0].entry_id)
    assert billing.entries("acc_theirs", limit=9) == ([], None)


def test_the_balance_at_an_instant_is_the_sum_of_what_was_booked_by_then(
    history: list[Entry],
) -> None:
    at = NOW + timedelta(hours=3)
    assert billing.balance_at(OURS, at) == 4 * EUR
    assert billing.balance_at(OURS, at - timedelta(milliseconds=1)) == 3 * EUR
    assert billing.balance_at(OURS, NOW - timedelta(days=1)) == 0
    assert billing.balance_at(OURS, NOW + timedelta(days=900)) == 9 * EUR


def test_the_balance_at_an_instant_begins_at_the_last_checkpoint_before_it(
    history: list[Entry],
) -> None:
    ends_at = NOW + timedelta(hours=5)
    Checkpoint(
        key=OURS,
        item=billing.checkpoint_item("2026-11"),
        month="2026-11",
        ends_at=ends_at,
        entries_micros=500 * EUR,
        at=NOW,
    ).save()
    assert billing.balance_at(OURS, ends_at - timedelta(milliseconds=1)) == 5 * EUR
    assert billing.balance_at(OURS, ends_at) == 501 * EUR
    assert billing.balance_at(OURS, ends_at + timedelta(days=1)) == 504 * EUR


def test_a_long_history_is_read_to_its_end(ledger: None) -> None:
    with Entry.batch_write() as batch:
        for number in range(1203):
            at = NOW + timedelta(seconds=number)
            made = line(f"m{number}", now=at)
            made.amount_micros = 1
            batch.save(made)
    with Script("Query") as script:
        assert billing.balance_at(OURS, NOW + timedelta(days=1)) == 1203
    assert len([c for c in script.calls if "between" in str(c).lower()]) == 3


# What an entry is named by.


def test_an_entrys_id_is_that_of_its_instant_and_cause() -> None:
    one, same, other = line("a"), line("a"), line("b")
    assert one.entry_id == same.entry_id != other.entry_id
    assert ids.ms_of(one.entry_id) == ids.to_ms(NOW)
    assert one.facts == {}
    assert line("a", price=None, country="UA").facts == {"country": "UA"}


def test_the_balance_is_looked_at_soon_after_it_changed() -> None:
    apply(take_in(10))
    found = billing.balance(OURS)
    assert found.due_at == NOW + billing.LOOKED_AT_WITHIN
    assert found.due_shard == store.shard_of("balance", OURS)
    apply(take_in(10, "later", now=NOW + timedelta(hours=1)), now=NOW + timedelta(hours=1))
    assert billing.balance(OURS).due_at == NOW + billing.LOOKED_AT_WITHIN


# The quota of a legacy bot.


def test_the_quota_is_counted_in_the_store_and_given_back() -> None:
    full = errors.Conflict("full")

    def use(count: int) -> None:
        store.commit([billing.use_quota(OURS, "bot_1", "2026-11", count, at_most=10, refusal=full)])

    use(9)
    use(1)
    with pytest.raises(errors.Conflict, match="full"):
        use(1)
    store.commit([billing.return_quota(OURS, "bot_1", "2026-11", 3)])
    use(3)
    with pytest.raises(errors.Conflict, match="full"):
        use(11)
    with pytest.raises(billing.BooksBroken):
        store.commit([billing.return_quota(OURS, "bot_1", "2026-11", 11)])


@pytest.mark.rule("S1.42", "X.1")
def test_the_commercial_balance_lies_apart_from_any_other_of_the_account() -> None:
    # A provider's SMS balance is only ever asked for; no item of the ledger can hold it.
    assert Balance.Meta.table_name == config.name_of("ledger")
    in_micros = {name for name in Balance.get_attributes() if name.endswith("_micros")}
    assert in_micros == {
        "available_micros",
        "held_micros",
        "set_aside_micros",
        "owed_micros",
        "entries_micros",
    }
