"""How requests leave for Viber: one small protocol, and the process's connections by urllib3."""

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    pass

CONNECTIONS_MAX = 10
# A function that was frozen wakes up with connections the other side has long closed; the first
# request on such a one would end as "no answer" though nobody ever saw it.
IDLE_SECONDS_MAX = 20

# What OpenSSL calls a handshake that failed. Any other TLS error may come after the request.
_HANDSHAKE_FAILURES = frozenset(
    {
        "NO_PROTOCOLS_AVAILABLE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "TLSV1_UNRECOGNIZED_NAME",
        "UNSUPPORTED_PROTOCOL",
    }
)


class NotConnected(Exception):
    """No connection came about, so nothing of the request can have arrived."""


class NoAnswer(Exception):
    """The request may have arrived and been obeyed, but no answer came back."""


class Transport(Protocol):
    """Carries one HTTP request."""

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        """Return the HTTP status and the body; `timeout` is to connect and to read, in seconds.

        Raises NotConnected or NoAnswer.
        """
        ...


@functools.cache
def shared() -> Transport:
    """Return the process's own transport, which keeps connections open between requests."""
    return PooledTransport()


class PooledTransport:
    """Carries requests by urllib3, without retries and without following redirects.

    `stopwatch` gives seconds from anywhere; it only measures how long connections were idle.
    """

    def __init__(self, stopwatch: Callable[[], float] = time.monotonic) -> None:
        from urllib3 import PoolManager

        self._pool: PoolManager = PoolManager(maxsize=CONNECTIONS_MAX)
        self._stopwatch = stopwatch
        self._used_at_seconds = stopwatch()

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        """Send one request once; raises NotConnected or NoAnswer."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        self._drop_idle_connections()
        connect_seconds, read_seconds = timeout
        try:
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=Timeout(connect=connect_seconds, read=read_seconds),
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            reason = type(error).__name__
            if _is_before_the_request(error):
                raise NotConnected(reason) from error
            raise NoAnswer(reason) from error
        return answer.status, answer.data

    def close(self) -> None:
        """Close the connections that are open."""
        self._pool.clear()

    def _drop_idle_connections(self) -> None:
        used_at_seconds, self._used_at_seconds = self._used_at_seconds, self._stopwatch()
        if self._used_at_seconds - used_at_seconds > IDLE_SECONDS_MAX:
            self._pool.clear()


def _is_before_the_request(error: Exception) -> bool:
    """Say whether urllib3 failed for certain before it sent anything."""
    import ssl

    from urllib3.exceptions import (
        ConnectTimeoutError,
        LocationValueError,
        NewConnectionError,
        SSLError,
    )

    if isinstance(error, NewConnectionError | ConnectTimeoutError | LocationValueError):
        return True
    if isinstance(error, SSLError):
        cause = error.args[0] if error.args else None
        return isinstance(cause, ssl.SSLCertVerificationError) or (
            isinstance(cause, ssl.SSLError) and cause.reason in _HANDSHAKE_FAILURES
        )
    return False
