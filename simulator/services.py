"""What stands for AWS beside DynamoDB: queues, sealed secrets, sign-ins, mail. All in memory."""

import base64
import itertools
import json
from collections.abc import Callable
from typing import Any

from chalicelib import aws

SERVICES = ("sqs", "kms", "cognito-idp", "s3", "sesv2")
ACCOUNT = "123456789012"
Fails = Callable[[str], None]


class Taken:
    """What botocore looks at in an HTTP answer."""

    status_code = 200
    headers: dict[str, str] = {}  # noqa: RUF012


class Queue:
    """One queue, first in first out; what failed stays where it was."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []


class Services:
    """Answers botocore's calls before they leave the process.

    `before` and `after` are told of each call of ours, and may make it fail.
    """

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.mails: list[dict[str, Any]] = []
        self.before: Fails = lambda _: None
        self.after: Fails = lambda _: None
        self._numbers = itertools.count(1)

    def stand_in(self) -> None:
        """Take the place of the services for this process's clients."""
        for name in SERVICES:
            events = aws.client(name).meta.events
            events.register_first("before-call", self._answer)

    def stand_aside(self) -> None:
        """Give the services their place back."""
        for name in SERVICES:
            aws.client(name).meta.events.unregister("before-call", self._answer)

    def _answer(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        name = model.name
        self.before(name)
        raw = params.get("body") or b"{}"
        is_json = isinstance(raw, bytes | str) and raw[:1] in (b"{", "{")
        answer = getattr(self, f"_{name}", self._nothing)(json.loads(raw) if is_json else {})
        self.after(name)
        return Taken(), {"ResponseMetadata": {"HTTPStatusCode": 200}} | answer

    def _nothing(self, _: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _SendMessageBatch(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        queue = self.queues.setdefault(body["QueueUrl"].rpartition("/")[2], Queue())
        taken = []
        for entry in body["Entries"]:
            number = next(self._numbers)
            queue.records.append(_record(number, entry))
            taken.append({"Id": entry["Id"], "MessageId": str(number), "MD5OfMessageBody": ""})
        return {"Successful": taken}

    def _Encrypt(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        owner = json.dumps(body["EncryptionContext"]).encode()
        sealed = base64.b64encode(owner) + b"." + base64.b64decode(body["Plaintext"])
        return {"CiphertextBlob": sealed, "KeyId": "key"}

    def _Decrypt(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        owner, _, secret = base64.b64decode(body["CiphertextBlob"]).partition(b".")
        if base64.b64decode(owner).decode() != json.dumps(body["EncryptionContext"]):
            raise AssertionError("a secret is opened under a foreign name")
        return {"Plaintext": secret, "KeyId": "key"}

    def _AdminCreateUser(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        sub = f"sub-{next(self._numbers)}"
        return {"User": {"Username": sub, "Attributes": [{"Name": "sub", "Value": sub}]}}

    def _SendEmail(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.mails.append(body)
        return {"MessageId": str(next(self._numbers))}


def _record(number: int, entry: dict[str, Any]) -> dict[str, Any]:
    """Give a queued message as Lambda's poller hands it over."""
    return {
        "messageId": str(number),
        "receiptHandle": str(number),
        "body": entry["MessageBody"],
        "attributes": {"MessageGroupId": entry.get("MessageGroupId", "")},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:{ACCOUNT}:simulated.fifo",
        "awsRegion": "eu-central-1",
    }
