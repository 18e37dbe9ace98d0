"""A reply on its way to the phone: what is heard, in whose name, in which order, once."""

from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import aws, queues
from tests.desk import Desk
from tests.faults import Line, Point
from tests.fixtures_talk import Carrier, Talk, settled, taken, worked
from tests.pump import received

PICTURE = {"type": "picture", "media": "https://bakery.example/хліб.png", "text": "Ось 📷"}
FILE = {
    "type": "file",
    "media": "https://bakery.example/menu.pdf",
    "file_name": "меню.pdf",
    "size_bytes": 20_480,
}
VIDEO = {"type": "video", "media": "https://bakery.example/oven.mp4", "size_bytes": 1_000_000}


# What the customer hears.


@pytest.mark.rule("S3.33")
def test_one_act_of_writing_with_a_mark_is_heard_or_stays_inside(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("Спитаю пекаря", notify=False)
    talk.reply("Хліб буде о восьмій", notify=True)
    desk.work()
    assert talk.heard == ["Хліб буде о восьмій"]
    _, note, answer = desk.thread(talk.ticket_id)
    assert (note["kind"], note["delivery"]) == ("note", None)
    assert (answer["kind"], answer["delivery"]["state"]) == ("outgoing", "delivered")
    assert note["author"] == answer["author"]


@pytest.mark.rule("S3.33")
def test_a_note_leaves_the_ticket_as_it_stands(desk: Desk) -> None:
    talk = Talk(desk)
    before = desk.tickets()[0]
    talk.reply("Між нами", notify=False)
    after = desk.tickets()[0]
    unchanged = ("status", "is_unread", "preview")
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert received("outgoing") == []


@pytest.mark.rule("S3.34", "S4.24")
def test_text_picture_and_file_of_a_reply_all_reach_the_phone(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("Наше меню:", PICTURE, FILE)
    desk.work()
    text, picture, file = talk.phone.heard
    assert (text["type"], text["text"]) == ("text", "Наше меню:")
    assert (picture["type"], picture["media"], picture["text"]) == tuple(PICTURE.values())
    assert (file["type"], file["media"]) == ("file", FILE["media"])
    assert (file["file_name"], file["size"]) == ("меню.pdf", 20_480)


@pytest.mark.rule("S4.25")
def test_a_reply_with_three_files_is_three_messages_in_order_each_with_its_own_state(
    desk: Desk,
) -> None:
    talk = Talk(desk)
    names = ["перше.pdf", "друге.pdf", "третє.pdf"]
    sent = talk.reply(*(FILE | {"file_name": name} for name in names))
    desk.faults({}, {"refuse": 3}, {})
    desk.work()
    assert [file["file_name"] for file in talk.phone.heard] == ["перше.pdf", "третє.pdf"]
    shown = desk.thread(talk.ticket_id)[1:]
    assert [message["message_id"] for message in shown] == sent
    assert [message["content"]["file_name"] for message in shown] == names
    states = [message["delivery"]["state"] for message in shown]
    assert states == ["delivered", "failed", "delivered"]


@pytest.mark.rule("S4.6")
def test_a_comment_a_picture_or_a_file_with_the_mark_is_sent_every_time(desk: Desk) -> None:
    talk = Talk(desk)
    for part in ("Коментар", PICTURE, FILE, VIDEO, "Коментар"):
        talk.reply(part)
        desk.work()
    heard = [content["type"] for content in talk.phone.heard]
    assert heard == ["text", "picture", "file", "video", "text"]


# In whose name.


@pytest.mark.rule("S3.23", "S4.32")
def test_with_the_option_on_the_customer_sees_the_employee_who_wrote(desk: Desk) -> None:
    talk = Talk(desk)
    changed = desk.call("PATCH", f"/v1/bots/{desk.bot.bot_id}", {"sends_as_employee": True})
    assert changed.status == 200
    talk.reply("Від Олени")
    answer = desk.call(
        "POST",
        f"/v1/tickets/{talk.ticket_id}/messages",
        {"parts": [{"type": "text", "text": "Від Тараса"}]},
        by=desk.agent.email,
        headers={"Idempotency-Key": "taras"},
    )
    assert answer.status == 202
    desk.work()
    names = {content["text"]: content["sender"]["name"] for content in talk.phone.heard}
    assert names == {"Від Олени": "Олена", "Від Тараса": "Тарас"}


@pytest.mark.rule("S3.24", "S4.31")
def test_with_the_option_off_the_customer_sees_the_bots_name(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("Вітаємо")
    desk.work()
    (content,) = talk.phone.heard
    assert content["sender"]["name"] == "Пекарня"


@pytest.mark.rule("S3.23")
def test_a_message_keeps_the_name_it_was_accepted_under(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("Ще від бота")
    desk.call("PATCH", f"/v1/bots/{desk.bot.bot_id}", {"sends_as_employee": True})
    desk.work()
    (content,) = talk.phone.heard
    assert content["sender"]["name"] == "Пекарня"


# What could not be delivered.


@pytest.mark.rule("S3.40")
@pytest.mark.parametrize(
    ("fault", "reason", "status"),
    [
        ({"refuse": 6}, "viber-refused", 6),
        ({"http": 400}, "viber-refused", None),
        ({"http": 429}, "viber-refused", 12),
        ({"fail_after": "no device"}, "failed-on-device", None),
    ],
)
def test_the_ticket_shows_that_a_message_failed_and_why(
    desk: Desk, fault: dict[str, Any], reason: str, status: int | None
) -> None:
    talk = Talk(desk)
    (sent,) = talk.reply("Чи чути?")
    desk.faults(fault)
    desk.work()
    told = talk.told(sent)
    assert (told["state"], told["reason"], told["viber_status"]) == ("failed", reason, status)
    assert told["words"]
    assert told["failed_at"] is not None
    assert told["delivered_at"] is None


# Order.


def test_two_agents_replies_keep_the_order_they_were_accepted_in(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("1", "2")
    talk.reply("3")
    talk.reply("4", "5")
    desk.work()
    assert talk.heard == list("12345")


def test_a_message_that_overtook_another_sends_that_one_first(desk: Desk) -> None:
    talk = Talk(desk)
    first, second = talk.reply("1", "2")
    (third,) = talk.reply("3")
    assert talk.message(third).before_id == second
    http = Carrier(taken(11), taken(12), taken(13))
    last = queues.Outgoing(talk.key, third, before_id=second)
    assert _sent(desk, last, http) == "sent"
    assert http.texts == ["1", "2", "3"]
    assert [talk.state(each) for each in (first, second, third)] == ["sent"] * 3


def test_a_failed_or_unknown_part_does_not_stop_those_after_it(desk: Desk) -> None:
    talk = Talk(desk)
    desk.faults({}, {"refuse": 3}, {"http": 500}, {})
    sent = talk.reply("1", "2", "3", "4")
    desk.work()
    assert talk.heard == ["1", "4"]
    assert [talk.state(each) for each in sent] == ["delivered", "failed", "unknown", "delivered"]


def test_replies_to_different_customers_do_not_wait_for_each_other(desk: Desk) -> None:
    mine, theirs = Talk(desk, "Марічка"), Talk(desk, "Остап")
    mine.reply("1")
    assert theirs.message(theirs.reply("2")[0]).before_id is None


def test_nobody_waits_for_what_is_no_longer_queued(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("1")
    desk.work()
    assert talk.message(talk.reply("2")[0]).before_id is None


def test_two_replies_of_one_millisecond_keep_their_order_in_the_thread(desk: Desk) -> None:
    talk = Talk(desk)
    sent = [talk.reply(text)[0] for text in "123456789"]
    assert sent == sorted(sent)


# The queue.


def _call_of(line: Line, name: str) -> int:
    return line.calls.index(name) + 1


def test_a_reply_that_the_queue_did_not_take_is_accepted_and_sent_a_minute_later(
    desk: Desk,
) -> None:
    talk, line = Talk(desk), Line()
    with line.between():
        with line.counting():
            talk.reply("1")
        desk.work()
        with line.counting(Point(_call_of(line, "SendMessageBatch"), "no answer before")):
            (lost,) = talk.reply("2")
    desk.work()
    assert talk.state(lost) == "queued"
    desk.wait(seconds=61)
    # A receipt that overtook Viber's answer leaves its message to be looked at once more.
    assert set(settled(desk.now)) - {"settled"} == {"queued again"}
    desk.work()
    assert talk.heard == ["1", "2"]


def test_a_queue_that_takes_a_reply_only_in_part_keeps_its_order(desk: Desk) -> None:
    talk, sqs = Talk(desk), aws.client("sqs")

    def without_the_first(params: dict[str, Any], **_: Any) -> None:
        params["Entries"] = params["Entries"][1:]

    sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", without_the_first)
    talk.reply("1", "2", "3")
    sqs.meta.events.unregister("provide-client-params.sqs.SendMessageBatch", without_the_first)
    desk.work()
    assert talk.heard == ["1", "2", "3"]


def test_a_refusal_of_the_queue_is_no_refusal_of_the_reply(desk: Desk) -> None:
    talk, sqs = Talk(desk), aws.client("sqs")

    def refusing(params: dict[str, Any], **_: Any) -> Any:
        entry = {"Id": "0", "Code": "InternalError", "SenderFault": False}
        return type("Ok", (), {"status_code": 200}), {"Failed": [entry], "ResponseMetadata": {}}

    sqs.meta.events.register("before-call.sqs.SendMessageBatch", refusing)
    (sent,) = talk.reply("1")
    sqs.meta.events.unregister("before-call.sqs.SendMessageBatch", refusing)
    assert talk.state(sent) == "queued"


def test_a_poisoned_item_stops_the_rest_of_its_own_group_and_no_other(desk: Desk) -> None:
    mine, theirs = Talk(desk, "Марічка"), Talk(desk, "Остап")
    mine.reply("1", "2")
    theirs.reply("3", "4")
    records = received("outgoing")
    poisoned, waiting, *others = records
    poisoned["body"] = '{"key": 1}'
    http = Carrier(taken(13), taken(14))
    assert worked(desk, records, http) == {poisoned["messageId"], waiting["messageId"]}
    assert http.texts == ["3", "4"]
    assert len(others) == 2


def test_what_there_is_no_time_left_for_goes_back_untouched(desk: Desk) -> None:
    talk = Talk(desk)
    sent = talk.reply("1", "2")
    records = received("outgoing")
    http = Carrier()
    failed = worked(desk, records, http, remaining_ms=15_000)
    assert failed == {record["messageId"] for record in records}
    assert http.carried == []
    assert [talk.state(each) for each in sent] == ["queued"] * 2


def test_those_that_go_before_a_message_are_sent_as_far_as_the_time_goes(desk: Desk) -> None:
    talk = Talk(desk)
    sent = talk.reply("1", "2", "3")
    *_, last = received("outgoing")
    left_ms = [45_000]

    def slow(number: int) -> tuple[int, bytes]:
        left_ms[0] -= 13_000
        return taken(number)

    http = Carrier(lambda: slow(21), lambda: slow(22))
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: left_ms[0])
    assert worked(desk, [last], http, context=context) == {last["messageId"]}
    assert http.texts == ["1", "2"]
    assert [talk.state(each) for each in sent] == ["sent", "sent", "queued"]

    assert worked(desk, [last], Carrier(taken(23))) == set()
    assert talk.state(sent[2]) == "sent"


def test_a_message_that_is_not_there_is_passed_over(desk: Desk) -> None:
    talk = Talk(desk)
    http = Carrier()
    assert _sent(desk, queues.Outgoing(talk.key, "msg_none"), http) == "failed"
    assert http.carried == []


def _sent(desk: Desk, wanted: queues.Outgoing, http: Carrier) -> str:
    from chalicelib import delivery

    return delivery.send(wanted, now=desk.now, http=http)
