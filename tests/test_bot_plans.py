"""Keys and plans: which bot a key is for, what may be connected again, what waits for a word."""

from typing import Any

import pytest

from chalicelib import bots, errors, requests, store
from chalicelib.tables import Bot, Lookup
from demo.emulator import records
from tests.desk import FORM, OPERATOR, Answered, Desk
from tests.fixtures_accounts import everything
from tests.test_bots import SILENT, Line, add_neighbour

OLD = "2023-11-30"


def connect(desk: Desk, key: str, **given: Any) -> Answered:
    return desk.call("POST", "/v1/bots", {"key": key} | given)


def shown(desk: Desk, bot_id: str) -> dict[str, Any]:
    answer = desk.call("GET", f"/v1/bots/{bot_id}")
    assert answer.status == 200
    found: dict[str, Any] = answer.body
    return found


def approved(desk: Desk) -> str:
    """Make a bot that awaits its key."""
    desk.top_up(400)
    asked = requests.Application("new", None, FORM, next(desk.keys))
    request = requests.apply(desk.account_id, asked, by=desk.actor, now=desk.now)
    verdict = requests.Verdict("approved")
    decided = requests.decide(
        desk.account_id, request.request_id, verdict, by=OPERATOR, now=desk.now
    )
    return str(decided.bot_id)


def young(desk: Desk, name: str = "Кав'ярня") -> records.Bot:
    """Let Viber have a bot that nobody has connected."""
    return desk.viber.world.add_bot(name, uri=f"bot-{next(desk.keys)}")


def waiting(desk: Desk) -> list[dict[str, Any]]:
    found = desk.call("GET", "/v1/requests").body["items"]
    return [each for each in found if each["state"] == "waiting"]


# Which bot a key is for.


@pytest.mark.rule("S1.1")
@pytest.mark.rule("S1.14")
@pytest.mark.parametrize("given", [{}, {"made_on": "2024-02-05"}, {"made_on": "2026-11-19"}])
def test_the_key_of_a_young_bot_is_refused_and_the_way_in_is_named(
    desk: Desk, given: dict[str, Any]
) -> None:
    new = young(desk)
    before = everything()
    answer = connect(desk, new.key, **given)
    assert (answer.status, answer.body["field"]) == (409, "made_on")
    assert answer.body["type"].endswith("/needs-request")
    assert "connection request" in answer.body["detail"]
    assert (everything(), new.webhook) == (before, "")


@pytest.mark.parametrize("given", ["gestern", "2023-13-01", "30.11.2023", 5])
def test_a_day_that_is_none_is_refused(desk: Desk, given: Any) -> None:
    answer = connect(desk, young(desk).key, made_on=given)
    assert (answer.status, answer.body["field"]) == (400, "made_on")


@pytest.mark.rule("S1.67")
def test_the_key_of_an_approved_bot_is_pasted_into_it(desk: Desk) -> None:
    bot_id = approved(desk)
    assert (shown(desk, bot_id)["state"], shown(desk, bot_id)["link"]) == ("awaiting_key", None)
    assert desk.call("GET", f"/v1/bots/{bot_id}/link").status == 409
    new = young(desk)
    answer = connect(desk, new.key, bot_id=bot_id)
    assert answer.status == 201
    told = answer.body
    assert (told["bot_id"], told["state"], told["name"]) == (bot_id, "connected", "Кав'ярня")
    assert told["plan"]["plan"] == "commercial"
    assert new.webhook.endswith(bot_id)
    assert waiting(desk) == []


def test_a_key_is_put_to_an_awaiting_bot_too(desk: Desk) -> None:
    bot_id = approved(desk)
    answer = desk.call("PUT", f"/v1/bots/{bot_id}/key", {"key": young(desk).key})
    assert (answer.status, answer.body["state"]) == (200, "connected")


def test_a_bot_and_a_day_are_not_given_together(desk: Desk) -> None:
    answer = connect(desk, young(desk).key, bot_id=approved(desk), made_on=OLD)
    assert (answer.status, answer.body["field"]) == (400, "bot_id")


@pytest.mark.parametrize("bot_id", ["", "x", "bot_1", "bot_01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_a_key_for_a_bot_that_is_not_there_is_refused(desk: Desk, bot_id: str) -> None:
    assert connect(desk, young(desk).key, bot_id=bot_id).status == 404


def test_a_key_for_another_accounts_bot_is_refused(desk: Desk) -> None:
    bot_id = approved(desk)
    neighbour = add_neighbour(desk)
    given = {"key": young(desk).key, "bot_id": bot_id}
    assert desk.call("POST", "/v1/bots", given, by=neighbour).status == 404
    assert shown(desk, bot_id)["state"] == "awaiting_key"


def test_the_key_of_a_bot_that_the_account_has_already_goes_into_no_other(desk: Desk) -> None:
    bot_id = approved(desk)
    answer = connect(desk, desk.viber_bot.key, bot_id=bot_id)
    assert answer.body["type"].endswith("/already-connected")
    assert desk.call("DELETE", f"/v1/bots/{desk.bot.bot_id}").status == 200
    answer = connect(desk, desk.viber_bot.key, bot_id=bot_id)
    assert (answer.status, answer.body["other_bot_id"]) == (409, desk.bot.bot_id)
    assert shown(desk, bot_id)["state"] == "awaiting_key"


def test_a_connected_bot_takes_no_second_key_by_this_way(desk: Desk) -> None:
    bot_id = approved(desk)
    new = young(desk)
    assert connect(desk, new.key, bot_id=bot_id).status == 201
    assert connect(desk, new.key, bot_id=bot_id).status == 409
    other = connect(desk, young(desk, "Аптека").key, bot_id=bot_id)
    assert (other.status, other.body["field"]) == (400, "key")


def test_a_webhook_that_viber_refuses_leaves_the_bot_awaiting_its_key(desk: Desk) -> None:
    bot_id = approved(desk)
    new = young(desk)
    line = Line(desk)
    line.failing["set_webhook"] = (200, {"status": 1, "status_message": "PKIX path building"})
    with line.up():
        assert connect(desk, new.key, bot_id=bot_id).status == 400
    told = shown(desk, bot_id)
    assert (told["state"], told["viber_id"], told["uri"]) == ("awaiting_key", None, None)
    assert told["plan"]["set_aside"]["amount"] == "200.00"
    assert store.get(Lookup, f"viber#{new.id}") is None
    assert connect(desk, new.key, bot_id=bot_id).status == 201


def test_a_wrong_key_whose_call_died_gives_way_to_the_right_one(desk: Desk) -> None:
    bot_id = approved(desk)
    wrong, right = young(desk, "Не той"), young(desk)
    line = Line(desk)
    line.failing["set_webhook"] = SILENT
    with line.up():
        assert connect(desk, wrong.key, bot_id=bot_id).status == 502
    assert shown(desk, bot_id)["state"] == "connecting"
    assert connect(desk, right.key, bot_id=bot_id).status == 201
    assert shown(desk, bot_id)["name"] == "Кав'ярня"
    assert store.get(Lookup, f"viber#{wrong.id}") is None
    # The other one is free for whoever has it.
    assert connect(desk, wrong.key, made_on=OLD).status == 201


# Old bots.


@pytest.mark.rule("S1.13")
def test_an_old_bot_receives_and_may_not_send_until_an_operator_confirms_its_day(
    desk: Desk,
) -> None:
    old = young(desk)
    told = connect(desk, old.key, made_on=OLD).body
    bot_id = told["bot_id"]
    assert (told["plan"]["plan"], told["plan"]["may_send"]) == (None, False)
    (claim,) = waiting(desk)
    assert (claim["kind"], claim["bot_id"], claim["form"]) == ("legacy", bot_id, {"made_on": OLD})
    assert claim["deposit"]["amount"] == "0.00"
    text = {"type": "text", "text": "Кави!"}
    desk.viber.people.write(desk.phone().phone_id, old.uri, text)
    desk.viber.dispatcher.flush()
    (ticket,) = desk.tickets()
    refused = desk.reply(ticket["ticket_id"], "Так")
    assert (refused.status, refused.body["type"].rpartition("/")[2]) == (409, "no-plan")
    requests.decide(
        desk.account_id,
        claim["request_id"],
        requests.Verdict("approved"),
        by=OPERATOR,
        now=desk.now,
    )
    plan = shown(desk, bot_id)["plan"]
    assert (plan["plan"], plan["made_on"], plan["may_send"]) == ("legacy", OLD, True)
    assert (plan["legacy"]["used"], plan["legacy"]["limit"]) == (0, 10_000)
    assert desk.reply(ticket["ticket_id"], "Так").status == 202


def test_connecting_again_makes_no_second_claim(desk: Desk) -> None:
    old = young(desk)
    bot_id = connect(desk, old.key, made_on=OLD).body["bot_id"]
    for _ in range(2):
        assert desk.call("DELETE", f"/v1/bots/{bot_id}").status == 200
        assert connect(desk, old.key).status == 201
    assert len(waiting(desk)) == 1


def test_a_claim_is_made_by_the_schedule_where_the_call_that_connected_died(desk: Desk) -> None:
    old = young(desk)
    line = Line(desk)
    line.failing["set_webhook"] = SILENT
    with line.up():
        assert connect(desk, old.key, made_on=OLD).status == 502
    assert waiting(desk) == []
    desk.wait(seconds=61)
    desk.run("check_webhooks")
    (claim,) = waiting(desk)
    assert shown(desk, claim["bot_id"])["state"] == "connected"
    assert claim["created_by"] == desk.admin.person_id


@pytest.mark.rule("S1.13")
def test_a_legacy_plan_stays_with_the_very_bot_whose_age_was_confirmed(desk: Desk) -> None:
    old, new = young(desk), young(desk, "Молода")
    line = Line(desk)
    line.failing["set_webhook"] = SILENT
    with line.up():
        assert connect(desk, old.key, made_on=OLD).status == 502
    (half,) = [
        each for each in desk.call("GET", "/v1/bots").body["items"] if each["state"] == "connecting"
    ]
    bot_id = half["bot_id"]
    with pytest.raises(errors.Conflict) as refusal:
        requests.confirm(desk.account_id, bot_id, None, is_old=True, by=OPERATOR, now=desk.now)
    assert refusal.value.kind == "never-connected"

    # Wherever such a bot came from, it takes no other bot's key.
    legacy = [Bot.plan.set("legacy"), Bot.revision.set(Bot.revision + 1)]
    store.update(Bot(bot_id=bot_id), legacy, Bot.bot_id.exists())
    desk.wait(seconds=61)
    swapped = desk.call("PUT", f"/v1/bots/{bot_id}/key", {"key": new.key})
    assert (swapped.status, swapped.body["field"]) == (400, "key")
    assert desk.call("PUT", f"/v1/bots/{bot_id}/key", {"key": old.key}).status == 200


# Again.


@pytest.mark.rule("S1.74")
@pytest.mark.parametrize("way", ["POST", "PUT"])
def test_a_paid_bot_is_disconnected_and_connected_again_without_a_request(
    desk: Desk, way: str
) -> None:
    desk.make_commercial()
    path = f"/v1/bots/{desk.bot.bot_id}"
    gone = desk.call("DELETE", path).body
    assert (gone["state"], gone["plan"]["pays_while_not_connected"]) == ("disconnected", True)
    assert gone["plan"]["cancelled_at"] is None
    desk.wait(days=3)
    to = "/v1/bots" if way == "POST" else f"{path}/key"
    back = desk.call(way, to, {"key": desk.viber_bot.key})
    assert (back.body["bot_id"], back.body["state"]) == (desk.bot.bot_id, "connected")
    assert back.body["plan"]["pays_while_not_connected"] is False


@pytest.mark.rule("S1.74")
def test_fees_of_a_disconnected_bot_go_on(desk: Desk) -> None:
    desk.make_commercial()
    desk.call("DELETE", f"/v1/bots/{desk.bot.bot_id}")
    desk.wait(days=6)
    desk.run("charge_fees")
    plan = shown(desk, desk.bot.bot_id)["plan"]
    assert (plan["next_fee"]["month"], plan["set_aside"]["amount"]) == ("2027-01", "100.00")


@pytest.mark.rule("S1.74")
@pytest.mark.rule("S1.60")
@pytest.mark.parametrize("way", ["POST", "PUT"])
def test_after_the_paid_period_it_is_connected_by_a_request_only(desk: Desk, way: str) -> None:
    desk.make_commercial()
    path = f"/v1/bots/{desk.bot.bot_id}"
    assert desk.call("POST", f"{path}/cancel", {}).status == 200
    desk.call("DELETE", path)
    desk.wait(days=11)
    to = "/v1/bots" if way == "POST" else f"{path}/key"
    refused = desk.call(way, to, {"key": desk.viber_bot.key})
    assert (refused.status, refused.body["type"].rpartition("/")[2]) == (409, "bot-ended")
    desk.top_up(200)
    asked = requests.Application("revival", desk.bot.bot_id, FORM, "again")
    sent = requests.apply(desk.account_id, asked, by=desk.actor, now=desk.now)
    requests.decide(
        desk.account_id, sent.request_id, requests.Verdict("approved"), by=OPERATOR, now=desk.now
    )
    assert desk.call(way, to, {"key": desk.viber_bot.key}).body["state"] == "connected"


@pytest.mark.rule("S1.60")
@pytest.mark.parametrize("way", ["POST", "PUT"])
def test_a_bot_whose_fee_was_not_paid_is_not_connected_again_by_its_key(
    desk: Desk, way: str
) -> None:
    desk.make_commercial()
    path = f"/v1/bots/{desk.bot.bot_id}"
    desk.call("DELETE", path)
    # Two months are set aside; there is nothing for the third.
    desk.wait(days=75)
    desk.run("charge_fees")
    desk.top_up(400)
    to = "/v1/bots" if way == "POST" else f"{path}/key"
    refused = desk.call(way, to, {"key": desk.viber_bot.key})
    assert (refused.status, refused.body["type"].rpartition("/")[2]) == (409, "bot-deactivated")
    told = shown(desk, desk.bot.bot_id)
    assert (told["state"], told["plan"]["ended_reason"]) == ("disconnected", "unpaid")
    assert desk.viber_bot.webhook == ""


@pytest.mark.rule("S1.63")
def test_a_deactivated_bot_keeps_and_shows_what_customers_write_and_refuses_answers(
    desk: Desk,
) -> None:
    desk.make_commercial()
    phone = desk.phone()
    phone.write("Раз")
    desk.call("POST", f"/v1/bots/{desk.bot.bot_id}/cancel", {})
    desk.wait(days=11)
    phone.write("Два")
    (ticket,) = desk.tickets()
    texts = [each["content"]["text"] for each in desk.thread(ticket["ticket_id"])]
    assert texts == ["Раз", "Два"]
    refused = desk.reply(ticket["ticket_id"], "Так")
    assert (refused.status, refused.body["type"].rpartition("/")[2]) == (409, "bot-ended")
    assert "request" in refused.body["detail"]


def test_what_awaits_its_key_is_neither_disconnected_nor_checked(desk: Desk) -> None:
    bot_id = approved(desk)
    before = store.get(Bot, bot_id)
    assert before is not None
    assert desk.call("DELETE", f"/v1/bots/{bot_id}").body["state"] == "awaiting_key"
    assert desk.call("POST", f"/v1/bots/{bot_id}/check", {}).status == 200
    after = store.get(Bot, bot_id)
    assert after is not None
    assert after.serialize() == before.serialize()
    assert bots.known(bot_id, desk.now, at_most_seconds_old=60) is None
