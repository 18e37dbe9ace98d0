"""What the other tables say about an account's money, page by page and read afresh.

A source walks one kind of fact. The walk over messages finds an account's conversations by its
tickets, reads them a hundred at a time, and asks only those for their messages in which the
business has spoken since. `docs/decisions/money.md` says what that costs.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec

from chalicelib import bots, conversations, desk, ids, store, talks
from chalicelib.delivery import finishing
from chalicelib.tables import Conversation, Item, Message, Request, Session, Ticket

READ_AT_ONCE = store.BATCH_GET_MAX
PAGE = 500
# Money is held for 15 days after sending; a message a schedule forgot for a month is found too.
HELD_BEFORE = timedelta(days=45)
HELD, POSTED, VOIDED, REFUNDED = "held", "posted", "voided", "refunded"

I = TypeVar("I", bound=Item)  # noqa: E741


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that does not fit: what it is about, what should be there, and what is."""

    kind: str
    subject: str
    expected: str
    found: str


class Fact(NamedTuple):
    """One thing that money was held or spent for.

    `cause` is its entry's where its money is `posted`, and that entry is not older than
    `not_before`; what is paid `in_passes` has an entry for each, `cause:1` and so on. What has
    arrived is posted, or on the list of differences under `listed_as`.
    """

    cause: str
    money: str
    micros: int
    not_before: datetime
    has_arrived: bool = False
    listed_as: str | None = None
    in_passes: bool = False


Source = Callable[[str, datetime | None], Iterator[Fact | Finding]]
"""Yields an account's facts that may matter to the entries since an instant, or all of them.

What does not fit within a fact itself is a finding at once.
"""


def messages(account_id: str, since: datetime | None) -> Iterator[Fact]:
    """Yield the priced messages."""
    first = "message#"
    if since is not None:
        first += ids.first_at("msg", ids.to_ms(since - HELD_BEFORE))
    for key in _spoken_in(account_id, since):
        is_priced = Message.price_micros > 0
        wanted = Message.item.between(first, "message#~")
        for message in every(Message, key, wanted, filtered_by=is_priced):
            if message.account_id == account_id and message.money not in (None, "none"):
                yield _of_message(message)


def sessions(account_id: str, since: datetime | None) -> Iterator[Fact]:
    """Yield the priced sessions, and those whose price came back."""
    for is_live in (True, False):
        shelf = talks.shelf(account_id, is_live=is_live)
        found = every(Session, shelf, None, index="shelf", is_newest_first=True)
        for stale in _batches(_recent(found, None if is_live else since)):
            keys = [(Session, session.key, session.item) for session in stale]
            for session in filter(None, store.read(*keys)):
                yield from _of_session(session)


def deposits(account_id: str, since: datetime | None) -> Iterator[Fact]:
    """Yield the deposits of requests that wait."""
    for request in every(Request, account_id, Request.item.startswith("request#")):
        if request.state == desk.WAITING and request.deposit_micros:
            cause = f"deposit:{request.request_id}:taken"
            yield Fact(cause, HELD, request.deposit_micros, request.created_at)


def held_unwritten(account_id: str, now: datetime) -> int:
    """Sum up what is held for the parts of long replies that are accepted and not written yet."""
    left = finishing.unwritten(account_id, now=now)
    return sum(message.price_micros or 0 for message in left if message.money == HELD)


def set_aside(account_id: str) -> int:
    """Sum up what the account's bots have set aside."""
    total, cursor = 0, None
    while True:
        page, cursor = bots.of_account(account_id, limit=READ_AT_ONCE, cursor=cursor)
        keys = [(type(bot), bot.bot_id, None) for bot in page]
        fresh = [bot for bot in store.read(*keys) if bot is not None]
        total += sum(int(bot.set_aside_micros) for bot in fresh)
        if cursor is None:
            return total


def _of_message(message: Message) -> Fact:
    arrived = [at for at in (message.delivered_at, message.seen_at) if at is not None]
    return Fact(
        cause=f"message:{message.message_id}",
        money=message.money,
        micros=message.price_micros,
        # A receipt may be dated back, which makes no entry older than its message.
        not_before=max(message.at, min(arrived, default=message.at)),
        has_arrived=bool(arrived),
        listed_as=message.message_id,
    )


def _of_session(session: Session) -> Iterator[Fact]:
    if not session.price_micros or session.money == "none":
        return
    cause = f"session:{session.session_id}"
    is_refunded = session.money == REFUNDED
    money = POSTED if is_refunded else session.money
    yield Fact(cause, money, session.price_micros, session.begun_at)
    if is_refunded:
        again = f"session-returned:{session.session_id}"
        yield Fact(again, POSTED, -session.price_micros, session.begun_at)


def _spoken_in(account_id: str, since: datetime | None) -> Iterator[str]:
    """Yield the conversations, each once, in which the business has spoken lately."""
    seen: set[str] = set()
    last = None if since is None else ids.first_at("msg", ids.to_ms(since - HELD_BEFORE))
    for status in ("new", "done"):
        shelf = conversations.shelf(account_id, status)
        for tickets in _batches(every(Ticket, shelf, None, index="shelf")):
            keys = {conversations.conversation_key(t.bot_id, t.subscriber_id) for t in tickets}
            fresh = sorted(keys - seen)
            seen |= keys
            for talk in store.read(*((Conversation, key, "conversation") for key in fresh)):
                spoken = None if talk is None else talk.last_outgoing_id
                if spoken is not None and (last is None or spoken >= last):
                    yield talk.key


def _recent(found: Iterator[Session], since: datetime | None) -> Iterator[Session]:
    for session in found:
        if since is not None and session.begun_at < since - HELD_BEFORE:
            return
        yield session


def every(
    model: type[I],
    key: str,
    wanted: Any,
    *,
    index: str | None = None,
    filtered_by: Any = None,
    is_newest_first: bool = False,
) -> Iterator[I]:
    """Yield all items of a partition, page by page."""
    cursor = None
    while True:
        page, cursor = store.page(
            model,
            key,
            wanted,
            limit=PAGE,
            cursor=cursor,
            index=index,
            filtered_by=filtered_by,
            newest_first=is_newest_first,
        )
        yield from page
        if cursor is None:
            return


def _batches(found: Iterator[I]) -> Iterator[list[I]]:
    batch: list[I] = []
    for each in found:
        batch.append(each)
        if len(batch) == READ_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
