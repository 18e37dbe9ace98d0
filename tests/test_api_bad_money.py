"""Amounts of every wrong kind: a clear refusal, and nothing that is stored has changed."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib import people, tables
from tests import moto_copies
from tests.desk import Desk
from tests.fixtures_accounts import everything
from tests.fixtures_payments import pretend_stripe
from tests.serial import serialised
from tests.test_api_balance import OPERATOR_EMAIL, amount, top_up, transfer


@pytest.fixture(scope="module")
def shared_desk(jwks: str) -> Iterator[Desk]:
    """One desk for all that is refused, for it changes nothing."""
    with mock_aws():
        os.environ.update(moto_copies.create_all(), JWKS_URL=jwks)
        with serialised(tables.connection.client), Desk() as one, pretend_stripe(lambda *_: 500):
            people.make_operator(email=OPERATOR_EMAIL, name="Оператор", now=one.now)
            one.sign_in(OPERATOR_EMAIL)
            yield one


BAD = [
    "0",
    "0.00",
    "-5",
    "-0.01",
    "+5",
    "5.001",
    "0.0196",
    "5,00",
    "5.",
    ".5",
    "05.00",
    "1e3",
    "1E3",
    "0x10",
    "NaN",
    "Infinity",
    "inf",
    "",
    " ",
    " 5.00",
    "5.00 ",
    "5 000",
    "5_000",
    "five",
    "п'ять",
    "٥",
    "５",
    "५.००",
    "5\u00a0000",
    "1000000.01",
    "9" * 40,
    "5\x00",
    "5\n",
]


@pytest.mark.rule("S1.28")
@pytest.mark.parametrize("wanted", [pytest.param(text, id=repr(text)) for text in BAD])
def test_an_amount_that_is_none_is_refused_and_nothing_changes(
    shared_desk: Desk, wanted: str
) -> None:
    before = everything()
    for answer in (top_up(shared_desk, amount(wanted)), transfer(shared_desk, amount(wanted))):
        assert answer.status == 400
        assert answer.body["field"] == "amount.amount"
    assert everything() == before


@pytest.mark.rule("S1.28", "S1.64")
@pytest.mark.parametrize(
    "wanted",
    [
        amount("5.00", "USD"),
        amount("5.00", "eur"),
        amount("5.00", ""),
        amount("5.00", None),
        amount(5),
        amount(5.5),
        amount(None),
        amount(True),
        amount(["5.00"]),
        "5.00",
        5,
        None,
        [],
        {},
        {"currency": "EUR"},
    ],
    ids=repr,
)
def test_what_is_no_amount_of_euros_is_refused_and_nothing_changes(
    shared_desk: Desk, wanted: Any
) -> None:
    before = everything()
    for answer in (top_up(shared_desk, wanted), transfer(shared_desk, wanted)):
        assert answer.status == 400
        assert answer.body["field"].startswith("amount")
    assert everything() == before
