"""The DynamoDB models: what each item is, its key, and who finds it by which index.

Several models share a table where one transaction or one read wants them side by side. Keys
begin with the account or the bot; `docs/architecture.md` lists the few that cannot.

item, attributes   what all models share
talk               conversation, message, token, ticket, contact, the first answer to a key
bots               bot, kept callback
broadcasts         broadcast, chunk of recipients, line, token
books              how far the books of an account are audited
ledger             balance, entry, a legacy bot's count, a difference with Viber
payments           top-up, payment
people             account, person, API key, audit line, lookup
requests           what operators decide
tariffs            price lists and session policies, and the book of those in force
warnings           settings about money, and the warnings given

A model's file is imported when the model is first asked for: a cold start pays for what it uses.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from chalicelib.tables.attributes import ExpiresAt
from chalicelib.tables.item import Due, Item, connection, key_names

if TYPE_CHECKING:
    ALL: Sequence[type[Item]]
    from chalicelib.tables.books import (
        Audited,
        Checkpoint,
    )
    from chalicelib.tables.bots import (
        Bot,
        KeptCallback,
    )
    from chalicelib.tables.broadcasts import (
        Audience,
        Broadcast,
        BroadcastToken,
        Chunk,
        Line,
        LooseChunk,
    )
    from chalicelib.tables.ledger import (
        Balance,
        Difference,
        Entry,
        Quota,
    )
    from chalicelib.tables.payments import (
        Payment,
        TopUp,
    )
    from chalicelib.tables.people import (
        PLATFORM,
        Account,
        ApiKey,
        AuditLine,
        Lookup,
        Person,
    )
    from chalicelib.tables.requests import (
        Guard,
        Request,
    )
    from chalicelib.tables.talk import (
        Contact,
        Conversation,
        FirstAnswer,
        Message,
        Session,
        Ticket,
        TokenItem,
    )
    from chalicelib.tables.tariffs import (
        PolicyItem,
        PriceListItem,
        TariffBook,
    )
    from chalicelib.tables.warnings import (
        ActiveWarnings,
        MoneySettings,
        MoneyWarning,
        Pace,
    )

MODELS = {
    "books": (
        "Audited",
        "Checkpoint",
    ),
    "bots": (
        "Bot",
        "KeptCallback",
    ),
    "broadcasts": (
        "Broadcast",
        "Audience",
        "Chunk",
        "Line",
        "BroadcastToken",
        "LooseChunk",
    ),
    "ledger": (
        "Balance",
        "Difference",
        "Entry",
        "Quota",
    ),
    "payments": (
        "Payment",
        "TopUp",
    ),
    "people": (
        "Account",
        "Person",
        "ApiKey",
        "AuditLine",
        "Lookup",
    ),
    "requests": (
        "Guard",
        "Request",
    ),
    "talk": (
        "Conversation",
        "Message",
        "TokenItem",
        "Ticket",
        "Contact",
        "FirstAnswer",
        "Session",
    ),
    "tariffs": (
        "TariffBook",
        "PriceListItem",
        "PolicyItem",
    ),
    "warnings": (
        "ActiveWarnings",
        "MoneySettings",
        "MoneyWarning",
        "Pace",
    ),
}
FILES = {name: file for file, names in MODELS.items() for name in names} | {"PLATFORM": "people"}


def __getattr__(name: str) -> Any:
    if name == "ALL":
        return tuple(__getattr__(each) for names in MODELS.values() for each in names)
    if name not in FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{FILES[name]}"), name)
    return found


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
