"""What a second look at broadcasts found: money that went back though its message was sent."""

import pytest

from chalicelib import books, delivery, queues, store, viber
from chalicelib.delivery import broadcasts, chunks
from chalicelib.tables import Broadcast, Chunk, Difference, Line
from tests.desk import Desk
from tests.fixtures_broadcasts import PRICE, Crier, took
from tests.fixtures_talk import Carrier, refused, taken

SILENCE = viber.NoAnswer("lost")


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


@pytest.mark.rule("S1.44")
def test_what_arrived_of_a_chunk_left_half_sent_is_paid(crier: Crier) -> None:
    crier.crowd(5)
    broadcast = started(crier, sends_singly=True)

    def paused() -> object:
        broadcasts.pause(
            crier.desk.account_id,
            broadcast.broadcast_id,
            by=crier.desk.actor,
            now=crier.desk.now,
        )
        return taken(4, billing_status=5)

    crier.work(broadcast, http=Carrier(*billed(3), paused, refused(12)))
    assert crier.again(broadcast).state == "paused"
    all_arrive(crier, broadcast)
    assert findings(crier) == []

    days_pass(crier, 40)

    assert crier.states(broadcast) == ["delivered"] * 4 + ["skipped"]
    assert (crier.held, crier.spent) == (0, 4 * PRICE)
    assert (listed(crier), findings(crier)) == ([], [])
    crier.check_books()


@pytest.mark.rule("S1.45")
def test_the_hold_for_whoever_left_a_chunk_goes_back_though_no_answer_comes(crier: Crier) -> None:
    phones = crier.phones(2)
    sent = crier.send(http=Carrier(refused(12)))
    phones[0].write("Доброго ранку")
    crier.desk.wait(minutes=2)
    crier.work(sent, http=Carrier(SILENCE, *billed(2)))
    assert (crier.chunk(sent).state, crier.held) == (chunks.UNKNOWN, 2 * PRICE)

    days_pass(crier)

    assert (crier.chunk(sent).held_micros, crier.held, crier.spent) == (0, 0, 0)
    assert crier.again(sent).committed_micros == 0
    assert findings(crier) == []
    crier.check_books()


def test_the_audit_finds_a_closed_chunk_that_holds_money(crier: Crier) -> None:
    crier.crowd(1)
    sent = crier.send(http=Carrier(took(1)))
    days_pass(crier)
    assert findings(crier) == []
    crier.chunk(sent).update([Chunk.held_micros.set(PRICE)])
    assert "chunk-held" in findings(crier)


def test_the_audit_finds_what_arrived_of_a_chunk_that_has_no_pass(crier: Crier) -> None:
    crier.crowd(1)
    sent = crier.send(http=Carrier(took(1)))
    (line,) = crier.lines(sent)
    line.update([Line.state.set("delivered")])
    chunk = crier.chunk(sent)
    chunk.update([Chunk.state.set("stopped"), Chunk.due_at.remove(), Chunk.due_shard.remove()])
    assert "arrived-unlisted" in findings(crier)


def stop(crier: Crier, broadcast: Broadcast) -> None:
    account_id = crier.desk.account_id
    broadcasts.stop(account_id, broadcast.broadcast_id, by=crier.desk.actor, now=crier.desk.now)


def test_nobody_is_sent_to_whose_money_a_stop_beside_the_worker_gave_back(crier: Crier) -> None:
    crier.crowd(5)
    broadcast = started(crier, sends_singly=True)
    times: list[bool] = []

    def has_time() -> bool:
        # Between two lines another worker ends what was stopped.
        times.append(True)
        if len(times) == 3:
            stop(crier, broadcast)
            crier.work(broadcast)
        return True

    http = Carrier(*billed(5))
    wanted = queues.Broadcast(broadcast.account_id, broadcast.broadcast_id)
    crier.work(broadcast, steps=2)
    times.clear()
    broadcasts.work(wanted, clock=lambda: crier.desk.now, has_time=has_time, http=http)

    assert crier.again(broadcast).state == "stopped"
    went = len(http.carried)
    assert 0 < went < 5
    assert crier.states(broadcast) == ["sent"] * went + ["skipped"] * (5 - went)
    assert crier.held == went * PRICE
    all_arrive(crier, broadcast)
    days_pass(crier)
    assert (crier.held, crier.spent) == (0, went * PRICE)
    assert (listed(crier), findings(crier)) == ([], [])


def test_a_stop_is_heeded_within_a_chunk(crier: Crier) -> None:
    crier.crowd(40)
    broadcast = started(crier, sends_singly=True)

    def stopped() -> object:
        stop(crier, broadcast)
        return taken(1, billing_status=5)

    http = Carrier(stopped, *billed(39, first=2))
    crier.work(broadcast, http=http)

    assert crier.again(broadcast).state == "stopped"
    assert len(http.carried) == 10
    assert crier.held == 10 * PRICE
    crier.check_books()


def test_a_stop_leaves_out_those_apart_who_have_no_message_yet(crier: Crier) -> None:
    for phone in crier.phones(3):
        phone.write("Маю питання")
    broadcast = started(crier)
    crier.work(broadcast, steps=3)
    stop(crier, broadcast)

    crier.work(broadcast)

    ended = crier.again(broadcast)
    assert ended.state == "stopped"
    assert crier.states(broadcast) == ["queued", "skipped", "skipped"]
    assert ended.progress == {"queued": 1, "skipped": 2}
