"""The money: applied for in a browser, then paid, talked away, charged by the month, run dry.

The demo begins empty, on the third of a month, so every figure is known beforehand; at the end
the statement is printed, and each of its lines has to be one that was foreseen.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.smoke_browser import Chromium, at, sign_in
from tests.smoke_desk import BUILD, Desk, Phone, same, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

Step = tuple[str, Callable[[], object]]
FORM: dict[str, Any] = {
    "has_read_terms": True,
    "first_name": "Olena",
    "last_name": "Tkachenko",
    "work_email": "olena@khlib.example",
    "country": "UA",
    "company_name": "Bread and Salt Bakery",
    "company_website": "https://khlib.example",
    "has_business_account": False,
    "company_type": "bot_owner",
    "inquiry": "We bake bread in Kyiv and want to answer our customers on Viber.",
}
TOP_UP, SESSIONS_FEE, SESSION, MESSAGE = "900.00", "30.00", "0.04", "0.0196"


class MoneyJob:
    """The steps in their order, and what the statement has to say after them."""

    def __init__(self, desk: Desk, chromium: Chromium, tell: Callable[[str], None]) -> None:
        self.desk = desk
        self._chromium = chromium
        self._tell = tell
        self.foreseen: list[tuple[str, str]] = []

    def steps(self) -> Iterator[Step]:
        yield "money: the clock goes to the third of a month", self.begin
        yield "money: without 400 EUR no request is taken", self.too_poor
        yield "money: a top-up is paid once, though Stripe tells it twice", self.top_up
        yield "money, browser: an admin applies for the first bot", self.apply
        yield "money, browser: an operator reads it and approves", self.approve
        yield "money, browser: the admin sees his bot, and no page had trouble", self.approved
        yield "money: decided once, whatever is said later", self.decided
        yield "money: its key is pasted", self.connected
        yield "money: a refused request gives its deposit back", self.refused
        yield "money: in the free window an answer costs nothing", self.free
        yield "money: outside of it the country's price is held, then spent", self.paid
        yield "money: sessions are turned on with a fee and a price", self.sessions_on
        yield "money: a session opens with the answer and is paid once", self.session
        yield "money: the 61st message renews it", self.renewed
        yield "money: the 11th unanswered closes it and pays the normal price", self.closed
        yield "money: the fees of the next month, on the charge day", self.fees
        yield "money: cancelled, the bot works to the month's end, then no more", self.cancel
        yield "money: a payment taken back leaves a debt; nothing paid goes", self.dry
        yield "money: a top-up pays the debt first, and talk goes on", self.again
        yield "money: the statement, line by line", self.statement
        yield "money: the books are in order", self.audit

    # Where the money comes from.

    def begin(self) -> None:
        self.desk.clock(ahead_seconds=self._until_the_third())
        me = self.desk.get("/v1/me", by="admin")
        self.account_id = me["account"]["account_id"]
        self.has(available="0.00", held="0.00", set_aside="0.00")

    def _until_the_third(self) -> int:
        now = datetime.now(UTC)
        month = (now.replace(day=1) + timedelta(days=32)).replace(day=3, hour=9, minute=0)
        return round((month - now).total_seconds())

    def too_poor(self) -> None:
        answer = self._apply()
        same(answer.status, 409, f"a request without money ({answer.body})")
        same(_kind(answer), "insufficient-funds", "why")
        same(self._call("GET", "/v1/requests").body["items"], [], "requests")

    def top_up(self) -> None:
        self._pay_in(TOP_UP)
        self.has(available="900.00")

    def _pay_in(self, amount: str) -> str:
        answer = self._post("/v1/top-ups", {"amount": _eur(amount)})
        same(answer.status, 201, f"a top-up ({answer.body})")
        page = self.desk.http.request(
            "POST", answer.body["checkout_url"], fields={"act": "pay"}, encode_multipart=False
        )
        same(page.status, 200, "the checkout page")
        self.foreseen.append(("top-up", amount))
        path = f"/v1/top-ups/{answer.body['top_up_id']}"
        return str(until(lambda: _paid(self.desk.get(path, by="admin")), "the top-up is paid"))

    # The bot.

    def apply(self) -> None:
        page = self._page("admin", "#/me/viber-commercial/requests/new")
        self._admin_page = page
        for name, value in FORM.items():
            field = at(page, f"form-{name.replace('_', '-')}")
            if name in ("country", "company_type"):
                field.select_option(value)
            elif isinstance(value, bool):
                field.get_by_label("Так" if value else "Ні").check()
            else:
                field.fill(value)
        page.screenshot(path=BUILD / "smoke-request.png", full_page=True)
        at(page, "request-submit").click()
        at(page, "request", "[data-state=waiting]").wait_for()
        (self._request,) = self._call("GET", "/v1/requests").body["items"]
        same(self._request["form"] | FORM, self._request["form"], "what was asked")
        self.has(available="500.00", held="400.00")

    def approve(self) -> None:
        page = self._page("operator", "#/desk/requests")
        one = at(page, "desk-request", f"[data-request-id={self._request['request_id']}]")
        one.get_by_text(FORM["inquiry"]).wait_for()
        page.screenshot(path=BUILD / "smoke-decision.png", full_page=True)
        one.locator("[data-testid=decision-reason]").fill("Welcome.")
        one.locator("[data-testid=approve]").click()
        at(page, "confirm-yes").click()
        one.wait_for(state="detached")
        at(page, "state-approved").click()
        one.wait_for()
        self.has(available="500.00", held="0.00", set_aside="200.00")
        self.foreseen += [("deposit", "0.00"), ("activation", "-200.00"), ("set-aside", "0.00")]

    def approved(self) -> None:
        page = self._admin_page
        page.reload()
        request = at(page, "request", f"[data-request-id={self._request['request_id']}]")
        request.get_by_text("Welcome.").wait_for()
        same(request.get_attribute("data-state"), "approved", "the request")
        page.screenshot(path=BUILD / "smoke-approved.png", full_page=True)
        self._chromium.is_clean()
        # The clock leaps from here on, and leaves no sign-in standing.
        self._chromium.close_pages()

    def decided(self) -> None:
        again = self._decision(self._request, "refused", "")
        same((again.status, _kind(again)), (409, "already-decided"), "a second decision")
        self.has(available="500.00", held="0.00", set_aside="200.00")

    def connected(self) -> None:
        self.bot = self._connected("Замовлення хліба", "smoke-orders")
        same(self.bot["plan"]["plan"], "commercial", "the plan")

    def refused(self) -> None:
        request = self._asked()
        self.has(available="100.00", held="400.00")
        self._decide(request, "refused", "The website does not answer.")
        self.has(available="500.00", held="0.00")
        listed = self._call("GET", "/v1/requests").body["items"]
        same((listed[0]["state"], listed[0]["refund"]), ("refused", _eur("400.00")), "the list")
        self.foreseen += [("deposit", "0.00"), ("deposit-returned", "0.00")]

    def _page(self, role: str, path: str) -> "Page":
        page = self._chromium.context().new_page()
        page.goto(self.desk.told["console_url"] + path)
        sign_in(page, self.desk.person(role))
        return page

    def _asked(self) -> Any:
        answer = self._apply()
        same(answer.status, 201, f"a request ({answer.body})")
        return answer.body

    def _apply(self) -> Any:
        return self._post("/v1/requests", {"purpose": "new", "form": FORM})

    def _decide(self, request: Any, decision: str, reason: str) -> None:
        answer = self._decision(request, decision, reason)
        same((answer.status, answer.body["state"]), (200, decision), "the decision")

    def _decision(self, request: Any, decision: str, reason: str) -> Any:
        path = f"/v1/accounts/{self.account_id}/requests/{request['request_id']}/decision"
        return self._call("POST", path, {"decision": decision, "reason": reason}, by="operator")

    def _connected(self, name: str, uri: str) -> Any:
        waiting = self._call("GET", "/v1/bots").body["items"]
        bot_id = next(bot["bot_id"] for bot in waiting if bot["state"] == "awaiting_key")
        made = self.desk.viber("POST", "/bots", {"name": name, "uri": uri})
        answer = self._call("POST", "/v1/bots", {"key": made["key"], "bot_id": bot_id})
        same(answer.status, 201, f"the key is pasted ({answer.body})")
        return answer.body

    # Messages.

    def free(self) -> None:
        self.phone = self._phone("Дарина Шевчук", "smoke-orders")
        self.phone.write("Доброго дня! Чи є хліб?")
        self.ticket_id = self.desk.ticket_of("Дарина Шевчук")["ticket_id"]
        quote = self._quote(self.ticket_id)
        same((quote["price"], quote["meter"]["kind"]), (_eur("0.00"), "free"), "the quote")
        self._delivered(self.ticket_id, "Так, щойно з печі")
        self.has(available="500.00", held="0.00")

    def paid(self) -> None:
        self._wait(hours=25)
        same(self._quote(self.ticket_id)["price"], _eur(MESSAGE), "the quote")
        self.phone.set(online=False)
        (message_id,) = self.desk.say(self.ticket_id, "Завтра знижка на житній")
        self.has(available="499.9804", held=MESSAGE)
        self.phone.set(online=True)
        self.desk.becomes(self.ticket_id, message_id, "delivered")
        self.has(available="499.9804", held="0.00")
        self.foreseen.append(("message", f"-{MESSAGE}"))

    def _phone(self, name: str, uri: str) -> Phone:
        phone = Phone(self.desk, name, country="UA")
        phone.uri = uri
        return phone

    def _quote(self, ticket_id: str) -> Any:
        body = {"parts": [{"type": "text", "text": "Так"}]}
        answer = self.desk.call("POST", f"/v1/tickets/{ticket_id}/quote", body)
        same(answer.status, 200, "a quote")
        return answer.body

    def _delivered(self, ticket_id: str, *parts: str) -> None:
        for message_id in self.desk.say(ticket_id, *parts):
            self.desk.becomes(ticket_id, message_id, "delivered", "seen")

    # Sessions.

    def sessions_on(self) -> None:
        path = f"/v1/accounts/{self.account_id}/bots"
        made = self._call("POST", path, {"name": "Підтримка"}, by="operator")
        same(made.status, 201, f"a business bot ({made.body})")
        terms = {"on": True, "fee": _eur(SESSIONS_FEE), "price": _eur(SESSION)}
        path = f"{path}/{made.body['bot_id']}/sessions"
        answer = self._call("PUT", path, terms, by="operator")
        same(answer.status, 200, f"sessions on ({answer.body})")
        self.foreseen.append(("sessions-fee", f"-{SESSIONS_FEE}"))
        self.business = self._connected("Підтримка", "smoke-support")
        self.desk.viber("POST", "/bots/smoke-support/settings", {"tells_billing": False})
        self.has(available="469.9804")

    def session(self) -> None:
        self.caller = self._phone("Богдан Савчук", "smoke-support")
        self.caller.write("У мене питання")
        self.talk_id = self.desk.ticket_of("Богдан Савчук")["ticket_id"]
        same(self._quote(self.talk_id)["parts"][0]["kind"], "opens-session", "the quote")
        self._delivered(self.talk_id, "Слухаємо вас")
        self.has(available="469.9404", held="0.00")
        self.foreseen.append(("session", f"-{SESSION}"))
        live = self.desk.get("/v1/sessions?view=live")["items"]
        same([(one["state"], one["sent"]) for one in live], [("open", 1)], "live sessions")

    def renewed(self) -> None:
        said = 1
        while said < 60:
            count = min(9, 60 - said)
            self._answered()
            self._delivered(self.talk_id, *[f"Крок {said + n + 1}" for n in range(count)])
            said += count
        self._answered()
        self.has(available="469.9404")
        same(self._quote(self.talk_id)["parts"][0]["kind"], "renews-session", "the 61st")
        self._delivered(self.talk_id, "Крок 61")
        self.has(available="469.9004", held="0.00")
        self.foreseen.append(("session", f"-{SESSION}"))
        past = self.desk.get("/v1/sessions?view=closed")["items"]
        same([(one["reason"], one["sent"]) for one in past], [("limit", 60)], "past sessions")

    def _answered(self) -> None:
        """Let the customer answer, later than what was said to him."""
        self._wait(minutes=1)
        before = len(self.desk.thread(self.talk_id))
        self.caller.write("Так, далі")
        until(lambda: len(self.desk.thread(self.talk_id)) > before, "his answer is here")

    def closed(self) -> None:
        self._delivered(self.talk_id, *[f"Ще {n}" for n in range(9)])
        same(self._quote(self.talk_id)["parts"][0]["kind"], "bot-initiated", "the 11th")
        self._delivered(self.talk_id, "Одинадцяте без відповіді")
        self.has(available="469.8808", held="0.00")
        self.foreseen.append(("message", f"-{MESSAGE}"))
        past = self.desk.get("/v1/sessions?view=closed")["items"]
        same(past[0]["reason"], "unanswered", "why it closed")

    # Months.

    def fees(self) -> None:
        due = self._call("GET", f"/v1/bots/{self.bot['bot_id']}").body["plan"]["next_fee"]
        self._to(due["due_at"], minutes=10)
        self.foreseen += [("maintenance-fee", "-100.00"), ("sessions-fee", f"-{SESSIONS_FEE}")]
        until(lambda: self._sum("sessions-fee") == Decimal("-60"), "the fees are taken")
        self.has(available="439.8808", set_aside="100.00")

    def cancel(self) -> None:
        path = f"/v1/bots/{self.bot['bot_id']}"
        answer = self._call("POST", f"{path}/cancel")
        same(answer.status, 200, f"cancelled ({answer.body})")
        same(self._call("POST", f"{path}/cancel").status, 200, "cancelled twice")
        self.has(available="539.8808", set_aside="0.00")
        self.foreseen.append(("set-aside-returned", "0.00"))
        ends_at = answer.body["plan"]["ends_at"]
        # The next month was paid for when it was cancelled, so that is when it ends.
        self._to(ends_at, minutes=-5)
        self.foreseen.append(("sessions-fee", f"-{SESSIONS_FEE}"))
        self.has(available="509.8808")
        self.phone.write("Ви ще відкриті?")
        until(lambda: self._quote(self.ticket_id)["meter"], "he has a window")
        self._delivered(self.ticket_id, "До кінця місяця так")
        self._wait(minutes=6)
        answer = self.desk.reply(self.ticket_id, "А тепер ні")
        same((answer.status, _kind(answer)), (409, "bot-ended"), "after the end")

    # Dry.

    def dry(self) -> None:
        payments = self.desk.http.request("GET", self.desk.told["checkout_url"]).data.decode()
        payment_id = payments.split("/payments/")[1].split("/")[0]
        url = f"{self.desk.told['checkout_url'].rstrip('/')}/payments/{payment_id}/dispute"
        same(self.desk.http.request("POST", url).status, 200, "a dispute")
        self.foreseen.append(("dispute", f"-{TOP_UP}"))
        until(lambda: self._sum("dispute") == Decimal("-900"), "the dispute is in the books")
        self.has(available="0.00", owed="390.1192")
        self._wait(hours=25)
        answer = self.desk.reply(self.talk_id, "Чи можна вам допомогти?")
        same((answer.status, _kind(answer)), (409, "owing"), "a paid message under a debt")

    def again(self) -> None:
        self._pay_in("400.00")
        self.has(available="9.8808", owed="0.00")
        (message_id,) = self.desk.say(self.talk_id, "Чи можна вам допомогти?")
        self.desk.becomes(self.talk_id, message_id, "delivered", "seen")
        self.has(available="9.8612", held="0.00")
        self.foreseen.append(("message", f"-{MESSAGE}"))

    # The books.

    def statement(self) -> None:
        lines = self._entries()
        for line in lines:
            moved = f"  ({line['moved']['amount']} moved)" if line["moved"] else ""
            self._tell(
                f"        {line['at'][:16]}  {line['kind']:<20} {line['amount']['amount']:>10}"
                f" {line['amount']['currency']}{moved}"
            )
        seen = sorted((line["kind"], line["amount"]["amount"]) for line in lines)
        same(seen, sorted(self.foreseen), "the statement")
        balance = self._call("GET", "/v1/balance").body
        parts = ("available", "held", "set_aside")
        there = sum(Decimal(balance[name]["amount"]) for name in parts)
        there -= Decimal(balance["owed"]["amount"])
        same(there, sum(Decimal(line["amount"]["amount"]) for line in lines), "balance and entries")

    def audit(self) -> None:
        path = f"/v1/accounts/{self.account_id}/audit"
        answer = self._call("POST", path, {"whole": True}, by="operator")
        same((answer.status, answer.body["balances"]), (200, True), f"audit ({answer.body})")
        same(answer.body["findings"], [], "findings")

    def has(self, **wanted: str) -> None:
        """Wait until the balance says this."""

        def look() -> bool:
            balance = self._call("GET", "/v1/balance").body
            self._seen = {name: balance[name]["amount"] for name in wanted}
            return all(Decimal(self._seen[name]) == Decimal(wanted[name]) for name in wanted)

        try:
            until(look, f"the balance has {wanted}")
        except AssertionError:
            same(self._seen, wanted, "the balance")

    def _entries(self) -> list[Any]:
        found: list[Any] = []
        cursor = ""
        while True:
            page = self._call("GET", f"/v1/entries?limit=200{cursor}").body
            found += page["items"]
            if page["next_cursor"] is None:
                return sorted(found, key=lambda line: str(line["at"]))
            cursor = f"&cursor={page['next_cursor']}"

    def _sum(self, kind: str) -> Decimal:
        lines = [line for line in self._entries() if line["kind"] == kind]
        return sum((Decimal(line["amount"]["amount"]) for line in lines), Decimal(0))

    # Calls and time.

    def _call(self, method: str, path: str, body: Any = None, *, by: str = "admin") -> Any:
        return self.desk.call(method, path, body, by=by)

    def _post(self, path: str, body: Any) -> Any:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self.desk.call("POST", path, body, by="admin", headers=key)

    def _wait(self, **span: float) -> None:
        self.desk.clock(ahead_seconds=round(timedelta(**span).total_seconds()))

    def _to(self, instant: str, *, minutes: int) -> None:
        now = datetime.fromisoformat(self.desk.clock(ahead_seconds=0)["now"])
        at = datetime.fromisoformat(instant) + timedelta(minutes=minutes)
        self.desk.clock(ahead_seconds=round((at - now).total_seconds()))


def _eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def _kind(answer: Any) -> str:
    return str(answer.body["type"]).rpartition("/")[2]


def _paid(top_up: Any) -> Any:
    return top_up["top_up_id"] if top_up["state"] == "paid" else None
