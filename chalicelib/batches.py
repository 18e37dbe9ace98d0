"""Queues and schedules: what the front door calls for many items at once.

One bad item must not stop the others, so a schedule's loop is one of the two places that catch
everything; a queue's loop is Powertools'. Each function imports what it alone needs, for each is
a Lambda of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from chalicelib import queues
from chalicelib.log import log

if TYPE_CHECKING:
    from chalicelib import viber

T = TypeVar("T")
Due = TypeVar("Due", contravariant=True)

ONE_SEND_TAKES_MS = 20_000
ONE_DUE_ITEM_TAKES_MS = 15_000
ONE_AUDIT_TAKES_MS = 120_000
# Stripe is asked twice, each time for as long as its answer is waited for.
ONE_TOP_UP_TAKES_MS = 40_000


class OutOfTime(Exception):
    """The function's time is nearly over; the item is taken up by the next one."""


class SomeFailed(Exception):
    """A schedule could not work everything off; its alarm is to ring."""


class Work(Protocol[Due]):
    """Works one due item off and tells what was done."""

    def __call__(self, item: Due, /, *, now: datetime) -> str:
        """Work the item off."""


def send_outgoing(
    event: dict[str, Any],
    context: Any,
    *,
    clock: Callable[[], datetime],
    http: "viber.Transport | None" = None,
) -> dict[str, Any]:
    """Send a batch of the outgoing queue; a failed item stops the rest of its own group.

    What there is no time left for goes back to the queue before it is touched: a function
    that is ended in the middle of a call leaves an unknown message.
    """
    from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor

    from chalicelib import delivery

    processor = SqsFifoPartialProcessor(skip_group_on_error=True)

    def check_time() -> None:
        if context.get_remaining_time_in_millis() < ONE_SEND_TAKES_MS:
            raise OutOfTime

    def one(record: Any) -> str:
        wanted = msgspec.json.decode(record.body, type=queues.Outgoing)
        return delivery.send(wanted, now=clock(), http=http, check_time=check_time)

    return _processed(event, processor, one)


def send_broadcasts(
    event: dict[str, Any],
    context: Any,
    *,
    clock: Callable[[], datetime],
    http: "viber.Transport | None" = None,
) -> dict[str, Any]:
    """Bring broadcasts on, as far as the function's time allows; they queue themselves again."""
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

    from chalicelib.delivery import broadcasts

    processor = BatchProcessor(event_type=EventType.SQS)

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() >= ONE_SEND_TAKES_MS)

    def one(record: Any) -> str:
        wanted = msgspec.json.decode(record.body, type=queues.Broadcast)
        return broadcasts.work(wanted, clock=clock, has_time=has_time, http=http)

    return _processed(event, processor, one)


def copy_files(event: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """Copy a batch of files; what failed comes again by itself."""
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType

    from chalicelib import files

    processor = BatchProcessor(event_type=EventType.SQS)

    def one(record: Any) -> str:
        return files.copy(msgspec.json.decode(record.body, type=queues.Copy), now=now)

    return _processed(event, processor, one)


def settle_messages(context: Any, *, now: datetime) -> None:
    """Work off what is due of outgoing messages."""
    from chalicelib import delivery

    _each("settle_messages", delivery.due(now), delivery.settle, context, now=now)


def settle_broadcasts(context: Any, *, now: datetime) -> None:
    """Work off the passes of broadcasts that are due, and what was left on its way."""
    from chalicelib.delivery import broadcasts

    _each("settle_broadcasts", broadcasts.due(now), broadcasts.settle, context, now=now)


def replay_callbacks(context: Any, *, now: datetime) -> None:
    """Work off what is due of kept callbacks."""
    from chalicelib import callbacks

    _each("replay_callbacks", callbacks.due(now), callbacks.replay, context, now=now)


def check_webhooks(context: Any, *, now: datetime) -> None:
    """Work off the webhooks that are due to be looked at."""
    from chalicelib import bots

    _each("check_webhooks", bots.due(now), bots.check, context, now=now)


def charge_fees(context: Any, *, now: datetime) -> None:
    """Work off what is due about bots' monthly fees, an account at a time."""
    from chalicelib import fees

    _each("charge_fees", fees.due(now), fees.work, context, now=now)


def give_warnings(context: Any, *, now: datetime) -> None:
    """Look at accounts whose money or counts moved, and send the mails that wait."""
    from chalicelib import alerts

    _each("give_warnings", alerts.due(now), alerts.work, context, now=now)


def expire_sessions(context: Any, *, now: datetime) -> None:
    """Work off the sessions whose time is up."""
    from chalicelib import session_list

    _each("expire_sessions", session_list.due(now), session_list.expire, context, now=now)


def settle_top_ups(context: Any, *, now: datetime) -> None:
    """Ask Stripe about the top-ups that it should have told of by now."""
    from chalicelib import top_ups

    takes_ms = ONE_TOP_UP_TAKES_MS
    _each("settle_top_ups", top_ups.due(now), top_ups.settle, context, now=now, takes_ms=takes_ms)


def audit_books(context: Any, *, now: datetime) -> None:
    """Audit the accounts that were not audited tonight; a run cut short is taken up again."""
    from chalicelib import books

    takes_ms = ONE_AUDIT_TAKES_MS
    _each("audit_books", books.due(now), books.check, context, now=now, takes_ms=takes_ms)


def copy_missing_files(context: Any, *, now: datetime) -> None:
    """Work off the files that are due to be copied."""
    from chalicelib import files

    _each("copy_missing_files", files.missing(now), files.queue_again, context, now=now)


def _processed(event: dict[str, Any], processor: Any, one: Callable[[Any], str]) -> dict[str, Any]:
    processor.raise_on_entire_batch_failure = False
    with processor(records=event["Records"], handler=one):
        processor.process()
    answer: dict[str, Any] = processor.response()
    return answer


def _each(
    job: str,
    due: Iterator[T],
    work: Work[T],
    context: Any,
    *,
    now: datetime,
    takes_ms: int = ONE_DUE_ITEM_TAKES_MS,
) -> None:
    """Work each due item off, whatever the others did; fail at the end if one has failed.

    What there is no time left for stays due and is left to the next run: OutOfTime, for an
    operator should know of a backlog.
    """
    done: Counter[str] = Counter()
    failed = 0
    is_cut_short = False
    for item in due:
        if is_cut_short := context.get_remaining_time_in_millis() < takes_ms:
            break
        try:
            # It may have become of a message that it failed, which is no failure of ours.
            done[work(item, now=now)] += 1
        except Exception:  # noqa: BLE001
            log.exception("not worked off", job=job)
            failed += 1
    if done or failed or is_cut_short:
        log.info("worked off", job=job, done=dict(done), failed=failed, is_cut_short=is_cut_short)
    if failed:
        raise SomeFailed(f"{job}: {failed} of {done.total() + failed}")
    if is_cut_short:
        raise OutOfTime(f"{job}: {done.total()} worked off, the rest is left to the next run")
