"""What a conversation remembers of its session, and what is read from it.

    waiting ──► open ──► expired         its time was up; a late message may still lie in it
       │         ├─────► shut            a message of ours passed a limit and may yet fail
       └─────────┴─────► closed

Nothing is live in the last three, and the next starter begins a session under a new number.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from chalicelib import ids
from chalicelib.sessions.policy import Policy, PolicyOf

WAITING: Final = "w"
OPEN: Final = "o"
EXPIRED: Final = "e"
SHUT: Final = "s"
CLOSED: Final = "c"
LIVE: Final = (WAITING, OPEN)

NO_MONEY: Final = 0
HELD: Final = 1
POSTED: Final = 2

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Talk(msgspec.Struct, array_like=True, frozen=True):
    """The current session of a conversation, or its latest one, and the unanswered run.

    `number` names the session together with `begun_ms`; `issued` is the highest number ever
    given, so that one taken back is not given again. `sent` counts messages of the business in
    the session, `run` those since the subscriber's last word. `before` is the session that an
    automatic one has replaced, while that can still be undone.
    """

    state: str
    kind: str
    version: int
    number: int
    issued: int
    begun_ms: int
    heard_ms: int
    run_number: int = 0
    starter_ms: int | None = None
    price_micros: int = 0
    money: int = NO_MONEY
    sent: int = 0
    run: int = 0
    run_first_ms: int | None = None
    before: "Talk | None" = None


REQUIRED: Final = 7


class Change(NamedTuple):
    """What has happened to a session, with the session as it then is.

    `began`     a waiting session is there
    `opened`    the second side has spoken, or a new session has replaced a full one; a free
                window is open from the start
    `closed`    `reason` is expired, limit, unanswered, lapsed or plan-changed
    `removed`   its messages have all failed: it costs nothing and never was
    `reopened`  what had closed it was undone
    `waits`     the stretch of a removed session waits under a new number

    `at_ms` is the instant it happened, `ends_ms` the end of the session's window.
    """

    kind: str
    number: int
    begun_ms: int
    ends_ms: int
    at_ms: int
    session_kind: str
    policy_version: int
    sent: int
    unanswered: int
    price_micros: int
    reason: str | None = None


class Live(NamedTuple):
    """A live session as a meter shows it; a maximum of None is no limit."""

    state: str
    kind: str
    number: int
    begun_at: datetime
    ends_at: datetime
    sent: int
    sent_max: int | None
    unanswered: int
    unanswered_max: int | None
    price_micros: int


def packed(talk: Talk) -> list[Any]:
    """Give a talk as JSON that is as short as it can be; `unpacked` reads it."""
    values = list(msgspec.structs.astuple(talk))
    if talk.before is not None:
        values[-1] = packed(talk.before)
    while len(values) > REQUIRED and not values[-1]:
        values.pop()
    return values


def unpacked(values: Any) -> Talk | None:
    """Read what `packed` has made; None stays None."""
    return None if values is None else msgspec.convert(values, Talk)


@lru_cache(maxsize=256)
def session_id(key: str, begun_ms: int, number: int) -> str:
    """Make the id that this session of this conversation always has."""
    return ids.caused("ses", begun_ms, f"{key}/{number}")


def id_of(talk: Talk, key: str) -> str:
    """Make the id of a conversation's current or latest session."""
    return session_id(key, talk.begun_ms, talk.number)


def live(talk: Talk | None, now: datetime, policy_of: PolicyOf) -> Live | None:
    """Show the session that is waiting or open now; `advance` to now comes first."""
    if talk is None or talk.state not in LIVE:
        return None
    policy = policy_of(talk.kind, talk.version)
    end = end_ms(talk, policy)
    if ids.to_ms(now) >= end:
        return None
    return Live(
        state="waiting" if talk.state == WAITING else "open",
        kind=talk.kind,
        number=talk.number,
        begun_at=instant(talk.begun_ms),
        ends_at=instant(end),
        sent=talk.sent,
        sent_max=policy.messages_max,
        unanswered=talk.run,
        unanswered_max=policy.unanswered_max,
        price_micros=talk.price_micros,
    )


def due_at(talk: Talk | None, policy_of: PolicyOf) -> datetime | None:
    """Tell when the window of a live session ends, which is when `advance` has work to do."""
    if talk is None or talk.state not in LIVE:
        return None
    return instant(end_ms(talk, policy_of(talk.kind, talk.version)))


def end_ms(talk: Talk, policy: Policy) -> int:
    """Give the first instant that is no longer in a session's window."""
    begun_ms = talk.begun_ms
    if policy.anchor == "last" and talk.heard_ms > begun_ms:
        begun_ms = talk.heard_ms
    return begun_ms + policy.window_seconds * 1000


def change(kind: str, talk: Talk, policy: Policy, at_ms: int, reason: str | None = None) -> Change:
    """Tell what has happened to a session."""
    return Change(
        kind=kind,
        number=talk.number,
        begun_ms=talk.begun_ms,
        ends_ms=end_ms(talk, policy),
        at_ms=at_ms,
        session_kind=talk.kind,
        policy_version=talk.version,
        sent=talk.sent,
        unanswered=talk.run,
        price_micros=talk.price_micros,
        reason=reason,
    )


def instant(at_ms: int) -> datetime:
    """Read an instant counted in milliseconds."""
    return EPOCH + timedelta(milliseconds=at_ms)
