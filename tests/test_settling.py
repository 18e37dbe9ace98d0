"""The schedule that finishes what was left open: twice, late, with a bad item, with nothing."""

import contextlib
import threading
from datetime import timedelta

import pytest

from chalicelib import batches, store
from chalicelib.tables import FirstAnswer, Message
from chalicelib.viber import NoAnswer
from tests.desk import Desk
from tests.faults import Died
from tests.fixtures_talk import (
    REHEARSED,
    WISH,
    Context,
    Script,
    Talk,
    cut_short,
    lose_what_is_queued,
    on_its_way,
    settled,
    taken,
)


def left_open(desk: Desk) -> tuple[Talk, str, str]:
    """Leave one message queued, one sending, and a long reply half accepted."""
    cut_short(Talk(desk, "Соломія"), *"123456")
    talk, other = Talk(desk), Talk(desk, "Остап")
    (queued,) = talk.reply("У черзі")
    (sending,) = other.reply("В дорозі")

    def dies() -> NoAnswer:
        raise Died

    with contextlib.suppress(Died):
        other.send(sending, dies)
    lose_what_is_queued()
    return talk, queued, sending


def states(desk: Desk) -> dict[str, str]:
    """Tell the state of every outgoing message by its text."""
    found = {}
    for ticket in desk.tickets():
        for message in desk.thread(ticket["ticket_id"]):
            text = message["content"]["text"]
            if message["kind"] == "outgoing" and text != REHEARSED:
                found[text] = message["delivery"]["state"]
    return found


def test_with_nothing_due_a_run_is_one_query_for_each_shard_of_each_kind(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("Ще не час")
    with Script("*") as script:
        assert settled(desk.now) == []
    asked = [
        next(iter(value.values()))
        for call in script.calls
        for value in call["ExpressionAttributeValues"].values()
        if "S" in value
    ]
    kinds = [f"{kind}#{shard:02}" for kind in ("accept", "send") for shard in range(16)]
    assert sorted(asked) == kinds
    assert len(script.calls) == 32
    assert {call["IndexName"] for call in script.calls} == {"due"}


def test_everything_left_open_is_finished(desk: Desk) -> None:
    left_open(desk)
    desk.wait(seconds=95)
    # A receipt that overtook Viber's answer leaves its message to be looked at once more.
    assert set(settled(desk.now)) - {"settled"} == {"accepted", "queued again", "unknown"}
    desk.work()
    assert states(desk) == {"У черзі": "delivered", "В дорозі": "unknown"} | dict.fromkeys(
        "123456", "delivered"
    )
    before = states(desk)
    desk.wait(minutes=5)
    assert set(settled(desk.now)) - {"settled"} == {"unknown"}
    desk.work()
    assert states(desk) == before


def test_two_runs_at_once_do_no_more_than_one(desk: Desk) -> None:
    talk, _, _ = left_open(desk)
    desk.wait(seconds=95)
    together = threading.Barrier(2)
    broken: list[BaseException] = []

    def run() -> None:
        together.wait()
        try:
            settled(desk.now)
        except BaseException as error:
            broken.append(error)
            raise

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    desk.work()
    assert talk.heard == ["У черзі"]
    assert states(desk) == {"У черзі": "delivered", "В дорозі": "unknown"} | dict.fromkeys(
        "123456", "delivered"
    )
    said = [
        message.content["text"]
        for chat in desk.viber.world.chats.values()
        for message in chat.messages
        if message.author == "bot"
    ]
    assert sorted(said) == sorted([*"123456", *[REHEARSED] * 6, "У черзі"])


def test_a_run_days_late_sends_nothing_that_is_stale_and_tells_the_truth(desk: Desk) -> None:
    talk, queued, _ = left_open(desk)
    desk.wait(days=3)
    while settled(desk.now):
        desk.work()
        desk.wait(minutes=2)
    assert talk.heard == []
    assert states(desk) == {"У черзі": "failed", "В дорозі": "unknown"} | dict.fromkeys(
        "123456", "failed"
    )
    assert talk.told(queued)["reason"] == "expired"


def test_the_plan_of_a_long_reply_outlives_days_without_a_run(desk: Desk) -> None:
    cut_short(Talk(desk), *"123456")
    answer = store.get(FirstAnswer, f"{desk.account_id}/{WISH}")
    assert answer is not None
    assert answer.plan is not None
    assert answer.expires_at - desk.now >= timedelta(days=29)


def test_a_bad_item_does_not_stop_the_others(desk: Desk) -> None:
    left_open(desk)
    for number in range(3):
        broken = FirstAnswer(
            key=f"broken-{number}",
            fingerprint="",
            state="accepting",
            plan={},
            started_at=desk.now,
            expires_at=desk.now,
            due_shard="accept#00",
            due_at=desk.now,
        )
        broken.save()
    desk.wait(seconds=95)
    with pytest.raises(batches.SomeFailed, match="3 of"):
        batches.settle_messages(Context(60_000), now=desk.now)
    desk.work()
    assert states(desk) == {"У черзі": "delivered", "В дорозі": "unknown"} | dict.fromkeys(
        "123456", "delivered"
    )


def test_a_run_that_is_short_of_time_leaves_the_rest_to_the_next(desk: Desk) -> None:
    left_open(desk)
    desk.wait(seconds=95)
    before = states(desk)
    with pytest.raises(batches.OutOfTime):
        batches.settle_messages(Context(14_000), now=desk.now)
    assert states(desk) == before

    batches.settle_messages(Context(60_000), now=desk.now)
    desk.work()
    assert states(desk)["У черзі"] == "delivered"


def test_a_message_that_is_still_being_sent_is_looked_at_again(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")
    desk.wait(seconds=50)

    def slowly() -> tuple[int, bytes]:
        later = desk.now + timedelta(seconds=20)
        assert settled(later) == ["waiting"]
        assert settled(later) == []
        return taken(7)

    assert talk.send(message_id, slowly) == "sent"
    assert settled(desk.now + timedelta(days=1)) == []


def test_a_queued_message_is_queued_again_each_minute_until_its_hour_is_over(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")
    lose_what_is_queued()
    done = []
    for _ in range(70):
        desk.wait(minutes=1, seconds=1)
        done += settled(desk.now)
    assert done == ["queued again"] * (len(done) - 1) + ["failed"]
    assert len(done) > 50
    assert talk.told(message_id)["reason"] == "expired"
    desk.work()
    assert talk.heard == []


def test_a_message_that_expires_is_no_failure_of_the_schedule(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")
    lose_what_is_queued()
    desk.wait(hours=2)
    desk.run("settle_messages")
    assert talk.state(message_id) == "failed"


def test_what_is_held_is_let_go_fifteen_days_after_sending(desk: Desk) -> None:
    talk = Talk(desk)
    message = on_its_way(desk.bot, "held", now=desk.now)
    message.update([Message.money.set("held")])
    talk.key = message.key
    assert talk.send(message.message_id, NoAnswer("lost")) == "unknown"
    assert settled(desk.now + timedelta(days=14, hours=23)) == ["unknown"]
    assert settled(desk.now + timedelta(days=15)) == []
    assert settled(desk.now + timedelta(days=15, hours=5)) == ["given up"]
    assert talk.state(message.message_id) == "unknown"
    assert settled(desk.now + timedelta(days=30)) == []
