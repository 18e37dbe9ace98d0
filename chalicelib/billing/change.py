"""What one transaction does to an account's money, and the entries that say why."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib import errors, ids, money, store
from chalicelib.tables import Balance, Entry

LOOKED_AT_WITHIN = timedelta(minutes=5)

TOP_UP = "top-up"
TOP_UP_RETURNED = "top-up-returned"
DISPUTE = "dispute"
DISPUTE_WON = "dispute-won"
DEPOSIT = "deposit"
DEPOSIT_RETURNED = "deposit-returned"
ACTIVATION = "activation"
MAINTENANCE_FEE = "maintenance-fee"
SESSIONS_FEE = "sessions-fee"
SET_ASIDE = "set-aside"
SET_ASIDE_RETURNED = "set-aside-returned"
MESSAGE = "message"
SESSION = "session"
SESSION_RETURNED = "session-returned"
BROADCAST = "broadcast"
CORRECTION = "correction"
KINDS = (
    TOP_UP,
    TOP_UP_RETURNED,
    DISPUTE,
    DISPUTE_WON,
    DEPOSIT,
    DEPOSIT_RETURNED,
    ACTIVATION,
    MAINTENANCE_FEE,
    SESSIONS_FEE,
    SET_ASIDE,
    SET_ASIDE_RETURNED,
    MESSAGE,
    SESSION,
    SESSION_RETURNED,
    BROADCAST,
    CORRECTION,
)


class InsufficientFunds(errors.Conflict):
    """The available balance does not cover what was asked for; nothing was taken or sent."""

    title = "Not enough money"
    kind = "insufficient-funds"


class Owing(InsufficientFunds):
    """The account has a debt from a returned payment; paid things wait until it is topped up."""

    title = "There is a debt"
    kind = "owing"


class BooksBroken(Exception):
    """Held or set-aside money was not there: a bug, and nothing was written."""


@dataclass
class Change:
    """What one transaction does to an account's money: the sums of its parts, and its entries.

    Parts add up, so a reply, a receipt or a fee is one write of the balance. What becomes
    available pays a debt first: `writes` is told the debt that was read, and asks the store for
    that very one. No part takes an amount below zero: ValueError, and a bug.
    """

    account_id: str
    available_micros: int = 0
    held_micros: int = 0
    set_aside_micros: int = 0
    entries_micros: int = 0
    taken_back_micros: int = 0
    entries: list[Entry] = field(default_factory=list)

    def hold(self, micros: int) -> None:
        """Keep available money for something that is on its way."""
        self.available_micros -= _whole(micros)
        self.held_micros += micros

    def void(self, micros: int) -> None:
        """Give held money back."""
        self.held_micros -= _whole(micros)
        self.available_micros += micros

    def post(self, micros: int, entry: Entry, *, held_micros: int | None = None) -> None:
        """Spend held money; what was held beyond the price becomes available again."""
        held = micros if held_micros is None else held_micros
        if _whole(micros) > held:
            raise ValueError(f"{micros} micros do not fit a hold of {held}")
        self.held_micros -= held
        self.available_micros += held - micros
        self._book(-micros, entry)

    def charge(self, micros: int, entry: Entry, *, set_aside_micros: int = 0) -> None:
        """Spend at once, the set-aside part of it first named; the rest is available money."""
        if _whole(set_aside_micros) > micros:
            raise ValueError(f"{set_aside_micros} micros are more than the {micros} to be paid")
        self.set_aside_micros -= set_aside_micros
        self.available_micros -= micros - set_aside_micros
        self._book(-micros, entry)

    def spend_held(self, micros: int, entry: Entry) -> None:
        """Spend money held for something that is no message: a deposit."""
        self.held_micros -= _whole(micros)
        self._book(-micros, entry)

    def refund(self, micros: int, entry: Entry) -> None:
        """Give back what was spent, by a new entry that names the old one."""
        self.available_micros += _whole(micros)
        self._book(micros, entry)

    def take_in(self, micros: int, entry: Entry) -> None:
        """Credit money from outside."""
        self.refund(micros, entry)

    def take_back(self, micros: int, entry: Entry) -> None:
        """Return money to the outside: available first, the rest becomes a debt.

        Held and set-aside money stays. What is available is settled by `writes` on the balance
        as it was read, which may not change meanwhile.
        """
        self.taken_back_micros += _whole(micros)
        self._book(-micros, entry)

    def set_aside(self, micros: int, entry: Entry, *, from_held: bool = False) -> None:
        """Move money, available or held, to a bot's set-aside."""
        self.set_aside_micros += _whole(micros)
        if from_held:
            self.held_micros -= micros
        else:
            self.available_micros -= micros
        self._move(micros, "held" if from_held else "available", "set-aside", entry)

    def return_set_aside(self, micros: int, entry: Entry) -> None:
        """Move a bot's set-aside money back."""
        self.set_aside_micros -= _whole(micros)
        self.available_micros += micros
        self._move(micros, "set-aside", "available", entry)

    def hold_deposit(self, micros: int, entry: Entry) -> None:
        """Keep a request's deposit."""
        self.hold(micros)
        self._move(micros, "available", "held", entry)

    def return_deposit(self, micros: int, entry: Entry) -> None:
        """Give a request's deposit back."""
        self.void(micros)
        self._move(micros, "held", "available", entry)

    def writes(
        self,
        balance: Balance | None,
        *,
        now: datetime,
        refusal: Exception | None = None,
        only_if: Any = None,
    ) -> list[store.Write]:
        """Return the write of the balance, and those of the entries.

        `balance` is as read in this attempt; only its debt is relied on, or all of it where money
        is taken back. Decide again where the debt is another, where `only_if` does not hold for
        the balance, or where an entry is there already: somebody was faster. `refusal` is raised
        where the available money does not suffice.
        """
        deltas = self._deltas(balance)
        if not any(deltas.values()) and not self.entries:
            return []
        if deltas["owed_micros"] and self.entries:
            # The statement shows what of it paid a debt, or made one.
            self.entries[0].facts["debt_micros"] = deltas["owed_micros"]
        writes: list[store.Write] = [
            store.Put(entry, Entry.key.does_not_exist()) for entry in self.entries
        ]
        if any(deltas.values()):
            condition, fails_as = self._guard(deltas, balance, refusal, only_if)
            item = Balance(key=self.account_id, item="balance")
            actions = self._actions(deltas, now)
            writes.insert(0, store.Update(item, condition, fails_as, actions=actions))
        return writes

    def _deltas(self, balance: Balance | None) -> dict[str, int]:
        available = 0 if balance is None else balance.available_micros
        owed = 0 if balance is None else balance.owed_micros
        if self.taken_back_micros:
            if self.available_micros < 0:
                raise ValueError("what is spent must not become a debt beside what is taken back")
            left = available - owed + self.available_micros - self.taken_back_micros
            to_available, to_debt = max(left, 0) - available, max(-left, 0) - owed
        else:
            pays = min(owed, max(self.available_micros, 0))
            to_available, to_debt = self.available_micros - pays, -pays
        return {
            "available_micros": to_available,
            "held_micros": self.held_micros,
            "set_aside_micros": self.set_aside_micros,
            "owed_micros": to_debt,
            "entries_micros": self.entries_micros,
        }

    def _actions(self, deltas: dict[str, int], now: datetime) -> tuple[Any, ...]:
        return (
            *(
                getattr(Balance, name).set((getattr(Balance, name) | 0) + delta)
                for name, delta in deltas.items()
                if delta
            ),
            *looked_at_soon(self.account_id, now),
        )

    def _guard(
        self,
        deltas: dict[str, int],
        balance: Balance | None,
        refusal: Exception | None,
        only_if: Any,
    ) -> tuple[Any, Any]:
        """Tell the balance's condition, and what it means when it fails."""
        condition = only_if
        for name, delta in deltas.items():
            if delta < 0 and name != "entries_micros":
                condition = condition & (getattr(Balance, name) >= -delta)
        if self.taken_back_micros:
            for name in ("available_micros", "owed_micros"):
                condition = condition & _is_as_read(name, balance)
            return condition, store.VERSION
        if self.available_micros > 0 or only_if is not None:
            # A debt that came meanwhile is to be paid first, so decide again.
            return condition & _is_as_read("owed_micros", balance), store.VERSION
        if deltas["available_micros"] < 0:
            return condition, refusal or refused(balance, -deltas["available_micros"])
        return condition, BooksBroken(f"{self.account_id}: {deltas}")

    def _book(self, micros: int, entry: Entry) -> None:
        entry.amount_micros = micros
        self.entries_micros += micros
        self.entries.append(entry)

    def _move(self, micros: int, source: str, target: str, entry: Entry) -> None:
        entry.amount_micros = 0
        entry.moved_micros, entry.moved_from, entry.moved_to = micros, source, target
        self.entries.append(entry)


def entry(
    account_id: str,
    kind: str,
    cause: str,
    *,
    now: datetime,
    bot_id: str | None = None,
    corrects: str | None = None,
    **facts: Any,
) -> Entry:
    """Make an entry for a Change, which fills in how much; `cause` names it for ever."""
    entry_id = ids.caused("ent", ids.to_ms(now), f"{account_id}/{cause}")
    return Entry(
        key=account_id,
        item=entry_item(entry_id),
        entry_id=entry_id,
        at=now,
        kind=kind,
        cause=cause,
        amount_micros=0,
        bot_id=bot_id,
        corrects=corrects,
        facts={name: value for name, value in facts.items() if value is not None},
    )


def looked_at_soon(account_id: str, now: datetime) -> tuple[Any, ...]:
    """Return the actions on a balance that let the schedule of warnings look at its account."""
    shard = store.shard_of("balance", account_id)
    return (
        Balance.due_shard.set(Balance.due_shard | shard),
        Balance.due_at.set(Balance.due_at | (now + LOOKED_AT_WITHIN)),
    )


def entry_item(entry_id: str) -> str:
    """Name an entry's place in its account's ledger; ids sort by time."""
    return f"entry#{entry_id}"


def short_of(micros: int) -> InsufficientFunds:
    """Refuse what costs more than is available."""
    return InsufficientFunds(
        f"This takes {money.text(micros)} {money.CURRENCY}, and less is available; top up first.",
        needed=money.told(micros),
    )


def refused(balance: Balance | None, micros: int) -> errors.Conflict:
    """Refuse what available money does not cover, and say so where a debt is the reason."""
    if balance is not None and balance.owed_micros > 0:
        return Owing(
            f"A payment was taken back and {money.text(balance.owed_micros)} {money.CURRENCY} are "
            "owed; the next top-up pays that first, then paid messages go again.",
            owed=money.told(balance.owed_micros),
        )
    return short_of(micros)


def _whole(micros: int) -> int:
    if micros < 0:
        raise ValueError(f"{micros} micros are no amount")
    return micros


def _is_as_read(name: str, balance: Balance | None) -> Any:
    attribute = getattr(Balance, name)
    value = 0 if balance is None else getattr(balance, name)
    if value == 0:
        return attribute.does_not_exist() | (attribute == 0)
    return attribute == value
