"""A page's cursor: where the next one begins; what no page of this very list gave is refused."""

import base64
import json
from typing import Any

from chalicelib import errors


def closed(key: dict[str, Any]) -> str:
    """Write down the key after which a list goes on."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def opened(cursor: str, names: tuple[str, ...], hash_key: str) -> dict[str, Any]:
    """Read a cursor of this very list, or raise BadInput."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise foreign() from None
    if not isinstance(key, dict) or {"S": hash_key} not in key.values() or set(key) != set(names):
        raise foreign()
    for typed in key.values():
        match typed:
            case {"S": str(text)} if text and len(typed) == 1:
                continue
            case {"N": str(number)} if number.isdecimal() and len(typed) == 1:
                continue
        raise foreign()
    return key


def foreign() -> errors.BadInput:
    """Refuse a cursor of another list."""
    return errors.BadInput(
        "This cursor is none that a page of this list gave; begin without one.", field="cursor"
    )
