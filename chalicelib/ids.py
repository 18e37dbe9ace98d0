"""Prefixed ULIDs: sortable by time, and made from their cause where a repeat must find itself."""

import hashlib
from datetime import datetime, timedelta

TOKEN_BITS = 64
MS_MAX = 2**48 - 1
DAY_MS = 24 * 3600 * 1000


def new(prefix: str, now: datetime) -> str:
    """Make a fresh id, `tkt_01…`, that sorts by its time."""
    import os

    return f"{prefix}_{_ulid(to_ms(now), os.urandom(10))}"


def caused(prefix: str, at_ms: int, cause: str, *, position: int = 0) -> str:
    """Make the id that this cause always has at this instant.

    Ids of one cause sort by `position` (0 to 255): the parts of a reply keep their order.
    """
    digest = hashlib.sha256(cause.encode("utf-8", "surrogatepass")).digest()
    return f"{prefix}_{_ulid(at_ms, bytes([position]) + digest[:9])}"


def of_token(prefix: str, at_ms: int, token: str) -> str:
    """Make the id of what Viber sent: it sorts by Viber's timestamp, then by its token."""
    if token.isdecimal() and token.isascii() and len(token) <= 20 and int(token) < 2**TOKEN_BITS:
        number = int(token).to_bytes(8, "big")
    else:
        number = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()[:8]
    return f"{prefix}_{_ulid(at_ms, number + bytes(2))}"


def ms_of(any_id: str) -> int:
    """Read the milliseconds that an id begins with."""
    from ulid import ULID

    return int(ULID.from_str(any_id.rpartition("_")[2]).milliseconds)


def bound(any_id: str, *, after: timedelta) -> str:
    """Make the highest id of the same prefix this long after another."""
    prefix = any_id.rpartition("_")[0]
    at_ms = ms_of(any_id) + round(after.total_seconds() * 1000)
    return f"{prefix}_{_ulid(at_ms, bytes([255]) * 10)}"


def first_at(prefix: str, at_ms: int) -> str:
    """Make the lowest id of this time."""
    return f"{prefix}_{_ulid(at_ms, bytes(10))}"


def last_at(prefix: str, at_ms: int) -> str:
    """Make the highest id of this time and the day after it."""
    return f"{prefix}_{_ulid(at_ms + DAY_MS, bytes([255]) * 10)}"


def is_one(prefix: str, text: str) -> bool:
    """Say whether a text has the form of an id with this prefix."""
    found, _, ulid = text.rpartition("_")
    return found == prefix and len(ulid) == 26 and ulid.isascii() and ulid.isalnum()


def to_ms(at: datetime) -> int:
    """Give an instant as whole milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def _ulid(at_ms: int, tail: bytes) -> str:
    from ulid import ULID

    return str(ULID.from_bytes(min(max(at_ms, 0), MS_MAX).to_bytes(6, "big") + tail))
