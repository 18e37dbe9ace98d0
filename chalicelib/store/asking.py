"""How the store is asked: again within bounds where it was in the way, and never for a verdict."""

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib import errors
from chalicelib.log import log

TRIES_MAX = 6
ASKED_MAX = 3
INSISTS_MAX = 3
FIRST_PAUSE_SECONDS = 0.025
PAUSE_MAX_SECONDS = 0.8

T = TypeVar("T")

CONFLICTS = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",
        "ThrottlingException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "InternalServerError",
        "ServiceUnavailable",
    }
)


class Changed(Exception):
    """A version that the decision was made on is no longer the one stored: decide again."""


class Contended(errors.Busy):
    """The store answered each time, and others were in the way."""


def again(decide: Callable[[], T], *, times: int = TRIES_MAX) -> T:
    """Decide and commit, afresh as often as a version changed underneath; then Busy."""
    for tried in range(times):
        if tried:
            pause(tried)
        try:
            return decide()
        except Changed:
            continue
    raise Contended("Too many others are changing the same thing; send the request again.")


def insist(decide: Callable[[], T]) -> T:
    """Decide and commit like `again`, some rounds through Contended too: nobody else knows of it.

    Not where the store does not answer at all: to wait for that takes a function's whole time.
    """
    for _ in range(INSISTS_MAX - 1):
        try:
            return again(decide)
        except Contended:
            log.warning("store is contended, and what is to be written is known only here")
    return again(decide)


def gave_up(error: Exception | None, detail: str) -> errors.Busy:
    """Make the error of one who has tried often enough; `error` is the last that he met."""
    is_answered = error is not None and code_of(error) is not None
    return Contended(detail) if is_answered else errors.Busy(detail)


def pause(tried: int) -> None:
    """Wait before another try: longer each time, and never in step with the others."""
    time.sleep(random.uniform(0, min(PAUSE_MAX_SECONDS, FIRST_PAUSE_SECONDS * 2**tried)))  # noqa: S311


def asked(send: Callable[[], T]) -> T:
    """Make one call, again within bounds where it was throttled or not answered; then Busy."""
    met: Exception | None = None
    for tried in range(ASKED_MAX):
        if tried:
            pause(tried)
        try:
            return send()
        except (PynamoDBException, BotoCoreError, ClientError) as error:
            if not may_pass(error):
                raise
            met = error
            log.warning("store did not answer", tried=tried + 1, error=str(error)[:200])
    raise gave_up(met, "The store did not answer; send the same request again.")


def may_pass(error: Exception) -> bool:
    """Say whether the same call may go through another time."""
    code = code_of(error)
    # No code at all means no answer: a time-out, or a connection that broke.
    return code in CONFLICTS or (code is None and isinstance(_cause(error), BotoCoreError))


def code_of(error: Exception) -> str | None:
    """Read DynamoDB's code of an error; None where it did not answer."""
    # PynamoDB's own property fails for errors of the connection, whose response is None.
    response = getattr(_cause(error), "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def _cause(error: Exception) -> Any:
    return error.cause if isinstance(error, PynamoDBException) else error
