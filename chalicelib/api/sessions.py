"""Sessions: live and past, of the account or of one ticket's talk."""

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib import money, session_list, tariffs
from chalicelib.money import Money
from chalicelib.session_list import Filters
from chalicelib.tables import Session
from chalicelib.web import AGENTS, Call, Empty, Nouns, Page, PageQuery, page_limit

nouns = Nouns()

ZonedInstant = Annotated[datetime, msgspec.Meta(tz=True)]


class SessionsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a list of sessions is narrowed to; a state or a reason decides the view."""

    view: Annotated[str, msgspec.Meta(extra_json_schema={"enum": session_list.VIEWS})] = "live"
    state: Annotated[str, msgspec.Meta(extra_json_schema={"enum": session_list.STATES})] | None = (
        None
    )
    reason: (
        Annotated[str, msgspec.Meta(extra_json_schema={"enum": session_list.REASONS})] | None
    ) = None
    bot_id: str | None = None
    subscriber_id: str | None = None
    begun_from: ZonedInstant | None = None
    begun_to: ZonedInstant | None = None


class SessionOut(msgspec.Struct, frozen=True, kw_only=True):
    """A session: how it stands, its counts with their limits, and what it costs.

    One that never opened has no price. `money` is none, held, posted, voided or refunded.
    """

    session_id: str
    bot_id: str
    subscriber_id: str
    ticket_id: str | None
    contact_name: str | None
    state: str
    reason: str | None
    begun_at: datetime
    ends_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    sent: int
    sent_max: int | None
    unanswered: int
    unanswered_max: int | None
    price: Money | None
    money: str
    policy_version: int


@nouns.route_to(
    "GET",
    "/v1/sessions",
    roles=AGENTS,
    scope="tickets:read",
    query=SessionsQuery,
    answer=list[SessionOut],
    has_etag=True,
)
def list_sessions(call: Call[Empty, SessionsQuery]) -> Page:
    """List sessions by their begin, newest first; live ones with their counts of this moment."""
    query = call.query
    filters = Filters(
        query.view,
        query.state,
        query.reason,
        query.bot_id,
        query.subscriber_id,
        query.begun_from,
        query.begun_to,
    )
    found, cursor = session_list.listed(
        call.account_id, filters, limit=page_limit(query), cursor=query.cursor, now=call.now
    )
    return Page([_out(session) for session in found], cursor)


@nouns.route_to(
    "GET",
    "/v1/tickets/{ticket_id}/sessions",
    roles=AGENTS,
    scope="tickets:read",
    query=PageQuery,
    answer=list[SessionOut],
    problems=(404,),
    has_etag=True,
)
def list_sessions_of_ticket(call: Call[Empty, PageQuery], ticket_id: str) -> Page:
    """List all sessions with a ticket's customer, newest first."""
    query = call.query
    found, cursor = session_list.of_ticket(
        call.account_id, ticket_id, limit=page_limit(query), cursor=query.cursor, now=call.now
    )
    return Page([_out(session) for session in found], cursor)


def _out(session: Session) -> SessionOut:
    policy = tariffs.policy_of(session_list.KIND, session.policy_version)
    return SessionOut(
        session_id=session.session_id,
        bot_id=session.bot_id,
        subscriber_id=session.subscriber_id,
        ticket_id=session.ticket_id,
        contact_name=session.contact_name,
        state=session.state,
        reason=session.reason,
        begun_at=session.begun_at,
        ends_at=session.ends_at,
        opened_at=session.opened_at,
        closed_at=session.closed_at,
        sent=session.sent,
        sent_max=policy.messages_max,
        unanswered=session.unanswered,
        unanswered_max=policy.unanswered_max,
        price=None if session.opened_at is None else money.told(session.price_micros),
        money=session.money,
        policy_version=session.policy_version,
    )
