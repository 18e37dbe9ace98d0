"""Sessions as people look for them, and the schedule that keeps their list true.

A session's item is written when something happens to it, its counts with every message in the
conversation alone; so the live ones are shown with the conversations that they lie in.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib import conversations, errors, ids, sessions, store, talks, tariffs, tickets
from chalicelib.tables import Bot, Conversation, Session

KIND = "business"
"""Free windows cost nothing and are no sessions to look for."""

VIEWS = ("live", "closed")
STATES = ("waiting", "open", "closed")
REASONS = ("expired", "limit", "unanswered", "lapsed", "plan-changed", "failed")


class Filters(NamedTuple):
    """What a list of sessions is narrowed to; None narrows nothing.

    The instants bound the begin of a session, both included.
    """

    view: str = "live"
    state: str | None = None
    reason: str | None = None
    bot_id: str | None = None
    subscriber_id: str | None = None
    begun_from: datetime | None = None
    begun_to: datetime | None = None


def listed(
    account_id: str, filters: Filters, *, limit: int, cursor: str | None, now: datetime
) -> tuple[list[Session], str | None]:
    """List an account's sessions by their begin, newest first, live or closed ones.

    A state or reason decides the view. One query, and for live ones one batch read of their
    conversations and bots: what is over, though not yet swept, is left out. A narrowed page
    may be short while its cursor goes on. Raises BadInput naming the filter that is none.
    """
    is_live = _view(filters) == "live"
    found, cursor = store.page(
        Session,
        talks.shelf(account_id, is_live=is_live),
        _begun_between(filters),
        limit=limit,
        cursor=cursor,
        newest_first=True,
        index="shelf",
        filtered_by=_narrowed(filters),
    )
    return (_as_now(found, now) if is_live else found), cursor


def of_ticket(
    account_id: str, ticket_id: str, *, limit: int, cursor: str | None, now: datetime
) -> tuple[list[Session], str | None]:
    """List the sessions of a ticket's conversation, live or closed, newest first."""
    ticket = tickets.get(account_id, ticket_id)
    key = conversations.conversation_key(ticket.bot_id, ticket.subscriber_id)
    found, cursor = store.page(
        Session,
        key,
        Session.item.startswith(talks.session_item("")),
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )
    closed = [each for each in found if each.state == "closed"]
    live = _as_now([each for each in found if each.state != "closed"], now)
    return sorted((*live, *closed), key=lambda each: str(each.item), reverse=True), cursor


def due(now: datetime) -> Iterator[Session]:
    """Yield the sessions whose window ended, as far as their items know."""
    return store.due(Session, "session", now)


def expire(session: Session, *, now: datetime) -> str:
    """Do what time has done to a session that is due, and to what follows it.

    A window that a message has prolonged since is noted as ending later.
    """
    return store.again(lambda: _expire_once(session.key, session.item, now))


def _expire_once(key: str, item: str, now: datetime) -> str:
    bot_id = key.partition("/")[0]
    session, conversation, bot, book = store.read(
        (Session, key, item),
        (Conversation, key, "conversation"),
        (Bot, bot_id, None),
        tariffs.wanted(),
    )
    if session.due_at is None or session.due_at > now:
        return "not due"
    basis = talks.basis(bot, book, now)
    before = talks.of(conversation)
    talk, changes = sessions.advance(before, now, basis.terms, tariffs.policy_of)
    if not changes:
        return _prolonged(session, talk)
    talks.keep(conversation, talk)
    name = session.contact_name
    store.commit(
        [
            conversations.conversation_write(conversation),
            *talks.writes(conversation, changes, contact_name=name),
        ]
    )
    return "advanced"


def _prolonged(session: Session, talk: sessions.Talk | None) -> str:
    end = sessions.due_at(talk, tariffs.policy_of)
    if talk is None or end is None or sessions.id_of(talk, session.key) != session.session_id:
        # Read in the midst of the change that closed it: decide on what is there afterwards.
        raise store.Changed("session")
    store.update(
        Session(key=session.key, item=session.item),
        [Session.ends_at.set(end), Session.due_at.set(end)],
        Session.due_at == session.due_at,
    )
    return "prolonged"


def _as_now(found: list[Session], now: datetime) -> list[Session]:
    """Give the sessions that are live now, as they are now."""
    read = _together(found)
    book = read.get(tariffs.wanted())
    live = []
    for session in found:
        conversation = read[Conversation, session.key, "conversation"]
        basis = talks.basis(read[Bot, session.bot_id, None], book, now)
        talk = talks.of(conversation)
        talk, _ = sessions.advance(talk, now, basis.terms, tariffs.policy_of)
        seen = sessions.live(talk, now, tariffs.policy_of)
        if talk is None or seen is None or sessions.id_of(talk, session.key) != session.session_id:
            continue
        session.state, session.ends_at = seen.state, seen.ends_at
        session.sent, session.unanswered = seen.sent, seen.unanswered
        live.append(session)
    return live


def _together(found: list[Session]) -> dict[Any, Any]:
    """Read conversations, bots and tariffs, as many in one round trip as there may be."""
    if not found:
        return {}
    wanted: dict[Any, None] = {tariffs.wanted(): None}
    for session in found:
        wanted[Conversation, session.key, "conversation"] = None
        wanted[Bot, session.bot_id, None] = None
    return dict(zip(wanted, store.read(*wanted), strict=True))


def _view(filters: Filters) -> str:
    for field, known in (("view", VIEWS), ("state", STATES), ("reason", REASONS)):
        given = getattr(filters, field)
        if given is not None and given not in known:
            raise errors.BadInput(f"One of {', '.join(known)}.", field=field)
    if filters.reason is not None and filters.state not in (None, "closed"):
        raise errors.BadInput("Only closed sessions have a reason.", field="reason")
    if filters.state is None and filters.reason is None:
        return filters.view
    return "live" if filters.state in ("waiting", "open") else "closed"


def _narrowed(filters: Filters) -> Any:
    narrowed: Any = None
    for field in ("state", "reason", "bot_id", "subscriber_id"):
        value = getattr(filters, field)
        if value is not None:
            narrowed = narrowed & (getattr(Session, field) == value)
    return narrowed


def _begun_between(filters: Filters) -> Any:
    first, last = filters.begun_from, filters.begun_to
    if first is None and last is None:
        return None
    low = "" if first is None else _order_of(first)
    high = "~" if last is None else f"{_order_of(last)}~"
    if low > high:
        raise errors.BadInput("Not before the other end.", field="begun_to")
    return Session.shelf_order.between(low or "0", high)


def _order_of(at: datetime) -> str:
    return f"{max(ids.to_ms(at), 0):015}"
