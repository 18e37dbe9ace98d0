"""A desk whose bot costs money: its plan, its prices, and what the ledger says."""

from datetime import timedelta
from typing import Any

from chalicelib import billing, store, tariffs
from chalicelib.tables import Balance, Bot, Entry, Session
from tests.desk import OPERATOR, Desk
from tests.fixtures_talk import Talk

UA, ELSEWHERE, SESSION = 19_600, 50_000, 150_000


def commercial(desk: Desk, *, euros: int = 10, **changes: Any) -> None:
    """Make the desk's bot commercial with its month paid, and put money on the account."""
    _plan(desk, plan="commercial", paid_month="2026-12", **changes)
    _priced(desk, euros)


def business(desk: Desk, *, euros: int = 10, has_sessions: bool = True) -> None:
    """Make the desk's bot one of plan business, with sessions on."""
    _plan(
        desk,
        plan="business",
        paid_month="2026-12",
        has_sessions=has_sessions,
        sessions_fee_micros=30_000_000,
        session_price_micros=SESSION,
    )
    _priced(desk, euros)


def _plan(desk: Desk, **changes: Any) -> None:
    actions = [getattr(Bot, name).set(value) for name, value in changes.items()]
    bot = Bot(bot_id=desk.bot.bot_id)
    store.update(bot, [*actions, Bot.revision.set(Bot.revision + 1)], Bot.bot_id.exists())


def _priced(desk: Desk, euros: int) -> None:
    tariffs.make_price_list([("UA", UA)], ELSEWHERE, None, by=OPERATOR, now=desk.now)
    if euros:
        desk.top_up(euros)


def money_of(desk: Desk) -> tuple[int, int]:
    """Tell what is available and held, in micros, and check that the entries add up to it."""
    balance = billing.balance(desk.account_id)
    assert sum(e.amount_micros for e in entries(desk)) == balance.entries_micros == total(balance)
    return balance.available_micros, balance.held_micros


def total(balance: Balance) -> int:
    held = balance.held_micros + balance.set_aside_micros
    return balance.available_micros + held - balance.owed_micros


def entries(desk: Desk, kind: str | None = None) -> list[Entry]:
    """List the account's entries, oldest first."""
    found, _ = store.page(Entry, desk.account_id, Entry.item.startswith("entry#"), limit=200)
    return [entry for entry in found if kind is None or entry.kind == kind]


def sessions_of(talk: Talk) -> list[Session]:
    """List the sessions of a talk, oldest first."""
    found, _ = store.page(Session, talk.key, Session.item.startswith("session#"), limit=200)
    return sorted(found, key=lambda session: session.shelf_order)


def next_day(desk: Desk) -> None:
    """Let every window run out."""
    desk.wait(seconds=timedelta(hours=25).total_seconds())
