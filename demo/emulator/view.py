"""The state as JSON for the phone page and for tests; message tokens are strings in it."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from demo.emulator.callbacks import Dispatcher
from demo.emulator.records import Bot, Callback, Chat, Message, Phone
from demo.emulator.world import World

CALLBACKS_SHOWN = 40


def state(world: World, dispatcher: Dispatcher) -> dict[str, Any]:
    """Show everything; the caller holds the world's lock."""
    return {
        "version": world.version,
        "changed": True,
        "now": instant(world.clock()),
        "bots": [bot_view(bot) for bot in world.bots.values()],
        "phones": [phone_view(world, phone) for phone in world.phones.values()],
        "callbacks": [
            callback_view(callback)
            for callback in reversed(list(dispatcher.history)[-CALLBACKS_SHOWN:])
        ],
        "holding": dispatcher.holding,
        "held": len(dispatcher.held),
    }


def bot_view(bot: Bot) -> dict[str, Any]:
    """Show a bot."""
    return {
        "key": bot.key,
        "id": bot.id,
        "uri": bot.uri,
        "name": bot.name,
        "icon": bot.icon,
        "webhook": bot.webhook,
        "event_types": list(bot.event_types),
        "settings": msgspec.to_builtins(bot.settings),
        "faults": [msgspec.to_builtins(fault) for fault in bot.faults],
    }


def phone_view(world: World, phone: Phone) -> dict[str, Any]:
    """Show a phone with its chats by the bot's URI."""
    profile = msgspec.to_builtins(phone.profile) | {"avatar": world.avatar(phone)}
    return {
        "id": phone.id,
        **profile,
        "chats": {chat.bot.uri: chat_view(world, chat) for chat in world.chats_of(phone)},
    }


def chat_view(world: World, chat: Chat) -> dict[str, Any]:
    """Show a chat; messages in the order in which they came."""
    return {
        "user_id": chat.user_id,
        "subscribed": chat.subscribed,
        "in_session": world.in_session(chat),
        "session_started_at": instant(chat.session_started_at),
        "unread": sum(m.author == "bot" and m.state == "delivered" for m in chat.messages),
        "keyboard": chat.keyboard,
        "tracking_data": chat.tracking_data,
        "messages": [message_view(message) for message in chat.messages],
    }


def message_view(message: Message) -> dict[str, Any]:
    """Show one bubble; `message` is in Viber's own keys."""
    return {
        "message_token": str(message.token),
        "author": message.author,
        "state": message.state,
        "at": instant(message.at),
        "silent": message.silent,
        "reason": message.reason,
        "message": message.content,
    }


def callback_view(callback: Callback) -> dict[str, Any]:
    """Show how a callback fares."""
    return {
        "event": callback.name,
        "bot": callback.bot.uri,
        "user_id": callback.user_id,
        "message_token": str(callback.event.get("message_token", "")),
        "state": callback.state,
        "attempts": callback.attempts,
        "http_status": callback.http_status,
        "next_at": instant(callback.next_at) if callback.state == "retrying" else None,
    }


def instant(at: datetime | None) -> str | None:
    """Write an instant in RFC 3339, UTC, with milliseconds."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
