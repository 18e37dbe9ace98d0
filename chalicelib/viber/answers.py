"""What Viber answers, read with tolerance: only what a caller cannot do without is required."""

from typing import Any

import msgspec

from chalicelib.viber.fields import (
    list_of,
    object_of,
    text_of,
    texts_of,
    token_of,
    whole_of,
)


class WebhookSet(msgspec.Struct, frozen=True, kw_only=True):
    """The webhook is set; `event_types` are the events Viber will send."""

    event_types: list[str]
    chat_hostname: str | None = None


class AccountInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A bot as Viber knows it; `uri` is its name in links, `name` what customers see."""

    id: str
    name: str
    uri: str
    icon: str | None = None
    background: str | None = None
    category: str | None = None
    subcategory: str | None = None
    country: str | None = None
    webhook: str | None = None
    event_types: list[str] = []
    subscribers_count: int | None = None
    chat_hostname: str | None = None


class UserDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A user's details; Viber: two questions per user in 12 hours."""

    id: str
    name: str | None = None
    avatar: str | None = None
    country: str | None = None
    language: str | None = None
    primary_device_os: str | None = None
    api_version: int | None = None
    viber_version: str | None = None
    mcc: int | None = None
    mnc: int | None = None
    device_type: str | None = None


class Online(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a user is online: 0 yes, 1 no, 2 not disclosed, 3 try later, 4 unavailable."""

    id: str
    online_status: int
    online_status_message: str = ""
    last_online_ms: int | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Viber took the message; its receipts will carry this token."""

    token: str
    billing_status: int | None = None
    chat_hostname: str | None = None


class FailedReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver of a broadcast whom Viber refused."""

    receiver: str
    status: int | None = None
    message: str = ""


class BroadcastSent(msgspec.Struct, frozen=True, kw_only=True):
    """Viber took the broadcast for all receivers but those in `failed`."""

    token: str
    billing_status: int | None = None
    failed: list[FailedReceiver] = []


def webhook_set(answer: dict[str, Any]) -> WebhookSet:
    """Read the answer to set_webhook."""
    return WebhookSet(
        event_types=texts_of(answer.get("event_types")),
        chat_hostname=text_of(answer.get("chat_hostname")),
    )


def account_info(answer: dict[str, Any]) -> AccountInfo | None:
    """Read the answer to get_account_info; None without an id."""
    account_id = text_of(answer.get("id"))
    if account_id is None:
        return None
    return AccountInfo(
        id=account_id,
        name=text_of(answer.get("name")) or "",
        uri=text_of(answer.get("uri")) or "",
        icon=text_of(answer.get("icon")),
        background=text_of(answer.get("background")),
        category=text_of(answer.get("category")),
        subcategory=text_of(answer.get("subcategory")),
        country=text_of(answer.get("country")),
        webhook=text_of(answer.get("webhook")),
        event_types=texts_of(answer.get("event_types")),
        subscribers_count=whole_of(answer.get("subscribers_count")),
        chat_hostname=text_of(answer.get("chat_hostname")),
    )


def user_details(answer: dict[str, Any]) -> UserDetails | None:
    """Read the answer to get_user_details; None without a user's id."""
    user = object_of(answer.get("user"))
    user_id = text_of(user.get("id"))
    if user_id is None:
        return None
    return UserDetails(
        id=user_id,
        name=text_of(user.get("name")),
        avatar=text_of(user.get("avatar")),
        country=text_of(user.get("country")),
        language=text_of(user.get("language")),
        primary_device_os=text_of(user.get("primary_device_os")),
        api_version=whole_of(user.get("api_version")),
        viber_version=text_of(user.get("viber_version")),
        mcc=whole_of(user.get("mcc")),
        mnc=whole_of(user.get("mnc")),
        device_type=text_of(user.get("device_type")),
    )


def online(answer: dict[str, Any]) -> list[Online]:
    """Read the answer to get_online, without users it says nothing about."""
    found = []
    for user in map(object_of, list_of(answer.get("users"))):
        user_id, status = text_of(user.get("id")), whole_of(user.get("online_status"))
        if user_id is not None and status is not None:
            found.append(
                Online(
                    id=user_id,
                    online_status=status,
                    online_status_message=text_of(user.get("online_status_message")) or "",
                    last_online_ms=whole_of(user.get("last_online")),
                )
            )
    return found


def sent(answer: dict[str, Any]) -> Sent | None:
    """Read the answer to send_message; None without a token."""
    token = token_of(answer.get("message_token"))
    if token is None:
        return None
    return Sent(
        token=token,
        billing_status=whole_of(answer.get("billing_status")),
        chat_hostname=text_of(answer.get("chat_hostname")),
    )


def broadcast_sent(answer: dict[str, Any]) -> BroadcastSent | None:
    """Read the answer to broadcast_message; None without a token."""
    token = token_of(answer.get("message_token"))
    if token is None:
        return None
    failed = []
    for line in map(object_of, list_of(answer.get("failed_list"))):
        receiver = text_of(line.get("receiver"))
        if receiver is not None:
            failed.append(
                FailedReceiver(
                    receiver=receiver,
                    status=whole_of(line.get("status")),
                    message=text_of(line.get("status_message")) or "",
                )
            )
    billing_status = whole_of(answer.get("billing_status"))
    return BroadcastSent(token=token, billing_status=billing_status, failed=failed)
