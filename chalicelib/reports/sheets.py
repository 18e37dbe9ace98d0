"""Reports as files for a spreadsheet: UTF-8 that it recognises, decimal points, local times.

A file is made a page at a time, and the pages joined are the file: only the first has the mark
of UTF-8 and the header. No line is left out: a page says by its cursor that more is to come.
"""

import csv
import io
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib import billing, errors, money, people
from chalicelib.reports import words
from chalicelib.reports.lines import Line, Only, told
from chalicelib.reports.periods import Period
from chalicelib.tables import Entry

BOM = "\ufeff"
ROWS_MAX = 2000
READ_AT_ONCE = 200
"""A page of ROWS_MAX is below what a function may answer, each letter taking six bytes; what was
read last may be more lines than entries."""

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
# A cell that begins so is a formula to a spreadsheet, whoever has written it; and one that
# splits cells at another separator than ours takes what follows that for a beginning.
FORMULA = re.compile(r"(?:^|[,;\t\r\n])[\s\u200b-\u200f\ufeff]*[=+\-@＝＋－＠]|^[\t\r\n]")
# Of a longer number a spreadsheet forgets the end: Viber's tokens have more digits.
DIGITS_MAX = 15

_MESSAGE_COLUMNS = (
    "charged_at",
    "sent_at",
    "kind",
    "bot",
    "recipient",
    "subscriber_id",
    "country",
    "state",
    "count",
    "price",
    "currency",
    "price_list",
    "agent",
    "ticket_id",
    "message_id",
    "message_token",
    "session_id",
    "cause",
    "entry_id",
)
_ENTRY_COLUMNS = (
    "at",
    "kind",
    "amount",
    "moved",
    "moved_from",
    "moved_to",
    "currency",
    "bot_id",
    "month",
    "cause",
    "corrects",
    "entry_id",
)


class Style(NamedTuple):
    """In which language a file speaks, and what stands between its cells."""

    language: str
    delimiter: str


class Amount(str):
    """A cell that we wrote ourselves, a minus before it being no formula."""

    __slots__ = ()


def style(language: str | None, delimiter: str, *, default: str) -> Style:
    """Check how a file is wanted; BadInput names what is wrong."""
    language = language or default
    if language not in people.LANGUAGES:
        raise errors.BadInput(f"One of {', '.join(people.LANGUAGES)}.", field="language")
    if delimiter not in DELIMITERS:
        raise errors.BadInput(f"One of {', '.join(DELIMITERS)}.", field="delimiter")
    return Style(language, DELIMITERS[delimiter])


def message_rows(
    account_id: str,
    period: Period,
    only: Only,
    how: Style,
    *,
    limit: int = ROWS_MAX,
    cursor: str | None = None,
) -> tuple[str, str | None]:
    """Write a page of paid messages and sessions, oldest first, and tell where the next begins."""
    is_first = cursor is None
    found, cursor = _entries(account_id, period, only, limit, cursor)
    lines = told(found, only, account_id)
    rows = (_message_row(line, period, how.language) for line in lines)
    return _written(_MESSAGE_COLUMNS, rows, period, how, is_first=is_first), cursor


def entry_rows(
    account_id: str,
    period: Period,
    only: Only,
    how: Style,
    *,
    limit: int = ROWS_MAX,
    cursor: str | None = None,
) -> tuple[str, str | None]:
    """Write a page of all entries, oldest first, and tell where the next begins."""
    is_first = cursor is None
    found, cursor = _entries(account_id, period, only, limit, cursor)
    rows = (_entry_row(entry, only, period, how) for entry in filter(only.takes, found))
    return _written(_ENTRY_COLUMNS, rows, period, how, is_first=is_first), cursor


def _entries(
    account_id: str, period: Period, only: Only, limit: int, cursor: str | None
) -> tuple[list[Entry], str | None]:
    """Read a page in as many reads as it takes: one gives a megabyte at most."""
    found: list[Entry] = []
    size = 0
    while True:
        some, cursor = billing.entries(
            account_id,
            limit=min(limit - size, READ_AT_ONCE),
            cursor=cursor,
            from_at=period.from_at,
            until_at=period.until_at,
            newest_first=False,
        )
        found += some
        size += sum(max(1, len(only.parts(entry))) for entry in some)
        if cursor is None or size >= limit:
            return found, cursor


def _message_row(line: Line, period: Period, language: str) -> dict[str, Any]:
    return {
        "charged_at": _time(line.charged_at, period),
        "sent_at": _time(line.sent_at, period),
        "kind": words.kind(line.kind, language),
        "bot": line.bot_name,
        "recipient": line.recipient.name,
        "subscriber_id": line.recipient.subscriber_id,
        "country": line.country,
        "state": words.state(line.state, language),
        "count": Amount(line.count),
        "price": Amount(line.price.amount),
        "currency": money.CURRENCY,
        "price_list": line.price_list,
        "agent": line.agent_name,
        "ticket_id": line.ticket_id,
        "message_id": line.message_id,
        "message_token": line.message_token,
        "session_id": line.session_id,
        "cause": line.cause,
        "entry_id": line.entry_id,
    }


def _entry_row(entry: Entry, only: Only, period: Period, how: Style) -> dict[str, Any]:
    moved, language = entry.moved_micros, how.language
    micros = sum(part.micros for part in only.parts(entry))
    return {
        "at": _time(entry.at, period),
        "kind": words.kind(entry.kind, language),
        "amount": Amount(money.text(micros)),
        "moved": None if moved is None else Amount(money.text(moved)),
        "moved_from": words.place(entry.moved_from, language),
        "moved_to": words.place(entry.moved_to, language),
        "currency": money.CURRENCY,
        "bot_id": entry.bot_id,
        "month": entry.facts.get("month"),
        "cause": entry.cause,
        "corrects": entry.corrects,
        "entry_id": entry.entry_id,
    }


def _written(
    columns: tuple[str, ...],
    rows: Iterable[dict[str, Any]],
    period: Period,
    how: Style,
    *,
    is_first: bool,
) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=how.delimiter)  # ends its lines with CR and LF
    if is_first:
        file.write(BOM)
        writer.writerow(_header(name, period, how.language) for name in columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return file.getvalue()


def _header(name: str, period: Period, language: str) -> str:
    said = words.column(name, language)
    return f"{said} ({period.zone})" if name in ("charged_at", "sent_at", "at") else said


def _time(at: datetime | None, period: Period) -> str:
    return "" if at is None else period.local(at).strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, Amount):
        return text
    is_long_number = text.isdecimal() and len(text) > DIGITS_MAX
    return f"'{text}" if is_long_number or FORMULA.search(text) else text
