"""Fetches a file from an address that a stranger gave: public, https, in time, not too large."""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from chalicelib import config

SIZE_MAX_BYTES = 52_428_800
"""Viber: a file has at most 50 MB, everything else less."""

CHUNK_BYTES = 64 * 1024
STEP_TIMEOUT_SECONDS = 10
WHOLE_TIMEOUT_SECONDS = 40
STRANGERS_TIMEOUT_SECONDS = 10
VIBERS_DOMAIN = "viber.com"
REDIRECTS_MAX = 3
REDIRECTS = (301, 302, 303, 307, 308)
GONE = (401, 403, 404, 410)
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")
UNKNOWN_TYPE = "application/octet-stream"


class Unreachable(Exception):
    """The file could not be fetched; `is_final` says that another try cannot help."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Fetched(NamedTuple):
    """What a fetched file is."""

    media_type: str
    size_bytes: int
    name: str | None


def patience(host: str) -> float:
    """Tell how many seconds a server has for all of it: few, unless it is one of Viber's.

    Few fetch for all accounts, and each account can name a server of its own.
    """
    is_vibers = f".{host}".lower().endswith(f".{VIBERS_DOMAIN}")
    return WHOLE_TIMEOUT_SECONDS if is_vibers else STRANGERS_TIMEOUT_SECONDS


def fetch(url: str, into: Any, *, patience: Callable[[str], float] = patience) -> Fetched:
    """Write what lies at an address into a file object.

    The name is looked up once and connected to as it was checked, so that it cannot change its
    mind; every redirect is checked anew. A server that drips is cut off, and redirects take of
    the same time. Raises Unreachable, whatever the server does.
    """
    began = time.monotonic()
    try:
        for _ in range(REDIRECTS_MAX + 1):
            host = urlsplit(url).hostname or ""
            left = patience(host) - (time.monotonic() - began)
            if left <= 0:
                raise Unreachable("too slow")
            with _answer(url, left) as answer:
                if answer.status not in REDIRECTS:
                    return _taken(answer, url, into)
                url = urljoin(url, answer.headers.get("Location", ""))
    except (OSError, http.client.HTTPException, ValueError) as error:
        # ValueError covers what cannot be an address or a header; a cut-off is an OSError.
        raise Unreachable(type(error).__name__) from None
    raise Unreachable("too many redirects", is_final=True)


def _taken(answer: http.client.HTTPResponse, url: str, into: Any) -> Fetched:
    if answer.status != 200:
        raise Unreachable(f"HTTP {answer.status}", is_final=answer.status in GONE)
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Unreachable("an encoding nobody asked for", is_final=True)
    size_bytes = 0
    while chunk := answer.read1(CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > SIZE_MAX_BYTES:
            raise Unreachable("larger than Viber's limit", is_final=True)
        into.write(chunk)
    if answer.length:
        raise Unreachable("cut short")
    told = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
    media_type = told if MEDIA_TYPE.fullmatch(told) else UNKNOWN_TYPE
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return Fetched(media_type, size_bytes, name[:200] or None)


@contextmanager
def _answer(url: str, seconds: float) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    is_local_allowed = config.may_fetch_from_this_machine()
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local_allowed):
        raise Unreachable("not an https address", is_final=True)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if port != 443 and not is_local_allowed:
        raise Unreachable("not the port of https", is_final=True)
    address = _checked(parts.hostname or "", port, is_local_allowed=is_local_allowed)
    connection = _Pinned(parts.hostname or "", port, address, is_secure=parts.scheme == "https")
    watchdog = threading.Timer(seconds, connection.cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
        connection.request("GET", target + query, headers={"Accept-Encoding": "identity"})
        yield connection.getresponse()
        if connection.is_cut:
            # Without a length, what was cut off looks like all there is.
            raise Unreachable("too slow")
    finally:
        watchdog.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was checked, under the name it was checked for."""

    def __init__(self, host: str, port: int, address: str, *, is_secure: bool) -> None:
        super().__init__(host, port, timeout=STEP_TIMEOUT_SECONDS)
        self.is_cut = False
        self._address = address
        self._wire: socket.socket | None = None
        self._is_secure = is_secure

    def connect(self) -> None:
        """Connect; a certificate must be the name's."""
        self.sock = socket.create_connection((self._address, self.port), STEP_TIMEOUT_SECONDS)
        if self._is_secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
        self._wire = self.sock
        if self.is_cut:
            raise TimeoutError

    def cut(self) -> None:
        """End the connection under whoever reads from it."""
        self.is_cut = True
        # A connection that its server will close lets go of its socket before the body is read.
        wire = self._wire or self.sock
        if wire is not None:
            try:
                wire.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def _checked(host: str, port: int, *, is_local_allowed: bool) -> str:
    # IPv4 alone: some IPv6 forms carry a private IPv4 address and still count as global.
    found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
    for *_, where in found:
        address = ipaddress.ip_address(where[0])
        if address.is_global or (is_local_allowed and address.is_loopback):
            return str(address)
    raise Unreachable("not a public address", is_final=True)
