"""A conversation's talk as it is stored: the engine's state in it, and the session items.

The engine in `sessions` decides, this keeps. Whatever changes a talk writes the conversation
under the revision it was read at, so the session items beside it need no condition of their own.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from chalicelib import plans, sessions, store, tariffs
from chalicelib.sessions import Change, Talk, Terms
from chalicelib.tables import Bot, Conversation, Session, TariffBook
from chalicelib.tariffs import Tariffs

BUSINESS = "business"
HELD, POSTED, VOIDED, REFUNDED, NO_MONEY = "held", "posted", "voided", "refunded", "none"


class Basis(NamedTuple):
    """What decides about a talk now: the tariffs in force, and what the bot's plan offers."""

    tariffs: Tariffs
    terms: Terms


class MoneyMove(NamedTuple):
    """What a session's money was read as, what it becomes, and by which entry it was spent."""

    was: str
    becomes: str
    entry_id: str | None = None


def basis(bot: Bot, book: TariffBook | None, now: datetime) -> Basis:
    """Tell what decides about a bot's talks now."""
    today = tariffs.at(book, now)
    was = tariffs.business_before(book, now)
    return Basis(today, plans.terms(bot, today.free, today.business, now, was=was))


def of(conversation: Conversation) -> Talk | None:
    """Read a conversation's talk."""
    return sessions.unpacked(conversation.talk)


def keep(conversation: Conversation, talk: Talk | None) -> None:
    """Put a talk into its conversation; the flow writes that."""
    conversation.talk = None if talk is None else sessions.packed(talk)


def session_item(session_id: str) -> str:
    """Name a session's place in its conversation."""
    return f"session#{session_id}"


def shelf(account_id: str, *, is_live: bool) -> str:
    """Name the part of the list of sessions that one lies in."""
    return f"{account_id}#{'live' if is_live else 'closed'}"


def writes(
    conversation: Conversation,
    changes: Iterable[Change],
    *,
    contact_name: str | None = None,
    money: dict[str, MoneyMove] | None = None,
) -> list[store.Write]:
    """Return the writes of the session items that these changes are about, one for each item.

    Free windows have none. `money` says what became of the money of a session by its id;
    without it an opened session's is held, and that of the others stays.
    """
    actions: dict[str, dict[str, Any]] = {}
    for change in changes:
        if change.session_kind == BUSINESS:
            session_id = sessions.session_id(conversation.key, change.begun_ms, change.number)
            told = actions.setdefault(session_id, {})
            told |= _told(conversation, change, session_id, contact_name)
    conditions = {}
    for session_id, move in (money or {}).items():
        told = actions.setdefault(session_id, {})
        told["money"] = move.becomes
        if move.entry_id is not None:
            told["entry_id"] = move.entry_id
        conditions[session_id] = Session.money == move.was
    return [
        _write(conversation, session_id, told, conditions.get(session_id))
        for session_id, told in actions.items()
    ]


def _told(
    conversation: Conversation, change: Change, session_id: str, contact_name: str | None
) -> dict[str, Any]:
    is_live = change.kind in ("began", "opened", "reopened", "waits")
    at = _instant(change.at_ms)
    ends_at = _instant(change.ends_ms)
    told: dict[str, Any] = {
        "session_id": session_id,
        "account_id": conversation.account_id,
        "bot_id": conversation.bot_id,
        "subscriber_id": conversation.subscriber_id,
        "ticket_id": conversation.ticket_id,
        "shelf": shelf(conversation.account_id, is_live=is_live),
        "shelf_order": f"{change.begun_ms:015}#{session_id}",
        "state": _state(change.kind),
        "begun_at": _instant(change.begun_ms),
        "ends_at": ends_at,
        "sent": change.sent,
        "unanswered": change.unanswered,
        "price_micros": change.price_micros,
        "policy_version": change.policy_version,
        "reason": change.reason if change.kind != "removed" else "failed",
        "closed_at": None if is_live else at,
        "due_shard": store.shard_of("session", session_id) if is_live else None,
        "due_at": ends_at if is_live else None,
    }
    if change.kind == "opened":
        told |= {"opened_at": at, "money": HELD if change.price_micros else NO_MONEY}
    if change.kind in ("began", "waits"):
        told["money"] = NO_MONEY
    if contact_name is not None:
        told["contact_name"] = contact_name
    return told


def _state(kind: str) -> str:
    if kind in ("began", "waits"):
        return "waiting"
    return "open" if kind in ("opened", "reopened") else "closed"


def _write(
    conversation: Conversation, session_id: str, told: dict[str, Any], condition: Any
) -> store.Write:
    actions = [
        getattr(Session, name).remove() if value is None else getattr(Session, name).set(value)
        for name, value in told.items()
    ]
    item = Session(key=conversation.key, item=session_item(session_id))
    return store.Update(item, condition, actions=tuple(actions))


def _instant(at_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
