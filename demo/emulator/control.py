"""The control API: what the phone page and the tests do to the emulator, as JSON."""

import re
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from demo.emulator.callbacks import Dispatcher, to_json
from demo.emulator.media import SAMPLE_NAMES, MediaShelf, sample
from demo.emulator.people import People
from demo.emulator.records import BotSettings, Fault, Profile
from demo.emulator.view import bot_view, chat_view, phone_view, state
from demo.emulator.world import Missing, World

LONG_POLL_SECONDS = 25.0


class NewBot(msgspec.Struct, forbid_unknown_fields=True):
    """POST /control/bots."""

    name: str
    uri: str = ""
    key: str = ""


class ToBot(msgspec.Struct, forbid_unknown_fields=True):
    """The bot a person deals with, by its URI."""

    bot: str
    context: str = ""


class Tap(msgspec.Struct, forbid_unknown_fields=True):
    """Which button, of the keyboard or of the message with this token."""

    bot: str
    button: int
    message_token: str | None = None


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """What goes wrong with the next sends, in order; replaces what was set before."""

    next: list[Fault]


class RawCallback(msgspec.Struct, forbid_unknown_fields=True):
    """Any body, as JSON or as a string to send as it is; `signature` overrides `signed`."""

    bot: str
    body: Any
    signed: bool = True
    signature: str | None = None


class Duplicate(msgspec.Struct, forbid_unknown_fields=True):
    """How many of the last callbacks, and of which bot."""

    count: int = 1
    bot: str | None = None


class Hold(msgspec.Struct, forbid_unknown_fields=True):
    """Keep receipts back, or not."""

    on: bool


class Release(msgspec.Struct, forbid_unknown_fields=True):
    """The order in which held receipts go out."""

    order: Literal["forward", "reverse"] = "forward"


class Control:
    """One method per route; each returns what is to be written as JSON."""

    def __init__(
        self, world: World, people: People, dispatcher: Dispatcher, media: MediaShelf
    ) -> None:
        self.world = world
        self.people = people
        self.dispatcher = dispatcher
        self.media = media
        phone, bot = r"/phones/(?P<phone_id>[^/]+)", r"/bots/(?P<uri>[^/]+)"
        routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "/state", self.state),
            ("POST", "/bots", self.add_bot),
            ("POST", f"{bot}/faults", self.set_faults),
            ("POST", f"{bot}/settings", self.set_bot),
            ("POST", "/phones", self.add_phone),
            ("POST", f"{phone}/open", self.open),
            ("POST", f"{phone}/messages", self.write),
            ("POST", f"{phone}/tap", self.tap),
            ("POST", f"{phone}/subscribe", self.subscribe),
            ("POST", f"{phone}/unsubscribe", self.unsubscribe),
            ("POST", f"{phone}/read", self.read),
            ("POST", f"{phone}/settings", self.set_phone),
            ("GET", rf"{phone}/chats/(?P<uri>[^/]+)", self.chat),
            ("POST", "/callbacks", self.send_callback),
            ("POST", "/duplicate", self.duplicate),
            ("POST", "/hold", self.hold),
            ("POST", "/release", self.release),
            ("POST", "/pump", self.pump),
            ("POST", "/media", self.add_medium),
            ("DELETE", r"/media/(?P<media_id>[^/]+)", self.remove_medium),
        ]
        self._routes = [(method, re.compile(path), call) for method, path, call in routes]

    def call(self, method: str, path: str, query: dict[str, str], raw: bytes) -> Any:
        """Answer a request below /control; raise Missing, ValueError or people.Unable."""
        for route_method, pattern, call in self._routes:
            match = pattern.fullmatch(path)
            if match and route_method == method:
                return call(raw=raw, query=query, **match.groupdict())
        raise Missing(f"{method} /control{path}: no such route")

    def state(self, *, query: dict[str, str], **_: Any) -> Any:
        """Show everything newer than `since`, waiting up to `wait` seconds for it."""
        since = int(query.get("since", -1))
        wait_seconds = min(float(query.get("wait", 0)), LONG_POLL_SECONDS)
        with self.world.changed:
            if wait_seconds > 0:
                self.world.changed.wait_for(lambda: self.world.version != since, wait_seconds)
            if self.world.version == since:
                return {"version": since, "changed": False}
            samples = {kind: self._sample(name) for kind, name in SAMPLE_NAMES.items()}
            return state(self.world, self.dispatcher) | {"samples": samples}

    def add_bot(self, *, raw: bytes, **_: Any) -> Any:
        """Register a bot."""
        body = msgspec.json.decode(raw, type=NewBot)
        return bot_view(self.world.add_bot(body.name, uri=body.uri, key=body.key))

    def set_faults(self, *, raw: bytes, uri: str, **_: Any) -> Any:
        """Queue what goes wrong with a bot's next sends."""
        faults = msgspec.json.decode(raw, type=Faults).next
        with self.world.change():
            bot = self.world.bot(uri)
            bot.faults.clear()
            bot.faults.extend(faults)
            return bot_view(bot)

    def set_bot(self, *, raw: bytes, uri: str, **_: Any) -> Any:
        """Change some of a bot's settings."""
        changes = msgspec.json.decode(raw, type=dict[str, Any])
        with self.world.change():
            bot = self.world.bot(uri)
            settings = msgspec.structs.asdict(bot.settings) | changes
            bot.settings = msgspec.convert(settings, BotSettings)
            return bot_view(bot)

    def add_phone(self, *, raw: bytes, **_: Any) -> Any:
        """Hand out a phone."""
        phone = self.world.add_phone(msgspec.json.decode(raw, type=Profile))
        return phone_view(self.world, phone)

    def set_phone(self, *, raw: bytes, phone_id: str, **_: Any) -> Any:
        """Change some of a phone's settings."""
        self.people.configure(phone_id, msgspec.json.decode(raw, type=dict[str, Any]))
        return phone_view(self.world, self.world.phone(phone_id))

    def open(self, *, raw: bytes, phone_id: str, **_: Any) -> Any:
        """Open the chat, by a deep link when there is a context."""
        body = msgspec.json.decode(raw, type=ToBot)
        self.people.open(phone_id, body.bot, body.context)
        return {}

    def write(self, *, raw: bytes, phone_id: str, **_: Any) -> Any:
        """Send a message to the bot; the fields are Viber's own."""
        content = msgspec.json.decode(raw, type=dict[str, Any])
        uri, silent = str(content.pop("bot", "")), content.pop("silent", False) is True
        message = self.people.write(phone_id, uri, content, silent=silent)
        return {"message_token": str(message.token)}

    def tap(self, *, raw: bytes, phone_id: str, **_: Any) -> Any:
        """Press a button."""
        body = msgspec.json.decode(raw, type=Tap)
        token = None if body.message_token is None else int(body.message_token)
        return self.people.tap(phone_id, body.bot, body.button, token)

    def subscribe(self, *, raw: bytes, phone_id: str, **_: Any) -> Any:
        """Subscribe."""
        self.people.subscribe(phone_id, msgspec.json.decode(raw, type=ToBot).bot)
        return {}

    def unsubscribe(self, *, raw: bytes, phone_id: str, **_: Any) -> Any:
        """Unsubscribe."""
        self.people.unsubscribe(phone_id, msgspec.json.decode(raw, type=ToBot).bot)
        return {}

    def read(self, *, raw: bytes, phone_id: str, **_: Any) -> Any:
        """Mark the chat as seen."""
        return {"seen": self.people.read(phone_id, msgspec.json.decode(raw, type=ToBot).bot)}

    def chat(self, *, phone_id: str, uri: str, **_: Any) -> Any:
        """Show one chat."""
        with self.world.changed:
            return chat_view(self.world, self.world.chat(phone_id, uri))

    def send_callback(self, *, raw: bytes, **_: Any) -> Any:
        """Send any callback once and tell what the bot answered."""
        request = msgspec.json.decode(raw, type=RawCallback)
        bot = self.world.bot(request.bot)
        if not bot.webhook:
            raise ValueError(f"bot {bot.uri}: has no webhook")
        body = request.body.encode() if isinstance(request.body, str) else to_json(request.body)
        signature = request.signature
        if signature is None and not request.signed:
            signature = "0" * 64
        status, answer = self.dispatcher.send(bot, bot.webhook, body, signature)
        return {"http_status": status, "answer": answer.decode(errors="replace")}

    def duplicate(self, *, raw: bytes, **_: Any) -> Any:
        """Send the last callbacks again."""
        body = msgspec.json.decode(raw or b"{}", type=Duplicate)
        if body.count < 1:
            raise ValueError("count: from 1")
        bot = self.world.bot(body.bot) if body.bot else None
        return {"resent": self.dispatcher.duplicate(body.count, bot)}

    def hold(self, *, raw: bytes, **_: Any) -> Any:
        """Keep receipts back, or stop doing so."""
        on = msgspec.json.decode(raw, type=Hold).on
        return {"released" if not on else "held": self.dispatcher.hold(on)}

    def release(self, *, raw: bytes, **_: Any) -> Any:
        """Send the held receipts."""
        order = msgspec.json.decode(raw or b"{}", type=Release).order
        return {"released": self.dispatcher.release(order)}

    def pump(self, **_: Any) -> Any:
        """Try again what is due by the emulator's clock."""
        self.dispatcher.pump()
        return {}

    def add_medium(self, *, raw: bytes, query: dict[str, str], **_: Any) -> Any:
        """Keep an uploaded file."""
        if not raw:
            raise ValueError("body: the bytes of a file")
        path = self.media.add(query.get("name", "file.bin"), raw)
        return {"url": self._url(path), "size": len(raw)}

    def remove_medium(self, *, media_id: str, **_: Any) -> Any:
        """Let a file's link die."""
        self.media.remove(media_id)
        return {}

    def _sample(self, name: str) -> dict[str, str | int]:
        size = len(sample(name))
        return {"url": self._url(f"sample/{name}"), "name": name, "size": size}

    def _url(self, path: str) -> str:
        return f"{self.world.url}/media/{quote(path)}"
