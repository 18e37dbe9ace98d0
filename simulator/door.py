"""The front door: the functions of `app.py`, called as Lambda calls them."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import app as front
from chalicelib import auth, batches, bots, errors, kms, tariffs
from chalicelib.auth import Caller
from chalicelib.viber import Transport
from simulator.services import Services

CONTEXT = SimpleNamespace(
    get_remaining_time_in_millis=lambda: 600_000,
    function_name="simulated",
    aws_request_id="simulated",
)
SCHEDULED = {
    "version": "0",
    "id": "simulated",
    "account": "123456789012",
    "region": "eu-central-1",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "detail": {},
    "resources": [],
    "time": "2027-01-01T00:00:00Z",
}
OUTGOING = "viberdesk-{stage}-outgoing.fifo"
FAILURES_MAX = 40
BROADCASTS = "viberdesk-{stage}-broadcasts"


class Poisoned(Exception):
    """Something in a queue fails whenever it is tried: no fault of the weather's."""


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: Any

    @property
    def kind(self) -> str:
        """Name the problem that it tells of."""
        told = self.body if isinstance(self.body, dict) else {}
        return str(told.get("type", "")).rpartition("/")[2]


class Door:
    """Calls routes, queue functions and schedules."""

    def __init__(self, services: Services, stage: str, http: Transport) -> None:
        self._services = services
        self._http = http
        self._failures: Counter[str] = Counter()
        self._outgoing = OUTGOING.format(stage=stage)
        self._broadcasts = BROADCASTS.format(stage=stage)
        self.jobs = sorted(
            each.name for each in front.app.event_sources if hasattr(each, "schedule_expression")
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: Caller | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Make one request as somebody whom the authorizer has let in."""
        path, _, query = path.partition("?")
        resource, path_ids = _route(method, path)
        sent = {
            "content-type": "application/json",
            **{k.lower(): v for k, v in (headers or {}).items()},
        }
        content = raw.decode() if raw is not None else None if body is None else json.dumps(body)
        asked = dict(each.split("=", 1) for each in query.split("&")) if query else {}
        event = {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": asked or None,
            "multiValueQueryStringParameters": {k: [v] for k, v in asked.items()} or None,
            "pathParameters": path_ids or None,
            "stageVariables": None,
            "requestContext": {
                "httpMethod": method,
                "resourcePath": resource,
                "identity": {"sourceIp": "127.0.0.1"},
                "authorizer": {} if by is None else auth.as_context(by),
            },
            "body": content,
            "isBase64Encoded": False,
        }
        answer = front.app(event, CONTEXT)
        told = answer.get("body") or ""
        return Answer(answer["statusCode"], json.loads(told) if told[:1] in "{[" and told else told)

    def run(self, job: str) -> bool:
        """Run one schedule; False where it says that it could not do everything."""
        try:
            getattr(front, job)(SCHEDULED, CONTEXT)
        except (batches.SomeFailed, errors.Busy):
            return False
        return True

    def has(self, method: str, path: str) -> bool:
        """Say whether there is such a route."""
        return method in front.app.routes.get(path, {})

    @property
    def queued(self) -> int:
        """Count what waits to be sent."""
        queue = self._services.queues.get(self._outgoing)
        return 0 if queue is None else len(queue.records)

    def send(self, now: Callable[[], datetime], at_most: int = 10, *, again: bool = False) -> None:
        """Hand the oldest records to the sender; what it failed at stays, and `again` all of it."""
        queue = self._services.queues.get(self._outgoing)
        if queue is None or not queue.records:
            return
        records = queue.records[:at_most]
        answer = batches.send_outgoing({"Records": records}, CONTEXT, clock=now, http=self._http)
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        self._count(failed)
        if not again:
            done = {each["messageId"] for each in records} - failed
            queue.records[:] = [each for each in queue.records if each["messageId"] not in done]

    @property
    def has_broadcasts(self) -> bool:
        """Say whether a broadcast waits in its queue."""
        queue = self._services.queues.get(self._broadcasts)
        return queue is not None and bool(queue.records)

    def broadcast(self, now: Callable[[], datetime]) -> None:
        """Hand the oldest queued broadcast to its function."""
        queue = self._services.queues[self._broadcasts]
        record = queue.records[0]
        event = {"Records": [record]}
        answer = batches.send_broadcasts(event, CONTEXT, clock=now, http=self._http)
        queue.records.remove(record)
        if answer["batchItemFailures"]:
            self._count({record["messageId"]})
            queue.records.append(record)

    def _count(self, failed: set[str]) -> None:
        self._failures.update(failed)
        for name in failed:
            if self._failures[name] > FAILURES_MAX:
                raise Poisoned(f"a queued item has failed {FAILURES_MAX} times")

    def lose_queue(self) -> int:
        """Forget what is queued, as if the puts had never arrived; tells how much it was."""
        queue = self._services.queues.get(self._outgoing)
        if queue is None:
            return 0
        count = len(queue.records)
        queue.records.clear()
        return count

    def grow_cold(self) -> None:
        """Begin a new container: what the old one remembered is gone."""
        bots.remembering._known.clear()
        kms.unseal.cache_clear()
        tariffs.forget()


def _route(method: str, path: str) -> tuple[str, dict[str, str]]:
    parts = path.strip("/").split("/")
    for resource, methods in front.app.routes.items():
        pattern = resource.strip("/").split("/")
        if method not in methods or len(pattern) != len(parts):
            continue
        if all(a.startswith("{") or a == b for a, b in zip(pattern, parts, strict=True)):
            named = zip(pattern, parts, strict=True)
            return resource, {a[1:-1]: b for a, b in named if a.startswith("{")}
    raise LookupError(f"there is no route {method} {path}")
