"""One DynamoDB call at a time: moto undoes a refused transaction by restoring all its tables.

What another thread wrote meanwhile would be gone with it, which no real table does.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def serialised(client: Any) -> Iterator[None]:
    """Hold a lock around each call of this client while the block runs."""
    lock = threading.Lock()

    def begin(**_: Any) -> None:
        lock.acquire()

    def end(**_: Any) -> None:
        lock.release()

    client.meta.events.register_first("before-send", begin)
    client.meta.events.register("response-received", end)
    try:
        yield
    finally:
        client.meta.events.unregister("before-send", begin)
        client.meta.events.unregister("response-received", end)
