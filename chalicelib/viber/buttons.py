"""Keyboards and carousels: grids of buttons in Viber's own JSON, and the API level they need."""

import re
from collections.abc import Iterator
from typing import Any

from chalicelib.viber.limits import Unsendable, check_https, check_text, check_whole

COLUMNS_MAX = 6
CARD_ROWS_MAX = 7
CARDS_MAX = 6
# Viber's page on keyboards copies the carousel's 7; its own group height and older pages say 2.
KEYBOARD_BUTTON_ROWS_MAX = 2
KEYBOARD_ROWS_MAX = 12  # Viber's FAQ: in portrait.
BUTTON_TEXT_LENGTH_MAX = 250
# No official bound. Android cuts at 250; the 100 of old iPhones is one page's word of 2016 and
# would refuse what works today.
ACTION_BODY_LENGTH_MAX = 250
BUTTONS_MAX = KEYBOARD_ROWS_MAX * COLUMNS_MAX
DEPTH_MAX = 8

ACTION_TYPES = frozenset(
    {"reply", "open-url", "location-picker", "share-phone", "open-map", "buy", "none"}
)
INPUT_FIELD_STATES = frozenset({"regular", "minimized", "hidden"})

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_NEWER_TEXT = re.compile(r"<s\b|<font\b[^<>]{0,200}?\bsize\b", re.IGNORECASE)

# The least API level of every field and action that needs more than 1. Viber: a message that
# needs more than its min_api_version is refused with status 14.
_LEVEL_OF_FIELD = {
    "InternalBrowser": 3,
    "CustomDefaultHeight": 3,
    "HeightScale": 3,
    "InputFieldState": 4,
    "TextPaddings": 4,
    "TextShouldFit": 6,
    "Map": 6,
    "Frame": 6,
    "MediaPlayer": 6,
    "Mediaplayer": 6,
    "ActionReplyData": 6,
    "FavoritesMetadata": 6,
}
_LEVEL_OF_ACTION = {"share-phone": 3, "location-picker": 3, "open-map": 6, "send-to-bot": 6}
_LEVEL_OF_KEYBOARD_FIELD = {"ButtonsGroupColumns": 4, "ButtonsGroupRows": 4}
_LEVEL_OF_NEWER_TEXT = 4


def check_keyboard(keyboard: Any, *, field: str = "keyboard") -> None:
    """Check a keyboard against Viber's bounds; raises Unsendable."""
    buttons = _buttons(keyboard, field, "keyboard")
    _check_optional_whole(keyboard, field, "ButtonsGroupColumns", 1, COLUMNS_MAX)
    _check_optional_whole(keyboard, field, "ButtonsGroupRows", 1, KEYBOARD_BUTTON_ROWS_MAX)
    _check_optional_whole(keyboard, field, "CustomDefaultHeight", 40, 70)
    _check_optional_whole(keyboard, field, "HeightScale", 20, 100)
    _check_optional_colour(keyboard, field)
    state = keyboard.get("InputFieldState", "regular")
    if not isinstance(state, str) or state not in INPUT_FIELD_STATES:
        raise Unsendable(
            f"{field}.InputFieldState",
            f"InputFieldState must be one of {_listed(INPUT_FIELD_STATES)}",
        )
    columns = keyboard.get("ButtonsGroupColumns", COLUMNS_MAX)
    cells = _check_buttons(buttons, field, columns, KEYBOARD_BUTTON_ROWS_MAX)
    if cells > KEYBOARD_ROWS_MAX * columns:
        raise Unsendable(
            f"{field}.Buttons",
            f"the buttons fill more than {KEYBOARD_ROWS_MAX} rows; Viber shows at most that many",
        )


def check_rich_media(rich_media: Any, *, field: str) -> None:
    """Check a carousel against Viber's bounds; raises Unsendable."""
    buttons = _buttons(rich_media, field, "rich_media")
    columns = check_whole(
        rich_media.get("ButtonsGroupColumns"), f"{field}.ButtonsGroupColumns", 1, COLUMNS_MAX
    )
    rows = check_whole(
        rich_media.get("ButtonsGroupRows"), f"{field}.ButtonsGroupRows", 1, CARD_ROWS_MAX
    )
    if "BgColor" not in rich_media:
        raise Unsendable(f"{field}.BgColor", "BgColor is missing; write a colour like #FFFFFF")
    _check_optional_colour(rich_media, field)
    cells = _check_buttons(buttons, field, columns, rows)
    if cells > CARDS_MAX * columns * rows:
        raise Unsendable(
            f"{field}.Buttons",
            f"the buttons fill more than {CARDS_MAX} cards; Viber shows at most that many",
        )


def api_level(found: Any, *, is_keyboard: bool) -> int:
    """Tell the least min_api_version that everything in a keyboard or carousel needs."""
    level = 1
    for name, value in _fields(found, DEPTH_MAX):
        level = max(level, _LEVEL_OF_FIELD.get(name, 1))
        if is_keyboard:
            level = max(level, _LEVEL_OF_KEYBOARD_FIELD.get(name, 1))
        if isinstance(value, str):
            if name in ("ActionType", "ActionButton"):
                level = max(level, _LEVEL_OF_ACTION.get(value, 1))
            if name == "Text" and _NEWER_TEXT.search(value):
                level = max(level, _LEVEL_OF_NEWER_TEXT)
    return level


def _buttons(found: Any, field: str, kind: str) -> list[Any]:
    if not isinstance(found, dict):
        raise Unsendable(field, f"{kind} is not a JSON object")
    if found.get("Type", kind) != kind:
        raise Unsendable(f"{field}.Type", f'Type must be "{kind}"')
    buttons = found.get("Buttons")
    if not isinstance(buttons, list) or not buttons:
        raise Unsendable(f"{field}.Buttons", "Buttons must be a list of at least one button")
    return buttons


def _check_buttons(buttons: list[Any], field: str, columns_max: int, rows_max: int) -> int:
    """Check each button and count the cells they fill together."""
    cells = 0
    for position, button in enumerate(buttons):
        at = f"{field}.Buttons[{position}]"
        if not isinstance(button, dict):
            raise Unsendable(at, "a button must be a JSON object")
        columns = check_whole(button.get("Columns", columns_max), f"{at}.Columns", 1, columns_max)
        rows = check_whole(button.get("Rows", 1), f"{at}.Rows", 1, rows_max)
        cells += columns * rows
        _check_action(button, at)
        _check_optional_colour(button, at)
        if "Text" in button:
            check_text(button["Text"], f"{at}.Text", BUTTON_TEXT_LENGTH_MAX, may_be_blank=True)
        for name in ("Image", "BgMedia"):
            if button.get(name):
                check_https(button[name], f"{at}.{name}")
    return cells


def _check_action(button: dict[str, Any], at: str) -> None:
    action = button.get("ActionType", "reply")
    if not isinstance(action, str) or action not in ACTION_TYPES:
        raise Unsendable(f"{at}.ActionType", f"ActionType must be one of {_listed(ACTION_TYPES)}")
    body = button.get("ActionBody")
    if action == "open-url":
        check_https(body, f"{at}.ActionBody")
    elif action in ("none", "open-map"):
        check_text(body or "", f"{at}.ActionBody", ACTION_BODY_LENGTH_MAX, may_be_blank=True)
    else:
        check_text(body, f"{at}.ActionBody", ACTION_BODY_LENGTH_MAX)


def _check_optional_whole(
    found: dict[str, Any], field: str, name: str, least: int, most: int
) -> None:
    if name in found:
        check_whole(found[name], f"{field}.{name}", least, most)


def _check_optional_colour(found: dict[str, Any], field: str) -> None:
    colour = found.get("BgColor", "#FFFFFF")
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise Unsendable(f"{field}.BgColor", "BgColor must be a colour like #FFFFFF")


def _fields(found: Any, depth_left: int) -> Iterator[tuple[str, Any]]:
    if depth_left == 0:
        return
    if isinstance(found, dict):
        for name, value in found.items():
            yield name, value
            yield from _fields(value, depth_left - 1)
    elif isinstance(found, list):
        for value in found:
            yield from _fields(value, depth_left - 1)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
