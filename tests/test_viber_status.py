import pytest

from chalicelib.viber.status import FACTS, STOPS_SENDING, BillingStatus, Status, words


def test_every_number_has_its_name_its_meaning_and_its_words() -> None:
    assert [int(number) for number in Status] == list(range(25))
    assert set(FACTS) == set(Status)
    assert all(facts.name and facts.meaning and facts.words for facts in FACTS.values())
    assert len({facts.name for facts in FACTS.values()}) == 25


@pytest.mark.parametrize(
    ("number", "said"),
    [(12, "Wait for a reply"), (13, "simpler form"), (23, "next month (UTC)"), (24, "top it up")],
)
def test_the_refusals_with_a_way_out_name_it(number: int, said: str) -> None:
    assert said in words(number)


@pytest.mark.parametrize("number", [25, 99, -1, 10**9])
def test_an_unknown_number_has_words_too(number: int) -> None:
    assert str(number) in words(number)


def test_four_statuses_stop_a_bot_s_sending() -> None:
    assert {2, 7, 8, 9} == STOPS_SENDING


def test_only_five_is_billed_and_only_one_and_two_are_in_session() -> None:
    assert [status for status in BillingStatus if status.is_billed] == [5]
    assert [status for status in BillingStatus if status.is_in_session] == [1, 2]
