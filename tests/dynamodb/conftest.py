"""Amazon's DynamoDB Local for this run, its tables made anew for each test."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import get_session
from moto import mock_aws

from bench import dynamodb_local
from chalicelib import config, tables
from tests.desk import Desk
from tests.dynamodb.racing import THREADS, AmazonBakery
from tools import resources

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests for `make test-dynamodb`: they need Java, and npm once."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.dynamodb)


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """Run Amazon's engine; give its URL."""
    with dynamodb_local.running() as url:
        yield url


@pytest.fixture
def client(engine: str) -> Any:
    """Give a client of an engine that is empty."""
    made = get_session().create_client(
        "dynamodb",
        region_name=config.region(),
        endpoint_url=engine,
        config=Config(max_pool_connections=2 * THREADS, retries={"total_max_attempts": 1}),
    )
    for name in made.list_tables()["TableNames"]:
        made.delete_table(TableName=name)
    return made


@pytest.fixture
def bakery(client: Any) -> Iterator[AmazonBakery]:
    """Give a bakery whose database is Amazon's."""
    resources.create_tables(client, config.stage())
    with AmazonBakery(client).open() as one:
        assert isinstance(one, AmazonBakery)
        yield one


@pytest.fixture
def desk(engine: str, client: Any, jwks: str) -> Iterator[Desk]:
    """Give a running desk whose database is Amazon's; the rest of AWS is moto's."""
    os.environ |= {"AWS_ENDPOINT_URL_DYNAMODB": engine, "JWKS_URL": jwks}
    before = tables.connection._client
    tables.connection._client = client
    try:
        with mock_aws():
            os.environ.update(resources.create_all(config.stage()))
            with Desk() as one:
                yield one
    finally:
        tables.connection._client = before
        del os.environ["AWS_ENDPOINT_URL_DYNAMODB"]
