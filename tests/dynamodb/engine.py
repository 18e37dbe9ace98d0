"""A plugin for pytest that puts Amazon's DynamoDB Local in the place of moto's, for any tests.

python -m pytest -p tests.dynamodb.engine …
"""

import os
from contextlib import ExitStack

import pytest

from bench import dynamodb_local

VARIABLE = "AWS_ENDPOINT_URL_DYNAMODB"
_running = ExitStack()


def pytest_configure() -> None:
    """Start the engine before anything asks for a client."""
    os.environ[VARIABLE] = _running.enter_context(dynamodb_local.running())


def pytest_unconfigure() -> None:
    """Stop the engine."""
    _running.close()


@pytest.fixture(autouse=True)
def _empty_engine() -> None:
    """Let each test find the engine without tables."""
    from botocore.session import get_session

    region = os.environ["AWS_REGION"]
    client = get_session().create_client("dynamodb", region_name=region)
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
