"""A small HTTP server on this machine alone: one function answers every request."""

import errno
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.0.1"
IDLE_SECONDS = 60
# Read and thrown away, so that the sender hears the refusal instead of a broken pipe.
DRAINED_MAX_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024


class PortTaken(OSError):
    """Another program listens on the port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port} is taken")
        self.port = port


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are in lower case, `target` has the raw query.

    `body` is None when it is longer than the server takes or not sent with its length.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes = b""


class Server:
    """Serves on threads of its own; port 0 is any free one. Raises PortTaken.

    The port is held from the start, but nobody is answered before `start`.
    """

    def __init__(self, port: int, *, body_max_bytes: int) -> None:
        self.body_max_bytes = body_max_bytes
        try:
            self._server = _Listener((HOST, port), self)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(port) from None
            raise
        self._thread: threading.Thread | None = None
        self.answer: Callable[[Request], Answer]

    @property
    def url(self) -> str:
        """Give the address without a slash at its end."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def start(self, answer: Callable[[Request], Answer]) -> None:
        """Answer from now on."""
        self.answer = answer
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True, name=self.url
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.close_connections()
        self._server.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    # Whoever is being answered does not keep us from stopping.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self.owner = owner
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
    server_version = "viberdesk-demo"
    sys_version = ""
    timeout = IDLE_SECONDS
    # Buffered, so that head and body leave in one packet and nobody waits for an ACK.
    wbufsize = -1
    server: _Listener

    def do_GET(self) -> None:
        owner = self.server.owner
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(owner.body_max_bytes))
        self._write(owner.answer(request))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Stay silent; who answers may log."""

    def _body(self, max_bytes: int) -> bytes | None:
        told = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not told.isdecimal():
            self.close_connection = True
            return None
        length = int(told)
        if length <= max_bytes:
            return self.rfile.read(length)
        self.close_connection = True
        left = min(length, DRAINED_MAX_BYTES)
        while left > 0 and (chunk := self.rfile.read(min(left, CHUNK_BYTES))):
            left -= len(chunk)
        return None

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.wfile.write(answer.body)
        self.wfile.flush()
