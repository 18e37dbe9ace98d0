"""The DynamoDB models: what each item is, its key, and who finds it by which index.

Several models share a table where one transaction or one read wants them side by side. Keys
begin with the account or the bot; `docs/architecture.md` lists the few that cannot.

item, attributes   what all models share
talk               conversation, message, token, ticket, contact, the first answer to a key
bots               bot, kept callback
people             account, person, API key, audit line, lookup
"""

from collections.abc import Sequence

from chalicelib.tables.attributes import ExpiresAt
from chalicelib.tables.bots import Bot, KeptCallback
from chalicelib.tables.item import Due, Item, connection, key_names
from chalicelib.tables.people import PLATFORM, Account, ApiKey, AuditLine, Lookup, Person
from chalicelib.tables.talk import Contact, Conversation, FirstAnswer, Message, Ticket, TokenItem

ALL: Sequence[type[Item]] = (
    Conversation,
    Message,
    TokenItem,
    Ticket,
    Contact,
    Bot,
    Account,
    Person,
    ApiKey,
    AuditLine,
    Lookup,
    FirstAnswer,
    KeptCallback,
)

__all__ = [
    "ALL",
    "PLATFORM",
    "Account",
    "ApiKey",
    "AuditLine",
    "Bot",
    "Contact",
    "Conversation",
    "Due",
    "ExpiresAt",
    "FirstAnswer",
    "Item",
    "KeptCallback",
    "Lookup",
    "Message",
    "Person",
    "Ticket",
    "TokenItem",
    "connection",
    "key_names",
]
