"""The business clock: moved from a page, so that month ends and expiries can be watched."""

import json
import math
import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from demo.servers import Answer, Request

VARIABLE = "CLOCK_OFFSET_SECONDS"
# The platform's own zone: its fees are due by this calendar.
KYIV = ZoneInfo("Europe/Kyiv")
BEFORE_MONTH_END = timedelta(days=5)
# Beyond this Python's own dates would end before long.
AHEAD_MAX = timedelta(days=366 * 50)

PAGES = Path(__file__).parent / "pages"
FILES = {
    "/clock": ("clock.html", "text/html; charset=utf-8"),
    "/clock/clock.js": ("clock.js", "text/javascript; charset=utf-8"),
    "/clock/clock.css": ("clock.css", "text/css; charset=utf-8"),
}
BODY_MAX_BYTES = 10_000
HEADERS = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """POST /clock/state: how far ahead of now, or to which named instant."""

    ahead_seconds: int = 0
    to: Literal["", "month-end", "real"] = ""


class Clock:
    """Business time: real time and how far it was moved, which the environment carries."""

    def __init__(self, real_now: Callable[[], datetime]) -> None:
        self._real_now = real_now
        self._lock = threading.Lock()

    @property
    def ahead(self) -> timedelta:
        """Tell how far business time is ahead of real time."""
        return timedelta(seconds=float(os.environ.get(VARIABLE, "0")))

    def now(self) -> datetime:
        """Tell the business's instant, in UTC."""
        return self._real_now() + self.ahead

    def set(self, ahead: timedelta) -> None:
        """Be this far ahead of real time; raise ValueError when that is too far."""
        if not -AHEAD_MAX <= ahead <= AHEAD_MAX:
            raise ValueError(f"ahead_seconds: at most {AHEAD_MAX.days // 366} years")
        os.environ[VARIABLE] = str(round(ahead.total_seconds()))

    def move(self, by: timedelta) -> None:
        """Go forward by this much."""
        with self._lock:
            self.set(self.ahead + by)

    def go_near_month_end(self) -> None:
        """Go forward to five days before the end of a month in Kyiv, this one or the next."""
        with self._lock:
            seconds = (near_month_end(self.now()) - self._real_now()).total_seconds()
            # Whole seconds, and never a moment of the day before.
            self.set(timedelta(seconds=math.ceil(seconds)))


def near_month_end(now: datetime) -> datetime:
    """Find the next instant after `now` that lies five Kyiv days before a month's end."""
    here = now.astimezone(KYIV)
    first = here.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while True:
        first = (first + timedelta(days=32)).replace(day=1)
        # Days of the calendar, so that the hour stays when the clocks change.
        goal = first - BEFORE_MONTH_END
        if goal > here:
            return goal.astimezone(now.tzinfo)


class ClockPage:
    """The page that shows and moves the clock, and its JSON for tests.

    links: title and address of the demo's other pages. jobs: tells the schedules' last runs.
    """

    def __init__(
        self,
        clock: Clock,
        links: Callable[[], list[tuple[str, str]]],
        jobs: Callable[[], list[dict[str, Any]]],
    ) -> None:
        self._clock = clock
        self._links = links
        self._jobs = jobs

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        path = request.target.partition("?")[0].rstrip("/")
        if path == "" and request.method == "GET":
            return Answer(302, [*HEADERS, ("Location", "/clock")])
        if path in FILES and request.method in ("GET", "HEAD"):
            name, media_type = FILES[path]
            body = (PAGES / name).read_bytes()
            return Answer(200, [*HEADERS, ("Content-Type", media_type)], body)
        if path == "/clock/state" and request.method == "GET":
            return _json(200, self._state())
        if path == "/clock/state" and request.method == "POST":
            return self._move(request)
        return _json(404, {"error": f"{request.method} {path}: no such page; /clock is one"})

    def _move(self, request: Request) -> Answer:
        # Another site's form cannot send this type, so it cannot move the clock.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _json(415, {"error": "Content-Type: application/json"})
        try:
            move = msgspec.json.decode(request.body or b"", type=Move)
            if move.to == "real":
                self._clock.set(timedelta())
            elif move.to == "month-end":
                self._clock.go_near_month_end()
            else:
                self._clock.move(timedelta(seconds=move.ahead_seconds))
        except (msgspec.MsgspecError, ValueError, OverflowError) as error:
            return _json(400, {"error": str(error)})
        return _json(200, self._state())

    def _state(self) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "now": instant(now),
            "kyiv": now.astimezone(KYIV).isoformat(timespec="milliseconds"),
            "ahead_seconds": round(self._clock.ahead.total_seconds()),
            "links": [{"title": title, "url": url} for title, url in self._links()],
            "jobs": self._jobs(),
        }


def instant(at: datetime) -> str:
    """Write an instant in RFC 3339, UTC, with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(status: int, value: Any) -> Answer:
    body = json.dumps(value, ensure_ascii=False).encode()
    return Answer(status, [*HEADERS, ("Content-Type", "application/json")], body)
