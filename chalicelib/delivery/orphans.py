"""Orphans: receipts under a token that none of our messages carries yet."""

from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition

from chalicelib import ids, store
from chalicelib.delivery import lines, receipts, states
from chalicelib.delivery.taking import taken
from chalicelib.log import log
from chalicelib.tables import Conversation, Message, TokenItem

LOOKED_AT_MAX = 300
RIPE_AFTER = timedelta(minutes=2)
TOKEN_MAY_BE_OLDER_FOR = timedelta(minutes=1)
TOKEN_MAY_BE_YOUNGER_FOR = timedelta(minutes=5)
TOKEN_EPOCH_MS = 292_057_776_128
"""A token shifted by 22 bits, plus this, is when Viber made it (derived from captures, not
documented): good enough to refuse an orphan, never to accept one."""


def match(message: Message, *, now: datetime) -> str:
    """Give an unknown message the orphan that can be nobody else's; returns its state after.

    An orphan is this message's only if it is not older than the send, no other message of the
    conversation on its way could own it, no welcome message could, and no other orphan could
    be this message's. Otherwise everything stays as it is: unknown is a true state.

    Only an orphan two minutes old is taken. By then the subscriber's own message, whose
    receipt may overtake it, and our own write of a token have arrived.
    """
    conversation = store.get(Conversation, message.key, "conversation")
    if conversation is None or _is_welcomed(conversation, now):
        return states.UNKNOWN
    loose = _loose(message, conversation)
    if loose is None or len(loose) != 1:
        return states.UNKNOWN
    if lines.may_own(conversation.bot_id, conversation.subscriber_id, now):
        return states.UNKNOWN
    (orphan,) = loose
    if orphan.arrived_at is None or now - orphan.arrived_at < RIPE_AFTER:
        return states.UNKNOWN
    rivals = _on_their_way_beside(message)
    if rivals is None or any(_may_own(rival, orphan) for rival in rivals):
        return states.UNKNOWN
    try:
        state = claim(message, orphan, None, sent_at=orphan.orphan_at or now, now=now)
    except store.Changed:
        return states.UNKNOWN
    log.info("unknown message found its receipt", message_id=message.message_id)
    return state


def _loose(message: Message, conversation: Conversation) -> list[TokenItem] | None:
    """List the orphans that could be this message's; None if not all could be seen."""
    found, more = store.page(
        TokenItem,
        message.key,
        TokenItem.item.startswith("token#"),
        limit=LOOKED_AT_MAX,
        newest_first=True,
        filtered_by=TokenItem.message_id.does_not_exist(),
    )
    said, more_said = _since(message, Message.kind == "inbound")
    theirs = {each.token for each in said} | set(conversation.tokens)
    if more is not None or more_said is not None:
        return None
    mine = [
        orphan for orphan in found if orphan.token not in theirs and _could_own(message, orphan)
    ]
    told = lines.owned(conversation.bot_id, [orphan.token for orphan in mine])
    return [orphan for orphan in mine if orphan.token not in told]


def _on_their_way_beside(message: Message) -> list[Message] | None:
    found, more = _since(message, states.is_in(states.SENDING, states.UNKNOWN))
    if more is not None:
        return None
    return [each for each in found if each.message_id != message.message_id]


def _since(message: Message, which: Condition) -> tuple[list[Message], str | None]:
    """Read what a conversation's messages of the receipts' time around this one are."""
    first = ids.bound(message.message_id, after=-states.RECEIPTS_COME_FOR)
    return store.page(
        Message,
        message.key,
        Message.item.between(f"message#{first}", "message#~"),
        limit=LOOKED_AT_MAX,
        newest_first=True,
        filtered_by=which,
    )


def claim(
    message: Message,
    orphan: TokenItem,
    billing_status: int | None,
    *,
    sent_at: datetime,
    now: datetime,
) -> str:
    """Tie an orphan's token to a message, then do what its receipts say; returns the new state.

    Raises Changed when another receipt reached the orphan meanwhile. The message stays due until
    the receipts are done, so a crash between the two is made good by `settle`.
    """
    money = taken(message, billing_status, sent_at=sent_at, now=now)
    store.commit(
        [
            store.Update(
                states.message_at(message.key, message.message_id),
                states.is_in(states.SENDING, states.UNKNOWN),
                actions=(
                    Message.state.set(states.SENT),
                    Message.token.set(orphan.token),
                    Message.sent_at.set(sent_at),
                    *money.actions,
                ),
            ),
            store.Update(
                TokenItem(key=orphan.key, item=orphan.item),
                _as_read(orphan),
                actions=(
                    TokenItem.message_id.set(message.message_id),
                    TokenItem.sent_at.set(sent_at),
                    *([] if money.paid is None else [TokenItem.paid.set(money.paid)]),
                ),
            ),
            *money.writes,
        ]
    )
    orphan.message_id, orphan.paid = message.message_id, money.paid
    receipts.catch_up(orphan, message.account_id, now=now)
    found = states.read_message(message.key, message.message_id)
    return states.FAILED if found is None else str(found.state)


def _could_own(message: Message, orphan: TokenItem) -> bool:
    if message.sending_at is None or orphan.orphan_at is None or not _may_own(message, orphan):
        return False
    told = orphan.orphan_at - message.sending_at
    made_ms = _made_at_ms(orphan.token)
    earliest = ids.to_ms(message.sending_at - TOKEN_MAY_BE_OLDER_FOR)
    latest = ids.to_ms(message.sending_at + TOKEN_MAY_BE_YOUNGER_FOR)
    return timedelta(0) <= told <= states.RECEIPTS_COME_FOR and earliest <= made_ms <= latest


def _may_own(message: Message, orphan: TokenItem) -> bool:
    # Both by our own clock: Viber's may differ from it by more than a receipt takes.
    arrived_at = orphan.arrived_at or orphan.orphan_at
    return message.sending_at is None or arrived_at is None or arrived_at >= message.sending_at


def _made_at_ms(token: str) -> int:
    # A whole number and no datetime: a strange token may lie beyond any calendar.
    return (int(token) >> 22) + TOKEN_EPOCH_MS if token.isdecimal() else 0


def _is_welcomed(conversation: Conversation, now: datetime) -> bool:
    # A welcome message goes out in an HTTP response, so its token reaches us as an orphan.
    at = conversation.welcomed_at
    return at is not None and now - at < states.RECEIPTS_COME_FOR


def _as_read(orphan: TokenItem) -> Condition:
    same: Condition = TokenItem.message_id.does_not_exist()
    for attribute, value in (
        (TokenItem.delivered_at, orphan.delivered_at),
        (TokenItem.seen_at, orphan.seen_at),
        (TokenItem.failed_at, orphan.failed_at),
    ):
        same &= attribute.does_not_exist() if value is None else attribute == value
    return same
