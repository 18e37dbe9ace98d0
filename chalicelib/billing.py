"""The ledger: an account's balance, and the entries that say how it came about.

    outside ─► available ─► held ─► spent            a message's or a session's price
                   │  ▲       └──► available
                   │  └─────────── set aside ─► spent     a bot's monthly fees
                   └────────────►

available + held + set aside - owed = sum of the entries, in every transaction. A `Change` is
what one transaction does to one account's money; the flow that made it commits its writes
together with the fact that is paid for, and that fact's own item keeps it from happening twice.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib import errors, ids, money, store
from chalicelib.tables import Balance, Entry, Quota

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


class Owing(errors.Conflict):
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
    that very one.
    """

    account_id: str
    available_micros: int = 0
    held_micros: int = 0
    set_aside_micros: int = 0
    entries_micros: int = 0
    owed_micros: int = 0
    entries: list[Entry] = field(default_factory=list)

    def hold(self, micros: int) -> None:
        """Keep available money for something that is on its way."""
        self.available_micros -= micros
        self.held_micros += micros

    def void(self, micros: int) -> None:
        """Give held money back."""
        self.hold(-micros)

    def post(self, micros: int, entry: Entry, *, held_micros: int | None = None) -> None:
        """Spend held money; what was held beyond the price becomes available again."""
        held = micros if held_micros is None else held_micros
        if micros > held:
            raise ValueError(f"{micros} micros do not fit a hold of {held}")
        self.held_micros -= held
        self.available_micros += held - micros
        self._book(-micros, entry)

    def charge(self, micros: int, entry: Entry, *, set_aside_micros: int = 0) -> None:
        """Spend at once, the set-aside part of it first named; the rest is available money."""
        self.set_aside_micros -= set_aside_micros
        self.available_micros -= micros - set_aside_micros
        self._book(-micros, entry)

    def spend_held(self, micros: int, entry: Entry) -> None:
        """Spend money held for something that is no message: a deposit."""
        self.held_micros -= micros
        self._book(-micros, entry)

    def refund(self, micros: int, entry: Entry) -> None:
        """Give back what was spent, by a new entry that names the old one."""
        self.available_micros += micros
        self._book(micros, entry)

    def take_in(self, micros: int, entry: Entry) -> None:
        """Credit money from outside."""
        self.refund(micros, entry)

    def take_back(self, micros: int, balance: Balance, entry: Entry) -> None:
        """Return money to the outside: available first, the rest becomes a debt.

        Held and set-aside money stays. `balance` is as it was read; it may not change meanwhile.
        """
        taken = min(micros, max(balance.available_micros + self.available_micros, 0))
        self.available_micros -= taken
        self.owed_micros += micros - taken
        self._book(-micros, entry)

    def set_aside(self, micros: int, entry: Entry, *, from_held: bool = False) -> None:
        """Move money, available or held, to a bot's set-aside."""
        self.set_aside_micros += micros
        if from_held:
            self.held_micros -= micros
        else:
            self.available_micros -= micros
        self._move(micros, "held" if from_held else "available", "set-aside", entry)

    def return_set_aside(self, micros: int, entry: Entry) -> None:
        """Move a bot's set-aside money back."""
        self.set_aside_micros -= micros
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
        is_exact: bool = False,
    ) -> list[store.Write]:
        """Return the write of the balance, and those of the entries.

        `balance` is as read in this attempt; only its debt is relied on, or all of it where
        `is_exact` (then any other change means: decide again). `refusal` is raised where the
        available money does not suffice.
        """
        owed = 0 if balance is None else balance.owed_micros
        pays = 0
        if self.owed_micros == 0 and self.available_micros > 0:
            pays = min(owed, self.available_micros)
        deltas = {
            "available_micros": self.available_micros - pays,
            "held_micros": self.held_micros,
            "set_aside_micros": self.set_aside_micros,
            "owed_micros": self.owed_micros - pays,
            "entries_micros": self.entries_micros,
        }
        if not any(deltas.values()) and not self.entries:
            return []
        writes: list[store.Write] = [store.Put(entry) for entry in self.entries]
        if any(deltas.values()):
            writes.insert(0, self._of_balance(deltas, balance, owed, now, refusal, is_exact))
        return writes

    def _of_balance(
        self,
        deltas: dict[str, int],
        balance: Balance | None,
        owed: int,
        now: datetime,
        refusal: Exception | None,
        is_exact: bool,
    ) -> store.Write:
        actions = [
            getattr(Balance, name).set((getattr(Balance, name) | 0) + delta)
            for name, delta in deltas.items()
            if delta
        ]
        shard = store.shard_of("balance", self.account_id)
        actions += [
            Balance.due_shard.set(Balance.due_shard | shard),
            Balance.due_at.set(Balance.due_at | (now + LOOKED_AT_WITHIN)),
        ]
        condition: Any = None
        for name, delta in deltas.items():
            if delta < 0 and name != "entries_micros":
                condition = condition & (getattr(Balance, name) >= -delta)
        fails_as: Any = store.VERSION
        if condition is not None:
            is_refusal = deltas["available_micros"] < 0
            fails_as = (refusal or short_of(-deltas["available_micros"])) if is_refusal else None
            fails_as = fails_as or BooksBroken(f"{self.account_id}: {deltas}")
        if is_exact:
            fails_as = store.VERSION
            for name in ("available_micros", "owed_micros"):
                condition = condition & _is_as_read(name, balance)
        elif self.available_micros > 0 and self.owed_micros == 0:
            # A debt that came meanwhile is to be paid first, so decide again.
            condition = condition & _is_as_read("owed_micros", balance)
            fails_as = store.VERSION
        item = Balance(key=self.account_id, item="balance")
        return store.Update(item, condition, fails_as, actions=tuple(actions))

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


def entry_item(entry_id: str) -> str:
    """Name an entry's place in its account's ledger; ids sort by time."""
    return f"entry#{entry_id}"


def short_of(micros: int) -> InsufficientFunds:
    """Refuse what costs more than is available."""
    return InsufficientFunds(
        f"This takes {money.text(micros)} {money.CURRENCY}, and less is available; top up first.",
        needed=money.told(micros),
    )


def wanted(account_id: str) -> tuple[type[Balance], str, str]:
    """Name an account's balance for `store.read`."""
    return (Balance, account_id, "balance")


def balance(account_id: str) -> Balance:
    """Read an account's balance; one that nothing ever came to is all zeros."""
    found = store.get(Balance, account_id, "balance")
    return found or Balance(key=account_id)


# The quota of a legacy bot.


def quota_item(bot_id: str, month: str) -> str:
    """Name the counter of a bot's UTC month."""
    return f"quota#{bot_id}#{month}"


def use_quota(
    account_id: str, bot_id: str, month: str, count: int, *, at_most: int, refusal: Exception
) -> store.Write:
    """Return the write that counts messages of a month, or refuses what would exceed it."""
    room = at_most - count
    condition = Quota.used <= room
    if room >= 0:
        condition = Quota.used.does_not_exist() | condition
    return store.Update(
        Quota(key=account_id, item=quota_item(bot_id, month)),
        condition,
        refusal,
        actions=(Quota.used.set((Quota.used | 0) + count),),
    )


def return_quota(account_id: str, bot_id: str, month: str, count: int) -> store.Write:
    """Return the write that gives counts back to a month."""
    return store.Update(
        Quota(key=account_id, item=quota_item(bot_id, month)),
        Quota.used >= count,
        BooksBroken(f"{bot_id}: the count of {month} is below {count}"),
        actions=(Quota.used.set(Quota.used - count),),
    )


def _is_as_read(name: str, balance: Balance | None) -> Any:
    attribute = getattr(Balance, name)
    value = 0 if balance is None else getattr(balance, name)
    if value == 0:
        return attribute.does_not_exist() | (attribute == 0)
    return attribute == value
