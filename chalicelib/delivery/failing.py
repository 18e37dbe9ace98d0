"""A message fails, or nothing more is to be heard of it: what it kept goes back in one transaction.

Its own price, a legacy bot's count, its place in session and unanswered run; and where it was
the last hope of a session, that session's price: what a failed reply opened waits again, and
what one renewed or closed is undone. All of it is decided under the conversation's revision, so
of two messages that fail at once the second sees the first.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pynamodb.expressions.update import Action

from chalicelib import billing, conversations, ids, months, sessions, store, talks, tariffs
from chalicelib.billing import Change
from chalicelib.delivery import paying, states
from chalicelib.log import log
from chalicelib.tables import Bot, Conversation, Message, Session, TokenItem

ONE_MOMENT = timedelta(seconds=1)
"""An id may say some milliseconds more than when its message was accepted: it keeps an order."""
LOOKED_AT_MAX = 300
LOOKS_MAX = 20


def failed(
    key: str,
    message_id: str,
    before: tuple[str, ...],
    actions: list[Action],
    *,
    now: datetime,
) -> str:
    """Fail a message that is in one of these states; returns the state it is in afterwards."""
    return store.again(lambda: _once(key, message_id, before, actions, states.FAILED, now=now))


def given_up(message: Message, *, now: datetime) -> str:
    """Give back what a message still keeps that will not be heard of any more."""
    before = (str(message.state),)
    return store.again(lambda: _once(message.key, message.message_id, before, [], None, now=now))


def _once(
    key: str,
    message_id: str,
    before: tuple[str, ...],
    actions: list[Action],
    state: str | None,
    *,
    now: datetime,
) -> str:
    message = states.read_message(key, message_id)
    if message is None or message.state not in before:
        return states.FAILED if message is None else str(message.state)
    changes: list[Any] = [*actions, Message.due_shard.remove(), Message.due_at.remove()]
    if state is not None:
        changes.append(Message.state.set(state))
    as_read = states.is_in(message.state)
    if state is None:
        # Its state stays, so that it is still due is what tells that nobody was here before.
        if message.due_at is None:
            return str(message.state)
        as_read &= Message.due_at == message.due_at
    if message.money is not None:
        as_read &= Message.money == message.money
    if paying.is_held(message):
        changes += paying.voided_actions()
    back = _given_back(message, now=now)
    if message.quota_month is not None:
        changes.append(Message.quota_month.remove())
    target = states.message_at(key, message_id)
    if back:
        store.commit([store.Update(target, as_read, actions=tuple(changes)), *back])
    else:
        store.update(target, changes, as_read)
    if state is None:
        return str(message.state)
    log.info("message failed", message_id=message_id)
    return state


def _given_back(message: Message, *, now: datetime) -> list[store.Write]:
    is_of_talk = message.session_id is not None or message.after_session_id is not None
    change = Change(message.account_id)
    if paying.is_held(message):
        change.void(message.price_micros)
    writes: list[store.Write] = []
    if message.quota_month is not None and message.quota_month == months.of_utc(now):
        bot_id = message.key.partition("/")[0]
        writes.append(billing.return_quota(message.account_id, bot_id, message.quota_month, 1))
    if not is_of_talk:
        if not change.available_micros:
            return writes
        balance = store.get(*billing.wanted(message.account_id))
        return [*writes, *change.writes(balance, now=now)]
    conversation, bot, balance, book, *items = store.read(
        (Conversation, message.key, "conversation"),
        (Bot, message.key.partition("/")[0], None),
        billing.wanted(message.account_id),
        tariffs.wanted(),
        (Session, message.key, talks.session_item(message.session_id or "-")),
        (Session, message.key, talks.session_item(message.after_session_id or "--")),
    )
    basis = talks.basis(bot, book, now)
    after = _talk_after(message, conversation, items, basis, now=now)
    talks.keep(conversation, after.talk)
    money = _session_money(change, after.unpaid, message, conversation.country, now=now)
    if message.token is not None and message.session_id is not None:
        # Should it arrive after all, that is listed: its session may not be paid for any more.
        token = TokenItem(key=message.key, item=f"token#{message.token}")
        told = TokenItem.paid.set({paying.OF_SESSION: message.session_id})
        writes.append(store.Update(token, TokenItem.message_id.exists(), actions=(told,)))
    name = next((each.contact_name for each in items if each is not None), None)
    return [
        *writes,
        conversations.conversation_write(conversation),
        *talks.writes(conversation, after.changes, contact_name=name, money=money),
        *change.writes(balance, now=now),
    ]


class After(NamedTuple):
    """The talk without a failed message, and the sessions that are not to be paid for."""

    talk: sessions.Talk | None
    changes: tuple[sessions.Change, ...]
    unpaid: list[Session]


def _talk_after(
    message: Message,
    conversation: Conversation,
    items: list[Session | None],
    basis: talks.Basis,
    *,
    now: datetime,
) -> After:
    key, (own, left) = message.key, items
    talk = sessions.gave_back(
        talks.of(conversation), key=key, session_id=message.session_id, run=message.run
    )
    unpaid = []
    # A customer's messages lie in between, at whatever time Viber has told.
    until = conversation.last_outgoing_id or message.message_id
    is_own_lost = own is not None and _have_failed(message, own, until, now, is_of_session=True)
    if own is not None and is_own_lost:
        unpaid.append(own)
    if left is not None and _have_failed(message, left, until, now, is_of_session=False):
        undone = sessions.undone(
            talk,
            now,
            basis.terms,
            tariffs.policy_of,
            key=key,
            after_session_id=left.session_id,
        )
        if undone is not None:
            return After(undone.talk, undone.changes, _removed(key, undone.changes, [*items]))
    if own is None or not is_own_lost:
        return After(talk, (), [])
    waits = sessions.waits_again(
        talk, now, basis.terms, tariffs.policy_of, key=key, session_id=own.session_id
    )
    return After(waits.talk, waits.changes, unpaid)


def _have_failed(
    message: Message, session: Session, until: str, now: datetime, *, is_of_session: bool
) -> bool:
    """Say whether all others of a session, or of what came after it, have failed too.

    Among thousands of messages nobody looks: what a flood has buried counts as not failed.
    """
    attribute = Message.session_id if is_of_session else Message.after_session_id
    first = ids.first_at("msg", ids.to_ms(session.begun_at))
    last = max(first, until)
    cursor = None
    for _ in range(LOOKS_MAX):
        found, cursor = store.page(
            Message,
            message.key,
            Message.item.between(
                conversations.message_item(first), conversations.message_item(last)
            ),
            limit=LOOKED_AT_MAX,
            cursor=cursor,
            filtered_by=attribute == session.session_id,
        )
        for each in found:
            if each.message_id != message.message_id and not _is_lost(each, now):
                return False
        if cursor is None:
            return not _is_being_written(message, until, session, is_of_session=is_of_session)
    log.warning("too many messages in a session's time", session_id=session.session_id)
    return False


def _is_being_written(
    message: Message, until: str, session: Session, *, is_of_session: bool
) -> bool:
    """Say whether a long reply that may belong there has parts that are not written yet.

    Whatever is queued names what goes before it, and so leads to a part that is not there.
    """
    closed_at = session.closed_at if is_of_session else None
    message_id: str | None = until
    while message_id is not None and message_id != message.message_id:
        found = states.read_message(message.key, message_id)
        if found is None:
            return closed_at is None or ids.ms_of(message_id) <= ids.to_ms(closed_at + ONE_MOMENT)
        message_id = found.before_id if found.state == states.QUEUED else None
    return False


def _is_lost(message: Message, now: datetime) -> bool:
    if message.state == states.UNKNOWN:
        return bool(now - (message.sending_at or message.at) >= states.RECEIPTS_COME_FOR)
    return bool(message.state == states.FAILED)


def _removed(
    key: str, changes: tuple[sessions.Change, ...], known: list[Session | None]
) -> list[Session]:
    """Read the sessions that an undoing has removed."""
    found = []
    for change in changes:
        if change.kind != "removed":
            continue
        session_id = sessions.session_id(key, change.begun_ms, change.number)
        session = next((s for s in known if s is not None and s.session_id == session_id), None)
        session = session or store.get(Session, key, talks.session_item(session_id))
        if session is not None:
            found.append(session)
    return found


def _session_money(
    change: Change, unpaid: list[Session], message: Message, country: str | None, *, now: datetime
) -> dict[str, talks.MoneyMove]:
    moves = {}
    for session in unpaid:
        if session.money == talks.HELD:
            change.void(session.price_micros)
            moves[session.session_id] = talks.MoneyMove(talks.HELD, talks.VOIDED)
        elif session.money == talks.POSTED:
            entry = billing.entry(
                message.account_id,
                billing.SESSION_RETURNED,
                f"session-returned:{session.session_id}",
                now=now,
                bot_id=session.bot_id,
                corrects=session.entry_id,
                session_id=session.session_id,
                subscriber_id=session.subscriber_id,
                country=country,
                ticket_id=session.ticket_id,
                message_id=message.message_id,
            )
            change.refund(session.price_micros, entry)
            moves[session.session_id] = talks.MoneyMove(talks.POSTED, talks.REFUNDED)
    return moves
