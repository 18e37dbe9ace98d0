"""Paid messages and sessions, one line for each entry that charged or returned one.

A pass of a broadcast is charged at once for many, and is a line for each of their countries.

The entry says what was charged and why. Who it went to and how it fared is read from the
ticket, the message and the bot as they are now: names are in no entry, for entries stay.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from chalicelib import billing, conversations, money, store
from chalicelib.money import Money
from chalicelib.reports.periods import Period
from chalicelib.tables import Bot, Entry, Item, Message, Ticket

KINDS = (billing.MESSAGE, billing.SESSION, billing.SESSION_RETURNED, billing.BROADCAST)
RETURNED = "returned"
DELIVERED = "delivered"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Only(NamedTuple):
    """What a report is narrowed to; None is everything."""

    bot_id: str | None = None
    country: str | None = None
    agent_id: str | None = None

    def takes(self, entry: Entry) -> bool:
        """Say whether any of an entry belongs to it."""
        return (
            self.bot_id in (None, entry.bot_id)
            and self.agent_id in (None, entry.facts.get("author_id"))
            and bool(self.parts(entry))
        )

    def parts(self, entry: Entry) -> list["Part"]:
        """Give what an entry says of each country that is asked for."""
        return [part for part in _parts(entry) if self.country in (None, part.country)]


class Part(NamedTuple):
    """How many messages or sessions of an entry are for one country; `micros` is as in the ledger.

    What came back counts below zero.
    """

    country: str | None
    number: int
    micros: int


class Recipient(msgspec.Struct, frozen=True):
    """Who a message went to."""

    name: str | None
    subscriber_id: str | None


class Line(msgspec.Struct, frozen=True):
    """One charge for a message or session; `price` is below zero where money came back.

    `kind` is message, session, session-returned or broadcast; `count` is how many it is for: more
    than one only for those of a broadcast who are in one country and were charged at once.
    """

    entry_id: str
    cause: str
    corrects: str | None
    kind: str
    price_kind: str | None
    charged_at: datetime
    sent_at: datetime | None
    bot_id: str | None
    bot_name: str | None
    recipient: Recipient
    country: str | None
    state: str
    delivered_at: datetime | None
    seen_at: datetime | None
    count: int
    price: Money
    price_list: int | None
    agent_id: str | None
    agent_name: str | None
    ticket_id: str | None
    message_id: str | None
    message_token: str | None
    session_id: str | None
    broadcast_id: str | None


def lines(
    account_id: str,
    period: Period,
    only: Only,
    *,
    limit: int,
    cursor: str | None = None,
    newest_first: bool = True,
) -> tuple[list[Line], str | None]:
    """Read a page of a period's paid messages and sessions, by the time they were charged.

    A page looks at `limit` entries of any kind, so it may be short, or empty, while its cursor
    goes on; a broadcast's entry is as many lines as it has countries.
    """
    found, cursor = billing.entries(
        account_id,
        limit=limit,
        cursor=cursor,
        from_at=period.from_at,
        until_at=period.until_at,
        newest_first=newest_first,
    )
    return told(found, only, account_id), cursor


def told(entries: Sequence[Entry], only: Only, account_id: str) -> list[Line]:
    """Tell entries as lines, with what is known now of those they are about."""
    wanted = [entry for entry in entries if entry.kind in KINDS and only.takes(entry)]
    known = _read({place for entry in wanted for place in _places(entry, account_id)})
    return [_line(entry, part, account_id, known) for entry in wanted for part in only.parts(entry)]


def _parts(entry: Entry) -> Iterator[Part]:
    """Divide an entry by country, where it says so of more than one."""
    countries = entry.facts.get("countries")
    if countries is None:
        is_returned = entry.kind == billing.SESSION_RETURNED
        number = -1 if is_returned else int(entry.facts.get("lines", 1))
        yield Part(entry.facts.get("country"), number, entry.amount_micros)
        return
    for country, told in countries.items():
        micros = money.parsed(told["amount"], field="amount")
        yield Part(country or None, told["lines"], -micros)


Place = tuple[type[Item], str, str | None]


def _places(entry: Entry, account_id: str) -> Iterable[Place]:
    facts = entry.facts
    if entry.bot_id is not None:
        yield Bot, entry.bot_id, None
    if facts.get("ticket_id"):
        yield Ticket, conversations.ticket_key(account_id, facts["ticket_id"]), None
    if facts.get("message_id") and facts.get("subscriber_id"):
        key = conversations.conversation_key(str(entry.bot_id), facts["subscriber_id"])
        yield Message, key, conversations.message_item(facts["message_id"])


def _read(places: set[Place]) -> dict[Place, Any]:
    ordered = sorted(places, key=lambda place: (place[0].__name__, *map(str, place[1:])))
    return dict(zip(ordered, store.read(*ordered), strict=True))


def _line(entry: Entry, part: Part, account_id: str, known: dict[Place, Any]) -> Line:
    about: dict[type[Item], Any] = {place[0]: known[place] for place in _places(entry, account_id)}
    bot, ticket, message = about.get(Bot), about.get(Ticket), about.get(Message)
    facts = entry.facts
    sent_at = _instant(facts.get("sent_at"))
    if sent_at is None and message is not None:
        sent_at = message.sent_at
    return Line(
        entry_id=entry.entry_id,
        cause=entry.cause,
        corrects=entry.corrects,
        kind=entry.kind,
        price_kind=facts.get("price_kind"),
        charged_at=entry.at,
        sent_at=sent_at,
        bot_id=entry.bot_id,
        bot_name=None if bot is None else bot.name,
        recipient=Recipient(
            None if ticket is None else ticket.contact_name, facts.get("subscriber_id")
        ),
        country=part.country,
        state=_state(entry, message),
        delivered_at=None if message is None else message.delivered_at,
        seen_at=None if message is None else message.seen_at,
        count=part.number,
        price=money.told(-part.micros),
        price_list=facts.get("price_list"),
        agent_id=facts.get("author_id"),
        agent_name=facts.get("author_name"),
        ticket_id=facts.get("ticket_id"),
        message_id=facts.get("message_id"),
        message_token=None if message is None else message.token,
        session_id=facts.get("session_id"),
        broadcast_id=facts.get("broadcast_id"),
    )


def _state(entry: Entry, message: Message | None) -> str:
    if entry.kind == billing.SESSION_RETURNED:
        return RETURNED
    if message is not None and message.state is not None:
        return str(message.state)
    # A message that is gone was delivered all the same: that is what the entry proves.
    return str(entry.facts.get("proof", DELIVERED))


def _instant(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else _EPOCH + timedelta(milliseconds=at_ms)
