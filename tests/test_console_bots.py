"""The console's pages of bots, as an admin sees them in a browser, and as an agent does not."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.browser import Chromium, Console, Demo
from tests.smoke_desk import until

pytestmark = pytest.mark.xdist_group("console")

BOTS = "#/account/integrations/messengers/viber"
TERMS = "https://help.viber.com/hc/en-us/articles/15247629658525-Bot-commercial-model"


def open_bot(console: Console, bot_id: str) -> None:
    console.open(f"{BOTS}/{bot_id}")
    console.at("bot-head").wait_for()


def add(console: Console, key: str) -> None:
    """Paste an old bot's key into the window for it, and press the button."""
    console.open(BOTS)
    console.at("add-bot").click()
    console.at("way-old").check()
    console.at("made-on").fill("2023-11-30")
    console.at("bot-key").fill(key)
    console.at("bot-connect").click()


def bots_of(demo: Demo) -> list[Any]:
    """Tell which bots there are; their pictures may still be on the way."""
    found = demo.get("/v1/bots?limit=200", by="admin")["items"]
    return [bot | {"icon_file_id": None} for bot in found]


def test_whatever_goes_wrong_on_a_page_is_heard(chromium: Chromium) -> None:
    with chromium.tab() as console:
        console.open("")
        console.at("sign-in").wait_for()
        console.page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "window.ran = true";
              document.body.append(script);
              setTimeout(() => { throw new Error("thrown") });
              console.warn("warned");
              return fetch("v1/nothing");
            }"""
        )
        wanted = ("error: violation of script-src", "exception: thrown", "warning: warned", "404 ")
        for each in wanted:
            begins = tuple(trouble for trouble in console.troubles if trouble.startswith(each))
            assert begins, (each, console.troubles)
        assert console.page.evaluate("window.ran") is None
        with pytest.raises(AssertionError, match="thrown"):
            console.check()
        console.foresee("")


@pytest.mark.rule("S3.12", "S4.13")
def test_an_admin_walks_to_the_page_of_the_integration(admin: Console) -> None:
    admin.open("#/inbox")
    admin.at("way-settings").click()
    admin.page.wait_for_url("**#/account/integrations")
    admin.at("messenger-viber").click()
    admin.page.wait_for_url(f"**{BOTS}")
    admin.at("add-bot").wait_for()
    steps = admin.page.locator("nav.trail li")
    assert steps.all_inner_texts() == ["Керування акаунтом", "Інтеграції", "Месенджери", "Viber"]
    ways = admin.page.locator("nav.trail a").evaluate_all("all => all.map((a) => a.hash)")
    assert ways == [
        "#/account/integrations",
        "#/account/integrations",
        "#/account/integrations/messengers",
    ]
    steps.nth(2).locator("a").click()
    admin.page.wait_for_url("**#/account/integrations/messengers")
    admin.at("messenger-viber").wait_for()


@pytest.mark.rule("S4.13", "S4.14")
def test_an_agent_finds_no_way_there_and_meets_a_wall_at_its_address(agent: Console) -> None:
    agent.open("#/inbox")
    agent.at("way-inbox").wait_for()
    assert agent.at("way-settings").count() == 0
    agent.open(BOTS)
    agent.at("forbidden").wait_for()
    assert "403" in agent.at("forbidden").inner_text()
    assert agent.at("add-bot").count() == 0
    assert agent.at("paid-note").count() == 0


@pytest.mark.rule("S3.2")
def test_a_note_tells_since_when_bots_are_paid_and_what_holds_for_older_ones(
    admin: Console,
) -> None:
    admin.open(BOTS)
    note = admin.at("paid-note")
    assert "З 05.02.2024 боти Viber платні" in note.inner_text()
    assert "створені раніше, працюють за старими умовами" in note.inner_text()
    terms = note.get_by_role("link").first
    assert terms.get_attribute("href") == TERMS
    assert terms.is_visible()
    assert "noopener" in (terms.get_attribute("rel") or "")


@pytest.mark.rule("S3.13", "S3.17", "S4.15")
def test_a_pasted_key_makes_a_bot_that_is_shown_connected_by_name_and_picture(
    admin: Console, running_demo: Demo
) -> None:
    name = "Книгарня «Сова» 🦉"
    made = running_demo.new_viber_bot(name)
    admin.open(BOTS)
    admin.at("add-bot").click()
    admin.at("way-old").check()
    admin.at("made-on", "[max='2024-02-04']").wait_for()
    admin.at("made-on").fill("2023-11-30")
    admin.page.evaluate("key => navigator.clipboard.writeText(key)", f" {made['key']}\n")
    admin.at("bot-key").press("Control+v")
    admin.at("bot-connect").click()
    head = admin.at("bot-head", "[data-state=connected]")
    head.wait_for()
    assert head.locator("h1").inner_text() == name
    assert not admin.drawn(head.locator("img")).startswith(running_demo.told["viber_url"])
    bot = next(each for each in bots_of(running_demo) if each["uri"] == made["uri"])
    assert admin.hash == f"{BOTS}/{bot['bot_id']}"
    webhook = running_demo.at_viber(made["uri"])["webhook"]
    assert webhook == f"{running_demo.told['api_url']}/viber/{bot['bot_id']}"

    admin.open(BOTS)
    tile = admin.at("bot", f"[data-bot-id={bot['bot_id']}][data-state=connected]")
    assert name in tile.inner_text()
    admin.drawn(tile.locator("img"))


@pytest.mark.rule("S3.14")
def test_a_wrong_key_is_answered_with_vibers_reason_and_leaves_nothing(
    admin: Console, running_demo: Demo
) -> None:
    before = bots_of(running_demo)
    key = "4453b6ac1s345678-e02c5f12174805f9-daec9cbb5448c51f"
    given = {"key": key, "made_on": "2023-11-30"}
    told = running_demo.call("POST", "/v1/bots", given, by="admin")
    assert (told.status, told.body["viber_status"]) == (400, 2)
    admin.foresee("400 POST /v1/bots")
    add(admin, key)
    problem = admin.at("add-bot-dialog").locator("[data-testid=problem]")
    problem.wait_for()
    words = "Ключ не прийнято, нічого не збережено: Viber не знає такого ключа."
    assert words in problem.inner_text()
    assert told.body["detail"] not in problem.inner_text()
    assert admin.at("bot-key").input_value() == key
    assert bots_of(running_demo) == before


@pytest.mark.rule("S3.18")
def test_a_bot_that_is_connected_is_not_connected_once_more(
    admin: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Майстерня годинників")
    before = bots_of(running_demo)
    admin.foresee("409 POST /v1/bots")
    add(admin, running_demo.at_viber(bot.uri)["key"])
    problem = admin.at("problem", "[data-kind=already-connected]")
    problem.wait_for()
    assert problem.inner_text() == "Цього бота вже підключено."
    assert bots_of(running_demo) == before


@pytest.mark.rule("S3.27", "S4.7")
def test_the_address_has_the_uri_that_viber_keeps_and_is_ready_to_be_taken(
    admin: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Квіти щодня")
    open_bot(admin, bot.bot_id)
    address = f"viber://pa?chatURI={bot.uri}"
    assert admin.at("bot-link").input_value() == address
    admin.at("copy-bot-link").click()
    admin.at("toast").wait_for()
    assert admin.page.evaluate("navigator.clipboard.readText()") == address

    source = admin.drawn(admin.at("qr"))
    told = running_demo.get(f"/v1/bots/{bot.bot_id}/link", by="admin")
    assert told["link"] == address
    drawn = unquote(source.removeprefix("data:image/svg+xml,"))
    assert drawn.replace(' xmlns="http://www.w3.org/2000/svg"', "") == told["qr_svg"]
    box = admin.at("qr").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 100

    admin.at("link-context").fill("вітрина & Ко")
    admin.at("link-text").fill("Добрий день!")
    until(lambda: "text=" in admin.at("bot-link").input_value(), "the address carries more")
    carried = parse_qs(urlsplit(admin.at("bot-link").input_value()).query)
    assert carried == {
        "chatURI": [bot.uri],
        "context": ["вітрина & Ко"],
        "text": ["Добрий день!"],
    }
    assert admin.drawn(admin.at("qr")) != source


@pytest.mark.rule("S3.26", "S4.9")
def test_a_phone_that_opens_the_address_begins_to_talk(admin: Console, running_demo: Demo) -> None:
    bot = running_demo.new_bot("Чайна")
    open_bot(admin, bot.bot_id)
    address = urlsplit(admin.at("bot-link").input_value())
    assert (address.scheme, address.netloc) == ("viber", "pa")
    phone = bot.phone("Зоряна Кульчицька")
    (phone.uri,) = parse_qs(address.query)["chatURI"]
    phone.act("open", context="вивіска")
    phone.write("Чи є зелений чай?")
    assert phone.chat["subscribed"]
    admin.open(f"#/tickets/{bot.ticket()['ticket_id']}")
    admin.message("Чи є зелений чай?").wait_for()
    assert "вивіска" in admin.at("contact").inner_text()


@pytest.mark.rule("S4.8")
def test_the_page_says_where_to_put_the_address(admin: Console, running_demo: Demo) -> None:
    bot = running_demo.new_bot("Ремонт взуття")
    open_bot(admin, bot.bot_id)
    block = admin.page.locator("section.block").filter(has=admin.at("bot-link"))
    hint = block.locator("p.hint").first.inner_text()
    assert "на сайті чи в соцмережах" in hint
    assert admin.at("copy-bot-link").is_visible()


@pytest.mark.rule("S4.10")
def test_there_are_words_and_a_qr_code_for_those_without_viber_on_the_computer(
    admin: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Пральня")
    open_bot(admin, bot.bot_id)
    block = admin.page.locator("section.block").filter(has=admin.at("fallback-text"))
    assert "після натискання нічого не станеться" in block.inner_text()
    admin.drawn(block.locator("[data-testid=qr]"))
    words = admin.at("fallback-text").input_value()
    assert f"viber://pa?chatURI={bot.uri}" in words
    assert "відкрийте цю сторінку на телефоні" in words
    assert "встановіть Viber для комп’ютера: https://www.viber.com/download/" in words
    admin.at("copy-fallback-text").click()
    admin.at("toast").wait_for()
    assert admin.page.evaluate("navigator.clipboard.readText()") == words


@pytest.mark.rule("S3.19", "S4.27", "S4.33")
def test_settings_are_saved_for_this_bot_and_read_back(admin: Console, running_demo: Demo) -> None:
    bot, other = running_demo.new_bot("Аптека"), running_demo.new_bot("Оптика")
    untouched = running_demo.get(f"/v1/bots/{other.bot_id}", by="admin")["settings"]
    people = running_demo.get("/v1/people?limit=200", by="admin")["items"]
    assignee, *participants = [each for each in people if each["role"] == "agent"]
    open_bot(admin, bot.bot_id)
    assert admin.at("opens-new-ticket").is_checked()
    assert not admin.at("sends-as-employee").is_checked()
    admin.at("opens-new-ticket").uncheck()
    admin.at("sends-as-employee").check()
    admin.at("settings-assignee").select_option(assignee["person_id"])
    for person in participants:
        admin.at("settings-participants").get_by_label(person["name"]).check()
    admin.at("welcome-text").fill("Вітаємо! 💊\nПишіть нам.")
    admin.at("save-settings").click()
    admin.at("toast").wait_for()
    assert running_demo.get(f"/v1/bots/{bot.bot_id}", by="admin")["settings"] == {
        "opens_new_ticket": False,
        "sends_as_employee": True,
        "assignee_id": assignee["person_id"],
        "participant_ids": [person["person_id"] for person in participants],
        "welcome_text": "Вітаємо! 💊\nПишіть нам.",
    }

    admin.page.reload()
    admin.at("bot-settings").wait_for()
    assert not admin.at("opens-new-ticket").is_checked()
    assert admin.at("sends-as-employee").is_checked()
    assert admin.at("settings-assignee").input_value() == assignee["person_id"]
    assert admin.at("welcome-text").input_value() == "Вітаємо! 💊\nПишіть нам."
    marked = admin.at("settings-participants").locator("input:checked")
    # The people's names are read apart from the bot.
    until(lambda: marked.count() == len(participants), "the participants are marked")
    assert running_demo.get(f"/v1/bots/{other.bot_id}", by="admin")["settings"] == untouched


@pytest.mark.rule("S4.35")
def test_a_bot_is_disconnected_after_a_question_and_its_tickets_remain(
    admin: Console, running_demo: Demo
) -> None:
    bot = running_demo.new_bot("Кав'ярня «Зерно»")
    bot.phone("Лесь Журба").write("Працюєте в неділю?")
    ticket_id = bot.ticket()["ticket_id"]
    open_bot(admin, bot.bot_id)
    admin.at("disconnect").click()
    assert "Кав'ярня «Зерно»" in admin.at("confirm").inner_text()
    admin.at("confirm-no").click()
    admin.at("confirm").wait_for(state="detached")
    assert running_demo.at_viber(bot.uri)["webhook"]

    admin.at("disconnect").click()
    admin.at("confirm-yes").click()
    admin.at("bot-head", "[data-state=disconnected]").wait_for()
    assert running_demo.at_viber(bot.uri)["webhook"] == ""
    assert admin.at("disconnect").count() == 0

    admin.open("#/inbox")
    admin.row(ticket_id).click()
    admin.message("Працюєте в неділю?").wait_for()
    assert admin.at("composer-notify").is_disabled()
    assert "Бота відключено" in admin.at("composer").inner_text()
