"""A whole desk in one process: the app behind Chalice's test client, Viber emulated over HTTP."""

import itertools
import json
import os
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
from chalice.test import Client

from app import app
from chalicelib import billing, bots, config, money, people, requests, signin, store, tariffs
from chalicelib.audit import Actor
from chalicelib.bots import remembering
from demo.emulator import Emulator
from demo.emulator.records import Fault, Profile

PASSWORD = "Correct-horse-7"
OPERATOR = Actor("per_operator", "Operator")
MADE_ON = date(2023, 11, 30)
FORM = requests.Form(
    has_read_terms=True,
    first_name="Olena",
    last_name="Tkachenko",
    work_email="olena@example.com",
    country="UA",
    company_name="Bread and Salt",
    company_website="https://bread.example.com",
    has_business_account=False,
    company_type="bot_owner",
    inquiry="We answer customers of our bakery.",
)


class Answered(NamedTuple):
    """An HTTP answer, its body decoded where it is JSON."""

    status: int
    body: Any
    headers: dict[str, str]


class Phone:
    """One person's phone in front of the desk's bot."""

    def __init__(self, desk: "Desk", name: str, **profile: Any) -> None:
        self._viber = desk.viber
        self._uri = desk.viber_bot.uri
        self.phone_id = desk.viber.world.add_phone(Profile(name=name, **profile)).id
        chat = desk.viber.world.chat(self.phone_id, self._uri)
        self.subscriber_id = chat.user_id

    def write(self, content: str | dict[str, Any]) -> None:
        """Send a text or any other message to the bot."""
        said = {"type": "text", "text": content} if isinstance(content, str) else content
        self._viber.people.write(self.phone_id, self._uri, said)
        self._viber.dispatcher.flush()

    def open(self, context: str = "") -> None:
        """Open the bot's chat, as a deep link does."""
        self._viber.people.open(self.phone_id, self._uri, context)
        self._viber.dispatcher.flush()

    def subscribe(self) -> None:
        """Tap Subscribe."""
        self._viber.people.subscribe(self.phone_id, self._uri)
        self._viber.dispatcher.flush()

    def unsubscribe(self) -> None:
        """Tap Unsubscribe."""
        self._viber.people.unsubscribe(self.phone_id, self._uri)
        self._viber.dispatcher.flush()

    def read(self) -> None:
        """Look at the chat, which marks everything in it as seen."""
        self._viber.people.read(self.phone_id, self._uri)
        self._viber.dispatcher.flush()

    def set(self, **changes: Any) -> None:
        """Change the phone: online, devices, name, avatar…"""
        self._viber.people.configure(self.phone_id, changes)
        self._viber.dispatcher.flush()

    @property
    def heard(self) -> list[Any]:
        """What the bot said, as shown on the phone."""
        chat = self._viber.world.chat(self.phone_id, self._uri)
        return [m.content for m in chat.messages if m.author == "bot"]


def message_event(
    subscriber_id: str, content: str | dict[str, Any], *, at: datetime, token: Any, **sender: Any
) -> dict[str, Any]:
    """Write a `message` callback by hand; None leaves out a field of the sender."""
    said = {"name": "Марічка"} | sender
    return {
        "event": "message",
        "timestamp": round(at.timestamp() * 1000),
        "message_token": token,
        "sender": {"id": subscriber_id} | {k: v for k, v in said.items() if v is not None},
        "message": {"type": "text", "text": content} if isinstance(content, str) else content,
    }


class Desk:
    """The front door with everything behind it; time moves only when a test moves it."""

    def __init__(self) -> None:
        self.client = Client(app, stage_name="dev", project_dir=".")
        self.now = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
        self.viber = Emulator(clock=lambda: self.now, post=self._post, synchronous=True)
        self.keys = (f"wish-{number}" for number in itertools.count(1))
        self.tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.viber.start()
        os.environ["VIBER_API_URL"] = self.viber.api_url
        self._set_clock()
        remembering._known.clear()
        tariffs.forget()
        self.account = people.make_account(
            name="Хліб і Сіль",
            admin_email="olena@example.com",
            admin_name="Олена",
            time_zone="Europe/Kyiv",
            language="uk",
            by=OPERATOR,
            now=self.now,
        )
        self.account_id = self.account.account_id
        self.admin = people.people(self.account_id, limit=10, cursor=None)[0][0]
        self.actor = Actor(self.admin.person_id, self.admin.name)
        self.agent = people.invite(
            self.account_id,
            email="taras@example.com",
            name="Тарас",
            role="agent",
            by=self.actor,
            now=self.now,
        )
        self.sign_in(self.admin.email)
        self.viber_bot = self.viber.world.add_bot("Пекарня", uri="pekarnia")
        self.bot = bots.connect(
            self.account_id, self.viber_bot.key, made_on=MADE_ON, by=self.actor, now=self.now
        )
        self.make_legacy()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.viber.stop()
        os.environ.pop("CLOCK_OFFSET_SECONDS", None)

    # Time.

    def wait(self, **span: float) -> None:
        """Let business time pass."""
        self.now += timedelta(**span)
        self._set_clock()

    def _set_clock(self) -> None:
        offset = (self.now - datetime.now(UTC)).total_seconds()
        os.environ["CLOCK_OFFSET_SECONDS"] = str(offset)

    # The API.

    def sign_in(self, email: str) -> str:
        """Sign somebody in as the console does, setting his first password if he has none."""
        if email not in self.tokens:
            session = self._first_password(email)
            assert session.access_token is not None
            self.tokens[email] = session.access_token
        return self.tokens[email]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str | None = "olena@example.com",
        headers: dict[str, str] | None = None,
    ) -> Answered:
        """Make one API call as somebody (None: as nobody); bytes are a body as it is."""
        sent = {"Content-Type": "application/json"} | (headers or {})
        if by is not None:
            token = by if by.startswith("vd_") else self.sign_in(by)
            sent["Authorization"] = f"Bearer {token}"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        raw = b"" if body is None else raw
        answer = self.client.http.request(method, path, headers=sent, body=raw)
        is_json = "json" in str(answer.headers.get("Content-Type", ""))
        told = json.loads(answer.body) if is_json and answer.body else answer.body
        return Answered(answer.status_code, told, answer.headers)

    def reply(self, ticket_id: str, *parts: Any, notify: bool = True, key: str = "") -> Answered:
        """Answer a ticket as an agent; a text stands for a part of that text."""
        content = [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]
        return self.call(
            "POST",
            f"/v1/tickets/{ticket_id}/messages",
            {"parts": content, "notify": notify},
            headers={"Idempotency-Key": key or next(self.keys)},
        )

    def tickets(self, query: str = "") -> list[dict[str, Any]]:
        """List tickets."""
        answer = self.call("GET", f"/v1/tickets{query}")
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.body["items"]
        return found

    def thread(self, ticket_id: str) -> list[dict[str, Any]]:
        """Read a ticket's messages, oldest first."""
        answer = self.call("GET", f"/v1/tickets/{ticket_id}/messages")
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.body["items"]
        return found[::-1]

    def ticket(self, ticket_id: str) -> dict[str, Any]:
        """Read one ticket with its contact, conversation and bot."""
        answer = self.call("GET", f"/v1/tickets/{ticket_id}")
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body
        return found

    def change(self, ticket_id: str, **changes: Any) -> dict[str, Any]:
        """Change a ticket."""
        answer = self.call("PATCH", f"/v1/tickets/{ticket_id}", changes)
        assert answer.status == 200, answer
        changed: dict[str, Any] = answer.body
        return changed

    def set_bot(self, **settings: Any) -> None:
        """Change settings of the bot."""
        answer = self.call("PATCH", f"/v1/bots/{self.bot.bot_id}", settings)
        assert answer.status == 200, answer

    # Money and plans.

    def top_up(self, euros: int, *, account_id: str | None = None) -> None:
        """Let money come in from outside, as if it had been paid a moment ago."""
        of_whom = account_id or self.account_id
        store.again(lambda: self._take_in(of_whom, euros))

    def _take_in(self, account_id: str, euros: int) -> None:
        payment = f"test-{next(self.keys)}"
        change = billing.Change(account_id)
        change.take_in(
            money.euros(euros),
            billing.entry(account_id, billing.TOP_UP, f"top-up:{payment}", now=self.now),
        )
        store.commit(change.writes(billing.balance(account_id), now=self.now))

    def make_legacy(self, bot_id: str | None = None, *, account_id: str | None = None) -> None:
        """Let an operator confirm that a bot was made before bots were paid for."""
        requests.confirm(
            account_id or self.account_id,
            bot_id or self.bot.bot_id,
            MADE_ON,
            is_old=True,
            by=OPERATOR,
            now=self.now,
        )

    def make_commercial(self, bot_id: str | None = None) -> None:
        """Let a legacy bot be moved: 400 EUR come in, 200 are taken, 200 are set aside."""
        self.top_up(400)
        sent = requests.apply(
            self.account_id,
            requests.Application(
                "move", bot_id or self.bot.bot_id, FORM, f"wish-{next(self.keys)}"
            ),
            by=self.actor,
            now=self.now,
        )
        requests.decide(
            self.account_id,
            sent.request_id,
            requests.Verdict("approved"),
            by=OPERATOR,
            now=self.now,
        )

    def make_business(self, fee: int | str, price: int | str, bot_id: str | None = None) -> None:
        """Let an operator turn sessions on; the first month's fee comes in before."""
        terms = requests.Terms(
            money.parsed(str(fee), field="fee"), money.parsed(str(price), field="price")
        )
        self.top_up(-(-terms.fee_micros // money.MICROS))
        requests.turn_on(
            self.account_id, bot_id or self.bot.bot_id, terms, by=OPERATOR, now=self.now
        )

    def download(self, file_id: str) -> dict[str, Any]:
        """Fetch what a file's link leads to: S3's answer, its `Body` read."""
        from urllib.parse import unquote, urlsplit

        from chalicelib import aws

        answer = self.call("GET", f"/v1/files/{file_id}")
        assert answer.status == 200, answer
        key = unquote(urlsplit(answer.body["url"]).path).partition("files/")[2]
        found = aws.client("s3").get_object(Bucket=config.bucket(), Key=f"files/{key}")
        fetched: dict[str, Any] = found | {"Body": found["Body"].read()}
        return fetched

    # The queues and schedules.

    def work(self) -> None:
        """Pump both queues until they are empty."""
        from tests.pump import pump

        pump()
        assert self.viber.settle(5)

    def run(self, job: str) -> None:
        """Run one schedule now."""
        from tests.pump import CONTEXT

        event = self.client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
        app.handler_map[job](event, CONTEXT)

    # Viber.

    def phone(self, name: str = "Марічка", **profile: Any) -> Phone:
        """Give somebody a phone."""
        return Phone(self, name, **profile)

    def faults(self, *faults: dict[str, Any]) -> None:
        """Spoil the bot's next sends: refuse, lose_answer, lose_request, http, fail_after."""
        self.viber_bot.faults.clear()
        self.viber_bot.faults.extend(msgspec.convert(fault, Fault) for fault in faults)

    def callback(self, event: bytes | dict[str, Any]) -> tuple[int, bytes]:
        """Post a callback signed by Viber, whatever is in it."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        url = f"{config.public_url()}/viber/{self.bot.bot_id}"
        return self.viber.dispatcher.send(self.viber_bot, url, body)

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        path = url.removeprefix(config.public_url())
        answer = self.client.http.request("POST", path, headers=headers, body=body)
        return answer.status_code, answer.body

    def _first_password(self, email: str) -> signin.Session:
        from chalicelib import aws

        aws.client("cognito-idp").admin_set_user_password(
            UserPoolId=config.user_pool_id(), Username=email, Password=PASSWORD, Permanent=True
        )
        return signin.sign_in(email, PASSWORD)
