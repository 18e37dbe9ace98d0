"""What failed messages take back, each under the session it was accepted in."""

from datetime import datetime

from msgspec.structs import replace

from chalicelib import ids
from chalicelib.sessions.engine import Advanced, advanced
from chalicelib.sessions.policy import PolicyOf, Terms
from chalicelib.sessions.talk import (
    HELD,
    LIVE,
    NO_MONEY,
    OPEN,
    POSTED,
    SHUT,
    WAITING,
    Change,
    Talk,
    change,
    id_of,
)


def gave_back(
    talk: Talk | None, *, key: str, session_id: str | None, run: int | None, parts: int = 1
) -> Talk | None:
    """Take failed messages out of the counts of their session and of their unanswered run.

    Each count only while it is the current one, or one that can still come back. A message
    that was outside a session has nothing to give back.
    """
    if talk is None or session_id is None:
        return talk
    is_of_current = session_id == id_of(talk, key)
    if talk.before is not None and not is_of_current:
        before = gave_back(talk.before, key=key, session_id=session_id, run=run, parts=parts)
        talk = replace(talk, before=before)
    if talk.state not in LIVE and talk.state != SHUT:
        return talk
    left = max(0, talk.run - parts) if run == talk.run_number else talk.run
    return replace(
        talk,
        sent=max(0, talk.sent - parts) if is_of_current else talk.sent,
        run=left,
        run_first_ms=talk.run_first_ms if left else None,
    )


def undone(
    talk: Talk | None,
    now: datetime,
    terms: Terms,
    policy_of: PolicyOf,
    *,
    key: str,
    after_session_id: str,
) -> Advanced | None:
    """Bring back the session that a renewal or closing has ended, all messages since having failed.

    That they have is for the caller to know; their counts are given back first. None where the
    subscriber has written since, another message has passed a limit since, or the window of the
    old session is over. A session of which nothing is left does not come back as open: what it
    has replaced does, or its stretch waits again.
    """
    if talk is None:
        return None
    now_ms = ids.to_ms(now)
    # What time has ended is not undone, and is told when the caller advances.
    talk = advanced(talk, now_ms, terms, policy_of, [])
    changes: list[Change] = []
    if talk.state == SHUT and after_session_id == id_of(talk, key):
        talk = replace(talk, state=OPEN)
        if talk.sent == 0 and talk.before is not None:
            talk = _unrenewed(talk, talk.before, now_ms, policy_of, changes)
    elif talk.state != SHUT and talk.before is not None:
        if after_session_id != id_of(talk.before, key):
            return None
        talk = _unrenewed(talk, talk.before, now_ms, policy_of, changes)
    else:
        return None
    if talk.sent == 0:
        talk = _waiting(talk, now_ms, policy_of, changes)
    else:
        policy = policy_of(talk.kind, talk.version)
        changes.append(change("reopened", talk, policy, now_ms))
    count = len(changes)
    talk = advanced(talk, now_ms, terms, policy_of, changes)
    return Advanced(talk, tuple(changes)) if len(changes) == count else None


def waits_again(
    talk: Talk | None,
    now: datetime,
    terms: Terms,
    policy_of: PolicyOf,
    *,
    key: str,
    session_id: str,
) -> Advanced:
    """Let an open session wait under a new number, none of its messages having been taken.

    Its begin stays, its counts and price go. Where it is not the open one nothing changes.
    """
    if talk is None or talk.state != OPEN or talk.kind == "free" or session_id != id_of(talk, key):
        return Advanced(talk, ())
    now_ms = ids.to_ms(now)
    changes: list[Change] = []
    talk = _waiting(talk, now_ms, policy_of, changes)
    talk = advanced(talk, now_ms, terms, policy_of, changes)
    return Advanced(talk, tuple(changes))


def posted(talk: Talk | None, *, key: str, session_id: str) -> Talk | None:
    """Note that the price held for a session is spent, be it current or one that may come back."""
    if talk is None:
        return None
    if session_id == id_of(talk, key):
        return replace(talk, money=POSTED) if talk.money == HELD else talk
    if talk.before is None:
        return talk
    return replace(talk, before=posted(talk.before, key=key, session_id=session_id))


def _unrenewed(
    talk: Talk, before: Talk, now_ms: int, policy_of: PolicyOf, changes: list[Change]
) -> Talk:
    policy = policy_of(talk.kind, talk.version)
    changes.append(change("removed", talk, policy, now_ms))
    starters = [ms for ms in (talk.starter_ms, before.starter_ms) if ms is not None]
    return replace(
        before,
        issued=talk.issued,
        heard_ms=max(talk.heard_ms, before.heard_ms),
        starter_ms=max(starters, default=None),
    )


def _waiting(talk: Talk, now_ms: int, policy_of: PolicyOf, changes: list[Change]) -> Talk:
    policy = policy_of(talk.kind, talk.version)
    changes.append(change("removed", talk, policy, now_ms))
    number = talk.issued + 1
    # What a session before this one has left unanswered is unanswered still.
    left = max(0, talk.run - talk.sent)
    waiting = replace(
        talk,
        state=WAITING,
        number=number,
        issued=number,
        price_micros=0,
        money=NO_MONEY,
        sent=0,
        run=left,
        run_first_ms=talk.run_first_ms if left else None,
        before=None,
    )
    changes.append(change("waits", waiting, policy, now_ms))
    return waiting
