"""Who hears a broadcast, what that costs, and how people steer it."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib import errors, money, store, talks
from chalicelib.delivery import broadcasts
from chalicelib.money import Money
from chalicelib.tables import Conversation, Message, Session, Ticket
from chalicelib.viber.content import Contact, Text
from tests.desk import Desk
from tests.fixtures_broadcasts import HELLO, PRICE, Crier, took
from tests.fixtures_talk import Carrier, refused

TOKEN = 5_741_311_803_571_721_087


@pytest.fixture
def crier(desk: Desk) -> Crier:
    return Crier(desk)


def steer(crier: Crier, act: Any, broadcast: Any, *given: Any) -> Any:
    return act(
        crier.desk.account_id,
        broadcast.broadcast_id,
        *given,
        by=crier.desk.actor,
        now=crier.desk.now,
    )


# Who


def test_unsubscribed_duplicate_and_foreign_contacts_are_left_out_and_told(
    desk: Desk, crier: Crier
) -> None:
    stays, leaves = crier.phones(2)
    leaves.unsubscribe()
    ids = [crier.contact_id(stays), crier.contact_id(leaves)]
    strangers = ["con_01ARZ3NDEKTSV4RRFFQ69G5FAV", "no id at all"]

    planned = crier.plan(contact_ids=[*ids, ids[0], *strangers])

    assert (planned.recipients, planned.price_micros) == (1, PRICE)
    assert planned.skipped == {"duplicate": 1, "not-subscribed": 1, "unknown-contact": 2}


def test_a_filter_takes_countries_languages_and_who_wrote_since(desk: Desk, crier: Crier) -> None:
    crier.phones(1, country="UA", language="uk-UA")
    crier.phones(1, country="PL", language="pl")
    crier.phones(1, country="UA", language="ru")
    early = desk.now - timedelta(days=3)

    assert crier.plan().recipients == 3
    assert crier.plan(countries=["ua"]).recipients == 2
    assert crier.plan(languages=["uk", "pl"]).recipients == 2
    assert crier.plan(countries=["UA"], languages=["ru"]).recipients == 1
    assert crier.plan(heard_since=early).recipients == 1
    assert crier.plan(heard_since=desk.now).recipients == 0


def test_planning_goes_on_where_it_was_left(crier: Crier) -> None:
    who = crier.crowd(650)
    wanted = broadcasts.Wanted(
        crier.desk.bot.bot_id, Text(text="Так"), broadcasts.Recipients(), None, "wish"
    )
    made = broadcasts.make(crier.desk.account_id, wanted, by=crier.desk.actor, now=crier.desk.now)

    assert crier.work(made, steps=1) == "queued again"
    assert (crier.again(made).state, crier.again(made).recipients) == ("planning", 300)
    crier.work(made)

    ready = crier.again(made)
    assert (ready.state, ready.recipients, ready.chunks) == ("ready", 650, 3)
    lines = [line.subscriber_id for n in range(3) for line in crier.lines(ready, n)]
    assert sorted(lines) == who


@pytest.mark.parametrize(
    ("recipients", "field"),
    [
        ({"contact_ids": []}, "recipients.contact_ids"),
        ({"contact_ids": ["con_1"], "countries": ["UA"]}, "recipients.contact_ids"),
        ({"countries": ["Україна"]}, "recipients.countries[0]"),
    ],
)
def test_an_audience_that_makes_no_sense_is_refused(
    crier: Crier, recipients: dict[str, Any], field: str
) -> None:
    with pytest.raises(errors.BadInput) as refused:
        crier.plan(**recipients)
    assert refused.value.field == field


def test_what_viber_would_not_take_is_refused_before_it_is_planned(crier: Crier) -> None:
    with pytest.raises(errors.BadInput) as refused:
        crier.plan(content=Text(text="х" * 7001))
    assert refused.value.field == "parts[0].text"


@pytest.mark.rule("S2.14")
def test_a_bot_with_sessions_broadcasts_texts_and_pictures_only(crier: Crier) -> None:
    crier.set_plan("business", has_sessions=True, session_price_micros=50_000)
    crier.crowd(1)

    with pytest.raises(errors.BadInput) as refused:
        crier.plan(content=Contact(name="Олена", phone_number="+380441112233"))

    assert refused.value.kind == "type-not-in-sessions"
    assert crier.plan().recipients == 1


def test_a_bot_that_may_not_send_plans_nothing(crier: Crier) -> None:
    crier.set_plan("commercial", ended_at=crier.desk.now, ended_reason="unpaid")

    with pytest.raises(errors.Conflict) as refused:
        crier.plan()
    assert refused.value.kind == "bot-deactivated"


# The agreed price


def test_nothing_starts_above_the_price_agreed_to(crier: Crier) -> None:
    crier.crowd(2)
    planned = crier.plan()

    with pytest.raises(errors.Conflict) as refused:
        steer(crier, broadcasts.start, planned, money.told(2 * PRICE - 1))

    assert (refused.value.kind, crier.again(planned).state) == ("price-risen", "ready")


def test_a_broadcast_is_not_started_before_its_plan_ends(crier: Crier) -> None:
    wanted = broadcasts.Wanted(
        crier.desk.bot.bot_id, Text(text="Так"), broadcasts.Recipients(), None, "wish"
    )
    made = broadcasts.make(crier.desk.account_id, wanted, by=crier.desk.actor, now=crier.desk.now)
    with pytest.raises(errors.Conflict):
        steer(crier, broadcasts.start, made, Money("1"))


def test_the_cap_holds_even_where_prices_have_risen(crier: Crier) -> None:
    crier.crowd(301)
    capped = crier.send(cap="5.89", http=Carrier(took(TOKEN)))

    assert (capped.state, capped.reason, capped.chunks_done) == ("paused", "cap-reached", 1)
    assert crier.held == 300 * PRICE
    steer(crier, broadcasts.resume, capped, Money("6"))
    crier.work(capped, http=Carrier(took(TOKEN + 1)))
    assert (crier.again(capped).state, crier.held) == ("done", 301 * PRICE)


@pytest.mark.rule("S1.45")
@pytest.mark.rule("S1.46")
def test_money_that_does_not_suffice_pauses_with_the_reason_and_sends_nothing(
    desk: Desk,
) -> None:
    crier = Crier(desk, euros=0)
    crier.crowd(2)

    paused = crier.send(http=Carrier())

    assert (paused.state, paused.reason) == ("paused", "insufficient-funds")
    assert (crier.held, crier.balance.available_micros) == (0, 0)
    desk.top_up(1)
    steer(crier, broadcasts.resume, paused)
    crier.work(paused, http=Carrier(took(TOKEN)))
    assert crier.again(paused).state == "done"


# Pause, resume, stop


def test_a_paused_broadcast_rests_and_goes_on_where_it_was(crier: Crier) -> None:
    crier.crowd(301)
    broadcast = crier.start(crier.plan())
    crier.work(broadcast, http=Carrier(took(TOKEN)), steps=2)
    steer(crier, broadcasts.pause, broadcast)
    assert steer(crier, broadcasts.pause, broadcast).reason == "paused-by-person"

    assert crier.work(broadcast, http=Carrier()) == "paused"
    steer(crier, broadcasts.resume, broadcast)
    steer(crier, broadcasts.resume, broadcast)
    http = Carrier(took(TOKEN + 1))
    crier.work(broadcast, http=http)

    assert [len(each["broadcast_list"]) for each in http.carried] == [1]
    assert crier.again(broadcast).state == "done"


def test_a_stopped_broadcast_gives_back_what_waits_and_sends_no_more(crier: Crier) -> None:
    crier.crowd(2)
    waiting = crier.send(http=Carrier(refused(12)))
    assert crier.held == 2 * PRICE

    steer(crier, broadcasts.stop, waiting)
    crier.work(waiting, http=Carrier())

    assert (crier.again(waiting).state, crier.held) == ("stopped", 0)
    assert crier.states(waiting) == ["skipped", "skipped"]
    assert steer(crier, broadcasts.stop, waiting).state == "stopped"
    crier.check_books()


def test_a_plan_is_stopped_at_once(crier: Crier) -> None:
    crier.crowd(1)
    planned = crier.plan()

    assert steer(crier, broadcasts.stop, planned).state == "stopped"
    for act in (broadcasts.pause, broadcasts.resume):
        with pytest.raises(errors.Conflict):
            steer(crier, act, planned)


def test_money_of_a_chunk_left_waiting_for_fifteen_days_goes_back(crier: Crier) -> None:
    crier.crowd(1)
    waiting = crier.send(http=Carrier(refused(12)))
    steer(crier, broadcasts.pause, waiting)
    crier.desk.wait(days=15)

    assert crier.settle() == ["given back"]
    assert crier.held == 0
    steer(crier, broadcasts.resume, waiting)
    crier.work(waiting, http=Carrier(took(TOKEN)))
    assert crier.held == PRICE
    crier.check_books()


def test_a_bot_disconnected_or_connecting_holds_the_broadcast_back(crier: Crier) -> None:
    crier.crowd(1)
    crier.set_plan("commercial", state="connecting")
    crier.set_plan("commercial", state="connected")
    planned = crier.start(crier.plan())
    crier.set_plan("commercial", state="connecting")
    assert crier.work(planned) == "waiting"
    crier.set_plan("commercial", state="disconnected")
    assert crier.work(planned) == "paused"
    assert crier.again(planned).reason == "bot-disconnected"


def test_a_lost_put_is_made_good_by_the_schedule(crier: Crier) -> None:
    crier.crowd(1)
    planned = crier.start(crier.plan())
    crier.desk.wait(minutes=2)

    assert crier.settle() == ["queued again"]
    assert crier.settle() == []
    crier.desk.work()
    assert crier.again(planned).state == "done"


# Those whose talk goes on


def test_who_has_a_free_window_hears_it_in_his_ticket_for_nothing(desk: Desk, crier: Crier) -> None:
    away, here = crier.phones(2)
    here.write("Ви відчинені?")
    desk.wait(minutes=1)
    planned = crier.plan()
    assert (planned.recipients, planned.apart, planned.price_micros) == (2, 1, PRICE)

    crier.work(crier.start(planned))
    desk.work()

    assert [phone.heard[-1]["text"] for phone in (away, here)] == [HELLO["text"]] * 2
    assert crier.states(planned) == ["delivered", "delivered"]
    assert crier.held == PRICE
    conversation = talk_of(crier, here)
    ticket = store.get(Ticket, f"{desk.account_id}/{conversation.ticket_id}")
    assert ticket is not None
    assert (ticket.status, ticket.is_unread) == ("new", True)
    thread = desk.thread(conversation.ticket_id)
    assert thread[-1]["content"]["text"] == HELLO["text"]
    message = store.get(Message, conversation.key, f"message#{thread[-1]['message_id']}")
    assert message is not None
    assert message.broadcast_id == planned.broadcast_id


def talk_of(crier: Crier, phone: Any) -> Conversation:
    key = f"{crier.desk.bot.bot_id}/{phone.subscriber_id}"
    found = store.get(Conversation, key, "conversation")
    assert found is not None
    return found


def sessions_of(crier: Crier, phone: Any) -> list[Session]:
    found, _ = store.page(
        Session, talk_of(crier, phone).key, Session.item.startswith("session#"), limit=9
    )
    return found


@pytest.mark.rule("S2.51")
def test_a_broadcast_counts_in_an_open_session_and_opens_none_that_waits(desk: Desk) -> None:
    crier = Crier(desk)
    crier.set_plan("business", has_sessions=True, session_price_micros=50_000)
    open_one, waiting = desk.phone("Відкрита"), desk.phone("Очікує")
    for phone in (open_one, waiting):
        phone.write("Добрий день")
    ticket_id = talk_of(crier, open_one).ticket_id
    assert desk.reply(str(ticket_id), "Слухаю").status == 202
    desk.work()
    desk.wait(minutes=1)
    (before,) = sessions_of(crier, open_one)
    held = crier.held

    sent = crier.send()
    desk.work()

    assert (sent.recipients, sent.apart, sent.price_micros) == (2, 1, PRICE)
    talk = talks.of(talk_of(crier, open_one))
    assert talk is not None
    assert talk.sent == 2
    (still,) = sessions_of(crier, waiting)
    assert (before.state, still.state) == ("open", "waiting")
    own = [each for each in desk.thread(str(ticket_id)) if each["kind"] == "outgoing"]
    assert [each["content"]["text"] for each in own] == ["Слухаю", HELLO["text"]]
    assert crier.spent == 50_000
    assert crier.held - held <= PRICE


def test_a_window_that_closed_after_the_plan_costs_the_tariff_within_the_limit(
    desk: Desk, crier: Crier
) -> None:
    (here,) = crier.phones(1)
    here.write("Ви відчинені?")
    planned = crier.plan(cap="1")
    assert planned.price_micros == 0
    desk.wait(days=2)

    crier.work(crier.start(planned), http=Carrier(took(TOKEN)))

    assert crier.held == PRICE


def test_a_window_that_closed_after_the_plan_pauses_beyond_the_price_agreed(
    desk: Desk, crier: Crier
) -> None:
    (here,) = crier.phones(1)
    here.write("Ви відчинені?")
    planned = crier.plan()
    desk.wait(days=2)

    crier.work(crier.start(planned), http=Carrier())

    assert (crier.again(planned).reason, crier.held) == ("cap-reached", 0)


def test_who_unsubscribed_after_the_plan_is_left_out_and_costs_nothing(
    desk: Desk, crier: Crier
) -> None:
    stays, leaves = crier.phones(2)
    planned = crier.plan()
    leaves.unsubscribe()

    crier.work(crier.start(planned))

    assert crier.states(planned) == ["delivered", "skipped"]
    assert crier.held == PRICE
    assert len(stays.heard) == 1


# Through the API


def test_an_admin_makes_looks_at_and_starts_a_broadcast(desk: Desk, crier: Crier) -> None:
    crier.phones(2)
    body = {"bot_id": desk.bot.bot_id, "parts": [HELLO], "recipients": {}}
    key = {"Idempotency-Key": "wish of the week"}
    made = desk.call("POST", "/v1/broadcasts", body, headers=key)
    assert made.status == 202, made
    path = f"/v1/broadcasts/{made.body['broadcast_id']}"
    again = desk.call("POST", "/v1/broadcasts", body, headers=key)
    assert again.body["broadcast_id"] == made.body["broadcast_id"]
    other = body | {"recipients": {"countries": ["UA"]}}
    assert desk.call("POST", "/v1/broadcasts", other, headers=key).status == 422
    desk.work()
    ready = desk.call("GET", path).body
    assert (ready["state"], ready["plan"]["price"]["amount"]) == ("ready", "0.0392")

    started = desk.call("POST", f"{path}/start", {"agreed_price": ready["plan"]["price"]})
    assert (started.status, started.body["state"]) == (200, "running")
    desk.work()

    done = desk.call("GET", path).body
    assert (done["state"], done["held"]["amount"]) == ("done", "0.0392")
    page = desk.call("GET", f"{path}/recipients").body
    assert [each["state"] for each in page["items"]] == ["delivered", "delivered"]
    assert page["next_cursor"] is None
    (listed,) = desk.call("GET", "/v1/broadcasts").body["items"]
    assert listed["broadcast_id"] == done["broadcast_id"]
    for act, status in (("pause", 409), ("resume", 409), ("stop", 409)):
        given: dict[str, Any] | None = {} if act == "resume" else None
        assert desk.call("POST", f"{path}/{act}", given).status == status


def test_a_broadcast_carries_one_message_and_is_an_admins(desk: Desk, crier: Crier) -> None:
    body = {"bot_id": desk.bot.bot_id, "parts": [HELLO, HELLO], "recipients": {}}
    key = {"Idempotency-Key": "wish"}

    assert desk.call("POST", "/v1/broadcasts", body, headers=key).body["field"] == "parts"
    assert desk.call("GET", "/v1/broadcasts", by="taras@example.com").status == 403
    gone = "/v1/broadcasts/brc_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert desk.call("GET", gone).status == 404
    assert desk.call("GET", f"{gone}/recipients?cursor=x").status == 400
