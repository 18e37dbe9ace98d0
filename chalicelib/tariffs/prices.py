"""The lines of a price list: what they may say, and how spreadsheets read and write them.

    country,price
    default,0.02
    UA,0.0196

A file that comes back from a spreadsheet may be separated by `;`, and then have decimal commas.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from chalicelib import countries, errors, money

PRICE_MAX_MICROS: Final = money.euros(10)
LINES_MAX: Final = 1000
HEADER: Final = ["country", "price"]
DEFAULT: Final = "default"
BOM: Final = "\ufeff"
"""Without it a spreadsheet takes UTF-8 for something else."""

Prices = list[tuple[str, int]]


def checked(
    default_micros: int | None, prices: Iterable[tuple[str, int]]
) -> tuple[int, dict[str, int]]:
    """Give the default and the prices by country, or raise BadInput naming what is wrong first."""
    if default_micros is None:
        raise errors.BadInput(
            "A list needs the price for all countries that it does not name.", field=DEFAULT
        )
    _refuse_if(_wrong_price(default_micros), DEFAULT)
    found: dict[str, int] = {}
    for position, (country, micros) in enumerate(prices):
        _refuse_if(_wrong_country(country, found), f"prices[{position}].country")
        _refuse_if(_wrong_price(micros), f"prices[{position}].price")
        found[country.upper()] = micros
    return default_micros, dict(sorted(found.items()))


def read(raw: bytes) -> tuple[int | None, Prices]:
    """Read a file: the default, None where there is none, and the price of each country.

    Raises BadInput that names every wrong line by its number, and then nothing is taken.
    """
    wrong: list[dict[str, Any]] = []
    default: int | None = None
    seen: set[str] = set()
    found: Prices = []
    for number, cells in _lines(raw):
        name = cells[0]
        is_default = name.lower() == DEFAULT
        if len(cells) != len(HEADER):
            problem: str | None = "A country and a price, no more and no less."
        elif is_default:
            problem = "The default comes twice." if default is not None else None
        else:
            problem = _wrong_country(name, seen)
        micros, unread = _micros(cells[-1]) if problem is None else (0, None)
        problem = problem or unread or _wrong_price(micros)
        if problem is not None:
            wrong.append({"line": number, "detail": problem})
        elif is_default:
            default = micros
        else:
            seen.add(name.upper())
            found.append((name, micros))
    if wrong:
        raise _refused(wrong)
    return default, found


def written(default_micros: int, prices: dict[str, int]) -> str:
    """Write a list as a file that a spreadsheet opens right, and that `read` takes."""
    file = io.StringIO()
    file.write(BOM)
    rows = csv.writer(file)  # ends its lines with CR and LF
    rows.writerow(HEADER)
    rows.writerow([DEFAULT, money.text(default_micros)])
    rows.writerows([country, money.text(micros)] for country, micros in prices.items())
    return file.getvalue()


def _lines(raw: bytes) -> Iterator[tuple[int, list[str]]]:
    """Give each line that says something, with its number; a header says nothing."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = raw.count(b"\n", 0, error.start) + 1
        raise _refused([{"line": number, "detail": "This is not UTF-8."}]) from None
    begin = text.lstrip().partition("\n")[0]
    separator = ";" if ";" in begin else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    count = 0
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            count += bool(cells)
            if count > LINES_MAX:
                raise errors.BadInput(f"A price list has at most {LINES_MAX} lines.")
            is_header = count == 1 and [cell.lower() for cell in cells] == HEADER
            if cells and not is_header:
                # A decimal comma is one only where it separates nothing.
                if separator == ";":
                    cells[1:] = [cell.replace(",", ".", 1) for cell in cells[1:]]
                yield rows.line_num, cells
    except csv.Error as error:
        raise _refused([{"line": rows.line_num, "detail": f"{error}."}]) from None


def _micros(text: str) -> tuple[int, str | None]:
    try:
        return money.parsed(text, field="price"), None
    except errors.BadInput as error:
        return 0, error.detail


def _refused(wrong: list[dict[str, Any]]) -> errors.BadInput:
    first = wrong[0]
    rest = f" {len(wrong)} lines are wrong." if len(wrong) > 1 else ""
    return errors.BadInput(
        f"Line {first['line']}: {first['detail']}{rest} Nothing was imported.", lines=wrong
    )


def _wrong_country(given: str, seen: Iterable[str]) -> str | None:
    country = given.upper()
    if country not in countries.codes():
        return f"{given[:20]!r} is no country of ISO 3166."
    return f"{country} comes twice." if country in seen else None


def _wrong_price(micros: int) -> str | None:
    if 0 <= micros <= PRICE_MAX_MICROS:
        return None
    return f"From 0 to {money.text(PRICE_MAX_MICROS)} {money.CURRENCY}."


def _refuse_if(wrong: str | None, field: str) -> None:
    if wrong is not None:
        raise errors.BadInput(wrong, field=field)
