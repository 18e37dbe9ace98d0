"""The emulator's state, and what happens to a message between a bot and a phone."""

import base64
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from demo.emulator.records import (
    MANDATORY_EVENTS,
    Bot,
    Callback,
    Chat,
    Content,
    Message,
    Phone,
    Profile,
)

# Viber's tokens count milliseconds from this instant, above 22 bits of their own.
TOKEN_EPOCH_MS = 292_057_776_128
TOKEN_BITS = 22
SESSION = timedelta(hours=24)
# Viber tries an undelivered message for 14 days, then drops it without a callback.
UNDELIVERED_LIFE = timedelta(days=14)
CHAT_HOSTNAME = "SN-CHAT-02_"
DEVICE_LAG_MS = 137


class Missing(LookupError):
    """No such bot, phone, chat or medium."""


class World:
    """Bots, phones and their chats, behind one lock.

    Whoever changes something does it inside `change()`. Callbacks are only written down in
    `outbox`; nothing here waits for a network.
    """

    def __init__(self, clock: Callable[[], datetime], *, seed: int | None = None) -> None:
        self.clock = clock
        self.url = ""
        self.version = 0
        self.bots: dict[str, Bot] = {}
        self.phones: dict[str, Phone] = {}
        self.chats: dict[tuple[str, str], Chat] = {}
        self.outbox: deque[Callback] = deque()
        self.changed = threading.Condition(threading.RLock())
        self._random = random.Random(seed)
        self._last_token = 0

    @contextmanager
    def change(self) -> Iterator[None]:
        """Hold the lock; afterwards tell whoever waits that the state has a new version."""
        with self.changed:
            try:
                yield
            finally:
                self.version += 1
                self.changed.notify_all()

    def add_bot(self, name: str, *, uri: str = "", key: str = "") -> Bot:
        """Register a bot; raise ValueError when its URI or key is taken."""
        with self.change():
            uri = uri or f"bot{self._digits(8)}"
            key = key or "-".join(f"{self._random.getrandbits(64):016x}" for _ in range(3))
            if uri in self.bots or any(bot.key == key for bot in self.bots.values()):
                raise ValueError("uri, key: must not belong to another bot")
            bot = Bot(
                key=key,
                id=f"pa:{self._digits(19)}",
                uri=uri,
                name=name,
                icon=f"{self.url}/media/avatar-{uri}/icon.png",
            )
            self.bots[uri] = bot
            return bot

    def add_phone(self, profile: Profile) -> Phone:
        """Hand a person a phone; a missing number is invented."""
        with self.change():
            if not profile.phone_number:
                profile.phone_number = f"38067{self._digits(7)}"
            phone = Phone(id=f"phone{len(self.phones) + 1}", profile=profile)
            self.phones[phone.id] = phone
            return phone

    def bot(self, uri: str) -> Bot:
        """Find a bot by its URI; raise Missing."""
        if uri not in self.bots:
            raise Missing(f"bot {uri!r}: not found; have {', '.join(self.bots) or 'none'}")
        return self.bots[uri]

    def bot_by_key(self, key: str) -> Bot | None:
        """Find the bot that owns this key."""
        return next((bot for bot in self.bots.values() if bot.key == key), None)

    def phone(self, phone_id: str) -> Phone:
        """Find a phone; raise Missing."""
        if phone_id not in self.phones:
            raise Missing(f"phone {phone_id!r}: not found; have {', '.join(self.phones) or 'none'}")
        return self.phones[phone_id]

    def chat(self, phone_id: str, uri: str) -> Chat:
        """Find the chat of a phone with a bot, beginning it when they never met."""
        phone, bot = self.phone(phone_id), self.bot(uri)
        if (phone_id, uri) not in self.chats:
            self.chats[phone_id, uri] = Chat(bot=bot, phone=phone, user_id=self.new_user_id())
        return self.chats[phone_id, uri]

    def chats_of(self, phone: Phone) -> list[Chat]:
        """List a phone's chats."""
        return [chat for chat in self.chats.values() if chat.phone is phone]

    def chat_by_user(self, bot: Bot, user_id: object) -> Chat | None:
        """Find the chat a bot means by a user id, which is unique per person and bot."""
        for chat in self.chats.values():
            if chat.bot is bot and chat.user_id == user_id:
                return chat
        return None

    def new_user_id(self) -> str:
        """Make a user id: 16 bytes in base64, so 24 characters that may hold / + and =."""
        return base64.b64encode(self._random.randbytes(16)).decode()

    def new_token(self) -> int:
        """Make a 63-bit message token that sorts by the time of its making."""
        milliseconds = self.now_ms() - TOKEN_EPOCH_MS
        if self._last_token >> TOKEN_BITS == milliseconds:
            self._last_token += 1
        else:
            # The top bit stays free, so that a busy millisecond does not run into the next.
            bits = self._random.getrandbits(TOKEN_BITS - 1)
            self._last_token = (milliseconds << TOKEN_BITS) | bits
        return self._last_token

    def now_ms(self) -> int:
        """Read the clock in whole milliseconds since 1970."""
        now = self.clock()
        return int(now.timestamp()) * 1000 + now.microsecond // 1000

    def in_session(self, chat: Chat) -> bool:
        """Tell whether 24 h from the first message of the window are not over."""
        started_at = chat.session_started_at
        return started_at is not None and self.clock() - started_at < SESSION

    def user(self, chat: Chat) -> Content:
        """Describe the person as a callback does; what is not known is left out."""
        bot, profile = chat.bot, chat.phone.profile
        user: Content = {"id": chat.user_id}
        # What Viber puts in place of a name it may not tell is nowhere published.
        user["name"] = profile.name if bot.send_name and profile.personal else "Subscriber"
        if bot.send_photo and profile.personal and self.avatar(chat.phone):
            user["avatar"] = self.avatar(chat.phone)
        for key in ("country", "language"):
            if getattr(profile, key):
                user[key] = getattr(profile, key)
        return user | {"api_version": profile.api_version}

    def avatar(self, phone: Phone) -> str:
        """Give the address of a person's picture, or nothing."""
        avatar = phone.profile.avatar
        return f"{self.url}/media/avatar-{phone.id}/avatar.png" if avatar is None else avatar

    def place(self, chat: Chat, content: Content, token: int, *, fails: str | None = None) -> None:
        """Take a bot's message into the chat; with `fails` the client will not show it."""
        message = Message(token=token, author="bot", content=content, at=self.clock())
        chat.messages.append(message)
        if fails is not None:
            message.state, message.reason = "failed", fails
            self.receipt(chat, "failed", token, desc=fails)
        elif chat.phone.profile.online:
            self.deliver(chat, message)

    def deliver(self, chat: Chat, message: Message) -> None:
        """Show a message on the phone: one `delivered` per device."""
        message.state = "delivered"
        content = message.content
        chat.keyboard = content.get("keyboard") or chat.keyboard
        chat.tracking_data = content.get("tracking_data") or chat.tracking_data
        for device in range(chat.phone.profile.devices):
            self.receipt(chat, "delivered", message.token, lag_ms=device * DEVICE_LAG_MS)
        if chat.phone.profile.auto_read:
            self.mark_seen(chat)

    def deliver_waiting(self, phone: Phone) -> None:
        """Deliver, oldest first, what came while the phone was off."""
        for chat in self.chats_of(phone):
            for message in chat.messages:
                if message.author == "bot" and message.state == "sent":
                    if self.clock() - message.at > UNDELIVERED_LIFE:
                        message.state = "expired"
                    else:
                        self.deliver(chat, message)

    def mark_seen(self, chat: Chat) -> int:
        """Read the chat: one `seen` per message however many devices; return how many."""
        unread = [m for m in chat.messages if m.author == "bot" and m.state == "delivered"]
        for message in unread:
            message.state = "seen"
        for message in unread[-1:] if chat.bot.settings.one_seen else unread:
            self.receipt(chat, "seen", message.token)
        return len(unread)

    def receipt(self, chat: Chat, name: str, token: int, *, lag_ms: int = 0, **extra: str) -> None:
        """Owe the bot a delivered, seen or failed of this token."""
        event = self.event(name, token) | {"user_id": chat.user_id} | extra
        event["timestamp"] += lag_ms
        self.owe(chat, event)

    def event(self, name: str, token: int) -> dict[str, Any]:
        """Begin an event with what all of them carry."""
        return {
            "event": name,
            "timestamp": self.now_ms(),
            "chat_hostname": CHAT_HOSTNAME,
            "message_token": token,
        }

    def owe(
        self, chat: Chat, event: Content, on_answer: Callable[[bytes], None] | None = None
    ) -> None:
        """Write a callback down for delivery, unless the bot has not asked for its kind."""
        bot = chat.bot
        if bot.webhook and event["event"] in (*MANDATORY_EVENTS, *bot.event_types):
            self.outbox.append(Callback(bot, event, chat.user_id, on_answer))

    def _digits(self, count: int) -> str:
        return str(self._random.randrange(10 ** (count - 1), 10**count))
