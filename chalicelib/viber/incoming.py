"""Viber's callbacks, read with all the tolerance their many dialects need."""

from collections.abc import Callable
from typing import Any

import msgspec

from chalicelib.viber.content import (
    Contact,
    Content,
    File,
    Location,
    Picture,
    RichMedia,
    Sticker,
    Text,
    Unsupported,
    Url,
    Video,
)
from chalicelib.viber.fields import (
    Unreadable,
    exact_of,
    flag_of,
    number_of,
    object_of,
    read_object,
    text_of,
    token_of,
    whole_of,
)

# The last instant that a date can tell; anything later is no time at all.
TIMESTAMP_MS_MAX = 253_402_300_799_999
USER_ID_LENGTH_MAX = 128
# What is kept beside every message of a talk is no room for a stranger's library.
COUNTRY_LENGTH, LANGUAGE_LENGTH_MAX, NAME_LENGTH_MAX = 2, 16, 200
AVATAR_LENGTH_MAX, CONTEXT_LENGTH_MAX = 2000, 2000
COUNT_MAX = 2**53 - 1


class Malformed(Exception):
    """A truly signed callback that cannot be understood; a repeat would be no better."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A Viber user as one bot sees him; anything but his id may be kept from us."""

    id: str
    name: str | None = None
    avatar: str | None = None
    country: str | None = None
    language: str | None = None
    api_version: int | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What all callbacks have; `token` is Viber's message_token, digit for digit."""

    event: str
    timestamp_ms: int | None = None
    token: str | None = None


class Webhook(Event, frozen=True, kw_only=True):
    """Viber tries the address that was just set."""


class Subscribed(Event, frozen=True, kw_only=True):
    """A user tapped subscribe."""

    user: User


class Unsubscribed(Event, frozen=True, kw_only=True):
    """A user left; he may not be written to."""

    user_id: str


class ConversationStarted(Event, frozen=True, kw_only=True):
    """A user opened the chat, perhaps by a deep link; it subscribes nobody."""

    user: User
    context: str | None = None
    subscribed: bool | None = None
    conversation_type: str | None = None


class Message(Event, frozen=True, kw_only=True):
    """A user wrote, or tapped a button that replies; `chat_id` is set outside a 1-to-1 chat."""

    sender: User
    content: Content
    tracking_data: str | None = None
    silent: bool = False
    chat_id: str | None = None
    reply_type: str | None = None


class Delivered(Event, frozen=True, kw_only=True):
    """A message reached one of the user's devices; one callback per device."""

    user_id: str


class Seen(Event, frozen=True, kw_only=True):
    """A message was seen, and perhaps those before it."""

    user_id: str


class Failed(Event, frozen=True, kw_only=True):
    """A client refused a message that Viber had taken."""

    user_id: str
    desc: str = ""


class ClientStatus(Event, frozen=True, kw_only=True):
    """A user pressed a payment button; `status` is Viber's own JSON."""

    user: User
    status: dict[str, Any]


class Unrecognised(Event, frozen=True, kw_only=True):
    """An event we do not know, such as `action`."""


Callback = (
    Webhook
    | Subscribed
    | Unsubscribed
    | ConversationStarted
    | Message
    | Delivered
    | Seen
    | Failed
    | ClientStatus
    | Unrecognised
)


def parse(body: bytes) -> Callback:
    """Understand one callback's raw body; raises Malformed and nothing else."""
    try:
        raw = read_object(body)
    except Unreadable as error:
        raise Malformed(str(error)) from error
    event = text_of(raw.get("event"))
    if event is None:
        raise Malformed("no event")
    read = _READERS.get(event, _unrecognised)
    return read(raw, event, _timestamp_ms(raw.get("timestamp")), token_of(raw.get("message_token")))


def _webhook(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    # In 2016 Viber exchanged the two numbers in this event, and its own test vector still does.
    if at is None and token_of(raw.get("timestamp")) is not None:
        exchanged_at = _timestamp_ms(raw.get("message_token"))
        if exchanged_at is not None:
            at, token = exchanged_at, token_of(raw.get("timestamp"))
    return Webhook(event=event, timestamp_ms=at, token=token)


def _subscribed(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    return Subscribed(event=event, timestamp_ms=at, token=token, user=_user(raw, "user"))


def _unsubscribed(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    return Unsubscribed(event=event, timestamp_ms=at, token=token, user_id=_user_id(raw))


def _started(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    return ConversationStarted(
        event=event,
        timestamp_ms=at,
        token=token,
        user=_user(raw, "user"),
        context=exact_of((exact_of(raw.get("context")) or "")[:CONTEXT_LENGTH_MAX]),
        subscribed=flag_of(raw.get("subscribed")),
        conversation_type=text_of(raw.get("type")),
    )


def _message(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    message = raw.get("message")
    if not isinstance(message, dict):
        raise Malformed("no message")
    return Message(
        event=event,
        timestamp_ms=at,
        token=token,
        sender=_user(raw, "sender"),
        content=_content(message),
        tracking_data=exact_of(message.get("tracking_data")),
        silent=flag_of(raw.get("silent")) or False,
        chat_id=text_of(raw.get("chat_id")),
        reply_type=text_of(raw.get("reply_type")),
    )


def _delivered(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    return Delivered(event=event, timestamp_ms=at, token=token, user_id=_user_id(raw))


def _seen(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    return Seen(event=event, timestamp_ms=at, token=token, user_id=_user_id(raw))


def _failed(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    desc = text_of(raw.get("desc")) or text_of(raw.get("descr")) or ""
    return Failed(event=event, timestamp_ms=at, token=token, user_id=_user_id(raw), desc=desc)


def _client_status(raw: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    return ClientStatus(
        event=event,
        timestamp_ms=at,
        token=token,
        user=_user(raw, "user"),
        status=object_of(raw.get("status")),
    )


def _unrecognised(_: dict[str, Any], event: str, at: int | None, token: str | None) -> Callback:
    return Unrecognised(event=event, timestamp_ms=at, token=token)


_READERS: dict[str, Callable[[dict[str, Any], str, int | None, str | None], Callback]] = {
    "webhook": _webhook,
    "subscribed": _subscribed,
    "unsubscribed": _unsubscribed,
    "conversation_started": _started,
    "message": _message,
    "delivered": _delivered,
    "seen": _seen,
    "failed": _failed,
    "client_status": _client_status,
}


def _content(message: dict[str, Any]) -> Content:
    # A customer has written, whatever it was: what its type needs may be missing, and then the
    # raw message is kept rather than lost.
    original_type = text_of(message.get("type")) or ""
    content = _known_content(original_type, message)
    return content or Unsupported(original_type=original_type, raw=message)


def _known_content(kind: str, message: dict[str, Any]) -> Content | None:
    text = message.get("text")
    caption = text if isinstance(text, str) else ""
    media = text_of(message.get("media"))
    match kind:
        case "text" if isinstance(text, str):
            return Text(text=text)
        case "picture" if media:
            return Picture(media=media, text=caption, thumbnail=text_of(message.get("thumbnail")))
        case "video" if media:
            return Video(
                media=media,
                size_bytes=_count(message.get("size")),
                duration_seconds=_count(message.get("duration")),
                thumbnail=text_of(message.get("thumbnail")),
                text=caption,
            )
        case "file" if media:
            return File(
                media=media,
                file_name=text_of(message.get("file_name")) or "",
                size_bytes=_count(message.get("size")),
            )
        case "url" if media:
            return Url(media=media, text=caption)
        case "contact":
            return _contact(object_of(message.get("contact")), caption)
        case "location":
            return _location(object_of(message.get("location")), caption)
        case "sticker":
            # HUB and live traffic disagree whether this is a number or a text.
            sticker_id = token_of(message.get("sticker_id"))
            return Sticker(sticker_id=sticker_id) if sticker_id else None
        case "rich_media" if isinstance(message.get("rich_media"), dict):
            alt_text = text_of(message.get("alt_text")) or ""
            return RichMedia(rich_media=message["rich_media"], alt_text=alt_text)
        case _:
            return None


def _contact(raw: dict[str, Any], text: str) -> Contact | None:
    name, phone_number = text_of(raw.get("name")), token_of(raw.get("phone_number"))
    if name is None and phone_number is None:
        return None
    avatar = text_of(raw.get("avatar"))
    return Contact(name=name or "", phone_number=phone_number or "", avatar=avatar, text=text)


def _location(raw: dict[str, Any], text: str) -> Location | None:
    lat, lon = number_of(raw.get("lat")), number_of(raw.get("lon"))
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None
    return Location(lat=lat, lon=lon, text=text)


def _user(raw: dict[str, Any], name: str) -> User:
    user = object_of(raw.get(name))
    country = _whole_text(user.get("country"), COUNTRY_LENGTH)
    return User(
        id=_id(user.get("id"), f"{name} id"),
        name=text_of((text_of(user.get("name")) or "")[:NAME_LENGTH_MAX]),
        avatar=_whole_text(user.get("avatar"), AVATAR_LENGTH_MAX),
        country=country if country is not None and len(country) == COUNTRY_LENGTH else None,
        language=_whole_text(user.get("language"), LANGUAGE_LENGTH_MAX),
        api_version=_count(user.get("api_version")),
    )


def _whole_text(value: Any, length_max: int) -> str | None:
    # Half an address or half a country would be another one.
    text = text_of(value)
    return text if text is not None and len(text) <= length_max else None


def _user_id(raw: dict[str, Any]) -> str:
    return _id(raw.get("user_id"), "user_id")


def _id(value: Any, name: str) -> str:
    user_id = text_of(value)
    if user_id is None:
        raise Malformed(f"no {name}")
    if len(user_id) > USER_ID_LENGTH_MAX:
        raise Malformed(f"{name} is longer than {USER_ID_LENGTH_MAX} characters")
    return user_id


def _timestamp_ms(value: Any) -> int | None:
    at = whole_of(value)
    return at if at is not None and 0 <= at <= TIMESTAMP_MS_MAX else None


def _count(value: Any) -> int | None:
    count = whole_of(value)
    return count if count is not None and 0 <= count <= COUNT_MAX else None
