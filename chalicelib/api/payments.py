"""Money paid in: top-ups by card, bank transfers that an operator credits."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib import money, payments, top_ups
from chalicelib.api.balance import EntryOut, entry_out
from chalicelib.money import Money, told, told_or_none
from chalicelib.tables import TopUp
from chalicelib.web import (
    ADMINS,
    AGENTS,
    OPERATORS,
    Call,
    Empty,
    Nouns,
    Page,
    PageQuery,
    page_limit,
)

nouns = Nouns()

State = Annotated[str, msgspec.Meta(extra_json_schema={"enum": top_ups.STATES})]
Reference = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={"minLength": 1, "maxLength": payments.REFERENCE_MAX_CHARACTERS}
    ),
]


class TopUpIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is to be paid in."""

    amount: Money


class TopUpOut(msgspec.Struct, frozen=True):
    """A top-up; while it is `open`, it is paid at `checkout_url`."""

    top_up_id: str
    state: State
    amount: Money
    paid: Money | None
    checkout_url: str | None
    created_at: datetime
    created_by: str
    paid_at: datetime | None


class ReviewOut(msgspec.Struct, frozen=True):
    """A payment that could not be credited as it is, and why."""

    account_id: str
    top_up: TopUpOut
    payment: str | None
    facts: dict[str, Any]


class TransferIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bank transfer that has arrived: how much, and the bank's own reference of it."""

    amount: Money
    reference: Reference


@nouns.route_to(
    "POST",
    "/v1/top-ups",
    roles=ADMINS,
    scope="billing:write",
    body=TopUpIn,
    answer=TopUpOut,
    status=201,
    problems=(409, 422, 502),
    is_idempotent=True,
)
def start_top_up(call: Call[TopUpIn, Empty]) -> TopUpOut:
    """Ask for a top-up, and get the page on which it is paid."""
    micros = money.amount(call.body.amount, field="amount")
    asked = top_ups.start(
        call.account_id, micros, idempotency_key=call.idempotency_key, by=call.actor, now=call.now
    )
    return top_up_out(asked)


@nouns.route_to(
    "GET",
    "/v1/top-ups",
    roles=AGENTS,
    scope="billing:read",
    query=PageQuery,
    answer=list[TopUpOut],
)
def list_top_ups(call: Call[Empty, PageQuery]) -> Page:
    """List the account's top-ups, newest first."""
    found, cursor = top_ups.of_account(
        call.account_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([top_up_out(each) for each in found], cursor)


@nouns.route_to(
    "GET",
    "/v1/top-ups/{top_up_id}",
    roles=AGENTS,
    scope="billing:read",
    answer=TopUpOut,
    problems=(404,),
)
def get_top_up(call: Call[Empty, Empty], top_up_id: str) -> TopUpOut:
    """Read one top-up."""
    return top_up_out(top_ups.get(call.account_id, top_up_id))


@nouns.route_to("GET", "/v1/desk/top-ups", roles=OPERATORS, query=PageQuery, answer=list[ReviewOut])
def list_top_ups_for_review(call: Call[Empty, PageQuery]) -> Page:
    """List the payments of all accounts that an operator has to look at, oldest first."""
    found, cursor = top_ups.for_review(limit=page_limit(call.query), cursor=call.query.cursor)
    told_all = [
        ReviewOut(each.account_id, top_up_out(each), each.payment, each.facts) for each in found
    ]
    return Page(told_all, cursor)


@nouns.route_to(
    "POST",
    "/v1/accounts/{account_id}/transfers",
    roles=OPERATORS,
    body=TransferIn,
    answer=EntryOut,
    status=201,
    problems=(404, 409, 422),
    is_idempotent=True,
)
def credit_transfer(call: Call[TransferIn, Empty], account_id: str) -> EntryOut:
    """Credit a bank transfer to an account, once for its reference."""
    entry = payments.transfer(
        account_id,
        money.amount(call.body.amount, field="amount"),
        call.body.reference,
        idempotency_key=call.idempotency_key,
        by=call.actor,
        now=call.now,
    )
    return entry_out(entry)


def top_up_out(asked: TopUp) -> TopUpOut:
    """Tell a top-up."""
    return TopUpOut(
        top_up_id=asked.top_up_id,
        state=asked.state,
        amount=told(asked.amount_micros),
        paid=told_or_none(asked.paid_micros),
        checkout_url=asked.checkout_url if asked.state == top_ups.OPEN else None,
        created_at=asked.created_at,
        created_by=asked.created_by,
        paid_at=asked.paid_at,
    )
