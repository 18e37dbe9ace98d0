"""What may be said of people and accounts: names, addresses, time zones."""

import re

from chalicelib import errors

# Cognito: a user name has at most 128 characters.
EMAIL_MAX_CHARACTERS = 128

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def said(text: str, field: str) -> str:
    """Return a name as it is kept, or raise BadInput at this field."""
    said = " ".join(text.split())
    if not 0 < len(said) <= 100 or _CONTROL.search(said):
        raise errors.BadInput("1 to 100 characters, no control characters.", field=field)
    return said


def is_email(text: str) -> bool:
    """Say whether a text has the form of an e-mail address."""
    return len(text) <= EMAIL_MAX_CHARACTERS and _EMAIL.fullmatch(text) is not None


def check_zone(time_zone: str) -> None:
    """Raise BadInput for what is no time zone of the IANA list."""
    from zoneinfo import available_timezones

    if time_zone not in available_timezones():
        raise errors.BadInput(
            "A time zone of the IANA list, such as Europe/Kyiv.", field="time_zone"
        )
