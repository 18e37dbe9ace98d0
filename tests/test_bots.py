"""Bots: connected by their key, set up, watched, disconnected."""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from chalicelib import aws, bots, config, errors, kms, people, store, tables, viber
from chalicelib.audit import Actor
from chalicelib.bots import connecting
from chalicelib.log import log
from chalicelib.tables import Bot, Lookup
from demo.emulator.media import avatar
from tests.desk import MADE_ON, OPERATOR, Answered, Desk
from tests.faults import out_of_reach
from tests.fixtures_accounts import everything

NEIGHBOUR = "ivan@example.net"
SILENT, SILENT_AFTER = "silent", "silent after"


class Line:
    """A line to the emulated Viber that fails in a call: in silence, or with this answer."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.failing: dict[str, str | tuple[int, Any]] = {}
        self.calls: list[str] = []

    @contextmanager
    def up(self) -> Iterator["Line"]:
        """Stand between the desk and Viber."""
        line = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                line._carry(self)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        direct = os.environ["VIBER_API_URL"]
        os.environ["VIBER_API_URL"] = f"http://127.0.0.1:{server.server_port}/pa"
        try:
            yield self
        finally:
            os.environ["VIBER_API_URL"] = direct
            server.shutdown()
            server.server_close()

    def _carry(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers["Content-Length"]))
        call = handler.path.rpartition("/")[2]
        self.calls.append(call)
        how = self.failing.get(call)
        if how == SILENT:
            return
        if isinstance(how, tuple):
            status, body = how[0], json.dumps(how[1]).encode()
        else:
            key = handler.headers["X-Viber-Auth-Token"]
            answer = self.desk.viber.answer("POST", handler.path, raw, key=key)
            if how == SILENT_AFTER:
                return
            status, body = answer.status, answer.body
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(body)


def path(desk: Desk, rest: str = "") -> str:
    return f"/v1/bots/{desk.bot.bot_id}{rest}"


def shown(desk: Desk) -> dict[str, Any]:
    answer = desk.call("GET", path(desk))
    assert answer.status == 200
    found: dict[str, Any] = answer.body
    return found


def connect(desk: Desk, key: str, **how: Any) -> Answered:
    return desk.call("POST", "/v1/bots", {"key": key, "made_on": "2023-11-30"}, **how)


def listed(desk: Desk, by: str = "olena@example.com") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.call("GET", "/v1/bots", by=by).body["items"]
    return found


def add_neighbour(desk: Desk) -> str:
    """Make another account; tell who its admin is."""
    people.make_account(
        name="Сусід",
        admin_email=NEIGHBOUR,
        admin_name="Іван",
        time_zone="Europe/Kyiv",
        language="uk",
        by=OPERATOR,
        now=desk.now,
    )
    desk.sign_in(NEIGHBOUR)
    return NEIGHBOUR


def without_audit(stored: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [row for row in rows if '"audit#' not in row] for name, rows in stored.items()}


# Connecting.


@pytest.mark.rule("S3.17")
def test_a_connected_bot_is_shown_by_name_and_picture_and_its_webhook_is_set(desk: Desk) -> None:
    new = desk.viber.world.add_bot("Кав'ярня ☕ Ґудзик", uri="kava")
    answer = connect(desk, f" {new.key}\n")
    assert answer.status == 201
    bot = answer.body
    assert (bot["state"], bot["name"], bot["uri"]) == ("connected", "Кав'ярня ☕ Ґудзик", "kava")
    assert new.webhook == f"https://desk.example/api/viber/{bot['bot_id']}"
    assert set(bots.EVENTS) == set(new.event_types)
    assert (new.send_name, new.send_photo) == (True, True)
    desk.work()
    (icon,) = [each["icon_file_id"] for each in listed(desk) if each["bot_id"] == bot["bot_id"]]
    assert desk.download(icon)["Body"] == avatar("avatar-kava")


@pytest.mark.rule("S3.14")
def test_a_wrong_key_is_refused_with_viber_s_reason_and_nothing_is_stored(desk: Desk) -> None:
    before = everything()
    answer = connect(desk, "0123456789abcdef-0123456789abcdef-0123456789abcdef")
    assert (answer.status, answer.body["field"], answer.body["viber_status"]) == (400, "key", 2)
    assert viber.words(2) in answer.body["detail"]
    assert everything() == before


@pytest.mark.parametrize("key", ["", " ", "ключ", "a b", "a\nb", "x" * 201])
def test_what_cannot_be_a_key_is_refused_before_viber_is_asked(desk: Desk, key: str) -> None:
    before = everything()
    with Line(desk).up() as line:
        answer = connect(desk, key)
    assert (answer.status, answer.body["field"], line.calls) == (400, "key", [])
    assert everything() == before


@pytest.mark.rule("S3.14")
def test_a_webhook_that_viber_refuses_leaves_nothing_stored(desk: Desk) -> None:
    new = desk.viber.world.add_bot("Кав'ярня")
    before = everything()
    line = Line(desk)
    line.failing["set_webhook"] = (200, {"status": 1, "status_message": "PKIX path building"})
    with line.up():
        answer = connect(desk, new.key)
    assert (answer.status, answer.body["field"]) == (400, "key")
    assert "certificate" in answer.body["detail"]
    assert everything() == before
    assert connect(desk, new.key).status == 201


@pytest.mark.rule("S3.18")
def test_a_connected_key_is_not_connected_again_here_or_in_another_account(desk: Desk) -> None:
    neighbour = add_neighbour(desk)
    before, webhook = everything(), desk.viber_bot.webhook
    for by in ("olena@example.com", neighbour):
        answer = connect(desk, desk.viber_bot.key, by=by)
        assert answer.status == 409
        assert answer.body["type"].endswith("/already-connected")
    assert (everything(), desk.viber_bot.webhook) == (before, webhook)
    assert listed(desk, by=neighbour) == []


@pytest.mark.rule("S4.1")
def test_an_account_may_have_several_bots(desk: Desk) -> None:
    for name in ("Кав'ярня", "Аптека"):
        desk.wait(seconds=1)
        assert connect(desk, desk.viber.world.add_bot(name).key).status == 201
    assert [each["name"] for each in listed(desk)] == ["Пекарня", "Кав'ярня", "Аптека"]
    assert {each["state"] for each in listed(desk)} == {"connected"}
    assert len({each["bot_id"] for each in listed(desk)}) == 3


# When Viber says nothing.

SILENCES: list[tuple[str, str | tuple[int, Any]]] = [
    ("get_account_info", SILENT),
    ("get_account_info", (503, {})),
    ("get_account_info", (200, {"status": 0})),
    ("get_account_info", (429, {})),
    ("set_webhook", SILENT),
    ("set_webhook", SILENT_AFTER),
    ("set_webhook", (500, {})),
]


@pytest.mark.parametrize(("call", "how"), SILENCES)
def test_without_an_answer_of_viber_s_nothing_is_connected_and_a_later_try_works(
    desk: Desk, call: str, how: str | tuple[int, Any]
) -> None:
    new = desk.viber.world.add_bot("Кав'ярня")
    before = everything()
    line = Line(desk)
    line.failing[call] = how
    with line.up():
        answer = connect(desk, new.key)
        assert (answer.status, answer.body["type"].rpartition("/")[2]) == (502, "gateway-failed")
        assert [each["state"] for each in listed(desk)].count("connected") == 1
        if call == "get_account_info":
            assert everything() == before
        line.failing.clear()
        assert connect(desk, new.key).status == 201
    assert {each["state"] for each in listed(desk)} == {"connected"}
    assert len(listed(desk)) == 2


def test_what_customers_wrote_to_while_it_was_connecting_is_never_deleted(desk: Desk) -> None:
    new = desk.viber.world.add_bot("Кав'ярня")
    line = Line(desk)
    line.failing["set_webhook"] = SILENT_AFTER
    with line.up():
        assert connect(desk, new.key).status == 502
    desk.viber.people.write(desk.phone().phone_id, new.uri, {"type": "text", "text": "Кави!"})
    desk.viber.dispatcher.flush()
    (ticket,) = desk.tickets()
    line.failing["set_webhook"] = (429, {})
    with line.up():
        assert connect(desk, new.key).status >= 400

    assert desk.ticket(ticket["ticket_id"])["bot_id"] == ticket["bot_id"]
    line.failing.clear()
    with line.up():
        again = connect(desk, new.key)
    assert (again.status, again.body["bot_id"]) == (201, ticket["bot_id"])


def test_a_viber_that_cannot_be_reached_is_no_fault_of_the_key(desk: Desk) -> None:
    before = everything()
    with out_of_reach("VIBER_API_URL"):
        answer = connect(desk, desk.viber.world.add_bot("Кав'ярня").key)
        replaced = desk.call("PUT", path(desk, "/key"), {"key": desk.viber_bot.key})
    assert (answer.status, replaced.status) == (502, 502)
    assert "field" not in answer.body
    assert everything() == before


def leased(desk: Desk, key: str, account_id: str) -> Bot:
    """Die between the lease and the webhook."""
    info = viber.Client(key, base_url=config.viber_api_url()).get_account_info()
    old = connecting.Wanted(made_on=MADE_ON)
    return connecting._lease(account_id, key, info, old, by=desk.actor, now=desk.now)


def test_what_a_crash_left_half_connected_can_be_taken_up_at_once_by_its_account(
    desk: Desk,
) -> None:
    new = desk.viber.world.add_bot("Кав'ярня")
    crashed = leased(desk, new.key, desk.account_id)
    answer = connect(desk, new.key)
    assert (answer.status, answer.body["bot_id"]) == (201, crashed.bot_id)
    assert [each["state"] for each in listed(desk)] == ["connected", "connected"]


def test_what_a_crash_left_half_connected_is_free_for_others_once_its_lease_is_over(
    desk: Desk,
) -> None:
    neighbour = add_neighbour(desk)
    new = desk.viber.world.add_bot("Кав'ярня")
    desk.wait(seconds=1)
    leased(desk, new.key, desk.account_id)
    assert connect(desk, new.key, by=neighbour).status == 409
    desk.wait(seconds=61)
    answer = connect(desk, new.key, by=neighbour)
    assert answer.status == 201
    assert new.webhook.endswith(answer.body["bot_id"])
    states = [(each["name"], each["state"]) for each in listed(desk)]
    assert states == [("Пекарня", "connected"), ("Кав'ярня", "disconnected")]


def test_what_a_crash_left_half_connected_is_finished_by_the_schedule(desk: Desk) -> None:
    new = desk.viber.world.add_bot("Кав'ярня")
    crashed = leased(desk, new.key, desk.account_id)
    desk.run("check_webhooks")
    assert new.webhook == ""
    desk.wait(seconds=61)
    desk.run("check_webhooks")
    assert {each["state"] for each in listed(desk)} == {"connected"}
    assert new.webhook.endswith(crashed.bot_id)


# Disconnecting and coming back.


@pytest.mark.rule("S4.35")
def test_disconnecting_takes_the_webhook_away_at_viber_and_leaves_the_tickets(desk: Desk) -> None:
    desk.phone().write("Чи є хліб?")
    (ticket,) = desk.tickets()
    answer = desk.call("DELETE", path(desk))
    assert (answer.status, answer.body["state"]) == (200, "disconnected")
    assert desk.viber_bot.webhook == ""
    assert desk.tickets() == [ticket]
    assert [m["content"]["text"] for m in desk.thread(ticket["ticket_id"])] == ["Чи є хліб?"]
    opened = desk.ticket(ticket["ticket_id"])
    assert (opened["bot"]["state"], opened["contact"]["name"]) == ("disconnected", "Марічка")
    assert desk.reply(ticket["ticket_id"], "Так").status == 409
    bot = store.get(Bot, desk.bot.bot_id)
    assert bot is not None
    assert bot.key_sealed is None
    assert bot.due_at is None


def test_disconnecting_what_is_disconnected_changes_nothing(desk: Desk) -> None:
    first = desk.call("DELETE", path(desk))
    before = everything()
    desk.wait(minutes=1)
    with Line(desk).up() as line:
        again = desk.call("DELETE", path(desk))
    assert (again.status, again.body, line.calls) == (200, first.body, [])
    assert everything() == before


def test_a_key_that_viber_no_longer_accepts_can_be_disconnected(desk: Desk) -> None:
    desk.viber_bot.key = "another-key"
    assert desk.call("DELETE", path(desk)).body["state"] == "disconnected"


@pytest.mark.parametrize("how", [SILENT, SILENT_AFTER, (503, {}), (200, {"status": 12})])
def test_a_webhook_that_may_still_be_there_keeps_the_bot_connected(
    desk: Desk, how: str | tuple[int, Any]
) -> None:
    before = everything()
    line = Line(desk)
    line.failing["set_webhook"] = how
    with line.up():
        assert desk.call("DELETE", path(desk)).status == 502
    assert everything() == before
    assert desk.call("DELETE", path(desk)).body["state"] == "disconnected"
    assert desk.viber_bot.webhook == ""


def test_a_viber_that_cannot_be_reached_keeps_the_bot_connected(desk: Desk) -> None:
    before = everything()
    with out_of_reach("VIBER_API_URL"):
        assert desk.call("DELETE", path(desk)).status == 502
    assert everything() == before


@pytest.mark.parametrize("way", ["POST", "PUT"])
def test_a_bot_that_comes_back_keeps_its_id_its_settings_and_its_tickets(
    desk: Desk, way: str
) -> None:
    phone = desk.phone()
    phone.write("Раз")
    (ticket,) = desk.tickets()
    desk.set_bot(welcome_text="Вітаємо!", opens_new_ticket=False)
    desk.call("DELETE", path(desk))
    desk.wait(days=3)
    desk.tokens.clear()
    to = "/v1/bots" if way == "POST" else path(desk, "/key")
    answer = desk.call(way, to, {"key": desk.viber_bot.key})
    assert (answer.status, answer.body["bot_id"]) == (201 if way == "POST" else 200, bot_id(desk))
    assert (answer.body["state"], answer.body["disconnected_at"]) == ("connected", None)
    assert answer.body["settings"]["welcome_text"] == "Вітаємо!"
    phone.write("Два")
    assert [m["content"]["text"] for m in desk.thread(ticket["ticket_id"])] == ["Раз", "Два"]
    assert desk.reply(ticket["ticket_id"], "Так").status == 202
    desk.work()
    assert [each["text"] for each in phone.heard] == ["Так"]


def bot_id(desk: Desk) -> str:
    return str(desk.bot.bot_id)


@pytest.mark.parametrize("way", ["POST", "PUT"])
@pytest.mark.parametrize("how", [(200, {"status": 1}), SILENT])
def test_a_return_that_fails_leaves_the_bot_to_be_connected_later(
    desk: Desk, way: str, how: str | tuple[int, Any]
) -> None:
    assert desk.call("DELETE", path(desk)).status == 200
    gone = shown(desk)
    desk.wait(minutes=5)
    to = "/v1/bots" if way == "POST" else path(desk, "/key")
    line = Line(desk)
    line.failing["set_webhook"] = how
    with line.up():
        assert desk.call(way, to, {"key": desk.viber_bot.key}).status in (400, 502)
    if how == SILENT:
        # Nobody knows how it ended; the schedule asks.
        assert shown(desk)["state"] == "connecting"
        desk.wait(seconds=61)
        desk.run("check_webhooks")
    else:
        assert shown(desk) == gone
        assert desk.call(way, to, {"key": desk.viber_bot.key}).status in (200, 201)
    assert shown(desk)["state"] == "connected"
    assert desk.viber_bot.webhook.endswith(bot_id(desk))


def test_a_bot_that_another_account_has_taken_up_cannot_be_called_back(desk: Desk) -> None:
    neighbour = add_neighbour(desk)
    desk.phone().write("Раз")
    desk.call("DELETE", path(desk))
    theirs = connect(desk, desk.viber_bot.key, by=neighbour)
    assert theirs.status == 201
    before, webhook = everything(), desk.viber_bot.webhook
    for way, to in (("POST", "/v1/bots"), ("PUT", path(desk, "/key"))):
        assert desk.call(way, to, {"key": desk.viber_bot.key}).status == 409
    assert (everything(), desk.viber_bot.webhook) == (before, webhook)
    desk.call("DELETE", f"/v1/bots/{theirs.body['bot_id']}", by=neighbour)
    back = connect(desk, desk.viber_bot.key)
    assert (back.status, back.body["bot_id"]) == (201, bot_id(desk))
    assert len(listed(desk)) == 1
    assert len(desk.tickets()) == 1


def test_a_stale_return_that_others_overtake_keeps_its_bot_and_its_tickets(desk: Desk) -> None:
    neighbour = add_neighbour(desk)
    desk.phone().write("Раз")
    desk.call("DELETE", path(desk))
    leased(desk, desk.viber_bot.key, desk.account_id)
    desk.wait(seconds=61)
    assert connect(desk, desk.viber_bot.key, by=neighbour).status == 201
    assert shown(desk)["state"] == "disconnected"
    (ticket,) = desk.tickets()
    assert desk.ticket(ticket["ticket_id"])["bot"]["state"] == "disconnected"
    desk.run("check_webhooks")
    assert not desk.viber_bot.webhook.endswith(bot_id(desk))


# Another key.


def test_a_replaced_key_is_used_from_then_on(desk: Desk) -> None:
    phone = desk.phone()
    phone.write("Раз")
    desk.viber_bot.key = "50587abc-new0-key0-5d59-39b13edd4ea1"
    answer = desk.call("PUT", path(desk, "/key"), {"key": desk.viber_bot.key})
    assert (answer.status, answer.body["state"]) == (200, "connected")
    phone.write("Два")
    (ticket,) = desk.tickets()
    assert len(desk.thread(ticket["ticket_id"])) == 2
    desk.reply(ticket["ticket_id"], "Так")
    desk.work()
    assert [each["text"] for each in phone.heard] == ["Так"]


def test_another_bot_s_key_is_refused_and_nothing_changes(desk: Desk) -> None:
    other = desk.viber.world.add_bot("Аптека")
    before, webhook = everything(), desk.viber_bot.webhook
    answer = desk.call("PUT", path(desk, "/key"), {"key": other.key})
    assert (answer.status, answer.body["field"]) == (400, "key")
    assert "Аптека" in answer.body["detail"]
    assert (everything(), desk.viber_bot.webhook, other.webhook) == (before, webhook, "")


@pytest.mark.parametrize("how", [SILENT, (200, {"status": 1})])
def test_a_bot_whose_new_key_is_right_stays_connected_though_the_webhook_failed(
    desk: Desk, how: str | tuple[int, Any]
) -> None:
    phone = desk.phone()
    phone.write("Раз")
    desk.viber_bot.key = "50587abc-new0-key0-5d59-39b13edd4ea1"
    line = Line(desk)
    line.failing["set_webhook"] = how
    with line.up():
        assert desk.call("PUT", path(desk, "/key"), {"key": desk.viber_bot.key}).status == 502
    assert shown(desk)["state"] == "connected"
    phone.write("Два")
    (ticket,) = desk.tickets()
    assert len(desk.thread(ticket["ticket_id"])) == 2
    desk.viber_bot.webhook = ""
    desk.wait(seconds=61)
    desk.run("check_webhooks")
    assert shown(desk)["webhook"]["state"] == "repaired"


# Watching.


def check_later(desk: Desk, **span: float) -> dict[str, Any]:
    desk.wait(**(span or {"minutes": 11}))
    desk.run("check_webhooks")
    found: dict[str, Any] = shown(desk)["webhook"]
    return found


def test_a_lost_webhook_is_set_again(desk: Desk) -> None:
    wanted = desk.viber_bot.webhook
    assert check_later(desk)["state"] == "ok"
    for lost in ("", "https://elsewhere.example/hook"):
        desk.viber_bot.webhook = lost
        webhook = check_later(desk)
        assert (webhook["state"], desk.viber_bot.webhook) == ("repaired", wanted)
        assert (lost.split("/")[2] if lost else "no webhook") in webhook["trouble"]
        assert "hook" not in webhook["trouble"].removeprefix("Viber had a webhook at").replace(
            "no webhook", ""
        )
        assert webhook["repaired_at"] == webhook["checked_at"]
    repaired_at = webhook["repaired_at"]
    webhook = check_later(desk)
    assert (webhook["state"], webhook["trouble"]) == ("ok", None)
    assert webhook["repaired_at"] == repaired_at
    desk.phone().write("Раз")
    assert len(desk.tickets()) == 1


def test_events_that_viber_no_longer_sends_are_asked_for_again(desk: Desk) -> None:
    desk.viber_bot.event_types = ("message", "subscribed", "unsubscribed", "seen")
    webhook = check_later(desk)
    assert webhook["state"] == "repaired"
    assert "conversation_started, delivered, failed" in webhook["trouble"]
    assert set(desk.viber_bot.event_types) == set(bots.EVENTS)


def test_a_key_that_viber_refuses_is_told_and_asked_about_less_often(desk: Desk) -> None:
    right = desk.viber_bot.key
    desk.viber_bot.key = "another-key"
    webhook = check_later(desk)
    assert (webhook["state"], webhook["trouble"]) == ("broken", viber.words(2))
    with Line(desk).up() as line:
        assert check_later(desk)["state"] == "broken"
        assert line.calls == []
        desk.viber_bot.key = right
        assert check_later(desk, minutes=50)["state"] == "ok"
        assert line.calls == ["get_account_info"]


@pytest.mark.parametrize("how", [SILENT, (502, {}), (200, {"status": 12}), None])
def test_a_silent_viber_is_not_taken_for_a_broken_webhook(
    desk: Desk, how: str | tuple[int, Any] | None
) -> None:
    line = Line(desk)
    if how is None:
        with out_of_reach("VIBER_API_URL"):
            assert check_later(desk)["state"] == "unknown"
    else:
        line.failing["get_account_info"] = how
        with line.up():
            assert check_later(desk)["state"] == "unknown"
    assert check_later(desk)["state"] == "ok"


def test_an_admin_may_have_the_webhook_checked_now(desk: Desk) -> None:
    desk.viber_bot.webhook = ""
    answer = desk.call("POST", path(desk, "/check"), {})
    assert (answer.status, answer.body["webhook"]["state"]) == (200, "repaired")
    assert desk.viber_bot.webhook
    desk.call("DELETE", path(desk))
    answer = desk.call("POST", path(desk, "/check"), {})
    assert (answer.status, answer.body["state"], desk.viber_bot.webhook) == (
        200,
        "disconnected",
        "",
    )


def test_where_nothing_is_due_the_schedule_asks_sixteen_questions_and_no_more(desk: Desk) -> None:
    calls: list[str] = []
    events = tables.connection.client.meta.events

    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    events.register("before-call.dynamodb", count)
    try:
        with Line(desk).up() as line:
            desk.run("check_webhooks")
    finally:
        events.unregister("before-call.dynamodb", count)
    assert (calls, line.calls) == (["Query"] * 16, [])


# Settings.


@pytest.mark.rule("S3.19")
@pytest.mark.rule("S4.27")
def test_a_bot_begins_with_a_new_ticket_where_none_is_active_and_this_can_be_changed(
    desk: Desk,
) -> None:
    assert shown(desk)["settings"] == {
        "opens_new_ticket": True,
        "sends_as_employee": False,
        "assignee_id": None,
        "participant_ids": [],
        "welcome_text": "",
    }
    desk.set_bot(opens_new_ticket=False)
    assert shown(desk)["settings"]["opens_new_ticket"] is False
    desk.set_bot(welcome_text="Вітаємо 🥐")
    settings = shown(desk)["settings"]
    assert (settings["opens_new_ticket"], settings["welcome_text"]) == (False, "Вітаємо 🥐")


@pytest.mark.rule("S4.33")
def test_every_bot_has_settings_of_its_own(desk: Desk) -> None:
    second = connect(desk, desk.viber.world.add_bot("Аптека", uri="apteka").key).body
    desk.set_bot(opens_new_ticket=False, welcome_text="Пекарня вітає")
    settings = {each["name"]: each["settings"] for each in listed(desk)}
    assert settings["Пекарня"]["welcome_text"] == "Пекарня вітає"
    assert settings["Аптека"] == second["settings"]
    phone = desk.phone()
    talks = (("pekarnia", 1), ("apteka", 2))
    for uri, _ in talks:
        desk.viber.people.write(phone.phone_id, uri, {"type": "text", "text": "Раз"})
    desk.viber.dispatcher.flush()
    for each in desk.tickets():
        desk.change(each["ticket_id"], status="done")
    for uri, _ in talks:
        desk.viber.people.write(phone.phone_id, uri, {"type": "text", "text": "Два"})
    desk.viber.dispatcher.flush()
    for uri, tickets_count in talks:
        (found,) = [each["bot_id"] for each in listed(desk) if each["uri"] == uri]
        of_bot = desk.tickets(f"?bot_id={found}") + desk.tickets(f"?bot_id={found}&view=inactive")
        assert len(of_bot) == tickets_count


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"opens_new_ticket": "так"}, "opens_new_ticket"),
        ({"assignee_id": "per_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "assignee_id"),
        ({"participant_ids": ["per_01ARZ3NDEKTSV4RRFFQ69G5FAV"]}, "participant_ids[0]"),
        ({"welcome_text": "ї" * 7001}, "welcome_text"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(
    desk: Desk, change: dict[str, Any], field: str
) -> None:
    before = everything()
    answer = desk.call("PATCH", path(desk), change)
    assert (answer.status, answer.body["field"]) == (400, field)
    assert everything() == before


# The link.


@pytest.mark.rule("S3.26")
def test_the_link_opens_the_bot_by_viber_s_uri_and_not_by_its_name(desk: Desk) -> None:
    assert shown(desk)["link"] == "viber://pa?chatURI=pekarnia"
    answer = desk.call("GET", path(desk, "/link"))
    assert answer.body["link"] == "viber://pa?chatURI=pekarnia"
    assert answer.body["qr_svg"].startswith("<svg")


def test_what_the_link_carries_is_written_so_that_nothing_of_it_is_lost(desk: Desk) -> None:
    context, text = "акція=1&місто=Львів#2 %+", "Хочу 🍞 & сіль?"
    query = f"?context={quote(context)}&text={quote(text)}"
    link = desk.call("GET", path(desk, f"/link{query}".replace("%25", "%25"))).body["link"]
    assert re.fullmatch(r"viber://pa\?chatURI=pekarnia&context=[\w%.~-]+&text=[\w%.~-]+", link)
    carried = parse_qs(urlsplit(link).query)
    assert (carried["context"], carried["text"]) == ([context], [text])


@pytest.mark.rule("S4.9")
def test_who_follows_the_link_can_talk_to_the_bot(desk: Desk) -> None:
    link = desk.call("GET", path(desk, "/link?context=flyer")).body["link"]
    carried = parse_qs(urlsplit(link).query)
    phone = desk.phone()
    desk.viber.people.open(phone.phone_id, carried["chatURI"][0], unquote(carried["context"][0]))
    desk.viber.dispatcher.flush()
    phone.write("Привіт")
    (ticket,) = desk.tickets()
    assert desk.ticket(ticket["ticket_id"])["conversation"]["context"] == "flyer"


def test_what_does_not_fit_a_qr_code_is_refused(desk: Desk) -> None:
    answer = desk.call("GET", path(desk, f"/link?text={'x' * 3000}"))
    assert (answer.status, answer.body["field"]) == (400, "context")


# The secret.


def test_the_key_is_nowhere_in_clear(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    log.setLevel("DEBUG")
    try:
        secret = "4453b6ac-1s3c-r3t0-9f8e-51c1e3a1f9a1"
        new = desk.viber.world.add_bot("Таємна", key=secret)
        wrong = f"{secret}-but-wrong"
        answers = [connect(desk, wrong), connect(desk, secret), connect(desk, secret)]
        made = f"/v1/bots/{answers[1].body['bot_id']}"
        line = Line(desk)
        line.failing["set_webhook"] = SILENT
        with line.up():
            answers += [desk.call("DELETE", made), connect(desk, secret)]
            answers.append(desk.call("PUT", f"{made}/key", {"key": secret}))
        answers += [desk.call("PUT", path(desk, "/key"), {"key": secret})]
        answers += [desk.call("POST", f"{made}/check", {}), desk.call("GET", made)]
        answers += [desk.call("GET", "/v1/bots"), desk.call("GET", "/v1/audit")]
        assert [each.status for each in answers] == [
            *(400, 201, 409, 502, 409, 502, 400, 200, 200, 200, 200)
        ]
        stored = everything()
    finally:
        log.setLevel("WARNING")
    assert new.webhook
    assert secret not in json.dumps(stored)
    assert secret not in json.dumps([each.body for each in answers])
    assert secret not in "".join(capfd.readouterr())


def test_a_sealed_key_opens_under_its_own_bot_s_name_only(desk: Desk) -> None:
    bot = store.get(Bot, bot_id(desk))
    assert bot is not None
    sealed = bytes(bot.key_sealed or b"")
    assert kms.unseal(sealed, owner=bot_id(desk)) == desk.viber_bot.key
    with pytest.raises(aws.client("kms").exceptions.InvalidCiphertextException):
        kms.unseal(sealed, owner="bot_01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_two_who_connect_one_bot_at_once_do_not_both_have_it(desk: Desk) -> None:
    new = desk.viber.world.add_bot("Кав'ярня")
    first = leased(desk, new.key, desk.account_id)
    second = leased(desk, new.key, desk.account_id)
    assert first.bot_id == second.bot_id
    by = Actor(desk.admin.person_id, desk.admin.name)
    info = viber.Client(new.key, base_url=config.viber_api_url()).get_account_info()
    with pytest.raises(errors.Conflict):
        connecting._finish(first, info, by=by, now=desk.now + timedelta(seconds=1))
    connecting._finish(second, info, by=by, now=desk.now + timedelta(seconds=1))
    owner = store.get(Lookup, f"viber#{info.id}")
    assert owner is not None
    assert owner.subject_id == second.bot_id
