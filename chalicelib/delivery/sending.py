"""The queue's worker: one message, one call to Viber, one true state afterwards."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec

from chalicelib import bots, config, plans, store, viber
from chalicelib.delivery import failing, orphans, paying, states
from chalicelib.delivery.taking import taken
from chalicelib.log import log
from chalicelib.queues import Outgoing
from chalicelib.tables import Bot, Message, TokenItem

BOT_AT_MOST_SECONDS_OLD = 20.0
FREE_MESSAGES_USED = 23


def send(
    wanted: Outgoing,
    *,
    now: datetime,
    http: viber.Transport | None = None,
    check_time: Callable[[], None] = lambda: None,
) -> str:
    """Send one queued message; returns the state it is left in.

    The message it names as the one before goes first if it is still queued. What was picked
    up before and has no answer is unknown: it is never sent a second time. `check_time` raises
    where there is no time for one more call.
    """
    earlier = _still_queued_before(wanted)
    if earlier is None:
        # A long reply before this one is not written yet; `settle` comes back to both.
        return states.QUEUED
    for each in earlier:
        check_time()
        if _send_one(each, now=now, http=http) == states.QUEUED:
            return states.QUEUED
    check_time()
    return _send_one(wanted, now=now, http=http)


def _send_one(wanted: Outgoing, *, now: datetime, http: viber.Transport | None) -> str:
    bot_id = wanted.key.partition("/")[0]
    known = bots.known(bot_id, now, at_most_seconds_old=BOT_AT_MOST_SECONDS_OLD)
    if known is None or not _may_send(known.bot, now):
        # A verdict against sending is not taken from memory.
        known = bots.known(bot_id, now, at_most_seconds_old=0)
    if known is not None and known.bot.state == "connecting":
        # It is being given a key or its webhook; `settle` queues the message again.
        return states.QUEUED
    if known is None or known.bot.state != "connected":
        return fail_queued(wanted.key, wanted.message_id, states.BOT_DISCONNECTED, now=now)
    if known.bot.sending_stopped is not None:
        status = int(known.bot.sending_stopped)
        return fail_queued(
            wanted.key, wanted.message_id, states.SENDING_STOPPED, viber_status=status, now=now
        )
    if not plans.may_send(known.bot, now):
        return fail_queued(wanted.key, wanted.message_id, states.BOT_ENDED, now=now)
    mine = uuid.uuid4().hex
    try:
        message = store.update(
            states.message_at(wanted.key, wanted.message_id),
            [
                Message.state.set(states.SENDING),
                Message.sending_at.set(now),
                Message.sending_by.set(mine),
            ],
            states.is_in(states.QUEUED) & (Message.at > now - states.SENT_WITHIN),
        )
    except store.Changed:
        found = states.read_message(wanted.key, wanted.message_id)
        if found is None or found.state != states.SENDING or found.sending_by != mine:
            return _not_to_be_sent(wanted, found, now=now)
        # The answer to this very write was lost, and it was made again.
        message = found
    return _call(known, message, now=now, http=http)


def _may_send(bot: Bot, now: datetime) -> bool:
    is_on = bot.state == "connected" and bot.sending_stopped is None
    return is_on and plans.may_send(bot, now)


def fail_queued(
    key: str, message_id: str, reason: str, *, viber_status: int | None = None, now: datetime
) -> str:
    """Fail a message that was never handed to Viber."""
    return _fail(key, message_id, (states.QUEUED,), reason, viber_status=viber_status, now=now)


def become_unknown(message: Message, *, now: datetime) -> str:
    """Mark a message whose call has no readable answer; `settle` looks for its receipt later."""
    changes = [
        Message.state.set(states.UNKNOWN),
        Message.due_shard.set(store.shard_of("send", message.message_id)),
        Message.due_at.set(now + orphans.RIPE_AFTER),
    ]
    try:
        store.update(
            states.message_at(message.key, message.message_id),
            changes,
            states.is_in(states.SENDING),
        )
    except store.Changed:
        return _state_of(message.key, message.message_id)
    log.warning("message unknown", message_id=message.message_id)
    return states.UNKNOWN


def _call(
    known: bots.Known, message: Message, *, now: datetime, http: viber.Transport | None
) -> str:
    receiver = message.key.partition("/")[2]
    client = viber.Client(known.key, base_url=config.viber_api_url(), http=http)
    try:
        content = msgspec.convert(message.content, viber.Sendable)
        payload = viber.payload(content, sender_name=message.sender_name or known.bot.name)
        sent = client.send_message(receiver, payload)
    except viber.Refused as refused:
        state = store.insist(partial(_refused, message, refused, now=now))
        learn(known.bot, refused.status, now=now)
        return state
    except viber.Unknown as unknown:
        log.warning("no answer", message_id=message.message_id, reason=unknown.reason)
        return become_unknown(message, now=now)
    return store.insist(lambda: _sent(message, sent, now=now))


def _refused(message: Message, refused: viber.Refused, *, now: datetime) -> str:
    was_answered = refused.status is not None or refused.http_status != 0
    return _fail(
        message.key,
        message.message_id,
        (states.SENDING, states.UNKNOWN),
        states.VIBER_REFUSED if was_answered else states.NOT_CONNECTED,
        viber_status=refused.status,
        words=refused.words,
        now=now,
    )


def _sent(message: Message, sent: viber.Sent, *, now: datetime) -> str:
    money = taken(message, sent.billing_status, sent_at=now, now=now)
    token = TokenItem(
        key=message.key,
        item=f"token#{sent.token}",
        token=sent.token,
        message_id=message.message_id,
        sent_at=now,
        paid=money.paid,
        expires_at=now + states.TOKENS_KEPT_FOR,
    )
    changes = [
        Message.state.set(states.SENT),
        Message.token.set(sent.token),
        Message.sent_at.set(now),
        *money.actions,
    ]
    if not paying.is_held(message):
        # What holds money is looked at again by `settle`, until it is posted or given back.
        changes += [Message.due_shard.remove(), Message.due_at.remove()]
    target = states.message_at(message.key, message.message_id)
    on_its_way = states.is_in(states.SENDING, states.UNKNOWN)
    try:
        store.commit(
            [
                store.Update(target, on_its_way, actions=tuple(changes)),
                store.Put(token, TokenItem.key.does_not_exist(), fails_as=store.MINE),
                *money.writes,
            ]
        )
    except store.AlreadyThere as there:
        orphan = there.item
        if not isinstance(orphan, TokenItem) or orphan.message_id is not None:
            return _state_of(message.key, message.message_id)
        return _claimed(message, orphan, sent.billing_status, now=now)
    except store.Changed:
        # Its session or balance may have changed; an answer that came before may also have
        # taken the message off its way, and nothing else does.
        return _state_unless_on_its_way(message)
    return states.SENT


def _claimed(
    message: Message, orphan: TokenItem, billing_status: int | None, *, now: datetime
) -> str:
    try:
        return orphans.claim(message, orphan, billing_status, sent_at=now, now=now)
    except store.Changed:
        return _state_unless_on_its_way(message)


def _state_unless_on_its_way(message: Message) -> str:
    state = _state_of(message.key, message.message_id)
    if state in (states.SENDING, states.UNKNOWN):
        raise store.Changed("message")
    return state


def _fail(
    key: str,
    message_id: str,
    before: tuple[str, ...],
    reason: str,
    *,
    viber_status: int | None = None,
    words: str | None = None,
    now: datetime,
) -> str:
    changes = [Message.failed_at.set(now), Message.reason.set(reason)]
    if viber_status is not None:
        changes.append(Message.viber_status.set(viber_status))
    if words is not None:
        changes.append(Message.viber_words.set(words))
    return failing.failed(key, message_id, before, changes, now=now)


def learn(bot: Bot, status: int | None, *, now: datetime) -> None:
    """Remember of a bot what a refusal of Viber's says about all it sends."""
    still_true = Bot.state == "connected"
    if status in viber.STOPS_SENDING:
        change = Bot.sending_stopped.set(status)
        # The refusal may be of a key that was replaced meanwhile.
        still_true &= Bot.key_sealed == bot.key_sealed
    elif status == FREE_MESSAGES_USED:
        change = Bot.initiated_stopped_until.set(_next_month(now))
    else:
        return
    revised = [change, Bot.revision.set(Bot.revision + 1)]
    try:
        store.update(Bot(bot_id=bot.bot_id), revised, still_true)
    except store.Changed:
        log.info("bot ended meanwhile", bot_id=bot.bot_id)
    bots.forget(bot.bot_id)


def _not_to_be_sent(wanted: Outgoing, message: Message | None, *, now: datetime) -> str:
    if message is None:
        log.warning("queued message is not there", message_id=wanted.message_id)
        return states.FAILED
    if message.state == states.QUEUED:
        return fail_queued(wanted.key, wanted.message_id, states.EXPIRED, now=now)
    if message.state == states.SENDING:
        return become_unknown(message, now=now)
    return str(message.state)


def _still_queued_before(wanted: Outgoing) -> list[Outgoing] | None:
    """List what must go first, oldest first; None while one of them is not even written."""
    chain: list[Outgoing] = []
    before_id = wanted.before_id
    while before_id is not None:
        before = states.read_message(wanted.key, before_id)
        if before is None:
            return None
        if before.state != states.QUEUED:
            break
        chain.append(Outgoing(key=wanted.key, message_id=before_id))
        before_id = before.before_id
    return chain[::-1]


def _state_of(key: str, message_id: str) -> str:
    message = states.read_message(key, message_id)
    return str(message.state) if message is not None else states.FAILED


def _next_month(now: datetime) -> datetime:
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return now.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
