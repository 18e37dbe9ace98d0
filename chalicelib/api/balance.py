"""An account's money: what there is, what there was, and the entries that made it so."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib import billing, books, errors, ids, money, people
from chalicelib.money import CURRENCY, Money, told, told_or_none
from chalicelib.tables import Balance, Entry
from chalicelib.web import AGENTS, OPERATORS, Call, Empty, Nouns, Page, PageQuery, page_limit

nouns = Nouns()

ZonedInstant = Annotated[datetime, msgspec.Meta(tz=True)]
Kind = Annotated[str, msgspec.Meta(extra_json_schema={"enum": billing.KINDS})]
BotId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^bot_[0-9A-Za-z]{26}$"})]


class BalanceOut(msgspec.Struct, frozen=True):
    """The commercial balance: all parts of it but `owed` are the account's, `owed` is a debt."""

    available: Money
    held: Money
    set_aside: Money
    owed: Money
    total: Money
    currency: str


class BalanceAtQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The instant that is asked about, now if not said."""

    at: ZonedInstant | None = None


class BalanceAtOut(msgspec.Struct, frozen=True):
    """What all entries up to an instant come to; below zero it was a debt."""

    at: datetime
    total: Money


class EntryQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which entries: from an instant on, before another, one bot's, of one kind."""

    from_at: ZonedInstant | None = msgspec.field(name="from", default=None)
    to: ZonedInstant | None = None
    bot_id: BotId | None = None
    kind: Kind | None = None


class EntryOut(msgspec.Struct, frozen=True):
    """One line of the ledger; one that moves money within the account has the amount zero."""

    entry_id: str
    at: datetime
    kind: str
    cause: str
    amount: Money
    moved: Money | None
    moved_from: str | None
    moved_to: str | None
    bot_id: str | None
    corrects: str | None
    facts: dict[str, Any]


class CorrectionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What puts an entry right: how much is given to the account, or taken from it, and why."""

    entry_id: str
    amount: Money
    gives: bool
    reason: str


class AuditIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Since the last checkpoint, or from the very first entry on."""

    whole: bool = False


class BooksOut(msgspec.Struct, frozen=True):
    """An audit: over how much since when, and what does not fit."""

    account_id: str
    at: datetime
    since: datetime | None
    balances: bool
    entries: int
    facts: int
    total: Money
    findings: list[books.Finding]


@nouns.route_to("GET", "/v1/balance", roles=AGENTS, scope="billing:read", answer=BalanceOut)
def get_balance(call: Call[Empty, Empty]) -> BalanceOut:
    """Read the account's balance."""
    return balance_out(billing.balance(call.account_id))


@nouns.route_to(
    "GET",
    "/v1/balance/at",
    roles=AGENTS,
    scope="billing:read",
    query=BalanceAtQuery,
    answer=BalanceAtOut,
)
def get_balance_at(call: Call[Empty, BalanceAtQuery]) -> BalanceAtOut:
    """Tell what the account's money came to at an instant."""
    at = call.query.at or call.now
    if at > call.now:
        raise errors.BadInput("An instant that has been.", field="at")
    return BalanceAtOut(at, told(billing.balance_at(call.account_id, at)))


@nouns.route_to(
    "GET",
    "/v1/entries",
    roles=AGENTS,
    scope="billing:read",
    query=EntryQuery,
    answer=list[EntryOut],
)
def list_entries(call: Call[Empty, EntryQuery]) -> Page:
    """List the account's entries, newest first."""
    return _entries(call.account_id, call.query)


@nouns.route_to(
    "GET",
    "/v1/entries/{entry_id}",
    roles=AGENTS,
    scope="billing:read",
    answer=EntryOut,
    problems=(404,),
)
def get_entry(call: Call[Empty, Empty], entry_id: str) -> EntryOut:
    """Read one entry."""
    return entry_out(billing.read_entry(call.account_id, entry_id))


@nouns.route_to(
    "GET",
    "/v1/accounts/{account_id}/balance",
    roles=OPERATORS,
    answer=BalanceOut,
    problems=(404,),
)
def get_balance_of_account(call: Call[Empty, Empty], account_id: str) -> BalanceOut:
    """Read any account's balance."""
    return balance_out(billing.balance(people.account(account_id).account_id))


@nouns.route_to(
    "GET",
    "/v1/accounts/{account_id}/entries",
    roles=OPERATORS,
    query=EntryQuery,
    answer=list[EntryOut],
    problems=(404,),
)
def list_entries_of_account(call: Call[Empty, EntryQuery], account_id: str) -> Page:
    """List any account's entries, newest first."""
    return _entries(people.account(account_id).account_id, call.query)


@nouns.route_to(
    "POST",
    "/v1/accounts/{account_id}/audit",
    roles=OPERATORS,
    body=AuditIn,
    answer=BooksOut,
    problems=(404,),
)
def audit_account(call: Call[AuditIn, Empty], account_id: str) -> BooksOut:
    """Hold an account's balance against its entries and facts."""
    account = people.account(account_id)
    found = books.audit(account.account_id, now=call.now, is_whole=call.body.whole)
    return BooksOut(
        account_id=found.account_id,
        at=found.at,
        since=found.since,
        balances=not found.findings,
        entries=found.entries,
        facts=found.facts,
        total=told(found.total_micros),
        findings=found.findings,
    )


@nouns.route_to(
    "POST",
    "/v1/accounts/{account_id}/corrections",
    roles=OPERATORS,
    body=CorrectionIn,
    answer=EntryOut,
    status=201,
    problems=(404, 422),
    is_idempotent=True,
)
def correct_entry(call: Call[CorrectionIn, Empty], account_id: str) -> EntryOut:
    """Put an entry right by a new one that names it; what is taken and not there is owed."""
    micros = money.amount(call.body.amount, field="amount", decimals=6)
    entry = books.correct(
        people.account(account_id).account_id,
        call.body.entry_id,
        micros if call.body.gives else -micros,
        reason=call.body.reason,
        idempotency_key=call.idempotency_key,
        by=call.actor,
        now=call.now,
    )
    return entry_out(entry)


def balance_out(balance: Balance) -> BalanceOut:
    """Tell a balance."""
    return BalanceOut(
        available=told(balance.available_micros),
        held=told(balance.held_micros),
        set_aside=told(balance.set_aside_micros),
        owed=told(balance.owed_micros),
        total=told(balance.entries_micros),
        currency=CURRENCY,
    )


def entry_out(entry: Entry) -> EntryOut:
    """Tell an entry; amounts among its facts are told as money too."""
    return EntryOut(
        entry_id=entry.entry_id,
        at=entry.at,
        kind=entry.kind,
        cause=entry.cause,
        amount=told(entry.amount_micros),
        moved=told_or_none(entry.moved_micros),
        moved_from=entry.moved_from,
        moved_to=entry.moved_to,
        bot_id=entry.bot_id,
        corrects=entry.corrects,
        facts=dict(_fact(name, value) for name, value in entry.facts.items()),
    )


def _entries(account_id: str, query: EntryQuery) -> Page:
    if query.bot_id is not None and not ids.is_one("bot", query.bot_id):
        raise errors.BadInput("A bot's id.", field="bot_id")
    found, cursor = billing.entries(
        account_id,
        limit=page_limit(query),
        cursor=query.cursor,
        from_at=query.from_at,
        until_at=query.to,
        bot_id=query.bot_id,
        kind=query.kind,
    )
    return Page([entry_out(entry) for entry in found], cursor)


def _fact(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith("_micros") and isinstance(value, int):
        return name.removesuffix("_micros"), told(value)
    return name, value
