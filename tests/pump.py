"""Stands for Lambda's pollers: takes what the queues hold and hands it to the functions."""

from types import SimpleNamespace
from typing import Any

import app
from chalicelib import aws, config

# Chalice's own stand-in gives every function three seconds.
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
HANDLERS = {
    "broadcasts": "send_broadcasts",
    "outgoing": "send_outgoing",
    "copies": "copy_files",
}


def pump() -> None:
    """Work the queues off; a failed item stays, as its visibility time-out would keep it."""
    for queue, handler in HANDLERS.items():
        while records := received(queue):
            answer = getattr(app, handler)({"Records": records}, CONTEXT)
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for record in records:
                if record["messageId"] not in failed:
                    aws.client("sqs").delete_message(
                        QueueUrl=config.queue_url(queue), ReceiptHandle=record["receiptHandle"]
                    )


def received(queue: str) -> list[dict[str, Any]]:
    answer = aws.client("sqs").receive_message(
        QueueUrl=config.queue_url(queue), MaxNumberOfMessages=10, AttributeNames=["All"]
    )
    return [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:{queue}"
            + (".fifo" if queue == "outgoing" else ""),
            "awsRegion": "eu-central-1",
        }
        for message in answer.get("Messages", [])
    ]
