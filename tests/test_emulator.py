import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import urllib3

from demo.emulator import Emulator
from demo.emulator.callbacks import poster, sign
from demo.emulator.media import png
from demo.emulator.records import Profile

KEY = "4453b6ac12345678-e02c5f12174805f9-daec9cbb5448c51f"
WEBHOOK = "https://desk.example/viber/bot_1"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Webhook:
    """The bot's side: keeps what came, answers what it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = b""
        self.received: list[tuple[str, dict[str, str], bytes]] = []

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.received.append((url, headers, body))
        return self.status, self.answer

    def events(self, name: str = "") -> list[dict[str, Any]]:
        events = [json.loads(body) for _, _, body in self.received]
        return [event for event in events if name in ("", event["event"])]


class Desk:
    """An emulator with one bot and one phone, and the HTTP calls to it."""

    def __init__(self, emulator: Emulator, clock: Clock, webhook: Webhook) -> None:
        self.emulator, self.clock, self.webhook = emulator, clock, webhook
        self.http = urllib3.PoolManager(retries=False, timeout=5.0)
        emulator.world.add_bot("Зерно", uri="zerno", key=KEY)
        emulator.world.add_phone(Profile(name="Оксана", phone_number="380671234567"))

    def pa(self, call: str, key: str | None = KEY, **body: Any) -> dict[str, Any]:
        headers = {"X-Viber-Auth-Token": key} if key else {}
        url = f"{self.emulator.api_url}/{call}"
        answer: dict[str, Any] = self.http.request("POST", url, json=body, headers=headers).json()
        return answer

    def control(self, path: str, status: int = 200, **body: Any) -> Any:
        answer = self.http.request("POST", f"{self.emulator.url}/control{path}", json=body)
        assert answer.status == status, answer.data
        return answer.json()

    def get(self, path: str) -> Any:
        return self.http.request("GET", self.emulator.url + path).json()

    def connect(self, **body: Any) -> "Desk":
        wanted: dict[str, Any] = {"url": WEBHOOK, "send_name": True, "send_photo": True}
        assert self.pa("set_webhook", **(wanted | body))["status"] == 0
        self.webhook.received.clear()
        return self

    def write(self, text: str = "Привіт ☕", phone: str = "phone1", **more: Any) -> str:
        body = {"bot": "zerno", "type": "text", "text": text} | more
        sent = self.control(f"/phones/{phone}/messages", **body)
        return str(sent["message_token"])

    def send(self, text: str = "Вітаємо", **more: Any) -> dict[str, Any]:
        body: dict[str, Any] = {
            "receiver": self.user_id(),
            "type": "text",
            "text": text,
            "sender": {"name": "Зерно"},
        }
        answer = self.pa("send_message", **(body | more))
        assert self.emulator.settle()
        return answer

    def user_id(self, phone: str = "phone1") -> str:
        return str(self.chat(phone)["user_id"])

    def chat(self, phone: str = "phone1") -> Any:
        return self.get(f"/control/phones/{phone}/chats/zerno")

    def set_phone(self, **changes: Any) -> None:
        self.control("/phones/phone1/settings", **changes)

    def set_faults(self, *faults: dict[str, Any]) -> None:
        self.control("/bots/zerno/faults", next=list(faults))


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock, webhook = Clock(), Webhook()
    emulator = Emulator(clock=clock, post=webhook, synchronous=True, seed=7).start()
    desk = Desk(emulator, clock, webhook)
    yield desk
    desk.http.clear()
    emulator.stop()


def test_a_webhook_is_set_after_a_signed_event_got_200(desk: Desk) -> None:
    answer = desk.pa("set_webhook", url=WEBHOOK, event_types=["delivered"])
    assert answer["status"] == 0
    assert answer["event_types"] == ["message", "subscribed", "unsubscribed", "delivered"]
    [(url, headers, body)] = desk.webhook.received
    assert url == WEBHOOK
    expected = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Viber-Content-Signature"] == expected
    assert json.loads(body)["event"] == "webhook"
    assert desk.pa("get_account_info")["webhook"] == WEBHOOK


def test_a_webhook_that_answers_anything_else_is_not_set(desk: Desk) -> None:
    desk.webhook.status = 401
    assert desk.pa("set_webhook", url=WEBHOOK)["status"] == 1
    assert desk.pa("get_account_info")["webhook"] == ""
    assert desk.send()["status"] == 10


def test_an_empty_url_takes_the_webhook_and_the_chat_away(desk: Desk) -> None:
    desk.connect()
    desk.write()
    assert desk.pa("set_webhook", url="")["status"] == 0
    desk.control("/phones/phone1/messages", 409, bot="zerno", type="text", text="?")


def test_a_wrong_or_missing_key_is_status_2(desk: Desk) -> None:
    assert desk.pa("get_account_info", key="no-such-key")["status"] == 2
    missing = desk.pa("get_account_info", key=None)
    assert (missing["status"], missing["status_message"]) == (2, "missing_auth_token")
    assert desk.pa("get_account_info", key=None, auth_token=KEY)["uri"] == "zerno"


def test_the_first_message_subscribes_without_a_subscribed_event(desk: Desk) -> None:
    token = desk.connect().write("Чи є кава? ☕")
    [event] = desk.webhook.events()
    assert event["event"] == "message"
    assert event["message"] == {"type": "text", "text": "Чи є кава? ☕"}
    assert event["sender"]["name"] == "Оксана"
    assert len(event["sender"]["id"]) == 24
    assert event["message_token"] == int(token)
    assert event["silent"] is False
    assert desk.chat()["subscribed"] is True


def test_names_stay_private_unless_the_webhook_asked_for_them(desk: Desk) -> None:
    desk.connect(send_name=False, send_photo=False).write()
    sender = desk.webhook.events()[0]["sender"]
    assert sender["name"] != "Оксана"
    assert "avatar" not in sender


def test_tokens_are_ordered_and_tell_their_time(desk: Desk) -> None:
    desk.connect()
    tokens = []
    for _ in range(3):
        tokens += [int(desk.write()), int(desk.write())]
        desk.clock.move(milliseconds=1)
    assert tokens == sorted(set(tokens))
    assert (tokens[0] >> 22) + 292_057_776_128 == NOON.timestamp() * 1000
    assert 2**53 < tokens[0] < 2**63


def test_tokens_are_integers_on_the_wire_and_strings_in_the_control_api(desk: Desk) -> None:
    desk.connect().write()
    sent = desk.send()["message_token"]
    assert type(sent) is int
    assert type(desk.webhook.events("delivered")[0]["message_token"]) is int
    state = desk.get("/control/state")
    [phone] = state["phones"]
    shown = [message["message_token"] for message in phone["chats"]["zerno"]["messages"]]
    assert shown[1] == str(sent)
    assert all(type(one["message_token"]) is str for one in state["callbacks"])
    assert desk.get(f"/control/state?since={state['version']}")["changed"] is False


def test_user_ids_differ_from_bot_to_bot(desk: Desk) -> None:
    desk.connect()
    other = desk.control("/bots", name="Інший", uri="other")
    assert desk.pa("set_webhook", key=other["key"], url=WEBHOOK)["status"] == 0
    desk.write()
    desk.write(bot="other")
    ours, theirs = desk.webhook.events("message")
    assert ours["sender"]["id"] != theirs["sender"]["id"]


def test_opening_the_chat_shows_the_welcome_from_the_response(desk: Desk) -> None:
    desk.connect()
    desk.webhook.answer = json.dumps({"type": "text", "text": "Ласкаво просимо"}).encode()
    desk.control("/phones/phone1/open", bot="zerno", context="каса-7")
    event = desk.webhook.events("conversation_started")[0]
    assert (event["type"], event["context"], event["subscribed"]) == ("open", "каса-7", False)
    chat = desk.chat()
    assert chat["messages"][0]["message"]["text"] == "Ласкаво просимо"
    assert chat["subscribed"] is False


def test_an_event_the_bot_did_not_ask_for_is_not_sent(desk: Desk) -> None:
    desk.connect(event_types=["seen"])
    desk.control("/phones/phone1/open", bot="zerno")
    desk.write()
    desk.send()
    desk.control("/phones/phone1/read", bot="zerno")
    assert [event["event"] for event in desk.webhook.events()] == ["message", "seen"]


def test_a_message_is_delivered_per_device_and_seen_once(desk: Desk) -> None:
    desk.connect().write()
    desk.set_phone(devices=3)
    token = desk.send()["message_token"]
    desk.control("/phones/phone1/read", bot="zerno")
    desk.control("/phones/phone1/read", bot="zerno")
    names = [e["event"] for e in desk.webhook.events() if e["message_token"] == token]
    assert names == ["delivered", "delivered", "delivered", "seen"]
    assert desk.chat()["messages"][1]["state"] == "seen"


def test_a_phone_that_is_off_gets_its_messages_when_it_is_on(desk: Desk) -> None:
    desk.connect().write()
    desk.set_phone(online=False)
    first, second = desk.send("1")["message_token"], desk.send("2")["message_token"]
    assert desk.webhook.events("delivered") == []
    assert desk.chat()["messages"][2]["state"] == "sent"
    assert desk.pa("get_online", ids=[desk.user_id()])["users"][0]["online_status"] == 1
    desk.set_phone(online=True)
    assert [e["message_token"] for e in desk.webhook.events("delivered")] == [first, second]


def test_a_message_undelivered_for_14_days_is_dropped_in_silence(desk: Desk) -> None:
    desk.connect().write()
    desk.set_phone(online=False)
    desk.send()
    desk.clock.move(days=14, seconds=1)
    desk.set_phone(online=True)
    assert desk.webhook.events("delivered") == []
    assert desk.chat()["messages"][1]["state"] == "expired"


def test_who_never_wrote_or_has_unsubscribed_is_status_6(desk: Desk) -> None:
    desk.connect()
    assert desk.send()["status"] == 6
    desk.write()
    assert desk.send()["status"] == 0
    desk.control("/phones/phone1/unsubscribe", bot="zerno")
    assert desk.webhook.events("unsubscribed")[0]["user_id"] == desk.user_id()
    assert desk.send()["status"] == 6
    assert desk.pa("get_online", ids=[desk.user_id()])["users"][0]["online_status"] == 4
    desk.control("/phones/phone1/subscribe", bot="zerno")
    assert desk.webhook.events("subscribed")[0]["user"]["id"] == desk.user_id()
    assert desk.send()["status"] == 0


def test_an_unknown_receiver_is_status_5(desk: Desk) -> None:
    assert desk.connect().send(receiver="AAAAAAAAAAAAAAAAAAAAAA==")["status"] == 5


def test_the_101st_message_without_a_reply_is_status_12(desk: Desk) -> None:
    desk.connect().write()
    assert {desk.send(str(n))["status"] for n in range(100)} == {0}
    assert desk.send()["status"] == 12
    desk.write("Я тут")
    assert desk.send()["status"] == 0
    desk.clock.move(hours=1)
    assert desk.send()["status"] == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"text": "я" * 7000}, 0),
        ({"text": "я" * 7001}, 3),
        ({"text": ""}, 4),
        ({"tracking_data": None}, 3),
        ({"sender": {"name": "х" * 29}}, 3),
        ({"type": "hologram"}, 3),
        ({"type": "picture", "media": "https://a.example/1.jpg", "text": ""}, 0),
        ({"type": "picture", "media": "https://a.example/1.jpg?X-Amz=1", "text": ""}, 0),
        ({"type": "picture", "media": "https://a.example/1.bmp", "text": ""}, 3),
        ({"type": "video", "media": "https://a.example/1.mp4", "size": 27_262_977}, 3),
        ({"type": "file", "media": "https://a.example/1", "size": 9, "file_name": "a.exe"}, 3),
        ({"type": "file", "media": "https://a.example/1", "size": 9, "file_name": "ї.pdf"}, 0),
        ({"type": "contact", "contact": {"name": "Ія", "phone_number": "1" * 19}}, 3),
        ({"type": "location", "location": {"lat": 91, "lon": 0}}, 3),
        ({"type": "sticker", "sticker_id": 46105}, 0),
        ({"min_api_version": 11}, 13),
        ({"keyboard": {"Type": "keyboard", "Buttons": [{"ActionBody": "так"}]}}, 0),
        ({"keyboard": {"Type": "keyboard", "Buttons": []}}, 4),
        (
            {
                "keyboard": {
                    "Type": "keyboard",
                    "Buttons": [{"ActionType": "share-phone", "ActionBody": "так"}],
                }
            },
            14,
        ),
    ],
)
def test_the_limits_of_a_message(desk: Desk, fields: dict[str, Any], status: int) -> None:
    desk.connect().write()
    assert desk.send(**fields)["status"] == status


def test_a_request_over_30_kilobytes_is_bad_data(desk: Desk) -> None:
    desk.connect().write()
    assert desk.send(padding="x" * 30_000)["status"] == 3


def test_a_refused_message_is_not_on_the_phone(desk: Desk) -> None:
    desk.connect().write()
    desk.set_faults({"refuse": 12})
    assert desk.send()["status"] == 12
    assert len(desk.chat()["messages"]) == 1
    assert desk.send()["status"] == 0


def test_a_lost_answer_still_reaches_the_phone(desk: Desk) -> None:
    desk.connect().write()
    desk.set_faults({"lose_answer": True})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        desk.send("Чи дійде?")
    assert desk.emulator.settle()
    message = desk.chat()["messages"][1]
    assert (message["message"]["text"], message["state"]) == ("Чи дійде?", "delivered")
    [receipt] = desk.webhook.events("delivered")
    assert str(receipt["message_token"]) == message["message_token"]


def test_a_lost_request_does_not_reach_the_phone(desk: Desk) -> None:
    desk.connect().write()
    desk.set_faults({"lose_request": True}, {"http": 500})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        desk.send()
    url, headers = f"{desk.emulator.api_url}/send_message", {"X-Viber-Auth-Token": KEY}
    assert desk.http.request("POST", url, json={}, headers=headers).status == 500
    assert len(desk.chat()["messages"]) == 1


def test_a_message_may_fail_after_it_was_accepted(desk: Desk) -> None:
    desk.connect().write()
    desk.set_faults({"fail_after": "unsupported picture"})
    token = desk.send()["message_token"]
    assert desk.chat()["messages"][1]["state"] == "failed"
    [failed] = desk.webhook.events("failed")
    assert (failed["message_token"], failed["desc"]) == (token, "unsupported picture")
    assert desk.webhook.events("delivered") == []


def test_a_callback_is_tried_again_with_the_same_token_until_200(desk: Desk) -> None:
    desk.connect()
    desk.webhook.status = 500
    desk.write()
    desk.emulator.dispatcher.pump()
    assert len(desk.webhook.received) == 1
    desk.clock.move(seconds=10)
    desk.emulator.dispatcher.pump()
    desk.webhook.status = 200
    desk.clock.move(seconds=20)
    desk.emulator.dispatcher.pump()
    desk.clock.move(hours=1)
    desk.emulator.dispatcher.pump()
    assert len({body for _, _, body in desk.webhook.received}) == 1
    assert len(desk.webhook.received) == 3
    assert desk.chat()["messages"][0]["state"] == "delivered"


def test_a_callback_is_given_up_after_an_hour(desk: Desk) -> None:
    desk.connect()
    desk.webhook.status = 0
    desk.write()
    for _ in range(90):
        desk.clock.move(minutes=1)
        desk.emulator.dispatcher.pump()
    assert 5 < len(desk.webhook.received) < 12
    assert desk.get("/control/state")["callbacks"][0]["state"] == "lost"


def test_a_broadcast_names_those_it_did_not_reach(desk: Desk) -> None:
    desk.connect().write()
    desk.control("/phones", name="Ніно", country="GE", language="ka-GE")
    stranger = desk.user_id("phone2")
    answer = desk.pa(
        "broadcast_message",
        broadcast_list=[desk.user_id(), stranger, "nobody"],
        sender={"name": "Зерно"},
        type="text",
        text="Знижка для replace_me_with_user_name",
    )
    assert answer["status"] == 0
    failed = [(one["receiver"], one["status"]) for one in answer["failed_list"]]
    assert failed == [(stranger, 6), ("nobody", 5)]
    assert desk.chat()["messages"][1]["message"]["text"] == "Знижка для Оксана"
    desk.control("/bots/zerno/settings", broadcast_allowed=False)
    body: dict[str, Any] = {"sender": {"name": "Зерно"}, "type": "text", "text": "Знижка"}
    assert desk.pa("broadcast_message", None, auth_token=KEY, **body)["status"] == 20


def test_billing_status_follows_24_hours_from_the_first_message(desk: Desk) -> None:
    desk.connect().write()
    desk.clock.move(hours=20)
    desk.write("Ще одне питання")
    assert desk.send()["billing_status"] == 2
    desk.clock.move(hours=4)
    assert desk.send()["billing_status"] == 5
    desk.control("/bots/zerno/settings", billable=False, free_messages=2)
    assert desk.send()["billing_status"] == 3
    assert desk.send()["status"] == 23
    desk.write()
    assert desk.send()["billing_status"] == 1


def test_a_bots_state_refuses_its_sends(desk: Desk) -> None:
    desk.connect().write()
    desk.control("/bots/zerno/settings", blocked=True)
    assert desk.send()["status"] == 7
    desk.control("/bots/zerno/settings", blocked=False, suspended=True)
    assert desk.send()["status"] == 9


def test_user_details_are_told_twice_in_12_hours(desk: Desk) -> None:
    desk.connect().write()
    ask: Callable[[], dict[str, Any]] = lambda: desk.pa("get_user_details", id=desk.user_id())  # noqa: E731
    assert ask()["user"]["country"] == "UA"
    assert [ask()["status"], ask()["status"]] == [0, 12]
    desk.clock.move(hours=12)
    assert ask()["status"] == 0


def test_tracking_data_comes_back_until_the_person_subscribes_anew(desk: Desk) -> None:
    desk.connect().write()
    desk.send(tracking_data="замовлення 5")
    desk.write()
    assert desk.webhook.events("message")[1]["message"]["tracking_data"] == "замовлення 5"
    desk.control("/phones/phone1/unsubscribe", bot="zerno")
    desk.control("/phones/phone1/subscribe", bot="zerno")
    desk.write()
    assert "tracking_data" not in desk.webhook.events("message")[2]["message"]


def test_a_tap_on_share_phone_sends_the_number(desk: Desk) -> None:
    desk.connect().write()
    button = {"ActionType": "share-phone", "ActionBody": "phone", "Text": "Поділитися"}
    hidden = {"ActionBody": "menu", "Silent": True}
    keyboard = {"Type": "keyboard", "Buttons": [button, hidden]}
    assert desk.send(keyboard=keyboard, min_api_version=3)["status"] == 0
    desk.control("/phones/phone1/tap", bot="zerno", button=0)
    desk.control("/phones/phone1/tap", bot="zerno", button=1)
    shared, silent = desk.webhook.events("message")[1:]
    assert shared["message"]["contact"]["phone_number"] == "380671234567"
    assert (silent["message"]["text"], silent["silent"]) == ("menu", True)


def test_held_receipts_come_out_in_reverse(desk: Desk) -> None:
    desk.connect().write()
    desk.control("/hold", on=True)
    token = desk.send()["message_token"]
    desk.control("/phones/phone1/read", bot="zerno")
    assert desk.webhook.events("delivered") == []
    assert desk.control("/release", order="reverse") == {"released": 2}
    names = [e["event"] for e in desk.webhook.events() if e["message_token"] == token]
    assert names == ["seen", "delivered"]


def test_a_duplicate_is_the_same_byte_for_byte(desk: Desk) -> None:
    desk.connect().write()
    assert desk.control("/duplicate", count=1) == {"resent": 1}
    assert desk.webhook.received[0] == desk.webhook.received[1]


def test_any_callback_can_be_sent_signed_or_not(desk: Desk) -> None:
    desk.connect()
    desk.control("/callbacks", bot="zerno", body={"event": "action", "нове": 1})
    desk.webhook.status = 401
    answer = desk.control("/callbacks", bot="zerno", body="{not json", signed=False)
    assert answer["http_status"] == 401
    (_, headers, body), (_, forged, raw) = desk.webhook.received
    assert headers["X-Viber-Content-Signature"] == sign(KEY, body)
    assert raw == b"{not json"
    assert forged["X-Viber-Content-Signature"] != sign(KEY, raw)


def test_bodies_are_escaped_and_plain_in_turn(desk: Desk) -> None:
    desk.connect()
    desk.write()
    desk.write()
    bodies = [body for _, _, body in desk.webhook.received]
    assert sorted(body.isascii() for body in bodies) == [False, True]


def test_the_signature_may_also_stand_in_the_query(desk: Desk) -> None:
    desk.connect()
    desk.control("/bots/zerno/settings", signature_in_query=True)
    desk.write()
    url, headers, _ = desk.webhook.received[0]
    assert url == f"{WEBHOOK}?sig={headers['X-Viber-Content-Signature']}"


def test_what_a_control_request_gets_wrong_is_named(desk: Desk) -> None:
    assert "colour" in desk.control("/phones/phone1/settings", 400, colour="red")["error"]
    assert "phone9" in desk.control("/phones/phone9/read", 404, bot="zerno")["error"]


def test_an_uploaded_picture_is_served_until_its_link_dies(desk: Desk) -> None:
    picture = png([[(255, 0, 0)]])
    url = f"{desk.emulator.url}/control/media?name=вид.png"
    stored = desk.http.request("POST", url, body=picture).json()
    served = desk.http.request("GET", stored["url"])
    assert (served.data, served.headers["Content-Type"]) == (picture, "image/png")
    media_id = stored["url"].split("/")[-2]
    desk.http.request("DELETE", f"{desk.emulator.url}/control/media/{media_id}")
    assert desk.http.request("GET", stored["url"]).status == 404


def test_the_phone_page_and_its_samples_are_there(desk: Desk) -> None:
    page = desk.http.request("GET", f"{desk.emulator.url}/phone")
    assert b'id="compose"' in page.data
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    samples = desk.get("/control/state")["samples"]
    for one in samples.values():
        assert len(desk.http.request("GET", one["url"]).data) == one["size"]
    avatar = desk.http.request("GET", f"{desk.emulator.url}/media/avatar-phone1/avatar.png")
    assert avatar.data.startswith(b"\x89PNG")


def test_threads_deliver_over_http_and_keep_each_conversations_order() -> None:
    received: list[str] = []
    done = threading.Event()

    class Bot(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append(event.get("message", {}).get("text", event["event"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if received[-1] == "19":
                done.set()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Bot) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        emulator = Emulator(post=poster()).start()
        desk = Desk(emulator, Clock(), Webhook())
        desk.connect(url=f"http://127.0.0.1:{server.server_port}/viber")
        for number in range(20):
            desk.write(str(number))
        assert done.wait(10)
        assert emulator.settle()
        desk.http.clear()
        emulator.stop()
        server.shutdown()
    assert received == ["webhook", *map(str, range(20))]
