"""What a container knows of bots: a callback is checked, a message sent, without reading a key.

A bot is read and its key decrypted once, and again when what is known has become old.
"""

from datetime import datetime
from typing import NamedTuple

from chalicelib import kms, store
from chalicelib.tables import Bot

REREAD_EVERY_SECONDS = 1


class Known(NamedTuple):
    """A bot as it was read, its opened key, and when that was."""

    bot: Bot
    key: str
    read_at: datetime


_known: dict[str, Known] = {}


def known(bot_id: str, now: datetime, *, at_most_seconds_old: float) -> Known | None:
    """Return a bot with its key, read afresh when this old or older; None without a key.

    Age goes by business time: what was read later than `now` counts as old too.
    """
    held = _known.get(bot_id)
    if held is not None and 0 <= (now - held.read_at).total_seconds() < at_most_seconds_old:
        return held
    bot = store.get(Bot, bot_id)
    if bot is None or bot.key_sealed is None:
        _known.pop(bot_id, None)
        return None
    fresh = Known(bot, key_of(bot), now)
    _known[bot_id] = fresh
    return fresh


def forget(bot_id: str) -> None:
    """Drop what this container knows of a bot."""
    _known.pop(bot_id, None)


def key_of(bot: Bot) -> str:
    """Open a bot's key."""
    return kms.unseal(bytes(bot.key_sealed or b""), owner=bot.bot_id)
