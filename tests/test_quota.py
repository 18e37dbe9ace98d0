"""The 10 000 bot-initiated messages that a legacy bot has in a UTC month."""

from datetime import UTC, datetime

import pytest

from chalicelib import delivery, store
from chalicelib.tables import Quota
from chalicelib.viber import NoAnswer
from tests.desk import Desk
from tests.fixtures_paid import entries
from tests.fixtures_talk import Talk, refused, taken, token_at

LIMIT = 10_000


def used(desk: Desk, month: str) -> int:
    found = store.get(Quota, desk.account_id, f"quota#{desk.bot.bot_id}#{month}")
    return 0 if found is None else int(found.used)


def use(desk: Desk, month: str, count: int) -> None:
    key = f"quota#{desk.bot.bot_id}#{month}"
    Quota(key=desk.account_id, item=key, used=count).save()


def kind(answer: object) -> str:
    return str(answer.body["type"]).rpartition("/")[2]  # type: ignore[attr-defined]


@pytest.fixture
def talk(desk: Desk) -> Talk:
    """A customer of a legacy bot whose window is over."""
    talk = Talk(desk)
    desk.wait(hours=25)
    return talk


@pytest.mark.rule("S1.15", "S1.19")
def test_what_is_said_in_the_free_window_is_not_counted_and_nothing_costs_money(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("Так")
    assert used(desk, "2026-11") == 0
    desk.wait(hours=25)
    talk.reply("Агов")
    assert used(desk, "2026-11") == 1
    assert entries(desk) == []


@pytest.mark.rule("S1.16", "S1.18")
def test_the_last_of_the_month_goes_and_the_next_is_refused_with_the_way_out(talk: Talk) -> None:
    desk = talk.desk
    use(desk, "2026-11", LIMIT - 1)
    assert desk.reply(talk.ticket_id, "Агов").status == 202
    refusal = desk.reply(talk.ticket_id, "Ще раз")
    assert (refusal.status, kind(refusal)) == (409, "quota-used")
    assert "commercial plan" in refusal.body["detail"]
    assert used(desk, "2026-11") == LIMIT


@pytest.mark.rule("S1.16")
def test_a_reply_of_two_parts_does_not_go_by_half(talk: Talk) -> None:
    desk = talk.desk
    use(desk, "2026-11", LIMIT - 1)
    assert kind(desk.reply(talk.ticket_id, "Раз", "Два")) == "quota-used"
    assert used(desk, "2026-11") == LIMIT - 1
    assert talk.heard == []


@pytest.mark.rule("S1.17")
def test_the_count_begins_again_with_the_utc_month_and_nothing_is_carried_over(talk: Talk) -> None:
    desk = talk.desk
    use(desk, "2026-11", LIMIT)
    desk.now = datetime(2026, 11, 30, 23, 59, 30, tzinfo=UTC)
    desk.wait(seconds=0)
    assert kind(desk.reply(talk.ticket_id, "Ще листопад")) == "quota-used"
    desk.now = datetime(2026, 12, 1, tzinfo=UTC)
    desk.wait(seconds=0)
    assert desk.reply(talk.ticket_id, "Вже грудень").status == 202
    assert (used(desk, "2026-11"), used(desk, "2026-12")) == (LIMIT, 1)


@pytest.mark.rule("S1.15")
def test_what_failed_gives_its_count_back_while_its_month_lasts(talk: Talk) -> None:
    desk = talk.desk
    first, second = talk.reply("Раз", "Два")
    assert used(desk, "2026-11") == 2
    talk.send(first, refused(5))
    assert used(desk, "2026-11") == 1
    token = token_at(desk.now)
    talk.send(second, taken(token, billing_status=3))
    desk.now = datetime(2026, 12, 2, tzinfo=UTC)
    desk.wait(seconds=0)
    talk.receipt("failed", token)
    assert (used(desk, "2026-11"), used(desk, "2026-12")) == (1, 0)


@pytest.mark.rule("S2.49")
def test_an_answer_reaches_the_phone_by_the_queue_alone(desk: Desk) -> None:
    talk = Talk(desk)
    talk.reply("Ваше замовлення вже в дорозі")
    desk.work()
    assert talk.heard == ["Ваше замовлення вже в дорозі"]


def test_what_nobody_hears_of_gives_its_count_back_once(talk: Talk) -> None:
    desk = talk.desk
    desk.now = datetime(2026, 12, 1, 10, tzinfo=UTC)
    desk.wait(seconds=0)
    use(desk, "2026-12", 5)
    (message_id,) = talk.reply("Агов")
    assert talk.send(message_id, NoAnswer("lost")) == "unknown"
    desk.wait(days=15, hours=5)
    (first,) = list(delivery.due(desk.now))
    for _ in range(2):
        delivery.settle(first, now=desk.now)
    talk.receipt("failed", token_at(desk.now))
    assert used(desk, "2026-12") == 5
