"""The main job in a real browser: the console and the phone page, side by side."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tests.smoke_browser import Chromium, at, sign_in
from tests.smoke_desk import BUILD, Desk, Phone, must, same, until

if TYPE_CHECKING:
    from playwright.sync_api import Locator

NAME = "Ярина Мороз"
FIRST = "Доброго ранку! Чи можна замовити каву з собою? ☕"
ANSWER = "Звісно, за п'ять хвилин буде готова! 🥐"


class ConsoleJob:
    """The steps in their order, on a page for the console and one for the phone."""

    def __init__(self, desk: Desk, chromium: Chromium) -> None:
        self.desk = desk
        self._chromium = chromium
        context = chromium.context()
        self.console, self.phone_page = context.new_page(), context.new_page()
        self.yaryna: Phone
        self.ticket_id = ""

    def steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        yield "browser: a new phone writes on its page", self.write_on_phone
        yield "browser: an agent signs in, in Ukrainian", self.sign_in
        yield "browser: he reads the ticket", self.read
        yield "browser: he answers, and the phone shows it", self.answer
        yield "browser: delivered and seen come by themselves", self.marks
        yield "browser: what the phone writes and shows comes live", self.live
        yield "browser: a failed message says why, and the retry arrives", self.retry
        yield "browser: a note stays in the house", self.note
        yield "browser: status and assignee are set", self.work
        yield "browser: the language becomes English, and stays after a reload", self.language
        yield "browser: the clock page moves the clock", self.clock
        yield "browser: the API's page tells of the routes", self.docs
        yield "browser: signing out leaves nothing behind", self.sign_out
        yield "browser: no error, no violation of the policy, no failed request", self.clean

    def write_on_phone(self) -> None:
        self.yaryna = Phone(self.desk, NAME, country="UA")
        page = self.phone_page
        page.goto(f"{self.desk.told['phone_url']}#phone={self.yaryna.phone_id}")
        page.locator(f"[data-phone={self.yaryna.phone_id}][aria-selected=true]").wait_for()
        page.fill("#compose", FIRST)
        page.click("#send")
        page.locator(".bubble[data-author=person][data-state=delivered]").wait_for()

    def sign_in(self) -> None:
        page, agent = self.console, self.desk.person("agent")
        # A page behind another draws only once a second.
        page.bring_to_front()
        page.goto(self.desk.told["console_url"])
        sign_in(page, agent)
        self._at("ticket-list").wait_for()
        same(self._at("who").inner_text(), agent["name"], "who is signed in")
        same(page.locator("html").get_attribute("lang"), "uk", "the language")

    def read(self) -> None:
        self.ticket_id = self.desk.ticket_of(NAME)["ticket_id"]
        row = self._at("ticket-row", f"[data-ticket-id={self.ticket_id}]")
        row.wait_for()
        same(row.get_attribute("data-unread"), "true", "unread")
        self.console.screenshot(path=BUILD / "smoke-inbox.png")
        row.click()
        self._message("inbound", FIRST).wait_for()
        self._at("ticket-row", f"[data-ticket-id={self.ticket_id}][data-unread=false]").wait_for()

    def answer(self) -> None:
        self._at("composer-text").fill(ANSWER)
        self._at("composer-send").click()
        self._message("outgoing", ANSWER, "delivered").wait_for()
        bubble = self.phone_page.locator(".bubble[data-author=bot]", has_text=ANSWER)
        bubble.wait_for()
        same(self.yaryna.heard, [ANSWER], "the phone shows")

    def marks(self) -> None:
        self.phone_page.click("#read")
        self.console.bring_to_front()
        self._message("outgoing", ANSWER, "seen").wait_for()

    def live(self) -> None:
        self.yaryna.write("Дякую, вже біжу! 🏃‍♀️")
        self._message("inbound", "Дякую, вже біжу!").wait_for()
        self.phone_page.click("[data-send=picture]")
        self.console.bring_to_front()
        picture = self.console.locator("[data-testid=message][data-type=picture] img")
        picture.wait_for()
        until(lambda: picture.evaluate("image => image.naturalWidth > 0"), "the picture is drawn")
        self.console.screenshot(path=BUILD / "smoke-console.png")
        self.phone_page.screenshot(path=BUILD / "smoke-phone.png")

    def retry(self) -> None:
        text = "Ваше замовлення № 7"
        self.desk.faults({"refuse": 12})
        self._at("composer-text").fill(text)
        self._at("composer-send").click()
        failed = self._message("outgoing", text, "failed")
        failed.locator("[data-testid=failure]").wait_for()
        must(text not in self.yaryna.heard, "nothing arrived")
        self.console.screenshot(path=BUILD / "smoke-failed-message.png")
        failed.locator("[data-testid=retry]").click()
        self._message("outgoing", text, "delivered").wait_for()
        same(self.yaryna.heard.count(text), 1, "how often the phone got it")

    def note(self) -> None:
        text = "Любить з корицею"
        self._at("composer-notify").uncheck()
        self._at("composer-text").fill(text)
        self._at("composer-send").click()
        self._message("note", text).wait_for()
        self._at("composer-notify").check()
        must(text not in self.yaryna.heard, "the phone", self.yaryna.heard)

    def work(self) -> None:
        agent_id = self.desk.get("/v1/me")["person"]["person_id"]
        self._at("assignee-select").select_option(agent_id)
        self._at("status-select").select_option("accepted")
        self._at("ticket", "[data-status=accepted]").wait_for()
        until(lambda: self._stored("assignee_id") == agent_id, "the assignee is stored")
        until(lambda: self._stored("status") == "accepted", "the status is stored")

    def language(self) -> None:
        page = self.console
        before = self._at("composer-send").inner_text()
        self._at("language-select").first.select_option("en")
        page.locator("html[lang=en]").wait_for()
        must(self._at("composer-send").inner_text() != before, "the button speaks English", before)
        page.reload()
        self._message("outgoing", ANSWER, "seen").wait_for()
        page.locator("[data-testid=message][data-type=picture] img").wait_for()
        same(page.locator("html").get_attribute("lang"), "en", "the language after a reload")
        page.screenshot(path=BUILD / "smoke-english.png")

    def clock(self) -> None:
        page = self.phone_page
        page.bring_to_front()
        page.goto(self.desk.told["clock_url"])
        page.locator("[data-testid=day]").click()
        page.locator("#ahead", has_text="1 day ahead").wait_for()
        page.locator("[data-job=settle_messages]:not(:has-text('not yet'))").wait_for()
        page.screenshot(path=BUILD / "smoke-clock.png")
        page.locator("[data-testid=real]").click()
        page.locator("#ahead", has_text="On real time").wait_for()

    def docs(self) -> None:
        page = self.phone_page
        page.goto(f"{self.desk.told['api_url']}/docs")
        page.get_by_text("/v1/tickets/{ticket_id}/messages").first.wait_for()
        page.screenshot(path=BUILD / "smoke-docs.png")

    def sign_out(self) -> None:
        self.console.bring_to_front()
        self._at("sign-out").click()
        self._at("sign-in-email").wait_for()
        self.console.reload()
        self._at("sign-in-email").wait_for()

    def clean(self) -> None:
        self._chromium.is_clean()

    def _stored(self, name: str) -> Any:
        return self.desk.get(f"/v1/tickets/{self.ticket_id}")[name]

    def _at(self, testid: str, more: str = "") -> "Locator":
        return at(self.console, testid, more)

    def _message(self, kind: str, text: str, state: str | None = None) -> "Locator":
        wanted = f"[data-kind={kind}]" + (f"[data-state={state}]" if state else "")
        return self._at("message", wanted).filter(has_text=text)
