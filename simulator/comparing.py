"""What a commit has written, held against the model after it was told what has happened."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple

from simulator.model.books import Wrong
from simulator.model.business import Business, Message

Plain = dict[str, Any]


class Change(NamedTuple):
    """One item that a commit changed, in plain values."""

    table: str
    old: Plain
    new: Plain

    @property
    def kind(self) -> str:
        """Tell what the item is: the part of its sort key before the #, or its table."""
        item: str = (self.new or self.old).get("item", self.table)
        return item.partition("#")[0]

    def has_become(self, name: str) -> bool:
        """Say whether an attribute has got a value it had not."""
        return self.new.get(name) is not None and self.old.get(name) != self.new[name]


class Comparison:
    """Compares, and counts what it has compared."""

    def __init__(self) -> None:
        self._causes: set[tuple[str, str]] = set()
        self.checks: Counter[str] = Counter()

    def compare(self, business: Business, changes: list[Change]) -> None:
        """Raise Wrong where a commit has written anything else than the model says."""
        fresh, business.books.fresh = business.books.fresh, {}
        moved, business.books.moved = business.books.moved, []
        written: dict[str, int] = {}
        moves: list[tuple[str, int]] = []
        for change in changes:
            match change.table, change.kind:
                case "ledger", "balance":
                    self._balance(business, change.new)
                case "ledger", "entry":
                    if change.old:
                        raise Wrong(f"S1.66: the entry {change.old['cause']} was changed")
                    self._entry(change.new, written, moves)
                case "ledger", "quota":
                    self._quota(business, change.new)
                case "bots", _ if change.new:
                    self._bot_now(business, change.new)
                case _, "message" if change.new["kind"] == "outgoing":
                    self._message_now(business.messages[change.new["message_id"]], change.new)
                case _, "session":
                    self._session_now(business, change.new)
        if written != fresh:
            raise Wrong(f"entries {written}, and by the rules {fresh}")
        if sorted(moves) != sorted(moved):
            raise Wrong(f"money moved {moves}, and by the rules {moved}")
        if not any(change.kind == "balance" for change in changes):
            self._unmoved(business)

    def _entry(self, entry: Plain, written: dict[str, int], moves: list[tuple[str, int]]) -> None:
        self.checks["entries"] += 1
        cause = str(entry["cause"])
        if (entry["key"], cause) in self._causes:
            raise Wrong(f"S1.66: {cause} is in the ledger twice")
        self._causes.add((entry["key"], cause))
        if entry.get("moved_micros") is not None:
            # What tells moves of one thing apart is the code's own.
            moves.append((":".join(cause.split(":")[:2]), int(entry["moved_micros"])))
        else:
            written[without_step(cause)] = int(entry["amount_micros"])

    def _balance(self, business: Business, item: Plain) -> None:
        names = ("available_micros", "held_micros", "set_aside_micros", "owed_micros")
        stored = tuple(int(item.get(name, 0)) for name in names)
        self.checks["balances"] += 1
        if stored != business.books.sums:
            raise Wrong(
                f"available, held, set aside, owed are {stored}, and by the rules "
                f"{business.books.sums}"
            )
        business.stored = stored

    def _unmoved(self, business: Business) -> None:
        if business.stored != business.books.sums:
            raise Wrong(f"the balance stays {business.stored}, by the rules {business.books.sums}")

    def _quota(self, business: Business, item: Plain) -> None:
        _, bot_id, month = item["item"].split("#")
        self.checks["quotas"] += 1
        used = business.bots[bot_id].used.get(month, 0)
        if int(item["used"]) != used:
            raise Wrong(f"S1.15: {item['used']} counted in {month}, by the rules {used}")

    def _bot_now(self, business: Business, item: Plain) -> None:
        bot = business.bot(item["bot_id"])
        self.checks["bots"] += 1
        aside = business.books.aside.get(bot.bot_id, 0)
        if int(item.get("set_aside_micros", 0)) != aside:
            raise Wrong(f"S1.6: {item.get('set_aside_micros')} set aside, by the rules {aside}")
        if item.get("paid_month") != bot.paid_month:
            raise Wrong(f"paid to {item.get('paid_month')}, by the rules to {bot.paid_month}")

    def _message_now(self, message: Message, item: Plain) -> None:
        self.checks["messages"] += 1
        price = int(item.get("price_micros") or 0)
        if price != message.price:
            raise Wrong(f"{message.message_id} costs {price}, by the rules {message.price}")
        if item.get("money") != message.money:
            raise Wrong(
                f"{message.message_id}: its money is {item.get('money')}, by the rules "
                f"{message.money}"
            )

    def _session_now(self, business: Business, item: Plain) -> None:
        talk = business.talks[item["key"]]
        self.checks["sessions"] += 1
        begun_at = instant(item["begun_at"])
        named = [each for each in talk.sessions if each.name == item["session_id"]]
        if not named:
            named = [
                each
                for each in talk.sessions
                if each.name is None
                and each.policy.kind == "business"
                and each.begun_at == begun_at
                and each.state == item["state"]
            ]
        if not named:
            raise Wrong(f"the session {item['session_id']} of {begun_at} is none by the rules")
        session = named[0]
        session.name = item["session_id"]
        # What a session that never was would have cost is nobody's business.
        price = session.price_micros if session.reason != "failed" else 0
        priced = int(item.get("price_micros", 0)) if session.reason != "failed" else 0
        stored = (item["state"], begun_at, item.get("reason"), priced)
        wanted = (session.state, session.begun_at, session.reason, price)
        if stored != wanted or item.get("money", "none") != session.money:
            raise Wrong(
                f"the session {session.name} is {stored} {item.get('money')}, by the rules "
                f"{wanted} {session.money}"
            )


def plain(item: dict[str, Any] | None) -> Plain:
    """Give a typed item as plain values; numbers stay text of digits."""
    if item is None:
        return {}
    return {name: next(iter(typed.values())) for name, typed in item.items()}


def without_step(cause: str) -> str:
    """Name what an entry is for, without the pass of a chunk that it belongs to."""
    return cause.rpartition(":")[0] if cause.startswith("broadcast:") else cause


def instant(milliseconds: Any) -> datetime:
    """Read an instant as it is stored."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
