"""One demo and one Chromium for all tests of the console, and a person's tab in it.

A tab hears whatever goes wrong on it: errors and warnings in the browser's console, exceptions,
violations of the Content-Security-Policy, requests that fail. Its test fails for any of them
that it has not foreseen.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests import smoke_desk
from tests.smoke_browser import ARGUMENTS, BROWSERS
from tests.smoke_desk import Phone, must, same, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

NO_BROWSER = "There is no Chromium here, and the console is tested in one: apt-get install chromium"
WAIT_MS = 20_000
# Chromium's own words about a violation differ from version to version.
WATCH = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`violation of ${event.violatedDirective}: ${event.blockedURI}`);
});
"""


class Demo(smoke_desk.Desk):
    """The demo with people and nothing else, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.errors = folder / "stderr.log"
        self.log = folder / "demo.log"
        self._made = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "demo", "--port", "0", "--empty", "--json"]
        with self.errors.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [*command, "--log", str(self.log)],
                cwd=smoke_desk.BUILD.parent,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env=os.environ | {"PYTHONUTF8": "1"},
            )
        assert self._process.stdout is not None
        limit = threading.Timer(smoke_desk.STARTED_WITHIN_SECONDS, self._process.kill)
        limit.start()
        line = self._process.stdout.readline()
        limit.cancel()
        must(line.startswith("{"), "the demo did not start", line, self.errors.read_text()[-1500:])
        self.told = json.loads(line)
        return self

    def new_viber_bot(self, name: str) -> Any:
        """Let Viber have one more bot, that nobody has connected."""
        self._made += 1
        return self.viber("POST", "/bots", {"name": name, "uri": f"bot-{self._made}"})

    def new_bot(self, name: str) -> "Bot":
        """Connect a bot that is the calling test's own, and older than the commercial model."""
        made = self.new_viber_bot(name)
        given = {"key": made["key"], "made_on": "2023-11-30"}
        answer = self.call("POST", "/v1/bots", given, by="admin")
        same(answer.status, 201, f"the bot is connected ({answer.body})")
        path = f"/v1/accounts/{self.told['account_id']}/bots/{answer.body['bot_id']}/legacy"
        confirmed = self.call("POST", path, {"confirmed": True}, by="operator")
        same(confirmed.status, 200, f"the bot is old ({confirmed.body})")
        return Bot(self, answer.body["bot_id"], made["uri"])

    def at_viber(self, uri: str) -> Any:
        """Show a bot as Viber has it."""
        return next(bot for bot in self.viber("GET", "/state")["bots"] if bot["uri"] == uri)


class Bot:
    """A connected bot, and the phones in front of it."""

    def __init__(self, demo: Demo, bot_id: str, uri: str) -> None:
        self.demo = demo
        self.bot_id = bot_id
        self.uri = uri

    def phone(self, name: str, **profile: Any) -> Phone:
        phone = Phone(self.demo, name, **profile)
        phone.uri = self.uri
        return phone

    def faults(self, *faults: dict[str, Any]) -> None:
        """Say what goes wrong with the next sends."""
        self.demo.viber("POST", f"/bots/{self.uri}/faults", {"next": list(faults)})

    def ticket(self) -> Any:
        """Wait until the bot has a ticket, and give the one spoken to last."""

        def look() -> Any:
            return self.demo.get(f"/v1/tickets?bot_id={self.bot_id}")["items"]

        return until(look, "the bot has a ticket")[0]


class Console:
    """Somebody's tab with the console."""

    def __init__(self, demo: Demo, page: "Page") -> None:
        self.demo = demo
        self.page = page
        self.troubles: list[str] = []
        self._foreseen: list[re.Pattern[str]] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        page.on("response", self._answered)
        page.on("requestfailed", self._failed)
        page.on("dialog", self._asked)

    @property
    def hash(self) -> str:
        return "#" + self.page.url.partition("#")[2]

    def foresee(self, trouble: str) -> None:
        """Take a trouble that begins like this pattern as part of the test."""
        self._foreseen.append(re.compile(trouble))

    def check(self) -> None:
        """Fail with whatever went wrong on the page."""
        bad = [each for each in self.troubles if not any(p.match(each) for p in self._foreseen)]
        must(not bad, "the page is without trouble", *bad[:5])

    def open(self, to: str = "#/inbox") -> None:
        """Go to a page of the console by its hash."""
        self.page.goto(self.demo.told["console_url"] + to)

    def sign_in(self, role: str) -> None:
        """Sign in on the page that asks for it."""
        one = self.demo.person(role)
        self.open("")
        self.at("sign-in-email").fill(one["email"])
        self.at("sign-in-password").fill(one["password"])
        self.at("sign-in-submit").click()
        self.at("who").get_by_text(one["name"], exact=True).wait_for()

    def at(self, testid: str, more: str = "") -> "Locator":
        return self.page.locator(f"[data-testid={testid}]{more}")

    def row(self, ticket_id: str) -> "Locator":
        return self.at("ticket-row", f"[data-ticket-id={ticket_id}]")

    def message(self, text: str, kind: str = "inbound", state: str | None = None) -> "Locator":
        """Find the message with this text."""
        wanted = f"[data-kind={kind}]" + (f"[data-state={state}]" if state else "")
        return self.at("message", wanted).filter(has_text=text)

    def write(self, text: str, *, notify: bool = True) -> None:
        """Send what is typed, with or without the mark."""
        self.at("composer-notify").set_checked(notify)
        self.at("composer-text").fill(text)
        self.at("composer-send").click()

    def drawn(self, picture: "Locator") -> str:
        """Wait until a picture is really there to be seen; give its address."""
        picture.wait_for()
        until(lambda: picture.evaluate("image => image.naturalWidth > 0"), "the picture is drawn")
        return picture.get_attribute("src") or ""

    def _hear(self, message: Any) -> None:
        # An answer with an error status is heard as an answer, with its method.
        is_answer = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not is_answer:
            self.troubles.append(f"{message.type}: {message.text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            path = response.url.removeprefix(self.demo.told["api_url"])
            self.troubles.append(f"{response.status} {response.request.method} {path}")

    def _asked(self, dialog: Any) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.accept()

    def _failed(self, request: Any) -> None:
        # The console drops a question whose answer it no longer needs.
        if request.failure != "net::ERR_ABORTED":
            self.troubles.append(f"{request.failure} {request.method} {request.url}")


class Chromium:
    """The browser, and who has signed in with it."""

    def __init__(self, demo: Demo, browser: "Browser") -> None:
        self._demo = demo
        self._browser = browser
        self._signed_in: dict[str, Any] = {}

    @contextlib.contextmanager
    def tab(self, role: str | None = None, **options: Any) -> Iterator[Console]:
        """Give a tab of somebody with this role, signed in once per session, or of nobody."""
        kept = None if role is None else self._sign_in(role)
        with self._context(storage_state=kept, **options) as context:
            console = Console(self._demo, context.new_page())
            yield console
        console.check()

    def _sign_in(self, role: str) -> Any:
        if role not in self._signed_in:
            with self._context() as context:
                console = Console(self._demo, context.new_page())
                console.sign_in(role)
                self._signed_in[role] = context.storage_state()
            console.check()
        return self._signed_in[role]

    @contextlib.contextmanager
    def _context(self, **options: Any) -> Iterator["BrowserContext"]:
        context = self._browser.new_context(
            locale="uk-UA",
            timezone_id="Europe/Kyiv",
            viewport={"width": 1280, "height": 860},
            **options,
        )
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(WATCH)
        try:
            yield context
        finally:
            context.close()


Tab = Callable[..., contextlib.AbstractContextManager[Console]]


@pytest.fixture(scope="session")
def running_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo, with its people only, for all tests of the console."""
    with Demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="session")
def chromium(running_demo: Demo) -> Iterator[Chromium]:
    """Run Chromium for all tests of the console."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(NO_BROWSER, pytrace=False)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield Chromium(running_demo, browser)
        finally:
            browser.close()


@pytest.fixture
def admin(chromium: Chromium) -> Iterator[Console]:
    """Give a tab with the account's admin signed in."""
    with chromium.tab("admin", permissions=["clipboard-read", "clipboard-write"]) as console:
        yield console


@pytest.fixture
def agent(chromium: Chromium) -> Iterator[Console]:
    """Give a tab with an agent signed in."""
    with chromium.tab("agent") as console:
        yield console
