"""The console's inbox and tickets in a browser: what comes, what goes, what is only shown."""

from typing import Any

import pytest

from tests.browser import Chromium, Console, Demo
from tests.smoke_desk import until

pytestmark = pytest.mark.xdist_group("console")

ATTACK = "<img src=x onerror=window.hacked=1>"
SCRIPT = "<script>window.hacked=1</script>"
TRAP = "javascript:window.hacked=1"


def refreshed(console: Console) -> bool:
    """Tell whether the page was loaded anew since `mark` was set on it."""
    return console.page.evaluate("window.mark") is None


@pytest.mark.rule("S3.3", "S4.1")
def test_what_comes_through_two_bots_is_worked_on_in_one_list(
    agent: Console, running_demo: Demo
) -> None:
    shop, repairs = running_demo.new_bot("Крамниця"), running_demo.new_bot("Майстерня")
    buyer, owner = shop.phone("Христина Левицька"), repairs.phone("Назар Дорошенко")
    buyer.write("Чи є зелений шарф?")
    owner.write("Коли буде готовий велосипед? 🚲")
    talks = (
        (shop, "Крамниця", buyer, "Чи є зелений шарф?", "Так, останній."),
        (repairs, "Майстерня", owner, "Коли буде готовий велосипед? 🚲", "У п'ятницю."),
    )
    agent.open("#/inbox")
    for bot, bot_name, phone, said, _ in talks:
        row = agent.row(bot.ticket()["ticket_id"])
        # The bots' names are read apart from the tickets.
        row.get_by_text(bot_name, exact=True).wait_for()
        for part in (phone.name, said):
            assert part in row.inner_text()
    for bot, _, phone, said, answer in talks:
        ticket_id = bot.ticket()["ticket_id"]
        agent.row(ticket_id).click()
        agent.page.wait_for_url(f"**#/tickets/{ticket_id}")
        agent.message(said).wait_for()
        agent.write(answer)
        agent.message(answer, "outgoing", "delivered").wait_for()
        assert phone.heard == [answer]
        agent.at("ticket", "[data-status=awaiting_answer]").wait_for()


@pytest.mark.rule("S3.40")
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"refuse": 12}, "Забагато повідомлень"),
        ({"fail_after": "too old"}, "Телефон клієнта не зміг показати"),
    ],
    ids=["refused by Viber", "failed on the phone"],
)
def test_a_message_that_failed_says_why_and_can_be_sent_again(
    agent: Console, running_demo: Demo, fault: dict[str, Any], reason: str
) -> None:
    bot = running_demo.new_bot("Друкарня")
    phone = bot.phone("Устим Голуб")
    phone.write("Чи готові візитки?")
    agent.open(f"#/tickets/{bot.ticket()['ticket_id']}")
    agent.message("Чи готові візитки?").wait_for()
    bot.faults(fault)
    agent.write("Готові, чекаємо на вас")
    failed = agent.message("Готові, чекаємо на вас", "outgoing", "failed")
    failed.wait_for()
    words = failed.locator("[data-testid=failure]").inner_text()
    assert words.startswith("Не доставлено.")
    assert reason in words
    failed.locator("[data-testid=retry]").click()
    agent.message("Готові, чекаємо на вас", "outgoing", "delivered").wait_for()
    assert failed.locator("[data-testid=retry]").count() == 0
    shown = [m for m in phone.chat["messages"] if m["author"] == "bot" and m["state"] != "failed"]
    assert len(shown) == 1


def test_what_nobody_knows_the_end_of_is_sent_again_only_after_a_question(
    agent: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Таксі")
    phone = bot.phone("Віра Поліщук")
    phone.write("Машина буде?")
    agent.open(f"#/tickets/{bot.ticket()['ticket_id']}")
    agent.message("Машина буде?").wait_for()
    bot.faults({"lose_request": True})
    agent.write("Буде за п'ять хвилин")
    unknown = agent.message("Буде за п'ять хвилин", "outgoing", "unknown")
    unknown.wait_for()
    assert "можливо, повідомлення надійшло" in unknown.inner_text()
    unknown.locator("[data-testid=send-anyway]").click()
    assert "клієнт отримає його двічі" in agent.at("confirm").inner_text()
    agent.at("confirm-no").click()
    agent.at("confirm").wait_for(state="detached")
    assert phone.heard == []

    unknown.locator("[data-testid=send-anyway]").click()
    agent.at("confirm-yes").click()
    agent.message("Буде за п'ять хвилин", "outgoing", "delivered").wait_for()
    assert phone.heard == ["Буде за п'ять хвилин"]


@pytest.mark.rule("S4.22")
def test_places_cards_stickers_and_pictures_are_shown_as_what_they_are(
    agent: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Доставка")
    phone = bot.phone("Орест Гринько")
    phone.write({"type": "location", "location": {"lat": 49.8397, "lon": 24.0297}})
    card = {"name": "Сусідка Ганна", "phone_number": "+380 67 123 45 67"}
    phone.write({"type": "contact", "contact": card})
    phone.write({"type": "sticker", "sticker_id": 40133})
    picture = running_demo.viber("GET", "/state")["samples"]["picture"]["url"]
    phone.write({"type": "picture", "media": picture, "text": "Двері тут"})
    agent.open(f"#/tickets/{bot.ticket()['ticket_id']}")

    place = agent.at("message", "[data-type=location]")
    assert "49.8397, 24.0297" in place.inner_text()
    way = place.get_by_role("link", name="на карті").get_attribute("href") or ""
    assert way.startswith("https://www.openstreetmap.org/?mlat=49.8397&mlon=24.0297")
    contact = agent.at("message", "[data-type=contact]")
    assert "Сусідка Ганна" in contact.inner_text()
    number = contact.get_by_role("link", name="+380 67 123 45 67")
    assert number.get_attribute("href") == "tel:+380671234567"
    assert "Стікер 40133" in agent.at("message", "[data-type=sticker]").inner_text()

    shown = agent.at("message", "[data-type=picture]")
    source = agent.drawn(shown.locator("img"))
    assert source.startswith(bucket_of(running_demo))
    assert not source.startswith(running_demo.told["viber_url"])
    assert "Двері тут" in shown.inner_text()


def bucket_of(demo: Demo) -> str:
    """Tell where pictures may come from, by the page's own policy."""
    policy = demo.call("GET", "/console", by=None).headers["Content-Security-Policy"]
    sources = next(rule for rule in policy.split("; ") if rule.startswith("img-src"))
    return str(sources.split()[-1])


def test_news_come_without_loading_the_page_anew(agent: Console, running_demo: Demo) -> None:
    bot = running_demo.new_bot("Театр")
    first, second = bot.phone("Любов Савчук"), bot.phone("Максим Ткач")
    first.write("Чи є квитки?")
    ticket_id = bot.ticket()["ticket_id"]
    agent.open(f"#/tickets/{ticket_id}")
    agent.message("Чи є квитки?").wait_for()
    agent.page.evaluate("window.mark = 1")

    second.write("О котрій початок?")
    row = agent.at("ticket-row", "[data-unread=true]").filter(has_text="Максим Ткач")
    row.wait_for()
    assert agent.at("ticket-row").first.inner_text() == row.inner_text()
    first.write("Нас четверо")
    agent.message("Нас четверо").wait_for()
    taken = running_demo.call("PATCH", f"/v1/tickets/{ticket_id}", {"status": "accepted"})
    assert taken.status == 200
    agent.at("ticket", "[data-status=accepted]").wait_for()
    running_demo.say(ticket_id, "Є четверо в партері")
    agent.message("Є четверо в партері", "outgoing", "delivered").wait_for()
    first.act("read")
    agent.message("Є четверо в партері", "outgoing", "seen").wait_for()
    assert not refreshed(agent)


def test_a_note_looks_different_and_never_reaches_the_phone(
    agent: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Басейн")
    phone = bot.phone("Катря Швець")
    phone.write("Коли заняття?")
    agent.open(f"#/tickets/{bot.ticket()['ticket_id']}")
    agent.message("Коли заняття?").wait_for()
    agent.at("composer", "[data-notify=true]").wait_for()
    agent.at("composer-notify").uncheck()
    agent.at("composer", "[data-notify=false]").wait_for()
    assert agent.at("composer-send").inner_text().strip() == "Додати нотатку"
    agent.write("Абонемент закінчився", notify=False)
    note = agent.message("Абонемент закінчився", "note")
    note.wait_for()
    agent.write("О сьомій вечора")
    reply = agent.message("О сьомій вечора", "outgoing", "delivered")
    reply.wait_for()
    assert phone.heard == ["О сьомій вечора"]
    assert "внутрішня нотатка" in note.inner_text()
    assert "внутрішня нотатка" not in reply.inner_text()
    style = "bubble => [getComputedStyle(bubble).backgroundColor, getComputedStyle(bubble).border]"
    looks = [each.locator(".bubble").evaluate(style) for each in (note, reply)]
    assert looks[0][0] != looks[1][0]
    assert "dashed" in looks[0][1]
    assert "dashed" not in looks[1][1]


def test_older_messages_come_above_and_the_reader_keeps_his_place(
    agent: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Бібліотека")
    bot.phone("Ольга Рудь").write("Добрий день")
    ticket_id = bot.ticket()["ticket_id"]
    for first in range(0, 80, 20):
        notes = [f"Нотатка номер {number:02}" for number in range(first, first + 20)]
        assert running_demo.reply(ticket_id, *notes, notify=False).status == 202
    agent.open(f"#/tickets/{ticket_id}")
    agent.message("Нотатка номер 79", "note").wait_for()
    thread = agent.at("thread")
    below = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
    until(lambda: thread.evaluate(below) < 2, "the thread is at its end")
    assert agent.at("message").count() == 50

    thread.evaluate("box => { box.scrollTop = 0 }")
    agent.at("to-end").wait_for()
    # The oldest one loses the line with its author's name when another comes above it.
    being_read = agent.message("Нотатка номер 31", "note")
    before = being_read.bounding_box()
    agent.at("load-more").click()
    agent.message("Добрий день").wait_for()
    after = being_read.bounding_box()
    assert agent.at("message").count() == 81
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 3

    agent.at("to-end").click()
    until(lambda: thread.evaluate(below) < 2, "the thread is at its end again")


def test_nothing_from_outside_becomes_markup_or_runs(admin: Console, running_demo: Demo) -> None:
    bot = running_demo.new_bot(ATTACK)
    phone = bot.phone(ATTACK)
    phone.act("open", context=ATTACK)
    phone.write(f"{SCRIPT} {ATTACK} {TRAP}")
    phone.write({"type": "url", "media": TRAP})
    phone.write({"type": "contact", "contact": {"name": ATTACK, "phone_number": TRAP}})
    button = {"ActionBody": TRAP, "ActionType": "open-url", "Text": SCRIPT}
    carousel = {"Type": "rich_media", "Buttons": [button]}
    phone.write({"type": "rich_media", "rich_media": carousel, "alt_text": SCRIPT})
    phone.write({"type": SCRIPT, "text": SCRIPT})
    ticket = bot.ticket()
    admin.open(f"#/tickets/{ticket['ticket_id']}")
    for seen in ("text", "contact", "rich_media", "unsupported"):
        admin.at("message", f"[data-type={seen}]").first.wait_for()
    text = admin.at("message", "[data-type=text]").inner_text()
    assert f"{SCRIPT} {ATTACK} {TRAP}" in text
    assert admin.at("ticket").get_by_role("heading", level=1).inner_text() == ATTACK
    assert ATTACK in admin.row(ticket["ticket_id"]).inner_text()
    assert ATTACK in admin.at("contact").inner_text()
    assert SCRIPT in admin.at("message", "[data-type=rich_media]").inner_text()
    assert_harmless(admin)

    admin.open(f"#/account/integrations/messengers/viber/{bot.bot_id}")
    assert admin.at("bot-head").locator("h1").inner_text() == ATTACK
    assert_harmless(admin)


def assert_harmless(console: Console) -> None:
    assert console.page.evaluate("window.hacked") is None
    assert console.page.locator('img[src="x"], #app script').count() == 0
    assert console.page.locator('a[href^="javascript:" i]').count() == 0


def test_somebody_without_a_name_has_a_row_and_a_card_like_everybody(
    agent: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Пошта")
    phone = bot.phone("", avatar="")
    phone.write("Де моя посилка?")
    ticket_id = bot.ticket()["ticket_id"]
    agent.open("#/inbox")
    assert "Без імені" in agent.row(ticket_id).inner_text()
    agent.row(ticket_id).click()
    agent.message("Де моя посилка?").wait_for()
    assert agent.at("ticket").get_by_role("heading", level=1).inner_text() == "Без імені"
    assert "Без імені" in agent.at("contact").inner_text()


def test_a_sign_in_outlives_the_page_by_a_cookie_that_no_script_sees(
    chromium: Chromium, running_demo: Demo
) -> None:
    with chromium.tab() as console:
        console.sign_in("agent")
        console.page.reload()
        console.at("ticket-list").wait_for()
        name = running_demo.person("agent")["name"]
        assert console.at("who").inner_text() == name
        kept = console.page.context.cookies()
        assert kept
        assert all(cookie["httpOnly"] and cookie["sameSite"] == "Strict" for cookie in kept)
        assert console.page.evaluate("document.cookie") == ""
        stored = console.page.evaluate("({...localStorage, ...sessionStorage})")
        assert stored == {"viberdesk.signed_in": "yes"}


def test_signing_out_ends_it_for_the_next_visit_too(chromium: Chromium) -> None:
    with chromium.tab() as console:
        console.sign_in("agent")
        console.at("sign-out").click()
        console.at("sign-in-email").wait_for()
        assert console.page.context.cookies() == []
        assert console.page.evaluate("({...localStorage, ...sessionStorage})") == {}
        console.page.reload()
        console.at("sign-in-email").wait_for()
        console.open("#/account/people")
        console.at("sign-in-email").wait_for()


def test_a_wrong_password_is_told_and_leaves_one_outside(
    chromium: Chromium, running_demo: Demo
) -> None:
    with chromium.tab() as console:
        console.foresee("401 POST /v1/sign-in")
        console.open("")
        console.at("sign-in-email").fill(running_demo.person("agent")["email"])
        console.at("sign-in-password").fill("not-the-password")
        console.at("sign-in-submit").click()
        console.at("problem").wait_for()
        assert "Неправильна пошта або пароль." in console.at("problem").inner_text()
        assert console.at("who").count() == 0


@pytest.mark.parametrize("page", ["account", "account/people", "account/api-keys", "account/audit"])
def test_an_agent_meets_a_wall_at_the_pages_of_admins(agent: Console, page: str) -> None:
    agent.open(f"#/{page}")
    agent.at("forbidden").wait_for()
    agent.open("#/accounts")
    agent.at("forbidden").wait_for()
