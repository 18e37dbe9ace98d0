"""Receipts: delivered, seen, failed, known to us by Viber's token and subscriber alone."""

from datetime import datetime

from chalicelib import conversations, store
from chalicelib.delivery import states
from chalicelib.log import log
from chalicelib.tables import Bot, Conversation, Message, TokenItem


def receipt(
    bot: Bot,
    subscriber_id: str,
    token: str | None,
    event: str,
    *,
    reason: str | None = None,
    at: datetime,
    now: datetime,
) -> None:
    """Do what a receipt says, once: before, after or beside our own write of its token.

    `event` is delivered, seen or failed. Viber also confirms the subscriber's own messages;
    those receipts have no effect.
    """
    if token is None:
        log.info("receipt without a token", bot_id=bot.bot_id)
        return
    key = conversations.conversation_key(bot.bot_id, subscriber_id)
    store.again(lambda: _receipt(key, token, event, reason, at=at, now=now))


def _receipt(
    key: str, token: str, event: str, reason: str | None, *, at: datetime, now: datetime
) -> None:
    found, conversation = store.read(
        (TokenItem, key, f"token#{token}"), (Conversation, key, "conversation")
    )
    if found is not None and found.message_id is not None:
        _to_message(key, found.message_id, event, reason, at=at)
    elif found is not None:
        _to_orphan(found, event, reason, at=at)
    elif conversation is None or token not in conversation.tokens:
        orphan = TokenItem(
            key=key,
            item=f"token#{token}",
            token=token,
            orphan_at=at,
            arrived_at=now,
            expires_at=now + states.TOKENS_KEPT_FOR,
        )
        setattr(orphan, f"{event}_at", at)
        if event == states.FAILED and reason is not None:
            orphan.reason = reason
        store.put(orphan, TokenItem.key.does_not_exist())


def _to_message(key: str, message_id: str, event: str, reason: str | None, *, at: datetime) -> None:
    changes = states.at_receipt(event, at)
    if event == states.FAILED:
        changes.append(Message.reason.set(states.FAILED_ON_DEVICE))
        if reason is not None:
            changes.append(Message.viber_words.set(reason))
    try:
        store.update(
            states.message_at(key, message_id),
            changes,
            states.is_in(*states.BEFORE_RECEIPT[event]),
        )
    except store.Changed:
        # It is there already, by this receipt's first coming or by a later one.
        log.info("receipt without effect", message_id=message_id, receipt=event)


def _to_orphan(orphan: TokenItem, event: str, reason: str | None, *, at: datetime) -> None:
    attribute = getattr(TokenItem, f"{event}_at")
    changes = [attribute.set(at)]
    if event == states.FAILED and reason is not None:
        changes.append(TokenItem.reason.set(reason))
    if getattr(orphan, f"{event}_at") is None:
        store.update(
            TokenItem(key=orphan.key, item=orphan.item),
            changes,
            TokenItem.message_id.does_not_exist(),
        )
