"""Receipts: delivered, seen, failed, known to us by Viber's token and subscriber alone."""

from datetime import datetime

from chalicelib import billing, conversations, store, talks
from chalicelib.delivery import failing, lines, paying, states
from chalicelib.log import log
from chalicelib.tables import Balance, Bot, Conversation, Message, Session, TokenItem


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

    `event` is delivered, seen or failed. The first proof of delivery spends what was held, a
    failure gives it back. Viber also confirms the subscriber's own messages; those receipts
    have no effect.
    """
    if token is None:
        log.info("receipt without a token", bot_id=bot.bot_id)
        return
    key = conversations.conversation_key(bot.bot_id, subscriber_id)
    store.again(lambda: _receipt(bot, key, token, event, reason, at=at, now=now))


def catch_up(token: TokenItem, account_id: str, *, now: datetime) -> None:
    """Do again what the receipts on a message's token say, however much of it was done."""
    delivered_at = token.delivered_at or token.seen_at
    if delivered_at is not None:
        _again(token, account_id, states.DELIVERED, at=delivered_at, now=now)
    if token.seen_at is not None:
        _again(token, account_id, states.SEEN, at=token.seen_at, now=now)
    if token.failed_at is not None and delivered_at is None:
        _again(token, account_id, states.FAILED, at=token.failed_at, now=now)


def _again(token: TokenItem, account_id: str, event: str, *, at: datetime, now: datetime) -> None:
    def once() -> None:
        balance = store.get(*billing.wanted(account_id))
        _to_message(token, account_id, balance, event, token.reason, at=at, now=now)

    store.again(once)


def _receipt(
    bot: Bot,
    key: str,
    token: str,
    event: str,
    reason: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    found, conversation, balance, broadcast = store.read(
        (TokenItem, key, f"token#{token}"),
        (Conversation, key, "conversation"),
        billing.wanted(bot.account_id),
        lines.wanted(bot.bot_id, token),
    )
    if found is not None and found.message_id is not None:
        _to_message(found, bot.account_id, balance, event, reason, at=at, now=now)
    elif broadcast is not None:
        lines.receipt(broadcast, key.partition("/")[2], event, reason, at=at, now=now)
    elif found is not None or conversation is None or token not in conversation.tokens:
        _to_orphan(found, key, token, event, reason, at=at, now=now)
        # A broadcast's token is another item, and may have been written meanwhile.
        broadcast = store.get(*lines.wanted(bot.bot_id, token))
        if broadcast is not None:
            lines.receipt(broadcast, key.partition("/")[2], event, reason, at=at, now=now)


def _to_message(
    token: TokenItem,
    account_id: str,
    balance: Balance | None,
    event: str,
    reason: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    if event == states.FAILED:
        _failed(token.key, str(token.message_id), reason, at=at, now=now)
    elif token.paid is None:
        _shown(token.key, str(token.message_id), event, at=at)
    elif paying.OF_SESSION in token.paid:
        _shown_after_all(token, event, at=at, now=now)
    else:
        _posted(token, account_id, balance, event, at=at, now=now)


def _posted(
    token: TokenItem,
    account_id: str,
    balance: Balance | None,
    event: str,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Spend what is held for a message that has arrived, or list it where nothing is any more."""
    key, message_id = token.key, str(token.message_id)
    paid = paying.posted(account_id, token.paid, balance, event=event, at=at, now=now)
    arrived = (*states.at_receipt(event, at), Message.money.set(paying.POSTED))
    is_awaited = states.is_in(*states.BEFORE_RECEIPT[event]) & (Message.money == paying.HELD)
    try:
        store.commit(
            [
                store.Update(states.message_at(key, message_id), is_awaited, actions=arrived),
                _settled(token),
                *paid,
            ]
        )
    except store.Changed:
        message = states.read_message(key, message_id)
        if message is None or paying.is_held(message):
            raise
        if message.money == paying.VOIDED:
            _shown_unpaid(token, message, event, at=at, now=now)
        else:
            _shown(key, message_id, event, at=at)


def _shown(key: str, message_id: str, event: str, *, at: datetime) -> None:
    try:
        store.update(
            states.message_at(key, message_id),
            states.at_receipt(event, at),
            states.is_in(*states.BEFORE_RECEIPT[event]),
        )
    except store.Changed:
        # It is there already, by this receipt's first coming or by a later one.
        log.info("receipt without effect", message_id=message_id, receipt=event)


def _shown_unpaid(
    token: TokenItem, message: Message, event: str, *, at: datetime, now: datetime
) -> None:
    if message.state not in states.BEFORE_RECEIPT[event]:
        return
    store.commit(
        [
            store.Update(
                states.message_at(message.key, message.message_id),
                states.is_in(message.state) & (Message.money == paying.VOIDED),
                actions=tuple(states.at_receipt(event, at)),
            ),
            _settled(token),
            paying.difference(message, paying.DELIVERED_UNPAID, now=now),
        ]
    )


def _shown_after_all(token: TokenItem, event: str, *, at: datetime, now: datetime) -> None:
    """Show that a message has arrived whose failure may have given a session's price back."""
    message, conversation, session = store.read(
        (Message, token.key, conversations.message_item(str(token.message_id))),
        (Conversation, token.key, "conversation"),
        (Session, token.key, talks.session_item(token.paid[paying.OF_SESSION])),
    )
    if message is None or message.state not in states.BEFORE_RECEIPT[event]:
        return
    writes = [
        store.Update(
            states.message_at(message.key, message.message_id),
            states.is_in(message.state),
            actions=tuple(states.at_receipt(event, at)),
        ),
        # Another message's failure may just now be giving back the session's price, because this
        # one had failed: whoever is second decides again.
        conversations.conversation_write(conversation),
        _settled(token),
    ]
    if session is not None:
        writes.append(store.Check(session, Session.money == session.money))
        if session.money in (talks.VOIDED, talks.REFUNDED):
            facts = {"session_id": session.session_id, "session_micros": session.price_micros}
            writes.append(paying.difference(message, paying.DELIVERED_UNPAID, now=now, **facts))
    store.commit(writes)


def _settled(token: TokenItem) -> store.Write:
    """Return the write after which no receipt under a token is about money any more."""
    item = TokenItem(key=token.key, item=token.item)
    return store.Update(item, TokenItem.paid.exists(), actions=(TokenItem.paid.remove(),))


def _failed(key: str, message_id: str, reason: str | None, *, at: datetime, now: datetime) -> None:
    changes = [Message.failed_at.set(at), Message.reason.set(states.FAILED_ON_DEVICE)]
    if reason is not None:
        changes.append(Message.viber_words.set(reason))
    before = states.BEFORE_RECEIPT[states.FAILED]
    keeps_nothing = (
        states.is_in(*before)
        & (Message.money != paying.HELD)
        & Message.session_id.does_not_exist()
        & Message.after_session_id.does_not_exist()
        & Message.quota_month.does_not_exist()
    )
    try:
        store.update(
            states.message_at(key, message_id),
            [Message.state.set(states.FAILED), *changes],
            keeps_nothing,
        )
    except store.Changed:
        state = failing.failed(key, message_id, before, changes, now=now)
        if state != states.FAILED:
            log.info("receipt without effect", message_id=message_id, receipt=states.FAILED)


def _to_orphan(
    found: TokenItem | None,
    key: str,
    token: str,
    event: str,
    reason: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Keep a receipt under a token nobody knows, for whoever writes that token later."""
    if found is None:
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
        return
    if getattr(found, f"{event}_at") is not None:
        return
    changes = [getattr(TokenItem, f"{event}_at").set(at)]
    if event == states.FAILED and reason is not None:
        changes.append(TokenItem.reason.set(reason))
    store.update(
        TokenItem(key=found.key, item=found.item),
        changes,
        TokenItem.message_id.does_not_exist(),
    )
