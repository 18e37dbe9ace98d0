"""What a second look at broadcasts found: money that went back though its message was sent."""

import pytest

from chalicelib import aws, books, config, delivery, errors, queues, store, viber
from chalicelib.delivery import broadcasts, chunks
from chalicelib.tables import Broadcast, Chunk, Difference, Line
from chalicelib.viber.content import Text
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


def billed(count: int, first: int = 1) -> list[tuple[int, bytes]]:
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


def test_a_paused_broadcast_whose_chunk_is_throttled_is_not_due(crier: Crier) -> None:
    crier.crowd(2)
    broadcast = started(crier)

    def paused() -> object:
        account_id, broadcast_id = crier.desk.account_id, broadcast.broadcast_id
        broadcasts.pause(account_id, broadcast_id, by=crier.desk.actor, now=crier.desk.now)
        return refused(12)

    crier.work(broadcast, http=Carrier(paused))

    rests = crier.again(broadcast)
    assert rests.state == "paused"
    assert rests.due_at is None
    assert rests.waits_until is None
    assert crier.chunk(broadcast).state == chunks.HELD


def test_a_wait_does_not_put_off_a_stop(crier: Crier) -> None:
    crier.crowd(2)
    broadcast = started(crier)

    def stopped() -> object:
        stop(crier, broadcast)
        return refused(12)

    crier.work(broadcast, http=Carrier(stopped))

    assert (crier.again(broadcast).state, crier.held) == ("stopped", 0)


def test_a_broadcast_that_rests_and_is_found_due_is_not_queued_again(crier: Crier) -> None:
    crier.crowd(1)
    broadcast = crier.plan()
    broadcast.update([Broadcast.due_at.set(crier.desk.now)])
    assert crier.settle() == ["ready"]
    assert crier.again(broadcast).due_at is None


def test_each_line_has_its_own_tries(crier: Crier) -> None:
    crier.crowd(7)
    broadcast = started(crier, sends_singly=True)
    for number in range(7):
        crier.work(broadcast, http=Carrier(refused(12)))
        assert crier.again(broadcast).tries == 1
        crier.desk.wait(minutes=2)
        crier.work(broadcast, http=Carrier(taken(number, billing_status=5), refused(12)), steps=2)
        crier.desk.wait(minutes=2)
    assert crier.states(broadcast) == ["sent"] * 7


def test_no_line_fails_for_want_of_a_connection(crier: Crier) -> None:
    crier.crowd(1)
    broadcast = started(crier, sends_singly=True)
    for _ in range(8):
        crier.work(broadcast, http=Carrier(viber.NotConnected("no route")))
        crier.desk.wait(minutes=31)
    assert crier.states(broadcast) == ["queued"]
    crier.work(broadcast, http=Carrier(*billed(1)))
    assert crier.states(broadcast) == ["sent"]


def test_a_broadcast_that_waits_for_a_worker_is_queued_now_and_then(crier: Crier) -> None:
    crier.crowd(1)
    started(crier)
    queued = 0
    for _ in range(20):
        crier.desk.wait(minutes=1)
        queued += crier.settle().count("queued again")
    assert queued == 2


def test_an_account_plans_so_many_broadcasts_at_once(crier: Crier) -> None:
    def make() -> Broadcast:
        wanted = broadcasts.Wanted(
            crier.desk.bot.bot_id,
            Text(text="Привіт"),
            broadcasts.Recipients(),
            None,
            next(crier.desk.keys),
        )
        account_id = crier.desk.account_id
        return broadcasts.make(account_id, wanted, by=crier.desk.actor, now=crier.desk.now)

    first = [make() for _ in range(3)]
    with pytest.raises(errors.Conflict) as refusal:
        make()
    assert refusal.value.kind == "too-many-broadcasts"

    for each in first:
        crier.work(each)
    for _ in range(17):
        crier.work(make())
    with pytest.raises(errors.Conflict, match="start or stop one"):
        make()
    stop(crier, first[0])
    assert make().state == "planning"


def test_an_account_sends_so_many_broadcasts_at_once(crier: Crier) -> None:
    crier.crowd(1)
    planned = [crier.plan() for _ in range(12)]
    running = [crier.start(each) for each in planned[:10]]
    with pytest.raises(errors.Conflict) as refusal:
        crier.start(planned[10])
    assert refusal.value.kind == "too-many-running"
    assert crier.start(planned[0]).state == "running"

    account_id = crier.desk.account_id

    def resume(broadcast: Broadcast) -> Broadcast:
        by, now = crier.desk.actor, crier.desk.now
        return broadcasts.resume(account_id, broadcast.broadcast_id, by=by, now=now)

    resting = running[0]
    broadcasts.pause(account_id, resting.broadcast_id, by=crier.desk.actor, now=crier.desk.now)
    crier.start(planned[10])
    with pytest.raises(errors.Conflict):
        resume(resting)
    stop(crier, running[1])
    crier.work(running[1])
    assert resume(resting).state == "running"


def test_the_queue_of_broadcasts_is_fair_between_accounts(crier: Crier) -> None:
    sqs, url = aws.client("sqs"), config.queue_url("broadcasts")
    sqs.purge_queue(QueueUrl=url)
    queues.put_broadcast(queues.Broadcast(crier.desk.account_id, "brc_1"))
    answer = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["MessageGroupId"])
    (message,) = answer["Messages"]
    assert message["Attributes"]["MessageGroupId"] == crier.desk.account_id


def test_a_late_receipt_that_died_before_listing_lists_when_it_comes_again(crier: Crier) -> None:
    crier.crowd(1)
    sent = crier.send(http=Carrier(took(1)))
    days_pass(crier)
    (line,) = crier.lines(sent)
    # The line is written first: here the process died.
    line.update([Line.state.set("delivered")])
    for _ in range(2):
        delivery.receipt(
            crier.desk.bot,
            line.subscriber_id,
            "1",
            "delivered",
            at=crier.desk.now,
            now=crier.desk.now,
        )
    assert listed(crier) == ["delivered-unpaid"]


def test_a_chunk_of_a_legacy_bot_that_pays_by_now_is_decided_afresh(crier: Crier) -> None:
    crier.set_plan("legacy")
    crier.crowd(2)
    broadcast = started(crier)
    named = Broadcast(key=broadcast.key, item=broadcast.item)
    store.update(named, [Broadcast.limit_micros.set(2 * PRICE)], Broadcast.key.exists())
    crier.work(broadcast, http=Carrier(refused(12)))
    assert crier.chunk(broadcast).quota_month is not None
    crier.set_plan("commercial")
    crier.desk.wait(minutes=2)

    crier.work(broadcast, http=Carrier(took(1)))

    assert crier.held == 2 * PRICE
    assert crier.chunk(broadcast).quota_month is None
    crier.check_books()


def test_a_chunk_decided_afresh_commits_what_it_spends_apart_once(crier: Crier) -> None:
    crier.crowd(2)
    broadcast = started(crier)
    crier.work(broadcast, http=Carrier(refused(12)))
    # One apart at a price beside the two: his part is committed and not held.
    crier.chunk(broadcast).update([Chunk.apart_price.set({"2": PRICE})])
    named = Broadcast(key=broadcast.key, item=broadcast.item)
    more = [Broadcast.committed_micros.set(3 * PRICE)]
    store.update(named, more, Broadcast.key.exists())
    crier.desk.wait(days=16)
    crier.settle()
    assert (crier.again(broadcast).committed_micros, crier.held) == (0, 0)


def test_a_limit_that_was_lowered_does_not_refuse_what_gives_back(crier: Crier) -> None:
    (phone,) = crier.phones(1)
    broadcast = started(crier)
    crier.work(broadcast, http=Carrier(refused(12)))
    phone.write("Доброго ранку")
    named = Broadcast(key=broadcast.key, item=broadcast.item)
    store.update(named, [Broadcast.limit_micros.set(0)], Broadcast.key.exists())
    crier.desk.wait(minutes=2)

    crier.work(broadcast)

    assert (crier.again(broadcast).state, crier.held) == ("done", 0)
