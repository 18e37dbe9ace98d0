"""What stands between a bakery and everything outside: a wire that fails, and a pretend Viber."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from botocore.exceptions import ReadTimeoutError

from chalicelib import ids
from simulator.memory import Database
from tests.faults import Died, Point
from tests.fixtures_talk import token_at

T = TypeVar("T")


class Wire:
    """Stands between the code and everything outside: counts the calls, and fails one of them."""

    def __init__(self, database: Database) -> None:
        self.calls: list[str] = []
        self.point: Point | None = None
        self._database = database
        self._request_signer = None
        self._is_counting = False
        self._numbers: list[int] = []

    @contextmanager
    def counting(self, point: Point | None = None) -> Iterator[None]:
        """Count the calls made within, and fail the one at this point."""
        self.calls, self.point, self._is_counting = [], point, True
        try:
            yield
        finally:
            self._is_counting = False

    def carry(self, name: str, act: Callable[[], T], silence: Exception) -> T:
        """Carry one call there and its answer back, or not."""
        self.calls += [name] if self._is_counting else []
        number = len(self.calls)
        self._fail(number, "before", silence)
        answer = act()
        self._fail(number, "after", silence)
        return answer

    def begin(self, name: str) -> None:
        """Let a call of another service begin."""
        self.calls += [name] if self._is_counting else []
        self._numbers.append(len(self.calls))
        self._fail(len(self.calls), "before", _silence())

    def end(self, _: str) -> None:
        """Let it end."""
        self._fail(self._numbers.pop(), "after", _silence())

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._database, name)
        return lambda **request: self.carry(name, lambda: operation(**request), _silence())

    def _make_api_call(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        # PynamoDB calls by the operation's name.
        return self.carry(name, lambda: self._database._make_api_call(name, request), _silence())

    def _fail(self, number: int, when: str, silence: Exception) -> None:
        point = self.point
        if not self._is_counting or point is None or number != point.number:
            return
        if point.how.endswith(when):
            raise Died if point.how.startswith("dies") else silence


class PretendViber:
    """Takes what is sent, gives it a token, and owes its receipts until we have taken them."""

    def __init__(self) -> None:
        self.taken: dict[str, list[int]] = {}
        self.refuses: dict[str, int] = {}
        self.fails: set[str] = set()
        self.billed: set[str] = set()
        self.owed: list[dict[str, Any]] = []
        self.overtakes = False
        self.numbers = itertools.count(1)

    def take(self, text: str, receiver: str, now: datetime) -> dict[str, Any]:
        """Take a message, or refuse it as a test has asked for."""
        if text in self.refuses:
            return {"status": self.refuses[text], "status_message": "no"}
        token = token_at(now, next(self.numbers))
        self.taken.setdefault(text, []).append(token)
        events = ("failed",) if text in self.fails else ("delivered", "seen")
        for event in events:
            told = {"event": event, "timestamp": ids.to_ms(now), "message_token": token}
            self.owed.append(told | {"user_id": receiver, "desc": "no such device"})
        return {
            "status": 0,
            "message_token": token,
            "billing_status": 5 if text in self.billed else 2,
        }


def _silence() -> Exception:
    silence: Exception = ReadTimeoutError(endpoint_url="https://aws")
    return silence
