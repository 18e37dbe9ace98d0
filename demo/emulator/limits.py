"""What Viber accepts in a message: types, mandatory fields, sizes, API levels."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from demo.emulator.records import Content

STATUS_NAMES = {
    0: "ok",
    1: "invalidUrl",
    2: "invalidAuthToken",
    3: "badData",
    4: "missingData",
    5: "receiverNotRegistered",
    6: "receiverNotSubscribed",
    7: "publicAccountBlocked",
    8: "publicAccountNotFound",
    9: "publicAccountSuspended",
    10: "webhookNotSet",
    11: "receiverNoSuitableDevice",
    12: "tooManyRequests",
    13: "apiVersionNotSupported",
    14: "incompatibleWithVersion",
    15: "publicAccountNotAuthorized",
    16: "inchatReplyMessageNotAllowed",
    17: "publicAccountIsNotInline",
    18: "noPublicChat",
    19: "cannotSendBroadcast",
    20: "broadcastNotAllowed",
    21: "unsupportedCountry",
    22: "paymentUnsupported",
    23: "freeMessagesExceeded",
    24: "noBalance",
}
REQUEST_BYTES = 30_000
ACTIONS = {
    "reply",
    "open-url",
    "location-picker",
    "share-phone",
    "none",
    "open-map",
    "buy",
}
FORBIDDEN_FILES = {
    *(".action", ".apk", ".app", ".bat", ".bin", ".cmd", ".com", ".cpl", ".csh", ".exe"),
    *(".gadget", ".inf", ".ins", ".ipa", ".jar", ".job", ".js", ".jse", ".lnk", ".msi"),
    *(".msp", ".mst", ".ps1", ".reg", ".scr", ".sh", ".url", ".vb", ".vbe", ".vbs", ".wsf"),
}
# Keys of a button or keyboard that older clients do not know, with the level that brought them.
LEVELS = {
    "InternalBrowser": 3,
    "TextPaddings": 4,
    "InputFieldState": 4,
    "TextShouldFit": 6,
    "Map": 6,
    "Frame": 6,
    "MediaPlayer": 6,
}
ACTION_LEVELS = {"share-phone": 3, "location-picker": 3, "open-map": 6}
# Twelve lines of a keyboard fit a phone held upright; a line is six columns wide.
KEYBOARD_CELLS = 12 * 6


class Verdict(NamedTuple):
    """A Viber status and a word about its cause; status 0 is approval."""

    status: int
    reason: str = ""


FINE = Verdict(0)
Check = Callable[[Content], Verdict]


def check_content(content: Content, *, welcome: bool = False) -> Verdict:
    """Judge a message body as send_message does; a welcome message needs no sender."""
    sender = content.get("sender")
    if not welcome or sender is not None:
        name = sender.get("name") if isinstance(sender, dict) else None
        if verdict := _text(name, "sender.name", 28):
            return verdict
    tracking_data = content.get("tracking_data", "")
    if not isinstance(tracking_data, str) or len(tracking_data) > 4000:
        return Verdict(3, "tracking_data: a string of at most 4000")
    level = content.get("min_api_version", 1)
    if not _is_int(level) or level < 1:
        return Verdict(3, "min_api_version: an integer from 1")
    verdict = _check_type(content)
    if not verdict.status and "keyboard" in content:
        verdict = _keyboard(content["keyboard"])
    if not verdict.status and (needed := needed_level(content)) > level:
        return Verdict(14, f"min_api_version: {needed} is needed")
    return verdict


def needed_level(content: Content) -> int:
    """Tell the lowest min_api_version that covers every field of the message."""
    needed = 10 if content.get("type") == "payment" else 1
    rich_media = content.get("rich_media") if content.get("type") == "rich_media" else None
    for holder in (content.get("keyboard"), rich_media):
        if isinstance(holder, dict):
            for part in (holder, *holder.get("Buttons", [])):
                needed = max(
                    needed,
                    ACTION_LEVELS.get(part.get("ActionType", ""), 1),
                    *(level for key, level in LEVELS.items() if key in part),
                    1,
                )
    return needed


def _check_type(content: Content) -> Verdict:
    kind = content.get("type")
    if kind is None:
        return FINE if "keyboard" in content else Verdict(4, "type: is missing")
    check = CHECKS.get(kind) if isinstance(kind, str) else None
    return check(content) if check else Verdict(3, f"type: {kind!r} is unknown")


def _text(value: Any, name: str, limit: int, *, empty: bool = False) -> Verdict | None:
    if value is None or (value == "" and not empty):
        return Verdict(4, f"{name}: is missing")
    if not isinstance(value, str) or len(value) > limit:
        return Verdict(3, f"{name}: a string of at most {limit}")
    return None


def _address(content: Content, *suffixes: str) -> Verdict | None:
    if verdict := _text(content.get("media"), "media", 2000):
        return verdict
    address = urlsplit(content["media"])
    if address.scheme not in ("http", "https") or not address.netloc:
        return Verdict(3, "media: a web address")
    if suffixes and PurePosixPath(address.path).suffix.lower() not in suffixes:
        return Verdict(3, f"media: the path ends in {', '.join(suffixes)}")
    return None


def _size(content: Content, limit: int) -> Verdict | None:
    if "size" not in content:
        return Verdict(4, "size: is missing")
    if not _is_int(content["size"]) or not 0 < content["size"] <= limit:
        return Verdict(3, f"size: 1 to {limit} bytes")
    return None


def _plain(content: Content) -> Verdict:
    return _text(content.get("text"), "text", 7000) or FINE


def _picture(content: Content) -> Verdict:
    return (
        _address(content, ".jpg", ".jpeg", ".png", ".gif")
        or _text(content.get("text"), "text", 768, empty=True)
        or FINE
    )


def _video(content: Content) -> Verdict:
    if verdict := _address(content, ".mp4") or _size(content, 27_262_976):
        return verdict
    duration = content.get("duration", 0)
    return FINE if _is_int(duration) and 0 <= duration <= 180 else Verdict(3, "duration: 0 to 180")


def _file(content: Content) -> Verdict:
    verdict = (
        _address(content)
        or _size(content, 52_428_800)
        or _text(content.get("file_name"), "file_name", 256)
    )
    if verdict:
        return verdict
    suffix = PurePosixPath(content["file_name"]).suffix.lower()
    if not suffix or suffix in FORBIDDEN_FILES:
        return Verdict(3, f"file_name: the extension {suffix!r} is not allowed")
    return FINE


def _contact(content: Content) -> Verdict:
    contact = content.get("contact")
    if not isinstance(contact, dict):
        return Verdict(4, "contact: is missing")
    return (
        _text(contact.get("name"), "contact.name", 28)
        or _text(contact.get("phone_number"), "contact.phone_number", 18)
        or FINE
    )


def _location(content: Content) -> Verdict:
    location = content.get("location")
    if not isinstance(location, dict):
        return Verdict(4, "location: is missing")
    for key, limit in (("lat", 90), ("lon", 180)):
        value = location.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > limit:
            return Verdict(3, f"location.{key}: a number from -{limit} to {limit}")
    return FINE


def _sticker(content: Content) -> Verdict:
    return (
        FINE if str(content.get("sticker_id", "")).isdigit() else Verdict(3, "sticker_id: digits")
    )


def _rich_media(content: Content) -> Verdict:
    rich_media = content.get("rich_media")
    if not isinstance(rich_media, dict):
        return Verdict(4, "rich_media: is missing")
    columns = rich_media.get("ButtonsGroupColumns", 6)
    rows = rich_media.get("ButtonsGroupRows", 7)
    if not (_is_int(columns) and 1 <= columns <= 6 and _is_int(rows) and 1 <= rows <= 7):
        return Verdict(3, "rich_media: 1 to 6 columns, 1 to 7 rows")
    # A carousel is at most six cards of this many cells.
    return _buttons(rich_media, "rich_media", columns, rows, 6 * columns * rows)


def _keyboard(keyboard: Any) -> Verdict:
    if not isinstance(keyboard, dict):
        return Verdict(3, "keyboard: an object")
    return _buttons(keyboard, "keyboard", 6, 2, KEYBOARD_CELLS)


def _buttons(holder: Content, name: str, columns: int, rows: int, cells: int) -> Verdict:
    if holder.get("Type") != name:
        return Verdict(3, f"{name}.Type: {name!r}")
    buttons = holder.get("Buttons")
    if not isinstance(buttons, list) or not buttons:
        return Verdict(4, f"{name}.Buttons: is missing")
    taken = 0
    for button in buttons:
        if not isinstance(button, dict) or button.get("ActionType", "reply") not in ACTIONS:
            return Verdict(3, f"{name}.Buttons: ActionType is one of {', '.join(sorted(ACTIONS))}")
        width, height = button.get("Columns", columns), button.get("Rows", 1)
        if not (_is_int(width) and 1 <= width <= columns and _is_int(height) and height >= 1):
            return Verdict(3, f"{name}.Buttons: Columns 1 to {columns}, Rows 1 to {rows}")
        if height > rows:
            return Verdict(3, f"{name}.Buttons: Rows 1 to {rows}")
        if len(str(button.get("Text", ""))) > 250:
            return Verdict(3, f"{name}.Buttons: Text of at most 250")
        if not button.get("ActionBody") and button.get("ActionType") != "none":
            return Verdict(4, f"{name}.Buttons: ActionBody is missing")
        taken += width * height
    return FINE if taken <= cells else Verdict(3, f"{name}.Buttons: too many to show")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


CHECKS: dict[str, Check] = {
    "text": _plain,
    "picture": _picture,
    "video": _video,
    "file": _file,
    "contact": _contact,
    "location": _location,
    "url": lambda content: _address(content) or FINE,
    "sticker": _sticker,
    "rich_media": _rich_media,
    "payment": lambda content: (
        FINE if content.get("payment") else Verdict(4, "payment: is missing")
    ),
}
