"""The price before the send, the session's meter, and sessions, in a browser."""

import re

import pytest

from tests.browser import Console, Demo
from tests.console_money import business_bot, set_sessions
from tests.smoke_desk import until

pytestmark = pytest.mark.xdist_group("console")


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def meter(console: Console, kind: str) -> str:
    """Wait until the meter says this of the next reply, and give its words."""
    found = console.at("meter", f"[data-kind={kind}]")
    found.wait_for()
    return plain(found.inner_text())


@pytest.mark.rule("X.4")
def test_the_price_of_a_session_is_seen_before_the_reply_that_opens_it(
    agent: Console, running_demo: Demo
) -> None:
    bot = business_bot(running_demo, "Стоматологія", price="0.0375")
    phone = bot.phone("Левко Сірий")
    phone.write("Чи є місце на завтра?")
    agent.open(f"#/tickets/{bot.ticket()['ticket_id']}")
    assert "0,0375 EUR" in meter(agent, "opens-session")
    agent.write("Є о дев’ятій.")
    message = agent.message("Є о дев’ятій.", "outgoing", "delivered")
    message.wait_for()
    charge = message.locator("[data-testid=charge][data-kind=opens-session][data-state=posted]")
    charge.wait_for()
    assert plain(charge.inner_text()).startswith("0,0375 EUR · відкрило сесію")
    assert plain(charge.text_content() or "").count("сесію") == 1
    words = meter(agent, "in-session")
    assert "Безкоштовно" in words
    assert "повідомлень 1 / 60" in words
    assert "без відповіді 1 / 10" in words


@pytest.mark.rule("X.4")
def test_a_price_that_has_risen_meanwhile_is_shown_and_asked_for_again(
    agent: Console, running_demo: Demo
) -> None:
    bot = business_bot(running_demo, "Автомийка", price="0.04")
    phone = bot.phone("Роман Дуб")
    phone.write("Скільки коштує мийка?")
    agent.open(f"#/tickets/{bot.ticket()['ticket_id']}")
    assert "0,04 EUR" in meter(agent, "opens-session")
    # The page asks for the price again and again, and must not hear of the new one in time.
    agent.page.route("**/quote", lambda _: None)
    set_sessions(running_demo, bot.bot_id, fee="30.00", price="0.09")
    agent.foresee("409 POST /v1/tickets")
    agent.write("Двісті гривень.")
    unsent = agent.at("unsent", "[data-kind=price-risen]")
    unsent.wait_for()
    assert "Ціна зросла" in unsent.inner_text()
    assert "0,09 EUR" in plain(agent.at("agree").inner_text())
    assert phone.heard == []
    agent.at("agree").click()
    agent.message("Двісті гривень.", "outgoing", "delivered").wait_for()
    assert phone.heard == ["Двісті гривень."]


def test_near_its_limits_the_meter_is_marked_and_a_note_costs_nothing(
    agent: Console, running_demo: Demo
) -> None:
    bot = business_bot(running_demo, "Турагенція")
    bot.phone("Ніна Гай").write("Що є на травень?")
    ticket_id = bot.ticket()["ticket_id"]
    for number in range(8):
        running_demo.say(ticket_id, f"Варіант {number + 1}")
    agent.open(f"#/tickets/{ticket_id}")
    near = agent.at("limit-unanswered", "[data-near=true]")
    near.wait_for()
    assert "8 / 10" in near.inner_text()
    assert agent.at("limit-sent").get_attribute("data-near") == "false"
    assert agent.at("limit-time").get_attribute("data-near") == "false"
    agent.at("composer-notify").uncheck()
    agent.at("meter").wait_for(state="detached")


def test_what_cannot_be_sent_is_refused_beforehand_with_its_reason(
    agent: Console, running_demo: Demo
) -> None:
    bot = business_bot(running_demo, "Бібліотека")
    bot.phone("Віталій Яр").write("Надішліть каталог")
    agent.open(f"#/tickets/{bot.ticket()['ticket_id']}")
    meter(agent, "opens-session")
    agent.at("attach-open").click()
    agent.page.locator(".attach select").select_option("url")
    agent.page.locator(".attach input").fill("https://khlib.example/catalogue")
    agent.page.locator(".attach").get_by_role("button", name="Додати").click()
    assert "лише тексти й зображення" in meter(agent, "refused")
    assert agent.at("composer-send").is_disabled()


@pytest.mark.rule("S1.63")
def test_what_is_written_to_a_bot_that_has_ended_is_shown_and_cannot_be_answered(
    agent: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Молода пекарня")
    path = f"/v1/accounts/{running_demo.told['account_id']}/bots/{bot.bot_id}/legacy"
    ended = running_demo.call("POST", path, {"confirmed": False}, by="operator")
    assert ended.status == 200
    bot.phone("Соломія Цвіт").write("Ви ще печете?")
    agent.open(f"#/tickets/{bot.ticket()['ticket_id']}")
    agent.message("Ви ще печете?").wait_for()
    agent.at("composer-text").fill("Так")
    words = meter(agent, "refused")
    assert "Підписка бота закінчилася; повернути його може лише нова заявка." in words
    assert agent.at("composer-notify").is_checked()
    assert agent.at("composer-send").is_disabled()


@pytest.mark.rule("S2.42", "S2.46")
def test_sessions_are_listed_live_and_past_with_counts_price_and_reason(
    agent: Console, running_demo: Demo
) -> None:
    bot = business_bot(running_demo, "Ательє")
    names = ("Оля Верба", "Петро Клен", "Жанна Липа")
    tickets = {}
    for name in names:
        bot.phone(name).write("Пошиєте пальто?")
        tickets[name] = running_demo.ticket_of(name)["ticket_id"]
    running_demo.say(tickets["Оля Верба"], "Так.")
    # The eleventh unanswered message closes the session, and goes out outside of it.
    for number in range(11):
        running_demo.say(tickets["Петро Клен"], f"Зразок {number + 1}")
    agent.open("#/sessions")
    agent.at("filter-bot").select_option(bot.bot_id)
    rows = agent.at("session")
    until(lambda: rows.count() == 2, "two sessions live")
    opened = agent.at("session", "[data-state=open]")
    words = plain(opened.inner_text())
    assert "Оля Верба" in words
    assert "1 / 60" in words
    assert "1 / 10" in words
    assert "0,04 EUR" in words
    assert "Жанна Липа" in agent.at("session", "[data-state=waiting]").inner_text()
    agent.at("filter-state").select_option("waiting")
    until(lambda: rows.count() == 1, "one waits")

    agent.at("view-closed").click()
    closed = agent.at("session", "[data-reason=unanswered]")
    closed.wait_for()
    assert "Забагато повідомлень без відповіді" in closed.inner_text()
    agent.at("filter-reason").select_option("unanswered")
    closed.wait_for()
    closed.get_by_role("link").click()
    agent.page.wait_for_url(f"**#/tickets/{tickets['Петро Клен']}")
