"""The audit of broadcasts: what chunks hold and which lines were paid for."""

from datetime import timedelta

import pytest

from chalicelib import books, delivery
from chalicelib.delivery import chunks
from chalicelib.tables import Broadcast, Chunk, Difference
from tests.desk import Desk
from tests.fixtures_broadcasts import Crier, took
from tests.fixtures_talk import Carrier

TOKEN = 5_741_311_803_571_721_087


@pytest.fixture
def crier(desk: Desk) -> Crier:
    return Crier(desk)


def receipt(crier: Crier, subscriber_id: str) -> None:
    delivery.receipt(
        crier.desk.bot,
        subscriber_id,
        str(TOKEN),
        "delivered",
        at=crier.desk.now,
        now=crier.desk.now,
        reason=None,
    )


def half_arrived(crier: Crier) -> tuple[Broadcast, Chunk]:
    """A broadcast to four, of whom two have it after the first pass."""
    who = crier.crowd(4)
    sent = crier.send(http=Carrier(took(TOKEN)))
    for subscriber_id in who[:2]:
        receipt(crier, subscriber_id)
    crier.desk.wait(minutes=6)
    crier.settle()
    return sent, crier.chunk(sent)


def found(crier: Crier) -> list[tuple[str, str]]:
    report = books.audit(crier.desk.account_id, now=crier.desk.now)
    return [(each.kind, each.subject) for each in report.findings]


def test_a_broadcast_balances_from_its_hold_to_its_last_pass(crier: Crier) -> None:
    _, chunk = half_arrived(crier)
    assert chunks.read(chunk.posted).bit_count() == 2
    assert found(crier) == []
    for span in (timedelta(hours=1), timedelta(days=1), timedelta(days=15)):
        crier.desk.wait(seconds=span.total_seconds())
        crier.settle()
        assert found(crier) == []
    assert crier.held == 0


def test_money_that_a_chunk_holds_and_the_balance_does_not_is_found(crier: Crier) -> None:
    _, chunk = half_arrived(crier)
    chunk.update([Chunk.held_micros.set(chunk.held_micros + 1)])
    cause = f"broadcast:{chunk.name}"
    assert found(crier) == [("balance", "held_micros"), ("chunk-held", cause)]


def test_a_line_paid_and_not_booked_or_not_arrived_is_found(crier: Crier) -> None:
    _, chunk = half_arrived(crier)
    chunk.update([Chunk.posted.set(chunks.told(0b1111))])
    cause = f"broadcast:{chunk.name}"
    assert found(crier) == [
        ("amount", cause),
        ("chunk-held", cause),
        ("posted-not-arrived", cause),
    ]


def test_an_entry_whose_chunk_posted_nothing_is_found(crier: Crier) -> None:
    _, chunk = half_arrived(crier)
    chunk.update([Chunk.posted.set("0")])
    cause = f"broadcast:{chunk.name}"
    assert sorted(found(crier)) == [("chunk-held", cause), ("entry-unfounded", f"{cause}:1")]


def test_a_line_that_arrived_and_was_forgotten_is_found_after_the_last_pass(crier: Crier) -> None:
    sent, chunk = half_arrived(crier)
    for _ in range(20):
        crier.desk.wait(days=1)
        crier.settle()
    assert found(crier) == []
    late = crier.lines(sent)[3]
    late.state = "delivered"
    late.save()
    cause = f"broadcast:{chunk.name}"
    assert found(crier) == [("arrived-unlisted", cause)]
    Difference(
        key=crier.desk.account_id,
        item=f"difference#{chunk.name}#delivered-unpaid#late",
        account_id=crier.desk.account_id,
        kind="delivered-unpaid",
        at=crier.desk.now,
        bot_id=chunk.bot_id,
        message_id=chunk.name,
        facts={"subscriber_ids": [late.subscriber_id]},
    ).save()
    assert found(crier) == []


def test_a_line_that_cost_nothing_is_on_no_list_however_late_it_arrives(crier: Crier) -> None:
    crier.set_plan("legacy")
    (who,) = crier.crowd(1)
    sent = crier.send(http=Carrier(took(TOKEN, billing=4)))
    for _ in range(20):
        crier.desk.wait(days=1)
        crier.settle()

    receipt(crier, who)

    assert crier.states(sent) == ["delivered"]
    assert found(crier) == []
