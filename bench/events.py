"""Events as AWS hands them to Lambda functions."""

from typing import Any, NamedTuple


class Context(NamedTuple):
    """What of Lambda's context the handlers look at."""

    function_name: str = "bench"
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Leave time enough."""
        return 30_000


def http_event(
    method: str,
    resource: str,
    ids: dict[str, str],
    *,
    body: str = "",
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    authorizer: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Make an event of API Gateway's Lambda proxy integration."""
    sent = {"content-type": "application/json", "accept": "*/*", "host": "desk.example"}
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    return {
        "resource": resource,
        "path": resource.format(**ids),
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "multiValueQueryStringParameters": {n: [v] for n, v in (query or {}).items()} or None,
        "pathParameters": ids or None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": resource.format(**ids),
            "stage": "api",
            "requestId": "bench",
            "identity": {"sourceIp": "203.0.113.7"},
            **({"authorizer": authorizer} if authorizer else {}),
        },
        "body": body,
        "isBase64Encoded": False,
    }


def queue_record(message: dict[str, Any]) -> dict[str, Any]:
    """Make a record of an SQS event from a message as SQS gives it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:viberdesk-bench-outgoing.fifo",
        "awsRegion": "eu-central-1",
    }
