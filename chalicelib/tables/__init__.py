"""The DynamoDB models: what each item is, its key, and who finds it by which index.

Several models share a table where one transaction or one read wants them side by side. Keys
begin with the account or the bot; `docs/architecture.md` lists the few that cannot.

item, attributes   what all models share
talk               conversation, message, token, ticket, contact, the first answer to a key
bots               bot, kept callback
broadcasts         broadcast, chunk of recipients, line, token
ledger             balance, entry, request, payment and what else moves money
people             account, person, API key, audit line, lookup
tariffs            price lists and session policies, and the book of those in force
"""

from collections.abc import Sequence

from chalicelib.tables.attributes import ExpiresAt
from chalicelib.tables.bots import Bot, KeptCallback
from chalicelib.tables.broadcasts import (
    Audience,
    Broadcast,
    BroadcastToken,
    Chunk,
    Line,
    LooseChunk,
)
from chalicelib.tables.item import Due, Item, connection, key_names
from chalicelib.tables.ledger import (
    ActiveWarnings,
    Audited,
    Balance,
    Checkpoint,
    Difference,
    Entry,
    Guard,
    MoneySettings,
    MoneyWarning,
    Pace,
    Payment,
    Quota,
    Request,
    TopUp,
)
from chalicelib.tables.people import PLATFORM, Account, ApiKey, AuditLine, Lookup, Person
from chalicelib.tables.talk import (
    Contact,
    Conversation,
    FirstAnswer,
    Message,
    Session,
    Ticket,
    TokenItem,
)
from chalicelib.tables.tariffs import PolicyItem, PriceListItem, TariffBook

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
    Session,
    ActiveWarnings,
    Audited,
    Balance,
    Checkpoint,
    Difference,
    Entry,
    Guard,
    MoneySettings,
    MoneyWarning,
    Pace,
    Payment,
    Quota,
    Request,
    TopUp,
    TariffBook,
    PriceListItem,
    PolicyItem,
    Broadcast,
    Audience,
    Chunk,
    Line,
    BroadcastToken,
    LooseChunk,
)

__all__ = [
    "ALL",
    "PLATFORM",
    "Account",
    "ActiveWarnings",
    "ApiKey",
    "Audience",
    "AuditLine",
    "Audited",
    "Balance",
    "Bot",
    "Broadcast",
    "BroadcastToken",
    "Checkpoint",
    "Chunk",
    "Contact",
    "Conversation",
    "Difference",
    "Due",
    "Entry",
    "ExpiresAt",
    "FirstAnswer",
    "Guard",
    "Item",
    "KeptCallback",
    "Line",
    "Lookup",
    "LooseChunk",
    "Message",
    "MoneySettings",
    "MoneyWarning",
    "Pace",
    "Payment",
    "Person",
    "PolicyItem",
    "PriceListItem",
    "Quota",
    "Request",
    "Session",
    "TariffBook",
    "Ticket",
    "TokenItem",
    "TopUp",
    "connection",
    "key_names",
]
