"""What a second look at broadcasts found: money that went back though its message was sent."""

import pytest

from chalicelib import books, delivery, store
from chalicelib.delivery import chunks
from chalicelib.tables import Broadcast, Difference
from tests.desk import Desk
from tests.fixtures_broadcasts import PRICE, Crier
from tests.fixtures_talk import Carrier, taken


@pytest.fixture
def crier(desk: Desk) -> Crier:
    return Crier(desk)


def started(crier: Crier, *, sends_singly: bool = False) -> Broadcast:
    """A broadcast to everybody that has been started, and not been worked on."""
    broadcast = crier.start(crier.plan())
    if sends_singly:
        # What an earlier chunk's refusal leaves behind.
        named = Broadcast(key=broadcast.key, item=broadcast.item)
        store.update(named, [Broadcast.sends_singly.set(True)], Broadcast.key.exists())
    return crier.again(broadcast)


def all_arrive(crier: Crier, broadcast: Broadcast) -> None:
    """Let Viber tell of each line it took, under its own token, that it was delivered."""
    for line in crier.lines(broadcast):
        if line.token is not None:
            delivery.receipt(
                crier.desk.bot,
                line.subscriber_id,
                line.token,
                "delivered",
                at=crier.desk.now,
                now=crier.desk.now,
            )


def days_pass(crier: Crier, days: int = 20) -> None:
    """Let the schedule run once a day."""
    for _ in range(days):
        crier.desk.wait(days=1)
        crier.settle()


def listed(crier: Crier) -> list[str]:
    """The kinds of what lies on the operators' list."""
    of_account = Difference.item.startswith("difference#")
    found, _ = store.page(Difference, crier.desk.account_id, of_account, limit=50)
    return [each.kind for each in found]


def findings(crier: Crier) -> list[str]:
    """The kinds of what the audit of the books finds."""
    report = books.audit(crier.desk.account_id, now=crier.desk.now)
    return [each.kind for each in report.findings]


def billed(count: int, first: int = 1) -> list[object]:
    """Viber's answers to so many lines, each taken and billed."""
    return [taken(token, billing_status=5) for token in range(first, first + count)]


@pytest.mark.rule("S1.44")
def test_a_chunk_that_takes_its_time_line_by_line_is_not_given_up_meanwhile(crier: Crier) -> None:
    crier.crowd(3)
    broadcast = started(crier, sends_singly=True)
    done: list[str] = []

    def slow() -> object:
        crier.desk.wait(seconds=95)
        done.extend(crier.settle())
        return taken(2, billing_status=5)

    crier.work(broadcast, http=Carrier(*billed(1), slow, *billed(1, 3)))

    assert "given back" not in done
    assert crier.states(broadcast) == ["sent"] * 3
    assert (crier.chunk(broadcast).state, crier.held) == (chunks.SENT, 3 * PRICE)
    all_arrive(crier, broadcast)
    days_pass(crier)
    assert (crier.held, crier.spent) == (0, 3 * PRICE)
    crier.check_books()
