"""A session's money: held when it opens, spent when Viber takes a reply, never twice."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import ids, store
from chalicelib.conversations import message_item
from chalicelib.tables import Difference, Message, Session
from chalicelib.viber import NoAnswer
from tests.desk import Desk
from tests.faults import just_before_the_next_transaction
from tests.fixtures_paid import SESSION, UA, business, entries, money_of, sessions_of
from tests.fixtures_talk import (
    Script,
    Talk,
    cut_short,
    lose_what_is_queued,
    refused,
    settled,
    taken,
    token_at,
)

FULL = 10_000_000
NUMBERS = itertools.count(1)


@pytest.fixture
def talk(desk: Desk) -> Talk:
    business(desk)
    return Talk(desk)


def sent(talk: Talk, message_id: str) -> int:
    token = token_at(talk.desk.now, number=next(NUMBERS))
    assert talk.send(message_id, taken(token, billing_status=2)) == "sent"
    return token


def say(talk: Talk, count: int) -> list[str]:
    """Say so many things, one reply each, and let Viber take them."""
    said = []
    for number in range(count):
        (message_id,) = talk.reply(f"{number}")
        sent(talk, message_id)
        said.append(message_id)
    return said


def answer(talk: Talk) -> None:
    """Let the customer write, a little after what was said."""
    talk.desk.wait(minutes=1)
    talk.phone.write("Так")


def seen(talk: Talk) -> list[tuple[str, str | None, str, int]]:
    return [(s.state, s.reason, s.money, s.price_micros) for s in sessions_of(talk)]


@pytest.mark.rule("S2.18", "S2.22", "S2.23", "S1.44")
def test_a_session_waits_opens_with_the_first_reply_and_is_paid_once_viber_takes_it(
    talk: Talk,
) -> None:
    assert seen(talk) == [("waiting", None, "none", 0)]
    assert money_of(talk.desk) == (FULL, 0)
    (message_id,) = talk.reply("Добрий день")
    assert seen(talk) == [("open", None, "held", SESSION)]
    assert money_of(talk.desk) == (FULL - SESSION, SESSION)
    token = sent(talk, message_id)
    assert seen(talk) == [("open", None, "posted", SESSION)]
    assert money_of(talk.desk) == (FULL - SESSION, 0)
    talk.receipt("delivered", token)
    say(talk, 3)
    assert money_of(talk.desk) == (FULL - SESSION, 0)
    assert {e.kind for e in entries(talk.desk)} == {"top-up", "session"}


@pytest.mark.rule("S2.26")
def test_of_two_first_replies_only_one_opens_and_pays(talk: Talk) -> None:
    first, second = talk.reply("Раз"), talk.reply("Два")
    assert money_of(talk.desk) == (FULL - SESSION, SESSION)
    sent(talk, first[0])
    sent(talk, second[0])
    assert money_of(talk.desk) == (FULL - SESSION, 0)
    assert len(entries(talk.desk, "session")) == 1


@pytest.mark.rule("S2.43")
@pytest.mark.parametrize("how", ["refused", "failed on the phone", "unknown for 15 days"])
def test_a_session_that_only_failed_replies_opened_costs_nothing_and_waits_again(
    talk: Talk, how: str
) -> None:
    (first,) = talk.reply("Добрий день")
    before = sessions_of(talk)[0]
    if how == "refused":
        assert talk.send(first, refused(5)) == "failed"
    elif how == "failed on the phone":
        talk.receipt("failed", sent(talk, first))
    else:
        assert talk.send(first, NoAnswer("lost")) == "unknown"
        settled(talk.desk.now + timedelta(days=15, hours=5))
    assert money_of(talk.desk) == (FULL, 0)
    by_id = {session.session_id: session for session in sessions_of(talk)}
    old = by_id.pop(before.session_id)
    assert (old.state, old.reason) == ("closed", "failed")
    if how != "unknown for 15 days":
        (new,) = by_id.values()
        assert (new.state, new.begun_at) == ("waiting", before.begun_at)
        talk.reply("Ще раз")
        assert money_of(talk.desk) == (FULL - SESSION, SESSION)
    booked = {"failed on the phone": {"session", "session-returned"}}.get(how, set())
    assert {e.kind for e in entries(talk.desk)} == {"top-up"} | booked


def test_what_a_customer_dates_ahead_is_not_read_when_a_reply_fails(talk: Talk) -> None:
    (first,) = talk.reply("Добрий день")
    ahead = talk.desk.now + timedelta(days=3650)
    with Message.batch_write() as batch:
        for number in range(301):
            message_id = ids.caused("msg", ids.to_ms(ahead), f"{number}")
            batch.save(
                Message(
                    key=talk.key,
                    item=message_item(message_id),
                    message_id=message_id,
                    account_id=talk.desk.account_id,
                    kind="inbound",
                    ticket_id=talk.ticket_id,
                    content="{}",
                    at=ahead,
                    received_at=talk.desk.now,
                )
            )
    with Script("Query") as script:
        assert talk.send(first, refused(5)) == "failed"
    assert len(script.calls) == 1
    assert money_of(talk.desk) == (FULL, 0)


def test_one_taken_reply_keeps_a_session_paid_whatever_the_others_do(talk: Talk) -> None:
    first, second = talk.reply("Раз", "Два")
    token = sent(talk, first)
    talk.receipt("failed", token)
    assert money_of(talk.desk) == (FULL - SESSION, 0)
    other = sent(talk, second)
    talk.receipt("delivered", other)
    assert money_of(talk.desk) == (FULL - SESSION, 0)
    assert [s.state for s in sessions_of(talk)] == ["open"]


@pytest.mark.rule("S2.31", "S2.32", "S2.33")
def test_the_61st_message_renews_and_is_taken_back_if_it_fails(talk: Talk) -> None:
    for _ in range(6):
        say(talk, 10)
        answer(talk)
    assert money_of(talk.desk) == (FULL - SESSION, 0)
    (renewing,) = talk.reply("61")
    assert [(s.state, s.reason) for s in sessions_of(talk)] == [
        ("closed", "limit"),
        ("open", None),
    ]
    assert money_of(talk.desk) == (FULL - 2 * SESSION, SESSION)
    assert talk.send(renewing, refused(12)) == "failed"
    assert money_of(talk.desk) == (FULL - SESSION, 0)
    old, new = sessions_of(talk)
    assert (old.state, old.sent, old.money) == ("open", 60, "posted")
    assert (new.state, new.reason, new.money) == ("closed", "failed", "voided")
    say(talk, 1)
    assert money_of(talk.desk) == (FULL - 2 * SESSION, 0)


@pytest.mark.rule("S2.36", "S2.37", "S2.39")
def test_the_11th_unanswered_closes_costs_the_normal_price_and_is_undone_if_it_fails(
    talk: Talk,
) -> None:
    say(talk, 10)
    (eleventh,) = talk.reply("11")
    assert seen(talk) == [("closed", "unanswered", "posted", SESSION)]
    assert money_of(talk.desk) == (FULL - SESSION - UA, UA)
    assert talk.send(eleventh, refused(12)) == "failed"
    assert seen(talk) == [("open", None, "posted", SESSION)]
    assert money_of(talk.desk) == (FULL - SESSION, 0)
    (again,) = talk.reply("11")
    sent_token = token_at(talk.desk.now, 999)
    talk.send(again, taken(sent_token, billing_status=5))
    talk.receipt("delivered", sent_token)
    assert money_of(talk.desk) == (FULL - SESSION - UA, 0)
    answer(talk)
    assert [s.state for s in sessions_of(talk)] == ["closed", "waiting"]


@pytest.mark.rule("S2.12", "S2.13")
def test_a_type_that_sessions_do_not_carry_is_refused_whole(talk: Talk) -> None:
    location = {"type": "location", "lat": 50.4, "lon": 30.5}
    answer = talk.desk.reply(talk.ticket_id, "Ми тут", location)
    assert answer.status == 400, answer
    assert answer.body["field"] == "parts[1].type"
    assert money_of(talk.desk) == (FULL, 0)
    assert seen(talk) == [("waiting", None, "none", 0)]
    assert talk.heard == []


@pytest.mark.rule("S2.27")
def test_a_session_that_cannot_be_paid_is_not_opened(desk: Desk) -> None:
    business(desk, euros=0)
    talk = Talk(desk)
    answer = desk.reply(talk.ticket_id, "Добрий день")
    assert answer.body["type"].endswith("/insufficient-funds")
    assert seen(talk) == [("waiting", None, "none", 0)]
    desk.top_up(1)
    assert desk.reply(talk.ticket_id, "Добрий день").status == 202


@pytest.mark.rule("S2.9", "S2.6")
def test_with_sessions_off_every_message_pays_the_normal_price(desk: Desk) -> None:
    business(desk, has_sessions=False)
    talk = Talk(desk)
    talk.reply("Добрий день")
    assert sessions_of(talk) == []
    assert money_of(desk) == (FULL - UA, UA)


@pytest.mark.rule("S2.50")
def test_a_long_reply_across_the_limits_is_priced_whole(talk: Talk) -> None:
    for _ in range(5):
        say(talk, 10)
        answer(talk)
    say(talk, 8)
    answer(talk)
    messages = talk.reply(*[str(number) for number in range(5)])
    kinds = [kind_of(talk, message_id) for message_id in messages]
    assert kinds == ["in-session", "in-session", "renews-session", "in-session", "in-session"]
    assert money_of(talk.desk) == (FULL - 2 * SESSION, SESSION)
    talk.desk.work()
    assert money_of(talk.desk) == (FULL - 2 * SESSION, 0)
    assert len(talk.heard) == 5


def kind_of(talk: Talk, message_id: str) -> Any:
    return talk.message(message_id).price_kind


@pytest.mark.rule("S2.24", "S2.29")
def test_a_picture_starts_nothing_and_a_reply_to_it_costs_the_normal_price(desk: Desk) -> None:
    business(desk)
    phone = desk.phone("Остап")
    media = desk.viber.media.add("хліб.png", b"\x89PNG not quite")
    phone.write({"type": "picture", "text": "", "media": f"/media/{media}"})
    (ticket,) = desk.tickets()
    assert desk.reply(ticket["ticket_id"], "Бачу").status == 202
    assert money_of(desk) == (FULL - UA, UA)
    assert all_sessions(desk) == []


def all_sessions(desk: Desk) -> list[Session]:

    shelf = f"{desk.account_id}#live"
    return store.page(Session, shelf, limit=50, index="shelf")[0]


def test_what_arrives_after_its_session_went_back_is_listed(talk: Talk) -> None:
    (first,) = talk.reply("Добрий день")
    token = sent(talk, first)
    talk.receipt("failed", token)
    assert money_of(talk.desk) == (FULL, 0)
    talk.receipt("delivered", token)
    talk.receipt("delivered", token)
    talk.receipt("seen", token)
    assert talk.state(first) == "seen"
    assert money_of(talk.desk) == (FULL, 0)
    listed, _ = store.page(
        Difference, talk.desk.account_id, Difference.item.startswith("difference#"), limit=9
    )
    assert [(d.kind, d.facts["session_micros"]) for d in listed] == [("delivered-unpaid", SESSION)]


def finished_and_sent(talk: Talk) -> list[str]:
    """Let the schedule finish a long reply, and send all that was said after the first answer."""
    talk.desk.wait(minutes=2)
    settled(talk.desk.now)
    parts = [each["message_id"] for each in talk.desk.thread(talk.ticket_id)][2:]
    for part in parts:
        sent(talk, part)
    return parts


def test_a_failure_beside_a_long_reply_that_is_not_written_yet_leaves_the_session(
    talk: Talk,
) -> None:
    (first,) = talk.reply("Добрий день")
    lose_what_is_queued()
    cut_short(talk, *(f"Частина {n}" for n in range(6)))
    assert talk.send(first, refused(5)) == "failed"
    assert [session.money for session in sessions_of(talk)] == ["held"]

    parts = finished_and_sent(talk)

    assert len(parts) == 6
    assert [session.money for session in sessions_of(talk)] == ["posted"]


def test_a_failure_behind_a_reply_newer_than_the_unwritten_one_leaves_the_session(
    talk: Talk,
) -> None:
    (first,) = talk.reply("Добрий день")
    lose_what_is_queued()
    # Its last parts pass the limit and close the session that its first ones belong to.
    cut_short(talk, *(f"Частина {n}" for n in range(12)))
    talk.desk.wait(seconds=5)
    talk.reply("Ще одне")
    assert talk.send(first, refused(5)) == "failed"
    assert [session.money for session in sessions_of(talk)] == ["held"]

    finished_and_sent(talk)
    assert [session.money for session in sessions_of(talk)] == ["posted"]


def test_a_failure_gives_a_closed_session_back_beside_a_long_reply_in_the_next(talk: Talk) -> None:
    (first,) = talk.reply("Добрий день")
    lose_what_is_queued()
    token = sent(talk, first)
    talk.desk.wait(hours=25)
    talk.phone.write("Ще одне питання")
    cut_short(talk, *(f"Частина {n}" for n in range(6)))

    talk.receipt("failed", token)

    assert [s.money for s in sessions_of(talk) if s.begun_at < talk.desk.now] == ["refunded"]


def test_a_reply_that_arrives_after_all_beside_the_last_failure_keeps_the_session_paid(
    talk: Talk,
) -> None:
    first, second = talk.reply("Раз", "Два")
    one, other = sent(talk, first), sent(talk, second)
    talk.receipt("failed", one)

    with just_before_the_next_transaction(lambda: talk.receipt("delivered", one)):
        talk.receipt("failed", other)

    assert (talk.state(first), talk.state(second)) == ("delivered", "failed")
    assert [session.money for session in sessions_of(talk)] == ["posted"]
    assert money_of(talk.desk) == (FULL - SESSION, 0)
