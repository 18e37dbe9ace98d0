"""Reports of what an account paid for, as lists, sums and files."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from chalice.app import Response

from chalicelib import billing, countries, errors, ids, money, people, reports
from chalicelib.money import Money
from chalicelib.reports import Only, Period, Style
from chalicelib.web import AGENTS, CSV, Call, Empty, Headers, Nouns, Page, PageQuery, page_limit

nouns = Nouns()

BotId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^bot_[0-9A-Za-z]{26}$"})]
AgentId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^(per|key)_[0-9A-Za-z]{26}$"})]
Country = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[A-Za-z]{2}$"})]
Language = Annotated[str, msgspec.Meta(extra_json_schema={"enum": people.LANGUAGES})]
Delimiter = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(reports.DELIMITERS)})]
CallOf = Call[Empty, Any]


class PaidMessagesQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which paid messages: charged from a day on and before another, by the account's clock."""

    from_day: date | None = msgspec.field(name="from", default=None)
    to: date | None = None
    bot_id: BotId | None = None
    country: Country | None = None
    agent_id: AgentId | None = None


class TotalsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which entries are summed, and where the last part of the sum ended."""

    from_day: date | None = msgspec.field(name="from", default=None)
    to: date | None = None
    bot_id: BotId | None = None
    country: Country | None = None
    agent_id: AgentId | None = None
    cursor: str | None = None


class SheetQuery(PaidMessagesQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same as a file: its language (the account's, if not said) and what parts its cells."""

    limit: int = reports.ROWS_MAX
    language: Language | None = None
    delimiter: Delimiter = "comma"


class TotalsOut(msgspec.Struct, frozen=True):
    """The sums of a period; add up those of all parts, until there is no next cursor.

    `held` is what is kept for messages, sessions and requests now: no entry has it yet, and no
    period or filter applies to it.
    """

    from_at: datetime
    until_at: datetime
    time_zone: str
    sums: list[reports.Sum]
    total: Money
    entries: int
    next_cursor: str | None
    held: Money


@nouns.route_to(
    "GET",
    "/v1/reports/messages",
    roles=AGENTS,
    scope="billing:read",
    query=PaidMessagesQuery,
    answer=list[reports.Line],
)
def list_paid_messages(call: Call[Empty, PaidMessagesQuery]) -> Page:
    """List paid messages and sessions by the time they were charged, newest first.

    What a broadcast was charged at once is a line for each country, so that a page may be longer
    than its limit.
    """
    found, cursor = reports.lines(
        call.account_id,
        _period(call),
        _only(call.query),
        limit=page_limit(call.query),
        cursor=call.query.cursor,
    )
    return Page(found, cursor)


@nouns.route_to(
    "GET",
    "/v1/reports/totals",
    roles=AGENTS,
    scope="billing:read",
    query=TotalsQuery,
    answer=TotalsOut,
)
def sum_entries(call: Call[Empty, TotalsQuery]) -> TotalsOut:
    """Sum a period's entries by month, kind, bot, country and agent, a part at a time."""
    period = _period(call)
    found = reports.totals(call.account_id, period, _only(call.query), cursor=call.query.cursor)
    return TotalsOut(
        from_at=period.from_at,
        until_at=period.until_at,
        time_zone=period.zone,
        sums=found.sums,
        total=money.told(found.amount_micros),
        entries=found.entries,
        next_cursor=found.cursor,
        held=money.told(billing.balance(call.account_id).held_micros),
    )


@nouns.route_to(
    "GET",
    "/v1/reports/messages.csv",
    roles=AGENTS,
    scope="billing:read",
    query=SheetQuery,
    answer=str,
    gives=CSV,
)
def export_paid_messages(call: Call[Empty, SheetQuery]) -> Response:
    """Give paid messages and sessions as a file, oldest first.

    A file comes in pages: join them in order until no header X-Next-Cursor says that more is
    to come. Only the first has the mark of UTF-8 and the names of the columns.
    """
    return _sheet(call, reports.message_rows, "messages")


@nouns.route_to(
    "GET",
    "/v1/reports/entries.csv",
    roles=AGENTS,
    scope="billing:read",
    query=SheetQuery,
    answer=str,
    gives=CSV,
)
def export_entries(call: Call[Empty, SheetQuery]) -> Response:
    """Give all entries of the ledger as a file, oldest first, in pages as paid messages are."""
    return _sheet(call, reports.entry_rows, "entries")


def _sheet(
    call: Call[Empty, SheetQuery], rows: Callable[..., tuple[str, str | None]], name: str
) -> Response:
    query = call.query
    if not 1 <= query.limit <= reports.ROWS_MAX:
        raise errors.BadInput(f"1 to {reports.ROWS_MAX}.", field="limit")
    account = people.account(call.account_id)
    period = _period(call, account.time_zone)
    how: Style = reports.style(query.language, query.delimiter, default=account.language)
    content, cursor = rows(
        call.account_id, period, _only(query), how, limit=query.limit, cursor=query.cursor
    )
    days = f"{period.local(period.from_at):%Y-%m-%d}-{period.local(period.until_at):%Y-%m-%d}"
    headers: Headers = {
        "Content-Type": f"{CSV}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}-{days}.csv"',
    }
    if cursor is not None:
        asked = dict(call.request.query_params or {}) | {"cursor": cursor}
        headers |= {"X-Next-Cursor": cursor, "Link": f'<?{urlencode(asked)}>; rel="next"'}
    return Response(content, headers=headers)


def _period(call: CallOf, zone: str | None = None) -> Period:
    zone = zone or people.account(call.account_id).time_zone
    return reports.period(call.query.from_day, call.query.to, zone=zone, now=call.now)


def _only(query: Any) -> Only:
    if query.bot_id is not None and not ids.is_one("bot", query.bot_id):
        raise errors.BadInput("A bot's id.", field="bot_id")
    if query.agent_id is not None and not any(
        ids.is_one(prefix, query.agent_id) for prefix in ("per", "key")
    ):
        raise errors.BadInput("A person's id, or that of an API key.", field="agent_id")
    country = None if query.country is None else query.country.upper()
    if country is not None and country not in countries.codes():
        raise errors.BadInput("A country of ISO 3166, such as UA.", field="country")
    return Only(query.bot_id, country, query.agent_id)
