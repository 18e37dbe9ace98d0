"""What a person does on a phone: open a chat, write, tap, read, subscribe, switch off."""

import json
from typing import Any
from urllib.parse import urljoin

import msgspec

from demo.emulator.limits import check_content
from demo.emulator.records import Chat, Content, Message, Profile
from demo.emulator.world import Missing, World


class Unable(Exception):
    """The phone cannot do this now: it is off, or the bot's chat is."""


class People:
    """The persons of a world; every method is one thing a thumb does."""

    def __init__(self, world: World) -> None:
        self.world = world

    def open(self, phone_id: str, uri: str, context: str = "") -> None:
        """Open the chat; the bot's answer to `conversation_started` is the welcome message."""
        with self.world.change():
            chat = self._chat(phone_id, uri)
            event = self.world.event("conversation_started", self.world.new_token())
            event |= {"type": "open", "user": self.world.user(chat), "subscribed": chat.subscribed}
            if context:
                event["context"] = context
            self.world.owe(chat, event, lambda answer: self._welcome(chat, answer))

    def write(self, phone_id: str, uri: str, content: Content, *, silent: bool = False) -> Message:
        """Send a message; the first one subscribes, and no `subscribed` tells so."""
        with self.world.change():
            chat = self._chat(phone_id, uri)
            if not content.get("type"):
                raise ValueError("type: text, picture, video, file, contact, location, …")
            content = self._with_full_addresses(content)
            token = self.world.new_token()
            message = Message(token, "person", content, self.world.clock(), silent=silent)
            chat.messages.append(message)
            chat.subscribed = True
            chat.unanswered.clear()
            if not self.world.in_session(chat):
                chat.session_started_at = message.at
            event = self.world.event("message", token)
            event["sender"] = self.world.user(chat)
            event["message"] = content | (
                {"tracking_data": chat.tracking_data} if chat.tracking_data else {}
            )
            event["silent"] = silent
            self.world.owe(chat, event, lambda _: self._taken(message))
            if chat.bot.settings.inbound_receipts:
                self.world.receipt(chat, "delivered", token)
            return message

    def tap(self, phone_id: str, uri: str, index: int, token: int | None = None) -> Content:
        """Press a button of the keyboard, or of the rich media message with this token.

        Return {"action": …} with the `url` to open, or the `message_token` of what was sent.
        """
        with self.world.change():
            chat = self._chat(phone_id, uri)
            buttons = _buttons(chat, token)
            if not 0 <= index < len(buttons):
                raise ValueError(f"button: 0 to {len(buttons) - 1}")
            button = buttons[index]
            action, body = button.get("ActionType", "reply"), str(button.get("ActionBody", ""))
            if action == "none":
                return {"action": action}
            if action == "open-url":
                return {"action": action, "url": body}
            message = self.write(
                phone_id,
                uri,
                _tapped(action, body, chat.phone.profile),
                silent=button.get("Silent") in (True, "true"),
            )
            return {"action": action, "message_token": str(message.token)}

    def read(self, phone_id: str, uri: str) -> int:
        """Look at the chat; return how many messages became seen."""
        with self.world.change():
            return self.world.mark_seen(self._chat(phone_id, uri))

    def subscribe(self, phone_id: str, uri: str) -> None:
        """Subscribe; Viber forgets the tracking data of before."""
        with self.world.change():
            chat = self._chat(phone_id, uri)
            if not chat.subscribed:
                chat.subscribed, chat.tracking_data = True, ""
                event = self.world.event("subscribed", self.world.new_token())
                self.world.owe(chat, event | {"user": self.world.user(chat)})

    def unsubscribe(self, phone_id: str, uri: str) -> None:
        """Turn the bot's messages off."""
        with self.world.change():
            chat = self._chat(phone_id, uri)
            if chat.subscribed:
                chat.subscribed = False
                event = self.world.event("unsubscribed", self.world.new_token())
                self.world.owe(chat, event | {"user_id": chat.user_id})

    def configure(self, phone_id: str, changes: dict[str, Any]) -> Profile:
        """Change the profile; coming online delivers what waited, a new number new user ids."""
        with self.world.change():
            phone = self.world.phone(phone_id)
            old = phone.profile
            phone.profile = msgspec.convert(msgspec.structs.asdict(old) | changes, Profile)
            if phone.profile.phone_number != old.phone_number:
                for chat in self.world.chats_of(phone):
                    chat.user_id = self.world.new_user_id()
            if phone.profile.online:
                self.world.deliver_waiting(phone)
            if phone.profile.online and phone.profile.auto_read:
                for chat in self.world.chats_of(phone):
                    self.world.mark_seen(chat)
            return phone.profile

    def _chat(self, phone_id: str, uri: str) -> Chat:
        chat = self.world.chat(phone_id, uri)
        if not (chat.phone.profile.online and chat.phone.profile.registered):
            raise Unable(f"phone {phone_id}: is offline or no longer on Viber")
        if not chat.bot.webhook:
            # Taking the webhook away switches the 1-to-1 chat off, as at Viber.
            raise Unable(f"bot {uri}: has no webhook, so its chat is switched off")
        return chat

    def _welcome(self, chat: Chat, answer: bytes) -> None:
        try:
            content = json.loads(answer)
        except ValueError:
            return
        if not isinstance(content, dict) or not content:
            return
        # Viber does not say what it does with a bad welcome; here nobody sees it.
        if check_content(content, welcome=True).status:
            return
        with self.world.change():
            self.world.place(chat, content, self.world.new_token())

    def _taken(self, message: Message) -> None:
        with self.world.change():
            message.state = "delivered"

    def _with_full_addresses(self, content: Content) -> Content:
        return content | {
            key: urljoin(f"{self.world.url}/", content[key])
            for key in ("media", "thumbnail")
            if isinstance(content.get(key), str) and content[key].startswith("/")
        }


def _buttons(chat: Chat, token: int | None) -> list[Content]:
    if token is None:
        holder = chat.keyboard
    else:
        message = next((m for m in chat.messages if m.token == token), None)
        holder = message.content.get("rich_media") if message else None
    if not holder:
        raise Missing("button: the chat shows no such keyboard or message")
    buttons: list[Content] = holder["Buttons"]
    return buttons


def _tapped(action: str, body: str, profile: Profile) -> Content:
    if action == "share-phone":
        number = profile.phone_number.removeprefix("+")
        return {"type": "contact", "contact": {"name": profile.name, "phone_number": number}}
    if action == "location-picker":
        return {"type": "location", "location": {"lat": 50.4501, "lon": 30.5234}}
    return {"type": "text", "text": body}
