"""What the database was made to hold, told to the model as facts, and held against it.

Every commit is looked at when it happens. The facts in it go to the model in the order in which
they took effect; then what the commit has written has to be what the model says.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

from simulator.chunks import Chunks
from simulator.comparing import Change, Comparison, Plain, instant, plain
from simulator.memory import Written
from simulator.model.books import Wrong
from simulator.model.business import Business

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


class Watcher:
    """Tells the model what has happened, and notes the first thing that is wrong."""

    def __init__(self, side: Side, stage: str) -> None:
        self._side = side
        self._prefix = f"viberdesk-{stage}-"
        self._bots: dict[str, str] = {}
        self._comparison = Comparison()
        self.checks = self._comparison.checks
        self.chunks = Chunks(self.checks)
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
            self._comparison.compare(business, changes)
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
        business.accepted(wish.conversation, parts, instant(change.new["started_at"]))

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
        business.accepted(new["key"], parts, instant(new["at"]), may_open=False)
        name = f"{said.get('text')}@{new['key'].partition('/')[2]}"
        self._side.has_accepted(name, new["message_id"])

    def _message(self, business: Business, change: Change) -> bool:
        """Tell what a message's item says; whether the talk may have changed with it."""
        new, old = change.new, change.old
        message_id = new["message_id"]
        if new["kind"] == "inbound":
            if not old:
                said = json.loads(new["content"])["type"]
                self._tell(business, f"{new['key']} hears {said} of {instant(new['at'])}")
                country = self._side.country(new["key"])
                business.heard(new["key"], instant(new["at"]), said, country, self._side.now)
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
            business.picked_up(message_id, instant(new["sending_at"]))
        elif state == "unknown":
            business.unknown(message_id)
        if old["state"] in ON_ITS_WAY and (state == "sent" or change.has_become("token")):
            business.taken(message_id, status)
        if state in ARRIVED:
            business.arrived(message_id, state)
        elif state == "failed":
            business.failed(message_id, self._side.now)

    def _tell(self, business: Business, line: str) -> None:
        self.told(business.account_id, line)
