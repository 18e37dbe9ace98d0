"""What a subscriber's message does to his talk, his contact and his ticket."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib import bots, callbacks, config, people, tables, viber
from chalicelib.audit import Actor
from chalicelib.conversations import ACTIVE, INACTIVE, STATUSES
from chalicelib.tables import Person
from demo.emulator.callbacks import to_json
from demo.emulator.media import avatar
from tests.desk import MADE_ON, Desk, message_event
from tests.fixtures_accounts import rows

SAMPLE = "/media/sample"


@contextmanager
def transactions_fail() -> Iterator[None]:
    """Let no transaction through, as a bug or an outage would."""
    events = tables.connection.client.meta.events

    def fail(**_: Any) -> None:
        raise RuntimeError("the transaction fails")

    events.register("before-call.dynamodb.TransactWriteItems", fail)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb.TransactWriteItems", fail)


def only_ticket(desk: Desk) -> dict[str, Any]:
    (ticket,) = desk.tickets()
    return ticket


def admin(desk: Desk, email: str, name: str) -> tuple[Person, Actor]:
    """Invite another admin, a minute after the last."""
    desk.wait(minutes=1)
    person = people.invite(
        desk.account_id, email=email, name=name, role="admin", by=desk.actor, now=desk.now
    )
    return person, Actor(person.person_id, person.name)


# The first message.


@pytest.mark.rule("S3.1")
@pytest.mark.rule("S4.3")
def test_what_customers_write_to_connected_bots_is_listed_as_tickets(desk: Desk) -> None:
    second = desk.viber.world.add_bot("Кав'ярня ☕", uri="kava")
    given = {"key": second.key, "made_on": "2023-11-30"}
    bot_id = desk.call("POST", "/v1/bots", given).body["bot_id"]
    desk.phone().write("Чи є хліб?")
    desk.wait(seconds=1)
    desk.viber.people.write(desk.phone("Остап").phone_id, "kava", {"type": "text", "text": "Кави!"})
    desk.viber.dispatcher.flush()
    listed = [(each["bot_id"], each["subject"], each["status"]) for each in desk.tickets()]
    assert listed == [(bot_id, "Кави!", "new"), (desk.bot.bot_id, "Чи є хліб?", "new")]


@pytest.mark.rule("S3.4")
def test_the_first_message_makes_the_contact_by_itself(desk: Desk) -> None:
    desk.phone("Юлія 🌻 Ґудзь", country="PL", language="pl-PL").write("Dzień dobry")
    ticket = only_ticket(desk)
    contact = desk.call("GET", f"/v1/contacts/{ticket['contact_id']}").body
    told = (contact["name"], contact["country"], contact["language"], contact["phone"])
    assert told == ("Юлія 🌻 Ґудзь", "PL", "pl-PL", None)
    assert ticket["contact_name"] == "Юлія 🌻 Ґудзь"


@pytest.mark.rule("S3.28")
@pytest.mark.rule("S4.17")
def test_the_first_message_is_the_ticket_s_text_and_its_sender_the_originator(desk: Desk) -> None:
    words = "Їжте хліб 🍞, Ґалю! 👩‍👩‍👧"
    desk.phone("Марічка").write(words)
    ticket = desk.ticket(only_ticket(desk)["ticket_id"])
    (message,) = desk.thread(ticket["ticket_id"])
    assert (ticket["subject"], message["content"]["text"]) == (words, words)
    assert ticket["preview"] == {"text": words, "type": "text", "kind": "inbound"}
    assert (message["kind"], message["author"]["kind"]) == ("inbound", "subscriber")
    assert ticket["contact"]["contact_id"] == ticket["contact_id"]
    assert ticket["contact"]["name"] == "Марічка"
    assert (ticket["description"], ticket["previous_ticket_id"]) == (None, None)
    assert (ticket["is_unread"], ticket["conversation"]["is_subscribed"]) == (True, True)


@pytest.mark.rule("S4.16")
def test_the_card_has_the_name_and_picture_that_viber_gives(desk: Desk) -> None:
    phone = desk.phone("Марічка")
    phone.write("Привіт")
    desk.work()
    contact = desk.ticket(only_ticket(desk)["ticket_id"])["contact"]
    assert contact["name"] == "Марічка"
    copied = desk.download(contact["avatar_file_id"])
    assert copied["Body"] == avatar(f"avatar-{phone.phone_id}")
    assert copied["ContentType"] == "image/png"


@pytest.mark.rule("S4.18")
def test_a_ticket_and_its_contact_come_together_or_not_at_all(desk: Desk) -> None:
    with transactions_fail():
        desk.phone("Марічка").write("Привіт")
    names = ("conversations", "tickets", "contacts")
    assert [rows(config.name_of(name)) for name in names] == [[], [], []]
    desk.wait(minutes=1)
    desk.run("replay_callbacks")
    ticket = desk.ticket(only_ticket(desk)["ticket_id"])
    assert (ticket["subject"], ticket["contact"]["name"]) == ("Привіт", "Марічка")
    assert [len(rows(config.name_of(name))) for name in names] == [2, 1, 1]


@pytest.mark.rule("S4.23")
def test_nobody_s_name_or_picture_is_needed_for_a_card(desk: Desk) -> None:
    desk.phone("", avatar="", country="", language="").write("Привіт")
    desk.work()
    ticket = desk.ticket(only_ticket(desk)["ticket_id"])
    contact = dict(ticket["contact"])
    assert contact.pop("contact_id") == ticket["contact_id"]
    assert set(contact.values()) == {None}
    assert ticket["contact_name"] is None


def test_a_picture_without_a_caption_has_a_ticket_that_tells_its_type(desk: Desk) -> None:
    desk.phone().write({"type": "picture", "media": f"{SAMPLE}/balcony.png", "text": ""})
    ticket = only_ticket(desk)
    assert (ticket["subject"], ticket["preview"]["type"]) == ("", "picture")


def test_a_card_follows_what_viber_tells_later(desk: Desk) -> None:
    phone = desk.phone("Марічка")
    phone.write("Раз")
    desk.work()
    ticket = desk.ticket(only_ticket(desk)["ticket_id"])
    first_avatar = ticket["contact"]["avatar_file_id"]
    picture = f"{desk.viber.url}/media/{desk.viber.media.add('нова.png', b'another picture')}"
    phone.set(name="Марія", avatar=picture)
    phone.write("Два")
    desk.work()
    ticket = desk.ticket(ticket["ticket_id"])
    assert (ticket["contact_name"], ticket["contact"]["name"]) == ("Марія", "Марія")
    assert ticket["contact"]["avatar_file_id"] != first_avatar
    assert desk.download(ticket["contact"]["avatar_file_id"])["Body"] == b"another picture"


def test_what_viber_keeps_from_us_later_erases_nothing(desk: Desk) -> None:
    phone = desk.phone("Марічка")
    phone.write("Раз")
    bare = message_event(phone.subscriber_id, "Два", at=desk.now, token=7, name=None)
    assert desk.callback(bare)[0] == 200
    ticket = only_ticket(desk)
    assert ticket["contact_name"] == "Марічка"
    desk.change(ticket["ticket_id"], status="done")
    desk.callback(message_event(phone.subscriber_id, "Три", at=desk.now, token=8, name=None))
    ticket = desk.ticket(only_ticket(desk)["ticket_id"])
    assert ticket["subject"] == "Три"
    assert (ticket["contact"]["name"], ticket["contact"]["country"]) == ("Марічка", "UA")
    assert ticket["contact_name"] == "Марічка"


# Who gets it.


@pytest.mark.rule("S3.30")
def test_where_nobody_is_set_the_admin_who_connected_the_bot_takes_the_ticket(desk: Desk) -> None:
    oksana, actor = admin(desk, "oksana@example.com", "Оксана")
    second = desk.viber.world.add_bot("Кав'ярня", uri="kava")
    bots.connect(desk.account_id, second.key, made_on=MADE_ON, by=actor, now=desk.now)
    phone = desk.phone()
    phone.write("До пекарні")
    desk.viber.people.write(phone.phone_id, "kava", {"type": "text", "text": "До кав'ярні"})
    desk.viber.dispatcher.flush()
    assignees = {each["subject"]: each["assignee_id"] for each in desk.tickets()}
    assert assignees == {"До пекарні": desk.admin.person_id, "До кав'ярні": oksana.person_id}


@pytest.mark.rule("S3.30")
def test_where_he_has_left_the_first_admin_takes_it(desk: Desk) -> None:
    second, actor = admin(desk, "oksana@example.com", "Оксана")
    admin(desk, "roman@example.com", "Роман")
    people.remove(desk.account_id, desk.admin.person_id, by=actor, now=desk.now)
    desk.phone().write("Привіт")
    (found, _) = people.people(desk.account_id, limit=10, cursor=None)
    assert {each.name for each in found} == {"Тарас", "Оксана", "Роман"}
    (row,) = rows(config.name_of("tickets"))
    assert row["assignee_id"] == {"S": second.person_id}


@pytest.mark.rule("S3.30")
def test_where_a_program_connected_the_bot_the_first_admin_takes_it(desk: Desk) -> None:
    admin(desk, "oksana@example.com", "Оксана")
    scopes = ["bots:write"]
    key = desk.call("POST", "/v1/api-keys", {"name": "Сайт", "scopes": scopes}).body["key"]
    second = desk.viber.world.add_bot("Кав'ярня", uri="kava")
    given = {"key": second.key, "made_on": "2023-11-30"}
    assert desk.call("POST", "/v1/bots", given, by=key).status == 201
    desk.viber.people.write(desk.phone().phone_id, "kava", {"type": "text", "text": "Кави"})
    desk.viber.dispatcher.flush()
    assert only_ticket(desk)["assignee_id"] == desk.admin.person_id


def test_a_set_assignee_who_has_left_is_replaced_by_who_connected_the_bot(desk: Desk) -> None:
    desk.set_bot(assignee_id=desk.agent.person_id)
    people.remove(desk.account_id, desk.agent.person_id, by=desk.actor, now=desk.now)
    desk.phone().write("Привіт")
    assert only_ticket(desk)["assignee_id"] == desk.admin.person_id


@pytest.mark.rule("S3.31")
def test_the_bot_s_participants_join_the_ticket(desk: Desk) -> None:
    oksana, _ = admin(desk, "oksana@example.com", "Оксана")
    wanted = [desk.agent.person_id, oksana.person_id]
    desk.set_bot(participant_ids=wanted)
    desk.phone().write("Привіт")
    ticket = only_ticket(desk)
    assert ticket["participant_ids"] == wanted
    assert ticket["assignee_id"] == desk.admin.person_id


# What follows.


@pytest.mark.rule("S3.32")
@pytest.mark.rule("S4.20")
def test_what_the_subscriber_writes_later_joins_his_ticket_in_order(desk: Desk) -> None:
    phone, words = desk.phone(), ["Добрий день", "Є чорний?", "🍞", "Чекаю"]
    for each in words:
        phone.write(each)
        desk.wait(seconds=7)
    ticket = only_ticket(desk)
    thread = desk.thread(ticket["ticket_id"])
    assert [each["content"]["text"] for each in thread] == words
    assert len({each["message_id"] for each in thread}) == len(words)
    assert (ticket["subject"], ticket["preview"]["text"]) == ("Добрий день", "Чекаю")


CONTENTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "text", "text": "Ось 👇"}, {"text": "Ось 👇"}),
    ({"type": "picture", "media": f"{SAMPLE}/balcony.png", "text": "Балкон"}, {"text": "Балкон"}),
    (
        {"type": "video", "media": f"{SAMPLE}/clip.mp4", "size": 2032, "duration": 4},
        {"size_bytes": 2032, "duration_seconds": 4},
    ),
    (
        {"type": "file", "media": f"{SAMPLE}/замовлення.txt", "size": 9, "file_name": "звіт.txt"},
        {"file_name": "звіт.txt", "size_bytes": 9},
    ),
    ({"type": "location", "location": {"lat": 50.4501, "lon": 30.5234}}, {"lat": 50.4501}),
    (
        {"type": "contact", "contact": {"name": "Іван", "phone_number": "380671234567"}},
        {"name": "Іван", "phone_number": "380671234567"},
    ),
    ({"type": "sticker", "sticker_id": 46105}, {"sticker_id": "46105"}),
    ({"type": "url", "media": "https://example.com/хліб"}, {"media": "https://example.com/хліб"}),
]


@pytest.mark.rule("S4.4")
@pytest.mark.rule("S4.21")
def test_whatever_kind_of_content_it_is_it_is_a_message_of_its_own(desk: Desk) -> None:
    phone = desk.phone()
    for sent, _ in CONTENTS:
        phone.write(sent)
    desk.work()
    thread = desk.thread(only_ticket(desk)["ticket_id"])
    assert [each["content"]["type"] for each in thread] == [sent["type"] for sent, _ in CONTENTS]
    for message, (sent, told) in zip(thread, CONTENTS, strict=True):
        assert told.items() <= message["content"].items()
        state = message["file"] and message["file"]["state"]
        assert state == ("ready" if sent["type"] in ("picture", "video", "file") else None)


# Which ticket.


@pytest.mark.rule("S3.20")
@pytest.mark.rule("S3.21")
@pytest.mark.rule("S4.28")
@pytest.mark.parametrize("status", INACTIVE)
def test_with_the_option_on_an_inactive_ticket_is_followed_by_another(
    desk: Desk, status: str
) -> None:
    phone = desk.phone()
    phone.write("Раз")
    old = only_ticket(desk)
    desk.change(old["ticket_id"], status=status)
    phone.write("Два")
    new = only_ticket(desk)
    assert new["ticket_id"] != old["ticket_id"]
    assert (new["status"], new["subject"]) == ("new", "Два")
    assert new["description"] == f"{config.public_url()}/console#/tickets/{old['ticket_id']}"
    assert new["previous_ticket_id"] == old["ticket_id"]
    assert new["contact_id"] == old["contact_id"]
    before = desk.ticket(old["ticket_id"])
    assert (before["status"], before["subject"]) == (status, "Раз")
    assert before["conversation"]["is_current"] is False
    assert before["conversation"]["current_ticket_id"] == new["ticket_id"]
    for ticket, said in ((old, "Раз"), (new, "Два")):
        assert [m["content"]["text"] for m in desk.thread(ticket["ticket_id"])] == [said]


@pytest.mark.rule("S3.22")
@pytest.mark.rule("S4.26")
def test_with_the_option_on_each_active_status_lets_a_message_join(desk: Desk) -> None:
    for status in ACTIVE:
        phone = desk.phone(status)
        phone.write("Раз")
        (ticket,) = [each for each in desk.tickets() if each["contact_name"] == status]
        desk.change(ticket["ticket_id"], status=status)
        phone.write("Два")
        assert [m["content"]["text"] for m in desk.thread(ticket["ticket_id"])] == ["Раз", "Два"]
    assert len(desk.tickets()) == len(ACTIVE)


@pytest.mark.rule("S4.29")
def test_with_the_option_off_the_ticket_takes_all_and_comes_back_to_sight(desk: Desk) -> None:
    desk.set_bot(opens_new_ticket=False)
    for status in STATUSES:
        phone = desk.phone(status)
        phone.write("Раз")
        (ticket,) = [each for each in desk.tickets() if each["contact_name"] == status]
        desk.change(ticket["ticket_id"], status=status, is_unread=False)
        desk.wait(seconds=1)
        phone.write("Два")
        first = desk.tickets()[0]
        assert (first["ticket_id"], first["is_unread"]) == (ticket["ticket_id"], True)
        assert first["status"] in ACTIVE
        assert first["preview"]["text"] == "Два"
        assert [m["content"]["text"] for m in desk.thread(ticket["ticket_id"])] == ["Раз", "Два"]
    assert len(desk.tickets()) == len(STATUSES)
    assert desk.tickets("?view=inactive") == []


@pytest.mark.rule("S3.38")
def test_somebody_is_who_his_viber_id_says_for_that_bot_and_not_his_name(desk: Desk) -> None:
    second = desk.viber.world.add_bot("Кав'ярня", uri="kava")
    bots.connect(desk.account_id, second.key, made_on=MADE_ON, by=desk.actor, now=desk.now)
    phone, namesake = desk.phone("Іван"), desk.phone("Іван")
    phone.write("Я Іван")
    namesake.write("І я Іван")
    desk.viber.people.write(phone.phone_id, "kava", {"type": "text", "text": "Кави!"})
    desk.viber.dispatcher.flush()
    listed = desk.tickets()
    assert {each["contact_name"] for each in listed} == {"Іван"}
    assert len({each["ticket_id"] for each in listed}) == 3
    assert len({each["contact_id"] for each in listed}) == 3


@pytest.mark.rule("S3.42")
def test_no_ticket_becomes_active_beside_the_one_the_talk_goes_on_in(desk: Desk) -> None:
    phone = desk.phone()
    phone.write("Раз")
    old = only_ticket(desk)
    desk.change(old["ticket_id"], status="done")
    phone.write("Два")
    new = only_ticket(desk)
    for status in ACTIVE:
        answer = desk.call("PATCH", f"/v1/tickets/{old['ticket_id']}", {"status": status})
        assert (answer.status, answer.body["type"].rpartition("/")[2]) == (409, "not-current")
        assert answer.body["current_ticket_id"] == new["ticket_id"]
    assert only_ticket(desk)["ticket_id"] == new["ticket_id"]
    assert desk.change(old["ticket_id"], status="closed")["status"] == "closed"
    phone.write("Три")
    assert [m["content"]["text"] for m in desk.thread(new["ticket_id"])] == ["Два", "Три"]


def test_the_last_ticket_of_a_talk_may_be_opened_again(desk: Desk) -> None:
    phone = desk.phone()
    phone.write("Раз")
    ticket_id = only_ticket(desk)["ticket_id"]
    for status in INACTIVE:
        desk.change(ticket_id, status=status)
        desk.change(ticket_id, status="accepted")
        phone.write("Ще")
        assert only_ticket(desk)["ticket_id"] == ticket_id


@pytest.mark.rule("S3.42")
def test_first_messages_side_by_side_make_one_ticket_that_has_them_all(desk: Desk) -> None:
    phone = desk.phone()
    words = [f"Слово {number}" for number in range(8)]
    bodies = [
        to_json(message_event(phone.subscriber_id, each, at=desk.now, token=number + 1))
        for number, each in enumerate(words)
    ]

    def post(body: bytes) -> int:
        signature = viber.sign(body, desk.viber_bot.key)
        return callbacks.receive(desk.bot.bot_id, body, signature, now=desk.now).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, bodies)) == {200}
    # Who lost too many races was kept, and is tried again.
    for _ in range(2):
        desk.wait(minutes=5)
        desk.run("replay_callbacks")
    thread = desk.thread(only_ticket(desk)["ticket_id"])
    assert [each["content"]["text"] for each in thread] == words
    assert len(rows(config.name_of("contacts"))) == 1
    assert len(rows(config.name_of("tickets"))) == 1


@pytest.mark.rule("S3.45")
def test_a_reply_makes_the_ticket_await_an_answer_and_the_customer_s_puts_it_in_work(
    desk: Desk,
) -> None:
    phone = desk.phone()
    phone.write("Чи є хліб?")
    ticket_id = only_ticket(desk)["ticket_id"]
    phone.write("Агов")
    assert desk.ticket(ticket_id)["status"] == "new"
    desk.reply(ticket_id, "спитати пекаря", notify=False)
    assert desk.ticket(ticket_id)["status"] == "new"
    desk.reply(ticket_id, "Так")
    assert desk.ticket(ticket_id)["status"] == "awaiting_answer"
    phone.write("Дякую")
    assert desk.ticket(ticket_id)["status"] == "in_work"
    desk.reply(ticket_id, "Прошу")
    assert desk.ticket(ticket_id)["status"] == "awaiting_answer"


@pytest.mark.rule("S4.34")
def test_a_changed_setting_counts_from_the_next_message_on(desk: Desk) -> None:
    phone = desk.phone()
    phone.write("Раз")
    first = only_ticket(desk)
    agent_id = desk.agent.person_id
    desk.set_bot(assignee_id=agent_id, participant_ids=[desk.admin.person_id])
    assert only_ticket(desk) == first
    desk.change(first["ticket_id"], status="done")
    phone.write("Два")
    second = only_ticket(desk)
    assert (second["assignee_id"], second["participant_ids"]) == (agent_id, [desk.admin.person_id])
    past = desk.ticket(first["ticket_id"])
    assert (past["assignee_id"], past["participant_ids"]) == (desk.admin.person_id, [])
    desk.set_bot(opens_new_ticket=False, assignee_id=None)
    desk.change(second["ticket_id"], status="done")
    phone.write("Три")
    assert only_ticket(desk)["ticket_id"] == second["ticket_id"]
    assert only_ticket(desk)["assignee_id"] == agent_id
    desk.set_bot(opens_new_ticket=True)
    desk.change(second["ticket_id"], status="closed")
    phone.write("Чотири")
    assert only_ticket(desk)["assignee_id"] == desk.admin.person_id
