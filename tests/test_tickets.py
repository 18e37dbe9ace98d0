"""Tickets as agents work them: the list, one ticket with its thread, status and assignee."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from chalicelib import bots, callbacks, conversations, errors, ids, people, store, tickets, viber
from chalicelib.tables import Bot, Contact, Conversation, Ticket
from demo.emulator.callbacks import to_json
from tests.desk import MADE_ON, OPERATOR, Desk, message_event
from tests.fixtures_accounts import everything

MISSING = "tkt_01ARZ3NDEKTSV4RRFFQ69G5FAV"


def put_ticket(desk: Desk, number: int, **told: Any) -> str:
    """Write a ticket as a customer's message would, some minutes ago."""
    at = desk.now - timedelta(minutes=number)
    status = told.get("status", "new")
    ticket_id = ids.caused("tkt", ids.to_ms(at), f"{number}")
    store.put(
        Ticket(
            key=conversations.ticket_key(desk.account_id, ticket_id),
            shelf=conversations.shelf(desk.account_id, status),
            shelf_order=conversations.shelf_order(at, ticket_id),
            ticket_id=ticket_id,
            account_id=desk.account_id,
            subscriber_id=f"subscriber {number}",
            contact_id="con_1",
            subject=f"Справа {number} 🗂",
            last_message_id=ids.caused("msg", ids.to_ms(at), f"{number}"),
            last_inbound_at=at,
            created_at=at,
            updated_at=at,
            **({"bot_id": desk.bot.bot_id, "status": status} | told),
        )
    )
    return ticket_id


def pages(desk: Desk, path: str, **how: Any) -> list[list[dict[str, Any]]]:
    """Turn over all pages of a list."""
    found, cursor = [], ""
    while True:
        answer = desk.call("GET", f"{path}&cursor={cursor}" if cursor else path, **how)
        assert answer.status == 200, answer
        found.append(answer.body["items"])
        cursor = answer.body["next_cursor"]
        if cursor is None:
            return found


def listed(desk: Desk, path: str, **how: Any) -> list[str]:
    return [each["ticket_id"] for page in pages(desk, path, **how) for each in page]


def talked(desk: Desk, *words: str) -> str:
    """Let a customer write; tell his ticket."""
    phone = desk.phone()
    for each in words:
        phone.write(each)
    return str(desk.tickets()[0]["ticket_id"])


# The list.


def test_the_list_is_in_the_order_of_the_subscribers_last_words(desk: Desk) -> None:
    first, second = desk.phone("Перша"), desk.phone("Друга")
    for phone in (first, second):
        phone.write("Раз")
        desk.wait(minutes=1)
    assert [each["contact_name"] for each in desk.tickets()] == ["Друга", "Перша"]
    first.write("Два")
    desk.wait(minutes=1)
    assert [each["contact_name"] for each in desk.tickets()] == ["Перша", "Друга"]
    behind = desk.tickets()[1]["ticket_id"]
    desk.reply(behind, "Відповідь")
    desk.reply(behind, "Нотатка", notify=False)
    desk.change(behind, assignee_id=None)
    assert [each["contact_name"] for each in desk.tickets()] == ["Перша", "Друга"]


def test_pages_follow_one_another_without_loss_or_repeat(desk: Desk) -> None:
    wanted = [put_ticket(desk, number) for number in range(120)]
    put_ticket(desk, 500, status="done")
    for limit, sizes in ((50, [50, 50, 20]), (7, [7] * 17 + [1])):
        found = pages(desk, f"/v1/tickets?limit={limit}")
        assert [len(page) for page in found if page] == sizes
        assert [each["ticket_id"] for page in found for each in page] == wanted


def test_a_page_goes_on_where_it_ended_though_the_list_has_moved(desk: Desk) -> None:
    wanted = [put_ticket(desk, number) for number in range(1, 21)]
    answer = desk.call("GET", "/v1/tickets?limit=10")
    desk.phone().write("Новий")
    seen = [each["ticket_id"] for each in answer.body["items"]]
    rest = f"/v1/tickets?limit=10&cursor={answer.body['next_cursor']}"
    assert seen + [each["ticket_id"] for each in desk.call("GET", rest).body["items"]] == wanted


FILTERS: list[tuple[str, Callable[[int], bool]]] = [
    ("status=accepted", lambda n: n % 4 == 1),
    ("status=done", lambda n: n % 4 == 2),
    ("view=inactive", lambda n: n % 4 in (2, 3)),
    ("view=inactive&status=new", lambda n: n % 4 == 0),
    ("bot_id=second", lambda n: n % 3 == 0 and n % 4 < 2),
    ("assignee_id=none", lambda n: n % 5 == 0 and n % 4 < 2),
    ("assignee_id=me", lambda n: n % 5 == 1 and n % 4 < 2),
    ("assignee_id=agent", lambda n: n % 5 > 1 and n % 4 < 2),
    ("bot_id=second&assignee_id=me", lambda n: n % 3 == 0 and n % 5 == 1 and n % 4 < 2),
    ("status=new&bot_id=second&assignee_id=none", lambda n: n % 60 == 0),
    ("bot_id=nobodys", lambda n: False),
]


def test_a_filter_gives_all_that_fits_it_and_nothing_else(desk: Desk) -> None:
    second = desk.viber.world.add_bot("Аптека")
    other = bots.connect(
        desk.account_id, second.key, made_on=MADE_ON, by=desk.actor, now=desk.now
    ).bot_id
    agent_id = desk.agent.person_id
    put = {
        number: put_ticket(
            desk,
            number,
            status=("new", "accepted", "done", "closed")[number % 4],
            bot_id=other if number % 3 == 0 else desk.bot.bot_id,
            assignee_id=(None, desk.admin.person_id, agent_id, agent_id, agent_id)[number % 5],
        )
        for number in range(120)
    }
    for query, fits in FILTERS:
        filled = query.replace("second", other).replace("=agent", f"={agent_id}")
        wanted = [ticket_id for number, ticket_id in put.items() if fits(number)]
        found = listed(desk, f"/v1/tickets?limit=25&{filled}")
        assert found == wanted, query
    mine = listed(desk, "/v1/tickets?limit=25&assignee_id=me", by="taras@example.com")
    assert mine == listed(desk, f"/v1/tickets?limit=25&assignee_id={agent_id}")


def test_a_filtered_page_may_be_empty_while_its_cursor_goes_on(desk: Desk) -> None:
    wanted = put_ticket(desk, 30, status="in_work")
    for number in range(30):
        put_ticket(desk, number)
    first = desk.call("GET", "/v1/tickets?limit=10&status=in_work").body
    assert (first["items"], first["next_cursor"] is None) == ([], False)
    assert listed(desk, "/v1/tickets?limit=10&status=in_work") == [wanted]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("view=bin", "view"),
        ("status=unset", "status"),
        ("status=відкритий", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=багато", "limit"),
        ("cursor=garbage", "cursor"),
        ("cursor=e30", "cursor"),
        ("colour=red", "colour"),
    ],
)
def test_a_query_that_cannot_be_is_refused_by_its_name(desk: Desk, query: str, field: str) -> None:
    answer = desk.call("GET", f"/v1/tickets?{query}")
    assert (answer.status, answer.body["field"]) == (400, field)


def test_another_list_s_cursor_is_refused(desk: Desk) -> None:
    for number in range(3):
        put_ticket(desk, number)
        put_ticket(desk, number + 10, status="done")
    cursor = desk.call("GET", "/v1/tickets?limit=1").body["next_cursor"]
    answer = desk.call("GET", f"/v1/tickets?view=inactive&cursor={cursor}")
    assert (answer.status, answer.body["field"]) == (400, "cursor")


def test_an_unchanged_list_is_told_by_its_etag_and_a_changed_one_anew(desk: Desk) -> None:
    ticket_id = talked(desk, "Раз")
    paths = ("/v1/tickets", f"/v1/tickets/{ticket_id}", f"/v1/tickets/{ticket_id}/messages")
    etags = {path: desk.call("GET", path).headers["ETag"] for path in paths}
    for path, etag in etags.items():
        same = desk.call("GET", path, headers={"If-None-Match": etag})
        assert (same.status, same.body, same.headers["ETag"]) == (304, b"", etag)
    desk.reply(ticket_id, "Так")
    for path, etag in etags.items():
        changed = desk.call("GET", path, headers={"If-None-Match": etag})
        assert changed.status == 200
        assert changed.headers["ETag"] != etag


# One ticket.


def test_a_ticket_is_shown_with_its_contact_its_talk_and_its_bot(desk: Desk) -> None:
    phone = desk.phone("Марічка", country="PL", language="pl-PL")
    phone.write("Раз")
    ticket_id = desk.tickets()[0]["ticket_id"]
    desk.wait(seconds=1)
    phone.unsubscribe()
    shown = desk.ticket(ticket_id)
    assert shown["bot"] == {
        "bot_id": desk.bot.bot_id,
        "name": "Пекарня",
        "state": "connected",
    }
    talk = shown["conversation"]
    assert (talk["is_current"], talk["current_ticket_id"]) == (True, ticket_id)
    assert (talk["is_subscribed"], talk["context"]) == (False, None)
    assert talk["last_inbound_at"] == shown["last_inbound_at"]
    assert (shown["contact"]["name"], shown["contact"]["country"]) == ("Марічка", "PL")


def test_what_another_account_has_is_as_unknown_as_what_does_not_exist(desk: Desk) -> None:
    ticket_id = talked(desk, "Таємниця")
    contact_id = desk.tickets()[0]["contact_id"]
    people.make_account(
        name="Сусід",
        admin_email="ivan@example.net",
        admin_name="Іван",
        time_zone="Europe/Kyiv",
        language="uk",
        by=OPERATOR,
        now=desk.now,
    )
    before = everything()
    for method, path, body in (
        ("GET", f"/v1/tickets/{ticket_id}", None),
        ("PATCH", f"/v1/tickets/{ticket_id}", {"status": "done"}),
        ("GET", f"/v1/tickets/{ticket_id}/messages", None),
        ("GET", f"/v1/contacts/{contact_id}", None),
    ):
        foreign = desk.call(method, path, body, by="ivan@example.net")
        unknown = path.replace(ticket_id, MISSING).replace(contact_id, f"con{MISSING[3:]}")
        missing = desk.call(method, unknown, body, by="ivan@example.net")
        assert (foreign.status, foreign.body) == (missing.status, missing.body)
        assert foreign.status == 404
    assert listed(desk, "/v1/tickets", by="ivan@example.net") == []
    assert {n: v for n, v in everything().items() if "tickets" in n} == {
        n: v for n, v in before.items() if "tickets" in n
    }


# Changing it.


def test_a_change_of_status_moves_the_ticket_to_its_view(desk: Desk) -> None:
    ticket_id = talked(desk, "Раз")
    for status in conversations.STATUSES:
        assert desk.change(ticket_id, status=status)["status"] == status
        view = "active" if status in conversations.ACTIVE else "inactive"
        for each in ("active", "inactive"):
            assert len(desk.tickets(f"?view={each}")) == (each == view)
        talk = store.get(
            Conversation,
            conversations.conversation_key(desk.bot.bot_id, _ticket(desk, ticket_id).subscriber_id),
            "conversation",
        )
        assert talk is not None
        assert talk.ticket_status == status


def _ticket(desk: Desk, ticket_id: str) -> Ticket:
    return tickets.get(desk.account_id, ticket_id)


def test_what_is_not_given_stays(desk: Desk) -> None:
    ticket_id = talked(desk, "Раз")
    agent_id = desk.agent.person_id
    told: dict[str, Any] = {"status": "new", "assignee_id": desk.admin.person_id, "is_unread": True}
    for change in (
        {"assignee_id": agent_id},
        {"is_unread": False},
        {"status": "accepted"},
        {"assignee_id": None},
        {"status": "done", "is_unread": True, "assignee_id": agent_id},
        {},
    ):
        told |= change
        changed = desk.change(ticket_id, **change)
        assert {name: changed[name] for name in told} == told
        assert desk.ticket(ticket_id).items() >= told.items()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": "open"}, "status"),
        ({"status": "unset"}, "status"),
        ({"status": "removed"}, "status"),
        ({"status": None}, "status"),
        ({"status": 7}, "status"),
        ({"assignee_id": "per_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "assignee_id"),
        ({"assignee_id": "unset"}, "assignee_id"),
        ({"assignee_id": "me"}, "assignee_id"),
        ({"assignee_id": ""}, "assignee_id"),
        ({"is_unread": None}, "is_unread"),
        ({"is_unread": "так"}, "is_unread"),
        ({"subject": "Інше"}, "subject"),
    ],
)
def test_a_change_that_cannot_be_is_refused_by_its_name_and_changes_nothing(
    desk: Desk, change: dict[str, Any], field: str
) -> None:
    ticket_id = talked(desk, "Раз")
    before = everything()
    answer = desk.call("PATCH", f"/v1/tickets/{ticket_id}", change)
    assert (answer.status, answer.body.get("field")) == (400, field)
    assert everything() == before


def test_a_person_of_another_account_or_who_has_left_is_given_no_ticket(desk: Desk) -> None:
    ticket_id = talked(desk, "Раз")
    other = people.make_account(
        name="Сусід",
        admin_email="ivan@example.net",
        admin_name="Іван",
        time_zone="Europe/Kyiv",
        language="uk",
        by=OPERATOR,
        now=desk.now,
    )
    foreigner = people.people(other.account_id, limit=10, cursor=None)[0][0]
    people.remove(desk.account_id, desk.agent.person_id, by=desk.actor, now=desk.now)
    for person_id in (foreigner.person_id, desk.agent.person_id):
        answer = desk.call("PATCH", f"/v1/tickets/{ticket_id}", {"assignee_id": person_id})
        assert (answer.status, answer.body["field"]) == (400, "assignee_id")
    assert desk.ticket(ticket_id)["assignee_id"] == desk.admin.person_id


def test_changes_side_by_side_lose_nothing(desk: Desk) -> None:
    phone = desk.phone()
    phone.write("Раз")
    ticket_id = desk.tickets()[0]["ticket_id"]
    agent_id, account_id = desk.agent.person_id, desk.account_id
    event = message_event(phone.subscriber_id, "Два", at=desk.now + timedelta(seconds=1), token=9)
    body = to_json(event)
    signature = viber.sign(body, desk.viber_bot.key)
    before = _ticket(desk, ticket_id)

    def change(**what: Any) -> Callable[[], object]:
        return lambda: tickets.change(account_id, ticket_id, **what, by=desk.actor, now=desk.now)

    with ThreadPoolExecutor(4) as pool:
        done = [
            pool.submit(each)
            for each in (
                change(status="accepted"),
                change(assignee_id=agent_id),
                change(is_unread=True),
                lambda: callbacks.receive(desk.bot.bot_id, body, signature, now=desk.now),
            )
        ]
        for each in done:
            each.result()
    desk.wait(minutes=1)
    desk.run("replay_callbacks")
    after = _ticket(desk, ticket_id)
    assert (after.status, after.assignee_id, after.is_unread) == ("accepted", agent_id, True)
    assert (after.preview, after.revision) == ("Два", before.revision + 4)
    assert [m["content"]["text"] for m in desk.thread(ticket_id)] == ["Раз", "Два"]


def test_the_same_change_by_many_at_once_ends_in_one_state(desk: Desk) -> None:
    phone = desk.phone()
    phone.write("Раз")
    ticket_id = desk.tickets()[0]["ticket_id"]

    def change(status: str) -> str:
        changed = tickets.change(
            desk.account_id, ticket_id, status=status, by=desk.actor, now=desk.now
        )
        return str(changed.status)

    wanted = ["done", "accepted", "deleted", "in_work"]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(change, wanted)) == wanted
    after = _ticket(desk, ticket_id)
    talk = store.get(Conversation, f"{desk.bot.bot_id}/{phone.subscriber_id}", "conversation")
    assert talk is not None
    assert talk.ticket_status == after.status
    assert after.shelf == conversations.shelf(desk.account_id, after.status)


# The thread.


def test_a_thread_is_read_newest_first_page_by_page(desk: Desk) -> None:
    phone = desk.phone()
    words = [f"Слово {number} 💬" for number in range(60)]
    for each in words:
        phone.write(each)
        desk.wait(milliseconds=250)
    ticket_id = desk.tickets()[0]["ticket_id"]
    path = f"/v1/tickets/{ticket_id}/messages?limit=25"
    found = [page for page in pages(desk, path) if page]
    assert [len(page) for page in found] == [25, 25, 10]
    told = [each for page in found for each in page]
    assert [each["content"]["text"] for each in told] == words[::-1]
    moments = [datetime.fromisoformat(each["at"]) for each in told]
    assert all(later >= sooner for later, sooner in pairwise(moments))
    assert len({each["message_id"] for each in told}) == 60


def test_a_thread_has_the_messages_of_its_own_ticket_only(desk: Desk) -> None:
    phone = desk.phone()
    opened = []
    for round_number in range(3):
        for word in ("а", "б"):
            phone.write(f"{word}{round_number}")
        ticket_id = desk.tickets()[0]["ticket_id"]
        desk.reply(ticket_id, f"в{round_number}")
        desk.reply(ticket_id, f"г{round_number}", notify=False)
        desk.change(ticket_id, status="done")
        opened.append(ticket_id)
        desk.wait(days=2)
        desk.tokens.clear()
    for number, ticket_id in enumerate(opened):
        path = f"/v1/tickets/{ticket_id}/messages?limit=3"
        said = [each["content"]["text"] for page in pages(desk, path) for each in page]
        assert said == [f"{word}{number}" for word in "гвба"]
        kinds = [each["kind"] for each in desk.thread(ticket_id)]
        assert kinds == ["inbound", "inbound", "outgoing", "note"]


def test_who_wrote_each_message_is_told(desk: Desk) -> None:
    ticket_id = talked(desk, "Раз")
    desk.reply(ticket_id, "Два")
    answer = desk.call("POST", "/v1/api-keys", {"name": "Сайт", "scopes": ["tickets:write"]})
    desk.call(
        "POST",
        f"/v1/tickets/{ticket_id}/messages",
        {"parts": [{"type": "text", "text": "Три"}]},
        by=answer.body["key"],
        headers={"Idempotency-Key": "програма"},
    )
    authors = [each["author"] for each in desk.thread(ticket_id)]
    assert [each["kind"] for each in authors] == ["subscriber", "person", "program"]
    assert authors[1] == {
        "kind": "person",
        "person_id": desk.admin.person_id,
        "name": "Олена",
    }
    assert authors[2]["name"] == "Сайт"


def test_everything_beside_a_ticket_is_there(desk: Desk) -> None:
    ticket_id = talked(desk, "Раз")
    opened = tickets.opened(desk.account_id, ticket_id)
    kinds = [type(each) for each in opened]
    assert kinds == [Ticket, Contact, Conversation, Bot]
    with pytest.raises(errors.NotFound):
        tickets.opened(desk.account_id, MISSING)
