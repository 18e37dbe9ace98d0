"""Mail by Amazon SES: one plain letter, asked for once."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import aws, config

RECIPIENTS_MAX = 50
"""SES: one letter goes to at most so many."""

SERVER_FAILED = 500
# Not now, but the same letter later.
PASSING = frozenset(
    {"TooManyRequestsException", "LimitExceededException", "SendingPausedException", "Throttling"}
)


class Refused(Exception):
    """SES will not take this letter, now or later."""


class Later(Exception):
    """SES has not taken it, and may later."""


class NoAnswer(Exception):
    """Nobody knows whether SES has taken it."""


def send(to: Sequence[str], subject: str, text: str, *, ses: Any = None) -> None:
    """Send one letter; raises Refused, Later or NoAnswer."""
    ses = ses or aws.client("sesv2", attempts=1)
    body = {"Data": text, "Charset": "UTF-8"}
    try:
        ses.send_email(
            FromEmailAddress=config.mail_from(),
            Destination={"ToAddresses": list(to)},
            Content={
                "Simple": {
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": body},
                }
            },
        )
    except ClientError as error:
        answered = error.response
        code = answered.get("Error", {}).get("Code")
        if code in PASSING:
            raise Later(code) from error
        if answered.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= SERVER_FAILED:
            raise NoAnswer(code) from error
        raise Refused(str(error)) from error
    except BotoCoreError as error:
        raise NoAnswer(str(error)) from error
