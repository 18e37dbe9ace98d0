"""An AWS in memory and an emulated Viber for every test; nothing here reaches the network."""

import json
import os

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_REGION="eu-central-1",
    STAGE="test",
    PUBLIC_URL="https://desk.example/api",
    ALLOW_LOCAL_MEDIA="yes",
    POWERTOOLS_SERVICE_NAME="viberdesk",
    POWERTOOLS_LOG_LEVEL="WARNING",
)
for name in ("AWS_ENDPOINT_URL", "CLOCK_OFFSET_SECONDS", "AWS_PROFILE", "JWKS_URL"):
    os.environ.pop(name, None)

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from moto import mock_aws
from moto.utilities.utils import load_resource

from chalicelib import tables
from tests import moto_copies, moto_keys

# Fixtures, for whichever test asks for them by name.
from tests.browser import admin, agent, chromium, running_demo  # noqa: F401
from tests.desk import Desk
from tests.serial import serialised

moto_keys.share()
# A model names its table when it is imported, and Chalice's test client has variables of its own.
assert tables.ALL


def pytest_collection_finish() -> None:
    """Keep the collector from walking all that is imported again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests recorded, whichever worker they ran on."""
    reports = [r for found in terminalreporter.stats.values() for r in found]
    figures = [each for r in reports for each in getattr(r, "user_properties", ())]
    for name, figure in dict.fromkeys((str(name), str(figure)) for name, figure in figures):
        terminalreporter.write_line(f"{name}: {figure}")


@pytest.fixture
def aws() -> Iterator[None]:
    """Give an empty AWS with this deployment's resources, as the template says."""
    with mock_aws():
        os.environ.update(moto_copies.create_all())
        yield


@pytest.fixture
def desk(new_desk: Callable[[], AbstractContextManager[Desk]]) -> Iterator[Desk]:
    """Give a running desk: an account with people, a connected bot, an emulated Viber."""
    with new_desk() as opened:
        yield opened


@pytest.fixture
def new_desk(jwks: str) -> Callable[[], AbstractContextManager[Desk]]:
    """Give the way to open a desk in an AWS of its own, for a test that needs many."""
    os.environ["JWKS_URL"] = jwks

    @contextmanager
    def opened() -> Iterator[Desk]:
        with mock_aws():
            os.environ.update(moto_copies.create_all())
            with serialised(tables.connection.client), Desk() as one:
                yield one

    return opened


@pytest.fixture(scope="session")
def jwks() -> Iterator[str]:
    """Serve the public keys of moto's Cognito, as Amazon serves those of a real pool."""
    body = json.dumps(load_resource("cognitoidp/resources/jwks-public.json")).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    server.shutdown()
    server.server_close()
