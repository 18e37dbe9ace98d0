"""Money: whole micros of the euro inside, decimal strings with their currency outside."""

import re
from typing import Annotated

import msgspec

from chalicelib import errors

CURRENCY = "EUR"
MICROS = 1_000_000
CENT_MICROS = MICROS // 100
AMOUNT_MAX_MICROS = 1_000_000 * MICROS
"""More than anybody keeps here in advance; a larger amount is a slip of the hand."""

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,11})(\.([0-9]+))?")

AmountText = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^-?[0-9]+(\.[0-9]+)?$"})]


class Money(msgspec.Struct, frozen=True):
    """An amount as JSON carries it: `{"amount": "0.0196", "currency": "EUR"}`."""

    amount: AmountText
    currency: str = CURRENCY


def euros(whole: int) -> int:
    """Give whole euros in micros."""
    return whole * MICROS


def told(micros: int) -> Money:
    """Tell micros as money: at least two decimals, and never a rounded one."""
    return Money(text(micros))


def told_or_none(micros: int | None) -> Money | None:
    """Tell micros as money where there are any."""
    return None if micros is None else told(micros)


def text(micros: int) -> str:
    """Write micros as a decimal with at least two decimals: `-0.0196`, `400.00`."""
    sign = "-" if micros < 0 else ""
    whole, rest = divmod(abs(micros), MICROS)
    decimals = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def amount(given: Money, *, field: str, decimals: int = 2) -> int:
    """Read a positive amount in micros, or raise BadInput naming the field.

    `decimals` is the precision taken: two for what people pay, six for prices.
    """
    micros = price(given, field=field, decimals=decimals)
    if micros == 0:
        raise errors.BadInput("An amount above zero.", field=f"{field}.amount")
    return micros


def price(given: Money, *, field: str, decimals: int = 6) -> int:
    """Read an amount of zero or more in micros, or raise BadInput naming the field."""
    if given.currency != CURRENCY:
        raise errors.BadInput(f"All money here is in {CURRENCY}.", field=f"{field}.currency")
    return parsed(given.amount, field=f"{field}.amount", decimals=decimals)


def parsed(given: str, *, field: str, decimals: int = 6) -> int:
    """Read a decimal text of zero or more in micros, or raise BadInput naming the field."""
    match = _DECIMAL.fullmatch(given)
    if match is None:
        raise errors.BadInput("A positive decimal number with a point, such as 12.50.", field=field)
    fraction = match[3] or ""
    if len(fraction) > decimals:
        raise errors.BadInput(f"{decimals} decimals at most.", field=field)
    micros = int(match[1]) * MICROS + int(fraction.ljust(6, "0") or 0)
    if micros > AMOUNT_MAX_MICROS:
        raise errors.BadInput(f"{text(AMOUNT_MAX_MICROS)} {CURRENCY} at most.", field=field)
    return micros
