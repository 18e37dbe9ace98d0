"""The commercial model's pages in a browser: balance, requests, plans, statement, report."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

from chalicelib import countries
from tests.browser import Console, Demo
from tests.console_money import (
    apply,
    balance,
    business_bot,
    commercial_bot,
    credit,
    decide,
    set_sessions,
)
from tests.smoke_desk import until

pytestmark = pytest.mark.xdist_group("console")

MONEY = "#/me/viber-commercial"
TERMS = "https://help.viber.com/hc/en-us/articles/15247629658525-Bot-commercial-model"
FIELDS = [
    "form-has-read-terms",
    "form-first-name",
    "form-last-name",
    "form-work-email",
    "form-country",
    "form-company-name",
    "form-company-website",
    "form-has-business-account",
    "form-company-type",
    "form-inquiry",
]


def plain(text: str) -> str:
    """Read a shown text without the spaces that do not break."""
    return re.sub(r"\s+", " ", text)


def amount(console: Console, part: str) -> float:
    shown = console.at(f"balance-{part}")
    shown.wait_for()
    assert "EUR" in shown.inner_text()
    return float(shown.get_attribute("data-amount") or "")


def fill_form(console: Console, **changes: str) -> None:
    """Fill in the request form, and press the button."""
    said = {
        "form-first-name": "Olena",
        "form-last-name": "Tkachenko",
        "form-work-email": "olena@khlib.example",
        "form-company-name": "Bread and Salt",
        "form-company-website": "https://khlib.example",
        "form-inquiry": "We bake bread.",
    } | {f"form-{name.replace('_', '-')}": value for name, value in changes.items()}
    for testid, value in said.items():
        console.at(testid).fill(value)
    console.at("form-country").select_option("UA")
    console.at("form-company-type").select_option("bot_owner")
    console.at("form-has-business-account").get_by_label("Ні").check()
    console.at("request-submit").click()


@pytest.mark.rule("S1.2", "S1.20", "S1.21", "S1.27", "S1.30", "S1.35")
def test_the_page_is_reached_from_account_settings_and_says_what_the_model_is(
    admin: Console,
) -> None:
    admin.open("#/inbox")
    admin.at("way-settings").click()
    admin.page.get_by_role("link", name="Комерційна модель Viber").click()
    admin.page.wait_for_url(f"**{MONEY}")
    note = admin.at("money-note")
    note.get_by_text("100,00").wait_for()
    assert "за кожен календарний місяць" in note.inner_text()
    terms = note.get_by_role("link", name="комерційні умови")
    assert terms.get_attribute("href") == TERMS
    for testid, words in (
        ("send-request", "Надіслати заявку"),
        ("top-up", "Поповнити"),
        ("my-requests", "Мої заявки"),
    ):
        assert words in admin.at(testid).inner_text()


@pytest.mark.rule("S1.44", "S1.64")
def test_the_balance_shows_available_held_and_set_aside_with_their_currency(
    admin: Console, running_demo: Demo
) -> None:
    credit(running_demo, "450.50")
    before = balance(running_demo)
    apply(running_demo)
    admin.open(MONEY)
    assert amount(admin, "available") == pytest.approx(before["available"] - 400)
    assert amount(admin, "held") == pytest.approx(before["held"] + 400)
    assert amount(admin, "set-aside") == pytest.approx(before["set_aside"])
    assert admin.at("balance-owed").count() == 0


@pytest.mark.rule("S1.27")
def test_a_top_up_asks_for_an_amount_is_paid_elsewhere_and_is_there_on_return(
    admin: Console, running_demo: Demo
) -> None:
    before = balance(running_demo)["available"]
    admin.open(MONEY)
    admin.at("top-up").click()
    for wrong in ("", "0", "-5", "1,234", "abc"):
        admin.at("top-up-amount").fill(wrong)
        admin.at("top-up-submit").click()
        admin.at("top-up-dialog").get_by_role("alert").wait_for()
        assert admin.at("top-up-amount").get_attribute("aria-invalid") == "true"
    admin.at("top-up-amount").fill("25,50")
    admin.at("top-up-submit").click()
    admin.page.get_by_role("button", name="Pay").click()
    admin.page.get_by_role("link", name="Back to Viberdesk").click()
    admin.at("top-up-return", "[data-state=paid]").wait_for()
    assert "25,50" in admin.at("top-up-return").inner_text()
    # A due fee may be taken of what came in, and only then is the rest there.
    until(lambda: balance(running_demo)["available"] != before, "the money is there")
    admin.at("top-ups").locator("summary").click()
    admin.at("top-up-line", "[data-state=paid]").first.wait_for()


def test_a_cancelled_top_up_says_that_nothing_was_taken(admin: Console) -> None:
    admin.open(MONEY)
    admin.at("top-up").click()
    admin.at("top-up-amount").fill("12")
    admin.at("top-up-submit").click()
    admin.page.get_by_role("button", name="Cancel").click()
    admin.page.get_by_role("link", name="Back to Viberdesk").click()
    told = admin.at("top-up-return", "[data-state=cancelled]")
    told.get_by_text("гроші не списано").wait_for()


@pytest.mark.rule("S1.21", "S3.8", "S3.9")
def test_the_form_has_the_ten_fields_in_order_and_every_country(
    admin: Console, running_demo: Demo
) -> None:
    credit(running_demo, "400.00")
    admin.open(MONEY)
    admin.at("send-request").first.click()
    form = admin.at("request-form")
    form.wait_for()
    found = form.locator("[data-testid^=form-]").evaluate_all(
        "all => all.map(e => e.dataset.testid)"
    )
    assert [each for each in found if each != "form-purpose"] == FIELDS
    options = admin.at("form-country").locator("option")
    codes = options.evaluate_all("all => all.map(e => e.value).filter(Boolean)")
    assert set(codes) == countries.codes()
    types = admin.at("form-company-type").locator("option")
    assert types.evaluate_all("all => all.map(e => e.value).filter(Boolean)") == [
        "bot_owner",
        "bot_developer",
        "reseller",
        "other",
    ]
    assert "400,00" in plain(admin.at("deposit-note").inner_text())
    assert "англійською" in admin.at("in-english").inner_text()


@pytest.mark.rule("S3.9", "S3.10", "S1.22")
def test_wrong_answers_are_told_at_their_fields_and_nothing_is_sent(
    admin: Console, running_demo: Demo
) -> None:
    credit(running_demo, "400.00")
    before = len(running_demo.get("/v1/requests?limit=200", by="admin")["items"])
    admin.open(f"{MONEY}/requests/new")
    admin.at("form-has-read-terms").get_by_label("Ні").check()
    fill_form(admin)
    admin.at("form-has-read-terms").get_by_text("лише після ознайомлення").wait_for()
    admin.at("form-has-read-terms").get_by_label("Так").check()
    for changes, words in (
        ({"first_name": "Олена"}, "не є латинською літерою"),
        ({"work_email": "olena"}, "не схоже на адресу електронної пошти"),
        ({"company_website": "khlib"}, "починається з https://"),
        ({"inquiry": " "}, "Заповніть це поле"),
    ):
        fill_form(admin, **changes)
        wrong = admin.page.locator(".field .wrong", has_text=words)
        wrong.wait_for()
        focused = admin.page.evaluate("document.activeElement.dataset.testid")
        assert focused == f"form-{next(iter(changes)).replace('_', '-')}"
    after = running_demo.get("/v1/requests?limit=200", by="admin")["items"]
    assert len(after) == before


@pytest.mark.rule("S1.22")
def test_an_empty_form_marks_every_field_at_once_and_begins_at_the_first(
    admin: Console, running_demo: Demo
) -> None:
    credit(running_demo, "400.00")
    admin.open(f"{MONEY}/requests/new")
    admin.at("request-submit").click()
    wrong = admin.at("request-form").locator(".wrong")
    wrong.first.wait_for()
    assert wrong.count() == len(FIELDS)
    # The focus tells of the first; ten alerts at once would drown it.
    assert admin.at("request-form").get_by_role("alert").count() == 0
    first = admin.page.evaluate("document.activeElement.name")
    assert first == "has_read_terms"
    admin.at("form-first-name").fill("Olena")
    until(lambda: wrong.count() == len(FIELDS) - 1, "the others stay marked")
    focused = admin.page.evaluate("document.activeElement.dataset.testid")
    assert focused == "form-first-name"


@pytest.mark.rule("S1.30", "S1.31", "S1.32")
def test_a_sent_request_is_listed_with_its_state_and_a_refused_one_with_its_refund(
    admin: Console, running_demo: Demo
) -> None:
    credit(running_demo, "400.00")
    admin.open(f"{MONEY}/requests/new")
    admin.at("form-has-read-terms").get_by_label("Так").check()
    fill_form(admin, inquiry="We sell honey cakes.")
    admin.page.wait_for_url(f"**{MONEY}/requests")
    waiting = admin.at("request", "[data-state=waiting]").first
    waiting.wait_for()
    assert "Розглядається" in waiting.inner_text()
    assert "400,00" in plain(waiting.inner_text())
    request_id = waiting.get_attribute("data-request-id")
    request = running_demo.get(f"/v1/requests/{request_id}", by="admin")
    assert request["form"]["inquiry"] == "We sell honey cakes."
    decide(running_demo, request, "refused", reason="The website does not open.")
    admin.page.reload()
    refused = admin.at("request", f"[data-request-id={request_id}][data-state=refused]")
    refused.locator("[data-testid=refund]").wait_for()
    words = plain(refused.inner_text())
    assert "Відмовлено" in words
    assert "The website does not open." in words
    assert "Повернено на баланс: 400,00 EUR" in words


def test_without_enough_money_the_form_says_so_and_cannot_be_sent(admin: Console) -> None:
    poor = {
        name: {"amount": "0.00", "currency": "EUR"}
        for name in ("available", "held", "set_aside", "owed", "total")
    }
    admin.page.route("**/v1/balance", lambda route: route.fulfill(json=poor | {"currency": "EUR"}))
    admin.open(f"{MONEY}/requests/new")
    told = admin.at("short-of-money")
    told.wait_for()
    assert "потрібно 400,00 EUR" in plain(told.inner_text())
    assert admin.at("request-submit").is_disabled()


@pytest.mark.rule("S1.73")
def test_a_debt_is_shown_with_what_it_means_and_while_it_stands_no_request_is_sent(
    admin: Console, running_demo: Demo
) -> None:
    owing = {
        "available": {"amount": "0.00", "currency": "EUR"},
        "owed": {"amount": "80.50", "currency": "EUR"},
    }
    told = running_demo.get("/v1/balance", by="admin") | owing
    admin.page.route("**/v1/balance", lambda route: route.fulfill(json=told))
    admin.open(MONEY)
    assert amount(admin, "owed") == 80.5
    words = plain(admin.at("balance").inner_text())
    assert "Борг 80,50 EUR Повернений платіж уже витрачено." in words
    assert "платне не надсилається" in words
    admin.at("send-request").first.click()
    why = admin.at("short-of-money")
    why.wait_for()
    assert "Спершу погасіть борг 80,50 EUR" in plain(why.inner_text())
    assert admin.at("request-submit").is_disabled()


def entry_page(
    admin: Console, kind: str, cause: str, amount: str, facts: dict[str, Any]
) -> Locator:
    """Open the page of an entry like this one."""
    entry = {
        "entry_id": "ent_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "at": "2026-11-20T10:00:00Z",
        "kind": kind,
        "cause": cause,
        "amount": {"amount": amount, "currency": "EUR"},
        **dict.fromkeys(("moved", "moved_from", "moved_to", "bot_id", "corrects")),
        "facts": facts,
    }
    admin.page.route("**/v1/entries/ent_*", lambda route: route.fulfill(json=entry))
    admin.open(f"{MONEY}/statement/{entry['entry_id']}")
    return admin.at("entry-page")


def test_an_entry_of_a_broadcast_says_how_many_went_where_and_leads_to_it(admin: Console) -> None:
    facts = {
        "broadcast_id": "brc_1",
        "prices": {"0.03": 20, "0.0196": 100},
        "countries": {
            "": {"lines": 1, "amount": "0.03"},
            "MD": {"lines": 19, "amount": "0.57"},
            "UA": {"lines": 100, "amount": "1.96"},
        },
    }
    page = entry_page(admin, "broadcast", "broadcast:brc_1-00000:1", "-2.56", facts)
    page.get_by_text("Молдова: 19 · 0,57 EUR").wait_for()
    words = plain(page.inner_text())
    assert "країна невідома: 1 · 0,03 EUR; Молдова: 19 · 0,57 EUR; Україна: 100 · 1,96" in words
    assert "20 × 0,03 EUR; 100 × 0,0196 EUR" in words
    way = page.get_by_role("link", name="Відкрити розсилку")
    assert way.get_attribute("href") == "#/broadcasts/brc_1"


def test_what_an_entry_says_in_codes_is_told_in_words(admin: Console) -> None:
    facts = {"proof": "delivered", "reason": "fraudulent"}
    page = entry_page(admin, "message", "message:msg_1", "-0.03", facts)
    page.get_by_text("Доставлено").last.wait_for()
    words = plain(page.inner_text())
    assert "Причина Власник картки не здійснював платежу" in words
    assert "Ідентифікатор причини message:msg_1" in words


def test_the_trail_tells_in_words_what_was_done_and_leaves_out_what_is_not_said(
    admin: Console, running_demo: Demo
) -> None:
    bot = business_bot(running_demo, "Журнальна")
    path = f"/v1/bots/{bot.bot_id}"
    # The picture of a bot that was connected just now is written meanwhile.
    until(
        lambda: running_demo.call("PATCH", path, {"welcome_text": ""}, by="admin").status == 200,
        "the settings are changed",
    )
    credit(running_demo, "400.00")
    decide(running_demo, apply(running_demo), "refused", reason="")
    admin.open("#/account/audit")
    refused = admin.at("audit-line", "[data-action='request refused']").first
    refused.wait_for()
    words = plain(refused.inner_text())
    assert "Відмовлено за заявкою" in words
    assert words.endswith("Заявка: Новий бот")
    assert "req_" not in words
    line = admin.at("audit-line", "[data-action='sessions turned on']").first
    # The names of bots are read beside the trail.
    line.get_by_text("Журнальна").wait_for()
    turned_on = plain(line.inner_text())
    assert "Журнальна Щомісячна плата: 30,00 EUR Ціна сесії: 0,04 EUR" in turned_on
    changed = plain(
        admin.at("audit-line", "[data-action='bot settings changed']").first.inner_text()
    )
    assert changed.endswith("Привітання: —")
    key = {"name": "Каса", "scopes": ["bots:read"]}
    key_id = running_demo.call("POST", "/v1/api-keys", key, by="admin").body["key_id"]
    running_demo.call("DELETE", f"/v1/api-keys/{key_id}", by="admin")
    admin.page.get_by_role("button", name="Оновити").click()
    revoked = admin.at("audit-line", "[data-action='API key revoked']").first
    revoked.wait_for()
    assert "API-ключ Назва: Каса" in plain(revoked.inner_text())


@pytest.mark.rule("S1.41", "S1.51")
def test_a_paid_bot_shows_its_next_fee_with_day_and_zone_and_is_cancelled_after_a_question(
    admin: Console, running_demo: Demo
) -> None:
    bot = commercial_bot(running_demo, "Пиріжкова")
    admin.open(MONEY)
    line = admin.at("subscription", f"[data-bot-id={bot.bot_id}]")
    fee = line.locator("[data-testid=next-fee]")
    fee.wait_for()
    assert "100,00 EUR" in plain(fee.inner_text())
    assert "(Europe/Kyiv)" in fee.inner_text()
    line.locator("[data-testid=cancel-plan]").click()
    assert "Бот працюватиме до 1 " in plain(admin.at("confirm").inner_text())
    admin.at("confirm-no").click()
    assert running_demo.get(f"/v1/bots/{bot.bot_id}")["plan"]["cancelled_at"] is None
    line.locator("[data-testid=cancel-plan]").click()
    admin.at("confirm-yes").click()
    line.locator("[data-testid=plan-cancelled]").wait_for()
    assert "Працює до 1 " in plain(line.inner_text())
    assert line.locator("[data-testid=cancel-plan]").count() == 0
    line.locator("[data-testid=revival]").click()
    admin.at("request-form").wait_for()
    assert admin.at("form-purpose").input_value() == "revival"
    assert admin.at("form-bot-id").input_value() == bot.bot_id


@pytest.mark.rule("S1.57")
def test_the_page_warns_in_time_where_the_money_does_not_cover_the_next_fee(
    admin: Console, running_demo: Demo
) -> None:
    bot = business_bot(running_demo, "Дорога кухня")
    dear = f"{balance(running_demo)['available'] + 5000:.2f}"
    set_sessions(running_demo, bot.bot_id, fee=dear, price="0.04")
    admin.open(MONEY)
    line = admin.at("subscription", f"[data-bot-id={bot.bot_id}]")
    line.locator("[data-testid=fee-covered][data-covered=false]").wait_for()
    assert "Поповніть рахунок до 1 " in plain(line.inner_text())
    assert "(Europe/Kyiv)" in line.inner_text()
    set_sessions(running_demo, bot.bot_id, fee="30.00", price="0.04")
    admin.page.reload()
    line.locator("[data-testid=fee-covered][data-covered=true]").wait_for()


@pytest.mark.rule("S1.74")
def test_disconnecting_a_paid_bot_says_that_its_fees_go_on_and_offers_to_cancel(
    admin: Console, running_demo: Demo
) -> None:
    bot = commercial_bot(running_demo, "Млинцева")
    admin.open(f"#/account/integrations/messengers/viber/{bot.bot_id}")
    admin.at("disconnect").click()
    assert "плата списуватиметься й далі" in admin.at("confirm").inner_text()
    admin.at("confirm-yes").click()
    admin.at("pays-anyway").wait_for()
    assert "плата за нього триває" in admin.at("pays-anyway").inner_text()
    admin.at("cancel-plan").click()
    admin.at("confirm-yes").click()
    admin.at("pays-anyway").wait_for(state="detached")
    assert running_demo.get(f"/v1/bots/{bot.bot_id}")["plan"]["cancelled_at"] is not None


def test_a_bot_of_an_approved_request_gets_its_key_pasted(
    admin: Console, running_demo: Demo
) -> None:
    credit(running_demo, "400.00")
    bot_id = decide(running_demo, apply(running_demo), "approved")["bot_id"]
    made = running_demo.new_viber_bot("Вареникова")
    admin.open("#/account/integrations/messengers/viber")
    admin.at("bot", f"[data-bot-id={bot_id}][data-state=awaiting_key]").wait_for()
    admin.at("add-bot").click()
    assert admin.at("way-awaiting").is_checked()
    admin.at("awaiting-bot").select_option(bot_id)
    admin.at("bot-key").fill(made["key"])
    admin.at("bot-connect").click()
    admin.at("bot-head", "[data-state=connected]").wait_for()
    assert admin.hash.endswith(bot_id)


def test_the_overview_and_the_request_lead_to_the_bot_whose_key_is_awaited_and_no_longer(
    admin: Console, running_demo: Demo
) -> None:
    credit(running_demo, "400.00")
    request = apply(running_demo)
    bot_id = decide(running_demo, request, "approved")["bot_id"]
    viber_bot = running_demo.new_viber_bot("Галушкова")
    admin.open(MONEY)
    card = admin.at("subscription", f"[data-bot-id={bot_id}]")
    card.locator("[data-testid=paste-key]").wait_for()
    assert "Бота не підключено" not in card.inner_text()
    admin.open(f"{MONEY}/requests")
    line = admin.at("request", f"[data-request-id={request['request_id']}]")
    line.locator("[data-testid=paste-key]").click()
    admin.at("bot-head", "[data-state=awaiting_key]").wait_for()
    assert admin.hash.endswith(bot_id)
    first = admin.page.locator(".columns section").first
    assert first.locator("[data-testid=replace-key]").count() == 1
    assert admin.at("pays-anyway").count() == 0
    admin.at("replace-key").click()
    admin.at("bot-key").fill(viber_bot["key"])
    admin.at("save-key").click()
    admin.at("bot-head", "[data-state=connected]").wait_for()
    assert admin.at("toast").inner_text() == "Бота підключено."
    admin.open(f"{MONEY}/requests")
    line.get_by_role("link", name="Галушкова").wait_for()
    until(lambda: line.locator("[data-testid=paste-key]").count() == 0, "its key is there")


def test_a_new_bot_is_led_to_a_request(admin: Console) -> None:
    admin.open("#/account/integrations/messengers/viber")
    admin.at("add-bot").click()
    admin.at("way-new").check()
    admin.at("to-request").click()
    admin.page.wait_for_url(f"**{MONEY}/requests/new")


@pytest.mark.rule("S2.11")
def test_an_admin_wishes_for_sessions_and_sees_what_became_of_it(
    admin: Console, running_demo: Demo
) -> None:
    bot = commercial_bot(running_demo, "Кав’ярня на розі")
    admin.open(MONEY)
    line = admin.at("subscription", f"[data-bot-id={bot.bot_id}]")
    line.locator("[data-testid=wish]").click()
    admin.at("wish-text").fill("Ми хочемо відповідати довше.")
    admin.at("wish-submit").click()
    line.locator("[data-testid=last-request][data-state=waiting]").wait_for()
    assert line.locator("[data-testid=wish]").count() == 0
    wishes = running_demo.get("/v1/desk/requests?state=waiting&limit=200", by="operator")["items"]
    wish = next(one for one in wishes if one["bot_id"] == bot.bot_id)
    assert wish["form"] == {"text": "Ми хочемо відповідати довше."}
    decide(running_demo, wish, "refused", reason="Спершу оновіть сайт.")
    admin.page.reload()
    refused = line.locator("[data-testid=last-request][data-state=refused]")
    refused.wait_for()
    assert "Спершу оновіть сайт." in refused.inner_text()


@pytest.mark.rule("S1.18", "S1.15")
def test_an_old_bot_shows_its_month_and_the_way_to_the_commercial_plan(
    admin: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Стара пошта")
    admin.open(MONEY)
    line = admin.at("subscription", f"[data-bot-id={bot.bot_id}][data-plan=legacy]")
    line.locator("[data-testid=legacy-used][data-used='0']").wait_for()
    assert "0 з 10 000" in plain(line.inner_text())
    line.locator("[data-testid=move]").click()
    admin.at("request-form").wait_for()
    assert admin.at("form-purpose").input_value() == "move"


@pytest.mark.rule("S1.47", "S1.48", "S1.49", "S1.50")
def test_statement_and_report_show_what_was_paid_for_each_line_open_to_its_cause(
    admin: Console, running_demo: Demo, tmp_path: Path
) -> None:
    bot = business_bot(running_demo, "Цукерня")
    bot.phone("Ярина Лісова").write("Чи є торти?")
    ticket_id = bot.ticket()["ticket_id"]
    (message_id,) = running_demo.say(ticket_id, "Є, медові.")
    running_demo.becomes(ticket_id, message_id, "delivered", "seen")

    admin.open(f"{MONEY}/report")
    admin.at("filter-bot").select_option(bot.bot_id)
    admin.at("sum", "[data-kind=sessions-fee]").wait_for()
    line = admin.at("report-line")
    line.first.wait_for()
    until(lambda: line.count() == 1, "only this bot's lines are there")
    words = plain(line.inner_text())
    assert "Цукерня" in words
    assert "Ярина Лісова" in words
    assert "0,04 EUR" in words
    until(
        lambda: admin.at("total").get_attribute("data-amount") not in (None, ""), "the sum is there"
    )
    entries = running_demo.get(f"/v1/entries?bot_id={bot.bot_id}&limit=200", by="admin")["items"]
    total = sum(float(each["amount"]["amount"]) for each in entries)
    assert float(admin.at("total").get_attribute("data-amount") or "") == pytest.approx(total)
    with admin.page.expect_download() as download:
        admin.at("download").click()
    path = tmp_path / "messages.csv"
    download.value.save_as(path)
    text = path.read_text(encoding="utf-8-sig")
    assert "Цукерня" in text
    assert "0.04" in text

    line.get_by_role("link").click()
    admin.at("entry-page").wait_for()
    assert admin.at("cause").inner_text().startswith("session:")
    admin.page.get_by_role("link", name="Відкрити звернення").click()
    admin.page.wait_for_url(f"**#/tickets/{ticket_id}")

    admin.open(f"{MONEY}/statement")
    admin.at("filter-bot").select_option(bot.bot_id)
    admin.at("filter-kind").select_option("sessions-fee")
    fees = [each for each in entries if each["kind"] == "sessions-fee"]
    until(lambda: admin.at("entry").count() == len(fees), "only this bot's fees are there")
    assert "\u221230,00 EUR" in plain(
        admin.at("entry", "[data-kind=sessions-fee]").first.inner_text()
    )


def test_the_report_says_to_how_many_a_broadcast_went_even_to_one(admin: Console) -> None:
    line = {
        "entry_id": "ent_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "kind": "broadcast",
        "price_kind": "bot-initiated",
        "sent_at": "2026-11-20T10:00:00Z",
        "charged_at": "2026-11-20T10:05:00Z",
        "bot_id": "bot_1",
        "bot_name": "Цукерня",
        "recipient": {"name": None, "subscriber_id": None},
        "country": "UA",
        "state": "delivered",
        "count": 1,
        "price": {"amount": "0.0196", "currency": "EUR"},
    }
    page = {"items": [line], "next_cursor": None}
    admin.page.route("**/v1/reports/messages?**", lambda route: route.fulfill(json=page))
    admin.open(f"{MONEY}/report")
    row = admin.at("report-line")
    row.wait_for()
    words = plain(row.inner_text())
    assert "Отримувачів: 1" in words
    # The day is said once where both are of one day.
    assert words.count("2026") == 1
    assert "12:05" in words


def test_a_forecast_is_told_in_cents_and_its_months_by_their_names(admin: Console) -> None:
    def euros(amount: str) -> dict[str, str]:
        return {"amount": amount, "currency": "EUR"}

    month = {
        "name": "2026-12",
        "spent": euros("3.141593"),
        "fees": euros("100.00"),
        "top_ups": euros("0.00"),
        "available": euros("-0.005001"),
        "set_aside": euros("0.00"),
    }
    days = ["2026-11-30", "2026-12-01", *(f"2026-12-{day:02}" for day in range(2, 32))]
    forecast = {
        "months": [month],
        "days": [{"name": name, "available": euros("96.858407")} for name in days],
        "events": [],
        "legacy": [],
        "out_at": None,
        "until": "2027-01-01T00:00:00Z",
        "time_zone": "Europe/Kyiv",
        "days_known": 30,
    }
    admin.page.route("**/v1/forecast", lambda route: route.fulfill(json=forecast))
    admin.open(f"{MONEY}/forecast")
    row = admin.at("forecast-month")
    row.wait_for()
    words = plain(row.inner_text())
    assert "3,14 EUR" in words
    assert "\u22120,01 EUR" in words
    chart = plain(admin.at("chart").inner_text())
    assert "96,86 EUR" in chart
    assert "грудень 2026" in chart


def test_an_agent_meets_a_wall_at_the_money(agent: Console) -> None:
    for way in (MONEY, f"{MONEY}/report", "#/broadcasts", "#/desk/requests", "#/accounts/acc_1"):
        agent.open(way)
        agent.at("forbidden").wait_for()


@pytest.mark.rule("S1.72")
def test_fee_protection_and_the_lines_of_warnings_are_set_and_read_back(
    admin: Console, running_demo: Demo
) -> None:
    before = running_demo.get("/v1/money-settings", by="admin")
    admin.open(f"{MONEY}/settings")
    admin.at("money-settings").wait_for()
    assert admin.at("set-protects-fees").is_checked()
    admin.at("set-low-balance").fill("20; сто")
    admin.at("save-money-settings").click()
    admin.at("money-settings").get_by_text("Введіть суми").wait_for()
    admin.at("set-low-balance").fill("20; 5,50")
    admin.at("set-runway-days").fill("10")
    admin.at("set-addresses").fill("buh@khlib.example")
    admin.at("set-protects-fees").uncheck()
    admin.at("save-money-settings").click()
    admin.at("toast").wait_for()
    stored = running_demo.get("/v1/money-settings", by="admin")
    assert [each["amount"] for each in stored["low_balance"]] == ["20.00", "5.50"]
    assert stored["runway_days"] == [10]
    assert stored["addresses"] == ["buh@khlib.example"]
    assert stored["protects_fees"] is False
    admin.page.reload()
    admin.at("money-settings").wait_for()
    assert admin.at("set-low-balance").input_value() == "20; 5,50"
    answer = running_demo.call("PATCH", "/v1/money-settings", before, by="admin")
    assert answer.status == 200


@pytest.mark.rule("S1.57")
def test_a_warning_stands_on_the_page_until_it_is_over(admin: Console, running_demo: Demo) -> None:
    # Only who pays for a bot is warned of a low balance.
    business_bot(running_demo, "Обережна крамниця")
    before = running_demo.get("/v1/money-settings", by="admin")
    much = f"{balance(running_demo)['available'] + 500:.2f}"
    lines = {"low_balance": [{"amount": much, "currency": "EUR"}], "mails": False}
    assert running_demo.call("PATCH", "/v1/money-settings", lines, by="admin").status == 200
    # The schedule looks every five minutes, and at an account a while after its money moved.
    running_demo.clock(ahead_seconds=20 * 60)
    until(
        lambda: running_demo.get("/v1/warnings?state=active", by="admin")["items"],
        "the schedule warns",
    )
    admin.open(MONEY)
    warning = admin.at("warning", "[data-kind=low-balance]")
    warning.wait_for()
    assert "Мало грошей на балансі" in warning.inner_text()
    line = f"Межа попередження: {much.replace('.', ',')} EUR"
    assert line.replace(" ", "") in plain(warning.inner_text()).replace(" ", "")
    warning.locator("[data-testid=seen]").click()
    warning.locator("[data-testid=seen]").wait_for(state="detached")
    assert running_demo.call("PATCH", "/v1/money-settings", before, by="admin").status == 200
