"""Requests: sent by accounts, decided by operators."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from chalicelib import desk, errors, money, requests
from chalicelib.money import Money, told
from chalicelib.tables import Request
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

Purpose = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(desk.PAID_KINDS)})]
State = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(desk.STATES)})]
Decision = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [desk.APPROVED, desk.REFUSED]})]
REASON_MAX_CHARACTERS = 1000


class RequestIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connection request: for a new bot, or the one to be moved or revived, and the form."""

    purpose: Purpose
    form: requests.Form
    bot_id: str | None = None


class DeskQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """Which requests of all accounts: those that wait, or those decided one way."""

    state: State = desk.WAITING


class DecisionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's verdict; sessions need their fee and price, an old bot's day may differ."""

    decision: Decision
    reason: str = ""
    fee: Money | None = None
    price: Money | None = None
    made_on: date | None = None


class RequestOut(msgspec.Struct, frozen=True):
    """A request, what was kept for it, and what became of both."""

    request_id: str
    account_id: str
    kind: str
    state: str
    bot_id: str | None
    form: dict[str, Any]
    deposit: Money
    refund: Money
    created_at: datetime
    created_by: str
    created_by_name: str | None
    decided_at: datetime | None
    reason: str | None


@nouns.route_to(
    "POST",
    "/v1/requests",
    roles=ADMINS,
    scope="billing:write",
    body=RequestIn,
    answer=RequestOut,
    status=201,
    problems=(404, 409, 422),
    is_idempotent=True,
)
def send_request(call: Call[RequestIn, Empty]) -> RequestOut:
    """Send a connection request; its deposit is kept until it is decided."""
    asked = requests.Application(
        call.body.purpose, call.body.bot_id, call.body.form, call.idempotency_key
    )
    return request_out(requests.apply(call.account_id, asked, by=call.actor, now=call.now))


@nouns.route_to(
    "GET",
    "/v1/requests",
    roles=AGENTS,
    scope="billing:read",
    query=PageQuery,
    answer=list[RequestOut],
)
def list_requests(call: Call[Empty, PageQuery]) -> Page:
    """List the account's requests with their states, newest first."""
    found, cursor = desk.of_account(
        call.account_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([request_out(request) for request in found], cursor)


@nouns.route_to(
    "GET",
    "/v1/requests/{request_id}",
    roles=AGENTS,
    scope="billing:read",
    answer=RequestOut,
    problems=(404,),
)
def show_request(call: Call[Empty, Empty], request_id: str) -> RequestOut:
    """Show one request."""
    return request_out(desk.get(call.account_id, request_id))


@nouns.route_to(
    "GET", "/v1/desk/requests", roles=OPERATORS, query=DeskQuery, answer=list[RequestOut]
)
def list_desk(call: Call[Empty, DeskQuery]) -> Page:
    """List requests of all accounts: those that wait oldest first, decided ones newest first."""
    if call.query.state not in desk.STATES:
        raise errors.BadInput(f"One of {', '.join(desk.STATES)}.", field="state")
    found, cursor = desk.in_state(
        call.query.state, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([request_out(request) for request in found], cursor)


@nouns.route_to(
    "POST",
    "/v1/accounts/{account_id}/requests/{request_id}/decision",
    roles=OPERATORS,
    body=DecisionIn,
    answer=RequestOut,
    problems=(404, 409),
)
def decide_request(call: Call[DecisionIn, Empty], account_id: str, request_id: str) -> RequestOut:
    """Approve or refuse a request, once; a refusal gives the deposit back."""
    given = call.body
    if len(given.reason) > REASON_MAX_CHARACTERS:
        raise errors.BadInput(f"{REASON_MAX_CHARACTERS} characters at most.", field="reason")
    verdict = requests.Verdict(
        given.decision,
        given.reason.strip(),
        fee_micros=None if given.fee is None else money.amount(given.fee, field="fee"),
        price_micros=(
            None if given.price is None else money.amount(given.price, field="price", decimals=6)
        ),
        made_on=given.made_on,
    )
    return request_out(
        requests.decide(account_id, request_id, verdict, by=call.actor, now=call.now)
    )


def request_out(request: Request) -> RequestOut:
    """Tell a request."""
    is_refused = request.state == desk.REFUSED
    return RequestOut(
        request_id=request.request_id,
        account_id=request.account_id,
        kind=request.kind,
        state=request.state,
        bot_id=request.bot_id,
        form=request.form,
        deposit=told(request.deposit_micros),
        refund=told(request.deposit_micros if is_refused else 0),
        created_at=request.created_at,
        created_by=request.created_by,
        created_by_name=request.created_by_name,
        decided_at=request.decided_at,
        reason=request.reason,
    )
