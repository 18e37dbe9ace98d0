"""Headless Chromium, as all tests start it, and the smoke test's own.

Whatever goes wrong on any of its pages is remembered.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tests.smoke_desk import BUILD, must

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 15_000


class Chromium:
    """One browser, with a context for each person who uses it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.troubles: list[str] = []

    def __enter__(self) -> Self:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=self._path, args=ARGUMENTS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            pages = [page for context in self._browser.contexts for page in context.pages]
            for number, page in enumerate(pages):
                page.screenshot(path=BUILD / f"smoke-failed-{number}.png")
        self._browser.close()
        self._playwright.stop()

    def context(self) -> "BrowserContext":
        """Open what shares sign-ins and storage with nobody: a person at a screen in Kyiv."""
        context = self._browser.new_context(
            locale="uk-UA", timezone_id="Europe/Kyiv", viewport={"width": 1280, "height": 860}
        )
        context.set_default_timeout(WAIT_MS)
        context.on("page", self._watch)
        return context

    def close_pages(self) -> None:
        """Let everybody leave his screen."""
        for context in self._browser.contexts:
            context.close()

    def is_clean(self) -> None:
        """Fail if a page had an error, a warning, or a request that failed."""
        must(not self.troubles, "the pages are without trouble", *self.troubles[:5])

    def _watch(self, page: "Page") -> None:
        def hear(message: Any) -> None:
            if message.type in ("error", "warning"):
                self.troubles.append(f"{message.type}: {message.text}")

        def refused(response: Any) -> None:
            if response.status >= 400:
                self.troubles.append(f"{response.status} {response.url}")

        def failed(request: Any) -> None:
            # The console drops a question whose answer it no longer needs.
            if request.failure != "net::ERR_ABORTED":
                self.troubles.append(f"{request.failure} {request.url}")

        page.on("console", hear)
        page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        page.on("response", refused)
        page.on("requestfailed", failed)


def at(page: "Page", testid: str, more: str = "") -> "Locator":
    """Find an element of the console by its test id."""
    return page.locator(f"[data-testid={testid}]{more}")


def sign_in(page: "Page", person: Any) -> None:
    """Fill in the console's form of signing in, and send it."""
    at(page, "sign-in-email").fill(person["email"])
    at(page, "sign-in-password").fill(person["password"])
    at(page, "sign-in-submit").click()
