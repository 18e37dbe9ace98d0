"""Every single call to store, queue and Viber fails once, in four ways; then things are repaired.

After the repair jobs each message is there once and in a true state.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from chalicelib import aws, batches, config, store
from chalicelib.bots import remembering
from chalicelib.tables import Conversation
from tests.desk import Desk
from tests.faults import HOWS, Died, How, Line, Point
from tests.pump import HANDLERS, received

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
RUNS_PER_DESK = 10
PICTURE = {"type": "picture", "media": "/media/sample/balcony.png", "text": "Ось 📷"}


class Flow:
    """One customer's talk, some of whose steps fail at a point."""

    def __init__(self, desk: Desk, line: Line) -> None:
        self.desk, self.line = desk, line
        self.phone = desk.phone("Марічка")

    @property
    def ticket_id(self) -> str:
        key = f"{self.desk.bot.bot_id}/{self.phone.subscriber_id}"
        conversation = store.get(Conversation, key, "conversation")
        assert conversation is not None
        return str(conversation.ticket_id)

    def pump(self) -> None:
        """Stand for Lambda's pollers; a function that dies leaves its batch in the queue."""
        for queue in HANDLERS:
            for _ in range(20):
                records = received(queue)
                if not records:
                    break
                self._batch(queue, records)
        self.desk.viber.settle(5)

    def _batch(self, queue: str, records: list[dict[str, Any]]) -> None:
        done: set[str] = set()
        try:
            if queue == "outgoing":
                answer = batches.send_outgoing(
                    {"Records": records}, CONTEXT, clock=lambda: self.desk.now, http=self.line
                )
            else:
                answer = batches.copy_files({"Records": records}, now=self.desk.now)
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            done = {record["messageId"] for record in records} - failed
        except Died:
            remembering._known.clear()
        sqs, url = aws.client("sqs"), config.queue_url(queue)
        for record in records:
            handle = record["receiptHandle"]
            if record["messageId"] in done:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
            else:
                sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0
                )


def repair(desk: Desk, flow: Flow) -> None:
    """Let time pass and everything that repairs run: Viber's retries, the schedules, the queues."""
    for minutes in (3, 6):
        desk.wait(minutes=minutes)
        desk.viber.dispatcher.pump()
        for job in ("replay_callbacks", "settle_messages", "copy_missing_files"):
            desk.run(job)
        flow.pump()


def inbound(flow: Flow) -> None:
    flow.phone.write("Добрий день 👋")


def picture(flow: Flow) -> None:
    flow.phone.write(PICTURE)
    flow.pump()


def answer(flow: Flow) -> None:
    flow.desk.reply(flow.ticket_id, "Раз", "Два", key=f"wish of {flow.phone.phone_id}")
    flow.pump()


def long_answer(flow: Flow) -> None:
    flow.desk.reply(flow.ticket_id, *"123456", key=f"wish of {flow.phone.phone_id}")
    flow.pump()


def read(flow: Flow) -> None:
    flow.phone.read()


def nothing(flow: Flow) -> None:
    pass


def answered(flow: Flow) -> None:
    inbound(flow)
    answer(flow)


class Played(NamedTuple):
    """What comes before, the step that fails, and what must have been said in the end."""

    before: Callable[[Flow], None]
    step: Callable[[Flow], None]
    said: list[str]
    answered: list[str]


HELLO = ["Добрий день 👋"]
LONG = "a reply of six parts, in two steps"
FLOWS = {
    "the first message": Played(nothing, inbound, HELLO, []),
    "a picture joins": Played(inbound, picture, [*HELLO, "Ось 📷"], []),
    "a reply of two parts, to its receipts": Played(inbound, answer, HELLO, ["Раз", "Два"]),
    LONG: Played(inbound, long_answer, HELLO, list("123456")),
    "seen": Played(answered, read, HELLO, ["Раз", "Два"]),
}


@contextmanager
def surviving(desk: Desk) -> Iterator[None]:
    """Let whoever called a function that died be told nothing, as the network would."""
    post = desk.viber.dispatcher._post

    def telling_nothing(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            return post(url, headers, body)
        except Died:
            remembering._known.clear()
            return 0, b""

    desk.viber.dispatcher._post = telling_nothing
    try:
        yield
    except Died:
        remembering._known.clear()
    finally:
        desk.viber.dispatcher._post = post


def run(desk: Desk, line: Line, name: str, point: Point | None) -> Flow:
    before, step, _, _ = FLOWS[name]
    flow = Flow(desk, line)
    before(flow)
    with surviving(desk), line.counting(point):
        step(flow)
    flow.pump()
    if point is not None and step in (answer, long_answer):
        # Who got no answer asks again with the same key, as every client is told to.
        step(flow)
    return flow


def check(flow: Flow, name: str, point: Point | None) -> None:
    _, _, said, answered = FLOWS[name.partition(" (")[0]]
    thread = flow.desk.thread(flow.ticket_id)
    where = f"{name}, {point}"
    texts = {kind: [m["content"]["text"] for m in thread if m["kind"] == kind] for kind in KINDS}
    assert texts["inbound"] == said, where
    assert texts["outgoing"] == answered, where
    heard = [content["text"] for content in flow.phone.heard]
    for message in thread:
        if message["kind"] == "outgoing":
            times = heard.count(message["content"]["text"])
            state = message["delivery"]["state"]
            assert times <= 1, f"{where}: sent {times} times"
            true = ("delivered", "seen", "unknown") if times else ("failed", "unknown")
            assert state in true, f"{where}: {state} though heard {times} times"
    assert heard == [text for text in answered if text in heard], f"{where}: out of order"
    for message in thread:
        if message["content"]["type"] == "picture":
            assert message["file"]["state"] == "ready", where
    contact = flow.desk.call("GET", f"/v1/tickets/{flow.ticket_id}").body["contact"]
    assert contact["name"] == "Марічка", where
    assert contact["avatar_file_id"] is not None, where


KINDS = ("inbound", "outgoing")


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    "name",
    # The long one's calls fail one by one in test_crash_points_money_talk too, which is quick.
    [pytest.param(each, marks=[pytest.mark.crashes] if each == LONG else []) for each in FLOWS],
)
def test_whatever_fails_each_message_is_there_once_and_in_a_true_state(
    new_desk: Callable[[], AbstractContextManager[Desk]],
    name: str,
    how: How,
    record_property: Callable[[str, object], None],
) -> None:
    line = Line()
    with new_desk() as desk, line.between():
        flow = run(desk, line, name, None)
        check(flow, name, None)
        calls = list(line.calls)
    points = [Point(number, how) for number in range(1, len(calls) + 1)]
    for first in range(0, len(points), RUNS_PER_DESK):
        # An emulated table grows slow with what earlier runs left in it.
        with new_desk() as desk, line.between():
            together = points[first : first + RUNS_PER_DESK]
            flows = [(run(desk, line, name, point), list(line.calls)) for point in together]
            repair(desk, flows[-1][0])
            for point, (flow, calls_made) in zip(together, flows, strict=True):
                check(flow, f"{name} ({', '.join(calls_made)})", point)
    record_property("crash points", f"{len(points)} ({how}): {name}")
    assert points
