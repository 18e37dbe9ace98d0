"""The numbers of a session, dated by their version, and what makes them sensible."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

KINDS: Final = ("free", "business")
ANCHORS: Final = ("first", "last")
TYPES: Final = (
    "text",
    "picture",
    "video",
    "file",
    "contact",
    "location",
    "url",
    "sticker",
    "rich_media",
    "payment",
    "unsupported",
)

WINDOW_SECONDS_MIN: Final = 60
WINDOW_SECONDS_MAX: Final = 30 * 86_400
# As many as a reply has parts: no reply spans more than two sessions.
MESSAGES_MIN: Final = 20
MESSAGES_MAX: Final = 1000
UNANSWERED_MAX: Final = 1000

Wrong = tuple[str, str]


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the numbers; a session keeps those it began under.

    `free` is the free window, `business` the session that is paid for. The window counts from
    the subscriber's first or last message. `types` are those the business may send, None for
    all; `restarts` says whether an unanswered window begins again at its latest starter.
    """

    version: int
    kind: str
    window_seconds: int = 86_400
    anchor: str = "first"
    not_starters: tuple[str, ...] = ()
    messages_max: int | None = None
    unanswered_max: int | None = None
    types: tuple[str, ...] | None = None
    restarts: bool = False


FREE: Final = Policy(version=1, kind="free")
BUSINESS: Final = Policy(
    version=1,
    kind="business",
    not_starters=("picture",),
    messages_max=60,
    unanswered_max=10,
    types=("text", "picture"),
    restarts=True,
)

PolicyOf = Callable[[str, int], Policy]
PolicyAt = Callable[[datetime], Policy]


class Terms(NamedTuple):
    """What a bot's plan offers at an instant: no policy means neither sessions nor windows.

    `was` tells the policy of an instant before, where another may have been in force.
    """

    policy: Policy | None
    price_micros: int = 0
    was: PolicyAt | None = None

    def offer(self, kind: str) -> bool:
        """Say whether sessions of this kind may begin and go on."""
        return self.policy is not None and self.policy.kind == kind

    def policy_at(self, at: datetime) -> Policy | None:
        """Give the policy under which a session that began at an instant before now began."""
        return self.policy if self.was is None else self.was(at)


def check_policy(policy: Policy) -> Wrong | None:
    """Name the first field that is wrong and what would be right; None where all is well."""
    return _wrong_form(policy) or (
        _wrong_extra(policy) if policy.kind == "free" else _wrong_limit(policy)
    )


def _wrong_form(policy: Policy) -> Wrong | None:
    if policy.version < 1:
        return "version", "counts from 1"
    if policy.kind not in KINDS:
        return "kind", f"is one of {', '.join(KINDS)}"
    if not WINDOW_SECONDS_MIN <= policy.window_seconds <= WINDOW_SECONDS_MAX:
        return "window_seconds", f"is from {WINDOW_SECONDS_MIN} to {WINDOW_SECONDS_MAX}"
    if policy.anchor not in ANCHORS:
        return "anchor", f"is one of {', '.join(ANCHORS)}"
    return None


def _wrong_extra(policy: Policy) -> Wrong | None:
    for field, default in (
        ("not_starters", ()),
        ("messages_max", None),
        ("unanswered_max", None),
        ("types", None),
        ("restarts", False),
    ):
        if getattr(policy, field) != default:
            return field, "is not for free windows, which have a length and an anchor only"
    return None


def _wrong_limit(policy: Policy) -> Wrong | None:
    if not _is_between(MESSAGES_MIN, policy.messages_max, MESSAGES_MAX):
        return "messages_max", f"is from {MESSAGES_MIN} to {MESSAGES_MAX}, or null for no limit"
    if not _is_between(1, policy.unanswered_max, UNANSWERED_MAX):
        return "unanswered_max", f"is from 1 to {UNANSWERED_MAX}, or null for no limit"
    if not _are_types(policy.not_starters):
        return "not_starters", f"are some of {', '.join(TYPES)}, each once"
    if set(policy.not_starters) == set(TYPES):
        return "not_starters", "leave at least one type that starts a session"
    if policy.types is not None and not (policy.types and _are_types(policy.types)):
        return "types", f"are at least one of {', '.join(TYPES)}, each once, or null for all"
    return None


def _is_between(low: int, value: int | None, high: int) -> bool:
    return value is None or low <= value <= high


def _are_types(types: tuple[str, ...]) -> bool:
    return len(set(types)) == len(types) and set(types) <= set(TYPES)
