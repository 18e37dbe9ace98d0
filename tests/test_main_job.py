"""The main job: a message becomes a ticket, the answer reaches the phone."""

from tests.desk import Desk


def test_a_first_message_becomes_a_ticket_and_the_answer_reaches_the_phone(desk: Desk) -> None:
    phone = desk.phone("Марічка")
    phone.write("Чи є хліб? 🍞")
    (ticket,) = desk.tickets()
    assert ticket["subject"] == "Чи є хліб? 🍞"
    answer = desk.reply(ticket["ticket_id"], "Так, свіжий! 🥖")
    assert answer.status == 202, answer
    desk.work()
    thread = desk.thread(ticket["ticket_id"])
    assert [m["content"]["text"] for m in thread] == ["Чи є хліб? 🍞", "Так, свіжий! 🥖"]
    assert thread[1]["delivery"]["state"] == "delivered"
    phone.read()
    assert desk.thread(ticket["ticket_id"])[1]["delivery"]["state"] == "seen"
