"""Every single call of a broadcast fails once, in four ways; then the schedules repair things.

Whatever fails, nobody is written to twice, each line is in a true state, and the money adds up.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from chalicelib import delivery, errors, store
from chalicelib.bots import remembering
from chalicelib.delivery import broadcasts
from chalicelib.delivery.broadcasts import steering
from chalicelib.tables import Broadcast, Conversation, Message
from chalicelib.viber import NoAnswer
from chalicelib.viber.content import Text
from tests.desk import Desk, message_event
from tests.faults import Died, How, Line, Point
from tests.fixtures_broadcasts import PRICE, Crier, took
from tests.fixtures_talk import refused, taken

pytestmark = pytest.mark.crashes

# An account sends no more at once.
RUNS_PER_DESK = steering.RUNNING_MAX
# Silence of the store is tried by the crash points of every other flow; here each takes longer.
DEATHS: Sequence[How] = ("dies before", "dies after")


class Wire(Line):
    """Stands between the code and everything outside; Viber answers by its own simple rules."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: Counter[str] = Counter()
        self.tokens: dict[str, int] = {}
        self.number = 1000

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        number = self._count("viber")
        if self._fails(number, "before"):
            raise self._error(NoAnswer("lost on the way"))
        answer = self._answer(json.loads(body))
        if self._fails(number, "after"):
            raise self._error(NoAnswer("lost on the way back"))
        return answer

    def _answer(self, said: dict[str, Any]) -> tuple[int, bytes]:
        self.number += 1
        receivers = said.get("broadcast_list") or [said["receiver"]]
        if "broadcast_list" in said and receivers[0].startswith("alone"):
            return refused(20)
        gone = [each for each in receivers if each.endswith("00001")]
        for each in receivers:
            if each not in gone:
                self.heard[each] += 1
                self.tokens[each] = self.number
        if "broadcast_list" in said:
            answer: tuple[int, bytes] = took(self.number, [(each, 6) for each in gone])
            return answer
        return refused(6) if gone else taken(self.number, billing_status=5)


class Run(NamedTuple):
    """One broadcast of three recipients, one of whom Viber refuses."""

    crier: Crier
    wire: Wire
    who: list[str]
    broadcast: Broadcast


def begun(crier: Crier, wire: Wire, kind: str, number: int) -> Run:
    """Plan and start a broadcast to people of its own."""
    name = f"{kind}-{number:03}"
    if kind == "window":
        who = [f"{name}-{each:05}" for each in range(3)]
        for each in who:
            open_window(crier, each)
    else:
        who = crier.crowd(3, name=name)
    contacts = [crier.contact_of(each) for each in who]
    return Run(crier, wire, who, crier.start(crier.plan(contact_ids=contacts, cap="1")))


def open_window(crier: Crier, subscriber_id: str) -> None:
    """Let a subscriber write now, through the front door."""
    token = int.from_bytes(subscriber_id.encode()[-9:].replace(b"-", b""), "big")
    event = message_event(subscriber_id, "Добрий день", at=crier.desk.now, token=token)
    assert crier.desk.callback(event)[0] == 200


def sends(run: Run) -> None:
    run.crier.work(run.broadcast, http=run.wire)


def nothing(run: Run) -> None:
    pass


def sent_and_arrived(run: Run) -> None:
    sends(run)
    arrives(run)
    run.crier.desk.wait(minutes=5)


def arrives(run: Run) -> None:
    desk = run.crier.desk
    for each in run.who:
        if each in run.wire.tokens:
            token = str(run.wire.tokens[each])
            delivery.receipt(desk.bot, each, token, "delivered", at=desk.now, now=desk.now)


def passes(run: Run) -> None:
    chunk = run.crier.chunk(run.broadcast)
    broadcasts.settle(chunk, now=run.crier.desk.now)


def waiting(run: Run) -> None:
    held = type("Busy", (), {"request": lambda *_: refused(12)})()
    run.crier.work(run.broadcast, http=held)
    run.crier.desk.wait(minutes=1)


def stops(run: Run) -> None:
    desk = run.crier.desk
    broadcasts.stop(desk.account_id, run.broadcast.broadcast_id, by=desk.actor, now=desk.now)
    sends(run)


class Played(NamedTuple):
    """Who is written to, what comes before, the step that fails, and what follows it again."""

    kind: str
    before: Callable[[Run], None]
    step: Callable[[Run], None]


FLOWS = {
    "a chunk in one request": Played("many", nothing, sends),
    "a chunk line by line": Played("alone", nothing, sends),
    "messages of their own": Played("window", nothing, sends),
    "a pass": Played("many", sent_and_arrived, passes),
    "a chunk that waited": Played("many", waiting, sends),
    "a stop": Played("many", waiting, stops),
}


@contextmanager
def surviving() -> Iterator[None]:
    """Let who called a function that died, or found the store busy, come again later."""
    try:
        yield
    except (Died, errors.Busy):
        remembering._known.clear()


def repair(runs: list[Run]) -> None:
    """Let time pass and everything that repairs run."""
    crier = runs[0].crier
    for minutes in (3, 3):
        crier.desk.wait(minutes=minutes)
        crier.settle()
        for run in runs:
            crier.work(run.broadcast, http=run.wire)


def check(run: Run, where: str) -> None:
    """Nobody hears it twice; what is shown is true."""
    assert all(times == 1 for times in run.wire.heard.values()), where
    broadcast = run.crier.again(run.broadcast)
    assert broadcast.state in ("done", "stopped"), f"{where}: {broadcast.state}"
    found, _ = broadcasts.recipients(run.crier.desk.account_id, broadcast.broadcast_id, number=0)
    for each in found:
        who = each.line.subscriber_id
        if each.message is not None or who.startswith("window"):
            assert each.state == "queued", where
            assert own_messages(run, who) == 1, where
        elif who in run.wire.heard:
            assert each.state in ("sent", "delivered", "unknown"), f"{where}: {each.state}"
        else:
            assert each.state in ("failed", "unknown", "skipped"), f"{where}: {each.state}"


def own_messages(run: Run, subscriber_id: str) -> int:
    key = f"{run.crier.desk.bot.bot_id}/{subscriber_id}"
    assert store.get(Conversation, key, "conversation") is not None
    found, _ = store.page(Message, key, Message.item.startswith("message#"), limit=20)
    return sum(message.kind == "outgoing" for message in found)


def check_money(runs: list[Run], where: str) -> None:
    """All that arrived is paid once, the rest goes back, and nothing is left."""
    crier = runs[0].crier
    crier.check_books()
    for run in runs:
        arrives(run)
    for wait in (timedelta(hours=1), timedelta(days=1), timedelta(days=15)):
        crier.desk.now += wait
        crier.desk._set_clock()
        crier.settle()
    paid = sum(
        each.state == "delivered"
        for run in runs
        for each in broadcasts.recipients(
            crier.desk.account_id, run.broadcast.broadcast_id, number=0
        )[0]
    )
    assert crier.spent == paid * PRICE, where
    assert crier.held == 0, where
    crier.check_books()


def one(crier: Crier, wire: Wire, name: str, number: int, point: Point | None) -> Run:
    played = FLOWS[name]
    run = begun(crier, wire, played.kind, number)
    played.before(run)
    with surviving(), wire.counting(point):
        played.step(run)
    return run


@pytest.mark.parametrize("name", FLOWS)
def test_whatever_fails_nobody_hears_it_twice_and_the_money_adds_up(
    new_desk: Callable[[], AbstractContextManager[Desk]],
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    wire = Wire()
    with new_desk() as desk, wire.between():
        crier = Crier(desk)
        run = one(crier, wire, name, 0, None)
        calls = list(wire.calls)
        repair([run])
        check(run, name)
        check_money([run], name)
    points = [Point(number, how) for number in range(1, len(calls) + 1) for how in DEATHS]
    for first in range(0, len(points), RUNS_PER_DESK):
        wire = Wire()
        with new_desk() as desk, wire.between():
            crier, runs = Crier(desk), []
            for number, point in enumerate(points[first : first + RUNS_PER_DESK]):
                runs.append(one(crier, wire, name, number, point))
            repair(runs)
            for run, point in zip(runs, points[first:], strict=False):
                check(run, f"{name}, {point}, {calls[point.number - 1]}")
            check_money(runs, name)
    record_property("crash points", f"{len(points)} over {len(calls)} calls: {name}")


def test_a_request_that_was_not_answered_makes_one_broadcast(
    new_desk: Callable[[], AbstractContextManager[Desk]],
    record_property: Callable[[str, object], None],
) -> None:
    wire = Wire()
    with new_desk() as desk, wire.between():
        crier = Crier(desk)
        contacts = [crier.contact_of(each) for each in crier.crowd(3)]

        def plans(key: str) -> None:
            recipients = broadcasts.Recipients(contact_ids=contacts)
            wanted = broadcasts.Wanted(desk.bot.bot_id, Text(text="Так"), recipients, None, key)
            made = broadcasts.make(desk.account_id, wanted, by=desk.actor, now=desk.now)
            crier.work(made)

        with wire.counting():
            plans("rehearsal")
        calls = list(wire.calls)
        found, _ = broadcasts.listed(desk.account_id, limit=200, cursor=None)
        known = {each.broadcast_id for each in found}
        points = [Point(number, how) for number in range(1, len(calls) + 1) for how in DEATHS]
        for point in points:
            key = f"{point.number} {point.how}"
            with surviving(), wire.counting(point):
                plans(key)
            with contextlib.suppress(errors.Busy):
                plans(key)
            found, _ = broadcasts.listed(desk.account_id, limit=200, cursor=None)
            (made,) = (each for each in found if each.broadcast_id not in known)
            known.add(made.broadcast_id)
            assert (made.state, made.recipients, made.chunks) == ("ready", 3, 1)
            assert len(crier.lines(made)) == 3
            # An account leaves no more than twenty unstarted.
            broadcasts.stop(desk.account_id, made.broadcast_id, by=desk.actor, now=desk.now)
    record_property("crash points", f"{len(points)} over {len(calls)} calls: a plan")
