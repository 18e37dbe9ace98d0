from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.viber.content import (
    Contact,
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
from chalicelib.viber.limits import units
from chalicelib.viber.outgoing import (
    REQUEST_BYTES_MAX,
    Unsendable,
    check,
    check_keyboard,
    check_size,
    payload,
    sender_name,
)

JPG = "https://cdn.example.com/a/b.jpg"
MP4 = "https://cdn.example.com/v.mp4"
PDF = "https://cdn.example.com/f.pdf"
FAMILY = "👩‍👩‍👧‍👦"
BUTTON: dict[str, Any] = {"ActionType": "reply", "ActionBody": "так", "Text": "Так"}
CARDS: dict[str, Any] = {
    "Type": "rich_media",
    "ButtonsGroupColumns": 6,
    "ButtonsGroupRows": 7,
    "BgColor": "#FFFFFF",
    "Buttons": [{**BUTTON, "Columns": 6, "Rows": 7}],
}
PAYMENT: dict[str, Any] = {
    "type": "GooglePay",
    "total_price": 30.56,
    "currency_code": "UAH",
    "payment_parameters": [{"key": "gateway", "value": "liqpay"}],
}


def url(length: int) -> str:
    return "https://example.com/".ljust(length, "a")


def picture(**fields: Any) -> Picture:
    return Picture(**{"media": JPG, **fields})


def video(**fields: Any) -> Video:
    return Video(**{"media": MP4, "size_bytes": 1, "duration_seconds": 1, **fields})


def file(**fields: Any) -> File:
    return File(**{"media": PDF, "file_name": "f.pdf", "size_bytes": 1, **fields})


def contact(**fields: Any) -> Contact:
    return Contact(**{"name": "Іван", "phone_number": "+380441234567", **fields})


def cards(**fields: Any) -> RichMedia:
    return RichMedia(rich_media={**CARDS, **fields})


def keyboard(*buttons: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "keyboard", "Buttons": list(buttons) or [BUTTON], **fields}


SENDABLE: list[Sendable] = [
    Text(text="я" * 7000),
    Text(text="👋" * 3500),
    picture(text="я" * 768, thumbnail=JPG),
    picture(media="https://cdn.example.com/b.PNG?X-Amz-Signature=a.b"),
    picture(media="https://cdn.example.com/b.jpeg"),
    picture(media="https://cdn.example.com/b.gif"),
    video(size_bytes=27_262_976, duration_seconds=180, thumbnail=JPG),
    video(duration_seconds=None),
    file(size_bytes=52_428_800, file_name="я" * 252 + ".pdf"),
    contact(name="я" * 28, phone_number="+" + "1" * 17),
    contact(avatar=JPG),
    Location(lat=89.9999, lon=-179.9999),
    Url(media=url(2000)),
    Url(media="https://example.com:8443/шлях?q=1#x"),
    Sticker(sticker_id="46105"),
    cards(),
    cards(Buttons=[{**BUTTON, "Rows": 7}] * 6),
    RichMedia(rich_media=CARDS, alt_text="я" * 7000),
    Payment(payment=PAYMENT),
]

UNSENDABLE: list[tuple[Sendable, str, str]] = [
    (
        Text(text="я" * 7001),
        "text",
        "text is 7001 characters long; Viber takes at most 7000",
    ),
    (
        Text(text="👋" * 3501),
        "text",
        "text is 7002 characters long (an emoji counts as two); Viber takes at most 7000",
    ),
    (Text(text=" \n\u00a0"), "text", "text is blank; write at least one character"),
    (Text(text="a\ud83d"), "text", "half an emoji"),
    (picture(text="я" * 769), "text", "769 characters long; Viber takes at most 768"),
    (picture(media="http://cdn.example.com/b.jpg"), "media", "https://"),
    (picture(media="//cdn.example.com/b.jpg"), "media", "https://"),
    (picture(media="https:///b.jpg"), "media", "https://"),
    (picture(media="https://[b.jpg"), "media", "https://"),
    (picture(media="https://a:99999/b.jpg"), "media", "https://"),
    (picture(media="https://a/b c.jpg"), "media", "without blanks"),
    (picture(media="https://a/b\r\n.jpg"), "media", "without blanks"),
    (picture(media="https://a/b.webp"), "media", ".gif, .jpeg, .jpg, .png"),
    (picture(media="https://a/b?x=.jpg"), "media", "must end in"),
    (picture(media=""), "media", "blank"),
    (picture(thumbnail="https://a/b.svg"), "thumbnail", "must end in"),
    (video(media="https://a/b.mov"), "media", ".mp4"),
    (video(size_bytes=27_262_977), "size_bytes", "from 1 to 27262976"),
    (video(size_bytes=None), "size_bytes", "must be a whole number"),
    (video(size_bytes=0), "size_bytes", "must be a whole number"),
    (video(duration_seconds=181), "duration_seconds", "from 0 to 180"),
    (video(thumbnail="https://a/b.png"), "thumbnail", ".jpeg, .jpg"),
    (video(text="дивись"), "text", "send it as its own part"),
    (file(size_bytes=52_428_801), "size_bytes", "from 1 to 52428800"),
    (file(size_bytes=None), "size_bytes", "must be a whole number"),
    (file(file_name="я" * 253 + ".pdf"), "file_name", "257 characters"),
    (file(file_name="звіт"), "file_name", "needs an extension"),
    (file(file_name=".pdf"), "file_name", "needs an extension"),
    (file(file_name="..."), "file_name", "needs an extension"),
    (file(file_name="a.EXE"), "file_name", "forbids files that end in .exe"),
    (file(file_name="a.exe. "), "file_name", "forbids files that end in .exe"),
    (file(file_name="a.pdf.apk"), "file_name", "forbids files that end in .apk"),
    (file(media="https://a/b.ipa"), "media", "forbids files that end in .ipa"),
    (file(media="https://a/b"), "media", "needs an extension"),
    (contact(name="я" * 29), "name", "29 characters"),
    (contact(name=" "), "name", "blank"),
    (contact(phone_number="+" + "1" * 18), "phone_number", "19 characters"),
    (contact(phone_number="+38 (044) 123"), "phone_number", "digits with the country code"),
    (contact(phone_number="٣٨٠"), "phone_number", "digits with the country code"),
    (contact(avatar="http://a/b.jpg"), "avatar", "https://"),
    (contact(text="ось"), "text", "send it as its own part"),
    (Location(lat=90, lon=0), "lat", "between -90 and 90"),
    (Location(lat=-90, lon=0), "lat", "between -90 and 90"),
    (Location(lat=0, lon=180), "lon", "between -180 and 180"),
    (Location(lat=0, lon=-180), "lon", "between -180 and 180"),
    (Location(lat=float("nan"), lon=0), "lat", "between"),
    (Location(lat=0, lon=0, text="тут"), "text", "send it as its own part"),
    (Url(media=url(2001)), "media", "2001 characters long; Viber takes at most 2000"),
    (Url(media="viber://pa?chatURI=x"), "media", "https://"),
    (Url(media="https://a/", text="сайт"), "text", "send it as its own part"),
    (Sticker(sticker_id="cat"), "sticker_id", "46105"),
    (Sticker(sticker_id=""), "sticker_id", "46105"),
    (RichMedia(rich_media={}), "rich_media.Buttons", "at least one button"),
    (RichMedia(rich_media=CARDS, alt_text="я" * 7001), "alt_text", "7001"),
    (cards(Type="keyboard"), "rich_media.Type", '"rich_media"'),
    (cards(Buttons={}), "rich_media.Buttons", "at least one button"),
    (cards(Buttons=[7]), "rich_media.Buttons[0]", "JSON object"),
    (cards(ButtonsGroupColumns=7), "rich_media.ButtonsGroupColumns", "from 1 to 6"),
    (cards(ButtonsGroupColumns=0), "rich_media.ButtonsGroupColumns", "from 1 to 6"),
    (cards(ButtonsGroupRows=8), "rich_media.ButtonsGroupRows", "from 1 to 7"),
    (cards(ButtonsGroupRows=True), "rich_media.ButtonsGroupRows", "from 1 to 7"),
    (cards(BgColor="white"), "rich_media.BgColor", "#FFFFFF"),
    (cards(Buttons=[{**BUTTON, "Rows": 7}] * 7), "rich_media.Buttons", "more than 6 cards"),
    (cards(Buttons=[{**BUTTON, "Rows": 8}]), "rich_media.Buttons[0].Rows", "from 1 to 7"),
    (
        cards(ButtonsGroupColumns=2, Buttons=[{**BUTTON, "Columns": 3}]),
        "rich_media.Buttons[0].Columns",
        "from 1 to 2",
    ),
    (
        cards(Buttons=[BUTTON, {**BUTTON, "Text": "я" * 251}]),
        "rich_media.Buttons[1].Text",
        "251 characters",
    ),
    (cards(Buttons=[{**BUTTON, "Image": "x"}]), "rich_media.Buttons[0].Image", "https://"),
    (Payment(payment={}), "payment.type", "not a text"),
    (Payment(payment={**PAYMENT, "total_price": 0}), "payment.total_price", "above zero"),
    (Payment(payment={**PAYMENT, "total_price": True}), "payment.total_price", "above zero"),
    (Payment(payment={**PAYMENT, "currency_code": "грн"}), "payment.currency_code", "UAH"),
    (Payment(payment={**PAYMENT, "payment_parameters": 1}), "payment.payment_parameters", "miss"),
]


@pytest.mark.parametrize("content", SENDABLE)
def test_what_is_at_a_bound_is_taken(content: Sendable) -> None:
    check(content)
    check_size(payload(content, sender_name="Олена"))


@pytest.mark.parametrize(("content", "field", "reason"), UNSENDABLE)
def test_what_is_over_a_bound_is_refused_with_field_and_reason(
    content: Sendable, field: str, reason: str
) -> None:
    with pytest.raises(Unsendable) as refusal:
        check(content, position=3)
    assert refusal.value.field == f"parts[3].{field}"
    assert reason in refusal.value.reason


def test_what_came_in_as_unsupported_does_not_go_out() -> None:
    with pytest.raises(Unsendable) as refusal:
        check(Unsupported(original_type="poll", raw={}))  # type: ignore[arg-type]
    assert refusal.value.field == "parts[0].type"


@pytest.mark.parametrize(
    "found",
    [
        keyboard(*[BUTTON] * 12),
        keyboard(*[{**BUTTON, "Columns": 1}] * 72),
        keyboard({**BUTTON, "Columns": 6, "Rows": 2}, InputFieldState="hidden"),
        keyboard({"ActionType": "none", "ActionBody": ""}, BgColor="#00ff00"),
        keyboard({"ActionType": "share-phone", "ActionBody": "x"}, CustomDefaultHeight=40),
        keyboard({"ActionType": "open-url", "ActionBody": "https://a/"}, HeightScale=100),
        keyboard({**BUTTON, "ActionBody": "я" * 250, "Text": "я" * 250}),
        {"Buttons": [BUTTON]},
    ],
)
def test_a_keyboard_within_bounds_is_taken(found: dict[str, Any]) -> None:
    check_keyboard(found)


@pytest.mark.parametrize(
    ("found", "field"),
    [
        (None, "keyboard"),
        ([], "keyboard"),
        ({}, "keyboard.Buttons"),
        ({"Buttons": []}, "keyboard.Buttons"),
        (keyboard(Type="rich_media"), "keyboard.Type"),
        (keyboard(*[BUTTON] * 13), "keyboard.Buttons"),
        (keyboard({**BUTTON, "Columns": 7}), "keyboard.Buttons[0].Columns"),
        (keyboard({**BUTTON, "Columns": 0}), "keyboard.Buttons[0].Columns"),
        (keyboard({**BUTTON, "Columns": "6"}), "keyboard.Buttons[0].Columns"),
        (keyboard({**BUTTON, "Rows": 3}), "keyboard.Buttons[0].Rows"),
        (keyboard(BUTTON, {**BUTTON, "ActionBody": ""}), "keyboard.Buttons[1].ActionBody"),
        (keyboard({**BUTTON, "ActionBody": "я" * 251}), "keyboard.Buttons[0].ActionBody"),
        (keyboard({"ActionType": "share-phone"}), "keyboard.Buttons[0].ActionBody"),
        (keyboard({**BUTTON, "ActionType": "open-url"}), "keyboard.Buttons[0].ActionBody"),
        (keyboard({**BUTTON, "ActionType": "call"}), "keyboard.Buttons[0].ActionType"),
        (keyboard({**BUTTON, "ActionType": []}), "keyboard.Buttons[0].ActionType"),
        (keyboard({**BUTTON, "Text": 5}), "keyboard.Buttons[0].Text"),
        (keyboard({**BUTTON, "BgColor": 5}), "keyboard.Buttons[0].BgColor"),
        (keyboard(InputFieldState="gone"), "keyboard.InputFieldState"),
        (keyboard(InputFieldState={}), "keyboard.InputFieldState"),
        (keyboard(CustomDefaultHeight=39), "keyboard.CustomDefaultHeight"),
        (keyboard(CustomDefaultHeight=71), "keyboard.CustomDefaultHeight"),
        (keyboard(HeightScale=19), "keyboard.HeightScale"),
        (keyboard(ButtonsGroupColumns=7), "keyboard.ButtonsGroupColumns"),
        (keyboard(ButtonsGroupRows=3), "keyboard.ButtonsGroupRows"),
    ],
)
def test_a_keyboard_out_of_bounds_names_its_field(found: Any, field: str) -> None:
    with pytest.raises(Unsendable) as refusal:
        check_keyboard(found)
    assert refusal.value.field == field


KEYBOARD_FIELDS = [
    "Buttons",
    "Columns",
    "Rows",
    "ActionType",
    "ActionBody",
    "BgColor",
    "Text",
    "Type",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Buttons",
                    "Columns",
                    "Rows",
                    "ActionType",
                    "ActionBody",
                    "BgColor",
                    "Text",
                    "Type",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_any_json_given_as_keyboard_or_cards_is_taken_or_unsendable(found: Any) -> None:
    for refusal in (_refusal_of_keyboard(found), _refusal_of_cards(found)):
        assert refusal is None or (refusal.field and refusal.reason)


def _refusal_of_keyboard(found: Any) -> Unsendable | None:
    try:
        check_keyboard(found)
    except Unsendable as refusal:
        return refusal
    return None


def _refusal_of_cards(found: Any) -> Unsendable | None:
    try:
        check(RichMedia(rich_media=found))
    except Unsendable as refusal:
        return refusal
    return None


def test_a_text_goes_out_with_its_sender_and_empty_tracking_data() -> None:
    assert payload(Text(text="Привіт"), sender_name="Олена") == {
        "min_api_version": 1,
        "sender": {"name": "Олена"},
        "tracking_data": "",
        "type": "text",
        "text": "Привіт",
    }


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (picture(), {"type": "picture", "text": "", "media": JPG}),
        (
            video(size_bytes=5, duration_seconds=6, thumbnail=JPG),
            {"type": "video", "media": MP4, "size": 5, "duration": 6, "thumbnail": JPG},
        ),
        (video(duration_seconds=None), {"type": "video", "media": MP4, "size": 1}),
        (file(), {"type": "file", "media": PDF, "size": 1, "file_name": "f.pdf"}),
        (
            contact(),
            {"type": "contact", "contact": {"name": "Іван", "phone_number": "+380441234567"}},
        ),
        (
            contact(avatar=JPG),
            {
                "type": "contact",
                "contact": {"name": "Іван", "phone_number": "+380441234567", "avatar": JPG},
            },
        ),
        (Location(lat=1.5, lon=2), {"type": "location", "location": {"lat": 1.5, "lon": 2}}),
        (Url(media="https://a/"), {"type": "url", "media": "https://a/"}),
        (Sticker(sticker_id="46105"), {"type": "sticker", "sticker_id": 46105}),
        (cards(), {"type": "rich_media", "rich_media": CARDS}),
        (Payment(payment=PAYMENT), {"type": "payment", "payment": PAYMENT}),
    ],
)
def test_every_type_goes_out_under_viber_s_names(content: Sendable, fields: Any) -> None:
    sent = payload(content, sender_name="Бот")
    for name in ("min_api_version", "sender", "tracking_data"):
        del sent[name]
    assert sent == fields


def test_avatar_tracking_data_and_keyboard_go_along() -> None:
    sent = payload(
        Text(text="x"),
        sender_name="Бот",
        sender_avatar=JPG,
        tracking_data="т" * 4000,
        keyboard={"Buttons": [BUTTON]},
    )
    assert sent["sender"] == {"name": "Бот", "avatar": JPG}
    assert sent["tracking_data"] == "т" * 4000
    assert sent["keyboard"] == {"Type": "keyboard", "Buttons": [BUTTON]}


def test_tracking_data_over_4000_characters_is_refused() -> None:
    with pytest.raises(Unsendable) as refusal:
        payload(Text(text="x"), sender_name="Бот", tracking_data="т" * 4001)
    assert refusal.value.field == "tracking_data"


@pytest.mark.parametrize(
    ("content", "attached", "level"),
    [
        (Text(text="x"), None, 1),
        (Text(text="x"), keyboard(), 1),
        (cards(), None, 2),
        (Text(text="x"), keyboard({"ActionType": "share-phone", "ActionBody": "x"}), 3),
        (Text(text="x"), keyboard({"ActionType": "location-picker", "ActionBody": "x"}), 3),
        (Text(text="x"), keyboard({**BUTTON, "InternalBrowser": {}}), 3),
        (Text(text="x"), keyboard(CustomDefaultHeight=50), 3),
        (Text(text="x"), keyboard(InputFieldState="hidden"), 4),
        (Text(text="x"), keyboard(ButtonsGroupColumns=3), 4),
        (Text(text="x"), keyboard({**BUTTON, "Text": "<s>99</s> 79"}), 4),
        (Text(text="x"), keyboard({**BUTTON, "Text": "<strong>79</strong>"}), 1),
        (Text(text="x"), keyboard({**BUTTON, "Text": '<font color="#fff" size="20">9'}), 4),
        (Text(text="x"), keyboard({**BUTTON, "TextPaddings": [0, 0, 0, 0]}), 4),
        (cards(Buttons=[{**BUTTON, "Frame": {}}]), None, 6),
        (cards(Buttons=[{**BUTTON, "InternalBrowser": {"ActionButton": "send-to-bot"}}]), None, 6),
        (cards(), keyboard(InputFieldState="hidden"), 4),
        (Payment(payment=PAYMENT), None, 10),
    ],
)
def test_the_api_version_rises_to_what_is_used(
    content: Sendable, attached: dict[str, Any] | None, level: int
) -> None:
    sent = payload(content, sender_name="Бот", keyboard=attached)
    assert sent["min_api_version"] == level
    sent = payload(content, sender_name="Бот", keyboard=attached, min_api_version=7)
    assert sent["min_api_version"] == max(level, 7)


def test_thirty_kilobytes_with_the_receivers_are_taken_and_no_byte_more() -> None:
    bare = len(msgspec.json.encode({"text": ""}))
    for receivers in (1, 300):
        room = REQUEST_BYTES_MAX - 32 - 27 * receivers - bare
        check_size({"text": "a" * room}, receivers=receivers)
        with pytest.raises(Unsendable, match="bytes of JSON"):
            check_size({"text": "a" * (room + 1)}, receivers=receivers)


def test_a_broadcast_s_request_is_as_small_as_its_check_says() -> None:
    ids = ["qW3rT5yU7i/9+oPaSdFgHg=="] * 300
    body = {"text": "a" * (REQUEST_BYTES_MAX - 32 - 27 * 300 - 11)}
    check_size(body, receivers=300)
    assert len(msgspec.json.encode({"broadcast_list": ids, **body})) <= REQUEST_BYTES_MAX


@pytest.mark.parametrize("value", ["\ud83d", object(), {("a",): 1}])
def test_what_json_cannot_hold_is_unsendable(value: Any) -> None:
    with pytest.raises(Unsendable) as refusal:
        check_size({"rich_media": value}, position=2)
    assert refusal.value.field == "parts[2]"


@pytest.mark.rule("S3.25")
@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("Олена", "Олена"),
        ("Олена з відділу доставки №12", "Олена з відділу доставки №12"),
        ("Олена з відділу доставки № 12", "Олена з відділу доставки № 1"),
        ("Олена з відділу продажів та доставки", "Олена з відділу продажів та"),
        ("  Олена \n\t Коваль\u00a0 ", "Олена Коваль"),
        ("a" * 27 + "👋", "a" * 27),
        ("a" * 26 + "👋", "a" * 26 + "👋"),
        ("a" * 20 + FAMILY, "a" * 20),
        ("a" * 17 + FAMILY, "a" * 17 + FAMILY),
        ("a" * 27 + "и\u0306" + "x", "a" * 27),
        ("a" * 25 + "🇺🇦🇺🇦", "a" * 25),
        ("x\x00y\ud83d", "x y"),
        ("x" + "\u0301" * 40, "x" + "\u0301" * 13),
    ],
)
def test_a_long_sender_name_is_cut_between_whole_characters(name: str, seen: str) -> None:
    assert sender_name(name) == seen
    assert payload(Text(text="x"), sender_name=name)["sender"]["name"] == seen


@pytest.mark.rule("S3.25")
@pytest.mark.parametrize("name", ["", " \n", "\u200b\u200d", "\x00"])
def test_a_blank_sender_name_falls_back_to_the_default(name: str) -> None:
    assert sender_name(name, "Підтримка") == "Підтримка"
    assert sender_name(name, "") == "Bot"
    assert sender_name(name, default="я" * 40) == "я" * 28


@pytest.mark.rule("S3.25")
@given(st.text(st.characters(codec=None), max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_sender_name_fits_and_shows(name: str) -> None:
    seen = sender_name(name)
    assert 0 < units(seen) <= 28
    assert seen == " ".join(seen.split())
    seen.encode()
