"""A demo in a process of its own, and what a smoke test does to it: API, phones, clock."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import urllib3

BUILD = Path(__file__).resolve().parent.parent / "build"
LOG = BUILD / "smoke.log"
STARTED_WITHIN_SECONDS = 60
STOPPED_WITHIN_SECONDS = 2.0
HAPPENS_WITHIN_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.05

T = TypeVar("T")


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


class Failed(AssertionError):
    """Something that had to happen did not."""


def must(is_true: object, what: str, *seen: object) -> None:
    if not is_true:
        raise Failed(f"{what}; seen: {', '.join(repr(one) for one in seen)}"[:2000])


def same(seen: object, wanted: object, what: str) -> None:
    if seen != wanted:
        raise Failed(f"{what}: wanted {wanted!r}, seen {seen!r}"[:2000])


def until(look: Callable[[], T | None], what: str, *, seconds: float = HAPPENS_WITHIN_SECONDS) -> T:
    """Look again and again until there is something true to see."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:.0f} s; last seen {found!r}")
        time.sleep(LOOK_EVERY_SECONDS)


class Desk:
    """The demo as a user starts it, on free ports, told in JSON."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self.http = urllib3.PoolManager(retries=False, timeout=15, maxsize=4)
        BUILD.mkdir(exist_ok=True)
        self.errors = BUILD / "smoke-stderr.log"
        self._process: subprocess.Popen[str] | None = None
        self.told: dict[str, Any] = {}
        self.tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "demo", "--port", "0", "--json", "--log", str(LOG)]
        with self.errors.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [*command, *self._options],
                cwd=BUILD.parent,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env=os.environ | {"PYTHONUTF8": "1"},
            )
        assert self._process.stdout is not None
        # What never says that it runs would keep us waiting for good.
        limit = threading.Timer(STARTED_WITHIN_SECONDS, self._process.kill)
        limit.start()
        line = self._process.stdout.readline()
        limit.cancel()
        must(line.startswith("{"), "the demo did not start", line, self.errors.read_text()[-1500:])
        self.told = json.loads(line)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self.http.clear()

    def stop(self) -> float:
        """Interrupt the demo as Ctrl-C does; returns how many seconds it took."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        status = self._process.wait(timeout=10)
        spent_seconds = time.monotonic() - begun
        same(status, 0, "exit status of the demo")
        must(spent_seconds <= STOPPED_WITHIN_SECONDS, "the demo stops soon", spent_seconds)
        return spent_seconds

    # The API, as an agent's or a program's.

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str | None = "agent",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Make one call as somebody of this role, with this API key, or (None) as nobody."""
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        if by is not None:
            sent["Authorization"] = f"Bearer {by if by.startswith('vd_') else self.token(by)}"
        raw = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self._answered(method, self.told["api_url"] + path, raw, sent)

    def get(self, path: str, *, by: str | None = "agent") -> Any:
        answer = self.call("GET", path, by=by)
        same(answer.status, 200, f"GET {path}")
        return answer.body

    def token(self, role: str) -> str:
        if role not in self.tokens:
            one = self.person(role)
            wanted = {"email": one["email"], "password": one["password"]}
            answer = self.call("POST", "/v1/sign-in", wanted, by=None)
            same(answer.status, 200, f"sign-in of {one['email']}")
            self.tokens[role] = answer.body["access_token"]
        return self.tokens[role]

    def person(self, role: str) -> Any:
        return next(one for one in self.told["sign_ins"] if one["role"] == role)

    def reply(
        self, ticket_id: str, *parts: Any, notify: bool = True, key: str = "", by: str = "agent"
    ) -> Answer:
        content = [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]
        return self.call(
            "POST",
            f"/v1/tickets/{ticket_id}/messages",
            {"parts": content, "notify": notify},
            by=by,
            headers={"Idempotency-Key": key or str(uuid.uuid4())},
        )

    def say(self, ticket_id: str, *parts: Any) -> list[str]:
        """Reply, and give the ids of the messages it became."""
        answer = self.reply(ticket_id, *parts)
        same(answer.status, 202, f"the reply is accepted ({answer.body})")
        return [message["message_id"] for message in answer.body["messages"]]

    def thread(self, ticket_id: str) -> list[Any]:
        """Read a ticket's messages, oldest first."""
        found: list[Any] = self.get(f"/v1/tickets/{ticket_id}/messages?limit=200")["items"]
        return found[::-1]

    def message(self, ticket_id: str, message_id: str) -> Any:
        return next(m for m in self.thread(ticket_id) if m["message_id"] == message_id)

    def becomes(self, ticket_id: str, message_id: str, *states: str) -> Any:
        """Wait until a message is in one of these states, and give it."""

        def look() -> Any:
            message = self.message(ticket_id, message_id)
            return message if message["delivery"]["state"] in states else None

        return until(look, f"{message_id} becomes {' or '.join(states)}")

    def ticket_of(self, name: str) -> Any:
        """Wait until a customer has a ticket, and give it."""

        def look() -> Any:
            items = self.get("/v1/tickets?limit=200")["items"]
            return next((one for one in items if one["contact_name"] == name), None)

        return until(look, f"{name} has a ticket")

    # Viber and the clock.

    def viber(self, method: str, path: str, body: Any = None) -> Any:
        """Call the emulator's control API."""
        raw = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        answer = self._answered(method, f"{self.told['viber_url']}/control{path}", raw, {})
        same(answer.status, 200, f"{method} /control{path} ({answer.body})")
        return answer.body

    @property
    def bot(self) -> Any:
        """Give the bot as Viber sees it."""
        bots = self.viber("GET", "/state")["bots"]
        return next(bot for bot in bots if bot["uri"] == self.told["bot_uri"])

    def faults(self, *faults: dict[str, Any]) -> None:
        self.viber("POST", f"/bots/{self.told['bot_uri']}/faults", {"next": list(faults)})

    def clock(self, **move: Any) -> Any:
        """Move the business clock."""
        raw = json.dumps(move).encode()
        url = f"{self.told['clock_url']}/state"
        answer = self._answered("POST", url, raw, {"Content-Type": "application/json"})
        same(answer.status, 200, f"the clock moves ({answer.body})")
        return answer.body

    def fetch(self, url: str) -> tuple[bytes, Any]:
        answer = self.http.request("GET", url)
        same(answer.status, 200, url)
        return answer.data, answer.headers

    def _answered(
        self, method: str, url: str, raw: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = self.http.request(method, url, body=raw, headers=headers, redirect=False)
        is_json = "json" in answer.headers.get("Content-Type", "")
        body = json.loads(answer.data) if is_json and answer.data else answer.data
        return Answer(answer.status, body, answer.headers)


class Phone:
    """Somebody's phone in front of the demo's bot, by the emulator's control API."""

    def __init__(self, desk: Desk, name: str, **profile: Any) -> None:
        self._desk = desk
        self.name = name
        self.uri: str = desk.told["bot_uri"]
        self.phone_id = desk.viber("POST", "/phones", {"name": name, **profile})["id"]

    def write(self, content: str | dict[str, Any]) -> str:
        """Write to the bot; gives the message's token."""
        said = {"type": "text", "text": content} if isinstance(content, str) else content
        told = self._desk.viber(
            "POST", f"/phones/{self.phone_id}/messages", {"bot": self.uri, **said}
        )
        return str(told["message_token"])

    def act(self, what: str, **more: Any) -> None:
        """Open, read, subscribe or unsubscribe."""
        self._desk.viber("POST", f"/phones/{self.phone_id}/{what}", {"bot": self.uri, **more})

    def set(self, **changes: Any) -> None:
        self._desk.viber("POST", f"/phones/{self.phone_id}/settings", changes)

    @property
    def chat(self) -> Any:
        return self._desk.viber("GET", f"/phones/{self.phone_id}/chats/{self.uri}")

    @property
    def heard(self) -> list[str]:
        """Give the texts that the bot sent, in their order on the phone."""
        messages = self.chat["messages"]
        return [m["message"].get("text", "") for m in messages if m["author"] == "bot"]
