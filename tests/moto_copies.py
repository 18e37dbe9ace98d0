"""An AWS with this deployment's resources, made once in each process and copied for each test.

Making it took more than half of a test's set-up. Queues cannot be copied, and are made each time.
"""

import copy
import os
from typing import Any

from moto.backends import get_backend

from chalicelib import aws, config
from tools import resources

SERVICES = ("dynamodb", "s3", "kms", "cognito-idp")
STAGE = "test"
ENGINE = "AWS_ENDPOINT_URL_DYNAMODB"
"""Where it is set, tables are not moto's, and have to be made each time."""

ACCOUNT = "123456789012"
"""Whom moto takes everybody for."""

_made: dict[str, str] = {}
_kept: dict[tuple[str, str], Any] = {}


def create_all() -> dict[str, str]:
    """Let moto, just begun, have all resources; returns the environment that functions have."""
    if not _made:
        _made.update(_create_all())
        return dict(_made)
    for (service, region), backend in _kept.items():
        _of_account(service)[region] = copy.deepcopy(backend)
    resources.create_queues(aws.client("sqs"), {"Stage": STAGE})
    if ENGINE in os.environ:
        resources.create_tables(aws.client("dynamodb"), STAGE)
    return dict(_made)


def _create_all() -> dict[str, str]:
    environment = resources.create_all(STAGE)
    for service in SERVICES:
        region = "aws" if service == "s3" else config.region()
        _kept[service, region] = copy.deepcopy(_of_account(service)[region])
    return environment


def _of_account(service: str) -> Any:
    found: Any = get_backend(service)  # type: ignore[call-overload]
    return found[ACCOUNT]
