"""Sessions as people look for them: live with their counts of this moment, closed with a reason."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib import session_list, sessions, store, tables, tariffs
from chalicelib.tables import Bot, Session
from tests.desk import OPERATOR, Desk
from tests.faults import just_before_the_next_transaction
from tests.fixtures_accounts import everything
from tests.fixtures_paid import SESSION, business, entries, sessions_of
from tests.fixtures_talk import Talk, refused, taken, token_at

PRICE = {"amount": "0.15", "currency": "EUR"}
JOB = "expire_sessions"


@pytest.fixture
def paying(desk: Desk) -> Desk:
    """A desk whose bot has sessions."""
    business(desk)
    return desk


def listed(desk: Desk, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = desk.call("GET", f"/v1/sessions{query}", headers=headers)
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.body["items"]
    return found


def seen(desk: Desk, query: str = "") -> list[tuple[str, str, str | None]]:
    return [(each["contact_name"], each["state"], each["reason"]) for each in listed(desk, query)]


def opened(desk: Desk, name: str = "Марічка") -> Talk:
    talk = Talk(desk, name)
    talk.reply("Так")
    return talk


def state_of(desk: Desk) -> tuple[list[str], list[str]]:
    return [
        [f"{each['state']} {each['reason']}" for each in listed(desk, f"?view={view}")]
        for view in ("live", "closed")
    ]  # type: ignore[return-value]


@contextmanager
def counting(calls: list[str]) -> Iterator[None]:
    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    events = tables.connection.client.meta.events
    events.register("before-call.dynamodb", count)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", count)


# What is shown.


@pytest.mark.rule("S2.46")
def test_live_sessions_are_listed_waiting_and_open_with_their_counts_and_price(
    paying: Desk,
) -> None:
    Talk(paying, "Ніна")
    paying.wait(minutes=1)
    talk = opened(paying, "Остап")
    talk.reply("І ще", "І ще одне")
    newest, waiting = listed(paying)
    assert (newest["contact_name"], newest["state"], newest["reason"]) == ("Остап", "open", None)
    assert (newest["sent"], newest["sent_max"]) == (3, 60)
    assert (newest["unanswered"], newest["unanswered_max"]) == (3, 10)
    assert (newest["price"], newest["money"]) == (PRICE, "held")
    assert (newest["ticket_id"], newest["bot_id"]) == (talk.ticket_id, paying.bot.bot_id)
    assert (newest["policy_version"], newest["closed_at"]) == (1, None)
    assert (waiting["contact_name"], waiting["state"]) == ("Ніна", "waiting")
    assert (waiting["price"], waiting["money"], waiting["opened_at"]) == (None, "none", None)


@pytest.mark.rule("S2.42", "S2.46")
def test_closed_sessions_are_listed_with_their_reason(paying: Desk) -> None:
    Talk(paying, "Ніна")
    chatty = opened(paying, "Остап")
    for _ in range(10):
        chatty.reply("Агов")
    opened(paying, "Марічка")
    paying.wait(hours=24)
    paying.run(JOB)
    assert listed(paying) == []
    assert set(seen(paying, "?view=closed")) == {
        ("Ніна", "closed", "lapsed"),
        ("Остап", "closed", "unanswered"),
        ("Марічка", "closed", "expired"),
    }
    (expired,) = listed(paying, "?reason=expired")
    assert (expired["sent"], expired["price"], expired["money"]) == (1, PRICE, "held")
    assert expired["closed_at"] == expired["ends_at"]
    (lapsed,) = listed(paying, "?reason=lapsed")
    assert (lapsed["sent"], lapsed["price"], lapsed["money"]) == (0, None, "none")


@pytest.mark.rule("S2.46")
def test_sessions_are_searched_by_state_reason_bot_customer_and_begin(paying: Desk) -> None:
    first = Talk(paying, "Ніна")
    began = paying.now
    paying.wait(minutes=10)
    second = opened(paying, "Остап")
    assert [name for name, *_ in seen(paying)] == ["Остап", "Ніна"]
    assert [name for name, *_ in seen(paying, "?state=waiting")] == ["Ніна"]
    assert [name for name, *_ in seen(paying, "?state=open")] == ["Остап"]
    assert seen(paying, "?state=closed") == []
    assert len(seen(paying, f"?bot_id={paying.bot.bot_id}")) == 2
    assert seen(paying, "?bot_id=bot_01ARZ3NDEKTSV4RRFFQ69G5FAV") == []
    customer = second.phone.subscriber_id.replace("+", "%2B").replace("=", "%3D")
    assert [name for name, *_ in seen(paying, f"?subscriber_id={customer}")] == ["Остап"]
    at, later = (f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (began, began + timedelta(minutes=1)))
    assert [name for name, *_ in seen(paying, f"?begun_to={at}")] == ["Ніна"]
    assert [name for name, *_ in seen(paying, f"?begun_from={at}")] == ["Остап", "Ніна"]
    assert [name for name, *_ in seen(paying, f"?begun_from={later}")] == ["Остап"]
    assert seen(paying, f"?begun_from={later}&begun_to={later}") == []
    assert first.conversation.account_id == paying.account_id


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?view=all", "view"),
        ("?state=shut", "state"),
        ("?reason=tired", "reason"),
        ("?state=open&reason=expired", "reason"),
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?cursor=nonsense", "cursor"),
        ("?begun_from=yesterday", "begun_from"),
        ("?begun_from=2026-11-20T10:00:00", "begun_from"),
        ("?begun_from=2026-11-21T00:00:00Z&begun_to=2026-11-20T00:00:00Z", "begun_to"),
        ("?paid=yes", "paid"),
    ],
)
def test_a_wrong_question_is_refused_by_its_field(paying: Desk, query: str, field: str) -> None:
    answer = paying.call("GET", f"/v1/sessions{query}")
    assert (answer.status, answer.body["field"]) == (400, field)


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_time_bound_a_list_too(paying: Desk, end: str) -> None:
    Talk(paying)
    found = len(listed(paying, f"?begun_from={end}")) + len(listed(paying, f"?begun_to={end}"))
    assert found == 1


def test_a_free_window_is_no_session_to_look_for(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("Так")
    assert listed(desk) == []


def test_sessions_come_in_pages_and_a_foreign_cursor_opens_nothing(paying: Desk) -> None:
    for name in ("Ніна", "Остап", "Марічка"):
        Talk(paying, name)
        paying.wait(minutes=1)
    path = "/v1/sessions?limit=2"
    first = paying.call("GET", path).body
    second = paying.call("GET", f"{path}&cursor={first['next_cursor']}").body
    names = [each["contact_name"] for each in first["items"] + second["items"]]
    assert names == ["Марічка", "Остап", "Ніна"]
    for query in (
        f"?view=closed&cursor={first['next_cursor']}",
        f"?cursor={paying.call('GET', '/v1/people?limit=1').body['next_cursor']}",
    ):
        answer = paying.call("GET", f"/v1/sessions{query}")
        assert (answer.status, answer.body["field"]) == (400, "cursor")


def test_an_unchanged_list_is_not_sent_again(paying: Desk) -> None:
    opened(paying)
    answer = paying.call("GET", "/v1/sessions")
    etag = {"If-None-Match": answer.headers["ETag"]}
    assert paying.call("GET", "/v1/sessions", headers=etag).status == 304


def test_a_tickets_sessions_are_those_of_its_customer(paying: Desk) -> None:
    talk = opened(paying)
    opened(paying, "Остап")
    paying.wait(hours=25)
    paying.run(JOB)
    talk.phone.write("Це знову я")
    path = f"/v1/tickets/{talk.ticket_id}/sessions"
    found = paying.call("GET", path).body["items"]
    assert [(each["state"], each["reason"]) for each in found] == [
        ("waiting", None),
        ("closed", "expired"),
    ]
    assert paying.call("GET", "/v1/tickets/tkt_01ARZ3NDEKTSV4RRFFQ69G5FAV/sessions").status == 404


def test_a_page_is_one_query_and_of_live_ones_a_batch_read_beside(paying: Desk) -> None:
    for number in range(5):
        opened(paying, f"Остап {number}")
    paying.sign_in("olena@example.com")
    live, closed = session_list.Filters(), session_list.Filters(view="closed")
    for filters, expected in ((live, ["Query", "BatchGetItem"]), (closed, ["Query"])):
        calls: list[str] = []
        with counting(calls):
            session_list.listed(paying.account_id, filters, limit=200, cursor=None, now=paying.now)
        assert calls == expected


def test_more_conversations_than_a_batch_holds_are_read_in_several(paying: Desk) -> None:
    talk = Talk(paying)
    (kept,) = sessions_of(talk)
    conversation = talk.conversation
    for number in range(120):
        conversation.key = kept.key = f"{paying.bot.bot_id}/subscriber-{number}"
        begun_ms = talk.conversation.talk[5]
        kept.session_id = sessions.session_id(kept.key, begun_ms, 1)
        kept.item = f"session#{kept.session_id}"
        kept.shelf_order = f"{begun_ms:015}#{kept.session_id}"
        store.commit([store.Put(conversation), store.Put(kept)])
    calls: list[str] = []
    with counting(calls):
        found, _ = session_list.listed(
            paying.account_id, session_list.Filters(), limit=200, cursor=None, now=paying.now
        )
    assert len(found) == 121
    assert calls == ["Query", "BatchGetItem", "BatchGetItem"]


# As time goes by.


def test_what_is_over_is_not_shown_as_live_before_it_is_swept(paying: Desk) -> None:
    opened(paying)
    paying.wait(hours=23, minutes=59, seconds=59)
    assert len(listed(paying)) == 1
    paying.wait(seconds=1)
    assert listed(paying) == []
    path = f"/v1/tickets/{paying.tickets()[0]['ticket_id']}/sessions"
    assert paying.call("GET", path).body["items"] == []


@pytest.mark.rule("S2.29", "S2.41")
def test_the_schedule_closes_what_is_over_and_leaves_the_rest(paying: Desk) -> None:
    opened(paying, "Ніна")
    paying.wait(hours=12)
    opened(paying, "Остап")
    paying.wait(hours=12)
    paying.run(JOB)
    assert seen(paying) == [("Остап", "open", None)]
    assert seen(paying, "?view=closed") == [("Ніна", "closed", "expired")]
    before = everything()
    paying.run(JOB)
    assert everything() == before, "a second run finds nothing to do"


def test_nothing_due_costs_sixteen_queries_and_nothing_else(paying: Desk) -> None:
    for number in range(5):
        opened(paying, f"Остап {number}")
    calls: list[str] = []
    with counting(calls):
        paying.run(JOB)
    assert calls == ["Query"] * 16


@pytest.mark.rule("S2.25")
def test_an_unanswered_window_begins_again_by_the_schedule_at_its_last_text(
    paying: Desk,
) -> None:
    talk = Talk(paying)
    paying.wait(hours=10)
    talk.phone.write("Ви тут?")
    again_at = f"{paying.now:%Y-%m-%dT%H:%M:%SZ}"
    paying.wait(hours=14)
    paying.run(JOB)
    (live,) = listed(paying)
    assert (live["state"], live["begun_at"]) == ("waiting", again_at)
    assert live["contact_name"] == "Марічка"
    assert seen(paying, "?view=closed") == [("Марічка", "closed", "lapsed")]
    paying.wait(hours=10)
    paying.run(JOB)
    assert listed(paying) == []
    assert [reason for *_, reason in seen(paying, "?view=closed")] == ["lapsed", "lapsed"]


@pytest.mark.rule("S2.25")
def test_a_late_look_at_a_lapse_goes_by_the_policy_of_the_lapse(paying: Desk) -> None:
    talk = Talk(paying)
    paying.wait(hours=23)
    talk.phone.write("Ви тут?")
    paying.wait(hours=2)
    brief = replace(sessions.BUSINESS, window_seconds=3600)
    tariffs.make_policy(brief, None, by=OPERATOR, now=paying.now)
    # Versions made since keep in the book what was in force at the lapse.
    paying.wait(minutes=20)
    tariffs.make_policy(brief, None, by=OPERATOR, now=paying.now)
    paying.run(JOB)
    (live,) = listed(paying)
    assert live["state"] == "waiting"
    (kept,) = [each for each in sessions_of(talk) if each.state == "waiting"]
    assert (kept.policy_version, kept.ends_at - kept.begun_at) == (1, timedelta(hours=24))


def test_a_window_that_a_message_prolonged_is_noted_as_ending_later(paying: Desk) -> None:
    policy = replace(sessions.BUSINESS, anchor="last")
    tariffs.make_policy(policy, None, by=OPERATOR, now=paying.now)
    talk = opened(paying)
    paying.wait(hours=10)
    talk.phone.write("Дякую")
    paying.wait(hours=14)
    paying.run(JOB)
    (live,) = listed(paying)
    assert live["state"] == "open"
    (kept,) = sessions_of(talk)
    assert kept.due_at == kept.ends_at == paying.now + timedelta(hours=10)
    paying.wait(hours=10)
    paying.run(JOB)
    assert seen(paying, "?view=closed") == [("Марічка", "closed", "expired")]


@pytest.mark.rule("S2.9")
def test_a_waiting_session_is_gone_when_the_function_goes_off_and_a_paid_one_goes_on(
    paying: Desk,
) -> None:
    Talk(paying, "Ніна")
    opened(paying, "Остап")
    bot = Bot(bot_id=paying.bot.bot_id)
    off = [Bot.has_sessions.set(False), Bot.revision.set(Bot.revision + 1)]
    store.update(bot, off, Bot.bot_id.exists())
    assert seen(paying) == [("Остап", "open", None)]
    paying.wait(hours=24)
    paying.run(JOB)
    assert set(seen(paying, "?view=closed")) == {
        ("Ніна", "closed", "lapsed"),
        ("Остап", "closed", "expired"),
    }


def test_a_session_keeps_its_customers_name_through_renewal_and_undoing(paying: Desk) -> None:
    talk = opened(paying)
    for count in (*[5] * 11, 4):
        paying.wait(minutes=1)
        talk.phone.write("Так?")
        paying.wait(minutes=1)
        talk.reply(*["Так"] * count)
    paying.work()
    paying.wait(minutes=1)
    talk.phone.write("Точно?")
    (renewing,) = talk.reply("Точно")
    assert seen(paying) == [("Марічка", "open", None)]
    assert seen(paying, "?view=closed") == [("Марічка", "closed", "limit")]
    assert talk.send(renewing, refused(3)) == "failed"
    assert seen(paying) == [("Марічка", "open", None)]
    assert seen(paying, "?view=closed") == [("Марічка", "closed", "failed")]
    assert all(each.contact_name == "Марічка" for each in sessions_of(talk))


def test_the_schedule_moves_no_money_and_what_is_on_its_way_is_still_paid(paying: Desk) -> None:
    talk = Talk(paying)
    paying.wait(hours=23, minutes=59)
    (message_id,) = talk.reply("Так")
    paying.wait(minutes=1)
    paying.run(JOB)
    assert entries(paying, "session") == []
    assert talk.send(message_id, taken(token_at(paying.now))) == "sent"
    (entry,) = entries(paying, "session")
    assert entry.amount_micros == -SESSION
    (closed,) = listed(paying, "?view=closed")
    assert (closed["reason"], closed["money"]) == ("expired", "posted")


def test_a_message_that_comes_in_the_midst_of_the_schedule_is_not_lost(paying: Desk) -> None:
    talk = opened(paying)
    paying.wait(hours=24)
    due = list(session_list.due(paying.now))
    assert len(due) == 1
    with just_before_the_next_transaction(lambda: talk.phone.write("Це знову я")):
        done = session_list.expire(due[0], now=paying.now)
    assert done == "not due", "the message has closed the old one itself"
    assert [state for _, state, _ in seen(paying)] == ["waiting"]
    assert seen(paying, "?view=closed") == [("Марічка", "closed", "expired")]


def test_two_schedules_at_once_close_a_session_once(paying: Desk) -> None:
    talk = opened(paying)
    paying.wait(hours=24)
    (due,) = session_list.due(paying.now)
    with just_before_the_next_transaction(lambda: session_list.expire(due, now=paying.now)):
        assert session_list.expire(due, now=paying.now) == "not due"
    revision = talk.conversation.revision
    assert session_list.expire(due, now=paying.now) == "not due"
    assert talk.conversation.revision == revision
    assert len(seen(paying, "?view=closed")) == 1


def test_a_list_shows_no_session_of_another_account(
    new_desk: Callable[[], AbstractContextManager[Desk]],
) -> None:
    with new_desk() as desk:
        business(desk)
        opened(desk)
        key = f"{desk.bot.bot_id}/stranger"
        (own,) = listed(desk)
        foreign = Session(
            key=key,
            item="session#ses_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            shelf="acc_other#live",
            shelf_order="0",
            session_id="ses_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            account_id="acc_other",
            bot_id=desk.bot.bot_id,
            subscriber_id="stranger",
            state="open",
            begun_at=desk.now,
            ends_at=desk.now + timedelta(hours=24),
        )
        store.put(foreign)
        assert listed(desk) == [own]
