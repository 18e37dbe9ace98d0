"""A broadcast from its plan to its last pass, with Viber's emulator at the other end."""

import pytest

from chalicelib import money
from tests.desk import Desk
from tests.fixtures_broadcasts import ABROAD, HELLO, PRICE, Crier


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
