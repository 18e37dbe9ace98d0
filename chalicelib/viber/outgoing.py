"""What goes out: checked against Viber's limits before it costs anything, then put in its JSON.

Where Viber's pages differ the limit taken here is the one that is safe under all of them, or
today's official one; the constant's comment says which.
"""

import math
import re
from typing import Any

import msgspec

from chalicelib.viber.buttons import api_level, check_keyboard, check_rich_media
from chalicelib.viber.content import (
    Contact,
    Content,
    File,
    Location,
    Payment,
    Picture,
    RichMedia,
    Sendable,
    Sticker,
    Text,
    Unsupported,
    Url,
    Video,
)
from chalicelib.viber.limits import Unsendable, check_https, check_text, check_whole, units
from chalicelib.viber.media import (
    PICTURE_EXTENSIONS,
    VIDEO_EXTENSIONS,
    VIDEO_THUMBNAIL_EXTENSIONS,
    check_file_extension,
    check_media,
)

__all__ = ["Unsendable", "check", "check_keyboard", "check_size", "payload", "sender_name"]

TEXT_LENGTH_MAX = 7000
CAPTION_LENGTH_MAX = (
    768  # Older pages say 120, resellers 512; the official page has said 768 since 2023.
)
VIDEO_BYTES_MAX = 27_262_976  # 26 MB; older pages say 50 MB.
VIDEO_SECONDS_MAX = 180
FILE_BYTES_MAX = 52_428_800
FILE_NAME_LENGTH_MAX = 256
CONTACT_NAME_LENGTH_MAX = 28
PHONE_NUMBER_LENGTH_MAX = 18
TRACKING_DATA_LENGTH_MAX = 4000
SENDER_NAME_LENGTH_MAX = 28
REQUEST_BYTES_MAX = 30_000  # "30 kB"; 30 720 would be the other reading.
RECEIVER_BYTES = 27  # An id of 24 characters, its quotes and a comma.
ENVELOPE_BYTES = 32  # The names and brackets around the receivers.

RICH_MEDIA_API_LEVEL = 2  # The SDKs' number; the official sample's 1 gets status 14.
PAYMENT_API_LEVEL = 10


_PHONE_NUMBER = re.compile(r"\+?[0-9]+")
_STICKER_ID = re.compile(r"[0-9]{1,18}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = " \u200b\u200c\u200d\u2060\ufeff"


def check(content: Sendable, *, position: int = 0) -> None:
    """Check one part of a reply against Viber's limits; raises Unsendable."""
    _check(content, f"parts[{position}]")


def payload(
    content: Sendable,
    *,
    sender_name: str,
    sender_avatar: str | None = None,
    tracking_data: str = "",
    keyboard: dict[str, Any] | None = None,
    min_api_version: int | None = None,
) -> dict[str, Any]:
    """Put content into the JSON of send_message, without its receiver.

    A given `min_api_version` is raised to what the content and the keyboard need.
    Raises Unsendable for tracking data over 4000 characters.
    """
    check_text(tracking_data, "tracking_data", TRACKING_DATA_LENGTH_MAX, may_be_blank=True)
    sender = {"name": _cut_name(sender_name, "Bot")}
    if sender_avatar:
        sender["avatar"] = sender_avatar
    level = max(min_api_version or 1, _api_level(content))
    # Viber's own Node library learnt that tracking_data must not be null: it is sent when empty.
    body = {"sender": sender, "tracking_data": tracking_data, **_body(content)}
    if keyboard is not None:
        level = max(level, api_level(keyboard, is_keyboard=True))
        body["keyboard"] = {"Type": "keyboard", **keyboard}
    return {"min_api_version": level, **body}


def check_size(payload: dict[str, Any], *, receivers: int = 1, position: int = 0) -> None:
    """Check that a payload and its receivers' ids stay within Viber's 30 kB of JSON.

    Raises Unsendable; `receivers` counts them for a broadcast.
    """
    field = f"parts[{position}]"
    try:
        size_bytes = len(msgspec.json.encode(payload))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unsendable(field, "the message cannot be written as JSON") from error
    most = REQUEST_BYTES_MAX - ENVELOPE_BYTES - RECEIVER_BYTES * receivers
    if size_bytes > most:
        raise Unsendable(
            field, f"the message is {size_bytes} bytes of JSON; with its receivers {most} fit"
        )


def sender_name(name: str, default: str = "Bot") -> str:
    """Make the name a customer sees: one line, at most 28 characters, never empty.

    It is cut between whole characters as people see them; `default` stands in for a blank one.
    """
    return _cut_name(name, default)


def _cut_name(name: str, default: str) -> str:
    for candidate in (name, default):
        visible = " ".join(_CONTROL.sub(" ", candidate).split()).strip(_INVISIBLE)
        if visible:
            return _cut(visible, SENDER_NAME_LENGTH_MAX)
    return "Bot"


def _cut(text: str, length_max: int) -> str:
    if units(text) <= length_max:
        return text
    from wcwidth import iter_graphemes

    kept = ""
    for grapheme in iter_graphemes(text):
        if units(kept) + units(grapheme) > length_max:
            break
        kept += grapheme
    # One character may be longer than the limit (letters with piles of accents): then no whole
    # one fits, and its first code points are better than no name.
    return kept.rstrip() or text[: length_max // 2]


def _check(content: Content, at: str) -> None:
    match content:
        case Text(text=text):
            check_text(text, f"{at}.text", TEXT_LENGTH_MAX)
        case Picture():
            check_media(content.media, f"{at}.media", PICTURE_EXTENSIONS)
            check_text(content.text, f"{at}.text", CAPTION_LENGTH_MAX, may_be_blank=True)
            _check_thumbnail(content.thumbnail, at, PICTURE_EXTENSIONS)
        case Video():
            _check_video(content, at)
        case File():
            _check_file(content, at)
        case Contact():
            _check_contact(content, at)
        case Location():
            _check_degrees(content.lat, f"{at}.lat", 90)
            _check_degrees(content.lon, f"{at}.lon", 180)
            _check_no_text(content.text, at, "location")
        case Url(media=media, text=text):
            check_https(media, f"{at}.media")
            _check_no_text(text, at, "link")
        case Sticker(sticker_id=sticker_id):
            if not _STICKER_ID.fullmatch(sticker_id):
                raise Unsendable(f"{at}.sticker_id", "sticker_id must be a number such as 46105")
        case RichMedia():
            check_rich_media(content.rich_media, field=f"{at}.rich_media")
            check_text(content.alt_text, f"{at}.alt_text", TEXT_LENGTH_MAX, may_be_blank=True)
        case Payment(payment=payment):
            _check_payment(payment, f"{at}.payment")
        case Unsupported():
            raise Unsendable(f"{at}.type", "a message of an unknown type only comes in")


def _check_video(video: Video, at: str) -> None:
    check_media(video.media, f"{at}.media", VIDEO_EXTENSIONS)
    check_whole(video.size_bytes, f"{at}.size_bytes", 1, VIDEO_BYTES_MAX)
    if video.duration_seconds is not None:
        check_whole(video.duration_seconds, f"{at}.duration_seconds", 0, VIDEO_SECONDS_MAX)
    _check_thumbnail(video.thumbnail, at, VIDEO_THUMBNAIL_EXTENSIONS)
    _check_no_text(video.text, at, "video")


def _check_file(file: File, at: str) -> None:
    check_text(file.file_name, f"{at}.file_name", FILE_NAME_LENGTH_MAX)
    check_file_extension(file.file_name, f"{at}.file_name")
    check_file_extension(check_https(file.media, f"{at}.media"), f"{at}.media")
    check_whole(file.size_bytes, f"{at}.size_bytes", 1, FILE_BYTES_MAX)


def _check_contact(contact: Contact, at: str) -> None:
    check_text(contact.name, f"{at}.name", CONTACT_NAME_LENGTH_MAX)
    check_text(contact.phone_number, f"{at}.phone_number", PHONE_NUMBER_LENGTH_MAX)
    if not _PHONE_NUMBER.fullmatch(contact.phone_number):
        raise Unsendable(
            f"{at}.phone_number",
            "phone_number must be digits with the country code, such as +380441234567",
        )
    if contact.avatar is not None:
        check_https(contact.avatar, f"{at}.avatar")
    _check_no_text(contact.text, at, "contact")


def _check_payment(payment: dict[str, Any], at: str) -> None:
    check_text(payment.get("type"), f"{at}.type", CAPTION_LENGTH_MAX)
    price = payment.get("total_price")
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0 < price < math.inf:
        raise Unsendable(f"{at}.total_price", "total_price must be a number above zero")
    currency = payment.get("currency_code")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise Unsendable(f"{at}.currency_code", "currency_code must be three letters such as UAH")
    if not isinstance(payment.get("payment_parameters"), list | dict):
        raise Unsendable(f"{at}.payment_parameters", "payment_parameters are missing")


def _check_thumbnail(url: str | None, at: str, extensions: frozenset[str]) -> None:
    if url is not None:
        check_media(url, f"{at}.thumbnail", extensions)


def _check_degrees(degrees: float, field: str, most: int) -> None:
    # Viber's own Python library refuses the bounds themselves, so they are not tried.
    if not -most < degrees < most:
        raise Unsendable(field, f"the degrees must be between -{most} and {most}")


def _check_no_text(text: str, at: str, kind: str) -> None:
    # Viber documents none here and would drop it without a word.
    if text.strip():
        raise Unsendable(
            f"{at}.text", f"Viber shows no text with a {kind}; send it as its own part"
        )


def _api_level(content: Sendable) -> int:
    match content:
        case RichMedia(rich_media=rich_media):
            return max(RICH_MEDIA_API_LEVEL, api_level(rich_media, is_keyboard=False))
        case Payment():
            return PAYMENT_API_LEVEL
        case _:
            return 1


def _body(content: Sendable) -> dict[str, Any]:
    body = {"type": content.__struct_config__.tag, **_type_fields(content)}
    return {name: value for name, value in body.items() if value is not None}


def _type_fields(content: Sendable) -> dict[str, Any]:
    match content:
        case Text(text=text):
            return {"text": text}
        case Picture():
            return {"text": content.text, "media": content.media, "thumbnail": content.thumbnail}
        case Video():
            return {
                "media": content.media,
                "size": content.size_bytes,
                "duration": content.duration_seconds,
                "thumbnail": content.thumbnail,
            }
        case File():
            return {
                "media": content.media,
                "size": content.size_bytes,
                "file_name": content.file_name,
            }
        case Contact():
            card = {"name": content.name, "phone_number": content.phone_number}
            return {"contact": card | ({"avatar": content.avatar} if content.avatar else {})}
        case Location(lat=lat, lon=lon):
            return {"location": {"lat": lat, "lon": lon}}
        case Url(media=media):
            return {"media": media}
        case Sticker(sticker_id=sticker_id):
            # The official page says text; both SDKs have always sent the number.
            return {"sticker_id": int(sticker_id) if sticker_id.isdecimal() else sticker_id}
        case RichMedia(rich_media=rich_media, alt_text=alt_text):
            carousel = {"Type": "rich_media", **rich_media}
            return {"rich_media": carousel, "alt_text": alt_text or None}
        case Payment(payment=payment):
            return {"payment": payment}
