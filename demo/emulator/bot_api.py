"""Viber's REST API as a bot sees it: the calls under /pa."""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard
from urllib.parse import quote

from demo.emulator.limits import REQUEST_BYTES, STATUS_NAMES, check_content
from demo.emulator.records import (
    ALL_EVENTS,
    MANDATORY_EVENTS,
    OPTIONAL_EVENTS,
    Bot,
    Chat,
    Content,
    Fault,
)
from demo.emulator.world import CHAT_HOSTNAME, World

HOUR = timedelta(hours=1)
UNANSWERED_PER_HOUR = 100
DETAILS_PER_12_HOURS = 2
BROADCAST_RECEIVERS = 300
BROADCASTS_PER_10_SECONDS = 500
ONLINE_IDS = 100
# What belongs to the request, not to the message a person sees.
ENVELOPE = {"receiver", "broadcast_list", "auth_token", "min_api_version"}


@dataclass(frozen=True)
class Reply:
    """What goes back to the bot; `lost` closes the connection without a word."""

    body: Content
    http_status: int = 200
    lost: bool = False


class BotApi:
    """The calls of a bot, one method per path.

    confirm: calls back a webhook address before set_webhook answers, and tells what is wrong.
    """

    def __init__(
        self,
        world: World,
        confirm: Callable[[Bot, str], str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.world = world
        self._confirm = confirm
        self._sleep = sleep

    def call(self, name: str, key: str | None, raw: bytes) -> Reply | None:
        """Answer one request; None when Viber has no such call."""
        method = {
            "set_webhook": self._set_webhook,
            "send_message": self._send_message,
            "broadcast_message": self._broadcast_message,
            "get_account_info": self._get_account_info,
            "get_user_details": self._get_user_details,
            "get_online": self._get_online,
            "post": self._post,
        }.get(name)
        if method is None:
            return None
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict) or len(raw) > REQUEST_BYTES:
            return refusal(3)
        key = key or body.get("auth_token")
        if not key:
            return refusal(2, "missing_auth_token")
        bot = self.world.bot_by_key(str(key).strip())
        return method(bot, body) if bot else refusal(2)

    def _set_webhook(self, bot: Bot, body: Content) -> Reply:
        url = body.get("url")
        wanted = body.get("event_types")
        known = {*ALL_EVENTS, *OPTIONAL_EVENTS}
        if not isinstance(url, str):
            return refusal(4, "url: is missing")
        if wanted is not None and not (_is_texts(wanted) and known.issuperset(wanted)):
            return refusal(3, "event_types: unknown")
        if url and (cause := self._confirm(bot, url)):
            return refusal(1, cause)
        with self.world.change():
            bot.webhook = url
            bot.send_name = body.get("send_name") is True
            bot.send_photo = body.get("send_photo") is True
            if wanted is None:
                bot.event_types = ALL_EVENTS
            else:
                bot.event_types = tuple(dict.fromkeys([*MANDATORY_EVENTS, *wanted]))
        return _fine(event_types=list(bot.event_types) if url else [])

    def _send_message(self, bot: Bot, body: Content) -> Reply:
        fault, answer = self._meet_fault(bot)
        if answer:
            return answer
        with self.world.change():
            if cause := self._cannot_send(bot, body):
                return refusal(*cause)
            if not body.get("receiver"):
                return refusal(4, "receiver: is missing")
            chat = self.world.chat_by_user(bot, body["receiver"])
            if status := self._cannot_receive(bot, chat, body):
                return refusal(status)
            assert chat is not None
            token = self.world.new_token()
            billing_status = self._take(chat, body, token, fault.fail_after)
        told = {"billing_status": billing_status} if bot.settings.tells_billing else {}
        return _fine(message_token=token, lost=fault.lose_answer, **told)

    def _broadcast_message(self, bot: Bot, body: Content) -> Reply:
        fault, answer = self._meet_fault(bot)
        if answer:
            return answer
        with self.world.change():
            if cause := self._cannot_broadcast(bot, body):
                return refusal(*cause)
            token, failed, billed = self.world.new_token(), [], [0]
            for receiver in dict.fromkeys(body["broadcast_list"]):
                chat = self.world.chat_by_user(bot, receiver)
                if status := self._cannot_receive(bot, chat, body):
                    reason = STATUS_NAMES.get(status, "")
                    failed.append(
                        {"receiver": receiver, "status": status, "status_message": reason}
                    )
                    continue
                assert chat is not None
                personal = _fill_in(body, chat, self.world.user(chat)["name"])
                # Viber does not say whether receivers share a token; here they do.
                billed.append(self._take(chat, personal, token, fault.fail_after))
        # The reply has one billing status for everybody: the dearest is the honest one.
        return _fine(
            message_token=token,
            billing_status=max(billed),
            failed_list=failed,
            lost=fault.lose_answer,
        )

    def _get_account_info(self, bot: Bot, _: Content) -> Reply:
        subscribers = [c for c in self.world.chats.values() if c.bot is bot and c.subscribed]
        return _fine(
            id=bot.id,
            name=bot.name,
            uri=bot.uri,
            icon=bot.icon,
            background="",
            category="Companies, Brands & Products",
            subcategory="Shopping & Retail",
            location={"lat": 50.4501, "lon": 30.5234},
            country="UA",
            webhook=bot.webhook,
            event_types=list(bot.event_types) if bot.webhook else [],
            subscribers_count=len(subscribers),
            members=[],
            chat_flags=[],
        )

    def _get_user_details(self, bot: Bot, body: Content) -> Reply:
        with self.world.change():
            chat = self.world.chat_by_user(bot, body.get("id"))
            if chat is None or not chat.phone.profile.registered:
                return refusal(5)
            if not chat.subscribed:
                return refusal(6)
            now = self.world.clock()
            if _recent(chat.details_asked, now, HOUR * 12) >= DETAILS_PER_12_HOURS:
                return refusal(12)
            chat.details_asked.append(now)
            user = self.world.user(chat) | {
                "primary_device_os": "Android 14",
                "viber_version": "22.5.0",
                "mcc": 255,
                "mnc": 1,
                "device_type": "Pixel 8",
            }
            return _fine(message_token=self.world.new_token(), user=user)

    def _get_online(self, bot: Bot, body: Content) -> Reply:
        ids = body.get("ids")
        if not isinstance(ids, list) or not 1 <= len(ids) <= ONLINE_IDS:
            return refusal(3, f"ids: 1 to {ONLINE_IDS}")
        names = ("online", "offline", "undisclosed", "tryLater", "unavailable")
        users = []
        for user_id in ids:
            status = _presence(self.world.chat_by_user(bot, user_id))
            user = {"id": user_id, "online_status": status}
            users.append(user | {"online_status_message": names[status]})
        return _fine(users=users)

    def _post(self, bot: Bot, _: Content) -> Reply:
        return refusal(18)

    def _meet_fault(self, bot: Bot) -> tuple[Fault, Reply | None]:
        """Take the next fault of the queue, with the answer it forces, if it does."""
        with self.world.change():
            fault = bot.faults.popleft() if bot.faults else Fault()
        if fault.delay_seconds:
            self._sleep(fault.delay_seconds)
        if fault.lose_request:
            return fault, Reply({}, lost=True)
        if fault.http is not None:
            return fault, Reply({}, http_status=fault.http)
        if fault.refuse is not None:
            return fault, refusal(fault.refuse)
        return fault, None

    def _cannot_send(self, bot: Bot, body: Content) -> tuple[int, str] | None:
        if bot.settings.blocked:
            return 7, ""
        if bot.settings.suspended:
            return 9, ""
        if not bot.webhook:
            return 10, ""
        return check_content(body) if check_content(body).status else None

    def _cannot_broadcast(self, bot: Bot, body: Content) -> tuple[int, str] | None:
        if cause := self._cannot_send(bot, body):
            return cause
        if not bot.settings.broadcast_allowed:
            return 20, ""
        receivers = body.get("broadcast_list")
        if not _is_texts(receivers) or not 1 <= len(receivers) <= BROADCAST_RECEIVERS:
            return 3, f"broadcast_list: 1 to {BROADCAST_RECEIVERS} ids"
        now = self.world.clock()
        if _recent(bot.broadcasts, now, timedelta(seconds=10)) >= BROADCASTS_PER_10_SECONDS:
            return 12, ""
        bot.broadcasts.append(now)
        return None

    def _cannot_receive(self, bot: Bot, chat: Chat | None, body: Content) -> int:
        if chat is None or not chat.phone.profile.registered:
            return 5
        if not chat.subscribed:
            return 6
        if body.get("min_api_version", 1) > chat.phone.profile.api_version:
            return 13
        if body.get("type") == "payment" and chat.phone.profile.country != "UA":
            return 21
        if _recent(chat.unanswered, self.world.clock(), HOUR) >= UNANSWERED_PER_HOUR:
            return 12
        if not self.world.in_session(chat):
            settings = bot.settings
            sent = bot.out_of_session.get(self._month(), 0)
            if not settings.billable and sent >= settings.free_messages:
                return 23
            if settings.billable and settings.paid_messages == 0:
                return 24
        return 0

    def _take(self, chat: Chat, body: Content, token: int, fails: str | None) -> int:
        """Put the message into the chat; return its billing_status."""
        bot = chat.bot
        chat.unanswered.append(self.world.clock())
        if self.world.in_session(chat):
            billing_status = 2 if bot.settings.billable else 1
        else:
            billing_status = 5 if bot.settings.billable else 3
            month = self._month()
            bot.out_of_session[month] = bot.out_of_session.get(month, 0) + 1
            if bot.settings.billable and bot.settings.paid_messages is not None:
                bot.settings.paid_messages -= 1
        content = {key: value for key, value in body.items() if key not in ENVELOPE}
        self.world.place(chat, content, token, fails=fails)
        return billing_status

    def _month(self) -> str:
        return f"{self.world.clock():%Y-%m}"


def refusal(status: int, reason: str = "") -> Reply:
    """Answer HTTP 200 with a status that is not 0."""
    message = reason or STATUS_NAMES.get(status, "generalError")
    return Reply({"status": status, "status_message": message, "chat_hostname": CHAT_HOSTNAME})


def _fine(*, lost: bool = False, **fields: Any) -> Reply:
    body = {"status": 0, "status_message": "ok", "chat_hostname": CHAT_HOSTNAME}
    return Reply(body | fields, lost=lost)


def _is_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _recent(times: deque[datetime], now: datetime, period: timedelta) -> int:
    """Forget what is older than the period and count the rest."""
    while times and now - times[0] >= period:
        times.popleft()
    return len(times)


def _presence(chat: Chat | None) -> int:
    if chat is None or not chat.subscribed or not chat.phone.profile.registered:
        return 4
    if not chat.phone.profile.shows_online:
        return 2
    return 0 if chat.phone.profile.online else 1


def _fill_in(value: Any, chat: Chat, name: str) -> Any:
    """Put the receiver into a broadcast's placeholders, wherever they stand."""
    if isinstance(value, dict):
        return {key: _fill_in(item, chat, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill_in(item, chat, name) for item in value]
    if isinstance(value, str):
        for placeholder, own in (
            ("replace_me_with_receiver_id", chat.user_id),
            ("replace_me_with_url_encoded_receiver_id", quote(chat.user_id, safe="")),
            ("replace_me_with_user_name", name),
        ):
            value = value.replace(placeholder, own)
    return value
