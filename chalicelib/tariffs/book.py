"""The book of tariffs: one item that tells what is in force now and what will be.

It is read on the way of every message, so it is parsed once per container and content. What a
session is pinned to may have left the book; then the version's own item tells it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from chalicelib import errors, sessions, store
from chalicelib.tables import PLATFORM, PolicyItem, TariffBook

KINDS = ("free", "business")

# A function whose clock is behind, or that began a while ago, still finds what it needs.
PRICES_KEPT_FOR = timedelta(minutes=5)
# What an unanswered window's lapse is looked at by, however late that is done.
POLICIES_KEPT_FOR = timedelta(days=7)
KEPT_MAX = 12


class PriceList(msgspec.Struct, frozen=True):
    """One version of what a bot-initiated message costs per country, and where none is named."""

    version: int
    valid_from: datetime
    default_micros: int
    prices: dict[str, int]

    def price_of(self, country: str | None) -> int:
        """Tell the price of a message to a country, or to one not known."""
        return self.prices.get(country or "", self.default_micros)


class DatedPolicy(msgspec.Struct, frozen=True):
    """A session policy, and the instant from which new sessions begin under it."""

    valid_from: datetime
    policy: sessions.Policy

    @property
    def version(self) -> int:
        """Its number among those of its kind."""
        return self.policy.version


class Tariffs(NamedTuple):
    """What is in force at an instant; without a price list nothing outside can be priced."""

    price_list: PriceList | None
    free: sessions.Policy
    business: sessions.Policy


class Content(msgspec.Struct):
    """A book, read: each series by date, and the last number that was given in it."""

    price_lists: list[PriceList] = []
    free: list[DatedPolicy] = []
    business: list[DatedPolicy] = []
    numbers: dict[str, int] = {}


class Dated(Protocol):
    """One version of a series."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def valid_from(self) -> datetime:
        """The instant it comes into force."""


D = TypeVar("D", bound=Dated)

_pinned: dict[tuple[str, int], sessions.Policy] = {}


def wanted() -> tuple[type[TariffBook], str, str]:
    """Name the book for `store.read`."""
    return TariffBook, PLATFORM, "tariffs"


def at(book: TariffBook | None, now: datetime) -> Tariffs:
    """Tell what a book has in force at an instant that is not long past."""
    if book is None:
        return Tariffs(None, sessions.FREE, sessions.BUSINESS)
    content = _read(book.content)
    free, business = in_force(content.free, now), in_force(content.business, now)
    return Tariffs(
        in_force(content.price_lists, now),
        sessions.FREE if free is None else free.policy,
        sessions.BUSINESS if business is None else business.policy,
    )


def business_before(book: TariffBook | None, now: datetime) -> sessions.PolicyAt:
    """Give the way to ask for the policy of sessions at an instant before now.

    Of what is longer past than policies are kept, it tells that of the oldest instant known.
    """
    return lambda instant: at(book, max(instant, now - POLICIES_KEPT_FOR)).business


def policy_of(kind: str, version: int) -> sessions.Policy:
    """Give the policy that a session is pinned to; version 1 is built in.

    Versions never change, so each is read at most once per container. Raises NotFound for one
    that nobody made.
    """
    if version == 1:
        return sessions.FREE if kind == "free" else sessions.BUSINESS
    found = _pinned.get((kind, version))
    if found is None:
        item = store.get(PolicyItem, PLATFORM, policy_item(kind, version))
        if item is None:
            raise errors.NotFound("There is no session policy with this number.")
        found = _pinned[kind, version] = msgspec.convert(item.policy, sessions.Policy)
    return found


def forget() -> None:
    """Forget all policies read, for a process that goes on to another deployment's data."""
    _pinned.clear()
    _read.cache_clear()


def policy_item(kind: str, version: int) -> str:
    """Name the place of a policy's version."""
    return f"policy#{kind}#{version:06}"


def opened(book: TariffBook | None) -> Content:
    """Give the content of a book to be changed."""
    return Content() if book is None else msgspec.json.decode(book.content, type=Content)


def rewritten(book: TariffBook | None, content: Content) -> store.Put:
    """Return the write of a changed book, which holds only while nobody else changed it."""
    seen = 0 if book is None else book.revision
    condition: Any = TariffBook.item.does_not_exist()
    if book is not None:
        condition = TariffBook.revision == seen
    text = msgspec.json.encode(content).decode()
    return store.Put(TariffBook(revision=seen + 1, content=text), condition)


def in_force(versions: Sequence[D], now: datetime) -> D | None:
    """Pick the version of a series that is in force: the last that has begun."""
    return next((each for each in reversed(versions) if each.valid_from <= now), None)


def with_version(versions: Sequence[D], made: D, now: datetime, *, kept_for: timedelta) -> list[D]:
    """Put a version in its place by date, and drop those nobody can need any more.

    Raises Conflict where the book would hold too many.
    """
    ordered = sorted((*versions, made), key=lambda each: (each.valid_from, each.version))
    oldest = in_force(ordered, now - kept_for)
    kept = ordered if oldest is None else ordered[ordered.index(oldest) :]
    if len(kept) > KEPT_MAX:
        raise errors.Conflict(
            f"At most {KEPT_MAX} versions may wait for their day or have been in force in the "
            f"last {_told(kept_for)}; withdraw one, or wait."
        )
    return kept


def _told(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span // timedelta(minutes=1)} minutes"


@lru_cache(maxsize=8)
def _read(content: str) -> Content:
    # Whoever reads the same content shares this, hence nobody changes it.
    read = msgspec.json.decode(content, type=Content)
    for dated in (*read.free, *read.business):
        _pinned[dated.policy.kind, dated.version] = dated.policy
    return read
