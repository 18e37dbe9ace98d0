"""What Viber takes, checked value by value; every refusal names the field and the bound.

Lengths are counted in UTF-16 units, as Viber's Java does: an emoji counts as two. Viber does not
say how it counts, and this is the count that never lets too much through.
"""

import re
from typing import Any
from urllib.parse import urlsplit

URL_LENGTH_MAX = 2000  # Viber says so for url messages; a longer media URL is not worth the risk.

_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")


class Unsendable(Exception):
    """Viber would not take this; `field` is its JSON path, `reason` says what would be right."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def units(text: str) -> int:
    """Count a text's UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_text(text: Any, field: str, length_max: int, *, may_be_blank: bool = False) -> None:
    """Check that this is a text of at most `length_max` characters."""
    name = name_of(field)
    if not isinstance(text, str):
        raise Unsendable(field, f"{name} is not a text")
    if _SURROGATE.search(text):
        raise Unsendable(field, f"{name} has half an emoji in it; write the whole character")
    if not may_be_blank and not text.strip():
        raise Unsendable(field, f"{name} is blank; write at least one character")
    length = units(text)
    if length > length_max:
        counted = "" if length == len(text) else " (an emoji counts as two)"
        raise Unsendable(
            field,
            f"{name} is {length} characters long{counted}; Viber takes at most {length_max}",
        )


def check_https(given: Any, field: str) -> str:
    """Check that this is a complete https address and return its path."""
    check_text(given, field, URL_LENGTH_MAX)
    url = str(given)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme != "https" or _BLANK_OR_CONTROL.search(url):
        raise Unsendable(field, f"{name_of(field)} must be a whole https:// address without blanks")
    return parts.path


def check_whole(value: Any, field: str, least: int, most: int) -> int:
    """Check that this is a whole number within bounds, both included, and return it."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Unsendable(field, f"{name_of(field)} must be a whole number from {least} to {most}")
    return value


def name_of(field: str) -> str:
    """Name the last step of a JSON path."""
    return field.rpartition(".")[2]
