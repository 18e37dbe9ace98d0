"""Bots: connected by their key, set up, watched, disconnected.

setting      what an account sets per bot; reading and listing bots, their links
connecting   a key comes, is replaced, goes
claiming     an old bot's day, for an operator to confirm
watching     the schedule that compares a bot's webhook with what Viber has
remembering  what a container knows of bots without reading them again
"""

from chalicelib.bots.claiming import claimed
from chalicelib.bots.connecting import AWAITING_KEY, LEASE_FOR, connect, disconnect, replace_key
from chalicelib.bots.remembering import REREAD_EVERY_SECONDS, Known, forget, known
from chalicelib.bots.setting import (
    Settings,
    change_settings,
    changed_meanwhile,
    get,
    link,
    of_account,
    settings,
    webhook_url,
)
from chalicelib.bots.watching import CHECK_AFTER_REFUSAL, CHECK_EVERY, EVENTS, check, due

__all__ = [
    "AWAITING_KEY",
    "CHECK_AFTER_REFUSAL",
    "CHECK_EVERY",
    "EVENTS",
    "LEASE_FOR",
    "REREAD_EVERY_SECONDS",
    "Known",
    "Settings",
    "change_settings",
    "changed_meanwhile",
    "check",
    "claimed",
    "connect",
    "disconnect",
    "due",
    "forget",
    "get",
    "known",
    "link",
    "of_account",
    "replace_key",
    "settings",
    "webhook_url",
]
