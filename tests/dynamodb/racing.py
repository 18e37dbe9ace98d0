"""Many threads that do things at the same instant, and what each of them is told."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from chalicelib import errors, tables
from chalicelib.store import asking
from tests.fixtures_crashes import Bakery
from tests.fixtures_points import check

THREADS = 16
TRIES_MAX = 50

M = TypeVar("M", bound=tables.Item)


class AmazonBakery(Bakery):
    """A bakery whose database is Amazon's own engine."""

    longest_pause_seconds = asking.PAUSE_MAX_SECONDS
    database: Any

    @contextmanager
    def before_the_next_write(self, act: Callable[[], Any]) -> Iterator[None]:
        """Let something happen between what a flow has read and what it writes."""
        is_first = threading.Lock()

        def before(**_: Any) -> None:
            if is_first.acquire(blocking=False):
                act()

        events = self.database.meta.events
        events.register("before-call.dynamodb.TransactWriteItems", before)
        try:
            yield
        finally:
            events.unregister("before-call.dynamodb.TransactWriteItems", before)

    def all_of(self, model: type[M], prefix: str = "") -> list[M]:
        """Read all items of a model whose place begins like this, in their order."""
        names = tables.key_names(model)
        found: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            answer = self.database.scan(
                TableName=model.Meta.table_name, ConsistentRead=True, **start
            )
            found += [item for item in answer["Items"] if _is_at(item, names[-1], prefix)]
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        found.sort(key=lambda item: [item[name]["S"] for name in names])
        return [model.from_raw_data(item) for item in found]

    def has_due(self, job: str) -> bool:
        """Let every schedule look for itself."""
        return True

    def end(self) -> None:
        """Let all that was begun come to its end, and hold the books to what is always true."""
        self.pump()
        self.hear()
        self.live_on(("settle_messages", "replay_callbacks"), 0.1)
        check(self, "after the race")


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do things in threads that begin together; tell what each gave, or how it was refused.

    Who is told that too many are at it asks again, as every client does.
    """
    given: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def one(place: int) -> None:
        start.wait()
        for _ in range(TRIES_MAX):
            try:
                given[place] = acts[place]()
            except (errors.Busy, errors.StillRunning):
                continue
            except Exception as error:  # noqa: BLE001
                given[place] = error
            return

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(acts))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return given


def told(given: Sequence[Any], kind: type[errors.Problem]) -> tuple[list[Any], int]:
    """Give what went well, and how many were refused as this; a bug is raised."""
    refused = 0
    done = []
    for each in given:
        if isinstance(each, kind):
            refused += 1
        elif isinstance(each, Exception):
            raise each
        else:
            done.append(each)
    return done, refused


def _is_at(item: dict[str, Any], name: str, prefix: str) -> bool:
    return name in item and item[name]["S"].startswith(prefix)
