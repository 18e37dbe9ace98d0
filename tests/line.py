"""A conversation for the tests of sessions, moved through time by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chalicelib import sessions
from chalicelib.sessions import BUSINESS, FREE, Change, Part, Policy, Talk, Terms

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = "bot_1/subscriber"
PRICE = 50_000
MS = timedelta(milliseconds=1)
DAY = timedelta(hours=24)
PAID = Terms(BUSINESS, PRICE)
GRATIS = Terms(FREE)
OFF = Terms(None)


def hours(count: float) -> datetime:
    return NOON + timedelta(hours=count)


@dataclass
class Line:
    """A conversation whose clock is moved by naming the hour of each event."""

    terms: Terms = PAID
    talk: Talk | None = None
    changes: list[Change] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    policies: dict[tuple[str, int], Policy] = field(
        default_factory=lambda: {("free", 1): FREE, ("business", 1): BUSINESS}
    )

    def policy_of(self, kind: str, version: int) -> Policy:
        return self.policies[kind, version]

    def under(self, policy: Policy, price_micros: int = PRICE) -> None:
        self.policies[policy.kind, policy.version] = policy
        self.terms = Terms(policy, price_micros)

    def hears(self, at: datetime, content_type: str = "text") -> list[Change]:
        return self._keep(sessions.heard(self.talk, at, content_type, self.terms, self.policy_of))

    def waits_until(self, at: datetime) -> list[Change]:
        return self._keep(sessions.advance(self.talk, at, self.terms, self.policy_of))

    def says(
        self, at: datetime, types: int | Sequence[str] = 1, *, may_open: bool = True
    ) -> list[Part]:
        types = ["text"] * types if isinstance(types, int) else types
        spoken = sessions.spoke(
            self.talk, types, at, self.terms, self.policy_of, key=KEY, may_open=may_open
        )
        assert spoken.refusal is None
        self._keep(sessions.Advanced(spoken.talk, spoken.changes))
        self.parts += spoken.parts
        return list(spoken.parts)

    def kinds(self, at: datetime, types: int | Sequence[str] = 1) -> list[str]:
        return [part.kind for part in self.says(at, types)]

    def chats(self, count: int, at: datetime) -> None:
        """Let the business say so much, answered often enough."""
        for said in range(count):
            if said % 5 == 0:
                self.hears(at)
            self.says(at)

    def live(self, at: datetime) -> sessions.Live | None:
        return sessions.live(self.talk, at, self.policy_of)

    def state(self, at: datetime) -> str | None:
        self.waits_until(at)
        found = self.live(at)
        return None if found is None else found.state

    def meters(self, at: datetime) -> tuple[int, int]:
        found = self.live(at)
        assert found is not None
        return found.sent, found.unanswered

    def _keep(self, advanced: sessions.Advanced) -> list[Change]:
        self.talk = advanced.talk
        self.changes += advanced.changes
        return list(advanced.changes)


def told(changes: Sequence[Change]) -> list[tuple[str, int, str | None]]:
    return [(change.kind, change.number, change.reason) for change in changes]
