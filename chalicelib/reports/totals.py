"""Sums of a period's entries by month, kind, bot, country and agent.

They are counted entry by entry, a bounded number at a time: whoever asks adds the parts up, and
no part is a guess.
"""

from collections import Counter
from typing import NamedTuple

import msgspec

from chalicelib import billing, money
from chalicelib.money import Money
from chalicelib.reports.lines import Only
from chalicelib.reports.periods import Period
from chalicelib.tables import Entry

READ_AT_ONCE = 500
COUNTED_AT_ONCE = 4000


class Sum(msgspec.Struct, frozen=True):
    """What the entries of one month, kind, bot, country and agent come to.

    `amount` is as in the ledger: what was paid is below zero. `moved` is what only changed its
    place: a deposit, a set-aside.
    """

    month: str
    kind: str
    bot_id: str | None
    country: str | None
    agent_id: str | None
    agent_name: str | None
    count: int
    amount: Money
    moved: Money


class Totals(NamedTuple):
    """The sums of the entries that one asking counted, and where the next goes on."""

    sums: list[Sum]
    amount_micros: int
    entries: int
    cursor: str | None


Place = tuple[str, str, str | None, str | None, str | None]


def totals(
    account_id: str,
    period: Period,
    only: Only,
    *,
    cursor: str | None = None,
    at_most: int = COUNTED_AT_ONCE,
) -> Totals:
    """Sum so many entries of a period, oldest first."""
    counts: Counter[Place] = Counter()
    amounts: Counter[Place] = Counter()
    moves: Counter[Place] = Counter()
    names: dict[str | None, str | None] = {}
    read = total = 0
    while read < at_most:
        found, cursor = billing.entries(
            account_id,
            limit=min(at_most - read, READ_AT_ONCE),
            cursor=cursor,
            from_at=period.from_at,
            until_at=period.until_at,
            newest_first=False,
        )
        read += len(found)
        for entry in filter(only.takes, found):
            for part in only.parts(entry):
                place = _place(entry, part.country, period)
                counts[place] += part.number
                amounts[place] += part.micros
                moves[place] += entry.moved_micros or 0
                names[place[-1]] = entry.facts.get("author_name")
                total += part.micros
        if cursor is None:
            break
    sums = [
        Sum(
            *place,
            names[place[-1]],
            counts[place],
            money.told(amounts[place]),
            money.told(moves[place]),
        )
        for place in sorted(counts, key=lambda place: [part or "" for part in place])
    ]
    return Totals(sums, total, read, cursor)


def _place(entry: Entry, country: str | None, period: Period) -> Place:
    month, agent_id = period.month_of(entry.at), entry.facts.get("author_id")
    return month, entry.kind, entry.bot_id, country, agent_id
