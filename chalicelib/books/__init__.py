"""The books: every night each account's balance is held against its entries and its facts.

facts      what the other tables say about money: messages, sessions, deposits, set-aside
chunks     what a broadcast's chunks say of it
auditing   entries and facts side by side, looked at again before anything rings
correcting what an operator puts right
keeping    who is audited next, and the monthly checkpoint that the next audit begins at
"""

from chalicelib.books.auditing import SOURCES, Report, audit
from chalicelib.books.correcting import correct
from chalicelib.books.facts import Fact, Finding, Source
from chalicelib.books.keeping import BooksDiffer, check, due

__all__ = [
    "SOURCES",
    "BooksDiffer",
    "Fact",
    "Finding",
    "Report",
    "Source",
    "audit",
    "check",
    "correct",
    "due",
]
