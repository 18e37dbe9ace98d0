"""Reports: lines, sums and files, all of them from the ledger's entries of a period."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib import billing, errors, reports, store
from chalicelib.reports import sheets, words
from tests.desk import Answered, Desk
from tests.fixtures_paid import SESSION, UA, business, commercial, entries, next_day
from tests.fixtures_talk import Talk, taken, token_at

KYIV = "Europe/Kyiv"
MONTH = {"from": "2026-11-01", "to": "2026-12-01"}


def paid_message(talk: Talk, text: str = "Акція") -> str:
    """Send one message that is delivered, a minute later than it was accepted."""
    (message_id,) = talk.reply(text)
    talk.desk.wait(minutes=1)
    token = token_at(talk.desk.now)
    talk.send(message_id, taken(token, billing_status=5))
    talk.desk.wait(minutes=1)
    talk.receipt("delivered", token)
    return message_id


def outside(desk: Desk, name: str = "Марічка") -> Talk:
    talk = Talk(desk, name)
    next_day(desk)
    return talk


def asked(desk: Desk, path: str, **query: Any) -> Answered:
    return desk.call("GET", f"/v1/reports/{path}?{urlencode(query)}")


def lines(desk: Desk, **query: Any) -> list[dict[str, Any]]:
    """Read all pages of the report of paid messages."""
    found, cursor = [], None
    while True:
        more: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
        answer = asked(desk, "messages", **MONTH | query | more)
        assert answer.status == 200, answer
        found += answer.body["items"]
        cursor = answer.body["next_cursor"]
        if cursor is None:
            return found


def sheet(desk: Desk, name: str, **query: Any) -> str:
    """Join all pages of a file."""
    content, cursor = "", None
    while True:
        more: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
        answer = asked(desk, name, **MONTH | query | more)
        assert answer.status == 200, answer
        content += answer.body if isinstance(answer.body, str) else answer.body.decode()
        cursor = answer.headers.get("X-Next-Cursor")
        assert (cursor is None) == ("Link" not in answer.headers)
        if cursor is None:
            return content


def rows(content: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.removeprefix(sheets.BOM)), delimiter=delimiter))


# Lines.


@pytest.mark.rule("S1.47", "S1.48", "S1.64")
def test_a_line_tells_what_was_paid_when_to_whom_and_how_it_fared(desk: Desk) -> None:
    commercial(desk)
    talk = outside(desk)
    sent_at = desk.now + timedelta(minutes=1)
    message_id = paid_message(talk)
    (line,) = lines(desk)
    (entry,) = entries(desk, "message")
    assert line["charged_at"] == entry.at.isoformat().replace("+00:00", "Z")
    assert datetime.fromisoformat(line["sent_at"]) == sent_at
    assert (line["bot_id"], line["bot_name"]) == (desk.bot.bot_id, "Пекарня")
    assert line["recipient"] == {"name": "Марічка", "subscriber_id": talk.phone.subscriber_id}
    assert (line["country"], line["kind"], line["price_kind"]) == ("UA", "message", "bot-initiated")
    assert (line["state"], line["count"]) == ("delivered", 1)
    assert line["price"] == {"amount": "0.0196", "currency": "EUR"}
    assert (line["price_list"], line["message_id"]) == (1, message_id)
    assert (line["ticket_id"], line["entry_id"]) == (talk.ticket_id, entry.entry_id)
    assert (line["agent_id"], line["agent_name"]) == (desk.admin.person_id, "Олена")


def test_what_was_read_since_is_told_as_it_is_now(desk: Desk) -> None:
    commercial(desk)
    talk = outside(desk)
    paid_message(talk)
    (before,) = lines(desk)
    talk.receipt("seen", int(before["message_token"]))
    (line,) = lines(desk)
    assert (line["state"], line["message_token"]) == ("seen", before["message_token"])


@pytest.mark.rule("S2.48")
def test_the_fee_sessions_and_messages_outside_of_them_are_told_apart(desk: Desk) -> None:
    commercial(desk, euros=0)
    desk.make_business("30", "0.15")
    desk.top_up(10)
    talk = Talk(desk)
    paid_message(talk, "У сесії")
    next_day(desk)
    paid_message(talk, "Поза сесією")
    outside_line, session_line = lines(desk)
    assert (session_line["kind"], session_line["price"]["amount"]) == ("session", "0.15")
    assert session_line["session_id"].startswith("ses_")
    assert (outside_line["kind"], outside_line["price"]["amount"]) == ("message", "0.0196")
    sums = asked(desk, "totals", **MONTH).body["sums"]
    assert {(each["kind"], each["amount"]["amount"]) for each in sums} == {
        ("message", "-0.0196"),
        ("session", "-0.15"),
        ("sessions-fee", "-30.00"),
        ("top-up", "40.00"),
    }


@pytest.mark.rule("S1.49")
def test_lines_are_narrowed_to_a_bot_a_country_an_agent_and_days(desk: Desk) -> None:
    commercial(desk)
    paid_message(outside(desk))
    agent = desk.admin.person_id
    assert len(lines(desk, bot_id=desk.bot.bot_id, country="ua", agent_id=agent)) == 1
    for other in (
        {"bot_id": "bot_" + "0" * 26},
        {"country": "MD"},
        {"agent_id": desk.agent.person_id},
        {"to": "2026-11-21"},
        {"from": "2026-11-22"},
    ):
        assert lines(desk, **other) == [], other


@pytest.mark.rule("S1.48", "S1.64")
def test_lines_totals_and_the_ledger_agree_to_the_micro(desk: Desk) -> None:
    commercial(desk, euros=500)
    talk = outside(desk)
    for _ in range(3):
        paid_message(talk)
    talk.reply("Ще в дорозі")
    told = asked(desk, "totals", **MONTH).body
    in_ledger = billing.balance(desk.account_id)
    by_kind = {each["kind"]: each for each in told["sums"]}
    assert (by_kind["message"]["count"], by_kind["message"]["amount"]["amount"]) == (3, "-0.0588")
    assert told["total"]["amount"] == "499.9412"
    assert in_ledger.entries_micros == 499_941_200
    assert told["held"]["amount"] == "0.0196"
    assert told["next_cursor"] is None
    assert sum(float(line["price"]["amount"]) for line in lines(desk)) == pytest.approx(0.0588)


@pytest.mark.rule("S1.50")
def test_deposits_and_fees_are_among_the_sums_with_what_they_moved(desk: Desk) -> None:
    desk.top_up(500)
    change = billing.Change(desk.account_id)
    change.hold_deposit(
        400_000_000,
        billing.entry(desk.account_id, billing.DEPOSIT, "deposit:req_1:taken", now=desk.now),
    )
    store.commit(change.writes(billing.balance(desk.account_id), now=desk.now))
    fee = billing.Change(desk.account_id)
    fee.charge(
        100_000_000,
        billing.entry(
            desk.account_id,
            billing.MAINTENANCE_FEE,
            "fee:maintenance-fee:bot_1:2026-12",
            now=desk.now,
            bot_id="bot_1",
            month="2026-12",
        ),
    )
    store.commit(fee.writes(billing.balance(desk.account_id), now=desk.now))
    sums = {each["kind"]: each for each in asked(desk, "totals", **MONTH).body["sums"]}
    assert sums["deposit"]["moved"]["amount"] == "400.00"
    assert sums["deposit"]["amount"]["amount"] == "0.00"
    assert sums["maintenance-fee"]["amount"]["amount"] == "-100.00"
    assert lines(desk) == []


def test_pages_of_lines_hold_each_once(desk: Desk) -> None:
    commercial(desk)
    talk = outside(desk)
    sent = [paid_message(talk) for _ in range(3)]
    assert [line["message_id"] for line in lines(desk, limit=1)] == sent[::-1]


def test_totals_come_in_parts_that_add_up(desk: Desk) -> None:
    commercial(desk)
    talk = outside(desk)
    for _ in range(3):
        paid_message(talk)
    period = reports.period(date(2026, 11, 1), None, zone=KYIV, now=desk.now)
    parts, cursor = [], None
    while True:
        part = reports.totals(desk.account_id, period, reports.Only(), cursor=cursor, at_most=3)
        parts.append(part)
        cursor = part.cursor
        if cursor is None:
            break
    assert len(parts) > 1
    assert sum(part.entries for part in parts) == 4
    assert sum(part.amount_micros for part in parts) == 10_000_000 - 3 * UA


# Files.


@pytest.mark.rule("S1.49")
def test_a_file_opens_right_in_a_spreadsheet(desk: Desk) -> None:
    commercial(desk)
    paid_message(outside(desk))
    content = sheet(desk, "messages.csv")
    assert content.startswith(sheets.BOM)
    assert content.endswith("\r\n")
    assert content.count("\r\n") == content.count("\n") == 2
    (row,) = rows(content)
    assert row["Ціна"] == "0.0196"
    assert row["Отримувач"] == "Марічка"
    assert row["Доставка"] == "Доставлено"
    # 21 November, 10:02 UTC and an hour more since the talk began, by the account's clock.
    assert row["Списано (Europe/Kyiv)"] == "2026-11-21 13:02:00"
    assert row["Валюта"] == "EUR"


def test_a_file_speaks_the_language_asked_for(desk: Desk) -> None:
    commercial(desk)
    paid_message(outside(desk))
    for language, price, kind in (
        ("ru", "Цена", "Сообщение вне сессии"),
        ("ro", "Preț", "Mesaj în afara sesiunii"),
        ("en", "Price", "Message outside a session"),
    ):
        content = sheet(desk, "messages.csv", language=language, delimiter="semicolon")
        (row,) = rows(content, ";")
        assert row[price] == "0.0196"
        assert kind in row.values()


def test_every_kind_and_column_has_its_words() -> None:
    columns = {*sheets._MESSAGE_COLUMNS, *sheets._ENTRY_COLUMNS}
    for language in ("uk", "ru", "ro", "en"):
        assert not [name for name in columns if words.column(name, language) == name]
        assert not [kind for kind in billing.KINDS if words.kind(kind, language) == kind]


def test_pages_of_a_file_joined_are_the_file(desk: Desk) -> None:
    commercial(desk)
    talk = outside(desk)
    for _ in range(3):
        paid_message(talk)
    for name in ("messages.csv", "entries.csv"):
        whole = sheet(desk, name)
        assert sheet(desk, name, limit=1) == whole
        assert sheet(desk, name, limit=2) == whole
    assert len(rows(sheet(desk, "entries.csv"))) == 4


@pytest.mark.rule("S1.50")
def test_all_entries_come_as_a_file_whose_sum_is_the_ledgers(desk: Desk) -> None:
    commercial(desk)
    paid_message(outside(desk))
    found = rows(sheet(desk, "entries.csv", language="en"))
    assert [row["Kind"] for row in found] == ["Top-up", "Message outside a session"]
    assert [row["Amount"] for row in found] == ["10.00", "-0.0196"]
    assert all(row["Entry ID"].startswith("ent_") and row["Cause"] for row in found)


@pytest.mark.parametrize(
    "name",
    [
        '=HYPERLINK("http://x")',
        "+1",
        "-1",
        "@x",
        "＝1",
        "\u200b=1",
        # Split at another separator than the file's, what follows it begins a cell.
        "x;=cmd|'/C calc'!A0;y",
        "x,+1",
        "x\t @y",
        "x\n-1",
    ],
)
def test_no_name_becomes_a_formula(desk: Desk, name: str) -> None:
    commercial(desk)
    paid_message(outside(desk, name))
    (row,) = rows(sheet(desk, "messages.csv", language="en"))
    assert row["Recipient"] == f"'{name}"
    assert row["Viber token"].startswith("'")


@pytest.mark.parametrize("name", ["Олена; Іван", "Бондар-Коваль", "x, y = z", "a@b.ua"])
def test_a_name_that_is_no_formula_stays_as_it_is(desk: Desk, name: str) -> None:
    commercial(desk)
    paid_message(outside(desk, name))
    (row,) = rows(sheet(desk, "messages.csv", language="en"))
    assert row["Recipient"] == name


def test_amounts_below_zero_stay_numbers(desk: Desk) -> None:
    commercial(desk)
    paid_message(outside(desk))
    assert rows(sheet(desk, "entries.csv", language="en"))[-1]["Amount"] == "-0.0196"


# Days.


@pytest.mark.parametrize(
    ("first", "last", "begins", "ends"),
    [
        # A month with the change to winter time in it, and one with the change to summer time.
        (date(2026, 10, 1), date(2026, 11, 1), "2026-09-30T21:00", "2026-10-31T22:00"),
        (date(2026, 3, 1), date(2026, 4, 1), "2026-02-28T22:00", "2026-03-31T21:00"),
    ],
)
def test_days_are_those_of_the_accounts_clock(
    first: date, last: date, begins: str, ends: str
) -> None:
    found = reports.period(first, last, zone=KYIV, now=datetime(2026, 11, 20, tzinfo=UTC))
    assert found.from_at == datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert found.until_at == datetime.fromisoformat(ends).replace(tzinfo=UTC)


def test_without_days_it_is_this_month_until_today() -> None:
    # In Kyiv it is December already.
    found = reports.period(None, None, zone=KYIV, now=datetime(2026, 11, 30, 22, 30, tzinfo=UTC))
    assert found.from_at == datetime(2026, 11, 30, 22, tzinfo=UTC)
    assert found.until_at == datetime(2026, 12, 1, 22, tzinfo=UTC)


def test_a_charge_at_midnight_belongs_to_the_day_that_begins(desk: Desk) -> None:
    for at in (
        datetime(2026, 11, 19, 21, 59, 59, 999000, UTC),
        datetime(2026, 11, 19, 22, 0, tzinfo=UTC),
    ):
        desk.now = at
        desk.top_up(1)
    one_day = {"from": "2026-11-20", "to": "2026-11-21"}
    assert asked(desk, "totals", **one_day).body["total"]["amount"] == "1.00"


# Bad input and walls.


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"from": "2026-13-01"}, "from"),
    ({"from": "yesterday"}, "from"),
    ({"from": "1999-01-01"}, "from"),
    ({"to": "9999-12-31"}, "to"),
    ({"from": "2026-11-20", "to": "2026-11-20"}, "to"),
    ({"from": "2026-11-21", "to": "2026-11-20"}, "to"),
    ({"bot_id": "acc_1"}, "bot_id"),
    ({"country": "Ukraine"}, "country"),
    ({"country": "XX"}, "country"),
    ({"agent_id": "bot_" + "0" * 26}, "agent_id"),
    ({"cursor": "e30"}, "cursor"),
    ({"cursor": "%%"}, "cursor"),
    ({"surprise": "1"}, "surprise"),
]
WRONG_PAGES: list[tuple[str, dict[str, Any], str]] = [
    ("messages", {"limit": 0}, "limit"),
    ("messages", {"limit": 201}, "limit"),
    ("messages.csv", {"limit": 2001}, "limit"),
    ("entries.csv", {"limit": 0}, "limit"),
    ("messages.csv", {"language": "de"}, "language"),
    ("entries.csv", {"delimiter": "|"}, "delimiter"),
]


def test_what_is_wrong_is_named(desk: Desk) -> None:
    paths = ("messages", "totals", "messages.csv", "entries.csv")
    everywhere = [(path, query, field) for path in paths for query, field in WRONG]
    for path, query, field in [*everywhere, *WRONG_PAGES]:
        answer = asked(desk, path, **query)
        assert (answer.status, answer.body["field"]) == (400, field), (path, query)


def test_a_page_of_another_accounts_report_is_no_page_of_mine(desk: Desk) -> None:
    period = reports.period(None, None, zone=KYIV, now=desk.now)
    desk.top_up(1)
    desk.top_up(1)
    _, cursor = reports.lines(desk.account_id, period, reports.Only(), limit=1)
    with pytest.raises(errors.BadInput, match="cursor"):
        reports.lines("acc_other", period, reports.Only(), limit=1, cursor=cursor)


@pytest.mark.rule("S1.48")
def test_a_session_that_came_back_takes_its_price_off_the_sum(desk: Desk) -> None:
    business(desk)
    talk = Talk(desk)
    (message_id,) = talk.reply("Уже дивимось")
    token = token_at(desk.now)
    talk.send(message_id, taken(token))
    desk.wait(seconds=1)
    talk.receipt("failed", token)
    returned, session = lines(desk)
    assert (session["price"]["amount"], returned["price"]["amount"]) == ("0.15", "-0.15")
    assert (returned["state"], returned["corrects"]) == ("returned", session["entry_id"])
    for line in (returned, session):
        assert (line["country"], line["message_id"]) == ("UA", message_id)
        assert line["sent_at"] < line["charged_at"] or line is session
        assert line["recipient"]["name"] == "Марічка"
    assert len(lines(desk, country="UA")) == 2
    sums = {each["kind"]: each for each in asked(desk, "totals", **MONTH).body["sums"]}
    assert sums["session"]["count"] + sums["session-returned"]["count"] == 0
    assert SESSION == 150_000


def test_a_pass_of_a_broadcast_is_a_line_for_each_country_that_adds_up(desk: Desk) -> None:
    desk.top_up(10)
    change = billing.Change(desk.account_id)
    entry = billing.entry(
        desk.account_id,
        billing.BROADCAST,
        "broadcast:brc_1-00000:1",
        now=desk.now,
        bot_id=desk.bot.bot_id,
        broadcast_id="brc_1",
        lines=120,
        price_list=3,
        countries={
            "": {"lines": 1, "amount": "0.03"},
            "MD": {"lines": 19, "amount": "0.57"},
            "UA": {"lines": 100, "amount": "1.96"},
        },
    )
    change.charge(100 * UA + 600_000, entry)
    store.commit(change.writes(billing.balance(desk.account_id), now=desk.now))
    found = lines(desk)
    assert {(line["kind"], line["broadcast_id"], line["state"]) for line in found} == {
        ("broadcast", "brc_1", "delivered")
    }
    of_country = {line["country"]: (line["count"], line["price"]["amount"]) for line in found}
    assert of_country == {None: (1, "0.03"), "MD": (19, "0.57"), "UA": (100, "1.96")}
    (of_one,) = lines(desk, country="md")
    assert of_one["count"] == 19
    sums = asked(desk, "totals", **MONTH).body["sums"]
    assert {
        each["country"]: (each["count"], each["amount"]["amount"])
        for each in sums
        if each["kind"] == "broadcast"
    } == {None: (1, "-0.03"), "MD": (19, "-0.57"), "UA": (100, "-1.96")}
    assert asked(desk, "totals", **MONTH).body["total"]["amount"] == "7.44"
    assert asked(desk, "totals", country="UA", **MONTH).body["total"]["amount"] == "-1.96"
    assert [row["Країна"] for row in rows(sheet(desk, "messages.csv"))] == ["", "MD", "UA"]
    assert len(rows(sheet(desk, "messages.csv", limit=1))) == 3
    assert {row["Сума"] for row in rows(sheet(desk, "entries.csv"))} == {"10.00", "-2.56"}
    assert [row["Сума"] for row in rows(sheet(desk, "entries.csv", country="MD"))] == ["-0.57"]
