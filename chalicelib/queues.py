"""What goes to SQS: outgoing messages in order per conversation, files to copy, broadcasts."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from chalicelib import aws, config
from chalicelib.log import log

BATCH_MAX = 10


class Outgoing(msgspec.Struct, frozen=True):
    """One message to send: where it lies, and the one that must have gone before it."""

    key: str
    message_id: str
    before_id: str | None = None


class Copy(msgspec.Struct, frozen=True):
    """One file of Viber's to copy, and the item that waits for it.

    `kind` is `message`, `contact` or `bot`; `key` and `item` are that item's key.
    """

    kind: str
    key: str
    item: str | None


class Broadcast(msgspec.Struct, frozen=True):
    """One broadcast to plan or to send on."""

    account_id: str
    broadcast_id: str


def put_outgoing(items: Sequence[Outgoing]) -> bool:
    """Queue messages in this order; False when the queue did not take all of them.

    A put that is lost is no harm: `settle_messages` finds what stays queued. Every put has a
    deduplication id of its own, so that putting again is never taken for a repeat.
    """
    return _put(
        "outgoing",
        [
            {
                "Id": str(position),
                "MessageBody": msgspec.json.encode(item).decode(),
                "MessageGroupId": hashlib.sha256(item.key.encode()).hexdigest(),
                "MessageDeduplicationId": str(uuid.uuid4()),
            }
            for position, item in enumerate(items)
        ],
    )


def put_copies(items: Sequence[Copy]) -> bool:
    """Queue files to copy; a lost put is found again by `copy_missing_files`.

    The group names whose files they are: SQS then lets no bot's or account's backlog, nor the
    slow server that its files come from, keep the others' waiting (a fair queue).
    """
    return _put(
        "copies",
        [
            {
                "Id": str(position),
                "MessageBody": msgspec.json.encode(item).decode(),
                "MessageGroupId": item.key.partition("/")[0],
            }
            for position, item in enumerate(items)
        ],
    )


def put_broadcast(item: Broadcast, *, delay_seconds: int = 0) -> bool:
    """Queue the next steps of a broadcast; a lost put is made good by `settle_broadcasts`.

    The group names the account: of a fair queue no account's many broadcasts keep the others'
    waiting.
    """
    entry = {
        "Id": "0",
        "MessageBody": msgspec.json.encode(item).decode(),
        "MessageGroupId": item.account_id,
        "DelaySeconds": delay_seconds,
    }
    return _put("broadcasts", [entry])


def _put(queue: str, entries: list[dict[str, Any]]) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        for first in range(0, len(entries), BATCH_MAX):
            answer = aws.client("sqs").send_message_batch(
                QueueUrl=config.queue_url(queue), Entries=entries[first : first + BATCH_MAX]
            )
            if answer.get("Failed"):
                # What follows in the same conversation must not overtake what was not taken.
                log.warning("queue refused", queue=queue, failed=len(answer["Failed"]))
                return False
    except (BotoCoreError, ClientError) as error:
        log.warning("queue did not answer", queue=queue, error=str(error))
        return False
    return True
