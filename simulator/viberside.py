"""Viber's side: the wire to it and back, what it really did, and what the network does to both."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.viber.transport import NoAnswer, NotConnected
from demo.emulator import Emulator
from demo.emulator.records import Fault
from simulator.faults import Died, Weather

REFUSALS = (3, 5, 6, 11, 12, 13, 14, 1, 10)
REFUSED, LOST_ON_DEVICE, WRONGLY_BILLED = 0.02, 0.03, 0.02
BILLED, IN_SESSION = 5, 2


@dataclass
class Sent:
    """What Viber really did with one text of ours."""

    tokens: list[str] = field(default_factory=list)
    refusals: int = 0


@dataclass
class Delayed:
    """A callback that is still on its way."""

    at: datetime
    url: str
    headers: dict[str, str]
    body: bytes


class ViberSide:
    """Carries requests to the emulated Viber and its callbacks to us, as the weather allows."""

    def __init__(
        self,
        seed: str,
        clock: Callable[[], datetime],
        weather: Weather,
        take: Callable[[str, dict[str, str], bytes], int],
    ) -> None:
        self._draw = random.Random(f"{seed}/viber")
        self._clock = clock
        self._weather = weather
        self._take = take
        self.emulator = Emulator(
            clock=clock, post=self._post, synchronous=True, seed=self._draw.getrandbits(32)
        )
        self.truth: dict[str, Sent] = {}
        # What reached us of each token's receipts, and what of it we have answered for.
        self.reached: dict[str, set[str]] = {}
        self.heard: dict[str, set[str]] = {}
        self.delayed: list[Delayed] = []
        self.is_billed: Callable[[str], bool] = lambda _: False
        self.is_calm = False
        self.counted: Counter[str] = Counter()

    # To Viber.

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        """Carry one request, as a transport does."""
        name, key = url.rpartition("/")[2], headers["X-Viber-Auth-Token"]
        if self._weather.strikes("dies before a call to Viber"):
            raise Died(name)
        if self._weather.strikes("no connection to Viber"):
            raise NotConnected("refused")
        if self._weather.strikes("request to Viber lost"):
            raise NoAnswer("lost on the way")
        self._spoil(name, key)
        reply = self.emulator.bot_api.call(name, key, body)
        assert reply is not None
        told = self._judged(name, json.loads(body), dict(reply.body))
        if self._draw.random() < 0.25:
            # Receipts overtake the answer.
            self.emulator.dispatcher.flush()
        if self._weather.strikes("dies after a call to Viber", 2):
            raise Died(name)
        if self._weather.strikes("answer of Viber lost", 3):
            raise NoAnswer("lost on the way back")
        if self._weather.strikes("Viber answers with HTTP 5xx"):
            return 502, b"bad gateway"
        return reply.http_status, json.dumps(told).encode()

    def _spoil(self, name: str, key: str) -> None:
        bot = self.emulator.world.bot_by_key(key)
        if bot is None or self.is_calm or name not in ("send_message", "broadcast_message"):
            return
        if self._draw.random() < REFUSED:
            status = self._draw.choice(REFUSALS)
            self.counted[f"Viber refuses with {status}"] += 1
            bot.faults.append(Fault(refuse=status))
        elif self._draw.random() < LOST_ON_DEVICE:
            self.counted["fails on the device"] += 1
            bot.faults.append(Fault(fail_after="no such device"))

    def _judged(self, name: str, body: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        """Note what Viber did, and let it bill as it should, or at times otherwise."""
        if name not in ("send_message", "broadcast_message"):
            return told
        text = _name_of(body)
        receivers = [body["receiver"]] if name == "send_message" else body["broadcast_list"]
        refused = {each["receiver"] for each in told.get("failed_list", ())}
        for receiver in receivers:
            own = f"{text}@{receiver}" if text.startswith("b") else text
            sent = self.truth.setdefault(own, Sent())
            if told.get("status") != 0 or receiver in refused:
                sent.refusals += 1
            else:
                sent.tokens.append(f"{told['message_token']}@{receiver}")
        if told.get("status") != 0:
            return told
        own = f"{text}@{receivers[0]}" if text.startswith("b") else text
        told["billing_status"] = BILLED if self.is_billed(own) else IN_SESSION
        if not self.is_calm and self._draw.random() < WRONGLY_BILLED:
            self.counted["billed wrongly by Viber"] += 1
            told["billing_status"] = self._draw.choice((1, 2, 3, 4, 5))
        return told

    # From Viber.

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self.is_calm or b'"event":"webhook"' in body:
            return self._deliver(url, headers, body), b""
        drawn = self._draw.random()
        if drawn < 0.02:
            self.counted["callback lost for good"] += 1
            return 200, b""
        if drawn < 0.04:
            self.counted["callback not delivered, tried again"] += 1
            return 0, b""
        if drawn < 0.06:
            self.counted["callback delivered, answer lost"] += 1
            self._deliver(url, headers, body)
            return 0, b""
        if drawn < 0.09:
            self.counted["callback duplicated"] += 1
            self._deliver(url, headers, body)
        elif drawn < 0.16:
            self.counted["callback delayed"] += 1
            wait = timedelta(seconds=self._draw.choice((1, 30, 600, 7200, 90_000)))
            self.delayed.append(Delayed(self._clock() + wait, url, headers, body))
            return 200, b""
        return self._deliver(url, headers, body), b""

    def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        event = json.loads(body)
        token = f"{event.get('message_token')}@{event.get('user_id')}"
        # We may die after the write: then it has its effect, though Viber is not answered.
        self.reached.setdefault(token, set()).add(str(event.get("event")))
        status = self._take(url, headers, body)
        if status == 200:
            self.heard.setdefault(token, set()).add(str(event.get("event")))
        return status

    def deliver_delayed(self, *, everything: bool = False) -> None:
        """Deliver what has been on its way long enough, in any order."""
        due = [each for each in self.delayed if everything or each.at <= self._clock()]
        self.delayed = [each for each in self.delayed if each not in due]
        self._draw.shuffle(due)
        for each in due:
            if self._deliver(each.url, each.headers, each.body) != 200:
                self.delayed.append(each)


def _name_of(body: dict[str, Any]) -> str:
    """Tell which of our messages this is: each has a text or a place of its own."""
    place = body.get("location")
    if place is not None:
        return f"k{round(place['lon'] * 1000)}.{round(place['lat'])}"
    return str(body.get("text") or "")
