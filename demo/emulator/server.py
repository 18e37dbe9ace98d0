"""The emulator as one HTTP server: /pa for bots, /control and /phone for people and tests."""

import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from demo.emulator.bot_api import BotApi
from demo.emulator.callbacks import Dispatcher, Post, poster, to_json
from demo.emulator.control import Control
from demo.emulator.media import MediaShelf
from demo.emulator.people import People, Unable
from demo.emulator.world import Missing, World

UPLOAD_BYTES = 60_000_000
IDLE_SECONDS = 60
SETTLE_SECONDS = 10
PAGE = Path(__file__).parent / "phone"
PAGE_FILES = {
    "/phone": ("index.html", "text/html; charset=utf-8"),
    "/phone/phone.js": ("phone.js", "text/javascript; charset=utf-8"),
    "/phone/bubbles.js": ("bubbles.js", "text/javascript; charset=utf-8"),
    "/phone/phone.css": ("phone.css", "text/css; charset=utf-8"),
}
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data: http: https:; media-src 'self' http: https:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `lost` closes the connection instead."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    lost: bool = False


def real_clock() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


class Emulator:
    """Viber on this machine.

    clock: the time all rules go by. post: delivers a callback, see `callbacks.Dispatcher`.
    synchronous: callbacks that a /control request causes are delivered before it is answered,
    those that a /pa request causes right after its answer; nothing is retried but by `pump`.
    Otherwise threads deliver, and one of them pumps every `pump_seconds`.
    seed: makes keys, ids and tokens repeatable.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = real_clock,
        post: Post | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        synchronous: bool = False,
        pump_seconds: float = 1.0,
        seed: int | None = None,
    ) -> None:
        self.world = World(clock, seed=seed)
        self.people = People(self.world)
        self.media = MediaShelf()
        self.dispatcher = Dispatcher(self.world, post or poster(), synchronous=synchronous)
        self.bot_api = BotApi(self.world, self.dispatcher.confirm)
        self.control = Control(self.world, self.people, self.dispatcher, self.media)
        self._pump_seconds = pump_seconds
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._server = _Server((host, port), self)
        self.world.url = self.url

    @property
    def url(self) -> str:
        """Give the server's address without a slash at its end."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def api_url(self) -> str:
        """Give the address that stands for https://chatapi.viber.com/pa."""
        return f"{self.url}/pa"

    def start(self) -> "Emulator":
        """Serve on threads of its own."""
        loops: list[Callable[[], None]] = [lambda: self._server.serve_forever(poll_interval=0.05)]
        if not self.dispatcher.synchronous:
            loops.append(self._pump)
        self._threads = [threading.Thread(target=loop, daemon=True) for loop in loops]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and sending, and close every connection."""
        self._stopping.set()
        self.dispatcher.stop()
        if self._threads:
            self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.close_connections()
        self._server.server_close()

    def settle(self, timeout_seconds: float = SETTLE_SECONDS) -> bool:
        """Wait until no callback is on its way; False when the time is over first."""
        return self.dispatcher.settle(timeout_seconds)

    def answer(
        self, method: str, target: str, raw: bytes = b"", *, key: str | None = None
    ) -> Answer:
        """Answer one request; `key` is the X-Viber-Auth-Token header."""
        address = urlsplit(target)
        path = unquote(address.path).rstrip("/")
        if path in PAGE_FILES and method == "GET":
            name, content_type = PAGE_FILES[path]
            return Answer((PAGE / name).read_bytes(), content_type=content_type)
        if path.startswith("/pa/") and method in ("GET", "POST"):
            return self._answer_bot(path.removeprefix("/pa/"), key, raw)
        try:
            if path.startswith("/media/") and method == "GET":
                media_id, _, name = path.removeprefix("/media/").partition("/")
                data, content_type = self.media.get(media_id, name)
                return Answer(data, content_type=content_type)
            query = dict(parse_qsl(address.query))
            value = self.control.call(method, path.removeprefix("/control"), query, raw)
        except Missing as error:
            return _problem(404, error)
        except Unable as error:
            return _problem(409, error)
        except (ValueError, msgspec.MsgspecError) as error:
            return _problem(400, error)
        if method != "GET":
            self.dispatcher.flush()
            if self.dispatcher.synchronous:
                # Another thread may be the one that is delivering.
                self.dispatcher.settle(SETTLE_SECONDS)
        return Answer(to_json(value))

    def _answer_bot(self, name: str, key: str | None, raw: bytes) -> Answer:
        reply = self.bot_api.call(name, key, raw)
        if reply is None:
            return _problem(404, f"/pa/{name}: no such call")
        if reply.http_status != 200:
            return Answer(b"<html>trouble</html>", reply.http_status, "text/html")
        return Answer(to_json(reply.body), lost=reply.lost)

    def _pump(self) -> None:
        while not self._stopping.wait(self._pump_seconds):
            self.dispatcher.pump()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], emulator: Emulator) -> None:
        self.emulator = emulator
        self._open: set[Any] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report bugs, and nothing of clients that hang up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def close_connections(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    # Buffered, so that head and body leave in one packet and nobody waits for an ACK.
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_GET  # noqa: N815
    do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Stay silent: the phone page shows what went over the wire."""

    def _handle(self) -> None:
        emulator = self.server.emulator
        length = int(self.headers.get("Content-Length") or 0)
        if length > UPLOAD_BYTES:
            self.close_connection = True
            self._write(_problem(413, f"body: at most {UPLOAD_BYTES} bytes"))
            return
        raw = self.rfile.read(length)
        key = self.headers.get("X-Viber-Auth-Token")
        answer = emulator.answer(self.command, self.path, raw, key=key)
        if answer.lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._write(answer)
        # What the bot's own call caused goes out after its answer, so that a receipt does
        # not overtake the token it belongs to.
        emulator.dispatcher.flush()

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        if answer.content_type.startswith("text/html"):
            self.send_header("Content-Security-Policy", PAGE_POLICY)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()


def _problem(status: int, cause: object) -> Answer:
    return Answer(to_json({"error": str(cause)}), status)
