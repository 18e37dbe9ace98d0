"""Viber's numbers: how a request ended, and how a message is billed.

Viber: names differ between its pages and live answers, so only the numbers count.
"""

from enum import IntEnum
from typing import NamedTuple


class Status(IntEnum):
    """How a request to Viber's bot API ended."""

    OK = 0
    INVALID_URL = 1
    INVALID_AUTH_TOKEN = 2
    BAD_DATA = 3
    MISSING_DATA = 4
    RECEIVER_NOT_REGISTERED = 5
    RECEIVER_NOT_SUBSCRIBED = 6
    PUBLIC_ACCOUNT_BLOCKED = 7
    PUBLIC_ACCOUNT_NOT_FOUND = 8
    PUBLIC_ACCOUNT_SUSPENDED = 9
    WEBHOOK_NOT_SET = 10
    RECEIVER_NO_SUITABLE_DEVICE = 11
    TOO_MANY_REQUESTS = 12
    API_VERSION_NOT_SUPPORTED = 13
    INCOMPATIBLE_WITH_VERSION = 14
    PUBLIC_ACCOUNT_NOT_AUTHORIZED = 15
    INCHAT_REPLY_MESSAGE_NOT_ALLOWED = 16
    PUBLIC_ACCOUNT_IS_NOT_INLINE = 17
    NO_PUBLIC_CHAT = 18
    CANNOT_SEND_BROADCAST = 19
    BROADCAST_NOT_ALLOWED = 20
    UNSUPPORTED_COUNTRY = 21
    PAYMENT_UNSUPPORTED = 22
    FREE_MESSAGES_EXCEEDED = 23
    NO_BALANCE = 24


class Facts(NamedTuple):
    """A status's name at Viber, what it means, and what an agent should understand and do."""

    name: str
    meaning: str
    words: str


FACTS: dict[Status, Facts] = {
    Status.OK: Facts("ok", "taken", "Viber took the message."),
    Status.INVALID_URL: Facts(
        "invalidUrl",
        "the webhook address is wrong or cannot be reached",
        "Viber cannot reach the webhook address. Ask an admin to connect the bot again.",
    ),
    Status.INVALID_AUTH_TOKEN: Facts(
        "invalidAuthToken",
        "the bot's key is wrong",
        "Viber does not accept the bot's key. Ask an admin to enter the key from Viber's admin"
        " panel again.",
    ),
    Status.BAD_DATA: Facts(
        "badData",
        "the request is malformed",
        "Viber could not read the message. Change it and send it again; if that does not help,"
        " report it to support.",
    ),
    Status.MISSING_DATA: Facts(
        "missingData",
        "a mandatory field is missing",
        "Viber says that something required is missing in the message. Complete it and send it"
        " again; if that does not help, report it to support.",
    ),
    Status.RECEIVER_NOT_REGISTERED: Facts(
        "receiverNotRegistered",
        "the receiver is not on Viber",
        "This customer is no longer on Viber. Reach them another way.",
    ),
    Status.RECEIVER_NOT_SUBSCRIBED: Facts(
        "receiverNotSubscribed",
        "the receiver is not subscribed to the bot",
        "The customer has unsubscribed from the bot. They can be answered when they write or"
        " subscribe again.",
    ),
    Status.PUBLIC_ACCOUNT_BLOCKED: Facts(
        "publicAccountBlocked",
        "Viber has blocked the bot",
        "Viber has blocked the bot and nothing can be sent. Ask an admin to contact Viber's"
        " support.",
    ),
    Status.PUBLIC_ACCOUNT_NOT_FOUND: Facts(
        "publicAccountNotFound",
        "there is no bot with this key",
        "Viber does not know the bot of this key. Ask an admin to check the bot in Viber's admin"
        " panel.",
    ),
    Status.PUBLIC_ACCOUNT_SUSPENDED: Facts(
        "publicAccountSuspended",
        "Viber has suspended the bot",
        "Viber has suspended the bot and nothing can be sent. Ask an admin to contact Viber's"
        " support.",
    ),
    Status.WEBHOOK_NOT_SET: Facts(
        "webhookNotSet",
        "the bot has no webhook",
        "The bot is not connected at Viber. Ask an admin to connect it again.",
    ),
    Status.RECEIVER_NO_SUITABLE_DEVICE: Facts(
        "receiverNoSuitableDevice",
        "no device of the receiver supports bots",
        "The customer has no device whose Viber can show messages of bots. Reach them another way.",
    ),
    Status.TOO_MANY_REQUESTS: Facts(
        "tooManyRequests",
        "a rate limit was reached",
        "Viber takes no more for now: at most 100 messages an hour go to a customer who does not"
        " reply. Wait for a reply or send it later.",
    ),
    Status.API_VERSION_NOT_SUPPORTED: Facts(
        "apiVersionNotSupported",
        "min_api_version is above what all of the receiver's devices support",
        "The customer's Viber is too old for this message. Send it in a simpler form, such as a"
        " text.",
    ),
    Status.INCOMPATIBLE_WITH_VERSION: Facts(
        "incompatibleWithVersion",
        "the message needs a higher min_api_version than it names",
        "The message uses something newer than its API version says. Raise min_api_version or"
        " remove the newer part.",
    ),
    Status.PUBLIC_ACCOUNT_NOT_AUTHORIZED: Facts(
        "publicAccountNotAuthorized",
        "the bot is not authorised",
        "Viber has not authorised the bot for this. Ask an admin to contact Viber's support.",
    ),
    Status.INCHAT_REPLY_MESSAGE_NOT_ALLOWED: Facts(
        "inchatReplyMessageNotAllowed",
        "the bot may not reply inside another chat",
        "The bot may not write into this chat. Answer the customer in their own chat with the bot.",
    ),
    Status.PUBLIC_ACCOUNT_IS_NOT_INLINE: Facts(
        "publicAccountIsNotInline",
        "the bot is no chat extension",
        "The bot cannot be used inside other chats. Answer the customer in their own chat with"
        " the bot.",
    ),
    Status.NO_PUBLIC_CHAT: Facts(
        "noPublicChat",
        "the bot has no public chat",
        "The bot has no public chat to post to.",
    ),
    Status.CANNOT_SEND_BROADCAST: Facts(
        "cannotSendBroadcast",
        "the broadcast could not be sent",
        "Viber could not send the broadcast. Try it again later.",
    ),
    Status.BROADCAST_NOT_ALLOWED: Facts(
        "broadcastNotAllowed",
        "the bot may not broadcast",
        "Viber has not allowed this bot to broadcast. Send to customers one by one, or ask an"
        " admin to apply to Viber.",
    ),
    Status.UNSUPPORTED_COUNTRY: Facts(
        "unsupportedCountry",
        "not supported in the receiver's country",
        "Viber does not deliver this message in the customer's country.",
    ),
    Status.PAYMENT_UNSUPPORTED: Facts(
        "paymentUnsupported",
        "the bot cannot take payments",
        "The bot has no payments set up at Viber. Ask the customer to pay another way.",
    ),
    Status.FREE_MESSAGES_EXCEEDED: Facts(
        "freeMessagesExceeded",
        "a non-billable bot has used up its month's free out-of-session messages",
        "The bot's free messages of this month are used up. Until the next month (UTC) only"
        " customers who write first can be answered.",
    ),
    Status.NO_BALANCE: Facts(
        "noBalance",
        "a billable bot has no balance left at Viber",
        "The bot's balance at Viber is used up. Ask an admin to top it up; customers who write"
        " first can still be answered.",
    ),
}

STOPS_SENDING = frozenset(
    {
        Status.INVALID_AUTH_TOKEN,
        Status.PUBLIC_ACCOUNT_BLOCKED,
        Status.PUBLIC_ACCOUNT_NOT_FOUND,
        Status.PUBLIC_ACCOUNT_SUSPENDED,
    }
)


class BillingStatus(IntEnum):
    """Viber's own verdict on what one message costs."""

    FREE = 0
    IN_SESSION_NON_BILLABLE_BOT = 1
    IN_SESSION_BILLABLE_BOT = 2
    OUT_OF_SESSION_FREE_NON_BILLABLE_BOT = 3
    OUT_OF_SESSION_FREE_BILLABLE_BOT = 4
    OUT_OF_SESSION_BILLED = 5

    @property
    def is_billed(self) -> bool:
        """Say whether Viber charges for the message."""
        return self is BillingStatus.OUT_OF_SESSION_BILLED

    @property
    def is_in_session(self) -> bool:
        """Say whether Viber counts the message into an open session."""
        return self in (
            BillingStatus.IN_SESSION_NON_BILLABLE_BOT,
            BillingStatus.IN_SESSION_BILLABLE_BOT,
        )


def words(status: int) -> str:
    """Tell an agent in plain English what a status means and what to do, for any number."""
    try:
        return FACTS[Status(status)].words
    except ValueError:
        return (
            f"Viber refused with its general error {status}. Try again later; if it stays,"
            " report it to support."
        )
