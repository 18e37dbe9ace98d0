from typing import Any

import msgspec
import pytest

from chalicelib.viber.content import (
    Contact,
    Content,
    File,
    Location,
    Payment,
    Picture,
    RichMedia,
    Sticker,
    Text,
    Unsupported,
    Url,
    Video,
    decode,
    encode,
    media_url,
    summary,
)

EXAMPLES: list[tuple[Content, str, str | None]] = [
    (Text(text=" Добрий\n\nдень  👋 "), "Добрий день 👋", None),
    (Text(text="я" * 141), "я" * 140, None),
    (Picture(media="https://a/b.jpg"), "", "https://a/b.jpg"),
    (Picture(media="https://a/b.jpg", text="кіт"), "кіт", "https://a/b.jpg"),
    (Video(media="HTTP://a/b.mp4", size_bytes=1, duration_seconds=2), "", "HTTP://a/b.mp4"),
    (File(media="https://a/b", file_name="звіт.pdf"), "звіт.pdf", "https://a/b"),
    (Contact(name="Іван", phone_number="+380"), "Іван", None),
    (Contact(name="", phone_number="+380"), "+380", None),
    (Contact(name="Іван", phone_number="+380", text="це я"), "це я", None),
    (Location(lat=50.45, lon=-30.5), "50.45000, -30.50000", None),
    (Url(media="https://a/?q=1"), "https://a/?q=1", "https://a/?q=1"),
    (Url(media="javascript:alert(1)"), "javascript:alert(1)", None),
    (Sticker(sticker_id="46105"), "", None),
    (RichMedia(rich_media={"Buttons": []}, alt_text="акція"), "акція", None),
    (Payment(payment={"description": "2 кави"}), "2 кави", None),
    (Payment(payment={"description": 3}), "", None),
    (Unsupported(original_type="poll", raw={"text": "так?"}), "так?", None),
    (Unsupported(original_type="", raw={}), "", None),
]


@pytest.mark.parametrize(("content", "label", "url"), EXAMPLES)
def test_content_survives_json_and_tells_its_label_and_address(
    content: Content, label: str, url: str | None
) -> None:
    plain = msgspec.json.decode(msgspec.json.encode(encode(content)))
    assert decode(plain) == content
    assert summary(content) == label
    assert media_url(content) == url


def test_the_tags_are_viber_s_own() -> None:
    tags = {encode(content)["type"] for content, _, _ in EXAMPLES}
    assert tags == {
        "text",
        "picture",
        "video",
        "file",
        "contact",
        "location",
        "url",
        "sticker",
        "rich_media",
        "payment",
        "unsupported",
    }


@pytest.mark.parametrize(
    "plain",
    [
        {"type": "text", "text": 7},
        {"type": "text"},
        {"type": "poll"},
        {"text": "x"},
        {"type": "sticker", "sticker_id": 46105},
        {"type": "location", "lat": "50", "lon": 30},
    ],
)
def test_types_are_strict(plain: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(plain)


def test_a_whole_number_is_a_coordinate() -> None:
    assert decode({"type": "location", "lat": 50, "lon": 30}) == Location(lat=50.0, lon=30.0)
