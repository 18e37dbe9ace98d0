"""The app behind the demo's gateway on a port of its own, for what speaks real HTTP."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws

from app import app
from chalicelib import tables
from demo.gateway import BODY_MAX_BYTES, Gateway, deployed_properties
from demo.servers import Server
from tests import moto_copies
from tests.desk import Desk
from tests.serial import serialised


@contextmanager
def served_desk(jwks: str) -> Iterator[tuple[Desk, str]]:
    """Give a desk and the address its app answers at."""
    with mock_aws():
        os.environ.update(moto_copies.create_all(), JWKS_URL=jwks)
        # As many requests as a test likes: how they are throttled is the gateway's own test.
        properties = dict(deployed_properties()) | {"MethodSettings": []}
        server = Server(0, body_max_bytes=BODY_MAX_BYTES)
        server.start(Gateway(app, properties).answer)
        try:
            with serialised(tables.connection.client), Desk() as desk:
                yield desk, server.url
        finally:
            server.stop()
