"""What a message carries, in both directions; tags and most names are Viber's."""

from typing import Any

import msgspec

SUMMARY_LENGTH_MAX = 140


class Strict(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    """What all contents share: no field but those told here, so that a misspelt one is seen."""


class Text(Strict, frozen=True, tag="text"):
    """A text."""

    text: str


class Picture(Strict, frozen=True, tag="picture"):
    """A still picture at a URL, with a caption that may be empty."""

    media: str
    text: str = ""
    thumbnail: str | None = None


class Video(Strict, frozen=True, tag="video"):
    """A video at a URL; Viber wants to know its size before it takes one."""

    media: str
    size_bytes: int | None = None
    duration_seconds: int | None = None
    thumbnail: str | None = None
    text: str = ""


class File(Strict, frozen=True, tag="file"):
    """Any other file at a URL; Viber wants to know its size before it takes one."""

    media: str
    file_name: str
    size_bytes: int | None = None


class Contact(Strict, frozen=True, tag="contact"):
    """A card with a phone number, also what a share-phone button sends."""

    name: str
    phone_number: str
    avatar: str | None = None
    text: str = ""


class Location(Strict, frozen=True, tag="location"):
    """A place, in degrees."""

    lat: float
    lon: float
    text: str = ""


class Url(Strict, frozen=True, tag="url"):
    """A link."""

    media: str
    text: str = ""


class Sticker(Strict, frozen=True, tag="sticker"):
    """One of Viber's stickers, by its number written as a text."""

    sticker_id: str


class RichMedia(Strict, frozen=True, tag="rich_media"):
    """A carousel of cards in Viber's own JSON, with a text for clients too old for it."""

    rich_media: dict[str, Any]
    alt_text: str = ""


class Payment(Strict, frozen=True, tag="payment"):
    """A request to pay in Viber's own JSON; it only ever goes out."""

    payment: dict[str, Any]


class Unsupported(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="unsupported"):
    """A message of a type we do not know, or one that lacks what its type needs; it only comes in.

    `raw` is Viber's message object as it came.
    """

    original_type: str
    raw: dict[str, Any]


Sendable = Text | Picture | Video | File | Contact | Location | Url | Sticker | RichMedia | Payment
Content = Sendable | Unsupported


def encode(content: Content) -> dict[str, Any]:
    """Turn content into plain values, its tag under `type`."""
    plain: dict[str, Any] = msgspec.to_builtins(content)
    return plain


def type_of(content: Content) -> str:
    """Tell the type of content, as `encode` writes it."""
    return str(content.__struct_config__.tag)


def decode(plain: dict[str, Any]) -> Content:
    """Turn plain values back into content; raises msgspec.ValidationError."""
    content: Content = msgspec.convert(plain, Content)
    return content


def summary(content: Content) -> str:
    """Label content for a list: one line of at most 140 characters, without words of ours.

    It is empty where only the type could be told (a picture without a caption, a sticker).
    """
    label = " ".join(_label(content).split())
    return label if len(label) <= SUMMARY_LENGTH_MAX else label[:SUMMARY_LENGTH_MAX].rstrip()


def media_url(content: Content) -> str | None:
    """Tell the web address content points to, or None.

    Only http and https count: the address may come from a stranger and end up in a page.
    """
    match content:
        case Picture(media=url) | Video(media=url) | File(media=url) | Url(media=url):
            return url if url.lower().startswith(("https://", "http://")) else None
        case _:
            return None


def _label(content: Content) -> str:
    match content:
        case Text(text=text) | Picture(text=text) | Video(text=text):
            return text
        case File(file_name=name):
            return name
        case Contact(text=text, name=name, phone_number=phone_number):
            return text.strip() or name.strip() or phone_number
        case Location(text=text, lat=lat, lon=lon):
            return text.strip() or f"{lat:.5f}, {lon:.5f}"
        case Url(text=text, media=media):
            return text.strip() or media
        case RichMedia(alt_text=text):
            return text
        case Payment(payment=raw):
            return _text_in(raw, "description")
        case Unsupported(raw=raw):
            return _text_in(raw, "text")
        case Sticker():
            return ""


def _text_in(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""
