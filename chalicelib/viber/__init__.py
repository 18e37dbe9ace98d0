"""Viber's wire: callbacks in, messages and requests out; it knows nothing of the desk."""

from chalicelib.viber.answers import (
    AccountInfo,
    BroadcastSent,
    FailedReceiver,
    Online,
    Sent,
    UserDetails,
    WebhookSet,
)
from chalicelib.viber.client import Client, Refused, Unknown
from chalicelib.viber.content import (
    Content,
    Sendable,
    Unsupported,
    decode,
    encode,
    media_url,
    summary,
    type_of,
)
from chalicelib.viber.incoming import Callback, Malformed, User, parse
from chalicelib.viber.limits import Unsendable
from chalicelib.viber.outgoing import check, check_keyboard, check_size, payload, sender_name
from chalicelib.viber.signature import is_true, sign
from chalicelib.viber.status import STOPS_SENDING, BillingStatus, Status, words
from chalicelib.viber.transport import NoAnswer, NotConnected, Transport

__all__ = [
    "STOPS_SENDING",
    "AccountInfo",
    "BillingStatus",
    "BroadcastSent",
    "Callback",
    "Client",
    "Content",
    "FailedReceiver",
    "Malformed",
    "NoAnswer",
    "NotConnected",
    "Online",
    "Refused",
    "Sendable",
    "Sent",
    "Status",
    "Transport",
    "Unknown",
    "Unsendable",
    "Unsupported",
    "User",
    "UserDetails",
    "WebhookSet",
    "check",
    "check_keyboard",
    "check_size",
    "decode",
    "encode",
    "is_true",
    "media_url",
    "parse",
    "payload",
    "sender_name",
    "sign",
    "summary",
    "type_of",
    "words",
]
