"""The connection form: Viber's ten fields in their order, filled in English."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from chalicelib import countries, errors, people

COMPANY_TYPES = ("bot_owner", "bot_developer", "reseller", "other")
NAME_MAX_CHARACTERS = 100
COMPANY_MAX_CHARACTERS = 200
WEBSITE_MAX_CHARACTERS = 500
INQUIRY_MAX_CHARACTERS = 4000

CompanyType = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(COMPANY_TYPES)})]
Country = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[A-Z]{2}$"})]
Website = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri"})]
Email = Annotated[str, msgspec.Meta(extra_json_schema={"format": "email"})]

_HOST = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Viber asks of a business that wants a commercial bot."""

    has_read_terms: bool
    first_name: str
    last_name: str
    work_email: Email
    country: Country
    company_name: str
    company_website: Website
    has_business_account: bool
    company_type: CompanyType
    inquiry: str


def checked(form: Form) -> Form:
    """Give the form as it is kept, or raise BadInput naming the first field that is wrong."""
    if not form.has_read_terms:
        raise _wrong(
            "has_read_terms",
            "The request can be sent only after the terms of Viber's commercial model are read.",
        )
    return Form(
        has_read_terms=True,
        first_name=_said(form.first_name, "first_name", NAME_MAX_CHARACTERS),
        last_name=_said(form.last_name, "last_name", NAME_MAX_CHARACTERS),
        work_email=_email(form.work_email),
        country=_country(form.country),
        company_name=_said(form.company_name, "company_name", COMPANY_MAX_CHARACTERS),
        company_website=_website(form.company_website),
        has_business_account=form.has_business_account,
        company_type=_company_type(form.company_type),
        inquiry=_said(form.inquiry, "inquiry", INQUIRY_MAX_CHARACTERS, lines=True),
    )


def same_answers(form: Form) -> str:
    """Give what all forms with the same answers have in common: neither case nor spaces count."""
    answers = (str(answer) for answer in msgspec.structs.astuple(form))
    return "\n".join(" ".join(answer.split()).casefold() for answer in answers)


def _said(given: str, field: str, most: int, *, lines: bool = False) -> str:
    """Give a text without spaces around it; a text of several lines keeps them."""
    said = "\n".join(" ".join(line.split()) for line in given.strip().splitlines())
    said = said if lines else " ".join(said.split())
    if not 0 < len(said) <= most:
        raise _wrong(field, f"1 to {most} characters.")
    if any(
        unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn")
        for letter in said
        if letter != "\n"
    ):
        raise _wrong(field, "No control characters, and none that cannot be seen.")
    foreign = next(_not_latin(said), None)
    if foreign is not None:
        raise _wrong(field, f"The form is filled in English: Latin letters only, not “{foreign}”.")
    return said


def _not_latin(text: str) -> Iterator[str]:
    """Find letters, digits and accents of other scripts than Latin."""
    for character in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(character)
        name = unicodedata.name(character, "")
        if kind == "Lm":
            # An apostrophe of a romanised name is a modifier letter of no script.
            is_foreign = not "\u02b0" <= character <= "\u02ff"
        elif kind in ("Lu", "Ll", "Lt", "Lo"):
            is_foreign = not name.startswith("LATIN ") and character not in "ªº"
        elif kind.startswith("M"):
            is_foreign = not "\u0300" <= character <= "\u036f"
        else:
            is_foreign = kind == "Nd" and not character.isascii()
        if is_foreign:
            yield character


def _email(given: str) -> str:
    said = _said(given, "work_email", people.EMAIL_MAX_CHARACTERS)
    if not people.is_email(said):
        raise _wrong("work_email", "An e-mail address, such as olena@example.com.")
    return said


def _country(given: str) -> str:
    said = given.strip().upper()
    if said not in countries.codes():
        raise _wrong("country", "A country's code of ISO 3166, such as UA.")
    return said


def _website(given: str) -> str:
    said = _said(given, "company_website", WEBSITE_MAX_CHARACTERS)
    wrong = _wrong("company_website", "An address such as https://example.com.")
    try:
        parts = urlsplit(said)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    is_web = parts.scheme.lower() in ("http", "https") and _HOST.fullmatch(host) is not None
    if not is_web or " " in said or "@" in parts.netloc or "\\" in said:
        raise wrong
    return said


def _company_type(given: str) -> str:
    if given not in COMPANY_TYPES:
        raise _wrong("company_type", f"One of {', '.join(COMPANY_TYPES)}.")
    return given


def _wrong(field: str, detail: str) -> errors.BadInput:
    return errors.BadInput(detail, field=f"form.{field}")
