"""One conversation's sessions, told from lists of all that was heard and said (S2, S1.69).

Nothing is counted up or down: whoever wants to know how many messages a session holds looks
through its messages. What a reply was told when it was accepted stays as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

FREE, BUSINESS = "free", "business"
LIVE = ("waiting", "open")
HEARD_OF_FOR = timedelta(days=15)


class Policy(NamedTuple):
    """The numbers of one version of a session's or free window's rules."""

    version: int
    kind: str
    window: timedelta = timedelta(hours=24)
    is_anchored_last: bool = False
    not_starters: tuple[str, ...] = ()
    messages_max: int | None = None
    unanswered_max: int | None = None
    types: tuple[str, ...] | None = None
    restarts: bool = False


FREE_WINDOW = Policy(1, FREE)
SESSION = Policy(
    1,
    BUSINESS,
    not_starters=("picture",),
    messages_max=60,
    unanswered_max=10,
    types=("text", "picture"),
    restarts=True,
)


class Terms(NamedTuple):
    """What the bot's plan offers at an instant: a policy with the price of a session, or none.

    `at` tells the policy of sessions at an instant before.
    """

    policy: Policy | None
    price_micros: int = 0
    at: Callable[[datetime], Policy] | None = None


@dataclass(eq=False)
class Said:
    """One message of the business that was accepted, and where it fell."""

    message_id: str
    at: datetime
    type: str
    kind: str
    session: "Session | None" = None
    left: "Session | None" = None
    row: int = 0
    is_given_back: bool = False
    is_lost: bool = False
    unknown_since: datetime | None = None

    def is_lost_at(self, now: datetime) -> bool:
        """Say whether it has failed, or nothing more will be heard of it."""
        since = self.unknown_since
        return self.is_lost or (since is not None and now - since >= HEARD_OF_FOR)


@dataclass(eq=False)
class Session:
    """One stretch of talk."""

    number: int
    policy: Policy
    begun_at: datetime
    state: str
    row: int
    price_micros: int = 0
    money: str = "none"
    reason: str | None = None
    closed_at: datetime | None = None
    messages: list[Said] = field(default_factory=list)
    replaced: "Session | None" = None
    may_reopen: bool = False
    swallows: bool = False
    name: str | None = None

    @property
    def count(self) -> int:
        """Count its messages that were not given back."""
        return sum(not each.is_given_back for each in self.messages)


@dataclass
class Heard:
    """One message of the subscriber."""

    at: datetime
    type: str
    after: int


class TypeRefused(Exception):
    """A reply with a part that sessions do not carry; it is refused whole (S2.13)."""


@dataclass
class Talk:
    """Everything of one conversation that sessions depend on."""

    heard: list[Heard] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    current: Session | None = None
    row: int = 1
    row_from: int = 0
    noted: list[datetime] = field(default_factory=list)

    # What is so.

    @property
    def live(self) -> Session | None:
        """Give the session that waits or is open."""
        current = self.current
        return current if current is not None and current.state in LIVE else None

    def ends_at(self, session: Session) -> datetime:
        """Give the first instant that is no longer in a session's window."""
        begun = session.begun_at
        if session.policy.is_anchored_last:
            begun = max([begun, *(each.at for each in self.heard)])
        return begun + session.policy.window

    def unanswered(self) -> list[Said]:
        """List what of the current row counts as unanswered, oldest first."""
        return [
            each
            for each in self.said[self.row_from :]
            if each.session is not None and not each.is_given_back and each.row == self.row
        ]

    # What happens.

    def look(self, now: datetime, terms: Terms) -> None:
        """Do what time alone has done, and the plan of the day."""
        current = self.current
        if current is not None:
            old = current.replaced
            if old is not None and now >= self.ends_at(old):
                current.replaced = None
            if current.may_reopen and now >= self.ends_at(current):
                current.may_reopen = False
        while (live := self.live) is not None:
            end = self.ends_at(live)
            if now >= end:
                self._run_out(live, end, terms)
            elif _offers(terms, live.policy.kind) or (
                live.state == "open" and live.money != "none"
            ):
                return
            else:
                self._close(live, "plan-changed", now)

    def hear(self, at: datetime, content_type: str, now: datetime, terms: Terms) -> None:
        """Take a message of the subscriber, whenever it was sent."""
        self.look(at, terms)
        today, current = terms.policy, self.current
        row = self.unanswered()
        is_answer = not row or at >= row[0].at
        may_start = (
            today is not None
            and content_type not in today.not_starters
            and is_answer
            and self.live is None
            and not self._belongs_to_the_past(at)
        )
        self.heard.append(Heard(at, content_type, len(self.said)))
        if current is not None and current.policy.kind == BUSINESS:
            rules = today if today is not None and today.kind == BUSINESS else current.policy
            if content_type not in rules.not_starters:
                self.noted.append(at)
        if is_answer:
            self._next_row()
            if current is not None:
                current.replaced, current.may_reopen = None, False
        if may_start and today is not None:
            self._begin(at, today)
        self.look(now, terms)

    def say(
        self,
        parts: list[tuple[str, str]],
        now: datetime,
        terms: Terms,
        *,
        may_open: bool = True,
    ) -> list[Said]:
        """Accept a reply of (message id, type) parts; raises TypeRefused before anything is so."""
        policy = terms.policy
        if policy is not None and policy.types is not None:
            for _, content_type in parts:
                if content_type not in policy.types:
                    raise TypeRefused(content_type)
        self.look(now, terms)
        found = []
        for message_id, content_type in parts:
            said = Said(message_id, now, content_type, "outside")
            self._place(said, now, terms, may_open=may_open)
            self.said.append(said)
            found.append(said)
        return found

    def give_back(self, said: Said) -> None:
        """Take a failed message out of the counts, where they can still matter (S2.43)."""
        said.is_lost = True
        if said.session is None:
            return
        current = self.current
        if current is None or (current.state == "closed" and not current.may_reopen):
            # Nothing of it counts any more, but what could still come back.
            if current is not None and said.session is current.replaced:
                said.is_given_back = True
            return
        said.is_given_back = True

    def undo(self, said: Said, now: datetime, terms: Terms) -> list[Session] | None:
        """Bring back the session that a lost message had renewed or closed.

        Gives the sessions that never were, None where nothing is undone.
        """
        left, current = said.left, self.current
        if left is None or current is None:
            return None
        if any(not each.is_lost_at(now) for each in self.said if each.left is left):
            return None
        has_shut = current.may_reopen and now < self.ends_at(current)
        old = current.replaced
        if old is not None and now >= self.ends_at(old):
            old = None
        if has_shut:
            if left is not current:
                return None
            back = old if old is not None and current.count == 0 else current
        elif old is not None and old is left:
            back = old
        else:
            return None
        is_paid = back.count > 0 and back.money != "none"
        if not is_paid and not _offers(terms, back.policy.kind):
            return None
        gone = []
        if back is not current:
            gone.append(current)
            self._remove(current)
            self.current = back
        self._reopen(back)
        if back.count == 0:
            gone.append(back)
            self._wait_again(back)
        return gone

    def wait_again(self, session: Session, now: datetime, terms: Terms) -> None:
        """Let the open session wait under a new number: nothing of it has arrived."""
        if session is not self.current or session.state != "open":
            return
        self._wait_again(session)
        self.look(now, terms)

    # How.

    def _place(self, said: Said, now: datetime, terms: Terms, *, may_open: bool) -> None:
        live = self.live
        if live is None or (live.state == "waiting" and not may_open):
            said.left = self._left()
            return None
        if live.policy.kind == FREE:
            said.kind = "free-window"
            return None
        policy, count = live.policy, len(self.unanswered()) + 1
        if live.state == "open":
            if policy.unanswered_max is not None and count > policy.unanswered_max:
                return self._shut(live, said, "unanswered", now)
            if policy.messages_max is not None and live.count + 1 > policy.messages_max:
                return self._renew(live, said, count, now, terms)
            said.kind = "in-session"
        else:
            live.state, live.price_micros = "open", terms.price_micros
            live.money = "held" if terms.price_micros else "none"
            said.kind = "opens-session"
        self._put_in(live, said)
        return None

    def _put_in(self, session: Session, said: Said) -> None:
        said.session, said.row = session, self.row
        session.messages.append(said)
        said.left = self._left()

    def _shut(self, live: Session, said: Said, reason: str, now: datetime) -> None:
        self._close(live, reason, now)
        live.may_reopen = True
        said.left = live

    def _renew(self, live: Session, said: Said, count: int, now: datetime, terms: Terms) -> None:
        today = terms.policy
        if today is None or today.kind != live.policy.kind:
            return self._shut(live, said, "limit", now)
        if today.unanswered_max is not None and count > today.unanswered_max:
            return self._shut(live, said, "unanswered", now)
        self._close(live, "limit", now)
        live.replaced = None
        new = self._add(now, today, "open")
        new.replaced = live
        new.price_micros = terms.price_micros
        new.money = "held" if terms.price_micros else "none"
        said.kind = "renews-session"
        self._put_in(new, said)
        return None

    def _left(self) -> Session | None:
        current = self.current
        if current is None:
            return None
        return current if current.may_reopen else current.replaced

    def _run_out(self, live: Session, end: datetime, terms: Terms) -> None:
        if live.state == "open":
            live.swallows = _offers(terms, live.policy.kind)
            return self._close(live, "expired", end)
        self._close(live, "lapsed", end)
        if not _offers(terms, live.policy.kind) or not self.noted:
            return None
        # As of the lapse, whenever anybody looks (S2.25).
        then = terms.policy if terms.at is None else terms.at(end)
        latest = max(self.noted)
        if then is not None and then.restarts and end - latest < then.window:
            self._begin(latest, then)
        return None

    def _begin(self, at: datetime, policy: Policy) -> None:
        self._add(at, policy, "open" if policy.kind == FREE else "waiting")
        self.noted = [at] if policy.kind == BUSINESS else []
        # A row belongs to the stretch it was said in.
        self.row_from = len(self.said)

    def _add(self, at: datetime, policy: Policy, state: str) -> Session:
        number = len(self.sessions) + 1
        session = Session(number, policy, at, state, self.row)
        self.sessions.append(session)
        self.current = session
        return session

    def _close(self, session: Session, reason: str, at: datetime) -> None:
        session.state, session.reason, session.closed_at = "closed", reason, at

    def _belongs_to_the_past(self, at: datetime) -> bool:
        current = self.current
        if current is None:
            return False
        is_own = current.swallows and not current.policy.is_anchored_last
        if is_own and at < self.ends_at(current):
            return True
        return any(at < each for each in self.noted)

    def _next_row(self) -> None:
        self.row += 1
        self.row_from = len(self.said)

    def _reopen(self, session: Session) -> None:
        session.state, session.reason, session.closed_at = "open", None, None
        session.may_reopen = False

    def _wait_again(self, session: Session) -> None:
        self._remove(session)
        self._add(session.begun_at, session.policy, "waiting")

    def _remove(self, session: Session) -> None:
        session.state, session.reason, session.replaced = "closed", "failed", None


def _offers(terms: Terms, kind: str) -> bool:
    return terms.policy is not None and terms.policy.kind == kind
