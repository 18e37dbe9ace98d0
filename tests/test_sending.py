"""What one call to Viber makes of a message, and what a queued one becomes without a call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import bots, store, viber
from chalicelib.bots import remembering
from chalicelib.tables import Bot
from chalicelib.viber import NoAnswer, NotConnected
from tests.desk import Desk
from tests.faults import Line, Point
from tests.fixtures_talk import Answer, Carrier, Talk, refused, settled, taken, worked
from tests.pump import received


def stored_bot(desk: Desk) -> Bot:
    found = store.get(Bot, desk.bot.bot_id)
    assert found is not None
    return found


def accepted(desk: Desk, text: str = "Так") -> tuple[Talk, str]:
    talk = Talk(desk)
    (message_id,) = talk.reply(text)
    return talk, message_id


# From queued.


def test_an_accepted_message_is_queued_and_due_in_a_minute(desk: Desk) -> None:
    talk, message_id = accepted(desk)
    message = talk.message(message_id)
    assert (message.state, message.money) == ("queued", "none")
    assert timedelta(seconds=59) < message.due_at - desk.now < timedelta(seconds=61)


def test_a_message_is_sending_before_viber_hears_of_it(desk: Desk) -> None:
    talk, message_id = accepted(desk)
    seen: list[str] = []

    def looked_at() -> tuple[int, bytes]:
        seen.append(talk.state(message_id))
        return taken()

    assert talk.send(message_id, looked_at) == "sent"
    assert seen == ["sending"]
    assert talk.message(message_id).sending_at == desk.now.replace(
        microsecond=desk.now.microsecond // 1000 * 1000
    )


def test_a_message_not_sent_within_an_hour_fails_as_expired(desk: Desk) -> None:
    talk, message_id = accepted(desk)
    desk.wait(hours=1, seconds=5)
    assert talk.send(message_id) == "failed"
    told = talk.told(message_id)
    assert (told["state"], told["reason"]) == ("failed", "expired")


def test_a_message_is_still_sent_just_before_its_hour_is_over(desk: Desk) -> None:
    talk, message_id = accepted(desk)
    desk.wait(minutes=59, seconds=59)
    assert talk.send(message_id, taken()) == "sent"


def test_what_is_queued_when_its_bot_is_disconnected_fails_with_that_reason(desk: Desk) -> None:
    talk, message_id = accepted(desk)
    desk.call("DELETE", f"/v1/bots/{desk.bot.bot_id}")
    desk.work()
    told = talk.told(message_id)
    assert (told["state"], told["reason"]) == ("failed", "bot-disconnected")
    assert talk.heard == []
    assert settled(desk.now + timedelta(hours=2)) == []


def test_what_is_queued_while_its_bot_is_given_a_new_key_waits_for_it(desk: Desk) -> None:
    talk, message_id = accepted(desk)
    store.update(Bot(bot_id=desk.bot.bot_id), [Bot.state.set("connecting")], Bot.bot_id.exists())
    bots.forget(desk.bot.bot_id)
    assert talk.send(message_id) == "queued"
    answer = desk.call("PUT", f"/v1/bots/{desk.bot.bot_id}/key", {"key": desk.viber_bot.key})
    assert answer.status == 200
    desk.wait(seconds=61)
    desk.run("settle_messages")
    desk.work()
    assert talk.heard == ["Так"]


def test_what_is_queued_when_its_bots_sending_is_stopped_fails_and_names_viber_status(
    desk: Desk,
) -> None:
    talk, first = accepted(desk)
    (second,) = talk.reply("Ще")
    assert talk.send(first, refused(9)) == "failed"
    assert talk.send(second) == "failed"
    told = talk.told(second)
    assert (told["reason"], told["viber_status"]) == ("sending-stopped", 9)
    assert told["words"] == viber.words(9)


def test_a_bot_is_looked_up_afresh_before_a_message_fails_for_it(desk: Desk) -> None:
    talk, first = accepted(desk)
    (second,) = talk.reply("Ще")
    assert talk.send(first, refused(7)) == "failed"
    stopped = bots.known(desk.bot.bot_id, desk.now, at_most_seconds_old=60)
    assert stopped is not None
    desk.call("PUT", f"/v1/bots/{desk.bot.bot_id}/key", {"key": desk.viber_bot.key})
    # Another container has not heard of it yet.
    remembering._known[desk.bot.bot_id] = stopped
    assert talk.send(second, taken()) == "sent"


def test_a_message_whose_picking_up_was_written_without_an_answer_is_still_sent(
    desk: Desk,
) -> None:
    talk, message_id = accepted(desk)
    line = Line()
    with line.between(), line.counting(Point(2, "no answer after")):
        assert talk.send(message_id, taken()) == "sent"
    assert line.calls[:2] == ["GetItem", "UpdateItem"]


# From sending, by an answer.


def test_a_sent_message_has_vibers_token_and_billing_status(desk: Desk) -> None:
    talk, message_id = accepted(desk)
    assert talk.send(message_id, taken(5741311803571721087, billing_status=5)) == "sent"
    message = talk.message(message_id)
    assert (message.token, message.billing_status) == ("5741311803571721087", 5)
    assert not {"due_at", "due_shard"} & set(message.to_dynamodb_dict())
    token = talk.orphan("5741311803571721087")
    assert token is not None
    assert token.message_id == message_id


REFUSALS: list[tuple[Answer, str, int | None]] = [
    *(
        (refused(status), "viber-refused", status)
        for status in (1, 3, 5, 6, 11, 12, 13, 14, 21, 99)
    ),
    ((400, b""), "viber-refused", None),
    ((403, b"<html>"), "viber-refused", None),
    ((400, b'{"status": 3}'), "viber-refused", 3),
    ((429, b""), "viber-refused", 12),
    (NotConnected("refused"), "not-connected", None),
]


@pytest.mark.parametrize(("answer", "reason", "status"), REFUSALS)
def test_what_viber_certainly_did_not_take_is_failed(
    desk: Desk, answer: Answer, reason: str, status: int | None
) -> None:
    talk, message_id = accepted(desk)
    assert talk.send(message_id, answer) == "failed"
    told = talk.told(message_id)
    assert (told["state"], told["reason"], told["viber_status"]) == ("failed", reason, status)
    assert told["words"]
    message = talk.message(message_id)
    assert not {"due_at", "due_shard"} & set(message.to_dynamodb_dict())
    assert stored_bot(desk).sending_stopped is None


@pytest.mark.rule("S3.40")
def test_the_four_limits_have_words_of_their_own(desk: Desk) -> None:
    said = {}
    for status in (12, 13, 23, 24):
        talk, message_id = accepted(desk)
        talk.send(message_id, refused(status))
        said[status] = talk.told(message_id)["words"]
    assert said == {status: viber.words(status) for status in (12, 13, 23, 24)}
    assert len(set(said.values())) == 4
    assert viber.words(3) not in said.values()


UNREADABLE: list[Answer] = [
    NoAnswer("timed out"),
    (500, b""),
    (503, b'{"status": 7, "status_message": "down"}'),
    (200, b""),
    (200, b"<html>"),
    (200, b"{}"),
    (200, b'{"status": "fine"}'),
    (200, b'{"status": 0}'),
    (302, b'{"status": 0, "message_token": 1}'),
]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_what_viber_may_have_taken_is_unknown_and_never_sent_again(
    desk: Desk, answer: Answer
) -> None:
    talk, message_id = accepted(desk)
    assert talk.send(message_id, answer) == "unknown"
    for minutes in (1, 59, 24 * 60, 16 * 24 * 60):
        desk.wait(minutes=minutes)
        settled(desk.now)
        assert talk.send(message_id) == "unknown"
        assert received("outgoing") == [] or minutes == 1
    assert stored_bot(desk).sending_stopped is None


# From sending, without an answer.


def test_what_is_picked_up_again_while_sending_is_unknown(desk: Desk) -> None:
    talk, message_id = accepted(desk)

    def picked_up_again() -> tuple[int, bytes]:
        assert talk.send(message_id) == "unknown"
        return 500, b""

    assert talk.send(message_id, picked_up_again) == "unknown"


def test_what_is_found_sending_after_the_functions_own_time_is_unknown(desk: Desk) -> None:
    talk, message_id = accepted(desk)

    def found_later() -> tuple[int, bytes]:
        assert settled(desk.now + timedelta(seconds=89)) == ["waiting"]
        assert settled(desk.now + timedelta(seconds=150)) == ["unknown"]
        assert talk.state(message_id) == "unknown"
        return 500, b""

    assert talk.send(message_id, found_later) == "unknown"


@pytest.mark.parametrize(
    ("late", "state"),
    [(taken(77), "sent"), (refused(6), "failed"), (NotConnected("no"), "failed")],
)
def test_a_late_answer_of_the_call_itself_ends_unknown(
    desk: Desk, late: Answer, state: str
) -> None:
    talk, message_id = accepted(desk)

    def late_answer() -> Any:
        assert settled(desk.now + timedelta(seconds=91)) == ["unknown"]
        return late

    assert talk.send(message_id, late_answer) == state
    assert talk.state(message_id) == state
    if state == "sent":
        talk.receipt("delivered", 77)
        assert talk.state(message_id) == "delivered"


@pytest.mark.parametrize("answer", [taken(), refused(3), NoAnswer("lost")])
def test_what_has_its_answer_is_not_sent_again(desk: Desk, answer: Answer) -> None:
    talk, message_id = accepted(desk)
    state = talk.send(message_id, answer)
    again = Carrier()
    records = received("outgoing")
    assert worked(desk, records + records, again) == set()
    assert again.carried == []
    assert talk.state(message_id) == state


# What a refusal teaches about the bot.


@pytest.mark.parametrize("status", [2, 7, 8, 9])
def test_a_bot_that_viber_will_not_hear_stops_until_it_is_connected_again(
    desk: Desk, status: int
) -> None:
    talk, message_id = accepted(desk)
    talk.send(message_id, refused(status))
    told = desk.call("GET", f"/v1/bots/{desk.bot.bot_id}").body["sending_stopped"]
    assert told == {"status": status, "words": viber.words(status)}
    assert desk.reply(talk.ticket_id, "Ще").status == 409
    key = {"key": desk.viber_bot.key}
    if status in (2, 8):
        assert desk.call("PUT", f"/v1/bots/{desk.bot.bot_id}/key", key).status == 200
    else:
        assert desk.call("DELETE", f"/v1/bots/{desk.bot.bot_id}").status == 200
        assert desk.call("POST", "/v1/bots", key).status == 201
    assert desk.call("GET", f"/v1/bots/{desk.bot.bot_id}").body["sending_stopped"] is None
    talk.reply("Знову тут")
    desk.work()
    assert talk.heard == ["Знову тут"]


def test_a_refusal_of_the_old_key_does_not_stop_a_bot_that_has_a_new_one(desk: Desk) -> None:
    talk, message_id = accepted(desk)
    known = bots.known(desk.bot.bot_id, desk.now, at_most_seconds_old=60)
    assert known is not None
    desk.call("PUT", f"/v1/bots/{desk.bot.bot_id}/key", {"key": desk.viber_bot.key})
    # Another container has not heard of the new key yet.
    remembering._known[desk.bot.bot_id] = known
    assert talk.send(message_id, refused(2)) == "failed"
    assert stored_bot(desk).sending_stopped is None


def test_used_up_free_messages_stop_writing_first_until_the_next_utc_month(desk: Desk) -> None:
    quiet, talking = Talk(desk, "Остап"), Talk(desk, "Марічка")
    (message_id,) = quiet.reply("Перше")
    quiet.send(message_id, refused(23))
    assert stored_bot(desk).initiated_stopped_until == datetime(2026, 12, 1, tzinfo=UTC)
    desk.wait(hours=24)
    talking.phone.write("Ви ще тут?")
    assert desk.reply(quiet.ticket_id, "Агов").status == 409
    assert desk.reply(talking.ticket_id, "Так").status == 202
    desk.now = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    desk.wait(seconds=0)
    assert desk.reply(quiet.ticket_id, "Агов").status == 409
    desk.wait(seconds=1)
    assert desk.reply(quiet.ticket_id, "Агов").status == 202


def test_december_stops_until_january(desk: Desk) -> None:
    desk.now = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    desk.wait(seconds=0)
    talk, message_id = accepted(desk)
    talk.send(message_id, refused(23))
    assert stored_bot(desk).initiated_stopped_until == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("status", [12, 13, 24])
def test_other_limits_stop_nothing_but_the_message(desk: Desk, status: int) -> None:
    talk, message_id = accepted(desk)
    talk.send(message_id, refused(status))
    bot = stored_bot(desk)
    assert not {"sending_stopped", "initiated_stopped_until"} & set(bot.to_dynamodb_dict())
    assert desk.reply(talk.ticket_id, "Ще").status == 202
