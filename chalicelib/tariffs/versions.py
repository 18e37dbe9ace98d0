"""Making, withdrawing and listing versions of prices and session policies.

A change begins now or later, never before, and a version never changes: what was priced or
begun under it can be explained for ever. One not yet in force may be withdrawn.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from chalicelib import audit, errors, sessions, store
from chalicelib.audit import Actor
from chalicelib.tables import PLATFORM, PolicyItem, PriceListItem
from chalicelib.tariffs import book as books
from chalicelib.tariffs import prices as price_lines
from chalicelib.tariffs.book import DatedPolicy, PriceList, Tariffs

SCHEDULED_WITHIN: Final = timedelta(days=731)
PRICES: Final = "price_lists"

# Of policies the first number is that of the one built in.
FIRST_NUMBER: Final = {PRICES: 1, "free": 2, "business": 2}

Version = PriceListItem | PolicyItem
V = TypeVar("V", PriceListItem, PolicyItem)


def make_price_list(
    prices: Iterable[tuple[str, int]],
    default_micros: int | None,
    valid_from: datetime | None,
    *,
    by: Actor,
    now: datetime,
) -> PriceListItem:
    """Set what messages cost from an instant on, now if none is given, under a new number.

    Raises BadInput for a list without its default, a country that is none or comes twice, a
    price out of bounds, or an instant that is past.
    """
    default, checked = price_lines.checked(default_micros, prices)
    start = _start(valid_from, now)

    def of(number: int) -> tuple[PriceList, PriceListItem]:
        item = PriceListItem(
            item=_price_list_item(number),
            version=number,
            valid_from=start,
            default_micros=default,
            prices=checked,
            made_at=now,
            made_by=by.actor_id,
            made_by_name=by.name,
        )
        return PriceList(number, start, default, checked), item

    return store.again(lambda: _make(PRICES, "price list made", of, by, now))


def make_policy(
    wish: sessions.Policy, valid_from: datetime | None, *, by: Actor, now: datetime
) -> PolicyItem:
    """Set the numbers that new sessions of a kind begin under, under a new version.

    The version in the wish is not looked at. Raises BadInput naming the field that is wrong.
    """
    wrong = sessions.check_policy(wish)
    if wrong is not None:
        field, reason = wrong
        raise errors.BadInput(f"{field} {reason}.", field=field)
    start = _start(valid_from, now)

    def of(number: int) -> tuple[DatedPolicy, PolicyItem]:
        made = msgspec.structs.replace(wish, version=number)
        item = PolicyItem(
            item=books.policy_item(wish.kind, number),
            kind=wish.kind,
            version=number,
            valid_from=start,
            policy=msgspec.to_builtins(made),
            made_at=now,
            made_by=by.actor_id,
            made_by_name=by.name,
        )
        return DatedPolicy(start, made), item

    return store.again(lambda: _make(wish.kind, "session policy made", of, by, now))


def withdraw_price_list(version: int, *, by: Actor, now: datetime) -> PriceListItem:
    """Undo a list before it comes into force; a second time changes nothing.

    Raises NotFound, and Conflict for a list that is or was in force.
    """
    return store.again(lambda: _withdraw(price_list(version), PRICES, by, now))


def withdraw_policy(kind: str, version: int, *, by: Actor, now: datetime) -> PolicyItem:
    """Undo a policy before it comes into force; a second time changes nothing.

    Raises NotFound, and Conflict for a policy that is or was in force.
    """
    return store.again(lambda: _withdraw(policy(kind, version), kind, by, now))


def current(now: datetime) -> Tariffs:
    """Read what is in force now."""
    return books.at(store.get(*books.wanted()), now)


def price_list(version: int) -> PriceListItem:
    """Read one version of the prices, or raise NotFound."""
    found = store.get(PriceListItem, PLATFORM, _price_list_item(version))
    if found is None:
        raise errors.NotFound("There is no price list with this number.")
    return found


def price_lists(*, limit: int, cursor: str | None) -> tuple[list[PriceListItem], str | None]:
    """List all versions of the prices, newest first."""
    return _listed(PriceListItem, "price-list#", limit, cursor)


def policy(kind: str, version: int) -> PolicyItem:
    """Read one version of a kind's policy that an operator made, or raise NotFound."""
    found = store.get(PolicyItem, PLATFORM, books.policy_item(kind, version))
    if found is None:
        raise errors.NotFound("There is no session policy with this number.")
    return found


def policies(kind: str, *, limit: int, cursor: str | None) -> tuple[list[PolicyItem], str | None]:
    """List the versions of a kind's policy that operators made, newest first."""
    return _listed(PolicyItem, f"policy#{kind}#", limit, cursor)


def state_of(version: Version, number_in_force: int | None, now: datetime) -> str:
    """Tell whether a version is `in-force`, `scheduled`, `past` or `withdrawn`.

    `number_in_force` is that of the version of its series that is in force now.
    """
    if version.withdrawn_at is not None:
        return "withdrawn"
    if version.valid_from > now:
        return "scheduled"
    return "in-force" if version.version == number_in_force else "past"


def _make(
    series: str, action: audit.Action, of: Callable[[int], tuple[Any, V]], by: Actor, now: datetime
) -> V:
    book = store.get(*books.wanted())
    content = books.opened(book)
    # Numbers are given under the book's revision: nobody loses his version to another's.
    number = content.numbers.get(series, FIRST_NUMBER[series] - 1) + 1
    content.numbers[series] = number
    made, item = of(number)
    kept_for = books.PRICES_KEPT_FOR if series == PRICES else books.POLICIES_KEPT_FOR
    kept = books.with_version(getattr(content, series), made, now, kept_for=kept_for)
    setattr(content, series, kept)
    line = _line(action, series, item, by, now)
    put = store.Put(item, type(item).item.does_not_exist())
    store.commit([books.rewritten(book, content), put, line])
    return item


def _withdraw(version: V, series: str, by: Actor, now: datetime) -> V:
    if version.withdrawn_at is not None:
        return version
    if version.valid_from <= now:
        raise errors.Conflict("This is or was in force, and the past stays; make a new version.")
    book = store.get(*books.wanted())
    content = books.opened(book)
    left = [each for each in getattr(content, series) if each.version != version.version]
    setattr(content, series, left)
    version.withdrawn_at = now
    is_prices = series == PRICES
    action: audit.Action = "price list withdrawn" if is_prices else "session policy withdrawn"
    line = _line(action, series, version, by, now)
    put = store.Put(version, type(version).withdrawn_at.does_not_exist())
    store.commit([books.rewritten(book, content), put, line])
    return version


def _line(
    action: audit.Action, series: str, version: Version, by: Actor, now: datetime
) -> store.Put:
    subject = str(version.version) if series == PRICES else f"{series} {version.version}"
    return audit.line(PLATFORM, by, action, subject, now, valid_from=version.valid_from)


def _listed(
    model: type[V], prefix: str, limit: int, cursor: str | None
) -> tuple[list[V], str | None]:
    return store.page(
        model,
        PLATFORM,
        model.item.startswith(prefix),
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )


def _price_list_item(version: int) -> str:
    return f"price-list#{version:06}"


def _start(valid_from: datetime | None, now: datetime) -> datetime:
    if valid_from is None:
        return now
    if not now <= valid_from <= now + SCHEDULED_WITHIN:
        raise errors.BadInput(
            "Now or later, two years ahead at most; what is past stays as it was.",
            field="valid_from",
        )
    start = valid_from.astimezone(UTC)
    return start.replace(microsecond=start.microsecond // 1000 * 1000)
