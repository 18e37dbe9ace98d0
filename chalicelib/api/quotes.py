"""What a reply would cost, before it is sent."""

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib import delivery, errors, money, plans, viber
from chalicelib.delivery import accept
from chalicelib.money import Money
from chalicelib.sessions import Live
from chalicelib.tables import Balance
from chalicelib.web import AGENTS, PROBLEM_TYPES, Call, Empty, Nouns

nouns = Nouns()


class QuoteIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parts of a reply that may be sent, in order."""

    parts: Annotated[
        list[viber.Sendable],
        msgspec.Meta(extra_json_schema={"minItems": 1, "maxItems": accept.PARTS_MAX}),
    ]


class PartOut(msgspec.Struct, frozen=True):
    """What one part costs: `kind` says why, `session_price` is that of a session it pays for."""

    kind: str
    price: Money
    session_price: Money


class MeterOut(msgspec.Struct, frozen=True):
    """The session or free window that is there now; a maximum of null is no limit."""

    kind: str
    state: str
    begun_at: datetime
    ends_at: datetime
    sent: int
    sent_max: int | None
    unanswered: int
    unanswered_max: int | None


class QuotaOut(msgspec.Struct, frozen=True):
    """How many of a legacy bot's bot-initiated messages this UTC month has seen."""

    used: int
    limit: int


class RefusalOut(msgspec.Struct, frozen=True):
    """Why the reply may not go: the problem that sending it would answer."""

    type: str
    title: str
    detail: str
    field: str | None


class QuoteOut(msgspec.Struct, frozen=True):
    """The price of a reply now; to send it at no more than that, send `price` as agreed.

    `available` is told to people, and to programs that may read the balance.
    """

    price: Money | None
    parts: list[PartOut]
    country: str | None
    price_list: int | None
    meter: MeterOut | None
    quota: QuotaOut | None
    available: Money | None
    refusal: RefusalOut | None


@nouns.route_to(
    "POST",
    "/v1/tickets/{ticket_id}/quote",
    roles=AGENTS,
    scope="tickets:read",
    body=QuoteIn,
    answer=QuoteOut,
    problems=(404,),
)
def quote_reply(call: Call[QuoteIn, Empty], ticket_id: str) -> QuoteOut:
    """Tell what a reply would cost, or why it would be refused."""
    types = accept.types_of(call.body.parts)
    found = delivery.quote(call.account_id, ticket_id, types, now=call.now)
    priced = found.priced
    return QuoteOut(
        price=None if priced is None else money.told(priced.micros),
        parts=[]
        if priced is None
        else [
            PartOut(part.kind, money.told(part.micros), money.told(part.session_micros))
            for part in priced.parts
        ],
        country=None if priced is None else priced.country,
        price_list=None if priced is None else priced.price_list,
        meter=_meter(found.live),
        quota=None
        if found.quota_used is None
        else QuotaOut(found.quota_used, plans.LEGACY_MESSAGES_A_MONTH),
        available=_available(found.balance) if call.caller.has_scope("billing:read") else None,
        refusal=_refusal(found.refusal),
    )


def _available(balance: Balance | None) -> Money:
    return money.told(0 if balance is None else balance.available_micros)


def _meter(live: Live | None) -> MeterOut | None:
    if live is None:
        return None
    return MeterOut(
        live.kind,
        live.state,
        live.begun_at,
        live.ends_at,
        live.sent,
        live.sent_max,
        live.unanswered,
        live.unanswered_max,
    )


def _refusal(problem: errors.Problem | None) -> RefusalOut | None:
    if problem is None:
        return None
    return RefusalOut(PROBLEM_TYPES + problem.kind, problem.title, problem.detail, problem.field)
