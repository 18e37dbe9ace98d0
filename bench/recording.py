"""Records the store calls of one act, and lets the store answer them again without a store."""

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse


class Call(NamedTuple):
    """One call: of AWS by a client, or of Viber when there is none; and what was answered."""

    client: Any
    operation: str
    params: Any
    status: int
    headers: dict[str, str]
    content: bytes


class _Raw:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """Give the body in one piece."""
        yield self._content


@contextmanager
def recorded_into(calls: list[Call], clients: Iterable[Any]) -> Iterator[None]:
    """Note every call that these clients make meanwhile, in order."""
    begun: list[Any] = []

    def begin(params: Any, **_: Any) -> None:
        begun.append(copy.deepcopy(params))

    def hear(client: Any) -> Callable[..., None]:
        def done(http_response: Any, model: Any, **_: Any) -> None:
            answer = http_response
            told = answer.status_code, dict(answer.headers), answer.content
            calls.append(Call(client, model.name, begun.pop(), *told))

        return done

    with ExitStack() as ended:
        for client in clients:
            events = client.meta.events
            events.register("provide-client-params", begin, unique_id="record-begun")
            events.register("after-call", hear(client), unique_id="record-done")
            ended.callback(events.unregister, "after-call", unique_id="record-done")
            ended.callback(events.unregister, "provide-client-params", unique_id="record-begun")
        yield


@contextmanager
def answering(calls: Iterable[Call]) -> Iterator[None]:
    """Answer these calls, in this order and over again, before anything leaves the process."""
    answers = list(calls)
    place = [0]

    def answer(request: Any, event_name: str, **_: Any) -> AWSResponse:
        call = answers[place[0]]
        place[0] = (place[0] + 1) % len(answers)
        if not event_name.endswith(call.operation):
            raise AssertionError(f"{event_name} where {call.operation} was recorded")
        return AWSResponse(request.url, call.status, call.headers, _Raw(call.content))

    clients = {id(call.client): call.client for call in answers}.values()
    for client in clients:
        client.meta.events.register_first("before-send", answer, unique_id="answer")
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-send", unique_id="answer")
