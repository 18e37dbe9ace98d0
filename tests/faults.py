"""Fails one call of a flow, whichever it is: before its effect or after, by death or by silence.

Every call to AWS passes botocore's events, every call to Viber the transport handed in. The
store's promise that a repeated ClientRequestToken applies once is kept here, for moto's does
not keep it.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, NamedTuple

from botocore.exceptions import ReadTimeoutError

from chalicelib import aws, tables
from chalicelib.viber import NoAnswer, transport

How = Literal["dies before", "dies after", "no answer before", "no answer after"]
HOWS: Sequence[How] = ("dies before", "dies after", "no answer before", "no answer after")
SERVICES = ("sqs", "s3", "kms")
# What Lambda itself asks its queues is not a call of ours.
POLLERS = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")


class Died(BaseException):
    """The process is gone; nothing in it can catch this."""


class Point(NamedTuple):
    """One call of a flow, and how it fails."""

    number: int
    how: How


class Line:
    """Counts a flow's calls to the outside and fails one of them."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.point: Point | None = None
        self._applied: set[str] = set()
        self._is_counting = False

    @contextmanager
    def counting(self, point: Point | None = None) -> Iterator[None]:
        """Count the calls made within, and fail the one at this point."""
        self.calls, self.point, self._is_counting = [], point, True
        try:
            yield
        finally:
            self._is_counting = False

    @contextmanager
    def between(self) -> Iterator["Line"]:
        """Stand between the code and everything outside."""
        clients = [tables.connection.client, *(aws.client(each) for each in SERVICES)]
        for client in clients:
            client.meta.events.register("before-call", self._before)
            client.meta.events.register("after-call", self._after)
        try:
            yield self
        finally:
            for client in clients:
                client.meta.events.unregister("before-call", self._before)
                client.meta.events.unregister("after-call", self._after)

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        """Carry a request to Viber, as a transport does."""
        number = self._count("viber")
        if self._fails(number, "before"):
            raise self._error(NoAnswer("lost on the way"))
        answer = transport.shared().request(method, url, body, headers, timeout)
        if self._fails(number, "after"):
            raise self._error(NoAnswer("lost on the way back"))
        return answer

    def _before(self, model: Any, params: dict[str, Any], context: Any, **_: Any) -> Any:
        number = context["number"] = self._count(model.name)
        token = _token(params)
        if token in self._applied:
            return _Success(), {"ResponseMetadata": {"HTTPStatusCode": 200}}
        if self._fails(number, "before"):
            raise self._error(ReadTimeoutError(endpoint_url="https://store"))
        context["token"] = token
        return None

    def _after(self, http_response: Any, context: Any, **_: Any) -> None:
        if self._fails(context.get("number", 0), "after"):
            if http_response.status_code == 200 and context.get("token"):
                self._applied.add(context["token"])
            raise self._error(ReadTimeoutError(endpoint_url="https://store"))

    def _count(self, name: str) -> int:
        if not self._is_counting or name in POLLERS:
            return 0
        self.calls.append(name)
        return len(self.calls)

    def _fails(self, number: int, when: str) -> bool:
        point = self.point
        return point is not None and number == point.number > 0 and point.how.endswith(when)

    def _error(self, silence: Exception) -> BaseException:
        assert self.point is not None
        return Died() if self.point.how.startswith("dies") else silence


def just_before_the_next_transaction(
    act: Callable[[], object],
) -> AbstractContextManager[None]:
    """Let something happen between what a flow has read and what it writes."""
    return just_before_the_next("TransactWriteItems", act)


@contextmanager
def just_before_the_next(operation: str, act: Callable[[], object]) -> Iterator[None]:
    """Let something happen before the next call of one of DynamoDB's operations."""
    is_first = threading.Lock()

    def before(**_: Any) -> None:
        if is_first.acquire(blocking=False):
            act()

    events = tables.connection.client.meta.events
    events.register(f"before-call.dynamodb.{operation}", before)
    try:
        yield
    finally:
        events.unregister(f"before-call.dynamodb.{operation}", before)


@contextmanager
def out_of_reach(variable: str) -> Iterator[None]:
    """Let no connection come about to the address that this variable of the environment names."""
    direct = os.environ[variable]
    os.environ[variable] = "http://127.0.0.1:1"
    try:
        yield
    finally:
        os.environ[variable] = direct


class _Success:
    status_code = 200


def _token(params: dict[str, Any]) -> str | None:
    body = params.get("body")
    if not isinstance(body, bytes | str) or "ClientRequestToken" not in str(body):
        return None
    found: str = json.loads(body)["ClientRequestToken"]
    return found
