"""What is watched of broadcasts: chunks whose lines are bits of masks, and the lines' own items."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from simulator.model.books import Wrong
from simulator.model.broadcasts import Chunk
from simulator.model.business import Business

Plain = dict[str, Any]


class Chunks:
    """Tells the model what has become of chunks, and holds them against it."""

    def __init__(self, checks: Counter[str]) -> None:
        self.lines: dict[str, dict[int, Plain]] = {}
        self.contents: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.checks = checks

    def broadcast(self, item: Plain) -> None:
        """Learn what a broadcast says."""
        said = json.loads(item["content"])
        self.contents[item["broadcast_id"]] = said["type"]
        self.texts[item["broadcast_id"]] = str(said.get("text"))

    def line(self, item: Plain) -> None:
        """Learn what has become of a line."""
        self.lines.setdefault(item["key"], {})[int(item["position"])] = item

    def chunk(self, business: Business, old: Plain, new: Plain, now: datetime) -> str:
        """Tell what has changed of a chunk; gives it in words."""
        chunk = business.chunks.setdefault(new["name"], Chunk(new["name"], new["bot_id"]))
        self.keys[new["name"]] = new["lines_key"]
        if new.get("decided_at") and new["decided_at"] != old.get("decided_at"):
            self._decided(business, chunk, new, now)
            old = new | {"posted": "0", "released": "0", "refused": "{}"}
        before = set() if old.get("state") == "preparing" else _together(old)
        left = before - _together(new)
        if left and new["state"] != "preparing":
            chunk.leaving |= left
            business.quota_returned(chunk.bot_id, chunk.quota_month, len(left), now)
        posted = _mask(new, "posted") - _mask(old, "posted")
        released = _mask(new, "released") - _mask(old, "released")
        is_answered = new["state"] == "sent" and old.get("state") != "sent"
        is_over = new["state"] in ("failed", "stopped") or bool(new.get("is_closed"))
        if is_answered or is_over or not _together(new):
            # Those who left meanwhile are given back with the answer, or at the very end.
            released |= {line for line in chunk.leaving if line not in chunk.settled}
        if new["state"] == "preparing" and old.get("state") == "held":
            released = {line for line in chunk.prices if line not in chunk.settled}
        states = self._states(new, released, is_answered=is_answered)
        begun = new.get("sent_at") or new.get("sending_at")
        begun_at = None if begun is None else datetime.fromtimestamp(int(begun) / 1000, UTC)
        is_given_up = chunk.is_given_up(new["state"], begun_at, now)
        chunk.settle(
            posted,
            released,
            states,
            business.books,
            is_given_up=is_given_up,
        )
        self._quota(business, chunk, new, released, states, now)
        self.checks["chunks"] += 1
        if int(new.get("held_micros", 0)) != chunk.open_micros:
            raise Wrong(
                f"{chunk.name} holds {new.get('held_micros')}, by the rules {chunk.open_micros}"
            )
        return f"{chunk.name} {old.get('state')} -> {new['state']}: +{posted} -{released}"

    def told(self, chunk: Chunk) -> dict[int, tuple[str, Plain]]:
        """Give each line of a chunk by its position: its name at Viber, and its item."""
        text = self.texts[chunk.name.rpartition("-")[0]]
        lines = self.lines.get(self.keys[chunk.name], {})
        return {place: (f"{text}@{line['subscriber_id']}", line) for place, line in lines.items()}

    def _decided(self, business: Business, chunk: Chunk, new: Plain, now: datetime) -> None:
        skipped = set[int]()
        for mask in json.loads(new.get("skipped", "{}")).values():
            skipped |= _bits(mask)
        lines = {
            position: str(line["subscriber_id"])
            for position, line in self.lines.get(new["lines_key"], {}).items()
            if position not in skipped
        }
        kind = self.contents[new["broadcast_id"]]
        together, apart = business.chunk_decided(chunk, lines, kind, now)
        stored = _together(new), _mask(new, "apart")
        if (together, apart) != stored:
            raise Wrong(
                f"S2.51: {chunk.name} sends {stored[0]} together and {stored[1]} apart, by the "
                f"rules {together} and {apart}"
            )
        for price, mask in json.loads(new["together"]).items():
            for line in _bits(mask):
                if chunk.prices[line] != int(price):
                    raise Wrong(f"line {line} costs {price}, by the rules {chunk.prices[line]}")

    def _states(self, new: Plain, released: set[int], *, is_answered: bool) -> dict[int, str]:
        """Give the lines' states; what Viber refused or did not bill counts as failed."""
        lines = self.lines.get(new["lines_key"], {})
        states = {position: str(line.get("state")) for position, line in lines.items()}
        if not is_answered:
            return states
        refused = {int(position) for position in json.loads(new.get("refused", "{}"))}
        stopped = _bits(json.loads(new.get("skipped", "{}")).get("stopped", "0"))
        is_unbilled = new.get("billing_status") not in (None, "5")
        for line in released:
            own = lines.get(line, {}).get("billing_status")
            if line in refused | stopped or is_unbilled or own not in (None, "5"):
                states[line] = "failed"
        return states

    def _quota(
        self,
        business: Business,
        chunk: Chunk,
        new: Plain,
        released: set[int],
        states: dict[int, str],
        now: datetime,
    ) -> None:
        lost = {line for line in released - chunk.leaving if states.get(line) == "failed"}
        if new["state"] in ("failed", "stopped", "preparing"):
            lost = released - chunk.leaving
        business.quota_returned(chunk.bot_id, chunk.quota_month, len(lost), now)


def _mask(item: Plain, name: str) -> set[int]:
    return _bits(item.get(name, "0"))


def _together(item: Plain) -> set[int]:
    found = set[int]()
    for mask in json.loads(item.get("together", "{}")).values():
        found |= _bits(mask)
    return found


def _bits(mask: str) -> set[int]:
    number = int(mask, 16)
    return {position for position in range(number.bit_length()) if number >> position & 1}
