"""The price before the send: the same decision as accepting, with nothing written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib import (
    billing,
    conversations,
    errors,
    months,
    plans,
    sessions,
    store,
    talks,
    tariffs,
)
from chalicelib.delivery import accept, pricing
from chalicelib.delivery.pricing import Priced
from chalicelib.sessions import Live
from chalicelib.tables import Balance, Bot, Conversation, Quota, Ticket


class Quote(NamedTuple):
    """What a reply would cost now, or why it may not go; the meters stand in both cases."""

    priced: Priced | None
    refusal: errors.Problem | None
    live: Live | None
    quota_used: int | None
    balance: Balance | None


def quote(account_id: str, ticket_id: str, content_types: Sequence[str], *, now: datetime) -> Quote:
    """Price a reply of these types to a ticket's subscriber; nothing is held or counted.

    Raises NotFound. Whatever else would refuse the send is in the quote.
    """
    ticket = store.get(Ticket, conversations.ticket_key(account_id, ticket_id))
    if ticket is None:
        raise errors.NotFound("There is no such ticket.")
    key = conversations.conversation_key(ticket.bot_id, ticket.subscriber_id)
    month = months.of_utc(now)
    conversation, bot, balance, book, quota = store.read(
        (Conversation, key, "conversation"),
        (Bot, ticket.bot_id, None),
        billing.wanted(account_id),
        tariffs.wanted(),
        (Quota, account_id, billing.quota_item(ticket.bot_id, month)),
    )
    basis = talks.basis(bot, book, now)
    used = None
    if bot.plan == plans.LEGACY:
        used = 0 if quota is None else quota.used
    priced, refusal = None, None
    try:
        accept.refuse_unless_sendable(bot, conversation, ticket)
        priced = pricing.priced(bot, conversation, content_types, basis, now=now)
        accept.refuse_while_stopped(bot, priced, now=now)
        _refuse_unpaid(priced, balance, used, now=now)
    except errors.Problem as problem:
        refusal = problem
    live = _live(bot, conversation, basis, now=now)
    return Quote(priced, refusal, live, used, balance)


def _refuse_unpaid(
    priced: Priced, balance: Balance | None, quota_used: int | None, *, now: datetime
) -> None:
    available = 0 if balance is None else balance.available_micros
    if priced.micros > available:
        raise billing.refused(balance, priced.micros)
    if quota_used is not None and quota_used + priced.quota > plans.LEGACY_MESSAGES_A_MONTH:
        raise pricing.quota_used(priced, now)


def _live(bot: Bot, conversation: Conversation, basis: Any, *, now: datetime) -> Live | None:
    talk = talks.of(conversation)
    talk, _ = sessions.advance(talk, now, basis.terms, tariffs.policy_of)
    return sessions.live(talk, now, tariffs.policy_of)
