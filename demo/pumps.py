"""Stands for Lambda's pollers and EventBridge: hands queues and schedules to the functions."""

import logging
import re
import threading
import uuid
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, NamedTuple

from chalice.app import ScheduledEventConfig, SQSEventConfig
from chalice.local import LambdaContext

from demo.clock import instant

LOOK_EVERY_SECONDS = 0.2
LONG_POLL_SECONDS = 1
SHORT_POLL_SECONDS = 0.05
PAUSE_AFTER_TROUBLE_SECONDS = 1.0
WORKERS = 8
ACCOUNT, REGION = "123456789012", "eu-central-1"
RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}

log = logging.getLogger(__name__)


class Queue(NamedTuple):
    """A queue and the function that works it off."""

    function: str
    url: str
    handler: Callable[[dict[str, Any], Any], Any]
    batch_size: int

    @property
    def is_fifo(self) -> bool:
        """Say whether its groups keep their order."""
        return self.url.endswith(".fifo")


class Pumps:
    """Threads that poll the queues and run the schedules until stopped.

    front_door: the module of the app, whose functions Lambda would call by name.
    """

    def __init__(self, front_door: ModuleType, sqs: Any, now: Callable[[], datetime]) -> None:
        self._front_door = front_door
        self._sqs = sqs
        self._now = now
        self._stopping = threading.Event()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="function")
        self._threads: list[threading.Thread] = []
        self.timetables: list[Timetable] = []

    def start_queues(self, url_of: Callable[[str], str]) -> None:
        """Poll the queues; `url_of` tells a queue's URL by its name, such as `outgoing`."""
        for source in self._front_door.app.event_sources:
            if isinstance(source, SQSEventConfig) and source.queue is not None:
                function = source.handler_string.rpartition(".")[2]
                url = url_of(source.queue.removeprefix("viberdesk-").removesuffix(".fifo"))
                handler = getattr(self._front_door, function)
                self._run(self._poll, Queue(function, url, handler, source.batch_size))

    def start_schedules(self, *, at_once: Collection[str] = ()) -> None:
        """Run the schedules at their rates, by the business clock; some of them now already."""
        now = self._now()
        for source in self._front_door.app.event_sources:
            if isinstance(source, ScheduledEventConfig):
                name = source.handler_string.rpartition(".")[2]
                timetable = Timetable(name, rate_of(source.schedule_expression), now)
                if name in at_once:
                    timetable.due_at = now
                self.timetables.append(timetable)
                self._run(self._keep, timetable, getattr(self._front_door, name))

    def stop(self) -> None:
        """Begin nothing more; what is running may end."""
        self._stopping.set()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _run(self, target: Callable[..., None], *given: Any) -> None:
        thread = threading.Thread(target=target, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    # Queues.

    def _poll(self, queue: Queue) -> None:
        running: list[Future[None]] = []
        while not self._stopping.is_set():
            try:
                # While a group is being worked on, moto's long poll would turn in circles.
                running = [each for each in running if not each.done()]
                records = self._received(queue, wait_seconds=0 if running else LONG_POLL_SECONDS)
                for batch in batches(records) if queue.is_fifo else [records]:
                    if batch:
                        running.append(self._workers.submit(self._work, queue, batch))
                if running:
                    wait(running, SHORT_POLL_SECONDS, return_when=FIRST_COMPLETED)
            except Exception:
                # A poller that died would leave every message where it is.
                if not self._stopping.is_set():
                    log.exception("the queue of %s could not be polled", queue.function)
                self._stopping.wait(PAUSE_AFTER_TROUBLE_SECONDS)

    def _received(self, queue: Queue, *, wait_seconds: int) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=queue.url,
            MaxNumberOfMessages=queue.batch_size,
            WaitTimeSeconds=wait_seconds,
            AttributeNames=["All"],
        )
        return [record_of(message, queue.url) for message in answer.get("Messages", [])]

    def _work(self, queue: Queue, records: list[dict[str, Any]]) -> None:
        try:
            answer = queue.handler({"Records": records}, context_of(queue.function)) or {}
            # What failed stays, and comes again when its visibility time-out is over.
            failed = {each["itemIdentifier"] for each in answer.get("batchItemFailures", [])}
            if failed:
                log.warning("%s: %d of %d failed", queue.function, len(failed), len(records))
            for record in records:
                if record["messageId"] not in failed:
                    self._sqs.delete_message(
                        QueueUrl=queue.url, ReceiptHandle=record["receiptHandle"]
                    )
        except Exception:
            # As on Lambda, a batch whose function died comes again as a whole.
            if not self._stopping.is_set():
                log.exception("%s failed", queue.function)

    # Schedules.

    def _keep(self, timetable: "Timetable", function: Callable[[Any, Any], Any]) -> None:
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            now = self._now()
            if not timetable.takes(now):
                continue
            try:
                function(scheduled_event(now), context_of(timetable.name))
                timetable.trouble = None
            except Exception as error:
                # The next run is due all the same, as on EventBridge.
                if not self._stopping.is_set():
                    log.exception("%s failed", timetable.name)
                timetable.trouble = f"{type(error).__name__}: {error}"


class Timetable:
    """When a schedule is due: at its rate by a clock that people move."""

    def __init__(self, name: str, every: timedelta, now: datetime) -> None:
        self.name = name
        self.every = every
        self.due_at = now + every
        self.last_at: datetime | None = None
        self.trouble: str | None = None

    def takes(self, now: datetime) -> bool:
        """Say whether a run is due, and if so wait for the next; a jump ahead is one run."""
        if now < self.due_at - self.every:
            # The clock went back; the wait begins anew, or nothing ran for a long time.
            self.due_at = now + self.every
        if now < self.due_at:
            return False
        self.last_at, self.due_at = now, now + self.every
        return True

    def told(self) -> dict[str, Any]:
        """Tell about the last run and the next, as JSON."""
        return {
            "name": self.name,
            "every_seconds": int(self.every.total_seconds()),
            "last_at": None if self.last_at is None else instant(self.last_at),
            "due_at": instant(self.due_at),
            "trouble": self.trouble,
        }


def rate_of(expression: object) -> timedelta:
    """Read EventBridge's rate; raise ValueError for what is none."""
    text = expression if isinstance(expression, str) else str(expression.to_string())  # type: ignore[attr-defined]
    match = RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text}: the demo knows rates only, such as rate(5 minutes)")
    return int(match[1]) * UNITS[match[2]]


def batches(records: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Part the records of a FIFO queue by their groups, each in its order.

    A group that is being worked on is not handed out again before its messages are deleted or
    their visibility time-out is over, so at most one batch of a group is on its way.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        groups.setdefault(record["attributes"]["MessageGroupId"], []).append(record)
    return list(groups.values())


def record_of(message: dict[str, Any], queue_url: str) -> dict[str, Any]:
    """Write a message of SQS as the record that a function gets."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_url.rpartition('/')[2]}",
        "awsRegion": REGION,
    }


def scheduled_event(now: datetime) -> dict[str, Any]:
    """Write the event that EventBridge starts a schedule's function with."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [],
        "detail": {},
    }


def context_of(function: str) -> LambdaContext:
    """Make the context that Lambda gives a function."""
    # A quarter of an hour is the most a function gets; the audit asks for minutes.
    return LambdaContext(function, 512, 900_000)
