"""Queues and schedules: what the front door calls for many items at once.

One bad item must not stop the others, so a schedule's loop is one of the two places that catch
everything; a queue's loop is Powertools'.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from chalicelib import bots, callbacks, delivery, files, queues, viber
from chalicelib.log import log


def send_outgoing(
    event: dict[str, Any], context: Any, *, now: datetime, http: viber.Transport | None = None
) -> dict[str, Any]:
    """Send a batch of the outgoing queue; a failed item stops the rest of its own group."""
    from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor

    processor = SqsFifoPartialProcessor(skip_group_on_error=True)

    def one(record: Any) -> str:
        wanted = msgspec.json.decode(record.body, type=queues.Outgoing)
        return delivery.send(wanted, now=now, http=http)

    return _processed(event, context, processor, one)


def copy_files(event: dict[str, Any], context: Any, *, now: datetime) -> dict[str, Any]:
    """Copy a batch of files; what failed comes again by itself."""
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

    processor = BatchProcessor(event_type=EventType.SQS)

    def one(record: Any) -> str:
        return files.copy(msgspec.json.decode(record.body, type=queues.Copy), now=now)

    return _processed(event, context, processor, one)


def settle_messages(*, now: datetime) -> None:
    """Work off what is due of outgoing messages."""
    _count("settle_messages", delivery.settle(now))


def replay_callbacks(*, now: datetime) -> None:
    """Work off what is due of kept callbacks."""
    _count("replay_callbacks", callbacks.replay_due(now))


def check_webhooks(*, now: datetime) -> None:
    """Work off the webhooks that are due to be looked at."""
    _count("check_webhooks", bots.check_due(now))


def copy_missing_files(*, now: datetime) -> None:
    """Work off the files that are due to be copied."""
    _count("copy_missing_files", files.copy_missing(now))


def _processed(
    event: dict[str, Any], context: Any, processor: Any, one: Callable[[Any], str]
) -> dict[str, Any]:
    processor.raise_on_entire_batch_failure = False
    with processor(records=event["Records"], handler=one, lambda_context=context):
        processor.process()
    answer: dict[str, Any] = processor.response()
    return answer


def _count(job: str, done: Iterator[str]) -> None:
    counted = Counter(done)
    if counted:
        log.info("worked off", job=job, done=dict(counted))
