"""Entries and facts side by side: what does not fit is looked at again before it is told.

While an account works, a message may be posted between two reads of the same audit. What is
only that has gone when it is looked at again; what stays the same through all looks is told.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from chalicelib import billing, conversations, money, store
from chalicelib.books import facts
from chalicelib.books.chunks import broadcasts, chunk_of
from chalicelib.books.facts import POSTED, REFUNDED, VOIDED, Fact, Finding, Source
from chalicelib.tables import Balance, Chunk, Difference, Entry, Message, Session
from chalicelib.talks import session_item

SOURCES: Sequence[Source] = (facts.messages, facts.sessions, facts.deposits, broadcasts)

LOOKS = 3
PARTS = ("available_micros", "held_micros", "set_aside_micros", "owed_micros")
FACTUAL = (billing.MESSAGE, billing.SESSION, billing.SESSION_RETURNED, billing.BROADCAST)
FEES = (billing.MAINTENANCE_FEE, billing.SESSIONS_FEE)
UNPAID_LISTS = ("delivered-unpaid", "not-billed-there")


class Report(msgspec.Struct, frozen=True):
    """An audit: since when, over how much, and what does not fit, which is nothing."""

    account_id: str
    at: datetime
    since: datetime | None
    entries: int
    facts: int
    total_micros: int
    findings: list[Finding]


class _Look(NamedTuple):
    entries: int
    facts: int
    total_micros: int
    findings: set[Finding]


def audit(
    account_id: str,
    *,
    now: datetime,
    is_whole: bool = False,
    sources: Sequence[Source] = SOURCES,
) -> Report:
    """Hold an account's balance against its entries and facts since its last checkpoint.

    `is_whole` begins at the first entry. Another kind of fact has its source beside the others.
    Only what was found in each of up to three looks is told.
    """
    checkpoint = None if is_whole else billing.checkpoint_before(account_id, now)
    since = None if checkpoint is None else checkpoint.ends_at
    before = 0 if checkpoint is None else checkpoint.entries_micros
    look = _look(account_id, since, before, sources, now)
    found = look.findings
    for _ in range(LOOKS - 1):
        if not found:
            break
        look = _look(account_id, since, before, sources, now)
        found &= look.findings
    return Report(
        account_id=account_id,
        at=now,
        since=since,
        entries=look.entries,
        facts=look.facts,
        total_micros=look.total_micros,
        findings=sorted(found),
    )


def _look(
    account_id: str,
    since: datetime | None,
    before_micros: int,
    sources: Sequence[Source],
    now: datetime,
) -> _Look:
    first = billing.balance(account_id)
    found: set[Finding] = set()
    entries: dict[str, Entry] = {}
    total = before_micros
    for entry in billing.every_entry(account_id, from_at=since):
        total += entry.amount_micros
        if entry.cause in entries:
            found.add(Finding("cause-twice", entry.cause, "one entry", "two"))
        entries[entry.cause] = entry
    found |= _fees(entries.values())
    booked = _booked(entries.values())
    counted, held, explained, arrived = 0, 0, set[str](), list[Fact]()
    for source in sources:
        for fact in source(account_id, since):
            if isinstance(fact, Finding):
                found.add(fact)
                continue
            counted += 1
            held += fact.micros if fact.money == facts.HELD else 0
            explained.add(fact.cause)
            found |= _against(fact, booked.get(fact.cause), since)
            if fact.has_arrived and fact.money == VOIDED:
                arrived.append(fact)
    found |= _unlisted(account_id, arrived)
    found |= _unexplained(e for e in entries.values() if _named(e) not in explained)
    set_aside = facts.set_aside(account_id)
    last = billing.balance(account_id)
    if held not in (first.held_micros, last.held_micros):
        held += facts.held_unwritten(account_id, now)
    found |= _of_balance(last)
    for name, micros in (
        ("entries_micros", total),
        ("held_micros", held),
        ("set_aside_micros", set_aside),
    ):
        # Entries and facts were read between the two; either may be what they saw.
        if micros not in (getattr(first, name), getattr(last, name)):
            found.add(Finding("balance", name, money.text(micros), _told(last, name)))
    return _Look(len(entries), counted, total, found)


def _of_balance(balance: Balance) -> set[Finding]:
    available, held, set_aside, owed = (getattr(balance, name) for name in PARTS)
    found = set()
    total = available + held + set_aside - owed
    if total != balance.entries_micros:
        told = money.text(balance.entries_micros)
        found.add(
            Finding("balance", "available + held + set aside - owed", told, money.text(total))
        )
    for name in PARTS:
        if getattr(balance, name) < 0:
            found.add(Finding("balance", name, "zero or more", _told(balance, name)))
    if owed and available:
        found.add(Finding("balance", "owed_micros", "0.00", money.text(owed)))
    return found


def _booked(entries: Iterable[Entry]) -> dict[str, int]:
    """Sum up what was booked for each fact."""
    booked: dict[str, int] = {}
    for entry in entries:
        if entry.kind in FACTUAL:
            booked[_named(entry)] = booked.get(_named(entry), 0) + entry.amount_micros
    return booked


def _named(entry: Entry) -> str:
    """Name the fact of an entry: a chunk is paid in passes, anything else at once."""
    cause: str = entry.cause
    return cause.rpartition(":")[0] if entry.kind == billing.BROADCAST else cause


def _fees(entries: Iterable[Entry]) -> set[Finding]:
    """Find the fees that were taken twice for a month, whatever their causes say."""
    seen: set[tuple[str, str | None, str]] = set()
    found = set()
    for entry in entries:
        if entry.kind in FEES:
            month = (entry.kind, entry.bot_id, entry.cause.rpartition(":")[2])
            if month in seen or entry.cause != f"fee:{entry.kind}:{entry.bot_id}:{month[2]}":
                found.add(Finding("fee", entry.cause, "one for a bot and month", "another"))
            seen.add(month)
    return found


def _against(fact: Fact, booked: int | None, since: datetime | None) -> set[Finding]:
    if fact.money != POSTED:
        if booked is not None:
            return {Finding("entry-unfounded", fact.cause, POSTED, fact.money)}
        if fact.has_arrived and fact.money == facts.HELD:
            return {Finding("arrived-not-posted", fact.cause, POSTED, fact.money)}
        return set()
    if fact.listed_as is not None and not fact.has_arrived:
        return {Finding("posted-not-arrived", fact.cause, "delivered or seen", "neither")}
    if since is not None and fact.not_before < since and (booked is None or fact.in_passes):
        # Booked before the checkpoint, whole or the first of its passes.
        return set()
    if booked is None:
        return {Finding("entry-missing", fact.cause, money.text(-fact.micros), "no entry")}
    if booked != -fact.micros:
        return {Finding("amount", fact.cause, money.text(-fact.micros), money.text(booked))}
    return set()


def _unlisted(account_id: str, arrived: Sequence[Fact]) -> set[Finding]:
    """Find what arrived, was not paid, and is on no list that says so."""
    found = set()
    for batch in _by(arrived, store.BATCH_GET_MAX // len(UNPAID_LISTS)):
        keys = [
            (Difference, account_id, f"difference#{fact.listed_as}#{kind}")
            for fact in batch
            for kind in UNPAID_LISTS
        ]
        listed = {each.message_id for each in store.read(*keys) if each is not None}
        for fact in batch:
            if fact.listed_as not in listed:
                found.add(Finding("arrived-unlisted", fact.cause, "listed as unpaid", "not"))
    return found


def _unexplained(entries: Iterable[Entry]) -> set[Finding]:
    """Find the entries whose fact is not there, or says that nothing was spent."""
    found = set()
    factual = [entry for entry in entries if entry.kind in FACTUAL]
    for batch in _by(factual, store.BATCH_GET_MAX):
        for entry, fact in zip(batch, store.read(*map(_fact_of, batch)), strict=True):
            state = None if fact is None else _money_of(fact)
            if state not in (POSTED, REFUNDED):
                found.add(Finding("entry-unfounded", entry.cause, POSTED, state or "nothing"))
    return found


def _money_of(fact: Message | Session | Chunk) -> str | None:
    if isinstance(fact, Chunk):
        return POSTED if int(fact.posted, 16) else None
    return fact.money


def _fact_of(entry: Entry) -> tuple[type[Message | Session | Chunk], str, str]:
    if entry.kind == billing.BROADCAST:
        return chunk_of(entry.key, entry.cause)
    subscriber_id = str(entry.facts.get("subscriber_id", ""))
    key = conversations.conversation_key(entry.bot_id or "", subscriber_id)
    of = entry.cause.partition(":")[2]
    if entry.kind in (billing.SESSION, billing.SESSION_RETURNED):
        return (Session, key, session_item(of))
    return (Message, key, conversations.message_item(of))


def _by(found: Sequence[Fact] | Sequence[Entry], size: int) -> Iterable[Sequence]:  # type: ignore[type-arg]
    return (found[first : first + size] for first in range(0, len(found), size))


def _told(balance: Balance, name: str) -> str:
    return money.text(getattr(balance, name))
