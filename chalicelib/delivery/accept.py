"""A reply is accepted: everything that is decided about it is decided here, once.

One transaction takes a reply of up to five parts. A longer one is decided as a whole in its
first transaction, which also writes down its plan; `finishing` does the rest.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from chalicelib import (
    billing,
    bots,
    conversations,
    errors,
    ids,
    months,
    plans,
    sessions,
    store,
    talks,
    tariffs,
    viber,
)
from chalicelib.audit import Actor
from chalicelib.delivery import finishing, pricing, states
from chalicelib.delivery.pricing import Priced
from chalicelib.money import Money
from chalicelib.sessions.talk import HELD
from chalicelib.tables import Bot, Conversation, FirstAnswer, Message, Ticket

PARTS_AT_ONCE = 5
PARTS_MAX = 20
# Viber: a sender's name has at most 28 characters, each of up to three bytes.
LARGEST_NAME = "\uffee" * 28
ANSWERS_KEPT_FOR = timedelta(days=2)
RUNS_AT_MOST_FOR = timedelta(seconds=30)
LEARNT_LATER = (
    "sending_at",
    "sent_at",
    "delivered_at",
    "seen_at",
    "failed_at",
    "reason",
    "viber_status",
    "viber_words",
    "billing_status",
)


class Reply(NamedTuple):
    """What an agent or a program wants said: parts in order, and whether the customer hears it.

    Without `notify` the same act is a note. `idempotency_key` names the wish: the same key
    with the same reply is answered as it was the first time. A reply that costs more than the
    `agreed_price` is not sent.
    """

    ticket_id: str
    parts: Sequence[viber.Sendable]
    notify: bool
    idempotency_key: str
    agreed_price: Money | None = None


class Accepted(NamedTuple):
    """The messages that a reply became, as they were when it was accepted."""

    messages: list[Message]
    is_repeat: bool


def reply(account_id: str, wanted: Reply, *, by: Actor, now: datetime) -> Accepted:
    """Accept a reply or a note to a ticket.

    Raises BadInput naming the part that Viber or a session would refuse, NotFound, KeyReused,
    StillRunning, and Conflict of kind `not-current`, `bot-disconnected`, `sending-stopped`,
    `not-subscribed`, `free-messages-used`, `price-risen`, `quota-used`, `insufficient-funds`,
    `owing` or what the bot's plan refuses; after any of them nothing was written.
    """
    _check_parts(wanted)
    return store.again(lambda: _reply_once(account_id, wanted, by=by, now=now))


def types_of(parts: Sequence[viber.Sendable]) -> list[str]:
    """Name the types of a reply's parts, or raise BadInput where there are none or too many."""
    if not 0 < len(parts) <= PARTS_MAX:
        raise errors.BadInput(
            f"A reply has 1 to {PARTS_MAX} parts; this one has {len(parts)}.", field="parts"
        )
    return [viber.type_of(part) for part in parts]


def _reply_once(account_id: str, wanted: Reply, *, by: Actor, now: datetime) -> Accepted:
    answer_key = f"{account_id}/{wanted.idempotency_key}"
    ticket, first = store.read(
        (Ticket, conversations.ticket_key(account_id, wanted.ticket_id), None),
        (FirstAnswer, answer_key, None),
    )
    if ticket is None:
        raise errors.NotFound("There is no such ticket.")
    key = conversations.conversation_key(ticket.bot_id, ticket.subscriber_id)
    fingerprint = _fingerprint(wanted)
    if first is not None:
        return _again(first, fingerprint, key, now=now)
    tail_id = ticket.last_outgoing_id
    conversation, bot, tail, balance, book = store.read(
        (Conversation, key, "conversation"),
        (Bot, ticket.bot_id, None),
        (Message, key, conversations.message_item(tail_id or "-")),
        billing.wanted(account_id),
        tariffs.wanted(),
    )
    priced = None
    if wanted.notify:
        refuse_unless_sendable(bot, conversation, ticket)
        basis = talks.basis(bot, book, now)
        types = types_of(wanted.parts)
        priced = pricing.priced(bot, conversation, types, basis, now=now)
        refuse_while_stopped(bot, priced, now=now)
        pricing.refuse_dearer(wanted.agreed_price, priced)
        if conversation.last_outgoing_id not in (None, tail_id):
            tail = states.read_message(key, conversation.last_outgoing_id)
    messages = _messages(bot, conversation, ticket, wanted, tail, account_id, by=by, now=now)
    paid: list[store.Write] = []
    if priced is not None:
        note_price(messages, priced, key, now=now)
        paid = price_writes(bot, conversation, ticket, priced, balance, now=now)
    talk_writes = _to_talk(conversation, ticket, messages, wanted, now=now)
    room = store.ACTIONS_MAX - 1 - len(talk_writes) - len(paid)
    is_long = len(messages) > min(PARTS_AT_ONCE, room)
    answer = FirstAnswer(
        key=answer_key,
        fingerprint=fingerprint,
        state="accepting" if is_long else "done",
        answer=[message.message_id for message in messages],
        started_at=now,
        expires_at=now + ANSWERS_KEPT_FOR,
    )
    if is_long:
        finishing.plan(answer, messages, notify=wanted.notify, now=now)
    writes: list[store.Write] = [
        store.Put(answer, FirstAnswer.key.does_not_exist(), fails_as=store.MINE),
        *talk_writes,
        *paid,
    ]
    if not is_long:
        writes += [store.Put(message, Message.key.does_not_exist()) for message in messages]
    try:
        store.commit(writes)
    except store.AlreadyThere as there:
        if not isinstance(there.item, FirstAnswer):
            raise store.Changed("answer") from None
        return _again(there.item, fingerprint, key, now=now)
    if is_long:
        finishing.finish(answer)
    elif wanted.notify:
        finishing.queue(messages)
    return Accepted(messages, is_repeat=False)


def _check_parts(wanted: Reply) -> None:
    types_of(wanted.parts)
    for position, part in enumerate(wanted.parts):
        try:
            viber.check(part, position=position)
            viber.check_size(viber.payload(part, sender_name=LARGEST_NAME), position=position)
        except viber.Unsendable as unsendable:
            raise errors.BadInput(unsendable.reason, field=unsendable.field) from None


def refuse_unless_sendable(bot: Bot, conversation: Conversation, ticket: Ticket) -> None:
    """Raise Conflict, with the way out, where nothing can reach the subscriber now."""
    if conversation.ticket_id != ticket.ticket_id:
        raise errors.Conflict(
            "The talk with this customer goes on in a newer ticket; answer there.",
            kind="not-current",
            current_ticket_id=conversation.ticket_id,
        )
    if bot.state != "connected":
        raise errors.Conflict(
            "The bot of this ticket is not connected; an admin can connect it again.",
            kind="bot-disconnected",
        )
    if bot.sending_stopped is not None:
        raise errors.Conflict(
            f"This bot cannot send: {viber.words(bot.sending_stopped)}",
            kind="sending-stopped",
            viber_status=bot.sending_stopped,
        )
    if not conversation.is_subscribed:
        raise errors.Conflict(
            "The customer has unsubscribed from the bot; only his next message lets you answer.",
            kind="not-subscribed",
        )


def refuse_while_stopped(bot: Bot, priced: Priced, *, now: datetime) -> None:
    """Raise Conflict for bot-initiated messages that Viber takes no more of this month."""
    until = bot.initiated_stopped_until
    if until is not None and until > now and priced.is_outside:
        raise errors.Conflict(
            f"{viber.words(23)} It can write first again from {until:%Y-%m-%d %H:%M} UTC; "
            "a customer who writes can be answered at any time.",
            kind="free-messages-used",
            until=until,
        )


def note_price(messages: list[Message], priced: Priced, key: str, *, now: datetime) -> None:
    """Note on each message what it costs and what it gives back if it fails."""
    talk = priced.talk
    unsettled = set()
    while talk is not None:
        if talk.money == HELD:
            unsettled.add(sessions.id_of(talk, key))
        talk = talk.before
    for message, part in zip(messages, priced.parts, strict=True):
        message.price_kind = part.kind
        message.session_id = part.session_id
        message.after_session_id = part.after_session_id
        message.run = part.run
        message.money = "held" if part.micros else "none"
        if part.session_id in unsettled:
            message.posts_session = True
        if part.kind == pricing.BOT_INITIATED:
            message.price_micros = part.micros
            message.country = priced.country
            message.priced_by = priced.price_list
        if part.kind == pricing.LEGACY:
            message.quota_month = months.of_utc(now)


def price_writes(
    bot: Bot,
    conversation: Conversation,
    ticket: Ticket,
    priced: Priced,
    balance: Any,
    *,
    now: datetime,
) -> list[store.Write]:
    """Return what the price does: the hold, a legacy bot's count, the session items."""
    talks.keep(conversation, priced.talk)
    account_id = conversation.account_id
    writes = talks.writes(conversation, priced.changes, contact_name=ticket.contact_name)
    change = billing.Change(account_id)
    change.hold(priced.micros)
    writes += change.writes(balance, now=now, refusal=billing.refused(balance, priced.micros))
    if priced.quota:
        writes.append(
            billing.use_quota(
                account_id,
                bot.bot_id,
                months.of_utc(now),
                priced.quota,
                at_most=plans.LEGACY_MESSAGES_A_MONTH,
                refusal=pricing.quota_used(priced, now),
            )
        )
    return writes


def _messages(
    bot: Bot,
    conversation: Conversation,
    ticket: Ticket,
    wanted: Reply,
    tail: Message | None,
    account_id: str,
    *,
    by: Actor,
    now: datetime,
) -> list[Message]:
    at_ms, before_id = states.next_in_line(conversation, tail, now)
    cause = f"{account_id}/{wanted.idempotency_key}"
    messages = []
    for position, part in enumerate(wanted.parts):
        message_id = ids.caused("msg", at_ms, cause, position=position)
        message = Message(
            key=conversation.key,
            item=conversations.message_item(message_id),
            message_id=message_id,
            account_id=account_id,
            ticket_id=ticket.ticket_id,
            kind="outgoing" if wanted.notify else "note",
            content=viber.encode(part),
            at=now,
            author_id=by.actor_id,
            author_name=by.name,
        )
        if wanted.notify:
            speaks_as = by.name if bots.settings(bot).sends_as_employee else bot.name
            message.sender_name = viber.sender_name(speaks_as, default=bot.name)
            message.state = states.QUEUED
            message.money = "none"
            message.before_id = before_id
            message.due_shard = store.shard_of("send", message_id)
            message.due_at = now + states.PICKED_UP_WITHIN
            before_id = message_id
        messages.append(message)
    return messages


def _to_talk(
    conversation: Conversation,
    ticket: Ticket,
    messages: list[Message],
    wanted: Reply,
    *,
    now: datetime,
) -> list[store.Write]:
    last = messages[-1]
    changes = [
        Ticket.updated_at.set(now),
        Ticket.last_message_id.set(max(last.message_id, ticket.last_message_id)),
        Ticket.revision.set(Ticket.revision + 1),
    ]
    if not wanted.notify:
        unchanged = Ticket.revision == ticket.revision
        return [store.Update(Ticket(key=ticket.key), unchanged, actions=tuple(changes))]
    status = "awaiting_answer"
    conversation.ticket_status = status
    conversation.last_outgoing_id = last.message_id
    conversation.last_message_id = max(last.message_id, conversation.last_message_id or "")
    changes += [
        Ticket.status.set(status),
        Ticket.shelf.set(conversations.shelf(ticket.account_id, status)),
        Ticket.is_unread.set(False),
        Ticket.last_outgoing_id.set(last.message_id),
        Ticket.preview.set(viber.summary(wanted.parts[-1])),
        Ticket.preview_type.set(last.content["type"]),
        Ticket.preview_kind.set("outgoing"),
    ]
    return [
        conversations.conversation_write(conversation),
        store.Update(
            Ticket(key=ticket.key), Ticket.revision == ticket.revision, actions=tuple(changes)
        ),
    ]


def _again(first: FirstAnswer, fingerprint: str, key: str, *, now: datetime) -> Accepted:
    if first.fingerprint != fingerprint:
        raise errors.KeyReused(
            "This Idempotency-Key was used for another request; take a new key for a new reply."
        )
    if first.state == "accepting":
        if now - first.started_at < RUNS_AT_MOST_FOR:
            raise errors.StillRunning("The first request with this key is still running.")
        finishing.finish(first)
    wanted = [(Message, key, conversations.message_item(i)) for i in first.answer]
    messages = [message for message in store.read(*wanted) if message is not None]
    for message in messages:
        is_outgoing = message.kind == "outgoing"
        message.state = states.QUEUED if is_outgoing else None
        message.money = ("held" if message.price_micros else "none") if is_outgoing else None
        for name in LEARNT_LATER:
            setattr(message, name, None)
    return Accepted(messages, is_repeat=True)


def _fingerprint(wanted: Reply) -> str:
    said: Any = [wanted.ticket_id, wanted.notify, [viber.encode(part) for part in wanted.parts]]
    if wanted.agreed_price is not None:
        said.append(wanted.agreed_price)
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
