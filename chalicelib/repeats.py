"""One wish, one answer: what an Idempotency-Key was first answered is given again.

The answer is written in the very transaction that it is about, so there is no time in between.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from chalicelib import errors, store
from chalicelib.tables import FirstAnswer

KEPT_FOR = timedelta(days=2)


class Wish(NamedTuple):
    """A request that its sender may send again: its key in his account, and what it asks for."""

    key: str
    fingerprint: str


def wish(account_id: str, idempotency_key: str, act: str, asked: Any) -> Wish:
    """Name a wish; `act` keeps the same key and body apart where they ask for something else."""
    said = msgspec.json.encode([act, asked], order="sorted")
    return Wish(f"{account_id}/{idempotency_key}", hashlib.sha256(said).hexdigest())


def wanted(of: Wish) -> tuple[type[FirstAnswer], str, None]:
    """Name the first answer to a wish for `store.read`."""
    return (FirstAnswer, of.key, None)


def put(of: Wish, answer: Any, now: datetime) -> store.Put:
    """Return the write that keeps an answer; Changed where another was faster: read it then."""
    first = FirstAnswer(
        key=of.key,
        fingerprint=of.fingerprint,
        state="done",
        answer=answer,
        started_at=now,
        expires_at=now + KEPT_FOR,
    )
    return store.Put(first, FirstAnswer.key.does_not_exist())


def answered(of: Wish, first: FirstAnswer) -> Any:
    """Give the first answer again, or raise KeyReused where the key was another wish's."""
    if first.fingerprint != of.fingerprint:
        raise errors.KeyReused(
            "This Idempotency-Key was used for another request; take a new key for a new wish."
        )
    return first.answer
