"""What stands for Viber, and for Cognito's public keys."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PUBLIC_URL = "https://desk.example/api"
EVENT_TYPES = ("delivered", "seen", "failed", "conversation_started", "subscribed", "unsubscribed")


class Viber:
    """Stands for Viber where a request would leave: takes every message and gives it a token."""

    def __init__(self, tokens: Iterator[int]) -> None:
        self._tokens = tokens
        self.last_token = ""
        self.loses_answers = False
        self.bills = False
        self.heard: Callable[[str], None] = lambda _: None

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        """Answer one request."""
        from chalicelib.viber.transport import NoAnswer

        self.heard("viber")
        told: dict[str, Any] = {"status": 0, "status_message": "ok"}
        key = headers["X-Viber-Auth-Token"]
        match url.rpartition("/")[2]:
            case "get_account_info":
                told |= {
                    "id": f"pa:{key}",
                    "name": "Пекарня «Хліб і Сіль»",
                    "uri": "pekarnia",
                    "country": "UA",
                    "webhook": f"{PUBLIC_URL}/viber/{key}",
                    "event_types": list(EVENT_TYPES),
                }
            case "send_message":
                if self.loses_answers:
                    raise NoAnswer("ReadTimeoutError")
                self.last_token = str(next(self._tokens))
                told |= {
                    "message_token": int(self.last_token),
                    "billing_status": 5 if self.bills else 1,
                }
        return 200, json.dumps(told).encode()


@contextmanager
def keys_of_people() -> Iterator[str]:
    """Serve the public keys of moto's Cognito, as Amazon serves those of a real pool."""
    from moto.utilities.utils import load_resource

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
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    finally:
        server.shutdown()
        server.server_close()
