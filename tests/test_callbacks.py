"""The webhook at the front door: every trap of Viber's callbacks, each with its one effect."""

import base64
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from chalice.local import LambdaContext

from app import app
from chalicelib import bots, callbacks, config, kms, store, tables, viber
from chalicelib.bots import remembering
from chalicelib.tables import Bot, Conversation
from tests.desk import Desk, message_event
from tests.fixtures_accounts import everything, rows

# The largest token that anybody published; a float would end it in 000.
BIG = 5058590812907389764
SUBSCRIBER = "xy5/5y6O81+/kbWHpLhBoA=="


@contextmanager
def broken(*operations: str) -> Iterator[None]:
    """Let these calls to the store fail, as a bug of ours would."""
    events = tables.connection.client.meta.events

    def fail(**_: Any) -> None:
        raise RuntimeError("ой, помилка 💥")

    for each in operations:
        events.register(f"before-call.dynamodb.{each}", fail)
    try:
        yield
    finally:
        for each in operations:
            events.unregister(f"before-call.dynamodb.{each}", fail)


def said(desk: Desk, content: str | dict[str, Any], **how: Any) -> dict[str, Any]:
    """Write a message callback of the subscriber with the awkward id."""
    given: dict[str, Any] = {"at": desk.now, "token": BIG} | how
    return message_event(SUBSCRIBER, content, **given)


def only_ticket(desk: Desk) -> dict[str, Any]:
    (ticket,) = desk.tickets()
    return ticket


def texts(desk: Desk) -> list[str]:
    thread = desk.thread(only_ticket(desk)["ticket_id"])
    return [each["content"]["text"] for each in thread]


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def vault(desk: Desk) -> list[dict[str, Any]]:
    answer = desk.call("GET", f"/v1/bots/{desk.bot.bot_id}/callbacks")
    assert answer.status == 200
    found: list[dict[str, Any]] = answer.body["items"]
    return found


def talk(subscriber_id: str, desk: Desk) -> Conversation:
    found = store.get(Conversation, f"{desk.bot.bot_id}/{subscriber_id}", "conversation")
    assert found is not None
    return found


# Tokens.


def test_a_token_of_63_bits_keeps_every_digit(desk: Desk) -> None:
    assert desk.callback(said(desk, "Раз")) == (200, b"")
    stored = [row["token"] for row in rows(config.name_of("conversations")) if "token" in row]
    assert stored == [{"S": str(BIG)}]
    assert talk(SUBSCRIBER, desk).tokens == [str(BIG)]


@pytest.mark.rule("S3.39")
def test_a_message_delivered_again_leaves_no_second_trace(desk: Desk) -> None:
    desk.callback(said(desk, "Раз"))
    desk.change(only_ticket(desk)["ticket_id"], is_unread=False)
    before = everything()
    for _ in range(3):
        assert desk.callback(said(desk, "Раз")) == (200, b"")
    later = said(desk, "Раз", at=desk.now + timedelta(seconds=9))
    assert desk.callback(later) == (200, b"")
    assert desk.callback(said(desk, "Раз", token=str(BIG))) == (200, b"")
    assert everything() == before


@pytest.mark.rule("S3.39")
def test_not_even_when_the_ticket_has_been_done_meanwhile(desk: Desk) -> None:
    desk.callback(said(desk, "Раз"))
    desk.change(only_ticket(desk)["ticket_id"], status="done")
    desk.callback(said(desk, "Раз"))
    assert desk.tickets() == []


def test_one_token_of_two_subscribers_is_two_messages(desk: Desk) -> None:
    desk.callback(said(desk, "Раз"))
    desk.callback(message_event("01234567890A=", "Два", at=desk.now, token=BIG))
    assert {each["subject"] for each in desk.tickets()} == {"Раз", "Два"}


def test_a_receipt_from_each_device_counts_once(desk: Desk) -> None:
    phone = desk.phone(devices=3)
    phone.write("Чи є хліб?")
    ticket_id = only_ticket(desk)["ticket_id"]
    desk.reply(ticket_id, "Так")
    desk.work()
    first = desk.thread(ticket_id)[1]["delivery"]
    assert first["state"] == "delivered"
    desk.viber.dispatcher.duplicate(3)
    assert desk.thread(ticket_id)[1]["delivery"] == first


@pytest.mark.parametrize("event", ["delivered", "seen", "failed"])
def test_a_receipt_for_what_was_never_sent_changes_nothing_that_is_shown(
    desk: Desk, event: str
) -> None:
    phone = desk.phone()
    phone.write("Раз")
    before = (desk.tickets(), desk.thread(only_ticket(desk)["ticket_id"]))
    receipt = {
        "event": event,
        "timestamp": ms(desk.now),
        "message_token": 4912661846655238145,
        "user_id": phone.subscriber_id,
        "desc": "?",
    }
    assert desk.callback(receipt) == (200, b"")
    assert desk.callback(receipt | {"user_id": "нікому не відомий"}) == (200, b"")
    assert (desk.tickets(), desk.thread(before[0][0]["ticket_id"])) == before


# Dialects.


@pytest.mark.parametrize(
    "event",
    [
        {"event": "action", "message_token": BIG},
        {"event": "client_status", "user": {"id": SUBSCRIBER}, "status": {"type": "payment"}},
        {"event": "завтрашня подія", "user_id": SUBSCRIBER},
        {"event": "webhook", "timestamp": BIG, "message_token": 1481142112807},
        {"event": "webhook", "message_token": BIG},
    ],
)
def test_an_event_without_meaning_for_us_is_taken_and_changes_nothing(
    desk: Desk, event: dict[str, Any]
) -> None:
    before = everything()
    assert desk.callback(event) == (200, b"")
    assert everything() == before


def test_a_message_of_a_type_nobody_knows_is_shown_as_it_came(desk: Desk) -> None:
    poll = {"type": "poll", "text": "Борщ чи юшка? 🍲", "options": [{"n": 1.5}, {"n": None}]}
    assert desk.callback(said(desk, poll)) == (200, b"")
    ticket = only_ticket(desk)
    assert ticket["preview"] == {
        "text": "Борщ чи юшка? 🍲",
        "type": "unsupported",
        "kind": "inbound",
    }
    (message,) = desk.thread(ticket["ticket_id"])
    assert message["content"] == {"type": "unsupported", "original_type": "poll", "raw": poll}


@pytest.mark.parametrize("content", [{"type": "picture"}, {"type": "location"}, {}])
def test_a_message_that_lacks_what_its_type_needs_is_not_lost(
    desk: Desk, content: dict[str, Any]
) -> None:
    assert desk.callback(said(desk, content)) == (200, b"")
    (message,) = desk.thread(only_ticket(desk)["ticket_id"])
    assert message["content"]["type"] == "unsupported"
    assert message["content"]["raw"] == content


def test_a_sticker_s_number_may_be_a_number_or_a_text(desk: Desk) -> None:
    for position, number in enumerate((46105, "46105")):
        sticker = {"type": "sticker", "sticker_id": number}
        desk.callback(said(desk, sticker, token=BIG + position))
    thread = desk.thread(only_ticket(desk)["ticket_id"])
    assert [each["content"]["sticker_id"] for each in thread] == ["46105", "46105"]


def test_a_sender_of_whom_only_the_id_is_told_has_a_ticket(desk: Desk) -> None:
    event = said(desk, "Раз", name=None)
    del event["timestamp"]
    assert desk.callback(event) == (200, b"")
    ticket = desk.ticket(only_ticket(desk)["ticket_id"])
    contact = dict(ticket["contact"])
    assert contact.pop("contact_id") == ticket["contact_id"]
    assert set(contact.values()) == {None}
    # Without a time of Viber's, the time it came counts.
    (message,) = desk.thread(ticket["ticket_id"])
    assert abs(datetime.fromisoformat(message["at"]) - desk.now) < timedelta(minutes=1)


def test_a_chat_opened_by_somebody_of_whom_nothing_is_told_begins_a_talk(desk: Desk) -> None:
    event = {"event": "conversation_started", "timestamp": ms(desk.now), "user": {"id": SUBSCRIBER}}
    assert desk.callback(event) == (200, b"")
    begun = talk(SUBSCRIBER, desk)
    assert begun.is_subscribed is False
    assert begun.context is None
    assert begun.ticket_id is None


def test_who_writes_is_subscribed_though_nothing_said_so(desk: Desk) -> None:
    desk.callback(said(desk, "Раз"))
    ticket = desk.ticket(only_ticket(desk)["ticket_id"])
    assert ticket["conversation"]["is_subscribed"] is True


@pytest.mark.rule("S3.35")
def test_what_is_said_in_groups_is_passed_over_without_an_error(desk: Desk) -> None:
    before = everything()
    group = said(desk, "Всім привіт") | {"chat_id": "uSh+/=", "reply_type": "message"}
    assert desk.callback(group) == (200, b"")
    assert everything() == before
    assert vault(desk) == []


# Opening a chat.


def welcome(desk: Desk, text: str = "Вітаємо! 🥐") -> None:
    desk.set_bot(welcome_text=text)


def opened(at: datetime, context: str | None = None, **more: Any) -> dict[str, Any]:
    event = {
        "event": "conversation_started",
        "timestamp": ms(at),
        "message_token": BIG,
        "type": "open",
        "user": {"id": SUBSCRIBER, "name": "Марічка"},
    }
    return event | more | ({} if context is None else {"context": context})


def test_opening_a_chat_is_answered_with_the_welcome_however_often_viber_asks(desk: Desk) -> None:
    welcome(desk)
    for _ in range(2):
        status, answer = desk.callback(opened(desk.now))
        assert status == 200
        told = json.loads(answer)
        assert (told["type"], told["text"]) == ("text", "Вітаємо! 🥐")
        assert told["sender"]["name"] == "Пекарня"
        assert "receiver" not in told
    assert talk(SUBSCRIBER, desk).revision == 1
    assert desk.tickets() == []


def test_the_welcome_reaches_the_phone_and_its_change_counts_at_once(desk: Desk) -> None:
    phone = desk.phone()
    phone.open()
    assert phone.heard == []
    welcome(desk, "Раз")
    phone.open()
    welcome(desk, "  Два  ")
    phone.open()
    assert [each["text"] for each in phone.heard] == ["Раз", "Два"]
    welcome(desk, "  ")
    phone.open()
    assert len(phone.heard) == 2


@pytest.mark.rule("S1.53", "S1.62")
@pytest.mark.parametrize(
    "change",
    [
        {"ended_at": datetime(2026, 11, 1, tzinfo=UTC), "ended_reason": "unpaid"},
        {"sending_stopped": 7},
    ],
)
def test_a_bot_that_may_not_send_does_not_welcome_either(
    desk: Desk, change: dict[str, Any]
) -> None:
    welcome(desk)
    actions = [getattr(Bot, name).set(value) for name, value in change.items()]
    store.update(Bot(bot_id=desk.bot.bot_id), actions, Bot.bot_id.exists())
    phone = desk.phone()
    phone.open("акція")
    assert phone.heard == []
    phone.write("Привіт")
    assert desk.ticket(only_ticket(desk)["ticket_id"])["conversation"]["context"] == "акція"


def test_the_context_of_a_link_is_kept_and_shown_on_the_ticket(desk: Desk) -> None:
    phone = desk.phone()
    phone.open("акція=1&місто=Львів 🦁")
    phone.open()
    phone.write("Привіт")
    ticket = desk.ticket(only_ticket(desk)["ticket_id"])
    assert ticket["conversation"]["context"] == "акція=1&місто=Львів 🦁"


def test_an_older_opening_that_comes_after_a_newer_one_is_ignored(desk: Desk) -> None:
    desk.callback(opened(desk.now, "нова", subscribed=True))
    desk.callback(opened(desk.now - timedelta(seconds=5), "стара", subscribed=False))
    found = talk(SUBSCRIBER, desk)
    assert (found.context, found.is_subscribed) == ("нова", True)


# Order.


def subscription(event: str, at: datetime) -> dict[str, Any]:
    who: dict[str, Any] = {"user_id": SUBSCRIBER}
    if event == "subscribed":
        who = {"user": {"id": SUBSCRIBER, "name": "Марічка"}}
    return {"event": event, "timestamp": ms(at), "message_token": ms(at)} | who


def test_of_subscription_events_the_newest_by_viber_s_time_decides(desk: Desk) -> None:
    desk.callback(said(desk, "Раз"))
    ticket_id = only_ticket(desk)["ticket_id"]

    def is_subscribed() -> bool:
        found: bool = desk.ticket(ticket_id)["conversation"]["is_subscribed"]
        return found

    desk.callback(subscription("unsubscribed", desk.now + timedelta(seconds=-1)))
    assert is_subscribed()
    desk.wait(seconds=60)
    desk.callback(subscription("unsubscribed", desk.now))
    desk.callback(subscription("subscribed", desk.now - timedelta(seconds=9)))
    assert not is_subscribed()
    desk.callback(said(desk, "Пізнє", token=1, at=desk.now - timedelta(seconds=5)))
    assert not is_subscribed()
    desk.wait(seconds=1)
    desk.callback(subscription("subscribed", desk.now))
    assert is_subscribed()


def test_a_late_message_lies_at_its_own_time_and_turns_nothing_back(desk: Desk) -> None:
    late_at = desk.now
    desk.wait(minutes=10)
    desk.callback(said(desk, "Свіже", name="Марія", token=BIG))
    desk.wait(minutes=1)
    other = message_event("інший", "Інше", at=desk.now, token=3)
    desk.callback(other)
    before = desk.tickets()
    assert [each["subject"] for each in before] == ["Інше", "Свіже"]
    ticket_id = before[1]["ticket_id"]
    desk.change(ticket_id, is_unread=False)
    desk.callback(said(desk, "Пізнє", name="Марічка", token=2, at=late_at))
    after = desk.tickets()
    assert [each["ticket_id"] for each in after] == [each["ticket_id"] for each in before]
    ticket = desk.ticket(ticket_id)
    assert (ticket["preview"]["text"], ticket["contact_name"]) == ("Свіже", "Марія")
    assert (ticket["contact"]["name"], ticket["is_unread"]) == ("Марія", True)
    assert ticket["last_inbound_at"] == before[1]["last_inbound_at"]
    thread = desk.thread(ticket_id)
    assert [each["content"]["text"] for each in thread] == ["Пізнє", "Свіже"]
    assert datetime.fromisoformat(thread[0]["at"]) == late_at


def test_a_message_from_the_future_is_shown_at_its_time_and_decides_at_ours(desk: Desk) -> None:
    future = desk.now + timedelta(days=3)
    desk.callback(said(desk, "З майбутнього", at=future))
    ticket = only_ticket(desk)
    assert datetime.fromisoformat(ticket["last_inbound_at"]) <= desk.now + timedelta(minutes=1)
    desk.wait(minutes=2)
    desk.callback(said(desk, "Зараз", token=2, name="Марія"))
    desk.callback(subscription("unsubscribed", desk.now + timedelta(seconds=1)))
    ticket = desk.ticket(ticket["ticket_id"])
    assert (ticket["preview"]["text"], ticket["contact_name"]) == ("Зараз", "Марія")
    assert texts(desk) == ["Зараз", "З майбутнього"]
    assert datetime.fromisoformat(desk.thread(ticket["ticket_id"])[1]["at"]) == future


def test_an_impossible_time_counts_as_the_time_it_came(desk: Desk) -> None:
    for position, timestamp in enumerate((0, 1, 2**47, -5, "завтра", None, True)):
        desk.wait(seconds=1)
        event = said(desk, f"{position}", token=position + 1) | {"timestamp": timestamp}
        assert desk.callback(event) == (200, b"")
    assert texts(desk) == [str(position) for position in range(7)]


# Who signed it.


def post(desk: Desk, event: dict[str, Any], signature: str | None, **how: Any) -> int:
    """Hand the function what API Gateway would."""
    is_base64 = how.get("is_base64", False)
    body = json.dumps(event, ensure_ascii=False)
    headers = {"content-type": how.get("content_type", "application/json")}
    if signature is not None and not how.get("in_query"):
        headers["X-Viber-Content-Signature"] = signature
    gateway = {
        "requestContext": {
            "httpMethod": "POST",
            "resourcePath": "/viber/{bot_id}",
            "path": f"/api/viber/{desk.bot.bot_id}",
            "identity": {},
        },
        "headers": headers,
        "multiValueQueryStringParameters": {"sig": [signature]} if how.get("in_query") else None,
        "pathParameters": {"bot_id": how.get("bot_id", desk.bot.bot_id)},
        "stageVariables": None,
        "body": base64.b64encode(body.encode()).decode() if is_base64 else body,
        "isBase64Encoded": is_base64,
    }
    status: int = app(gateway, LambdaContext("api_handler", 256))["statusCode"]
    return status


def signed(desk: Desk, event: dict[str, Any]) -> str:
    return viber.sign(json.dumps(event, ensure_ascii=False).encode(), desk.viber_bot.key)


@pytest.mark.parametrize("in_query", [False, True])
@pytest.mark.parametrize("is_base64", [False, True])
def test_the_signature_is_of_the_raw_body_in_the_header_or_the_query(
    desk: Desk, in_query: bool, is_base64: bool
) -> None:
    event = said(desk, "Їжак 🦔")
    how = {"in_query": in_query, "is_base64": is_base64, "content_type": "text/plain"}
    assert post(desk, event, signed(desk, event), **how) == 200
    assert texts(desk) == ["Їжак 🦔"]
    assert post(desk, event, signed(desk, event | {"silent": True}), **how) == 401


def test_the_emulator_s_signature_in_the_query_is_taken(desk: Desk) -> None:
    desk.viber_bot.settings.signature_in_query = True
    desk.phone().write("Раз")
    assert texts(desk) == ["Раз"]


def test_nothing_is_taken_for_a_bot_that_is_unknown_or_disconnected(desk: Desk) -> None:
    event = said(desk, "Раз")
    unknown = "bot_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert post(desk, event, signed(desk, event), bot_id=unknown) == 401
    assert desk.call("DELETE", f"/v1/bots/{desk.bot.bot_id}").status == 200
    before = everything()
    assert post(desk, event, signed(desk, event)) == 401
    assert everything() == before


def test_a_container_that_knows_the_old_key_accepts_the_new_one_once_it_looked(desk: Desk) -> None:
    desk.phone().write("Раз")
    known = remembering._known[desk.bot.bot_id]
    desk.viber_bot.key = "50587abc-new0-key0-5d59-39b13edd4ea1"
    path = f"/v1/bots/{desk.bot.bot_id}/key"
    assert desk.call("PUT", path, {"key": desk.viber_bot.key}).status == 200
    # Another container was asleep meanwhile and still holds what it read.
    remembering._known[desk.bot.bot_id] = known._replace(read_at=desk.now)
    event = said(desk, "Два")
    assert post(desk, event, signed(desk, event)) == 401
    a_while_ago = desk.now - timedelta(seconds=bots.REREAD_EVERY_SECONDS)
    remembering._known[desk.bot.bot_id] = known._replace(read_at=a_while_ago)
    assert post(desk, event, signed(desk, event)) == 200
    remembering._known[desk.bot.bot_id] = known._replace(read_at=a_while_ago)
    assert post(desk, event, viber.sign(b"{}", desk.viber_bot.key)) == 401


def test_more_than_256_kilobytes_are_refused_before_anything_is_read(desk: Desk) -> None:
    before = everything()
    assert desk.callback(b" " * (256 * 1024 + 1))[0] == 413
    assert everything() == before


# When we fail.


def test_a_callback_we_fail_on_is_kept_and_tried_again_less_and_less_often(desk: Desk) -> None:
    began = desk.now
    tried: list[timedelta] = []
    with broken("TransactWriteItems"):
        assert desk.callback(said(desk, "Раз")) == (200, b"")
        (kept,) = vault(desk)
        assert (kept["state"], kept["event"], kept["tries"]) == ("waiting", "message", 0)
        assert kept["trouble"] == "RuntimeError"
        while kept["state"] == "waiting":
            desk.now = _due(desk)
            desk.wait(seconds=0)
            desk.run("replay_callbacks")
            assert vault(desk)[0]["tries"] == kept["tries"] + 1
            tried.append(desk.now - began)
            (kept,) = vault(desk)
    assert (kept["state"], kept["tries"]) == ("given_up", callbacks.TRIES_MAX)
    pauses = [later - sooner for sooner, later in itertools.pairwise(tried)]
    # The tests' clock runs on while a job works.
    moment = timedelta(seconds=10)
    assert all(later > sooner - moment for sooner, later in itertools.pairwise(pauses))
    assert pauses[-1] <= callbacks.REPLAY_PAUSE_MAX + moment
    assert timedelta(days=2) < tried[-1] < callbacks.KEPT_FOR
    assert desk.tickets() == []
    # What was given up can still be replayed by hand.
    path = f"/v1/bots/{desk.bot.bot_id}/callbacks/{kept['callback_id']}/replay"
    desk.wait(days=1)
    desk.run("replay_callbacks")
    assert vault(desk)[0]["tries"] == callbacks.TRIES_MAX
    answer = desk.call("POST", path, {}, headers=_signed_in_again(desk))
    assert (answer.status, answer.body["state"]) == (200, "replayed")
    assert texts(desk) == ["Раз"]


def _due(desk: Desk) -> datetime:
    (row,) = rows(config.name_of("vault"))
    return datetime.fromtimestamp(int(row["due_at"]["N"]) / 1000, UTC) + timedelta(seconds=1)


def _signed_in_again(desk: Desk) -> dict[str, str]:
    desk.tokens.clear()
    return {}


def test_what_makes_no_sense_is_kept_and_not_tried_again(desk: Desk) -> None:
    assert desk.callback(b'{"event": "message", "message_token": 1}') == (200, b"")
    (kept,) = vault(desk)
    assert (kept["state"], kept["trouble"]) == ("malformed", "no message")
    desk.wait(days=1)
    desk.run("replay_callbacks")
    assert vault(desk)[0]["tries"] == 0
    path = f"/v1/bots/{desk.bot.bot_id}/callbacks/{kept['callback_id']}/replay"
    answer = desk.call("POST", path, {})
    assert (answer.body["state"], answer.body["tries"]) == ("malformed", 1)


def test_replaying_what_was_replayed_has_no_further_effect(desk: Desk) -> None:
    with broken("TransactWriteItems"):
        desk.callback(said(desk, "Раз"))
    (kept,) = vault(desk)
    path = f"/v1/bots/{desk.bot.bot_id}/callbacks/{kept['callback_id']}/replay"
    for tries in (1, 2):
        answer = desk.call("POST", path, {})
        assert (answer.body["state"], answer.body["tries"]) == ("replayed", tries)
    assert texts(desk) == ["Раз"]


def test_what_comes_while_an_earlier_message_is_kept_is_not_held_up(desk: Desk) -> None:
    first_at = desk.now
    with broken("TransactWriteItems"):
        desk.callback(said(desk, "Раз"))
    desk.wait(seconds=20)
    desk.callback(said(desk, "Два", token=BIG + 1))
    desk.wait(minutes=1)
    desk.run("replay_callbacks")
    assert texts(desk) == ["Раз", "Два"]
    thread = desk.thread(only_ticket(desk)["ticket_id"])
    assert datetime.fromisoformat(thread[0]["at"]) == first_at
    assert only_ticket(desk)["preview"]["text"] == "Два"


def test_a_callback_that_cannot_be_kept_either_is_asked_for_again(desk: Desk) -> None:
    with broken("TransactWriteItems", "PutItem"):
        assert desk.callback(said(desk, "Раз"))[0] == 500
    assert vault(desk) == []
    assert desk.callback(said(desk, "Раз")) == (200, b"")
    assert texts(desk) == ["Раз"]


def test_a_key_that_cannot_be_opened_lets_viber_try_again(desk: Desk) -> None:
    remembering._known.clear()
    kms.unseal.cache_clear()
    with broken("GetItem"):
        assert desk.callback(said(desk, "Раз"))[0] == 500
    assert desk.callback(said(desk, "Раз")) == (200, b"")
    assert texts(desk) == ["Раз"]
