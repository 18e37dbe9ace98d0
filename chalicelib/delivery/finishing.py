"""A reply too long for one transaction: its plan, and the writing of its parts.

All of it is decided when it is accepted. Its messages follow, and only then is anything queued;
`settling` finishes a plan that a crash left open.
"""

import base64
import contextlib
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from chalicelib import queues, store
from chalicelib.tables import FirstAnswer, Message

FINISHED_AFTER = timedelta(minutes=1)
# The schedule that finishes a plan may not run for days.
PLANS_KEPT_FOR = timedelta(days=30)
DUE = "accept"


def plan(answer: FirstAnswer, messages: list[Message], *, notify: bool, now: datetime) -> None:
    """Note in a reply's first answer what is to be written, and when somebody looks after it."""
    answer.plan = {"notify": notify, "messages": _packed(messages)}
    answer.expires_at = now + PLANS_KEPT_FOR
    answer.due_at = now + FINISHED_AFTER
    answer.due_shard = store.shard_of(DUE, answer.key)


def finish(answer: FirstAnswer) -> list[Message]:
    """Write and queue what a long reply's plan still lacks; doing so twice does no harm."""
    messages = _unpacked(answer.plan["messages"])
    for first in range(0, len(messages), store.ACTIONS_MAX):
        batch = messages[first : first + store.ACTIONS_MAX]
        try:
            store.commit(
                [store.Put(m, Message.key.does_not_exist(), fails_as=store.MINE) for m in batch]
            )
        except store.AlreadyThere:
            continue
    if answer.plan["notify"]:
        queue(messages)
    done = [
        FirstAnswer.state.set("done"),
        FirstAnswer.plan.remove(),
        FirstAnswer.due_shard.remove(),
        FirstAnswer.due_at.remove(),
    ]
    with contextlib.suppress(store.Changed):
        store.update(FirstAnswer(key=answer.key), done, FirstAnswer.state == "accepting")
    return messages


def queue(messages: list[Message]) -> None:
    """Queue a reply's messages in their order; what is lost there is found by `settling`."""
    queues.put_outgoing(
        [
            queues.Outgoing(key=each.key, message_id=each.message_id, before_id=each.before_id)
            for each in messages
        ]
    )


def unwritten(account_id: str, *, now: datetime) -> Iterator[Message]:
    """Yield the messages of an account's open plans that are not written yet.

    Their money is held since the reply was accepted.
    """
    for answer in store.due(FirstAnswer, DUE, now + FINISHED_AFTER):
        if answer.key.startswith(f"{account_id}/") and answer.plan is not None:
            messages = _unpacked(answer.plan["messages"])
            found = store.read(*((Message, each.key, each.item) for each in messages))
            yield from (m for m, there in zip(messages, found, strict=True) if there is None)


def _packed(messages: list[Message]) -> str:
    # DynamoDB: an item has at most 400 kB, which a reply of 20 long parts may not fit as it is.
    raw = msgspec.json.encode([message.to_dynamodb_dict() for message in messages])
    return base64.b64encode(zlib.compress(raw)).decode()


def _unpacked(packed: str) -> list[Message]:
    messages = []
    for raw in msgspec.json.decode(zlib.decompress(base64.b64decode(packed))):
        message = Message()
        message.from_dynamodb_dict(raw)
        messages.append(message)
    return messages
