"""A broadcast from its plan to its last pass, with Viber's emulator at the other end."""

import pytest

from bench.meter import Meter
from chalicelib import aws, config, money, tables
from chalicelib.delivery import broadcasts
from tests.desk import Desk
from tests.fixtures_broadcasts import ABROAD, HELLO, PRICE, Crier, took
from tests.fixtures_talk import Carrier, refused


@pytest.mark.rule("S1.43")
@pytest.mark.rule("S1.44")
def test_a_broadcast_is_planned_agreed_to_sent_and_paid_as_it_arrives(desk: Desk) -> None:
    crier = Crier(desk)
    phones = crier.phones(3)
    planned = crier.plan()
    assert (planned.state, planned.recipients, planned.price_micros) == ("ready", 3, 3 * PRICE)
    assert crier.held == 0

    crier.work(crier.start(planned))

    sent = crier.again(planned)
    assert (sent.state, sent.chunks_done) == ("done", 1)
    assert [phone.heard[-1]["text"] for phone in phones] == [HELLO["text"]] * 3
    assert crier.held == 3 * PRICE
    assert crier.states(sent) == ["delivered"] * 3
    assert crier.spent == 0
    crier.check_books()

    desk.wait(minutes=6)
    assert crier.settle() == ["pass 1"]

    assert (crier.held, crier.spent) == (0, 3 * PRICE)
    (entry,) = crier.entries()
    assert entry.cause == f"broadcast:{sent.broadcast_id}-00000:1"
    assert entry.facts["lines"] == 3
    crier.check_books()


@pytest.mark.rule("S1.48")
def test_a_pass_says_how_many_of_which_country_it_charged(desk: Desk) -> None:
    crier = Crier(desk)
    crier.phones(2)
    crier.phones(1, country="MD")
    crier.work(crier.start(crier.plan()))
    desk.wait(minutes=6)
    crier.settle()
    (entry,) = crier.entries()
    assert entry.facts["countries"] == {
        "MD": {"lines": 1, "amount": money.text(ABROAD)},
        "UA": {"lines": 2, "amount": money.text(2 * PRICE)},
    }
    assert entry.amount_micros == -(ABROAD + 2 * PRICE)
    day = f"{desk.now:%Y-%m-%d}"
    found = desk.call("GET", f"/v1/reports/messages?from={day}&to=2027-01-01").body["items"]
    assert {(line["country"], line["count"]) for line in found} == {("MD", 1), ("UA", 2)}
    assert {line["broadcast_id"] for line in found} == {entry.facts["broadcast_id"]}


def test_recipients_are_named_and_lead_to_their_talks_without_a_round_trip_for_each(
    desk: Desk,
) -> None:
    crier = Crier(desk)
    (olha,) = crier.phones(1, country="UA")
    crier.crowd(39)
    sent = crier.send(http=Carrier(took(1)))

    with Meter([tables.connection.client], aws.client("dynamodb"), config.stage()) as meter:
        found, following = broadcasts.recipients(desk.account_id, sent.broadcast_id, number=0)

    assert following is None
    assert len(found) == 40
    one = next(each for each in found if each.line.subscriber_id == olha.subscriber_id)
    assert one.card is not None
    assert one.talk is not None
    assert (one.card.name, one.talk.ticket_id) == ("Людина 0", desk.tickets()[0]["ticket_id"])
    # The broadcast, its chunk, its lines, and all of their cards and talks.
    assert meter.count.round_trips == 4


def test_a_short_broadcast_counts_its_recipients_as_they_are_now(desk: Desk) -> None:
    crier = Crier(desk)
    crier.phones(2)
    answered = desk.phone("Остап")
    answered.write("Добрий день")
    sent = crier.send()
    desk.work()

    shown = desk.call("GET", f"/v1/broadcasts/{sent.broadcast_id}").body
    assert (shown["state"], shown["lines"]) == ("done", {"delivered": 3})


def test_a_recipient_who_was_left_out_or_refused_shows_why(desk: Desk) -> None:
    crier = Crier(desk)
    leaves, gone, _ = crier.phones(3)
    planned = crier.plan()
    leaves.unsubscribe()

    crier.work(crier.start(planned), http=Carrier(took(1, [(gone.subscriber_id, 6)])))

    page = desk.call("GET", f"/v1/broadcasts/{planned.broadcast_id}/recipients").body["items"]
    told = {each["subscriber_id"]: (each["reason"], each["viber_status"]) for each in page}
    assert told.pop(leaves.subscriber_id) == ("not-subscribed", None)
    assert told.pop(gone.subscriber_id) == ("viber-refused", 6)
    assert list(told.values()) == [(None, None)]


def test_the_recipients_of_a_refused_chunk_show_why(desk: Desk) -> None:
    crier = Crier(desk)
    leaves, *_ = crier.phones(3)
    planned = crier.plan()
    leaves.unsubscribe()
    crier.work(crier.start(planned), http=Carrier(refused(3)))

    found, _ = broadcasts.recipients(desk.account_id, planned.broadcast_id, number=0)

    assert sorted((each.state, each.reason, each.viber_status) for each in found) == [
        ("failed", "viber-refused", 3),
        ("failed", "viber-refused", 3),
        ("skipped", "not-subscribed", None),
    ]


def test_the_recipients_of_a_stopped_broadcast_show_why(desk: Desk) -> None:
    crier = Crier(desk)
    crier.phones(2)
    started = crier.start(crier.plan())
    broadcasts.stop(desk.account_id, started.broadcast_id, by=desk.actor, now=desk.now)
    crier.work(started)
    crier.settle()

    found, _ = broadcasts.recipients(desk.account_id, started.broadcast_id, number=0)

    assert {(each.state, each.reason) for each in found} == {("skipped", "stopped")}
