"""One chunk of a broadcast and what can happen to it at Viber, in money and in states."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from bench.meter import Meter
from chalicelib import aws, config, delivery, errors, store, tables, viber
from chalicelib.billing import quota_item
from chalicelib.books import audit
from chalicelib.delivery import broadcasts, chunks, lines
from chalicelib.tables import Bot, BroadcastToken, Difference, Quota, TokenItem
from tests.desk import Desk
from tests.faults import just_before_the_next
from tests.fixtures_broadcasts import ABROAD, PRICE, Crier, took
from tests.fixtures_talk import Carrier, Script, refused, taken

TOKEN = 5_741_311_803_571_721_087
SILENCE = viber.NoAnswer("lost on the way back")


@pytest.fixture
def crier(desk: Desk) -> Crier:
    return Crier(desk)


def receipt(crier: Crier, subscriber_id: str, event: str, token: int = TOKEN) -> None:
    desk = crier.desk
    delivery.receipt(
        desk.bot, subscriber_id, str(token), event, at=desk.now, now=desk.now, reason=None
    )


def differences(crier: Crier) -> list[Difference]:
    found, _ = store.page(
        Difference,
        crier.desk.account_id,
        Difference.item.startswith("difference#"),
        limit=50,
    )
    return found


def test_those_whom_viber_refuses_get_their_money_back_at_once(crier: Crier) -> None:
    who = crier.crowd(4)
    answer = took(TOKEN, [(who[1], 6), (who[3], 5)])

    sent = crier.send(http=Carrier(answer))

    assert crier.states(sent) == ["failed", "failed", "sent", "sent"]
    assert crier.held == 2 * PRICE
    assert crier.again(sent).committed_micros == 2 * PRICE
    crier.check_books()


def test_a_receipt_that_looked_a_moment_before_the_token_was_written_finds_its_line(
    crier: Crier,
) -> None:
    who = crier.crowd(2)
    sent = crier.send(http=Carrier(took(TOKEN)))

    def as_before(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Responses"].pop(BroadcastToken.Meta.table_name, None)

    events = tables.connection.client.meta.events
    events.register("after-call.dynamodb.BatchGetItem", as_before)
    try:
        receipt(crier, who[0], "delivered")
    finally:
        events.unregister("after-call.dynamodb.BatchGetItem", as_before)

    assert crier.states(sent) == ["delivered", "sent"]


def test_one_request_goes_to_three_hundred_and_carries_each_once(crier: Crier) -> None:
    who = crier.crowd(305)
    http = Carrier(took(TOKEN), took(TOKEN + 1))

    sent = crier.send(http=http)

    assert [len(each["broadcast_list"]) for each in http.carried] == [300, 5]
    told = [one for each in http.carried for one in each["broadcast_list"]]
    assert sorted(told) == who
    assert (sent.state, sent.chunks_done) == ("done", 2)
    assert crier.held == 305 * PRICE
    crier.check_books()


def test_each_country_costs_its_own_price(crier: Crier) -> None:
    crier.crowd(2, country="PL")

    sent = crier.send(http=Carrier(took(TOKEN)))

    assert sent.price_micros == crier.held == 2 * ABROAD


def test_receipts_touch_their_own_line_and_money_follows_at_the_pass(crier: Crier) -> None:
    who = crier.crowd(4)
    sent = crier.send(http=Carrier(took(TOKEN)))
    receipt(crier, who[0], "delivered")
    receipt(crier, who[0], "seen")
    receipt(crier, who[1], "seen")
    receipt(crier, who[2], "failed")

    assert crier.states(sent) == ["failed", "seen", "seen", "sent"]
    assert (crier.held, crier.spent) == (4 * PRICE, 0)

    crier.desk.wait(minutes=5)
    crier.settle()

    assert (crier.held, crier.spent) == (PRICE, 2 * PRICE)
    crier.check_books()


def test_a_receipt_that_comes_twice_or_backwards_changes_nothing(crier: Crier) -> None:
    who = crier.crowd(1)
    sent = crier.send(http=Carrier(took(TOKEN)))
    for event in ("seen", "delivered", "seen", "failed"):
        receipt(crier, who[0], event)

    assert crier.states(sent) == ["seen"]


def test_a_receipt_before_our_own_write_is_found_at_once(crier: Crier) -> None:
    who = crier.crowd(2)

    def early() -> Any:
        receipt(crier, who[0], "delivered")
        return took(TOKEN)

    sent = crier.send(http=Carrier(early))

    assert crier.states(sent) == ["delivered", "sent"]
    receipt(crier, who[0], "seen")
    assert crier.states(sent) == ["seen", "sent"]


def test_a_receipt_that_met_nobody_is_found_at_the_pass(crier: Crier) -> None:
    who = crier.crowd(1)
    sent = crier.send(http=Carrier(took(TOKEN)))
    key = f"{crier.desk.bot.bot_id}/{who[0]}"
    # It had read before our write, and wrote after we had looked.
    TokenItem(
        key=key,
        item=f"token#{TOKEN}",
        token=str(TOKEN),
        orphan_at=crier.desk.now,
        arrived_at=crier.desk.now,
        delivered_at=crier.desk.now,
        expires_at=crier.desk.now + timedelta(days=16),
    ).save()

    crier.desk.wait(minutes=5)
    crier.settle()

    assert crier.states(sent) == ["delivered"]
    assert crier.spent == PRICE


@pytest.mark.rule("S1.44")
def test_what_nobody_hears_of_goes_back_after_fifteen_days(crier: Crier) -> None:
    who = crier.crowd(3)
    sent = crier.send(http=Carrier(took(TOKEN)))
    receipt(crier, who[0], "delivered")
    done = []
    for wait in ({"minutes": 5}, {"minutes": 55}, {"hours": 23}, {"days": 14}):
        crier.desk.wait(**wait)
        done += crier.settle()
        receipt(crier, who[1], "delivered")

    assert done == ["pass 1", "pass 2", "pass 3", "pass 4"]
    assert (crier.held, crier.spent) == (0, 2 * PRICE)
    assert [entry.cause[-1] for entry in crier.entries()] == ["1", "2"]
    crier.check_books()
    assert crier.settle() == []
    assert crier.again(sent).committed_micros == 2 * PRICE


def test_who_arrives_after_his_money_went_back_is_listed_and_not_charged(crier: Crier) -> None:
    who = crier.crowd(3)
    crier.send(http=Carrier(took(TOKEN, [(who[0], 6)])))
    receipt(crier, who[0], "delivered")
    crier.desk.wait(days=15)
    crier.settle()
    assert [each.price_micros for each in differences(crier)] == [PRICE]

    receipt(crier, who[1], "delivered")
    crier.desk.wait(minutes=10)
    assert crier.settle() == ["closed"]
    for _ in range(2):
        receipt(crier, who[2], "seen")

    found = differences(crier)
    assert [each.kind for each in found] == ["delivered-unpaid"] * 3
    told = [name for each in found for name in each.facts["subscriber_ids"]]
    assert sorted(told) == who
    assert sum(each.price_micros for each in found) == 3 * PRICE
    assert (crier.spent, crier.settle()) == (0, [])


@pytest.mark.parametrize("look", ["the last pass", "the look after it"])
def test_who_arrives_beside_the_last_looks_at_a_chunk_is_listed_once(
    crier: Crier, look: str
) -> None:
    who = crier.crowd(2)
    crier.send(http=Carrier(took(TOKEN)))
    crier.desk.wait(days=15)
    if look == "the look after it":
        crier.settle()
        crier.desk.wait(minutes=10)

    # The receipt has read its token and is yet to write its line.
    with just_before_the_next("UpdateItem", crier.settle):
        receipt(crier, who[0], "delivered")
    crier.desk.wait(minutes=10)
    crier.settle()

    told = [name for each in differences(crier) for name in each.facts["subscriber_ids"]]
    assert told == [who[0]]
    assert audit(crier.desk.account_id, now=crier.desk.now, is_whole=True).findings == []


def test_a_schedule_that_slept_makes_one_pass_of_all_that_are_due(crier: Crier) -> None:
    who = crier.crowd(1)
    crier.send(http=Carrier(took(TOKEN)))
    receipt(crier, who[0], "delivered")
    crier.desk.wait(days=2)

    assert crier.settle() == ["pass 3"]
    assert crier.settle() == []
    assert crier.spent == PRICE


def test_no_answer_leaves_the_chunk_unknown_and_it_is_never_sent_again(crier: Crier) -> None:
    crier.crowd(2)
    http = Carrier(SILENCE)

    sent = crier.send(http=http)

    assert (sent.state, crier.states(sent)) == ("done", ["unknown", "unknown"])
    assert crier.held == 2 * PRICE
    crier.check_books()
    crier.desk.wait(days=15)
    assert crier.settle() == ["pass 4"]
    assert (crier.held, crier.spent) == (0, 0)
    assert len(http.carried) == 1


def test_an_unknown_chunk_may_own_the_receipts_of_its_recipients(crier: Crier) -> None:
    who = crier.crowd(1)
    bot_id, now = crier.desk.bot.bot_id, crier.desk.now
    crier.send(http=Carrier(SILENCE))

    assert lines.may_own(bot_id, who[0], now)
    assert not lines.may_own(bot_id, "somebody else", now)
    assert not lines.may_own(bot_id, who[0], now + timedelta(days=17))


def test_a_chunk_that_is_answered_owns_its_token_and_nothing_loose(crier: Crier) -> None:
    who = crier.crowd(1)
    bot_id, now = crier.desk.bot.bot_id, crier.desk.now
    crier.send(http=Carrier(took(TOKEN)))

    assert not lines.may_own(bot_id, who[0], now)
    assert lines.owned(bot_id, [str(TOKEN), "1"]) == {str(TOKEN)}
    assert lines.owned(bot_id, []) == set()


@pytest.mark.parametrize("busy", [refused(12), (429, b"slow down"), viber.NotConnected("no route")])
def test_a_broadcast_waits_where_viber_takes_no_more_and_keeps_its_hold(
    crier: Crier, busy: Any
) -> None:
    crier.crowd(2)
    http = Carrier(busy, busy, took(TOKEN))
    waiting = crier.send(http=http)

    assert (waiting.state, crier.chunk(waiting).state) == ("running", "held")
    assert waiting.waits_until == crier.desk.now + timedelta(minutes=1)
    assert crier.held == 2 * PRICE
    assert crier.work(waiting, http=http) == "waiting"
    for minutes in (1, 2):
        crier.desk.wait(minutes=minutes)
        crier.work(waiting, http=http)

    assert crier.states(waiting) == ["sent", "sent"]
    assert crier.held == 2 * PRICE
    crier.check_books()


def test_whose_window_opened_while_a_chunk_waited_hears_it_for_nothing(
    desk: Desk,
) -> None:
    crier = Crier(desk)
    first, _ = crier.phones(2)
    waiting = crier.send(http=Carrier(refused(12)))
    desk.wait(minutes=1)
    first.write("Ви відчинені?")

    crier.work(waiting)
    desk.work()

    assert crier.states(waiting) == ["delivered", "delivered"]
    assert crier.held == PRICE
    assert crier.again(waiting).committed_micros == PRICE
    crier.check_books()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (2, "sending-stopped"),
        (7, "sending-stopped"),
        (23, "free-messages-used"),
        (24, "viber-no-balance"),
        (3, "viber-refused"),
    ],
)
def test_a_refusal_of_the_whole_gives_its_money_back_and_pauses(
    crier: Crier, status: int, reason: str
) -> None:
    crier.crowd(2)

    paused = crier.send(http=Carrier(refused(status)))

    assert (paused.state, paused.reason, paused.viber_status) == ("paused", reason, status)
    assert crier.states(paused) == ["failed", "failed"]
    assert (crier.held, paused.committed_micros) == (0, 0)
    crier.check_books()
    bot = store.get(Bot, crier.desk.bot.bot_id)
    assert bot is not None
    assert (bot.sending_stopped == status) == (status in (2, 7))
    assert (bot.initiated_stopped_until is not None) == (status == 23)


@pytest.mark.rule("S1.70")
def test_a_verdict_of_not_billed_gives_all_back_and_is_listed(crier: Crier) -> None:
    who = crier.crowd(2)
    crier.send(http=Carrier(took(TOKEN, billing=4)))
    receipt(crier, who[0], "delivered")
    crier.desk.wait(minutes=5)
    crier.settle()

    assert (crier.held, crier.spent) == (0, 0)
    (found,) = differences(crier)
    assert (found.kind, found.price_micros) == ("not-billed-there", 2 * PRICE)
    crier.check_books()


# A legacy bot


def used(crier: Crier) -> int:
    month = f"{crier.desk.now:%Y-%m}"
    bot_id = crier.desk.bot.bot_id
    found = store.get(Quota, crier.desk.account_id, quota_item(bot_id, month))
    return 0 if found is None else int(found.used)


def test_a_legacy_bot_counts_each_recipient_and_gives_back_those_that_fail(crier: Crier) -> None:
    crier.set_plan("legacy")
    who = crier.crowd(3)

    sent = crier.send(http=Carrier(took(TOKEN, [(who[0], 6)], billing=3)))

    assert (used(crier), crier.held, sent.price_micros) == (2, 0, 0)
    receipt(crier, who[1], "failed")
    crier.desk.wait(minutes=5)
    crier.settle()
    assert used(crier) == 1


def test_a_legacy_bots_month_without_room_pauses_the_broadcast(crier: Crier) -> None:
    crier.set_plan("legacy")
    crier.crowd(3)
    month = f"{crier.desk.now:%Y-%m}"
    bot_id = crier.desk.bot.bot_id
    Quota(key=crier.desk.account_id, item=quota_item(bot_id, month), used=9_998).save()

    paused = crier.send(http=Carrier())

    assert (paused.state, paused.reason, used(crier)) == ("paused", "quota-used", 9_998)


# Where Viber has not allowed broadcasts


def test_where_broadcasts_are_not_allowed_each_line_goes_by_itself(crier: Crier) -> None:
    who = crier.crowd(4)
    http = Carrier(
        refused(20),
        taken(1, billing_status=5),
        refused(6),
        SILENCE,
        taken(2, billing_status=5),
    )

    sent = crier.send(http=http)

    assert [each.get("receiver") for each in http.carried] == [None, *who]
    assert crier.states(sent) == ["failed", "sent", "sent", "unknown"]
    assert (sent.state, sent.sends_singly, crier.held) == ("done", True, 3 * PRICE)
    receipt(crier, who[0], "delivered", token=1)
    crier.desk.wait(minutes=5)
    crier.settle()
    assert (crier.held, crier.spent) == (2 * PRICE, PRICE)
    crier.check_books()
    assert lines.may_own(crier.desk.bot.bot_id, who[2], crier.desk.now)
    crier.desk.wait(days=15)
    crier.settle()
    assert (crier.held, crier.spent) == (0, PRICE)


def test_a_bot_known_not_to_be_allowed_is_not_tried_again(crier: Crier) -> None:
    crier.crowd(301)
    answers = [taken(number + 1, billing_status=5) for number in range(301)]
    http = Carrier(refused(20), *answers)

    sent = crier.send(http=http)

    assert sent.state == "done"
    assert sum("broadcast_list" in each for each in http.carried) == 1
    assert crier.held == 301 * PRICE


def test_a_line_found_sending_is_unknown_and_no_other_is(crier: Crier) -> None:
    who = crier.crowd(3)

    def dies() -> Any:
        raise KeyboardInterrupt

    broadcast = crier.start(crier.plan())
    with pytest.raises(KeyboardInterrupt):
        crier.work(broadcast, http=Carrier(refused(20), taken(1, billing_status=5), dies))
    http = Carrier(taken(3, billing_status=5))

    assert crier.work(broadcast, http=http) == "busy"
    crier.desk.wait(minutes=2)
    crier.work(broadcast, http=Carrier())

    assert [each["receiver"] for each in http.carried] == [who[2]]
    assert [
        line.state for line in sorted(crier.lines(broadcast), key=lambda x: x.subscriber_id)
    ] == [
        "sent",
        "unknown",
        "sent",
    ]
    assert crier.again(broadcast).state == "done"
    crier.check_books()


def test_a_line_waits_at_twelve_and_at_last_fails(crier: Crier) -> None:
    crier.crowd(1)
    http = Carrier(refused(20), *(refused(12) for _ in range(6)))
    broadcast = crier.send(http=http)
    for _ in range(6):
        crier.desk.wait(minutes=31)
        crier.work(broadcast, http=http)

    assert crier.states(broadcast) == ["failed"]
    assert crier.held == 0
    crier.check_books()


def test_a_bot_stopped_in_the_midst_pauses_and_goes_on_with_those_left(crier: Crier) -> None:
    crier.crowd(2)
    http = Carrier(refused(20), refused(7))

    paused = crier.send(http=http)

    assert (paused.state, paused.reason) == ("paused", "sending-stopped")
    assert crier.states(paused) == ["failed", "queued"]
    assert crier.held == 2 * PRICE
    crier.check_books()
    broadcasts.stop(
        crier.desk.account_id, paused.broadcast_id, by=crier.desk.actor, now=crier.desk.now
    )
    crier.work(paused)
    assert (crier.again(paused).state, crier.held) == ("stopped", 0)
    assert crier.states(paused) == ["failed", "skipped"]
    crier.check_books()


@pytest.mark.rule("S1.70")
def test_a_line_whose_verdict_is_not_billed_costs_nothing(crier: Crier) -> None:
    crier.crowd(2)

    crier.send(http=Carrier(refused(19), taken(1, billing_status=4), taken(2, billing_status=5)))

    assert crier.held == PRICE
    assert [each.kind for each in differences(crier)] == ["not-billed-there"]


@pytest.mark.rule("S1.70")
@pytest.mark.parametrize(
    "answers",
    [
        [took(TOKEN, billing=5)],
        [refused(19), taken(1, billing_status=5), taken(2, billing_status=5)],
    ],
    ids=["together", "line by line"],
)
def test_what_viber_bills_though_it_is_free_here_costs_nothing_and_is_listed(
    crier: Crier, answers: list[Any]
) -> None:
    crier.set_plan("legacy")
    crier.crowd(2)

    crier.send(http=Carrier(*answers))

    assert (crier.held, crier.spent) == (0, 0)
    (found,) = differences(crier)
    assert (found.kind, found.price_micros, found.facts["lines"]) == ("billed-there", 0, 2)
    crier.check_books()


# What a chunk costs the store


def test_a_chunk_writes_the_balance_seven_times_at_most(crier: Crier, record_property: Any) -> None:
    writes = []

    def before(params: dict[str, Any], **_: Any) -> None:
        for action in json.loads(params["body"])["TransactItems"]:
            written = action.get("Update") or action.get("Put") or {}
            key = written.get("Key") or {}
            if key.get("item") == {"S": "balance"}:
                writes.append(written)

    who = crier.crowd(300)
    events = tables.connection.client.meta.events
    events.register("before-call.dynamodb.TransactWriteItems", before)
    try:
        crier.send(http=Carrier(refused(12)))
        broadcast = crier.again(_newest(crier))
        crier.desk.wait(minutes=1)
        crier.work(broadcast, http=Carrier(took(TOKEN, [(who[0], 6)])))
        for number, wait in enumerate(
            ({"minutes": 5}, {"minutes": 55}, {"hours": 23}, {"days": 14}), start=1
        ):
            receipt(crier, who[number], "delivered")
            receipt(crier, who[number + 10], "failed")
            crier.desk.wait(**wait)
            crier.settle()
    finally:
        events.unregister("before-call.dynamodb.TransactWriteItems", before)

    record_property("balance writes of a chunk", len(writes))
    assert len(writes) <= 7
    assert (crier.held, crier.spent) == (0, 4 * PRICE)
    crier.check_books()


@pytest.mark.parametrize(("allowed", "units_max"), [(True, 5), (False, 5.25)])
def test_a_recipient_costs_five_write_units_at_most_receipts_included(
    crier: Crier, record_property: Any, *, allowed: bool, units_max: float
) -> None:
    who = crier.crowd(60)
    singly = [taken(TOKEN + number, billing_status=5) for number in range(60)]
    http = Carrier(took(TOKEN)) if allowed else Carrier(refused(20), *singly)
    observer = aws.client("dynamodb")
    with Meter([tables.connection.client], observer, config.stage()) as meter:
        crier.send(http=http)
        for number, subscriber_id in enumerate(who):
            token = TOKEN if allowed else TOKEN + number
            receipt(crier, subscriber_id, "delivered", token)
            if allowed:
                receipt(crier, subscriber_id, "seen", token)
        for wait in ({"minutes": 5}, {"minutes": 55}, {"hours": 23}, {"days": 14}):
            crier.desk.wait(**wait)
            crier.settle()

    def units_of(each: str) -> int:
        return int(each.split(" units")[0].rsplit(" ", 1)[1])

    own = [each for each in meter.count.lines if "line#" in each or each.endswith("/token")]
    for_lines = sum(units_of(each) for each in own)
    whole = meter.count.write_units - for_lines
    per_recipient = for_lines / len(who) + whole / chunks.SIZE_MAX
    kind = "together" if allowed else "line by line, delivered"
    record_property(f"write units per recipient, {kind}", f"{per_recipient:.2f}")
    assert per_recipient <= units_max
    assert crier.spent == 60 * PRICE


def _newest(crier: Crier) -> Any:
    return broadcasts.listed(crier.desk.account_id, limit=1, cursor=None)[0][0]


# A store that is busy.


def test_what_viber_answered_is_written_though_the_store_is_busy_for_seconds(crier: Crier) -> None:
    crier.crowd(2)
    started = crier.start(crier.plan())
    with busy_after_the_answer(12) as answer:
        crier.work(started, http=Carrier(answer))
    assert crier.chunk(started).state == "sent"


@pytest.mark.parametrize(("status", "state"), [(12, "held"), (19, "singly"), (3, "failed")])
def test_what_viber_refused_is_known_though_the_store_is_busy_for_seconds(
    crier: Crier, status: int, state: str
) -> None:
    crier.crowd(2)
    started = crier.start(crier.plan())
    with busy_after_the_answer(8, refused(status)) as answer:
        crier.work(started, http=Carrier(answer), steps=1)
    assert crier.chunk(started).state == state


def test_where_the_store_does_not_answer_nobody_waits_for_it_long(crier: Crier) -> None:
    crier.crowd(1)
    started = crier.start(crier.plan())
    silence = ReadTimeoutError(endpoint_url="https://store")
    with busy_after_the_answer(6, how=silence) as answer, pytest.raises(errors.Busy):
        crier.work(started, http=Carrier(answer))
    assert crier.chunk(started).token == str(TOKEN)


def test_where_the_store_stays_busy_the_token_at_least_is_kept(crier: Crier) -> None:
    who = crier.crowd(3)
    started = crier.start(crier.plan())
    with busy_after_the_answer(18) as answer, pytest.raises(errors.Busy):
        crier.work(started, http=Carrier(answer))
    for each in who[:2]:
        receipt(crier, each, "delivered")

    crier.desk.wait(minutes=5)
    crier.settle()
    assert crier.chunk(started).state == "unknown"
    crier.settle()
    assert (crier.spent, crier.held) == (2 * PRICE, PRICE)
    crier.desk.wait(days=15)
    crier.settle()
    assert (crier.spent, crier.held) == (2 * PRICE, 0)
    crier.check_books()


@contextmanager
def busy_after_the_answer(
    times: int, answered: Any = None, *, how: str | Exception = "ThrottlingException"
) -> Iterator[Callable[[], Any]]:
    """Give an answer of Viber's after which so many transactions are throttled."""
    with ExitStack() as stack:

        def answer() -> Any:
            stack.enter_context(Script("TransactWriteItems", *[how] * times))
            return answered or took(TOKEN)

        yield answer
