"""A paid message: its money is held at accept, posted at delivery, given back otherwise."""

from datetime import timedelta

import pytest

from chalicelib import books, store
from chalicelib.tables import Difference
from chalicelib.viber import NoAnswer
from tests.desk import Desk
from tests.fixtures_accounts import everything
from tests.fixtures_paid import ELSEWHERE, UA, commercial, entries, money_of, next_day
from tests.fixtures_talk import Talk, cut_short, refused, settled, taken, token_at

FULL = 10_000_000


def outside(desk: Desk, *, country: str | None = "UA") -> Talk:
    """A customer whose window is over, so that what the bot says is paid for."""
    commercial(desk)
    talk = Talk(desk)
    next_day(desk)
    return talk


def charge(talk: Talk, message_id: str) -> tuple[str, str, str]:
    (found,) = [m for m in talk.desk.thread(talk.ticket_id) if m["message_id"] == message_id]
    told = found["charge"]
    return told["kind"], told["price"]["amount"], told["state"]


@pytest.mark.rule("S1.10", "S1.11", "S1.43", "S1.44")
def test_the_price_is_held_at_once_and_spent_at_delivery(desk: Desk) -> None:
    talk = outside(desk)
    (message_id,) = talk.reply("Акція")
    assert money_of(desk) == (FULL - UA, UA)
    assert charge(talk, message_id) == ("bot-initiated", "0.0196", "held")
    token = token_at(desk.now)
    assert talk.send(message_id, taken(token, billing_status=5)) == "sent"
    assert money_of(desk) == (FULL - UA, UA)
    talk.receipt("delivered", token)
    assert money_of(desk) == (FULL - UA, 0)
    assert charge(talk, message_id) == ("bot-initiated", "0.0196", "posted")
    (entry,) = entries(desk, "message")
    assert (entry.amount_micros, entry.cause) == (-UA, f"message:{message_id}")
    assert entry.facts["country"] == "UA"


@pytest.mark.rule("S1.11")
def test_seen_alone_proves_delivery_and_nothing_charges_twice(desk: Desk) -> None:
    talk = outside(desk)
    (message_id,) = talk.reply("Акція")
    token = token_at(desk.now)
    talk.send(message_id, taken(token, billing_status=5))
    for event in ("seen", "delivered", "seen", "delivered", "failed"):
        talk.receipt(event, token)
    assert money_of(desk) == (FULL - UA, 0)
    assert len(entries(desk, "message")) == 1
    assert talk.state(message_id) == "seen"


@pytest.mark.rule("S1.11", "S1.44")
@pytest.mark.parametrize("how", ["refused by Viber", "failed on the phone", "expired", "15 days"])
def test_what_does_not_arrive_costs_nothing(desk: Desk, how: str) -> None:
    talk = outside(desk)
    (message_id,) = talk.reply("Акція")
    token = token_at(desk.now)
    if how == "refused by Viber":
        assert talk.send(message_id, refused(5)) == "failed"
    elif how == "failed on the phone":
        talk.send(message_id, taken(token, billing_status=5))
        talk.receipt("failed", token)
        talk.receipt("failed", token)
    elif how == "expired":
        settled(desk.now + timedelta(hours=2))
    else:
        talk.send(message_id, taken(token, billing_status=5))
        settled(desk.now + timedelta(minutes=2))
        assert money_of(desk) == (FULL - UA, UA)
        settled(desk.now + timedelta(days=15, minutes=2))
        settled(desk.now + timedelta(days=15, minutes=4))
    assert money_of(desk) == (FULL, 0)
    assert entries(desk, "message") == []
    assert charge(talk, message_id)[2] == "voided"


def test_an_unknown_message_keeps_its_money_until_its_receipt_or_fifteen_days(desk: Desk) -> None:
    talk = outside(desk)
    first, second = talk.reply("Раз", "Два")
    assert talk.send(first, NoAnswer("lost")) == "unknown"
    token = token_at(desk.now)
    talk.receipt("delivered", token)
    desk.wait(minutes=5)
    settled(desk.now)
    assert talk.state(first) == "delivered"
    assert money_of(desk) == (FULL - 2 * UA, UA)
    assert talk.send(second, NoAnswer("lost")) == "unknown"
    settled(desk.now + timedelta(days=15, hours=5))
    assert money_of(desk) == (FULL - UA, 0)
    assert talk.state(second) == "unknown"


def test_a_receipt_that_comes_first_spends_the_price_with_our_own_write(desk: Desk) -> None:
    talk = outside(desk)
    (message_id,) = talk.reply("Акція")
    token = token_at(desk.now)

    def overtaken() -> tuple[int, bytes]:
        talk.receipt("delivered", token)
        return taken(token, billing_status=5)

    assert talk.send(message_id, overtaken) == "delivered"
    assert money_of(desk) == (FULL - UA, 0)
    assert settled(desk.now + timedelta(minutes=5)) == ["settled"]
    assert money_of(desk) == (FULL - UA, 0)


def test_what_arrives_after_its_money_went_back_is_listed_and_not_charged(desk: Desk) -> None:
    talk = outside(desk)
    (message_id,) = talk.reply("Акція")
    token = token_at(desk.now)
    talk.send(message_id, taken(token, billing_status=5))
    talk.receipt("failed", token)
    talk.receipt("delivered", token)
    talk.receipt("seen", token)
    assert money_of(desk) == (FULL, 0)
    assert talk.state(message_id) == "seen"
    assert [d.kind for d in differences(desk)] == ["delivered-unpaid"]


@pytest.mark.rule("S1.70")
def test_vibers_own_word_gives_the_price_back(desk: Desk) -> None:
    talk = outside(desk)
    (message_id,) = talk.reply("Акція")
    talk.send(message_id, taken(token_at(desk.now), billing_status=2))
    assert money_of(desk) == (FULL, 0)
    assert [d.kind for d in differences(desk)] == ["not-billed-there"]


@pytest.mark.rule("S1.70", "S1.12")
def test_what_viber_bills_though_it_is_free_here_costs_nothing_and_is_listed(desk: Desk) -> None:
    commercial(desk)
    talk = Talk(desk)
    (message_id,) = talk.reply("Так")
    talk.send(message_id, taken(token_at(desk.now), billing_status=5))
    assert money_of(desk) == (FULL, 0)
    assert [d.kind for d in differences(desk)] == ["billed-there"]


@pytest.mark.rule("S1.12")
@pytest.mark.parametrize("plan", ["commercial", "legacy"])
def test_a_welcome_outside_of_any_window_costs_nothing_and_is_not_counted(
    desk: Desk, plan: str
) -> None:
    if plan == "commercial":
        commercial(desk)
    else:
        desk.top_up(10)
    desk.set_bot(welcome_text="Вітаємо!")
    phone = desk.phone()
    phone.open()
    phone.read()
    desk.work()
    assert [each["text"] for each in phone.heard] == ["Вітаємо!"]
    assert money_of(desk) == (FULL, 0)
    assert [entry.kind for entry in entries(desk)] == ["top-up"]
    legacy = desk.call("GET", f"/v1/bots/{desk.bot.bot_id}").body["plan"]["legacy"]
    assert (legacy and legacy["used"]) == (None if plan == "commercial" else 0)


@pytest.mark.rule("S1.45")
def test_a_price_above_what_is_available_is_refused_and_nothing_goes(desk: Desk) -> None:
    commercial(desk, euros=0)
    talk = Talk(desk)
    next_day(desk)
    answer = desk.reply(talk.ticket_id, "Акція")
    assert answer.status == 409
    assert answer.body["type"].endswith("/insufficient-funds")
    assert talk.heard == []
    assert len(desk.thread(talk.ticket_id)) == 1


@pytest.mark.rule("S2.27", "S2.31", "S2.37")
@pytest.mark.parametrize(
    ("tens", "unanswered", "kind"), [(6, 0, "renews-session"), (1, 10, "bot-initiated")]
)
def test_without_money_a_message_past_a_limit_leaves_its_session_as_it_is(
    desk: Desk, tens: int, unanswered: int, kind: str
) -> None:
    commercial(desk, euros=0)
    desk.make_business("30", "1")
    desk.top_up(1)
    talk = Talk(desk)
    for number in range(tens):
        talk.reply(*(f"{part}" for part in range(10)))
        if unanswered == 0:
            desk.wait(minutes=1)
            talk.phone.write(f"Так, {number}")
    before = everything()
    answer = desk.reply(talk.ticket_id, "Ще одне")
    assert (answer.status, answer.body["type"].rpartition("/")[2]) == (409, "insufficient-funds")
    assert everything() == before
    (live,) = desk.call("GET", "/v1/sessions").body["items"]
    assert (live["state"], live["sent"], live["unanswered"]) == ("open", tens * 10, unanswered)
    desk.top_up(1)
    (message_id,) = talk.reply("Ще одне")
    assert talk.message(message_id).price_kind == kind


def test_a_price_that_has_risen_is_asked_for_again(desk: Desk) -> None:
    talk = outside(desk)
    body = {
        "parts": [{"type": "text", "text": "Акція"}],
        "agreed_price": {"amount": "0.01", "currency": "EUR"},
    }
    path = f"/v1/tickets/{talk.ticket_id}/messages"
    answer = desk.call("POST", path, body, headers={"Idempotency-Key": "one"})
    assert answer.status == 409
    assert answer.body["price"] == {"amount": "0.0196", "currency": "EUR"}
    body["agreed_price"] = answer.body["price"]
    assert desk.call("POST", path, body, headers={"Idempotency-Key": "one"}).status == 202


def test_a_country_without_a_price_of_its_own_has_the_default(desk: Desk) -> None:
    commercial(desk)
    talk = Talk(desk, country="PL")
    next_day(desk)
    (message_id,) = talk.reply("Акція")
    assert money_of(desk) == (FULL - ELSEWHERE, ELSEWHERE)
    assert charge(talk, message_id)[1] == "0.05"


@pytest.mark.rule("S1.53", "S1.62")
def test_a_bot_that_has_ended_sends_nothing_not_even_what_was_accepted(desk: Desk) -> None:
    talk = outside(desk)
    (message_id,) = talk.reply("Акція")
    commercial(desk, euros=0, ended_at=desk.now, ended_reason="unpaid")
    desk.wait(seconds=30)
    assert talk.send(message_id, taken()) == "failed"
    assert talk.told(message_id)["reason"] == "bot-ended"
    assert money_of(desk) == (FULL, 0)
    answer = desk.reply(talk.ticket_id, "Агов")
    assert answer.body["type"].endswith("/bot-deactivated")


def differences(desk: Desk) -> list[Difference]:
    condition = Difference.item.startswith("difference#")
    return store.page(Difference, desk.account_id, condition, limit=50)[0]


@pytest.mark.rule("S1.63", "S1.62")
def test_what_is_written_to_a_deactivated_bot_is_kept_and_cannot_be_answered(desk: Desk) -> None:
    talk = outside(desk)
    commercial(desk, euros=0, ended_at=desk.now, ended_reason="unpaid")
    talk.phone.write("Ви ще працюєте?")
    thread = desk.thread(talk.ticket_id)
    assert thread[-1]["content"]["text"] == "Ви ще працюєте?"
    answer = desk.reply(talk.ticket_id, "Так")
    assert (answer.status, answer.body["type"].rpartition("/")[2]) == (409, "bot-deactivated")
    assert "connection request" in answer.body["detail"]
    assert desk.call("GET", "/v1/balance").status == 200
    assert desk.call("GET", "/v1/entries").status == 200


def test_the_books_balance_beside_a_long_reply_that_is_not_written_yet(desk: Desk) -> None:
    talk = outside(desk)
    cut_short(talk, *(f"Частина {n}" for n in range(6)))
    assert [m for m in desk.thread(talk.ticket_id) if m["kind"] == "outgoing"] == []

    assert books.audit(desk.account_id, now=desk.now).findings == []
    settled(desk.now + timedelta(minutes=2))
    assert books.audit(desk.account_id, now=desk.now).findings == []
