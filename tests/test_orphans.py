"""An orphan receipt and an unknown message find each other only where nothing else could fit."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib import store
from chalicelib.delivery import orphans
from chalicelib.tables import UnknownMark
from chalicelib.viber import NoAnswer
from tests.desk import Desk
from tests.fixtures_talk import Talk, refused, settled, taken

LOST = NoAnswer("lost")
TOKEN = 5741311803571721087
OTHER = 5741311803571721088


def unknown(talk: Talk, text: str = "Так") -> str:
    """Send something whose answer is lost."""
    (message_id,) = talk.reply(text)
    assert talk.send(message_id, LOST) == "unknown"
    return message_id


@pytest.mark.parametrize("event", ["delivered", "seen", "failed"])
def test_an_unknown_message_is_settled_by_the_one_receipt_that_is_its_own(
    desk: Desk, event: str
) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    desk.wait(minutes=5)
    talk.receipt(event, TOKEN)
    message = talk.message(message_id)
    assert (message.state, message.token) == (event, str(TOKEN))
    owned = talk.orphan(TOKEN)
    assert owned is not None
    assert owned.message_id == message_id
    assert store.get(UnknownMark, talk.key, f"unknown#{message_id}") is None


def test_what_was_settled_hears_its_later_receipts(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    talk.receipt("delivered", TOKEN)
    talk.receipt("seen", TOKEN)
    assert talk.state(message_id) == "seen"


@pytest.mark.parametrize("event", ["delivered", "seen", "failed"])
def test_a_receipt_that_came_first_is_found_when_the_message_becomes_unknown(
    desk: Desk, event: str
) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def with_a_receipt() -> NoAnswer:
        talk.receipt(event, TOKEN, reason="no device" if event == "failed" else None)
        return LOST

    talk.send(message_id, with_a_receipt)
    assert talk.state(message_id) == event


def test_a_receipt_found_by_the_schedules_pass_settles_too(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def never_answered() -> NoAnswer:
        talk.receipt("delivered", TOKEN)
        settled(desk.now + timedelta(seconds=61))
        assert talk.state(message_id) == "delivered"
        return LOST

    assert talk.send(message_id, never_answered) == "delivered"


def test_a_lost_answer_on_the_wire_ends_in_the_phones_receipt(desk: Desk) -> None:
    talk = Talk(desk)
    talk.phone.set(online=False)
    desk.faults({"lose_answer": True})
    (message_id,) = talk.reply("Так")
    desk.work()
    assert talk.state(message_id) == "unknown"
    desk.wait(minutes=5)
    talk.phone.set(online=True)
    assert talk.heard == ["Так"]
    assert talk.state(message_id) == "delivered"


def stays_unknown(talk: Talk, message_id: str, *tokens: int) -> None:
    for token in tokens:
        talk.receipt("delivered", token)
    assert talk.state(message_id) == "unknown"
    orphans.match(talk.key, now=talk.desk.now)
    assert talk.state(message_id) == "unknown"


def test_a_receipt_older_than_the_send_is_none_of_its_own(desk: Desk) -> None:
    talk = Talk(desk)
    desk.wait(minutes=1)
    talk.receipt("delivered", TOKEN, at=desk.now - timedelta(seconds=1))
    stays_unknown(talk, unknown(talk))


def test_an_old_orphan_stays_old_when_its_second_receipt_comes(desk: Desk) -> None:
    talk = Talk(desk)
    talk.receipt("delivered", TOKEN)
    desk.wait(minutes=1)
    message_id = unknown(talk)
    desk.wait(minutes=1)
    talk.receipt("seen", TOKEN)
    stays_unknown(talk, message_id)


def test_two_unknown_messages_share_no_receipt(desk: Desk) -> None:
    talk = Talk(desk)
    first, second = unknown(talk, "1"), unknown(talk, "2")
    stays_unknown(talk, first, TOKEN)
    stays_unknown(talk, second)


def test_a_receipt_between_two_unknown_messages_belongs_to_the_earlier(desk: Desk) -> None:
    talk = Talk(desk)
    first = unknown(talk, "1")
    desk.wait(seconds=10)
    talk.receipt("delivered", TOKEN)
    desk.wait(seconds=10)
    second = unknown(talk, "2")
    assert (talk.state(first), talk.state(second)) == ("delivered", "unknown")


def test_of_two_receipts_that_could_be_its_own_a_message_takes_none(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def with_two_receipts() -> NoAnswer:
        talk.receipt("delivered", TOKEN)
        talk.receipt("delivered", OTHER)
        return LOST

    talk.send(message_id, with_two_receipts)
    stays_unknown(talk, message_id)


def test_a_message_being_sent_beside_may_be_the_owner(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk, "1")
    (beside,) = talk.reply("2")

    def while_it_is_sent() -> tuple[int, bytes]:
        stays_unknown(talk, message_id, TOKEN)
        return taken(TOKEN)

    assert talk.send(beside, while_it_is_sent) == "delivered"
    stays_unknown(talk, message_id)


@pytest.mark.parametrize("answer", [taken(OTHER), refused(3)])
def test_a_receipt_is_told_apart_once_the_message_beside_has_its_answer(
    desk: Desk, answer: tuple[int, bytes]
) -> None:
    talk = Talk(desk)
    message_id = unknown(talk, "1")
    (beside,) = talk.reply("2")

    def while_it_is_sent() -> tuple[int, bytes]:
        stays_unknown(talk, message_id, TOKEN)
        return answer

    talk.send(beside, while_it_is_sent)
    talk.receipt("seen", TOKEN)
    assert talk.state(message_id) == "seen"


def test_a_receipt_in_a_welcomed_talk_may_be_the_welcomes(desk: Desk) -> None:
    desk.call("PATCH", f"/v1/bots/{desk.bot.bot_id}", {"welcome_text": "Вітаємо!"})
    talk = Talk(desk)
    desk.wait(seconds=1)
    talk.phone.open()
    stays_unknown(talk, unknown(talk), TOKEN)


def test_fifteen_days_after_its_send_a_message_owns_no_new_receipt(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk, "1")
    desk.wait(days=15, seconds=1)
    stays_unknown(talk, message_id, TOKEN)
    desk.wait(seconds=1)
    later = unknown(talk, "2")
    talk.receipt("delivered", OTHER)
    assert (talk.state(message_id), talk.state(later)) == ("unknown", "delivered")


def test_a_receipt_of_the_customers_own_word_is_never_a_messages(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    desk.wait(seconds=1)
    talk.phone.write("Є хто?")
    stays_unknown(talk, message_id, int(talk.conversation.tokens[-1]))


def test_a_late_receipt_of_a_word_long_past_is_still_the_customers(desk: Desk) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    desk.wait(seconds=1)
    talk.phone.write("0")
    token = int(talk.conversation.tokens[-1])
    for number in range(20):
        desk.wait(seconds=1)
        talk.phone.write(str(number))
    assert str(token) not in talk.conversation.tokens
    stays_unknown(talk, message_id, token)


@pytest.mark.parametrize(
    "end",
    [
        lambda talk: talk.receipt("seen", TOKEN),
        lambda talk: settled(talk.desk.now + timedelta(days=1)),
        lambda talk: orphans.match(talk.key, now=talk.desk.now),
    ],
)
def test_a_settled_message_leaves_no_mark_for_another_receipt(
    desk: Desk, end: Callable[[Talk], object]
) -> None:
    talk = Talk(desk)
    message_id = unknown(talk)
    talk.receipt("delivered", TOKEN)
    end(talk)
    talk.receipt("failed", OTHER)
    assert talk.state(message_id) in ("delivered", "seen")
    assert talk.message(message_id).token == str(TOKEN)


def test_a_late_answer_after_a_receipt_changes_nothing(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def late() -> tuple[int, bytes]:
        settled(desk.now + timedelta(seconds=61))
        talk.receipt("delivered", TOKEN)
        return taken(TOKEN)

    assert talk.send(message_id, late) == "delivered"
    assert talk.message(message_id).token == str(TOKEN)


def test_a_late_refusal_after_a_receipt_changes_nothing(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def late() -> tuple[int, bytes]:
        settled(desk.now + timedelta(seconds=61))
        talk.receipt("delivered", TOKEN)
        return refused(3)

    assert talk.send(message_id, late) == "delivered"


def test_a_late_answer_finds_another_token_where_a_foreign_receipt_was_taken(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def late() -> tuple[int, bytes]:
        settled(desk.now + timedelta(seconds=61))
        talk.receipt("delivered", OTHER)
        talk.receipt("delivered", TOKEN)
        return taken(TOKEN)

    assert talk.send(message_id, late) == "delivered"
    assert talk.state(message_id) == "delivered"
