"""The business that is measured: an account with one bot, its customers, and Viber by hand."""

import functools
import hashlib
import hmac
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from bench.events import Context, http_event, queue_record
from bench.stand_ins import PUBLIC_URL, Viber, keys_of_people

STAGE = "bench"
PASSWORD = "Correct-horse-7"
ADMIN = "olena@example.com"
MADE_ON = date(2023, 11, 30)
FIRST_TOKEN = 5_741_311_803_571_721_087
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "STAGE": STAGE,
    "PUBLIC_URL": PUBLIC_URL,
    "POWERTOOLS_SERVICE_NAME": "viberdesk",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}


class Talk(NamedTuple):
    """One customer in front of the bot, with the ticket his messages made."""

    subscriber_id: str
    ticket_id: str


class Shop:
    """An account with an admin, an API key and a connected bot, behind the real front door."""

    def __init__(self) -> None:
        from botocore.session import get_session

        from app import app
        from chalicelib import bots, people, requests
        from chalicelib.audit import Actor
        from chalicelib.viber import transport

        self.app = app
        # Taking items from a queue is Lambda's work: nobody counts this client.
        self._poller = get_session().create_client("sqs", region_name=ENVIRONMENT["AWS_REGION"])
        self.numbers = itertools.count(1)
        self.tokens = itertools.count(FIRST_TOKEN)
        self.viber = Viber(self.tokens)
        # The one place where all requests to Viber leave this process.
        setattr(transport.shared(), "request", self.viber.request)  # noqa: B010
        self.account = people.make_account(
            name="Хліб і Сіль",
            admin_email=ADMIN,
            admin_name="Олена Коваленко",
            time_zone="Europe/Kyiv",
            language="uk",
            by=Actor("per_operator", "Operator"),
            now=self.now,
        )
        self.account_id = str(self.account.account_id)
        self.admin = people.people(self.account_id, limit=1, cursor=None)[0][0]
        self.actor = Actor(self.admin.person_id, self.admin.name)
        self.bot_key = "4453b6ac12345678-e02c5f12174805f9-daec9cbb5448c51f"
        self.bot = bots.connect(
            self.account_id, self.bot_key, made_on=MADE_ON, by=self.actor, now=self.now
        )
        requests.confirm(
            self.account_id, self.bot.bot_id, None, is_old=True, by=self.actor, now=self.now
        )
        _, self.api_key = people.make_key(
            self.account_id, name="Каса", scopes=["tickets:read"], by=self.actor, now=self.now
        )

    @property
    def now(self) -> datetime:
        """Tell the time, which nobody moves here."""
        return datetime.now(UTC)

    # What comes in.

    def webhook(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make the event of a signed callback, as API Gateway hands it over."""
        raw = json.dumps(body, ensure_ascii=False)
        signature = hmac.new(self.bot_key.encode(), raw.encode(), hashlib.sha256).hexdigest()
        return http_event(
            "POST",
            "/viber/{bot_id}",
            {"bot_id": self.bot.bot_id},
            body=raw,
            headers={"X-Viber-Content-Signature": signature},
        )

    def call(self, method: str, resource: str, ids: dict[str, str], **more: Any) -> dict[str, Any]:
        """Make the event of an API call of the admin's, past the authorizer."""
        from chalicelib import auth

        caller = auth.Caller(self.account_id, self.admin.person_id, self.admin.name, "admin")
        return http_event(method, resource, ids, authorizer=auth.as_context(caller), **more)

    def message(
        self, subscriber_id: str, content: dict[str, Any] | None = None, **sender: Any
    ) -> dict[str, Any]:
        """Make the body of a callback: a subscriber has written."""
        said = content or {"type": "text", "text": "Добрий день! Чи є ще житній хліб? 🍞"}
        return self.told(
            "message",
            sender={"id": subscriber_id, "name": "Марічка Шевченко", **PROFILE, **sender},
            message=said,
            silent=False,
        )

    def told(self, event: str, token: str | None = None, **more: Any) -> dict[str, Any]:
        """Make the body of a callback of any kind, with a token of its own unless given."""
        return {
            "event": event,
            "timestamp": round(self.now.timestamp() * 1000),
            "message_token": int(token or next(self.tokens)),
            "chat_hostname": "SN-CHAT-11_",
            **more,
        }

    def run(self, event: dict[str, Any]) -> dict[str, Any]:
        """Let the API's function answer one event; anything but 2xx is a mistake of the bench."""
        answer: dict[str, Any] = self.app(event, Context())
        if not 200 <= answer["statusCode"] < 300:
            raise AssertionError(f"{answer['statusCode']}: {answer['body']}")
        return answer

    # What is set up before something is measured.

    def subscriber(self) -> str:
        """Give a Viber user id that nobody has used."""
        return f"{next(self.numbers):021}Qa="

    @functools.cached_property
    def regular(self) -> Talk:
        """Give a customer of long standing, whose conversation keeps 20 tokens."""
        return self.talk(25)

    def talk(self, messages: int) -> Talk:
        """Let somebody new write some times, and tell which ticket that made."""
        subscriber_id = self.subscriber()
        for _ in range(messages):
            self.run(self.webhook(self.message(subscriber_id)))
        return Talk(subscriber_id, self.ticket_of(subscriber_id))

    def ticket_of(self, subscriber_id: str) -> str:
        """Find the current ticket of a subscriber."""
        from chalicelib import store
        from chalicelib.tables import Conversation

        found = store.get(Conversation, f"{self.bot.bot_id}/{subscriber_id}", "conversation")
        if found is None:
            raise AssertionError("the message was not taken; it lies in the vault")
        return str(found.ticket_id)

    def reply(self, talk: Talk, key: str | None = None, *, notify: bool = True) -> dict[str, Any]:
        """Make the event of a reply of one part."""
        part = {"type": "text", "text": "Так, щойно з печі. Відкласти для вас? 🥖"}
        return self.call(
            "POST",
            "/v1/tickets/{ticket_id}/messages",
            {"ticket_id": talk.ticket_id},
            body=json.dumps({"parts": [part], "notify": notify}, ensure_ascii=False),
            headers={"Idempotency-Key": key or f"wish-{next(self.numbers)}"},
        )

    def quote(self, talk: Talk) -> dict[str, Any]:
        """Make the event of a question for the price of a reply."""
        part = {"type": "text", "text": "Так, щойно з печі. Відкласти для вас? 🥖"}
        return self.call(
            "POST",
            "/v1/tickets/{ticket_id}/quote",
            {"ticket_id": talk.ticket_id},
            body=json.dumps({"parts": [part]}, ensure_ascii=False),
        )

    def queued(self) -> dict[str, Any]:
        """Take what lies in the outgoing queue, as Lambda hands it to the function."""
        from chalicelib import config

        queue = config.queue_url("outgoing")
        records = []
        while found := self._poller.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            for message in found:
                self._poller.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                records.append(queue_record(message))
        return {"Records": records}

    def send(self, event: dict[str, Any]) -> None:
        """Let the queue's function send what was taken."""
        if answer := self.app_function("send_outgoing")(event, Context())["batchItemFailures"]:
            raise AssertionError(f"not sent: {answer}")

    def sent(self, talk: Talk) -> str:
        """Answer a customer and send it; returns Viber's token of the message."""
        self.run(self.reply(talk))
        self.send(self.queued())
        return self.viber.last_token

    def app_function(self, name: str) -> Callable[[dict[str, Any], Any], Any]:
        """Give one of the front door's other functions: a queue's, a schedule's, the authorizer."""
        import app

        function: Callable[[dict[str, Any], Any], Any] = getattr(app, name)
        return function

    def keep_warm(self) -> None:
        """Let this container remember the bot as if it had read it just now."""
        from chalicelib import config
        from chalicelib.bots import remembering

        held = remembering._known[self.bot.bot_id]
        # By the front door's clock, which knows whole milliseconds only.
        remembering._known[self.bot.bot_id] = held._replace(read_at=config.now())


PROFILE = {"country": "UA", "language": "uk-UA", "api_version": 10}
AVATAR = "https://media-direct.cdn.viber.com/download_photo?dlid=0-04-01-" + "f" * 64


@contextmanager
def opened(endpoint_url: str) -> Iterator[Shop]:
    """Open the shop on this DynamoDB; everything else of AWS is moto's, in this process."""
    from moto import mock_aws

    from tools import resources

    os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint_url
    with mock_aws(), keys_of_people() as jwks_url:
        os.environ.update(resources.create_all(STAGE), JWKS_URL=jwks_url)
        yield Shop()
