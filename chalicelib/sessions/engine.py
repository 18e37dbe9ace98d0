"""Time passes, the subscriber writes, the business writes: what that does to a talk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from msgspec.structs import replace

from chalicelib import ids
from chalicelib.sessions.policy import Policy, PolicyOf, Terms
from chalicelib.sessions.talk import (
    CLOSED,
    EXPIRED,
    HELD,
    LIVE,
    NO_MONEY,
    OPEN,
    SHUT,
    WAITING,
    Change,
    Talk,
    change,
    end_ms,
    id_of,
    instant,
)


class Advanced(NamedTuple):
    """A talk, and what has happened to its sessions on the way there, in order."""

    talk: Talk | None
    changes: tuple[Change, ...]


class Part(NamedTuple):
    """Where one part of a reply falls, and what its message keeps to give back if it fails.

    `kind` is free-window, in-session, opens-session, renews-session or outside; the price is
    that of a session it opens or renews, and what is outside is priced by its caller. While a
    renewal or closing can be undone, `after_session_id` names the session it left.
    """

    kind: str
    price_micros: int = 0
    session_id: str | None = None
    run: int | None = None
    after_session_id: str | None = None


class Refusal(NamedTuple):
    """Why a reply may not go, and which of its parts is to blame."""

    reason: str
    position: int


class Spoken(NamedTuple):
    """The talk after a reply, each of its parts in order, and what has happened to sessions.

    A refused reply has no parts and has changed nothing.
    """

    talk: Talk | None
    parts: tuple[Part, ...]
    changes: tuple[Change, ...]
    refusal: Refusal | None = None


IN_FREE_WINDOW: Final = Part("free-window")


def advance(talk: Talk | None, at: datetime, terms: Terms, policy_of: PolicyOf) -> Advanced:
    """Do what time alone has done up to an instant, and the bot's plan at it.

    A window is over at its end exactly. An unanswered one begins again at the latest message
    that may start a session, as often as that is due; a paid session outlives its plan.
    """
    if talk is None:
        return Advanced(None, ())
    changes: list[Change] = []
    talk = advanced(talk, ids.to_ms(at), terms, policy_of, changes)
    return Advanced(talk, tuple(changes))


def heard(
    talk: Talk | None, at: datetime, content_type: str, terms: Terms, policy_of: PolicyOf
) -> Advanced:
    """Take what the subscriber wrote at an instant, in whatever order it arrives.

    It answers what the business has said, unless it is older than that, and begins a session
    where none is live. The caller advances to now after a message that comes late.
    """
    at_ms = ids.to_ms(at)
    today = terms.policy
    may_start = today is not None and content_type not in today.not_starters
    changes: list[Change] = []
    if talk is not None:
        talk = advanced(talk, at_ms, terms, policy_of, changes)
        pinned = policy_of(talk.kind, talk.version)
        rules = today if today is not None and today.kind == talk.kind else pinned
        is_starter = content_type not in rules.not_starters
        is_answer = talk.run_first_ms is None or at_ms >= talk.run_first_ms
        is_late = not is_answer or _is_past(talk, at_ms, pinned)
        may_start = may_start and not is_late and talk.state not in LIVE
        talk = _noted(talk, at_ms, is_answer=is_answer, is_starter=is_starter)
    if may_start and today is not None:
        talk = _begun(talk, at_ms, today, at_ms, changes)
    return Advanced(talk, tuple(changes))


def spoke(
    talk: Talk | None,
    content_types: Sequence[str],
    now: datetime,
    terms: Terms,
    policy_of: PolicyOf,
    *,
    key: str,
    may_open: bool = True,
) -> Spoken:
    """Decide where each part of a reply falls that the business sends now.

    The types are today's, the limits those of the session. A broadcast passes `may_open=False`:
    it counts in an open session and leaves a waiting one alone. `key` is the conversation's.
    """
    refusal = _refusal(content_types, terms.policy)
    if refusal is not None:
        return Spoken(talk, (), (), refusal)
    now_ms = ids.to_ms(now)
    changes: list[Change] = []
    if talk is not None:
        talk = advanced(talk, now_ms, terms, policy_of, changes)
    parts: list[Part] = []
    for _ in content_types:
        if talk is None or talk.state not in LIVE or (talk.state == WAITING and not may_open):
            parts.append(Part("outside", after_session_id=_left(talk, key)))
        elif talk.kind == "free":
            parts.append(IN_FREE_WINDOW)
        else:
            talk, part = _said(talk, now_ms, terms, policy_of, key, changes)
            parts.append(part)
    return Spoken(talk, tuple(parts), tuple(changes))


def advanced(
    talk: Talk, at_ms: int, terms: Terms, policy_of: PolicyOf, changes: list[Change]
) -> Talk:
    """Do what `advance` does, and add what has happened to a list."""
    talk = _without_what_is_over(talk, at_ms, policy_of)
    while talk.state in LIVE:
        policy = policy_of(talk.kind, talk.version)
        end = end_ms(talk, policy)
        if at_ms >= end:
            talk = _ran_out(talk, end, terms, policy, changes)
        elif terms.offer(talk.kind) or (talk.state == OPEN and talk.money != NO_MONEY):
            return talk
        else:
            changes.append(change("closed", talk, policy, at_ms, "plan-changed"))
            return replace(talk, state=CLOSED)
    return talk


def _without_what_is_over(talk: Talk, at_ms: int, policy_of: PolicyOf) -> Talk:
    before = talk.before
    if before is not None and at_ms >= end_ms(before, policy_of(before.kind, before.version)):
        talk = replace(talk, before=None)
    if talk.state == SHUT and at_ms >= end_ms(talk, policy_of(talk.kind, talk.version)):
        talk = replace(talk, state=CLOSED)
    return talk


def _ran_out(talk: Talk, end: int, terms: Terms, policy: Policy, changes: list[Change]) -> Talk:
    if talk.state == OPEN:
        changes.append(change("closed", talk, policy, end, "expired"))
        # Under another plan a late message is that plan's, not the old window's.
        return replace(talk, state=EXPIRED if terms.offer(talk.kind) else CLOSED)
    changes.append(change("closed", talk, policy, end, "lapsed"))
    if not terms.offer(talk.kind) or talk.starter_ms is None:
        return replace(talk, state=CLOSED)
    # Whoever looks late finds what was due then, under the numbers of then.
    then = terms.policy_at(instant(end))
    if then is None or not then.restarts or end - talk.starter_ms >= then.window_seconds * 1000:
        return replace(talk, state=CLOSED)
    return _begun(talk, talk.starter_ms, then, end, changes)


def _begun(
    talk: Talk | None, begun_ms: int, policy: Policy, at_ms: int, changes: list[Change]
) -> Talk:
    number = 1 if talk is None else talk.issued + 1
    is_free = policy.kind == "free"
    begun = Talk(
        state=OPEN if is_free else WAITING,
        kind=policy.kind,
        version=policy.version,
        number=number,
        issued=number,
        begun_ms=begun_ms,
        heard_ms=begun_ms if talk is None else max(talk.heard_ms, begun_ms),
        run_number=1 if talk is None else talk.run_number,
        starter_ms=None if is_free else begun_ms,
    )
    changes.append(change("opened" if is_free else "began", begun, policy, at_ms))
    return begun


def _is_past(talk: Talk, at_ms: int, policy: Policy) -> bool:
    if talk.state == EXPIRED and policy.anchor == "first" and at_ms < end_ms(talk, policy):
        # In time it would have been part of that session and begun none.
        return True
    # What a later starter did not begin, an earlier one does not either.
    return talk.starter_ms is not None and at_ms < talk.starter_ms


def _noted(talk: Talk, at_ms: int, *, is_answer: bool, is_starter: bool) -> Talk:
    heard_ms = max(talk.heard_ms, at_ms)
    starter_ms = talk.starter_ms
    if is_starter and talk.kind != "free":
        starter_ms = at_ms if starter_ms is None else max(starter_ms, at_ms)
    if not is_answer:
        return replace(talk, heard_ms=heard_ms, starter_ms=starter_ms)
    return replace(
        talk,
        state=CLOSED if talk.state == SHUT else talk.state,
        heard_ms=heard_ms,
        run_number=talk.run_number + 1,
        starter_ms=starter_ms,
        run=0,
        run_first_ms=None,
        before=None,
    )


def _said(
    talk: Talk, now_ms: int, terms: Terms, policy_of: PolicyOf, key: str, changes: list[Change]
) -> tuple[Talk, Part]:
    policy = policy_of(talk.kind, talk.version)
    if talk.state == OPEN:
        if _is_over(talk.run + 1, policy.unanswered_max):
            return _shut(talk, now_ms, policy, "unanswered", key, changes)
        if _is_over(talk.sent + 1, policy.messages_max):
            return _passed_on(talk, now_ms, terms, policy, key, changes)
    run_first_ms = now_ms if talk.run_first_ms is None else talk.run_first_ms
    if talk.state == WAITING:
        talk = replace(
            talk,
            state=OPEN,
            price_micros=terms.price_micros,
            money=HELD if terms.price_micros else NO_MONEY,
            sent=1,
            run=talk.run + 1,
            run_first_ms=run_first_ms,
        )
        changes.append(change("opened", talk, policy, now_ms))
        kind, price_micros = "opens-session", terms.price_micros
    else:
        talk = replace(talk, sent=talk.sent + 1, run=talk.run + 1, run_first_ms=run_first_ms)
        kind, price_micros = "in-session", 0
    return talk, Part(kind, price_micros, id_of(talk, key), talk.run_number, _left(talk, key))


def _passed_on(
    talk: Talk, now_ms: int, terms: Terms, policy: Policy, key: str, changes: list[Change]
) -> tuple[Talk, Part]:
    today = terms.policy
    if today is None or today.kind != talk.kind:
        return _shut(talk, now_ms, policy, "limit", key, changes)
    if _is_over(talk.run + 1, today.unanswered_max):
        # Nobody pays for a session that its own limit would close at its second message.
        return _shut(talk, now_ms, policy, "unanswered", key, changes)
    changes.append(change("closed", talk, policy, now_ms, "limit"))
    number = talk.issued + 1
    renewed = replace(
        talk,
        version=today.version,
        number=number,
        issued=number,
        begun_ms=now_ms,
        price_micros=terms.price_micros,
        money=HELD if terms.price_micros else NO_MONEY,
        sent=1,
        run=talk.run + 1,
        run_first_ms=now_ms if talk.run_first_ms is None else talk.run_first_ms,
        # One step back is enough: only without an unanswered limit could there be another.
        before=replace(talk, before=None),
    )
    changes.append(change("opened", renewed, today, now_ms))
    part = Part(
        "renews-session",
        terms.price_micros,
        id_of(renewed, key),
        renewed.run_number,
        id_of(talk, key),
    )
    return renewed, part


def _shut(
    talk: Talk, now_ms: int, policy: Policy, reason: str, key: str, changes: list[Change]
) -> tuple[Talk, Part]:
    changes.append(change("closed", talk, policy, now_ms, reason))
    shut = replace(talk, state=SHUT)
    return shut, Part("outside", after_session_id=_left(shut, key))


def _left(talk: Talk | None, key: str) -> str | None:
    if talk is None:
        return None
    if talk.state == SHUT:
        return id_of(talk, key)
    return None if talk.before is None else id_of(talk.before, key)


def _refusal(content_types: Sequence[str], policy: Policy | None) -> Refusal | None:
    if policy is None or policy.types is None:
        return None
    for position, content_type in enumerate(content_types):
        if content_type not in policy.types:
            return Refusal("type", position)
    return None


def _is_over(count: int, count_max: int | None) -> bool:
    return count_max is not None and count > count_max
