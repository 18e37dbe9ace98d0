"""An orphan receipt and an unknown message find each other only where nothing else could fit."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import store
from chalicelib.delivery import orphans
from chalicelib.tables import Message
from chalicelib.viber import NoAnswer
from tests.desk import Desk
from tests.fixtures_accounts import everything
from tests.fixtures_talk import Answer, Talk, refused, settled, taken, token_at

LOST = NoAnswer("lost")


def unknown(talk: Talk, text: str = "Так") -> str:
    """Send something whose answer is lost."""
    (message_id,) = talk.reply(text)
    assert talk.send(message_id, LOST) == "unknown"
    return message_id


def looked_for(talk: Talk) -> None:
    """Let the schedule look for the receipts of what is unknown."""
    talk.desk.wait(hours=7)
    settled(talk.desk.now)


def stays_unknown(talk: Talk, message_id: str) -> None:
    looked_for(talk)
    assert talk.state(message_id) == "unknown"
    assert talk.message(message_id).token is None


# Settled by the one receipt that is its own.


@pytest.mark.parametrize("event", ["delivered", "seen", "failed"])
def test_an_unknown_message_is_settled_by_a_receipt_that_comes_later(
    desk: Desk, event: str
) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    token = token_at(desk.now)
    desk.wait(minutes=5)
    talk.receipt(event, token)
    looked_for(talk)
    message = talk.message(message_id)
    assert (message.state, message.token) == (event, str(token))
    owned = talk.orphan(token)
    assert owned is not None
    assert owned.message_id == message_id


@pytest.mark.parametrize("event", ["delivered", "seen", "failed"])
def test_an_unknown_message_is_settled_by_a_receipt_that_came_first(desk: Desk, event: str) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def with_a_receipt() -> NoAnswer:
        reason = "no device" if event == "failed" else None
        talk.receipt(event, token_at(desk.now), reason=reason)
        return LOST

    assert talk.send(message_id, with_a_receipt) == "unknown"
    looked_for(talk)
    told = talk.told(message_id)
    assert told["state"] == event
    assert told["words"] == ("no device" if event == "failed" else None)


def test_a_lost_answer_on_the_wire_ends_in_the_phones_receipt(desk: Desk) -> None:
    talk = Talk(desk)
    talk.phone.set(online=False)
    desk.faults({"lose_answer": True})
    (message_id,) = talk.reply("Так")
    desk.work()
    assert talk.state(message_id) == "unknown"
    desk.wait(hours=20)
    talk.phone.set(online=True)
    assert talk.heard == ["Так"]
    looked_for(talk)
    assert talk.state(message_id) == "delivered"
    talk.phone.read()
    assert talk.state(message_id) == "seen"


def test_a_receipt_is_not_believed_before_two_minutes_are_over(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    talk.receipt("delivered", token_at(desk.now))
    for seconds, state in ((119, "unknown"), (121, "delivered")):
        orphans.match(talk.message(message_id), now=desk.now + timedelta(seconds=seconds))
        assert talk.state(message_id) == state


def test_the_schedule_asks_less_often_as_time_goes_by_and_stops_after_fifteen_days(
    desk: Desk,
) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    asked = []
    for _ in range(200):
        due_at = talk.message(message_id).due_at
        if due_at is None:
            break
        desk.wait(seconds=(due_at - desk.now).total_seconds())
        asked.append((due_at, settled(desk.now)))
    pauses = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= timedelta(minutes=5)
    assert pauses[-1] <= timedelta(hours=6)
    assert asked[-1][1] == ["given up"]
    sent_at = talk.message(message_id).sending_at
    assert timedelta(days=15) <= desk.now - sent_at <= timedelta(days=15, hours=6)
    assert talk.state(message_id) == "unknown"


# Not settled where anything else could fit.


def test_a_receipt_older_than_the_send_is_none_of_its_own(desk: Desk) -> None:
    talk = Talk(desk)
    talk.receipt("delivered", token_at(desk.now))
    desk.wait(seconds=2)
    message_id = unknown(talk)
    stays_unknown(talk, message_id)
    desk.wait(minutes=1)
    talk.receipt("seen", token_at(desk.now - timedelta(seconds=2)))
    stays_unknown(talk, message_id)


def test_a_receipt_that_says_it_is_older_than_the_send_is_none_of_its_own(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    talk.receipt("delivered", token_at(desk.now), at=desk.now - timedelta(seconds=1))
    stays_unknown(talk, message_id)


@pytest.mark.parametrize("span", [timedelta(minutes=-2), timedelta(minutes=6), timedelta(days=9)])
def test_a_token_made_at_another_time_is_none_of_its_own(desk: Desk, span: timedelta) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    desk.wait(days=9)
    talk.receipt("delivered", token_at(desk.now - timedelta(days=9) + span))
    stays_unknown(talk, message_id)


def test_a_token_that_is_no_number_does_no_harm(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    for token in ("кіт", "9" * 40, "0"):
        talk.receipt("delivered", token)
    stays_unknown(talk, message_id)


def test_two_unknown_messages_share_no_receipt(desk: Desk) -> None:
    talk = Talk(desk)
    both = unknown(talk, "1"), unknown(talk, "2")
    talk.receipt("delivered", token_at(desk.now))
    for message_id in both:
        stays_unknown(talk, message_id)


def test_a_receipt_between_two_unknown_messages_belongs_to_the_earlier(desk: Desk) -> None:
    talk = Talk(desk)
    first = unknown(talk, "1")
    desk.wait(seconds=10)
    talk.receipt("delivered", token_at(desk.now))
    desk.wait(seconds=10)
    second = unknown(talk, "2")
    looked_for(talk)
    assert (talk.state(first), talk.state(second)) == ("delivered", "unknown")


def test_of_two_receipts_that_could_be_its_own_a_message_takes_none(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    for number in range(2):
        talk.receipt("delivered", token_at(desk.now, number))
    stays_unknown(talk, message_id)


def test_a_message_being_sent_beside_may_be_the_owner(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk, "1")
    (beside,) = talk.reply("2")
    token = token_at(desk.now)

    def while_it_is_sent() -> Any:
        talk.receipt("delivered", token)
        orphans.match(talk.message(message_id), now=desk.now + timedelta(minutes=3))
        assert talk.state(message_id) == "unknown"
        return taken(token)

    assert talk.send(beside, while_it_is_sent) == "delivered"
    stays_unknown(talk, message_id)


@pytest.mark.parametrize("answer", [taken(4242), refused(3)])
def test_a_receipt_is_told_apart_once_the_message_beside_has_its_answer(
    desk: Desk, answer: Answer
) -> None:
    talk = Talk(desk)
    message_id = unknown(talk, "1")
    (beside,) = talk.reply("2")

    def while_it_is_sent() -> Answer:
        talk.receipt("delivered", token_at(desk.now))
        return answer

    talk.send(beside, while_it_is_sent)
    looked_for(talk)
    assert talk.state(message_id) == "delivered"


def test_a_receipt_in_a_welcomed_talk_may_be_the_welcomes(desk: Desk) -> None:
    desk.call("PATCH", f"/v1/bots/{desk.bot.bot_id}", {"welcome_text": "Вітаємо!"})
    talk = Talk(desk)
    desk.wait(seconds=1)
    talk.phone.open()
    message_id = unknown(talk)
    talk.receipt("delivered", token_at(desk.now))
    stays_unknown(talk, message_id)


def test_an_unknown_message_of_more_than_fifteen_days_ago_is_in_nobodys_way(desk: Desk) -> None:
    talk = Talk(desk)
    first = unknown(talk, "1")
    desk.wait(days=15, seconds=5)
    later = unknown(talk, "2")
    talk.receipt("delivered", token_at(desk.now))
    looked_for(talk)
    assert (talk.state(first), talk.state(later)) == ("unknown", "delivered")


def test_a_receipt_of_the_customers_own_word_is_never_a_messages(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    desk.wait(seconds=1)
    desk.viber_bot.settings.inbound_receipts = True
    talk.phone.write("Є хто?")
    stays_unknown(talk, message_id)


def test_a_receipt_that_overtakes_the_customers_own_word_is_never_a_messages(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    desk.wait(seconds=1)
    desk.viber_bot.settings.inbound_receipts = True
    desk.viber.people.write(talk.phone.phone_id, desk.viber_bot.uri, {"type": "text", "text": "!"})
    desk.viber.world.outbox.reverse()
    desk.viber.dispatcher.flush()
    (token,) = talk.conversation.tokens[-1:]
    assert talk.orphan(token) is not None
    stays_unknown(talk, message_id)


def test_a_late_receipt_of_a_word_long_past_is_still_the_customers(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    desk.wait(seconds=1)
    talk.phone.write("0")
    (token,) = talk.conversation.tokens[-1:]
    for number in range(20):
        desk.wait(seconds=1)
        talk.phone.write(str(number))
    assert token not in talk.conversation.tokens
    talk.receipt("delivered", token)
    stays_unknown(talk, message_id)


def test_what_cannot_be_seen_whole_settles_nothing(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    talk.receipt("delivered", token_at(desk.now))
    for number in range(orphans.LOOKED_AT_MAX):
        Message(
            key=talk.key,
            item=f"message#msg_01M8{number:022}",
            message_id=f"msg_01M8{number:022}",
            account_id=desk.account_id,
            ticket_id=talk.ticket_id,
            kind="note",
            content={"type": "text", "text": "?"},
            at=desk.now,
        ).save()
    assert orphans.match(talk.message(message_id), now=desk.now + timedelta(hours=1)) == "unknown"


# Settled is settled.


def test_a_settled_message_takes_no_other_receipt(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    token = token_at(desk.now)
    talk.receipt("delivered", token)
    looked_for(talk)
    settled(desk.now + timedelta(hours=1))
    talk.receipt("failed", token_at(desk.now))
    before = everything()
    desk.wait(days=1)
    assert settled(desk.now) == []
    assert everything() == before
    assert talk.message(message_id).token == str(token)


@pytest.mark.parametrize("late", ["its token", "another token", "a refusal"])
def test_a_late_answer_after_a_receipt_changes_nothing(desk: Desk, late: str) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")
    answers = {"its token": token_at(desk.now), "another token": token_at(desk.now, 1)}

    def long_after() -> Answer:
        token = token_at(desk.now)
        talk.receipt("delivered", token)
        assert settled(desk.now + timedelta(minutes=3)) == ["unknown"]
        assert settled(desk.now + timedelta(minutes=10)) == ["delivered"]
        if late == "another token":
            talk.receipt("delivered", answers[late])
        return taken(answers[late]) if late in answers else refused(3)

    assert talk.send(message_id, long_after) == "delivered"
    assert store.get(Message, talk.key, f"message#{message_id}") is not None
    assert talk.message(message_id).token == str(token_at(desk.now))
