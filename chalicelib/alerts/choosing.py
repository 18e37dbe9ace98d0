"""What an account has set about its money: fee protection, the lines of warnings, who gets mail."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from chalicelib import audit, billing, errors, fees, money, people, store
from chalicelib.audit import Actor
from chalicelib.tables import MoneySettings

LINES_MAX = 5
ADDRESSES_MAX = 10
RUNWAY_DAYS_MAX = 60
T = TypeVar("T", int, str)


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lines of an account's warnings, mildest first, and who is told by mail."""

    low_balance_micros: list[int] = msgspec.field(
        default_factory=lambda: [money.euros(50), money.euros(10), 0]
    )
    runway_days: list[int] = msgspec.field(default_factory=lambda: [14, 7, 3])
    quota_percents: list[int] = msgspec.field(default_factory=lambda: [80, 95, 100])
    mails: bool = True
    to_admins: bool = True
    addresses: list[str] = []


def settings(account_id: str) -> MoneySettings:
    """Read what an account has set; one that has set nothing has the defaults."""
    found = store.get(MoneySettings, account_id, "settings")
    return found or MoneySettings(key=account_id)


def chosen(found: MoneySettings | None) -> Chosen:
    """Give the lines of an account's warnings."""
    return msgspec.convert({} if found is None else found.warnings, Chosen)


def change(
    account_id: str,
    changes: dict[str, Any],
    *,
    protects_fees: bool | None,
    by: Actor,
    now: datetime,
) -> MoneySettings:
    """Change some settings, the others stay; the lines are looked at afresh within minutes.

    Protection turned on moves money aside at once; turned off, what is set aside stays with its
    bot. Raises BadInput that names the field.
    """
    checked = {name: _CHECKS[name](name, value) for name, value in changes.items()}
    found = store.again(lambda: _change(account_id, checked, protects_fees, by=by, now=now))
    if protects_fees:
        fees.after_top_up(account_id, now=now)
    billing.look_again(account_id, now=now)
    return found


def _change(
    account_id: str,
    changes: dict[str, Any],
    protects_fees: bool | None,
    *,
    by: Actor,
    now: datetime,
) -> MoneySettings:
    found = settings(account_id)
    seen = found.revision
    found.warnings = msgspec.to_builtins(msgspec.structs.replace(chosen(found), **changes))
    if protects_fees is not None:
        found.protects_fees = protects_fees
        changes = changes | {"protects_fees": protects_fees}
    found.revision = seen + 1
    condition: Any = MoneySettings.revision == seen
    if not seen:
        condition = MoneySettings.item.does_not_exist() | condition
    store.commit(
        [
            store.Put(found, condition),
            audit.line(account_id, by, "money settings changed", account_id, now, changes=changes),
        ]
    )
    return found


def _amounts(name: str, given: list[int]) -> list[int]:
    return _lines("low_balance", given, 0, money.AMOUNT_MAX_MICROS, is_falling=True)


def _days(name: str, given: list[int]) -> list[int]:
    return _lines(name, given, 1, RUNWAY_DAYS_MAX, is_falling=True)


def _percents(name: str, given: list[int]) -> list[int]:
    return _lines(name, given, 1, 100, is_falling=False)


def _lines(
    name: str, given: Sequence[int], lowest: int, highest: int, *, is_falling: bool
) -> list[int]:
    _refuse_many(name, given, LINES_MAX)
    for position, line in enumerate(given):
        if not lowest <= line <= highest:
            raise errors.BadInput(f"From {lowest} to {highest}.", field=f"{name}[{position}]")
    return sorted(given, reverse=is_falling)


def _addresses(name: str, given: list[str]) -> list[str]:
    addresses = [address.strip().lower() for address in given]
    _refuse_many(name, addresses, ADDRESSES_MAX)
    for position, address in enumerate(addresses):
        if not people.is_email(address):
            raise errors.BadInput(
                "An e-mail address, such as olena@example.com.", field=f"{name}[{position}]"
            )
    return addresses


def _refuse_many(name: str, given: Sequence[T], at_most: int) -> None:
    if len(given) > at_most:
        raise errors.BadInput(f"{at_most} at most.", field=name)
    if len(set(given)) < len(given):
        raise errors.BadInput("Each once.", field=name)


def _as_is(name: str, given: Any) -> Any:
    return given


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "low_balance_micros": _amounts,
    "runway_days": _days,
    "quota_percents": _percents,
    "mails": _as_is,
    "to_admins": _as_is,
    "addresses": _addresses,
}
