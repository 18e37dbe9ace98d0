"""The price before the send, and the price agreed at it."""

from typing import Any

import pytest

from chalicelib import money, tariffs
from tests.desk import OPERATOR, Desk
from tests.fixtures_paid import commercial, next_day
from tests.fixtures_talk import Talk


def quote(desk: Desk, ticket_id: str, *parts: str) -> dict[str, Any]:
    content = [{"type": "text", "text": part} for part in parts]
    answer = desk.call("POST", f"/v1/tickets/{ticket_id}/quote", {"parts": content})
    assert answer.status == 200, answer
    told: dict[str, Any] = answer.body
    return told


@pytest.mark.rule("X.4", "S1.69")
def test_a_reply_in_the_free_window_is_quoted_as_free_with_the_time_left(desk: Desk) -> None:
    talk = Talk(desk)
    told = quote(desk, talk.ticket_id, "Так", "І ще")
    assert told["price"] == {"amount": "0.00", "currency": "EUR"}
    assert [part["kind"] for part in told["parts"]] == ["free-window"] * 2
    assert told["meter"]["kind"] == "free"
    assert told["refusal"] is None


@pytest.mark.rule("S1.15", "S1.16")
def test_outside_of_the_window_a_legacy_bot_counts_to_its_limit(desk: Desk) -> None:
    talk = Talk(desk)
    desk.wait(hours=25)
    told = quote(desk, talk.ticket_id, "Агов")
    assert [part["kind"] for part in told["parts"]] == ["legacy"]
    assert told["quota"] == {"used": 0, "limit": 10_000}
    assert desk.reply(talk.ticket_id, "Агов").status == 202
    assert quote(desk, talk.ticket_id, "Агов")["quota"] == {"used": 1, "limit": 10_000}


@pytest.mark.rule("X.4", "S1.45", "S2.27")
@pytest.mark.parametrize("kind", ["bot-initiated", "opens-session"])
@pytest.mark.parametrize("micros", [1_000_000, 1_000_001])
def test_with_exactly_the_price_a_reply_goes_and_with_a_micro_less_it_is_refused(
    desk: Desk, kind: str, micros: int
) -> None:
    commercial(desk, euros=0)
    if kind == "opens-session":
        desk.make_business("30", money.text(micros))
    talk = Talk(desk)
    if kind == "bot-initiated":
        next_day(desk)
        tariffs.make_price_list([], micros, None, by=OPERATOR, now=desk.now)
    desk.top_up(1)
    told = quote(desk, talk.ticket_id, "Агов")
    answer = desk.reply(talk.ticket_id, "Агов")
    desk.work()
    assert [part["kind"] for part in told["parts"]] == [kind]
    if micros == 1_000_000:
        assert (told["price"]["amount"], told["refusal"], answer.status) == ("1.00", None, 202)
        assert talk.heard == ["Агов"]
    else:
        assert told["refusal"]["type"] == answer.body["type"]
        assert answer.body["type"].endswith("/insufficient-funds")
        assert (answer.status, talk.heard) == (409, [])


def test_what_is_available_is_told_to_programs_that_may_read_the_balance(desk: Desk) -> None:
    desk.phone().write("Привіт")
    (ticket,) = desk.tickets()
    path = f"/v1/tickets/{ticket['ticket_id']}/quote"
    said = {"parts": [{"type": "text", "text": "Так"}]}
    for scopes, is_told in ((["tickets:read"], False), (["tickets:read", "billing:read"], True)):
        key = desk.call("POST", "/v1/api-keys", {"name": "Каса", "scopes": scopes}).body["key"]
        assert (desk.call("POST", path, said, by=key).body["available"] is not None) is is_told


def test_money_is_written_with_its_cents_and_never_rounded() -> None:
    assert [money.text(micros) for micros in (0, 19_600, 400_000_000, -1, 1_234_567)] == [
        "0.00",
        "0.0196",
        "400.00",
        "-0.000001",
        "1.234567",
    ]
