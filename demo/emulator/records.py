"""What the emulator remembers: bots, phones, the chats between them, the callbacks it owes."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

Content = dict[str, Any]

MANDATORY_EVENTS = ("message", "subscribed", "unsubscribed")
OPTIONAL_EVENTS = ("delivered", "seen", "failed", "conversation_started")
# What a live account answered when it had asked for no event types in particular.
ALL_EVENTS = (
    "subscribed",
    "unsubscribed",
    "webhook",
    "conversation_started",
    "client_status",
    "action",
    "delivered",
    "failed",
    "message",
    "seen",
)


class BotSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Switches of a bot that Viber's staff, not the bot, would turn.

    free_messages: out-of-session messages a non-billable bot has per UTC month.
    paid_messages: what the balance of a billable bot still buys; None is without end.
    escape: how callbacks write what is not ASCII.
    inbound_receipts: also send `delivered` for what the person wrote, as Viber is seen to do.
    one_seen: reading several messages gives one `seen`, for the last.
    tells_billing: answers carry billing_status; those of business accounts may not.
    """

    blocked: bool = False
    suspended: bool = False
    broadcast_allowed: bool = True
    billable: bool = True
    free_messages: int = 10_000
    paid_messages: int | None = None
    signature_in_query: bool = False
    escape: Literal["alternate", "always", "never"] = "alternate"
    inbound_receipts: bool = False
    one_seen: bool = False
    tells_billing: bool = True


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What goes wrong with one send; several fields may be set together.

    refuse: the status to answer. lose_answer: the message is taken, the connection is closed
    without a word. lose_request: closed, and nothing taken. http: a bare HTTP status.
    fail_after: status 0, then a `failed` callback with this text.
    """

    refuse: int | None = None
    lose_answer: bool = False
    lose_request: bool = False
    http: int | None = None
    delay_seconds: float = 0
    fail_after: str | None = None


class Profile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a person can change on the phone.

    avatar: None is the emulator's own picture, "" is no picture at all.
    personal: the person lets bots see name and photo. shows_online: lets them see presence.
    registered: the number is still on Viber.
    """

    name: str
    country: str = "UA"
    language: str = "uk-UA"
    phone_number: str = ""
    avatar: str | None = None
    devices: int = 1
    online: bool = True
    auto_read: bool = False
    registered: bool = True
    personal: bool = True
    shows_online: bool = True
    api_version: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.devices <= 10:
            raise ValueError("devices: 1 to 10")


@dataclass
class Bot:
    """A bot as Viber keeps it."""

    key: str
    id: str
    uri: str
    name: str
    icon: str
    settings: BotSettings = field(default_factory=BotSettings)
    webhook: str = ""
    event_types: tuple[str, ...] = ALL_EVENTS
    send_name: bool = False
    send_photo: bool = False
    faults: deque[Fault] = field(default_factory=deque)
    broadcasts: deque[datetime] = field(default_factory=deque)
    out_of_session: dict[str, int] = field(default_factory=dict)
    callbacks_encoded: int = 0


@dataclass
class Phone:
    """A person's Viber account; `profile.devices` of them ring together."""

    id: str
    profile: Profile


@dataclass
class Message:
    """One bubble of a chat; `content` is the message in Viber's own keys."""

    token: int
    author: Literal["bot", "person"]
    content: Content
    at: datetime
    state: Literal["sent", "delivered", "seen", "failed", "expired"] = "sent"
    silent: bool = False
    reason: str = ""


@dataclass
class Chat:
    """All that passed between one person and one bot."""

    bot: Bot
    phone: Phone
    user_id: str
    subscribed: bool = False
    messages: list[Message] = field(default_factory=list)
    keyboard: Content | None = None
    tracking_data: str = ""
    session_started_at: datetime | None = None
    unanswered: deque[datetime] = field(default_factory=deque)
    details_asked: deque[datetime] = field(default_factory=deque)


@dataclass
class Callback:
    """One event on its way to a webhook; every attempt carries the same bytes."""

    bot: Bot
    event: Content
    user_id: str
    on_answer: Callable[[bytes], None] | None = None
    body: bytes = b""
    state: Literal["waiting", "held", "done", "retrying", "lost"] = "waiting"
    attempts: int = 0
    http_status: int = 0
    first_at: datetime | None = None
    next_at: datetime | None = None

    @property
    def name(self) -> str:
        """Tell which event it is."""
        return str(self.event.get("event", ""))
