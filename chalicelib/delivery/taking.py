"""Viber has taken a message: what that does to money, its own and that of its session."""

from datetime import datetime
from typing import Any, NamedTuple

from pynamodb.expressions.update import Action

from chalicelib import billing, conversations, ids, sessions, store, talks
from chalicelib.billing import Change
from chalicelib.delivery import paying
from chalicelib.tables import Conversation, Message, Session


class Taken(NamedTuple):
    """What to do beside writing that a message was taken.

    `paid` is for the item of its token, None where no money waits for a receipt.
    """

    actions: list[Action]
    writes: list[store.Write]
    paid: dict[str, Any] | None


def taken(
    message: Message, billing_status: int | None, *, sent_at: datetime, now: datetime
) -> Taken:
    """Tell what a taken message does to money.

    The first message of a session that Viber takes spends the session's price. A price that
    Viber did not bill goes back, and so does none that it billed against our rules: both are
    put on the list of differences.
    """
    actions: list[Action] = []
    if billing_status is not None:
        actions.append(Message.billing_status.set(billing_status))
    writes = _session_posted(message, now=now) if message.posts_session else []
    is_held = paying.is_held(message)
    verdict = paying.at_viber(message, billing_status)
    if verdict is not None:
        writes.append(paying.difference(message, verdict, now=now, billing_status=billing_status))
    if verdict == paying.NOT_BILLED_THERE:
        change = Change(message.account_id)
        change.void(message.price_micros)
        balance = store.get(*billing.wanted(message.account_id))
        writes += change.writes(balance, now=now)
        actions += paying.voided_actions()
        is_held = False
    paid = paying.what_is_paid(message, sent_at=sent_at) if is_held else None
    return Taken(actions, writes, paid)


def _session_posted(message: Message, *, now: datetime) -> list[store.Write]:
    session, conversation, balance = store.read(
        (Session, message.key, talks.session_item(message.session_id)),
        (Conversation, message.key, "conversation"),
        billing.wanted(message.account_id),
    )
    if session is None or session.money != talks.HELD:
        return []
    session_id = session.session_id
    entry = billing.entry(
        message.account_id,
        billing.SESSION,
        f"session:{session_id}",
        now=now,
        bot_id=session.bot_id,
        session_id=session_id,
        subscriber_id=session.subscriber_id,
        country=conversation.country,
        ticket_id=message.ticket_id,
        message_id=message.message_id,
        author_id=message.author_id,
        author_name=message.author_name,
        begun_at=ids.to_ms(session.begun_at),
    )
    change = Change(message.account_id)
    change.post(session.price_micros, entry)
    writes = change.writes(balance, now=now)
    before = talks.of(conversation)
    after = sessions.posted(before, key=message.key, session_id=session_id)
    if after != before:
        talks.keep(conversation, after)
        writes.append(conversations.conversation_write(conversation))
    move = {session_id: talks.MoneyMove(talks.HELD, talks.POSTED, entry.entry_id)}
    return [*writes, *talks.writes(conversation, (), money=move)]
