"""Viber's REST API for bots.

Every call ends in one of three ways: an answer, Refused (Viber certainly did not do it), or
Unknown (it may have). Only these two exceptions leave this module, and neither holds the key.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from chalicelib.viber import answers, status, transport
from chalicelib.viber.answers import (
    AccountInfo,
    BroadcastSent,
    Online,
    Sent,
    UserDetails,
    WebhookSet,
)
from chalicelib.viber.fields import Unreadable, read_object, text_of, whole_of
from chalicelib.viber.status import Status
from chalicelib.viber.transport import NoAnswer, NotConnected, Transport

ONLINE_IDS_MAX = 100
BROADCAST_RECEIVERS_MAX = 300
STATUS_MAX = 99
NOT_CONNECTED_WORDS = "Viber could not be reached, so nothing was sent. Try again in a few minutes."

_KEY = re.compile(r"[\x21-\x7e]+")

# Viber answers a webhook it could not reach with status 1 and, often, its own Java exception.
_WEBHOOK_HINTS = (
    (
        r"PKIX|certificat|SSL|handshake",
        "Viber does not trust the certificate of the webhook address. It must come from a public"
        " authority and be sent with its whole chain.",
    ),
    (
        r"UnknownHost|name or service|resolve",
        "Viber cannot find the host of the webhook address. Check its spelling and its DNS.",
    ),
    (
        r"time[d]?[ -]?out",
        "The webhook address did not answer Viber in time. Check that it is up, then try again.",
    ),
    (
        r"refused|unreachable|no route|connect",
        "Viber cannot connect to the webhook address. It must be reachable from the internet over"
        " https on port 443.",
    ),
    (
        r"\b[45]\d\d\b|HttpStatus|response code",
        "The webhook address did not answer Viber with HTTP 200. Check that the bot's key is the"
        " right one, then connect again.",
    ),
)


class Refused(Exception):
    """Viber certainly did not take the request.

    `status` is Viber's number, None if it gave none; `http_status` is 0 if there was no answer;
    `words` tell an agent what it means and what to do.
    """

    def __init__(
        self, *, status: int | None, status_message: str, http_status: int, words: str
    ) -> None:
        super().__init__(f"status {status}, HTTP {http_status}: {status_message}")
        self.status = status
        self.status_message = status_message
        self.http_status = http_status
        self.words = words


class Unknown(Exception):
    """Nobody can say whether Viber took the request; it must not be repeated by itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Client:
    """One bot's voice at Viber; a call raises Refused or Unknown."""

    def __init__(
        self,
        key: str,
        *,
        base_url: str,
        http: Transport | None = None,
        connect_timeout_seconds: float = 3.05,
        read_timeout_seconds: float = 10,
    ) -> None:
        self._key = key.strip()
        self._base_url = base_url.rstrip("/")
        self._http = http
        self._timeout = (connect_timeout_seconds, read_timeout_seconds)

    def __repr__(self) -> str:
        return f"Client(base_url={self._base_url!r})"

    def set_webhook(
        self,
        url: str,
        *,
        event_types: Sequence[str] | None = None,
        send_name: bool = True,
        send_photo: bool = True,
    ) -> WebhookSet:
        """Have callbacks sent to `url`; Viber calls it before it answers.

        `event_types` None asks for all events, an empty list for the mandatory ones only.
        """
        body: dict[str, Any] = {"url": url, "send_name": send_name, "send_photo": send_photo}
        if event_types is not None:
            body["event_types"] = list(event_types)
        try:
            return answers.webhook_set(self._call("set_webhook", body))
        except Refused as refusal:
            if refusal.status == Status.INVALID_URL:
                refusal.words = _webhook_words(refusal.status_message)
            raise

    def remove_webhook(self) -> None:
        """Stop callbacks; this also switches off the 1-to-1 chat with the bot."""
        self._call("set_webhook", {"url": ""})

    def get_account_info(self) -> AccountInfo:
        """Ask who the bot is."""
        found = answers.account_info(self._call("get_account_info", {}))
        if found is None:
            raise Unknown("the answer has no id")
        return found

    def get_user_details(self, user_id: str) -> UserDetails:
        """Ask about a user; Viber: at most twice per user in 12 hours."""
        found = answers.user_details(self._call("get_user_details", {"id": user_id}))
        if found is None:
            raise Unknown("the answer has no user")
        return found

    def get_online(self, ids: Sequence[str]) -> list[Online]:
        """Ask which of at most 100 users are online."""
        if len(ids) > ONLINE_IDS_MAX:
            raise ValueError(f"at most {ONLINE_IDS_MAX} ids, not {len(ids)}")
        return answers.online(self._call("get_online", {"ids": list(ids)})) if ids else []

    def send_message(self, receiver: str, payload: dict[str, Any]) -> Sent:
        """Send one message, made by `outgoing.payload`, to one user."""
        found = answers.sent(self._call("send_message", {"receiver": receiver, **payload}))
        if found is None:
            raise Unknown("status 0 without a message_token")
        return found

    def broadcast_message(self, receivers: Sequence[str], payload: dict[str, Any]) -> BroadcastSent:
        """Send one message to 1 to 300 users."""
        if not 0 < len(receivers) <= BROADCAST_RECEIVERS_MAX:
            raise ValueError(f"1 to {BROADCAST_RECEIVERS_MAX} receivers, not {len(receivers)}")
        body = {"broadcast_list": list(receivers), **payload}
        found = answers.broadcast_sent(self._call("broadcast_message", body))
        if found is None:
            raise Unknown("status 0 without a message_token")
        return found

    def _call(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "X-Viber-Auth-Token": self._header_key()}
        http = self._http or transport.shared()
        url = f"{self._base_url}/{endpoint}"
        try:
            http_status, answer = http.request("POST", url, _written(body), headers, self._timeout)
        except NotConnected as error:
            raise Refused(
                status=None,
                status_message=f"no connection: {error}",
                http_status=0,
                words=NOT_CONNECTED_WORDS,
            ) from error
        except NoAnswer as error:
            raise Unknown(f"no answer: {error}") from error
        return _taken(http_status, answer)

    def _header_key(self) -> str:
        # A line break or a Cyrillic letter pasted with the key cannot travel in a header, and the
        # library's own error would print the key.
        if not _KEY.fullmatch(self._key):
            raise _refused(Status.INVALID_AUTH_TOKEN, "the key has characters no key has", 0)
        return self._key


def _written(body: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _refused(Status.BAD_DATA, "the request cannot be written as JSON", 0) from error


def _taken(http_status: int, body: bytes) -> dict[str, Any]:
    """Return the answer of a request that Viber took."""
    # Before the body: whatever a failing server in front of Viber says in JSON, its `status` (500,
    # 503) is not Viber's word.
    if http_status >= 500:
        raise Unknown(f"HTTP {http_status}")
    try:
        answer = read_object(body)
    except Unreadable as error:
        if 400 <= http_status < 500:
            raise _refused_by_http(http_status, {}) from error
        raise Unknown(f"HTTP {http_status}, and the answer is {error}") from error
    if 400 <= http_status < 500:
        raise _refused_by_http(http_status, answer)
    number = whole_of(answer.get("status"))
    if number is None:
        raise Unknown(f"HTTP {http_status}, and the answer has no status")
    if number != Status.OK:
        raise _refused(number, text_of(answer.get("status_message")) or "", http_status)
    if not 200 <= http_status < 300:
        raise Unknown(f"HTTP {http_status}")
    return answer


def _refused_by_http(http_status: int, answer: dict[str, Any]) -> Refused:
    number = whole_of(answer.get("status"))
    message = text_of(answer.get("status_message")) or f"HTTP {http_status}"
    # Frameworks write the HTTP status itself under this name; Viber's numbers are small.
    if number is not None and 0 < number <= STATUS_MAX:
        return _refused(number, message, http_status)
    if http_status == 429:
        return _refused(Status.TOO_MANY_REQUESTS, message, http_status)
    return Refused(
        status=None,
        status_message=message,
        http_status=http_status,
        words=f"Viber refused the request with HTTP {http_status}. If it stays, report it to"
        " support.",
    )


def _refused(number: int, message: str, http_status: int) -> Refused:
    return Refused(
        status=int(number),
        status_message=message,
        http_status=http_status,
        words=status.words(number),
    )


def _webhook_words(status_message: str) -> str:
    for pattern, hint in _WEBHOOK_HINTS:
        if re.search(pattern, status_message, re.IGNORECASE):
            return hint
    return status.words(Status.INVALID_URL)
