"""Lives a flow again for each of its points, and holds what comes of it to what is always true."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from chalicelib import billing, books, conversations, sessions
from chalicelib.delivery import states
from chalicelib.tables import (
    AuditLine,
    Balance,
    Bot,
    Conversation,
    Difference,
    Entry,
    Guard,
    Payment,
    Quota,
    Request,
    Session,
    TopUp,
)
from tests.faults import HOWS, Point
from tests.fixtures_crashes import SUBSCRIBER, Bakery, sent

PARTS = ("available_micros", "held_micros", "set_aside_micros", "owed_micros")
LATER = (0.1, 3, 26, 24 * 15 + 1, 24 * 15 + 9, 24 * 15 + 18)
MESSAGE_JOBS = ("settle_messages", "replay_callbacks", "expire_sessions")


class Flow(NamedTuple):
    """What comes before, the step that fails, and how what follows is lived.

    The step is done again afterwards, as everybody does who got no answer. Then time passes,
    `hours` after the step, and what repairs runs: the queue, Viber's telling again, these `jobs`.
    """

    begin: Callable[[Bakery], object]
    step: Callable[[Bakery], object]
    jobs: tuple[str, ...] = MESSAGE_JOBS
    hours: tuple[float, ...] = LATER


class Counted(NamedTuple):
    """How much was lived: the points, the calls of the flow, those to Viber, the different ends."""

    points: int
    calls: int
    sends: int
    ends: int


def every_point(flow: Flow, expected: Callable[[Bakery], object]) -> Counted:
    """Fail each call of a flow in each way, repair, and check; tell how many points that were.

    The end is that of the flow without a crash. Where a call to Viber may have been lost, it may
    also be that of the flow in which only Viber's answer, or the request, was lost.
    """
    with Bakery().open() as bakery:
        flow.begin(bakery)
        kept = bakery.kept()
        live(bakery, flow, None)
        expected(bakery)
        check(bakery, "without a crash")
        calls = list(bakery.wire.calls)
        points = [Point(number, how) for number in range(1, len(calls) + 1) for how in HOWS]
        ends = [picture(bakery)]
        is_lost = [p for p in points if calls[p.number - 1] == "viber" and p.how[:2] == "no"]
        for point in [*is_lost, *points]:
            bakery.put_back(kept)
            live(bakery, flow, point)
            where = f"{point} of {calls}"
            check(bakery, where)
            end = picture(bakery)
            if point in is_lost and end not in ends:
                ends.append(end)
            assert end in ends, f"{where}:\n{unlike(end, ends)}"
    return Counted(len(points), len(calls), calls.count("viber"), len(ends))


def live(bakery: Bakery, flow: Flow, point: Point | None) -> None:
    """Live a flow with one point failing, and what the world does then."""
    bakery.grow_cold()
    with bakery.wire.counting(point):
        flow.step(bakery)
    bakery.wire.point = None
    bakery.wait(minutes=2)
    flow.step(bakery)
    bakery.live_on(flow.jobs, *flow.hours)


def check(bakery: Bakery, where: str) -> None:
    """Hold a bakery to what is true whatever has happened, and however often."""
    report = books.audit(bakery.account_id, now=bakery.now, is_whole=True)
    assert report.findings == [], f"{where}: {report.findings}"
    balance = billing.balance(bakery.account_id)
    assert min(getattr(balance, part) for part in PARTS) >= 0, where
    causes = [entry.cause for entry in bakery.all_of(Entry, "entry#")]
    assert len(causes) == len(set(causes)), f"{where}: {causes}"
    assert not bakery.outgoing, where
    assert not bakery.viber.owed, where
    for message in sent(bakery):
        _check_message(bakery, message, where)
    for session in bakery.all_of(Session, "session#"):
        _check_session(bakery, session, where)


def _check_message(bakery: Bakery, message: Any, where: str) -> None:
    text = message.content["text"]
    times = len(bakery.viber.taken.get(text, ()))
    is_lost = text in bakery.viber.fails
    told = f"{where}: {text} is {message.state}, {message.money}, and was taken {times} times"
    assert times <= 1, told
    if times and not is_lost:
        assert message.state in (states.DELIVERED, states.SEEN), told
        assert message.money == ("posted" if message.price_micros else "none"), told
    else:
        assert message.state in (states.FAILED, states.UNKNOWN), told
        assert message.money == ("voided" if message.price_micros else "none"), told


def _check_session(bakery: Bakery, session: Any, where: str) -> None:
    """A session is paid for where one of its messages arrived, and otherwise is not."""
    own = [each for each in sent(bakery) if each.session_id == session.session_id]
    has_arrived = any(each.state in (states.DELIVERED, states.SEEN) for each in own)
    told = f"{where}: {session.session_id} is {session.state}, {session.money}"
    paid = ("posted",) if has_arrived else ("none", "voided", "refunded")
    assert session.money in paid or not own, told


def picture(bakery: Bakery) -> dict[str, Any]:
    """Tell all that matters of how things stand, without what differs by when it was done."""
    conversation = next(iter(bakery.all_of(Conversation, "conversation")), None)
    return {
        "balance": [_of(each, *PARTS) for each in bakery.all_of(Balance, "balance")],
        "entries": sorted(map(_entry, bakery.all_of(Entry, "entry#"))),
        "bots": [_bot(each) for each in bakery.all_of(Bot)],
        "requests": [
            _of(each, "kind", "state", "deposit_micros", "desk")
            for each in bakery.all_of(Request, "request#")
        ],
        "guards": len(bakery.all_of(Guard, "guard#request")),
        "top-ups": [
            _of(each, "state", "paid_micros", "payment") for each in bakery.all_of(TopUp, "top-up#")
        ],
        "payments": [
            _of(each, "key", "state", "returned_micros") for each in bakery.all_of(Payment)
        ],
        "messages": [
            (each.content["text"], each.price_kind, each.price_micros, each.money, each.state)
            for each in sent(bakery)
        ],
        "sessions": sorted(
            _of(each, "state", "reason", "money", "price_micros", "shelf")
            for each in bakery.all_of(Session, "session#")
        ),
        "talk": _talk(conversation),
        "quota": [int(each.used) for each in bakery.all_of(Quota, "quota#")],
        "differences": [each.kind for each in bakery.all_of(Difference, "difference#")],
        "taken": sorted(bakery.viber.taken),
        # To set again what is set already is no other end, though the trail has it twice.
        "trail": sorted({each.action for each in bakery.all_of(AuditLine, "audit#")}),
    }


def unlike(end: dict[str, Any], ends: Sequence[dict[str, Any]]) -> str:
    """Tell what an end has that none of these has, beside the one that is nearest to it."""
    nearest = min(ends, key=lambda each: sum(each[name] != end[name] for name in end))
    return "\n".join(
        f"{name}\n  now    {end[name]}\n  wanted {nearest[name]}"
        for name in end
        if end[name] != nearest[name]
    )


def _entry(entry: Entry) -> tuple[str, ...]:
    moved = (entry.moved_from, entry.moved_to, entry.moved_micros)
    return (str(entry.kind), str(entry.amount_micros), str(moved))


def _bot(bot: Bot) -> tuple[Any, ...]:
    told = ("plan", "state", "paid_month", "set_aside_micros", "ended_reason", "has_sessions")
    more = ("sessions_fee_micros", "session_price_micros", "fee_shard", "fee_at")
    return (*_of(bot, *told, *more), bot.cancelled_at is None, bot.ended_at is None)


def _talk(conversation: Conversation | None) -> Any:
    if conversation is None or conversation.talk is None:
        return None
    talk = sessions.unpacked(conversation.talk)
    assert conversation.key == conversations.conversation_key(conversation.bot_id, SUBSCRIBER)
    assert talk is not None
    return talk.state, talk.sent, talk.run, talk.money, talk.price_micros, talk.before is None


def _of(item: Any, *names: str) -> tuple[str, ...]:
    return tuple(str(getattr(item, name)) for name in names)
