"""What an account paid for, by the time it was charged: the ledger's entries, told for people.

periods  days of the account's own time zone
lines    paid messages and sessions, each with its cause
totals   sums by month, kind, bot, country and agent
sheets   the same as files that a spreadsheet opens right

Everything here is read from the entries of the period, so that lines, totals and the ledger
agree to the micro.
"""

from chalicelib.reports.lines import Line, Only, lines
from chalicelib.reports.periods import Period, period
from chalicelib.reports.sheets import (
    DELIMITERS,
    ROWS_MAX,
    Style,
    entry_rows,
    message_rows,
    style,
)
from chalicelib.reports.totals import COUNTED_AT_ONCE, Sum, Totals, totals

__all__ = [
    "COUNTED_AT_ONCE",
    "DELIMITERS",
    "ROWS_MAX",
    "Line",
    "Only",
    "Period",
    "Style",
    "Sum",
    "Totals",
    "entry_rows",
    "lines",
    "message_rows",
    "period",
    "style",
    "totals",
]
