import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.viber import content, incoming
from chalicelib.viber.incoming import Malformed, parse

SAMPLES = Path(__file__).parent / "viber"
USER_ID = "qW3rT5yU7i/9+oPaSdFgHg=="
TOKEN = "5741203984410958213"


def sample(name: str) -> Any:
    return parse((SAMPLES / f"{name}.json").read_bytes())


def changed(name: str, **changes: Any) -> Any:
    raw = json.loads((SAMPLES / f"{name}.json").read_text())
    return parse(json.dumps(raw | changes).encode())


def message(**fields: Any) -> Any:
    return changed("text", message=fields).content


KINDS = {
    "webhook": incoming.Webhook,
    "webhook_exchanged": incoming.Webhook,
    "webhook_bare": incoming.Webhook,
    "subscribed": incoming.Subscribed,
    "unsubscribed": incoming.Unsubscribed,
    "conversation_started": incoming.ConversationStarted,
    "conversation_started_old": incoming.ConversationStarted,
    "delivered": incoming.Delivered,
    "seen": incoming.Seen,
    "failed": incoming.Failed,
    "failed_descr": incoming.Failed,
    "client_status": incoming.ClientStatus,
    "action": incoming.Unrecognised,
}


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_is_understood_and_keeps_its_token(path: Path) -> None:
    found = parse(path.read_bytes())
    assert isinstance(found, KINDS.get(path.stem, incoming.Message))
    raw = json.loads(path.read_text())
    if path.stem != "webhook_exchanged":
        assert found.timestamp_ms == raw.get("timestamp")
        assert found.token == (str(raw["message_token"]) if "message_token" in raw else None)


def test_the_first_test_event_of_2016_has_its_numbers_put_right() -> None:
    found = sample("webhook_exchanged")
    assert (found.timestamp_ms, found.token) == (1478683725125, "4977069964384421269")


def test_a_webhook_event_needs_nothing_but_its_name() -> None:
    assert sample("webhook_bare") == incoming.Webhook(event="webhook")


def test_a_text_keeps_cyrillic_emoji_and_tracking_data() -> None:
    found = sample("text")
    assert found == incoming.Message(
        event="message",
        timestamp_ms=1700000123456,
        token=TOKEN,
        sender=incoming.User(
            id=USER_ID,
            name="Оксана 🌻",
            avatar="https://media-direct.cdn.viber.com/download_photo?dlid=0f3a",
            country="UA",
            language="uk-UA",
            api_version=10,
        ),
        content=content.Text(text="Добрий день 👋🏽"),
        tracking_data="order:17",
    )


def test_tracking_data_and_context_are_kept_to_the_blank() -> None:
    assert changed("conversation_started", context=" a ").context == " a "
    found = changed("text", message={"type": "text", "text": "x", "tracking_data": " k"})
    assert found.tracking_data == " k"


def test_what_is_longer_than_any_of_vibers_is_cut_or_left_out() -> None:
    long = "я" * 60_000
    user = {"id": USER_ID, "name": long, "avatar": f"https://viber.com/{long}"}
    found = changed(
        "conversation_started", context=long, user=user | {"country": "UKR", "language": long}
    )
    assert (found.context, found.user.name) == ("я" * 2000, "я" * 200)
    assert (found.user.avatar, found.user.country, found.user.language) == (None, None, None)
    assert changed("conversation_started", context=" " * 2000 + "x").context is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "picture",
            content.Picture(
                media="https://dl-media.viber.com/1/share/2/long/a.jpg?x=1",
                thumbnail="https://dl-media.viber.com/t.jpg",
            ),
        ),
        (
            "video",
            content.Video(
                media="https://dl-media.viber.com/v.mp4", size_bytes=512345, duration_seconds=14
            ),
        ),
        (
            "file",
            content.File(
                media="https://dl-media.viber.com/f.pdf", file_name="рахунок.pdf", size_bytes=1024
            ),
        ),
        ("contact", content.Contact(name="Іван", phone_number="380441234567", text="мій")),
        ("location", content.Location(lat=50.4501, lon=30.5234)),
        ("url", content.Url(media="https://example.com/x")),
        ("sticker_number", content.Sticker(sticker_id="46105")),
        ("sticker_text", content.Sticker(sticker_id="46105")),
        (
            "rich_media",
            content.RichMedia(rich_media={"Type": "rich_media", "Buttons": []}, alt_text="акція"),
        ),
    ],
)
def test_every_type_of_message_is_read(name: str, expected: content.Content) -> None:
    assert sample(name).content == expected


def test_a_message_of_an_unknown_type_is_kept_whole() -> None:
    raw = {"type": "poll", "text": "Так чи ні?", "options": [1, 2]}
    assert sample("poll").content == content.Unsupported(original_type="poll", raw=raw)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"type": None},
        {"type": 7},
        {"type": "text"},
        {"type": "text", "text": None},
        {"type": "picture", "media": ""},
        {"type": "video"},
        {"type": "file", "media": 3},
        {"type": "contact", "contact": None},
        {"type": "contact", "contact": {}},
        {"type": "location", "location": {"lat": "north", "lon": 1}},
        {"type": "location", "location": {"lat": 91, "lon": 1}},
        {"type": "sticker", "sticker_id": None},
        {"type": "rich_media", "rich_media": []},
    ],
)
def test_a_message_that_lacks_what_its_type_needs_is_kept_whole(raw: dict[str, Any]) -> None:
    found = message(**raw)
    assert isinstance(found, content.Unsupported)
    assert found.raw == raw


def test_an_empty_text_is_a_text() -> None:
    assert message(type="text", text="") == content.Text(text="")


def test_a_message_from_a_chat_extension_names_its_chat() -> None:
    found = sample("chat_extension")
    assert (found.chat_id, found.reply_type) == ("xK9pQ2mN4bV6cX8zA0sD1f==", "query")
    assert sample("text").chat_id is None


def test_a_silent_tap_is_seen_as_one() -> None:
    assert changed("text", silent=True).silent is True
    assert changed("text", silent="true").silent is True
    assert changed("text", silent=None).silent is False


def test_a_conversation_started_tells_context_subscription_and_kind() -> None:
    found = sample("conversation_started")
    assert (found.context, found.subscribed, found.conversation_type) == (
        "campaign=autumn&ref=7",
        False,
        "open",
    )


def test_an_old_conversation_started_lacks_most_of_it() -> None:
    found = sample("conversation_started_old")
    assert found.user == incoming.User(id=USER_ID)
    assert (found.context, found.subscribed, found.conversation_type) == (None, None, None)


def test_a_failure_tells_its_description_under_either_name() -> None:
    assert sample("failed").desc == sample("failed_descr").desc == "failure description"
    assert changed("failed", desc=None).desc == ""


def test_a_payment_button_carries_its_status() -> None:
    assert sample("client_status").status["code"] == 0


@pytest.mark.parametrize(
    ("given_token", "kept"),
    [
        (5058590812907389764, "5058590812907389764"),
        ("5058590812907389764", "5058590812907389764"),
        (2**63 - 1, "9223372036854775807"),
        (2**64 - 1, "18446744073709551615"),
        (2**70, str(2**70)),
        (0, "0"),
        (None, None),
        (True, None),
        ("", None),
        (5.05e18, None),
        ([1], None),
        ("7" * 65, None),
    ],
)
def test_a_token_keeps_every_digit(given_token: Any, kept: str | None) -> None:
    assert changed("delivered", message_token=given_token).token == kept


@pytest.mark.parametrize(
    ("given_timestamp", "kept"),
    [
        (0, 0),
        (253_402_300_799_999, 253_402_300_799_999),
        (253_402_300_800_000, None),
        (2**48, None),
        (-1, None),
        ("1700000123456", 1700000123456),
        (1700000123456.0, 1700000123456),
        (1.5, None),
        (True, None),
        ("soon", None),
        (None, None),
        (10**400, None),
    ],
)
def test_a_timestamp_outside_what_can_be_stored_is_none(
    given_timestamp: Any, kept: int | None
) -> None:
    assert changed("text", timestamp=given_timestamp).timestamp_ms == kept


def test_numbers_may_be_texts() -> None:
    found = message(type="location", location={"lat": "50.45", "lon": " 30.52 "})
    assert found == content.Location(lat=50.45, lon=30.52)
    found = changed("text", sender={"id": USER_ID, "api_version": "8"})
    assert found.sender.api_version == 8


def test_escaped_and_plain_text_are_the_same() -> None:
    raw = json.loads((SAMPLES / "text.json").read_text())
    plain = json.dumps(raw, ensure_ascii=False).encode()
    assert parse(plain) == parse(json.dumps(raw, ensure_ascii=True).encode())
    assert parse(b"\xef\xbb\xbf" + plain) == parse(plain)


def test_half_an_emoji_is_replaced_and_can_be_stored() -> None:
    body = (
        b'{"event":"message","sender":{"id":"a\\udc00"},"message":{"type":"\\ud83d","\\ud83d":1}}'
    )
    found = parse(body)
    assert isinstance(found, incoming.Message)
    assert found.sender.id == "a\ufffd"
    assert found.content == content.Unsupported(
        original_type="\ufffd", raw={"type": "\ufffd", "\ufffd": 1}
    )
    assert msgspec.json.encode(content.encode(found.content))


def test_broken_utf_8_does_not_lose_the_message() -> None:
    body = (SAMPLES / "text.json").read_bytes().replace("Добрий".encode(), b"\xed\xa0\xbd\xff")
    assert "день" in parse(body).content.text  # type: ignore[union-attr]


def test_numbers_no_store_can_hold_are_softened() -> None:
    found = changed("text", message={"type": "new", "huge": 10**30, "odd": [1]}).content
    assert found.raw["huge"] == str(10**30)
    body = b'{"event":"message","sender":{"id":"a"},"message":{"type":"new","n":1e999}}'
    assert parse(body).content.raw["n"] is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b"\x80\x81", "not JSON"),
        (b'{"event":NaN}', "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b'{"event":"x","a":' + b"9" * 5_000 + b"}x", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "no event"),
        (b'{"event":null}', "no event"),
        (b'{"event":" "}', "no event"),
        (b'{"event":"x","a":' + b"[" * 20 + b"]" * 20 + b"}", "nested more than 16 levels deep"),
        (b'{"event":"message","sender":{"id":"a"}}', "no message"),
        (b'{"event":"message","sender":{"id":"a"},"message":[]}', "no message"),
        (b'{"event":"message","sender":{},"message":{}}', "no sender id"),
        (b'{"event":"message","message":{}}', "no sender id"),
        (b'{"event":"message","sender":{"id":7},"message":{}}', "no sender id"),
        (b'{"event":"subscribed"}', "no user id"),
        (b'{"event":"conversation_started","user":{"id":""}}', "no user id"),
        (b'{"event":"client_status","user":null}', "no user id"),
        (b'{"event":"unsubscribed"}', "no user_id"),
        (b'{"event":"delivered"}', "no user_id"),
        (b'{"event":"seen","user_id":null}', "no user_id"),
        (b'{"event":"failed","user_id":[]}', "no user_id"),
        (
            b'{"event":"seen","user_id":"' + b"a" * 129 + b'"}',
            "user_id is longer than 128 characters",
        ),
    ],
)
def test_what_cannot_be_understood_says_why(body: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse(body)
    assert refusal.value.reason == reason


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(["text", "picture", "location", "sticker", "contact", "-5", "1e5", "\ud83d"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "type", "text", "media", "lat", "lon", "sticker_id", "contact", "location"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
FIELDS = [
    "timestamp",
    "message_token",
    "user",
    "user_id",
    "sender",
    "message",
    "status",
    "context",
    "subscribed",
    "type",
    "silent",
    "chat_id",
    "reply_type",
    "desc",
    "descr",
]
CALLBACKS = st.fixed_dictionaries(
    {"event": st.sampled_from([*KINDS, "message", "", None, 3])},
    optional=dict.fromkeys(FIELDS, VALUES),
)


@given(CALLBACKS)
@settings(max_examples=150, deadline=None)
def test_any_json_is_either_understood_and_storable_or_malformed(raw: dict[str, Any]) -> None:
    _parse_or_refuse(json.dumps(raw).encode())


@given(VALUES, VALUES)
@settings(max_examples=150, deadline=None)
def test_any_message_is_either_understood_and_storable_or_malformed(sender: Any, body: Any) -> None:
    raw = {"event": "message", "sender": sender, "message": body}
    _parse_or_refuse(json.dumps(raw).encode())


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_malformed_or_understood(body: bytes) -> None:
    _parse_or_refuse(body)


def _parse_or_refuse(body: bytes) -> None:
    try:
        found = parse(body)
    except Malformed:
        return
    assert found.timestamp_ms is None or 0 <= found.timestamp_ms < 2**48
    msgspec.json.encode(found)
    if isinstance(found, incoming.Message):
        kept = msgspec.json.encode(content.encode(found.content))
        assert content.decode(msgspec.json.decode(kept)) == found.content
        content.summary(found.content)
        content.media_url(found.content)
