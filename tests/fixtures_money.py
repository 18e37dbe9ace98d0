"""An account with money and bots, below the front door: its calendar, and its books at any time."""

import itertools
from datetime import UTC, datetime
from typing import Any

from chalicelib import billing, bots, desk, fees, money, requests, store, tables
from chalicelib.audit import Actor
from chalicelib.money import euros
from chalicelib.tables import AuditLine, Balance, Bot, Entry, MoneySettings, Request
from tests.desk import FORM, OPERATOR

ADMIN = Actor("per_olena", "Олена")
ACCOUNT_ID = "acc_01KGR1GP0S8TH2M5TSCK9XNV5B"
NEIGHBOUR_ID = "acc_01KGR1GP0S8TH2M5TSCK9XNV5C"


class Till:
    """One account's money and bots; time stands still until a test moves it."""

    def __init__(self, account_id: str = ACCOUNT_ID) -> None:
        self.account_id = account_id
        self.now = kyiv(2026, 11, 10, 12)
        self.numbers = itertools.count(1)

    # What happens.

    def top_up(self, amount: float) -> None:
        """Let euros come in, and nothing else happen."""
        change = billing.Change(self.account_id)
        cause = f"top-up:{next(self.numbers)}"
        change.take_in(
            round(amount * money.MICROS),
            billing.entry(self.account_id, billing.TOP_UP, cause, now=self.now),
        )
        store.commit(change.writes(self.balance, now=self.now))

    def dispute(self, amount: int) -> None:
        """Let a payment be taken back, spent or not."""
        change = billing.Change(self.account_id)
        cause = f"dispute:{next(self.numbers)}"
        change.take_back(
            euros(amount),
            billing.entry(self.account_id, billing.DISPUTE, cause, now=self.now),
        )
        store.commit(change.writes(self.balance, now=self.now))

    def apply(
        self, purpose: str = "new", bot_id: str | None = None, key: str = "", **form: Any
    ) -> Request:
        """Send a connection request; forms of different calls differ unless they say not to."""
        number = next(self.numbers)
        answers = {"inquiry": f"Bot number {number}"} | form
        asked = requests.Application(
            purpose,
            bot_id,
            requests.Form(**_fields(answers)),
            key or f"wish-{number}",
        )
        return requests.apply(self.account_id, asked, by=ADMIN, now=self.now)

    def decide(self, request: Request, state: str, **more: Any) -> Request:
        """Decide a request as an operator."""
        verdict = requests.Verdict(state, **more)
        return requests.decide(
            request.account_id, request.request_id, verdict, by=OPERATOR, now=self.now
        )

    def commercial(self, purpose: str = "new", bot_id: str | None = None) -> str:
        """Pay for a bot's activation, apply, approve; nothing is left available of it."""
        self.top_up(400)
        bot_id = self.decide(self.apply(purpose, bot_id), "approved").bot_id
        assert bot_id is not None
        return bot_id

    def business(self, fee: int = 30, price: int = 1) -> str:
        """Make a bot of a business account, pay its first fee and turn its sessions on."""
        bot = requests.make(self.account_id, "Orders", by=OPERATOR, now=self.now)
        self.top_up(fee)
        terms = requests.Terms(euros(fee), euros(price))
        requests.turn_on(self.account_id, bot.bot_id, terms, by=OPERATOR, now=self.now)
        return str(bot.bot_id)

    def plain(self, plan: str | None = None) -> str:
        """Put a connected bot there, with a plan of no fee or none at all."""
        bot_id = f"bot_01KGR1GP0S8TH2M5TSCK9XN{next(self.numbers):03}"
        store.put(
            Bot(
                bot_id=bot_id,
                account_id=self.account_id,
                created_at=self.now,
                revision=2,
                state="connected",
                viber_id=f"pa:{bot_id}",
                name="Stara",
                uri="stara",
                connected_by=ADMIN.actor_id,
                connected_at=self.now,
                plan=plan,
                made_on=None if plan is None else "2023-11-30",
            )
        )
        return bot_id

    def run(self) -> list[str]:
        """Run the schedule once, and tell what it did for each account."""
        return [fees.work(each, now=self.now) for each in fees.due(self.now)]

    def sleep(self) -> datetime:
        """Let time pass until the schedule has something to look at."""
        mine, _ = bots.of_account(self.account_id, limit=200, cursor=None)
        self.now = max(self.now, min(each.fee_at for each in mine if each.fee_at is not None))
        return self.now

    def cancel(self, bot_id: str) -> Bot:
        """Cancel a bot's subscription."""
        return fees.cancel(self.bot(bot_id), by=ADMIN, now=self.now)

    def protects(self, is_on: bool) -> None:
        """Set fee protection."""
        store.put(MoneySettings(key=self.account_id, protects_fees=is_on))

    # What is there.

    def bot(self, bot_id: str) -> Bot:
        """Read a bot."""
        return bots.get(self.account_id, bot_id)

    @property
    def balance(self) -> Balance:
        """Read the balance."""
        return billing.balance(self.account_id)

    @property
    def money(self) -> tuple[float, float, float, float]:
        """Tell available, held, set aside and owed in euros."""
        found = self.balance
        parts = (
            found.available_micros,
            found.held_micros,
            found.set_aside_micros,
            found.owed_micros,
        )
        available, held, set_aside, owed = (each / money.MICROS for each in parts)
        return available, held, set_aside, owed

    @property
    def entries(self) -> list[Entry]:
        """Read all entries, oldest first."""
        found, cursor = store.page(
            Entry, self.account_id, Entry.item.startswith("entry#"), limit=1000
        )
        assert cursor is None
        return found

    def told(self, kind: str) -> list[tuple[str, float]]:
        """Tell the entries of a kind: cause without its ids, and euros."""
        return [
            (each.cause, (each.amount_micros or each.moved_micros or 0) / money.MICROS)
            for each in self.entries
            if each.kind == kind
        ]

    def fees_of(self, bot_id: str) -> list[str]:
        """Tell the months whose fee was taken of a bot."""
        kinds = (billing.MAINTENANCE_FEE, billing.SESSIONS_FEE)
        found = [each for each in self.entries if each.kind in kinds and each.bot_id == bot_id]
        return sorted(each.facts["month"] for each in found)

    def trail(self) -> list[str]:
        """Tell what the audit trail has, oldest first."""
        found, _ = store.page(
            AuditLine, self.account_id, AuditLine.item.startswith("audit#"), limit=1000
        )
        return [each.action for each in found]

    def check(self) -> None:
        """Hold the books to what is always true of them."""
        found, entries = self.balance, self.entries
        total = found.available_micros + found.held_micros + found.set_aside_micros
        assert total - found.owed_micros == sum(each.amount_micros for each in entries)
        assert found.entries_micros == total - found.owed_micros
        assert min(total, found.available_micros, found.held_micros, found.owed_micros) >= 0
        assert not (found.owed_micros and found.available_micros)
        causes = [each.cause for each in entries]
        assert len(causes) == len(set(causes))
        mine, _ = bots.of_account(self.account_id, limit=200, cursor=None)
        assert found.set_aside_micros == sum(each.set_aside_micros for each in mine)
        assert all(each.set_aside_micros >= 0 for each in mine)
        waiting, _ = desk.in_state(desk.WAITING, limit=200, cursor=None)
        mine_waiting = [each for each in waiting if each.account_id == self.account_id]
        assert found.held_micros == sum(each.deposit_micros for each in mine_waiting)


def kyiv(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Give an instant by the clock of the fee calendar."""
    from zoneinfo import ZoneInfo

    local = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo("Europe/Kyiv"))
    return local.astimezone(UTC)


def _fields(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: changes.get(name, getattr(FORM, name)) for name in FORM.__struct_fields__}


def everything_stored() -> dict[str, list[str]]:
    """Read all tables there are, but the audit trail, as text that can be compared."""
    from tests.fixtures_accounts import everything

    found = everything()
    return {name: [row for row in rows if '"audit#' not in row] for name, rows in found.items()}


__all__ = [
    "ACCOUNT_ID",
    "ADMIN",
    "NEIGHBOUR_ID",
    "Till",
    "everything_stored",
    "kyiv",
    "tables",
]
