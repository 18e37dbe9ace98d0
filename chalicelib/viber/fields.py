"""JSON from outside: read so that nothing in it can hurt later, then taken field by field."""

import json
import math
import re
from typing import Any

DEPTH_MAX = 16
TOKEN_LENGTH_MAX = 64

_SURROGATE = re.compile("[\ud800-\udfff]")
_WHOLE = re.compile(r"-?[0-9]{1,20}")


class Unreadable(ValueError):
    """These bytes are not a JSON object that can be kept; the text says why."""


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object whose every value can be written again as JSON and UTF-8.

    Broken UTF-8 and lone surrogates become U+FFFD, whole numbers beyond 64 bits become their
    digits, floats beyond a double become None. Raises Unreadable.
    """
    # Not msgspec: it refuses a whole body for one lone surrogate or one huge number, and a
    # customer's message would be lost for it.
    try:
        found = json.loads(
            body.decode("utf-8-sig", "replace"),
            parse_int=_int_or_digits,
            parse_float=_finite_or_none,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    cleaned: dict[str, Any] = _cleaned(found, DEPTH_MAX)
    return cleaned


def text_of(value: Any) -> str | None:
    """Take a text that says something, without the blanks around it."""
    return value.strip() or None if isinstance(value, str) else None


def exact_of(value: Any) -> str | None:
    """Take a text that says something, exactly as it is: it may be somebody's key."""
    return value if isinstance(value, str) and value.strip() else None


def whole_of(value: Any) -> int | None:
    """Take a whole number, also one written as a text or as a float without a fraction."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return None


def number_of(value: Any) -> float | None:
    """Take a finite number, also one written as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def flag_of(value: Any) -> bool | None:
    """Take a truth value, also one written as a number or a text."""
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    if isinstance(value, bool):
        return value
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


def object_of(value: Any) -> dict[str, Any]:
    """Take a JSON object; whatever is none counts as an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """Take a JSON array; whatever is none counts as an empty one."""
    return value if isinstance(value, list) else []


def texts_of(value: Any) -> list[str]:
    """Take the texts of a JSON array."""
    return [text for text in map(text_of, list_of(value)) if text is not None]


def token_of(value: Any) -> str | None:
    """Take a message_token with every digit as it was sent; it is a name, never arithmetic."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    token = str(value).strip()
    return token if 0 < len(token) <= TOKEN_LENGTH_MAX else None


def _cleaned(value: Any, depth_left: int) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if not isinstance(value, dict | list):
        return value
    if depth_left == 0:
        raise Unreadable(f"nested more than {DEPTH_MAX} levels deep")
    if isinstance(value, list):
        return [_cleaned(item, depth_left - 1) for item in value]
    return {
        _SURROGATE.sub("\ufffd", name): _cleaned(item, depth_left - 1)
        for name, item in value.items()
    }


def _int_or_digits(digits: str) -> int | str:
    if len(digits) <= 20 and -(2**63) <= (number := int(digits)) < 2**64:
        return number
    return digits


def _finite_or_none(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
