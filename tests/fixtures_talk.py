"""One customer's talk, driven step by step, and the answers it meets, written beforehand."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from chalicelib import aws, batches, config, conversations, delivery, ids, queues, store, tables
from chalicelib.delivery import Reply, orphans
from chalicelib.tables import Bot, Conversation, Message, TokenItem
from chalicelib.viber.content import Text
from tests.desk import Desk, Phone
from tests.faults import Died, Line, Point

WISH = "wish of the day"
REHEARSED = "Проба"

Answer = tuple[int, bytes] | Exception | Callable[[], Any]


class Context(NamedTuple):
    """What Lambda hands to a function."""

    remaining_ms: int

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class Carrier:
    """A transport to Viber: each request gets the next answer, and what it carried is kept.

    An answer that is a function is called in the midst of the request and gives the answer.
    """

    def __init__(self, *answers: Answer) -> None:
        self.carried: list[dict[str, Any]] = []
        self._answers = list(answers)

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        self.carried.append(json.loads(body))
        answer = self._answers.pop(0)
        found = answer() if callable(answer) else answer
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, tuple)
        return found

    @property
    def texts(self) -> list[str]:
        return [each["text"] for each in self.carried]


def taken(token: str | int = 5741311803571721087, *, billing_status: int = 1) -> tuple[int, bytes]:
    """Viber's answer to what it took."""
    told = f'{{"status":0,"message_token":{token},"billing_status":{billing_status}}}'
    return 200, told.encode()


def token_at(at: datetime, number: int = 0) -> int:
    """Make a token as Viber does: its upper bits tell when it was made."""
    return ((ids.to_ms(at) - orphans.TOKEN_EPOCH_MS) << 22) + number


def refused(status: int) -> tuple[int, bytes]:
    """Viber's answer to what it did not take."""
    return 200, json.dumps({"status": status, "status_message": "no"}).encode()


class Talk:
    """A customer who has written, and the ticket that came of it."""

    def __init__(self, desk: Desk, name: str = "Марічка", **profile: Any) -> None:
        self.desk = desk
        self.phone: Phone = desk.phone(name, **profile)
        self.phone.write(f"Добрий день, я {name}")
        self.key = conversations.conversation_key(desk.bot.bot_id, self.phone.subscriber_id)
        self.ticket_id = str(self.conversation.ticket_id)

    @property
    def conversation(self) -> Conversation:
        found = store.get(Conversation, self.key, "conversation")
        assert found is not None
        return found

    @property
    def heard(self) -> list[str]:
        return [content["text"] for content in self.phone.heard]

    def reply(self, *parts: Any, **given: Any) -> list[str]:
        """Accept a reply and return its messages' ids."""
        answer = self.desk.reply(self.ticket_id, *parts, **given)
        assert answer.status == 202, answer
        return [message["message_id"] for message in answer.body["messages"]]

    def send(self, message_id: str, *answers: Answer, before_id: str | None = None) -> str:
        """Let the queue's worker take one message, with these answers of Viber's."""
        wanted = queues.Outgoing(self.key, message_id, before_id)
        return delivery.send(wanted, now=self.desk.now, http=Carrier(*answers))

    def receipt(
        self, event: str, token: str | int, *, at: datetime | None = None, reason: str | None = None
    ) -> None:
        """Receive a receipt of Viber's."""
        delivery.receipt(
            self.desk.bot,
            self.phone.subscriber_id,
            str(token),
            event,
            reason=reason,
            at=at or self.desk.now,
            now=self.desk.now,
        )

    def message(self, message_id: str) -> Message:
        found = store.get(Message, self.key, f"message#{message_id}")
        assert found is not None
        return found

    def state(self, message_id: str) -> str:
        return str(self.message(message_id).state)

    def orphan(self, token: str | int) -> TokenItem | None:
        return store.get(TokenItem, self.key, f"token#{token}")

    def told(self, message_id: str) -> dict[str, Any]:
        """What the ticket shows of an outgoing message's delivery."""
        (found,) = [m for m in self.desk.thread(self.ticket_id) if m["message_id"] == message_id]
        delivery_told: dict[str, Any] = found["delivery"]
        return delivery_told


def on_its_way(bot: Bot, subscriber_id: str, *, now: datetime, text: str = "Так") -> Message:
    """Put down a queued message as an accepted reply leaves it, without the reply."""
    key = conversations.conversation_key(bot.bot_id, subscriber_id)
    message_id = ids.new("msg", now)
    message = Message(
        key=key,
        item=f"message#{message_id}",
        message_id=message_id,
        account_id=bot.account_id,
        ticket_id="tkt_1",
        kind="outgoing",
        content={"type": "text", "text": text},
        at=now,
        state="queued",
        money="none",
        sender_name="Пекарня",
        due_shard=store.shard_of("send", message_id),
        due_at=now,
    )
    message.save()
    Conversation(
        key=key,
        account_id=bot.account_id,
        bot_id=bot.bot_id,
        subscriber_id=subscriber_id,
        revision=1,
        tokens=[],
    ).save()
    return message


def worked(
    desk: Desk,
    records: list[dict[str, Any]],
    http: Carrier | None = None,
    *,
    remaining_ms: int = 30_000,
    context: Any = None,
) -> set[str]:
    """Hand a batch to the queue's function; returns the ids of the records that failed."""
    context = context or Context(remaining_ms)
    answer = batches.send_outgoing({"Records": records}, context, clock=lambda: desk.now, http=http)
    return {each["itemIdentifier"] for each in answer["batchItemFailures"]}


def settled(now: datetime) -> list[str]:
    """Run the settling job now and tell what it did."""
    return [delivery.settle(each, now=now) for each in delivery.due(now)]


def accept(talk: Talk, *texts: str, key: str = WISH) -> list[str]:
    """Accept a reply below the API, where what a crash raises can be seen."""
    desk = talk.desk
    reply = Reply(talk.ticket_id, [Text(text=text) for text in texts], True, key)
    accepted = delivery.reply(desk.account_id, reply, by=desk.actor, now=desk.now)
    return [message.message_id for message in accepted.messages]


def cut_short(talk: Talk, *texts: str, before_write: int = 2) -> None:
    """Accept a long reply, and die where its second (or a later) transaction was to be written."""
    line, other = Line(), Talk(talk.desk, "Зоряна")
    with line.between():
        with line.counting():
            accept(other, *(REHEARSED for _ in texts), key="rehearsal")
        other.desk.work()
        writes = [n for n, call in enumerate(line.calls, 1) if call == "TransactWriteItems"]
        with line.counting(Point(writes[before_write - 1], "dies before")), pytest.raises(Died):
            accept(talk, *texts)


def lose_what_is_queued() -> None:
    """Empty the outgoing queue, as if nothing had been put there."""
    aws.client("sqs").purge_queue(QueueUrl=config.queue_url("outgoing"))


class Script:
    """Stands before DynamoDB: each call of an operation meets the next step of a script.

    `*` stands for every operation. A step is None (goes through), an exception (no answer,
    nothing done), a code (refused with it), or a list of codes: a transaction cancelled for
    these reasons.
    """

    def __init__(self, operation: str, *steps: str | Exception | list[str] | None) -> None:
        self.calls: list[dict[str, Any]] = []
        self._event = f"before-call.dynamodb.{operation}".removesuffix(".*")
        self._steps = list(steps)

    def __enter__(self) -> "Script":
        tables.connection.client.meta.events.register(self._event, self._before)
        return self

    def __exit__(self, *_: object) -> None:
        tables.connection.client.meta.events.unregister(self._event, self._before)

    def _before(self, params: dict[str, Any], **_: Any) -> Any:
        self.calls.append(json.loads(params["body"]))
        step = self._steps.pop(0) if self._steps else None
        if step is None:
            return None
        if isinstance(step, Exception):
            raise step
        code = step if isinstance(step, str) else "TransactionCanceledException"
        told: dict[str, Any] = {
            "Error": {"Code": code, "Message": code},
            "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "1"},
        }
        if isinstance(step, list):
            told["CancellationReasons"] = [{"Code": reason, "Message": reason} for reason in step]
        return _Refusal(), told


class _Refusal:
    status_code = 400
