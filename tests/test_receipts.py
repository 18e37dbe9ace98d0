"""Receipts: known by token and subscriber alone, in any order, once, never leading back."""

import itertools
import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import delivery, queues, store
from chalicelib.tables import Message, TokenItem
from tests.desk import Desk
from tests.fixtures_accounts import everything
from tests.fixtures_talk import Answer, Carrier, Talk, on_its_way, refused, taken

TOKEN = 5741311803571721087
EVENTS = ("delivered", "seen", "failed")
RANK = {"queued": 0, "sending": 1, "sent": 2, "failed": 3, "delivered": 4, "seen": 5}
ROUNDS = 50


def sent(desk: Desk) -> tuple[Talk, str]:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")
    assert talk.send(message_id, taken(TOKEN)) == "sent"
    return talk, message_id


def end_of(events: set[str] | tuple[str, ...]) -> str:
    """Tell the state that a sent message has after these receipts, in whatever order."""
    return next((state for state in ("seen", "delivered", "failed") if state in events), "sent")


# After our own write of the token.


@pytest.mark.parametrize("event", EVENTS)
def test_a_receipt_changes_the_message_it_belongs_to(desk: Desk, event: str) -> None:
    talk, message_id = sent(desk)
    at = desk.now + timedelta(seconds=3)
    talk.receipt(event, TOKEN, at=at)
    message = talk.message(message_id)
    assert message.state == event
    assert abs(getattr(message, f"{event}_at") - at) < timedelta(milliseconds=1)


def test_a_failed_receipt_keeps_vibers_words(desk: Desk) -> None:
    talk, message_id = sent(desk)
    talk.receipt("failed", TOKEN, reason="failure description")
    told = talk.told(message_id)
    assert (told["state"], told["reason"]) == ("failed", "failed-on-device")
    assert told["words"] == "failure description"


def test_the_same_receipt_of_a_second_device_changes_nothing(desk: Desk) -> None:
    talk, message_id = sent(desk)
    for event in EVENTS[:2]:
        talk.receipt(event, TOKEN, at=desk.now)
        before = everything()
        talk.receipt(event, TOKEN, at=desk.now + timedelta(minutes=5))
        assert everything() == before
    assert talk.state(message_id) == "seen"


def test_a_message_for_three_devices_is_delivered_once_and_seen_once(desk: Desk) -> None:
    talk = Talk(desk)
    talk.phone.set(devices=3)
    (message_id,) = talk.reply("Так")
    desk.work()
    assert talk.state(message_id) == "delivered"
    talk.phone.read()
    assert talk.state(message_id) == "seen"


def test_seen_before_delivered_is_both(desk: Desk) -> None:
    talk, message_id = sent(desk)
    talk.receipt("seen", TOKEN, at=desk.now + timedelta(seconds=9))
    talk.receipt("delivered", TOKEN, at=desk.now + timedelta(seconds=5))
    told = talk.told(message_id)
    assert told["state"] == "seen"
    assert told["delivered_at"] is not None
    assert told["seen_at"] is not None


@pytest.mark.parametrize("order", [("failed", "delivered"), ("delivered", "failed")])
def test_delivered_on_one_device_wins_over_failed_on_another(
    desk: Desk, order: tuple[str, str]
) -> None:
    talk, message_id = sent(desk)
    for event in order:
        talk.receipt(event, TOKEN, reason="no device" if event == "failed" else None)
    told = talk.told(message_id)
    assert (told["state"], told["reason"], told["words"]) == ("delivered", None, None)
    assert told["failed_at"] is None


def test_a_receipt_from_before_its_own_send_is_taken_at_its_word(desk: Desk) -> None:
    talk, message_id = sent(desk)
    talk.receipt("delivered", TOKEN, at=desk.now - timedelta(seconds=2))
    assert talk.state(message_id) == "delivered"


def test_receipts_of_one_message_leave_the_others(desk: Desk) -> None:
    talk = Talk(desk)
    first, second = talk.reply("1", "2")
    talk.send(first, taken(1))
    talk.send(second, taken(2))
    talk.receipt("seen", 2)
    assert (talk.state(first), talk.state(second)) == ("sent", "seen")


def test_a_token_means_a_message_only_with_its_own_subscriber(desk: Desk) -> None:
    talk, message_id = sent(desk)
    stranger = Talk(desk, "Остап")
    stranger.receipt("seen", TOKEN)
    assert talk.state(message_id) == "sent"


def test_a_receipt_without_a_token_has_no_effect(desk: Desk) -> None:
    talk, _ = sent(desk)
    before = everything()
    delivery.receipt(desk.bot, talk.phone.subscriber_id, None, "seen", at=desk.now, now=desk.now)
    assert everything() == before


# Before our own write of the token.


@pytest.mark.parametrize(
    "events", [("delivered",), ("seen",), ("failed",), ("delivered", "seen"), ("seen", "delivered")]
)
def test_a_receipt_that_comes_before_our_own_write_is_found_by_it(
    desk: Desk, events: tuple[str, ...]
) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def with_receipts() -> tuple[int, bytes]:
        for event in events:
            talk.receipt(event, TOKEN, reason="no device" if event == "failed" else None)
            talk.receipt(event, TOKEN)
        assert talk.state(message_id) == "sending"
        return taken(TOKEN, billing_status=2)

    assert talk.send(message_id, with_receipts) == end_of(events)
    message = talk.message(message_id)
    assert (message.token, message.billing_status) == (str(TOKEN), 2)
    assert message.viber_words == ("no device" if "failed" in events else None)
    talk.receipt("seen", TOKEN)
    assert talk.state(message_id) == "seen"


def test_a_receipt_that_comes_before_a_refusal_does_not_hide_it(desk: Desk) -> None:
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")

    def with_a_foreign_receipt() -> tuple[int, bytes]:
        talk.receipt("delivered", 4242)
        return refused(6)

    assert talk.send(message_id, with_a_foreign_receipt) == "failed"
    assert talk.state(message_id) == "failed"


# Beside our own write of the token.


def test_a_receipt_beside_our_own_write_always_finds_the_message(desk: Desk) -> None:
    for number in range(ROUNDS):
        message = on_its_way(desk.bot, f"subscriber-{number}", now=desk.now)
        together = threading.Barrier(2)

        def confirm(number: int = number, together: threading.Barrier = together) -> None:
            together.wait()
            for event in ("delivered", "seen"):
                delivery.receipt(
                    desk.bot,
                    f"subscriber-{number}",
                    str(TOKEN),
                    event,
                    at=desk.now,
                    now=desk.now,
                )

        def answer(together: threading.Barrier = together) -> Answer:
            together.wait()
            return taken(TOKEN)

        beside = threading.Thread(target=confirm)
        beside.start()
        wanted = queues.Outgoing(message.key, message.message_id)
        delivery.send(wanted, now=desk.now, http=Carrier(answer))
        beside.join()
        found = store.get(Message, message.key, message.item)
        assert found is not None
        assert (found.state, found.token) == ("seen", str(TOKEN)), f"round {number}"


# Tokens that are none of ours.


def test_a_receipt_of_a_token_never_sent_is_kept_for_sixteen_days(desk: Desk) -> None:
    talk, message_id = sent(desk)
    talk.receipt("delivered", 4242)
    orphan = talk.orphan(4242)
    assert orphan is not None
    assert orphan.message_id is None
    kept_for = orphan.expires_at - desk.now
    assert timedelta(days=16) - timedelta(seconds=1) <= kept_for <= timedelta(days=16)
    assert talk.state(message_id) == "sent"
    assert [m["kind"] for m in desk.thread(talk.ticket_id)] == ["inbound", "outgoing"]


def test_a_receipt_of_a_subscriber_nobody_has_heard_of_does_no_harm(desk: Desk) -> None:
    delivery.receipt(desk.bot, "nobody", "4242", "delivered", at=desk.now, now=desk.now)
    orphan = store.get(TokenItem, f"{desk.bot.bot_id}/nobody", "token#4242")
    assert orphan is not None
    assert desk.tickets() == []


@pytest.mark.parametrize("event", EVENTS)
def test_a_receipt_of_the_subscribers_own_message_leaves_nothing(desk: Desk, event: str) -> None:
    talk = Talk(desk)
    (token,) = talk.conversation.tokens
    before = everything()
    talk.receipt(event, token)
    assert everything() == before


def test_vibers_receipts_of_what_the_customer_wrote_leave_nothing(desk: Desk) -> None:
    desk.viber_bot.settings.inbound_receipts = True
    talk = Talk(desk)
    talk.phone.write("Ще одне")
    rows = store.page(TokenItem, talk.key, TokenItem.item.startswith("token#"), limit=10)
    assert rows == ([], None)


# Any interleaving.


def test_receipts_end_the_same_in_any_order_and_never_lead_back(desk: Desk) -> None:
    numbers = itertools.count()

    def played(events: list[str], written_after: int) -> str:
        subscriber_id = f"subscriber-{next(numbers)}"
        message = on_its_way(desk.bot, subscriber_id, now=desk.now)
        states = [message.state]

        def receive(some: list[str]) -> None:
            for step, event in enumerate(some):
                at = desk.now + timedelta(seconds=step)
                delivery.receipt(desk.bot, subscriber_id, str(TOKEN), event, at=at, now=desk.now)
                look()

        def look() -> None:
            found = store.get(Message, message.key, message.item)
            assert found is not None
            states.append(found.state)

        def answer() -> Answer:
            receive(events[:written_after])
            return taken(TOKEN)

        wanted = queues.Outgoing(message.key, message.message_id)
        states.append(delivery.send(wanted, now=desk.now, http=Carrier(answer)))
        receive(events[written_after:])
        assert [RANK[state] for state in states] == sorted(RANK[state] for state in states)
        return states[-1]

    @settings(max_examples=40, deadline=None)
    @given(events=st.lists(st.sampled_from(EVENTS), max_size=6), data=st.data())
    def check(events: list[str], data: st.DataObject) -> None:
        written_after = data.draw(st.integers(0, len(events)))
        assert played(events, written_after) == end_of(set(events))

    check()
