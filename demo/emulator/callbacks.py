"""Callbacks to webhooks: written once, signed, sent in order, tried again for an hour."""

import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import urllib3

from demo.emulator.records import Bot, Callback
from demo.emulator.world import World

Post = Callable[[str, dict[str, str], bytes], tuple[int, bytes]]

SIGNATURE_HEADER = "X-Viber-Content-Signature"
TIMEOUT_SECONDS = 5.0
# Viber says "about an hour" and nothing of the steps; doubling is our guess.
FIRST_RETRY = timedelta(seconds=10)
RETRY_PERIOD = timedelta(hours=1)
RECEIPTS = {"delivered", "seen", "failed"}
HISTORY = 500
WORKERS = 8


class Dispatcher:
    """Sends what the world owes to webhooks.

    post: does one HTTP POST and returns (status, body), status 0 when there was no answer.
    Callbacks of one person and bot go one after another; different ones side by side, on
    threads of their own. With synchronous=True all go one after another on the thread that
    calls `flush` or `pump`.
    """

    def __init__(self, world: World, post: Post, *, synchronous: bool = False) -> None:
        self.world = world
        self.synchronous = synchronous
        self.history: deque[Callback] = deque(maxlen=HISTORY)
        self.held: list[Callback] = []
        self.holding = False
        self._post = post
        self._retries: list[Callback] = []
        self._lanes: dict[str, deque[Callback]] = {}
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="callback")
        self._stopped = threading.Event()

    def flush(self) -> None:
        """Send what is owed, or hand it to the threads that send."""
        if not self.world.outbox:
            return
        with self.world.change():
            owed = list(self.world.outbox)
            self.world.outbox.clear()
            for callback in owed:
                encode(callback)
                self.history.append(callback)
                if self.holding and callback.name in RECEIPTS:
                    callback.state = "held"
                    self.held.append(callback)
            lanes = [self._queue(callback) for callback in owed if callback.state == "waiting"]
        self._start(lanes)

    def pump(self) -> None:
        """Send also what is due to be tried again; the demo's loop calls this."""
        with self.world.changed:
            now = self.world.clock()
            due = [c for c in self._retries if c.next_at is not None and c.next_at <= now]
            waiting = [c for c in self._retries if c.next_at is not None and c.next_at > now]
            self._retries = waiting
            lanes = [self._queue(callback) for callback in due]
        self._start(lanes)
        self.flush()

    def settle(self, timeout_seconds: float = 10) -> bool:
        """Wait until nothing is on its way (retries that wait do not count)."""
        with self.world.changed:
            return self.world.changed.wait_for(
                lambda: not self.world.outbox and not self._lanes, timeout_seconds
            )

    def hold(self, on: bool) -> int:
        """Keep receipts back from now on, or send them again; return how many are held."""
        if not on:
            return self.release("forward")
        with self.world.change():
            self.holding = True
            return len(self.held)

    def release(self, order: Literal["forward", "reverse"]) -> int:
        """Stop holding and send the held receipts in this order; return how many."""
        with self.world.change():
            held, self.held, self.holding = self.held, [], False
            if order == "reverse":
                held.reverse()
            # One lane for all of them, or threads would mix the order again.
            lanes = [self._queue(callback, "released") for callback in held]
        self._start(lanes)
        return len(held)

    def duplicate(self, count: int, bot: Bot | None = None) -> int:
        """Send the last callbacks once more, byte for byte; return how many."""
        with self.world.change():
            sent = [c for c in self.history if c.attempts and (bot is None or c.bot is bot)]
            again = [
                replace(c, attempts=0, http_status=0, first_at=None, on_answer=None)
                for c in sent[-count:]
            ]
            self.history.extend(again)
            lanes = [self._queue(callback) for callback in again]
        self._start(lanes)
        return len(again)

    def confirm(self, bot: Bot, url: str) -> str:
        """Send the `webhook` event that set_webhook depends on; return what is wrong."""
        with self.world.change():
            event = self.world.event("webhook", self.world.new_token())
        callback = Callback(bot, event, "")
        encode(callback)
        status, _ = self.send(bot, url, callback.body)
        return (
            "" if status == 200 else f"Result: HTTP {status} from {url}" if status else "invalidUrl"
        )

    def send(
        self, bot: Bot, url: str, body: bytes, signature: str | None = None
    ) -> tuple[int, bytes]:
        """Post bytes as Viber would, once; signature: another one, or "" for none."""
        if signature is None:
            signature = sign(bot.key, body)
        headers = {"Content-Type": "application/json;charset=UTF-8"}
        if signature:
            headers[SIGNATURE_HEADER] = signature
        if signature and bot.settings.signature_in_query:
            url = f"{url}{'&' if '?' in url else '?'}sig={signature}"
        return self._post(url, headers, body)

    def stop(self) -> None:
        """Finish what is being sent and let the rest go."""
        self._stopped.set()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _queue(self, callback: Callback, lane: str = "") -> str | None:
        """Put a callback at the end of its lane; return the lane if somebody must start it."""
        lane = lane or f"{callback.bot.uri} {callback.user_id}"
        if self.synchronous:
            lane = "all"
        callback.state = "waiting"
        running = lane in self._lanes
        self._lanes.setdefault(lane, deque()).append(callback)
        return None if running else lane

    def _start(self, lanes: list[str | None]) -> None:
        for lane in lanes:
            if lane is not None and not self._stopped.is_set():
                if self.synchronous:
                    self._run(lane)
                else:
                    self._workers.submit(self._run, lane)

    def _run(self, lane: str) -> None:
        while not self._stopped.is_set():
            with self.world.change():
                if not self._lanes[lane]:
                    del self._lanes[lane]
                    return
                callback = self._lanes[lane].popleft()
            try:
                self._attempt(callback)
            except BaseException:
                # A `post` that breaks its promise must not leave the lane shut for good.
                with self.world.change():
                    del self._lanes[lane]
                raise
            # The answer may have been a welcome message, whose receipts are owed now.
            self.flush()

    def _attempt(self, callback: Callback) -> None:
        with self.world.change():
            callback.attempts += 1
            callback.first_at = callback.first_at or self.world.clock()
            url = callback.bot.webhook
        status, answer = self.send(callback.bot, url, callback.body) if url else (0, b"")
        with self.world.change():
            callback.http_status = status
            if status == 200:
                callback.state = "done"
            else:
                self._try_later(callback)
        if status == 200 and callback.on_answer:
            callback.on_answer(answer)

    def _try_later(self, callback: Callback) -> None:
        assert callback.first_at is not None
        now = self.world.clock()
        callback.next_at = now + FIRST_RETRY * 2 ** (callback.attempts - 1)
        if callback.next_at - callback.first_at > RETRY_PERIOD or not callback.bot.webhook:
            callback.state = "lost"
        else:
            callback.state = "retrying"
            self._retries.append(callback)


def encode(callback: Callback) -> None:
    """Write the callback's bytes once, as ASCII or as UTF-8, as the bot's setting says."""
    bot = callback.bot
    escaped = bot.settings.escape == "always" or (
        bot.settings.escape == "alternate" and bot.callbacks_encoded % 2 == 0
    )
    bot.callbacks_encoded += 1
    callback.body = to_json(callback.event, escaped=escaped)


def to_json(value: Any, *, escaped: bool = False) -> bytes:
    """Write compact JSON."""
    return json.dumps(value, ensure_ascii=escaped, separators=(",", ":")).encode()


def sign(key: str, body: bytes) -> str:
    """Sign a body as Viber does: HMAC-SHA256 under the bot's key, in lower-case hex."""
    return hmac.new(key.encode("ascii"), body, hashlib.sha256).hexdigest()


def poster() -> Post:
    """Make a `post` that speaks HTTP and waits five seconds, as Viber is thought to."""
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(total=TIMEOUT_SECONDS), retries=False, maxsize=WORKERS
    )

    def post(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            answer = pool.request("POST", url, body=body, headers=headers, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            return 0, b""
        return answer.status, answer.data

    return post
