"""A reply is accepted whole and once, or refused with nothing written."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import errors, store, viber
from chalicelib.tables import FirstAnswer
from tests.desk import Answered, Desk
from tests.fixtures_accounts import everything
from tests.fixtures_talk import WISH, Talk, accept, cut_short, settled

# Refused, and nothing written.


def refused_whole(desk: Desk, talk: Talk, *parts: Any) -> Answered:
    before = everything()
    answer = desk.reply(talk.ticket_id, *(parts or ("Чуєте?",)))
    assert everything() == before
    assert 400 <= answer.status < 500, answer
    return answer


def kind_of(answer: Answered) -> str:
    return str(answer.body["type"]).rpartition("/")[2]


def test_a_reply_to_a_ticket_whose_talk_goes_on_elsewhere_names_the_one_to_answer(
    desk: Desk,
) -> None:
    talk = Talk(desk)
    desk.call("PATCH", f"/v1/tickets/{talk.ticket_id}", {"status": "done"})
    desk.wait(minutes=1)
    talk.phone.write("Ще питання")
    answer = refused_whole(desk, talk)
    assert (answer.status, kind_of(answer)) == (409, "not-current")
    assert answer.body["current_ticket_id"] == talk.conversation.ticket_id != talk.ticket_id
    talk.reply("Між нами", notify=False)


def test_a_customer_who_unsubscribed_cannot_be_written_to_until_he_writes(desk: Desk) -> None:
    talk = Talk(desk)
    desk.wait(seconds=1)
    talk.phone.unsubscribe()
    answer = refused_whole(desk, talk)
    assert (answer.status, kind_of(answer)) == (409, "not-subscribed")
    desk.wait(seconds=1)
    talk.phone.write("Я передумала")
    talk.reply("Раді чути")


def test_a_disconnected_bot_cannot_answer(desk: Desk) -> None:
    talk = Talk(desk)
    assert desk.call("DELETE", f"/v1/bots/{desk.bot.bot_id}").status == 200
    answer = refused_whole(desk, talk)
    assert (answer.status, kind_of(answer)) == (409, "bot-disconnected")


def test_a_bot_whose_sending_stopped_cannot_answer(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("1")
    desk.faults({"refuse": 7})
    desk.work()
    answer = refused_whole(desk, talk)
    assert (answer.status, kind_of(answer)) == (409, "sending-stopped")
    assert answer.body["viber_status"] == 7
    assert viber.words(7) in answer.body["detail"]


def test_a_bot_without_free_messages_cannot_write_first(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("1")
    desk.faults({"refuse": 23})
    desk.work()
    desk.wait(hours=24)
    answer = refused_whole(desk, talk)
    assert (answer.status, kind_of(answer)) == (409, "free-messages-used")
    assert answer.body["until"] == "2026-12-01T00:00:00Z"


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "text", "text": "  "}, "parts[1].text"),
        ({"type": "text", "text": "ї" * 7001}, "parts[1].text"),
        ({"type": "picture", "media": "http://bakery.example/a.png"}, "parts[1].media"),
        ({"type": "picture", "media": "https://bakery.example/a.exe"}, "parts[1].media"),
        (
            {
                "type": "file",
                "media": "https://b.example/a.pdf",
                "file_name": "a.exe",
                "size_bytes": 1,
            },
            "parts[1].file_name",
        ),
        ({"type": "contact", "name": "Олена", "phone_number": "сорок"}, "parts[1].phone_number"),
        ({"type": "location", "lat": 91, "lon": 0}, "parts[1].lat"),
        ({"type": "sticker", "sticker_id": "кіт"}, "parts[1].sticker_id"),
        ({"type": "url", "media": "bakery"}, "parts[1].media"),
    ],
)
def test_a_part_that_viber_would_refuse_refuses_the_whole_reply_and_is_named(
    desk: Desk, part: dict[str, Any], field: str
) -> None:
    talk = Talk(desk)
    answer = refused_whole(desk, talk, "Гаразд", part, "Гаразд")
    assert (answer.status, answer.body["field"]) == (400, field)


def test_a_part_too_large_for_a_request_is_named(desk: Desk) -> None:
    talk = Talk(desk)
    button = {
        "ActionBody": "ї" * 250,
        "ActionType": "reply",
        "Text": "ї" * 250,
        "Columns": 6,
        "Rows": 1,
    }
    carousel = {
        "BgColor": "#FFFFFF",
        "ButtonsGroupColumns": 6,
        "ButtonsGroupRows": 7,
        "Buttons": [button] * 40,
    }
    answer = refused_whole(desk, talk, "Гаразд", {"type": "rich_media", "rich_media": carousel})
    assert (answer.status, answer.body["field"]) == (400, "parts[1]")
    assert "bytes of JSON" in answer.body["detail"]


@pytest.mark.parametrize("count", [0, 21])
def test_a_reply_has_one_to_twenty_parts(desk: Desk, count: int) -> None:
    talk = Talk(desk)
    before = everything()
    answer = desk.reply(talk.ticket_id, *["Так"] * count)
    assert (answer.status, answer.body["field"]) == (400, "parts")
    assert everything() == before


def test_a_ticket_that_is_not_there_takes_no_reply(desk: Desk) -> None:
    assert desk.reply("tkt_01ARZ3NDEKTSV4RRFFQ69G5FAV", "Є хто?").status == 404


# Once.


def test_the_same_key_and_reply_is_answered_as_the_first_time_and_sent_once(desk: Desk) -> None:
    talk = Talk(desk)
    first = desk.reply(talk.ticket_id, "1", "2", key=WISH)
    desk.work()
    again = desk.reply(talk.ticket_id, "1", "2", key=WISH)
    desk.work()
    assert (again.status, again.body) == (first.status, first.body)
    assert talk.heard == ["1", "2"]


def test_a_repeat_is_answered_even_where_a_new_reply_would_be_refused(desk: Desk) -> None:
    talk = Talk(desk)
    first = desk.reply(talk.ticket_id, "1", key=WISH)
    desk.call("DELETE", f"/v1/bots/{desk.bot.bot_id}")
    again = desk.reply(talk.ticket_id, "1", key=WISH)
    assert (again.status, again.body) == (202, first.body)


@pytest.mark.parametrize(
    "other",
    [
        lambda desk, mine, theirs: desk.reply(mine.ticket_id, "Ні", key=WISH),
        lambda desk, mine, theirs: desk.reply(mine.ticket_id, "Так", "Так", key=WISH),
        lambda desk, mine, theirs: desk.reply(mine.ticket_id, "Так", key=WISH, notify=False),
        lambda desk, mine, theirs: desk.reply(theirs.ticket_id, "Так", key=WISH),
    ],
    ids=["other words", "more parts", "a note", "another ticket"],
)
def test_the_same_key_with_another_request_is_refused(
    desk: Desk, other: Callable[[Desk, Talk, Talk], Answered]
) -> None:
    mine, theirs = Talk(desk, "Марічка"), Talk(desk, "Остап")
    mine.reply("Так", key=WISH)
    before = everything()
    answer = other(desk, mine, theirs)
    assert (answer.status, kind_of(answer)) == (422, "idempotency-key-reused")
    assert everything() == before


def test_a_note_is_repeated_no_more_than_a_reply(desk: Desk) -> None:
    talk = Talk(desk)
    assert talk.reply("Між нами", notify=False, key=WISH) == talk.reply(
        "Між нами", notify=False, key=WISH
    )
    assert len(desk.thread(talk.ticket_id)) == 2


@pytest.mark.parametrize("count", [1, 7])
def test_two_requests_with_one_key_at_once_are_one_reply(desk: Desk, count: int) -> None:
    talk = Talk(desk)
    together = threading.Barrier(2)
    texts = [str(number) for number in range(count)]
    answered: list[list[str]] = []
    running: list[errors.StillRunning] = []

    def ask() -> None:
        together.wait()
        try:
            answered.append(accept(talk, *texts))
        except errors.StillRunning as still:
            running.append(still)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answered) + len(running) == 2
    assert len({tuple(ids) for ids in answered}) == 1
    assert count > 5 or not running
    desk.work()
    assert talk.heard == texts


# Long replies: one decision, several steps.


@pytest.mark.parametrize("count", [6, 10, 11, 20])
def test_a_long_reply_is_heard_whole_and_in_order(desk: Desk, count: int) -> None:
    talk = Talk(desk)
    texts = [f"Частина {number}" for number in range(count)]
    talk.reply(*texts)
    desk.work()
    assert talk.heard == texts


def test_a_long_note_stays_inside(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply(*"1234567", notify=False)
    desk.work()
    assert talk.heard == []
    assert [message["kind"] for message in desk.thread(talk.ticket_id)[1:]] == ["note"] * 7


def test_a_long_reply_fits_however_long_its_words_are(desk: Desk) -> None:
    talk = Talk(desk)
    texts = [f"{number:02}" + "ї" * 6000 for number in range(20)]
    accept(talk, *texts)
    desk.work()
    assert talk.heard == texts


@pytest.mark.parametrize("count", [6, 20])
def test_a_long_reply_cut_short_is_still_running_for_a_while_and_then_resumed_by_its_key(
    desk: Desk, count: int
) -> None:
    talk = Talk(desk)
    texts = [str(number) for number in range(count)]
    cut_short(talk, *texts)
    answer = desk.reply(talk.ticket_id, *texts, key=WISH)
    assert (answer.status, kind_of(answer)) == (409, "still-running")
    desk.wait(seconds=31)
    assert len(accept(talk, *texts)) == count
    assert len(accept(talk, *texts)) == count
    desk.work()
    assert talk.heard == texts


def test_a_long_reply_cut_short_is_finished_by_the_schedule(desk: Desk) -> None:
    talk = Talk(desk)
    cut_short(talk, *"123456")
    assert settled(desk.now) == []
    desk.wait(seconds=61)
    assert settled(desk.now).count("accepted") == 1
    desk.work()
    assert talk.heard == list("123456")
    plan = store.get(FirstAnswer, f"{desk.account_id}/{WISH}")
    assert plan is not None
    assert plan.state == "done"
    assert not {"plan", "due_at", "due_shard"} & set(plan.to_dynamodb_dict())


def test_what_is_said_after_a_long_reply_cut_short_waits_for_it(desk: Desk) -> None:
    talk = Talk(desk)
    cut_short(talk, *"123456")
    talk.reply("7", "8")
    desk.work()
    assert talk.heard == []
    # The front door's clock runs on while the desk's stands.
    desk.wait(seconds=90)
    settled(desk.now)
    desk.work()
    assert talk.heard == list("12345678")


def test_a_long_reply_cut_short_after_its_first_messages_is_finished_once(desk: Desk) -> None:
    talk = Talk(desk)
    texts = [str(number) for number in range(15)]
    cut_short(talk, *texts, before_write=3)
    assert len(desk.thread(talk.ticket_id)) == 11
    desk.wait(seconds=61)
    settled(desk.now)
    settled(desk.now)
    desk.work()
    assert talk.heard == texts
