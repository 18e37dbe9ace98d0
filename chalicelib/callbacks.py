"""Viber's callbacks: each one has its effect once, however often and in whatever order it comes.

signature ─ no ──► 401
   │ yes
 parse ─── no ──► kept as malformed, 200
   │ yes
 apply ── fails ─► kept with its trouble, 200, replayed by a schedule
   │
  200 (with the welcome message, for a chat just opened)
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from chalicelib import (
    bots,
    conversations,
    delivery,
    errors,
    ids,
    people,
    plans,
    queues,
    store,
    talks,
    tariffs,
    viber,
)
from chalicelib.log import log
from chalicelib.tables import Bot, Conversation, KeptCallback, Message
from chalicelib.viber import content, incoming

BODY_MAX_BYTES = 256 * 1024
MALFORMED_KEPT_MAX_BYTES = 16 * 1024
SIGNATURE_CHARACTERS = 64
KEY_AT_MOST_SECONDS_OLD = 60.0
KEPT_FOR = timedelta(days=30)
REPLAY_FIRST_AFTER = timedelta(seconds=30)
REPLAY_PAUSE_MAX = timedelta(hours=6)
TRIES_MAX = 20
CLOCK_MAY_DIFFER_FOR = timedelta(days=366 * 20)


class Answer(NamedTuple):
    """What the webhook answers: an HTTP status, and a JSON body for the welcome message."""

    status: int
    body: dict[str, Any] | None = None


def receive(bot_id: str, body: bytes, signature: str | None, *, now: datetime) -> Answer:
    """Take one callback from Viber: 200, 401 for what it did not sign, 413 for too much.

    A signed callback that we fail on is kept raw and replayed later. Only when it cannot even
    be kept does this raise, so that Viber tries again.
    """
    if len(body) > BODY_MAX_BYTES:
        return Answer(413)
    known = _signed_by(bot_id, body, signature, now=now)
    if known is None:
        return Answer(401)
    try:
        callback = viber.parse(body)
    except viber.Malformed as malformed:
        log.warning("callback malformed", bot_id=bot_id, reason=malformed.reason)
        part = body[:MALFORMED_KEPT_MAX_BYTES]
        _keep(known.bot, part, None, str(malformed.reason), state="malformed", now=now)
        return Answer(200)
    try:
        return Answer(200, apply(known.bot, callback, now=now))
    except Exception as error:  # noqa: BLE001
        log.exception("callback failed", bot_id=bot_id, callback_event=callback.event)
        _keep(known.bot, body, callback.event, _told(error), state="waiting", now=now)
        return Answer(200)


def signature_in(request: Any) -> str | None:
    """Find the signature of a callback: in its header, or in the query as `sig`."""
    header: str | None = request.headers.get("x-viber-content-signature")
    return header or (request.query_params or {}).get("sig")


def apply(bot: Bot, callback: incoming.Callback, *, now: datetime) -> dict[str, Any] | None:
    """Do what a callback means, once; returns the welcome message to answer with, if any."""
    at = _at(callback, now)
    # Decisions never run ahead of our own clock; a message is still shown at Viber's time.
    decided_at = min(at, now)
    match callback:
        case incoming.Message(chat_id=str()):
            log.info("group message ignored", bot_id=bot.bot_id)
        case incoming.Message():
            store.again(lambda: _message(bot, callback, at=at, now=now))
        case incoming.ConversationStarted():
            return store.again(lambda: _conversation_started(bot, callback, at=decided_at, now=now))
        case incoming.Subscribed(user=user):
            store.again(lambda: _subscription(bot, user.id, is_subscribed=True, at=decided_at))
        case incoming.Unsubscribed(user_id=user_id):
            store.again(lambda: _subscription(bot, user_id, is_subscribed=False, at=decided_at))
        case incoming.Delivered(user_id=user_id) | incoming.Seen(user_id=user_id):
            # An instant to come would put a message beyond the audit of its own month.
            delivery.receipt(bot, user_id, callback.token, callback.event, at=decided_at, now=now)
        case incoming.Failed(user_id=user_id, desc=desc):
            delivery.receipt(
                bot, user_id, callback.token, "failed", reason=desc or None, at=decided_at, now=now
            )
        case _:
            log.info("callback without effect", bot_id=bot.bot_id, callback_event=callback.event)
    return None


def _message(bot: Bot, callback: incoming.Message, *, at: datetime, now: datetime) -> None:
    key = conversations.conversation_key(bot.bot_id, callback.sender.id)
    assignee_id = bots.settings(bot).assignee_id or bot.connected_by
    message_id = conversations.inbound_id(callback, at=at)
    current, conversation, assignee, before, book = store.read(
        (Bot, bot.bot_id, None),
        (Conversation, key, "conversation"),
        people.wanted(bot.account_id, assignee_id),
        (Message, key, conversations.message_item(message_id)),
        tariffs.wanted(),
    )
    if current is None:
        return
    if conversation is None:
        conversation = conversations.begin(current, callback.sender.id)
    if before is not None or conversations.token_of(callback) in conversation.tokens:
        log.info("callback seen before", bot_id=bot.bot_id, token=callback.token)
        return
    if not conversations.opens_ticket(conversation, bots.settings(current)):
        takes_id = None
    else:
        set_id = bots.settings(current).assignee_id
        if (set_id or current.connected_by) != assignee_id:
            # This container knew the bot as it was before somebody changed the setting.
            assignee = people.find(bot.account_id, set_id or current.connected_by)
        takes_id = people.who_takes(current, set_id, assignee)
    taken = conversations.take_message(
        current,
        conversation,
        callback,
        at=at,
        assignee_id=takes_id,
        basis=talks.basis(current, book, now),
        now=now,
    )
    try:
        store.commit(taken.writes)
    except store.AlreadyThere:
        log.info("callback seen before", bot_id=bot.bot_id, token=callback.token)
        return
    queues.put_copies(taken.copies)


def _conversation_started(
    bot: Bot, callback: incoming.ConversationStarted, *, at: datetime, now: datetime
) -> dict[str, Any] | None:
    key = conversations.conversation_key(bot.bot_id, callback.user.id)
    current, conversation = store.read((Bot, bot.bot_id, None), (Conversation, key, "conversation"))
    if current is None:
        return None
    if conversation is None:
        conversation = conversations.begin(current, callback.user.id)
    is_on = current.sending_stopped is None and plans.may_send(current, now)
    welcome = bots.settings(current).welcome_text.strip() if is_on else ""
    is_repeat = conversation.context_at is not None and at <= conversation.context_at
    if not is_repeat:
        conversation.context_at = at
        if callback.context:
            conversation.context = callback.context
        if callback.subscribed is not None:
            conversations.subscribe(conversation, is_subscribed=callback.subscribed, at=at)
        if welcome:
            conversation.welcomed_at = now
        store.commit([conversations.conversation_write(conversation)])
    if not welcome:
        return None
    return viber.payload(content.Text(text=welcome), sender_name=viber.sender_name(current.name))


def _subscription(bot: Bot, subscriber_id: str, *, is_subscribed: bool, at: datetime) -> None:
    key = conversations.conversation_key(bot.bot_id, subscriber_id)
    conversation = store.get(Conversation, key, "conversation")
    if conversation is None:
        conversation = conversations.begin(bot, subscriber_id)
    if conversations.subscribe(conversation, is_subscribed=is_subscribed, at=at):
        store.commit([conversations.conversation_write(conversation)])


# What could not be worked off.


def due(now: datetime) -> Iterator[KeptCallback]:
    """Find the kept callbacks that are to be tried again."""
    return store.due(KeptCallback, "replay", now)


def replay(kept: KeptCallback, *, now: datetime) -> str:
    """Apply a kept callback again; on another failure it waits longer, and in the end rests.

    Applying what was applied before has no further effect, so this may run beside another.
    """
    bot = store.get(Bot, kept.bot_id)
    if bot is None:
        trouble: str | None = "the bot is gone"
    else:
        trouble = None
        try:
            apply(bot, viber.parse(bytes(kept.body)), now=now)
        except viber.Malformed as malformed:
            trouble = str(malformed.reason)
        except Exception as error:  # noqa: BLE001
            log.exception("callback failed again", bot_id=kept.bot_id, tries=kept.tries + 1)
            trouble = _told(error)
    kept.tries += 1
    if trouble is None:
        kept.state, kept.replayed_at = "replayed", now
    else:
        kept.trouble = trouble
        if kept.state != "malformed":
            kept.state = "waiting" if kept.tries < TRIES_MAX else "given_up"
    is_waiting = kept.state == "waiting"
    kept.due_at = now + _pause(kept.tries) if is_waiting else None
    kept.due_shard = store.shard_of("replay", kept.callback_id) if is_waiting else None
    store.put(kept)
    return str(kept.state)


def kept_of(bot: Bot, *, limit: int, cursor: str | None) -> tuple[list[KeptCallback], str | None]:
    """List what is kept of a bot, newest first."""
    return store.page(KeptCallback, bot.bot_id, limit=limit, cursor=cursor, newest_first=True)


def kept(bot: Bot, callback_id: str) -> KeptCallback:
    """Read one kept callback of a bot, or raise NotFound."""
    found = store.get(KeptCallback, bot.bot_id, callback_id)
    if found is None:
        raise errors.NotFound("There is no such callback.")
    return found


def _keep(
    bot: Bot, body: bytes, event: str | None, trouble: str, *, state: str, now: datetime
) -> None:
    callback_id = ids.new("cbk", now)
    is_waiting = state == "waiting"
    store.put(
        KeptCallback(
            bot_id=bot.bot_id,
            callback_id=callback_id,
            account_id=bot.account_id,
            received_at=now,
            body=body,
            state=state,
            event=event,
            trouble=trouble,
            tries=0,
            expires_at=now + KEPT_FOR,
            due_shard=store.shard_of("replay", callback_id) if is_waiting else None,
            due_at=now + REPLAY_FIRST_AFTER if is_waiting else None,
        )
    )


def _signed_by(
    bot_id: str, body: bytes, signature: str | None, *, now: datetime
) -> bots.Known | None:
    # What cannot be one of ours costs no read.
    if not ids.is_one("bot", bot_id) or len(signature or "") != SIGNATURE_CHARACTERS:
        log.warning("callback refused", reason="not the form of a bot's callback")
        return None
    known = bots.known(bot_id, now, at_most_seconds_old=KEY_AT_MOST_SECONDS_OLD)
    if known is not None and viber.is_true(body, known.key, signature):
        return known
    # The key may have been replaced since this container read it; ask once in a while.
    if known is not None and signature:
        known = bots.known(bot_id, now, at_most_seconds_old=bots.REREAD_EVERY_SECONDS)
        if known is not None and viber.is_true(body, known.key, signature):
            return known
    log.warning("callback refused", bot_id=bot_id[:64], is_known=known is not None)
    return None


def _at(callback: incoming.Callback, now: datetime) -> datetime:
    if callback.timestamp_ms is None:
        return now
    at = datetime.fromtimestamp(callback.timestamp_ms / 1000, UTC)
    return at if abs(at - now) < CLOCK_MAY_DIFFER_FOR else now


def _pause(tries: int) -> timedelta:
    return min(REPLAY_PAUSE_MAX, REPLAY_FIRST_AFTER * int(2 ** min(tries, 20)))


def _told(error: Exception) -> str:
    # An error of AWS's names things that are no account's business; the log has it whole.
    detail = f": {error.detail}" if isinstance(error, errors.Problem) else ""
    return f"{type(error).__name__}{detail}"[:500]
