"""Counts every operation once, in a container that has done it once before."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.meter import Count, Meter
from bench.operations import OPERATIONS, Act
from bench.shop import STAGE, Shop

SERVICES = ("sqs", "kms", "s3", "cognito-idp")


class Counter:
    """Counts what acts in one shop take."""

    def __init__(self, shop: Shop, endpoint_url: str) -> None:
        from botocore.session import get_session

        from chalicelib import aws, config, tables

        self._shop = shop
        self._clients = [tables.connection.client, *(aws.client(each) for each in SERVICES)]
        self._observer: Any = get_session().create_client(
            "dynamodb", region_name=config.region(), endpoint_url=endpoint_url
        )

    def count(self, act: Act) -> Count:
        """Count what one act takes."""
        with Meter(self._clients, self._observer, STAGE) as meter, self._heard_by(meter):
            act()
        return meter.count

    @contextmanager
    def _heard_by(self, meter: Meter) -> Iterator[None]:
        before, self._shop.viber.heard = self._shop.viber.heard, meter.call
        try:
            yield
        finally:
            self._shop.viber.heard = before


def counts(shop: Shop, endpoint_url: str) -> Iterator[tuple[str, Count]]:
    """Count every operation there is, after doing it once uncounted."""
    counter = Counter(shop, endpoint_url)
    for name, prepare in OPERATIONS.items():
        prepare(shop)()
        shop.queued()
        yield name, counter.count(prepare(shop))
        shop.queued()
