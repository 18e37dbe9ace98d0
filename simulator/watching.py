"""What the database was made to hold, told to the model as facts, and held against it.

Every commit is looked at when it happens. The facts in it go to the model in the order in which
they took effect; then what the commit has written has to be what the model says.
"""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from simulator.chunks import Chunks
from simulator.memory import Written
from simulator.model.books import Wrong
from simulator.model.business import Business, Message

Plain = dict[str, Any]
ON_ITS_WAY = ("sending", "unknown")
ARRIVED = ("delivered", "seen")


class Wish(NamedTuple):
    """A reply that somebody asked for under a key: to which talk, parts of which types."""

    conversation: str
    types: tuple[str, ...]
    notify: bool


class Side(Protocol):
    """What the watcher asks the world for."""

    businesses: dict[str, Business]

    @property
    def now(self) -> datetime:
        """Tell the instant at which the flow that commits was begun."""
        ...

    def wish(self, key: str) -> Wish | None:
        """Find the reply that was asked for under an Idempotency-Key."""
        ...

    def has_accepted(self, text: str, message_id: str) -> None:
        """Hear by which text a message is known at Viber."""
        ...

    def country(self, conversation: str) -> str | None:
        """Tell where a subscriber lives."""
        ...


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


class Watcher:
    """Tells the model what has happened, and notes the first thing that is wrong."""

    def __init__(self, side: Side, stage: str) -> None:
        self._side = side
        self._prefix = f"viberdesk-{stage}-"
        self._bots: dict[str, str] = {}
        self._causes: set[tuple[str, str]] = set()
        self.checks: Counter[str] = Counter()
        self.chunks = Chunks()
        self.chunks.checks = self.checks
        self.wrong: Wrong | None = None
        self.wrong_at: tuple[str, list[Change]] = ("", [])
        self.told: Callable[[str, str], None] = lambda account_id, line: None

    def commit(self, written: list[Written]) -> None:
        """Take one commit. What is wrong is noted, never raised into the code that committed."""
        if self.wrong is not None:
            return
        changes = [
            Change(each.table.removeprefix(self._prefix), plain(each.old), plain(each.new))
            for each in written
        ]
        account_id = self._account_of(changes)
        if account_id not in self._side.businesses:
            return
        business = self._side.businesses[account_id]
        try:
            self._facts(business, changes)
            business.books.settle()
            self._compare(business, changes)
        except (Wrong, KeyError) as wrong:
            self.wrong = wrong if isinstance(wrong, Wrong) else Wrong(f"no such thing: {wrong}")
            self.wrong_at = (account_id, changes)

    def _account_of(self, changes: list[Change]) -> str:
        for change in changes:
            if change.table == "ledger":
                return str((change.new or change.old)["key"])
        for change in changes:
            found = change.new or change.old
            account_id = found.get("account_id")
            if change.table == "bots":
                self._bots[found["bot_id"]] = str(account_id)
            if account_id is not None:
                return str(account_id)
            if change.table == "answers":
                return str(found["key"]).partition("/")[0]
        for change in changes:
            owner = str((change.new or change.old).get("key", "")).partition("/")[0]
            if owner in self._bots:
                return self._bots[owner]
            if owner in self._side.businesses:
                return owner
        return ""

    # Facts.

    def _facts(self, business: Business, changes: list[Change]) -> None:
        decided: set[str] = set()
        for change in changes:
            if change.table == "payments":
                self._payment(business, change)
            elif change.kind == "request":
                decided |= self._request(business, change, changes)
        for change in changes:
            if change.table == "bots":
                self._bot(business, change, is_decided=change.new.get("bot_id") in decided)
        for change in changes:
            if change.table == "answers" and not change.old:
                self._answer(business, change)
            elif change.table == "broadcasts" and change.new:
                self._broadcast(business, change)
            elif change.kind == "message" and change.new.get("broadcast_id") and not change.old:
                self._apart(business, change.new)
        talked = {
            change.new["key"]
            for change in changes
            if change.kind == "message" and self._message(business, change)
        }
        for change in changes:
            is_talk = change.kind == "conversation" and change.has_become("talk")
            key = change.new.get("key", "")
            answered = any(
                each.table == "answers" or (each.new.get("broadcast_id") and not each.old)
                for each in changes
            )
            if is_talk and key not in talked and not answered:
                business.looked(key, self._side.now)

    def _payment(self, business: Business, change: Change) -> None:
        new, state = change.new, change.new.get("state")
        if not change.has_become("state"):
            return
        provider, _, name = new["key"].partition("#")
        micros = int(new["amount_micros"])
        is_dispute = provider == "stripe-dispute"
        self._tell(business, f"payment {new['key']} of {micros}: {state}")
        if state == "done":
            business.paid_in(new["key"], micros)
        elif state == "taken":
            kind = "dispute" if is_dispute else "top-up-returned"
            business.paid_back(f"{kind}:{name}", micros)
        elif state == "given-back" and change.old:
            business.books.come_in(micros, f"dispute-won:{name}")

    def _request(self, business: Business, change: Change, changes: list[Change]) -> set[str]:
        new = change.new
        request_id, kind = new["request_id"], new["kind"]
        if kind not in ("new", "move", "revival"):
            return set()
        if not change.old:
            self._tell(business, f"request {request_id} {kind}")
            business.applied(request_id, kind, new.get("bot_id"))
        if not change.has_become("state") or new["state"] == "waiting":
            return set()
        bots = [each.new["bot_id"] for each in changes if each.table == "bots"]
        bot_id = str(bots[0] if bots else new.get("bot_id") or "")
        self._tell(business, f"request {request_id} {new['state']} for {bot_id}")
        business.decided(request_id, new["state"], bot_id, self._side.now)
        return {bot_id} if new["state"] == "approved" else set()

    def _bot(self, business: Business, change: Change, *, is_decided: bool) -> None:
        new, old, now = change.new, change.old, self._side.now
        if not new or is_decided:
            return
        bot_id = new["bot_id"]
        bot = business.bot(bot_id)
        is_on = new.get("has_sessions") and not new.get("ended_at")
        terms = ("has_sessions", "sessions_fee_micros", "session_price_micros", "plan")
        was_ended = old.get("ended_at") or old.get("cancelled_at")
        is_turned = was_ended and not new.get("cancelled_at")
        if is_on and (is_turned or any(change.has_become(name) for name in terms)):
            fee, price = int(new["sessions_fee_micros"]), int(new["session_price_micros"])
            self._tell(business, f"{bot_id} sessions on at {fee}, {price}")
            business.sessions_on(bot_id, fee, price, now)
            return
        if change.has_become("plan"):
            self._tell(business, f"{bot_id} is {new['plan']}")
            bot.plan = new["plan"]
            bot.ended_at = bot.ended_reason = None
        if change.has_become("paid_month"):
            self._tell(business, f"{bot_id} fee for {new['paid_month']}")
            business.fee_taken(bot_id, new["paid_month"], now)
        elif change.has_become("cancelled_at"):
            self._tell(business, f"{bot_id} cancelled")
            business.cancelled(bot_id, now)
        elif change.has_become("ended_at"):
            self._tell(business, f"{bot_id} ended: {new['ended_reason']}")
            if new["ended_reason"] == "unpaid":
                business.deactivated(bot_id, now)
            else:
                business.ended(bot_id, new["ended_reason"], now)
        else:
            more = int(new.get("set_aside_micros", 0)) - int(old.get("set_aside_micros", 0))
            if more > 0:
                self._tell(business, f"{bot_id} protects {more}")
                business.put_aside(bot_id, more, now)

    def _answer(self, business: Business, change: Change) -> None:
        key = change.new["key"].partition("/")[2]
        wish = self._side.wish(key)
        if wish is None or not wish.notify:
            return
        ids = json.loads(change.new["answer"])
        for position, message_id in enumerate(ids):
            self._side.has_accepted(f"{key}.{position}", message_id)
        self._tell(business, f"{wish.conversation} says {','.join(wish.types)} ({key})")
        parts = list(zip(ids, wish.types, strict=True))
        business.accepted(wish.conversation, parts, _instant(change.new["started_at"]))

    def _broadcast(self, business: Business, change: Change) -> None:
        match change.kind:
            case "broadcast":
                self.chunks.broadcast(change.new)
            case "line":
                self.chunks.line(change.new)
            case "chunk":
                line = self.chunks.chunk(business, change.old, change.new, self._side.now)
                self._tell(business, line)

    def _apart(self, business: Business, new: Plain) -> None:
        """Take a broadcast's message to somebody whose talk goes on."""
        said = json.loads(new["content"])
        self._tell(business, f"{new['key']} says {said['type']} of {new['broadcast_id']}")
        parts = [(new["message_id"], said["type"])]
        business.accepted(new["key"], parts, _instant(new["at"]), may_open=False)
        name = f"{said.get('text')}@{new['key'].partition('/')[2]}"
        self._side.has_accepted(name, new["message_id"])

    def _message(self, business: Business, change: Change) -> bool:
        """Tell what a message's item says; whether the talk may have changed with it."""
        new, old = change.new, change.old
        message_id = new["message_id"]
        if new["kind"] == "inbound":
            if not old:
                said = json.loads(new["content"])["type"]
                self._tell(business, f"{new['key']} hears {said} of {_instant(new['at'])}")
                country = self._side.country(new["key"])
                business.heard(new["key"], _instant(new["at"]), said, country, self._side.now)
            return not old
        if new["kind"] != "outgoing":
            return False
        if not old:
            business.named(message_id, new.get("session_id"), new.get("after_session_id"))
            return False
        if change.has_become("state"):
            self._tell(business, f"{message_id} {old['state']} -> {new['state']}")
            self._state(business, message_id, change)
            return True
        is_dropped = "due_at" in old and "due_at" not in new and new["state"] == "unknown"
        if is_dropped or (old.get("money") == "held" and new.get("money") == "voided"):
            self._tell(business, f"{message_id} is given up")
            business.given_up(message_id, self._side.now)
            return True
        return False

    def _state(self, business: Business, message_id: str, change: Change) -> None:
        old, new = change.old, change.new
        state = new["state"]
        billed = new.get("billing_status")
        status = None if billed is None else int(billed)
        if state == "sending":
            business.picked_up(message_id, _instant(new["sending_at"]))
        elif state == "unknown":
            business.unknown(message_id)
        if old["state"] in ON_ITS_WAY and (state == "sent" or change.has_become("token")):
            business.taken(message_id, status)
        if state in ARRIVED:
            business.arrived(message_id, state)
        elif state == "failed":
            business.failed(message_id, self._side.now)

    # What was written, against the model.

    def _compare(self, business: Business, changes: list[Change]) -> None:
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
        begun_at = _instant(item["begun_at"])
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

    def _tell(self, business: Business, line: str) -> None:
        self.told(business.account_id, line)


def plain(item: dict[str, Any] | None) -> Plain:
    """Give a typed item as plain values; numbers stay text of digits."""
    if item is None:
        return {}
    return {name: next(iter(typed.values())) for name, typed in item.items()}


def without_step(cause: str) -> str:
    """Name what an entry is for, without the pass of a chunk that it belongs to."""
    return cause.rpartition(":")[0] if cause.startswith("broadcast:") else cause


def _instant(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
