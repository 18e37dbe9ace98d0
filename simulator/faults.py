"""What goes wrong between the code and everything outside of it: drawn by the seed, and counted.

A call to the store can die before or after its effect, lose its answer on either way, meet a
conflict or throttling, or find that somebody else came in between. How often is the weather:
mostly fair, at times a storm.
"""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ReadTimeoutError

from simulator.memory import Database, cancelled, refusal

WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")
"""What somebody else may come in before."""

FAIR, STORM = 0.003, 0.03
STORM_BEGINS, STORM_ENDS = 0.01, 0.3


class Died(BaseException):
    """The process is gone; nothing in it can catch this."""


class Weather:
    """Decides what fails. Off until somebody turns it on; `counted` tells what it has done."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.counted: Counter[str] = Counter()
        self.is_on = False
        self.is_off_for_now = 0
        self._chance = FAIR

    def changes(self) -> None:
        """Let the weather change, or stay."""
        if self._chance == FAIR:
            self._chance = STORM if self.draw.random() < STORM_BEGINS else FAIR
        elif self.draw.random() < STORM_ENDS:
            self._chance = FAIR

    def strikes(self, kind: str, weight: float = 1.0) -> bool:
        """Say whether a fault of this kind happens now, and count it."""
        if not self.is_on or self.is_off_for_now:
            return False
        if self.draw.random() >= self._chance * weight:
            return False
        self.counted[kind] += 1
        return True

    def before(self, name: str) -> None:
        """Strike before a call has its effect, or not."""
        if self.strikes("dies before a call"):
            raise Died(name)
        if self.strikes("no answer, nothing done"):
            raise ReadTimeoutError(endpoint_url="https://aws")

    def after(self, name: str) -> None:
        """Strike after a call has had its effect, or not."""
        if self.strikes("dies after a call"):
            raise Died(name)
        if self.strikes("no answer, but done"):
            raise ReadTimeoutError(endpoint_url="https://aws")


class Line:
    """Stands between the store and the database, as a client that is as good as the weather.

    `between` is called before a write: somebody else may do something first.
    """

    def __init__(self, database: Database, weather: Weather) -> None:
        self._database = database
        self._weather = weather
        self._request_signer = None
        self.between: Callable[[], None] = lambda: None
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._database, name)
        return lambda **request: self._call(name, operation, request)

    def _make_api_call(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        def operation(**given: Any) -> dict[str, Any]:
            return self._database._make_api_call(name, given)

        return self._call(name, operation, request)

    def _call(
        self, name: str, operation: Callable[..., dict[str, Any]], request: dict[str, Any]
    ) -> dict[str, Any]:
        self.calls += 1
        if name in WRITES:
            self.between()
        self._weather.before(name)
        self._refuse(name, request)
        left = self._left_over(name, request)
        answer = operation(**request)
        if left:
            answer = answer | {"UnprocessedItems": left}
        self._weather.after(name)
        return answer

    def _left_over(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Take something out of a batch of writes: the store has not got to it."""
        if name != "batch_write_item" or not self._weather.strikes("part of a batch left over", 5):
            return {}
        table, items = next(iter(request["RequestItems"].items()))
        if len(items) < 2:
            return {}
        request["RequestItems"] = {**request["RequestItems"], table: items[:-1]}
        return {table: items[-1:]}

    def _refuse(self, name: str, request: dict[str, Any]) -> None:
        if self._weather.strikes("throttled"):
            raise refusal("ProvisionedThroughputExceededException", "too much")
        if name == "transact_write_items":
            if self._weather.strikes("transaction conflict", 3):
                codes = ["None"] * len(request["TransactItems"])
                codes[self._weather.draw.randrange(len(codes))] = "TransactionConflict"
                raise cancelled(codes)
        elif name in WRITES and self._weather.strikes("transaction conflict"):
            raise refusal("TransactionConflictException", "a transaction is ongoing")
