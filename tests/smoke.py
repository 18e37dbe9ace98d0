"""The smoke test: the demo as a user starts it, the main job over HTTP, in a browser, the money.

python -m tests.smoke prints a time line and at its end one line with figures; it exits with 0
only when everything happened.
"""

import json
import re
import shutil
import sys
import time
from collections.abc import Callable

from tests.smoke_browser import BROWSERS, Chromium
from tests.smoke_console import ConsoleJob
from tests.smoke_desk import LOG, Desk, must
from tests.smoke_http import MainJob
from tests.smoke_money import MoneyJob

CALLBACK = re.compile(r" POST /viber/\S+ (\d+) ")


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class TimeLine:
    """Runs steps one after another and prints each with its time."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self.steps = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def take(self, what: str, act: Callable[[], object]) -> object:
        begun = self.seconds
        try:
            found = act()
        except BaseException:
            tell(f"{begun:6.1f}  FAILED  {what}")
            raise
        self.steps += 1
        tell(f"{begun:6.1f}  ok      {what}")
        return found


def main() -> int:
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        tell("smoke: FAILED: there is no Chromium here; apt-get install chromium")
        return 1
    line = TimeLine()
    desk = Desk()
    try:
        line.take("the demo starts on free ports", desk.__enter__)
        for what, act in MainJob(desk).steps():
            line.take(what, act)
        with Chromium(chromium) as browser:
            for what, act in ConsoleJob(desk, browser).steps():
                line.take(what, act)
        callbacks, delivered = _callbacks(), _delivered(desk)
        line.take("no function failed, nothing was printed to stderr", lambda: _is_clean(desk))
        line.take("the demo stops within two seconds", desk.stop)
        desk = Desk("--empty")
        line.take("the demo starts empty, for the money", desk.__enter__)
        with Chromium(chromium) as browser:
            for what, act in MoneyJob(desk, browser, tell).steps():
                line.take(what, act)
        line.take("no function failed over the money", lambda: _is_clean(desk))
        line.take("it stops again", desk.stop)
    except Exception as error:  # noqa: BLE001
        # Whatever failed is this test's result, and its last line says so.
        tell(f"\n{type(error).__name__}: {error}\n")
        if desk.errors.exists():
            tell(desk.errors.read_text(encoding="utf-8")[-3000:])
        tell(f"smoke: FAILED after {line.steps} steps, {line.seconds:.1f} s; see {LOG}")
        return 1
    finally:
        desk.__exit__(None, None, None)
    tell(
        f"smoke: ok: {line.steps} steps, {callbacks} callbacks sent, "
        f"{delivered} messages delivered, {line.seconds:.1f} s"
    )
    return 0


def _callbacks() -> int:
    """Count what reached the webhook, by the gateway's own log."""
    return sum(bool(CALLBACK.search(row)) for row in LOG.read_text(encoding="utf-8").splitlines())


def _delivered(desk: Desk) -> int:
    phones = desk.viber("GET", "/state")["phones"]
    return sum(
        message["author"] == "bot" and message["state"] in ("delivered", "seen")
        for phone in phones
        for chat in phone["chats"].values()
        for message in chat["messages"]
    )


def _is_clean(desk: Desk) -> None:
    rows = LOG.read_text(encoding="utf-8").splitlines()
    bad = [row for row in rows if " ERROR " in row or _level(row) in ("ERROR", "CRITICAL")]
    must(not bad, "errors in the log", *bad[:3])
    printed = desk.errors.read_text(encoding="utf-8")
    must(not printed, "on stderr", printed[:1500])


def _level(row: str) -> str:
    return str(json.loads(row).get("level")) if row.startswith("{") else ""


if __name__ == "__main__":
    sys.exit(main())
