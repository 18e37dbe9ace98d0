"""What only `make test-dynamodb` runs, which puts Amazon's engine in the place of moto's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.session import get_session

from chalicelib import config
from tests.dynamodb.engine import VARIABLE
from tests.dynamodb.racing import THREADS, AmazonBakery
from tools import resources

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests from `make test`: they need Java, and npm once."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.dynamodb)


@pytest.fixture
def bakery() -> Iterator[AmazonBakery]:
    """Give a bakery whose database is Amazon's."""
    assert VARIABLE in os.environ, "run these by `make test-dynamodb`"
    client = get_session().create_client(
        "dynamodb",
        region_name=config.region(),
        config=Config(max_pool_connections=2 * THREADS, retries={"total_max_attempts": 1}),
    )
    resources.create_tables(client, config.stage())
    with AmazonBakery(client).open() as one:
        assert isinstance(one, AmazonBakery)
        yield one
