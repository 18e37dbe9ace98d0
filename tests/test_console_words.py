"""The console's files without a browser: its words in four languages, its parts."""

import ast
import hashlib
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import chalicelib
from chalicelib import (
    alerts,
    audit,
    billing,
    bots,
    conversations,
    desk,
    errors,
    people,
    plans,
    requests,
    session_list,
    talks,
    top_ups,
    viber,
)
from chalicelib.api import broadcasts as api_broadcasts
from chalicelib.api import site
from chalicelib.delivery import chunks, paying, pricing, states
from chalicelib.delivery.broadcasts import apart, audience, holding, steering, together
from chalicelib.forecast import playing
from chalicelib.reports import words
from chalicelib.reports.lines import RETURNED
from chalicelib.sessions import policy

CONSOLE = site.HERE
VENDOR = CONSOLE / "vendor"
LANGUAGES = ("uk", "ru", "ro", "en")
UNSERVED = {"vendor/README.md", "vendor/LICENSES"}
# What leaves the console: a map, two pages of Viber's, and the name of SVG, which nobody fetches.
OUTSIDE = {
    "https://www.openstreetmap.org/",
    "https://www.viber.com/download/",
    "https://help.viber.com/hc/en-us/articles/15247629658525-Bot-commercial-model",
    "http://www.w3.org/2000/svg",
}
PLACE = re.compile(r"\{(\w+)\}")
CYRILLIC = "[\u0400-\u04ff]"
FOREIGN = {"uk": "[ыэъёЫЭЪЁ]", "ru": "[іїєґІЇЄҐ]", "ro": CYRILLIC, "en": CYRILLIC}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def catalogue(language: str) -> dict[str, str]:
    pairs: list[tuple[str, str]] = []
    for name in ("texts", "texts.money", "texts.plans"):
        text = read(CONSOLE / f"{name}.{language}.js")
        found = text[text.index("{") : text.rindex("}") + 1]
        pairs += json.loads(found, object_pairs_hook=lambda found: found)
    words = dict(pairs)
    assert len(words) == len(pairs), "a key stands twice"
    return words


def scripts() -> dict[str, str]:
    """Give our own scripts by name, without the catalogues."""
    found = CONSOLE.glob("*.js")
    return {path.name: read(path) for path in found if not path.name.startswith("texts.")}


def families() -> dict[str, list[str]]:
    """Give the words of the API that have texts, as i18n.js lists them."""
    listed = re.search(r"export const families = \{(.*?)\n\};", scripts()["i18n.js"], re.DOTALL)
    assert listed is not None
    found = re.findall(r"(\w+): \[(.*?)\]", listed[1], re.DOTALL)
    return {name: re.findall(r'"([^"]+)"', words) for name, words in found}


def uses() -> Iterator[tuple[str, str]]:
    """Give each key that the scripts name, with what stands behind it in the same call."""
    for text in scripts().values():
        for call in re.finditer(r'\b(?:t|woven)\(\s*"([^"]+)"', text):
            open_brackets, end = 1, call.end()
            while open_brackets:
                open_brackets += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            yield call[1], text[call.end() : end]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things(language: str) -> None:
    words, english = catalogue(language), catalogue("en")
    assert words.keys() == english.keys()
    for key, text in words.items():
        assert text.strip(), key
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(english[key])), key


def test_every_key_that_is_used_exists_and_none_is_left_over() -> None:
    named = {key for key, _ in uses()}
    told = {f"{family}.{word}" for family, words in families().items() for word in words}
    assert named | told == set(catalogue("en"))


def test_texts_are_named_in_full_where_they_are_used() -> None:
    for name, text in scripts().items():
        if name != "i18n.js":
            assert not re.findall(r'\b(?:t|woven)\((?!\s*")', text), name
            asked = re.findall(r'\btold\(\s*("\w+"|\w+)', text)
            assert {each.strip('"') for each in asked} <= families().keys(), name


def test_whoever_uses_a_text_fills_its_gaps() -> None:
    english = catalogue("en")
    for key, given in uses():
        for place in PLACE.findall(english[key]):
            assert re.search(rf"\b{place}\b", given), (key, place)


def test_every_word_of_the_api_has_a_text() -> None:
    known = families()
    assert set(known["problem"]) == kinds() | {"network", "failed"}
    assert set(known["warning"]) == set(alerts.KINDS)
    assert set(known["entry"]) == set(billing.KINDS)
    assert set(known["request"]) == set(desk.KINDS)
    assert set(known["request_state"]) == set(desk.STATES)
    assert set(known["company_type"]) == set(requests.COMPANY_TYPES)
    assert set(known["session_reason"]) == set(session_list.REASONS)
    assert set(known["top_up"]) == set(top_ups.STATES)
    assert set(known["plan"]) == set(plans.PLANS)
    assert set(known["status"]) == set(conversations.STATUSES)
    assert set(known["scope"]) == set(people.SCOPES)
    assert set(known["viber"]) == {str(each.value) for each in viber.Status if each.value}
    assert set(known["delivery"]) == {
        states.QUEUED,
        states.SENDING,
        states.SENT,
        states.DELIVERED,
        states.SEEN,
        states.FAILED,
        states.UNKNOWN,
        # As a report says it of a session whose price came back.
        RETURNED,
    }
    assert set(known["reason"]) == {
        states.EXPIRED,
        states.BOT_ENDED,
        states.BOT_DISCONNECTED,
        states.SENDING_STOPPED,
        states.VIBER_REFUSED,
        states.NOT_CONNECTED,
        states.FAILED_ON_DEVICE,
    }


def test_every_word_on_broadcasts_has_a_text() -> None:
    known = families()
    assert set(known["broadcast"]) == set(api_broadcasts.STATES)
    assert set(known["line"]) == {chunks.SKIPPED}
    assert set(known["skipped"]) == {
        audience.NOT_SUBSCRIBED,
        audience.UNKNOWN_CONTACT,
        audience.OTHER_BOT,
        audience.DUPLICATE,
        apart.NO_TICKET,
        apart.PRICE_RISEN,
        chunks.STOPPED,
    }
    assert set(known["pause"]) == {
        holding.CAP_REACHED,
        together.NO_BALANCE_AT_VIBER,
        steering.PAUSED,
    }
    for reason in (together.FREE_MESSAGES_USED, together.VIBER_REFUSED, states.BOT_ENDED):
        assert reason in known["problem"] + known["reason"]


def test_every_word_on_money_has_a_text() -> None:
    known = families()
    assert set(known["price"]) == {
        pricing.FREE_WINDOW,
        pricing.IN_SESSION,
        pricing.OPENS_SESSION,
        pricing.RENEWS_SESSION,
        pricing.BOT_INITIATED,
        pricing.LEGACY,
    }
    assert set(known["money"]) == {talks.HELD, talks.POSTED, talks.VOIDED, talks.REFUNDED}
    assert set(known["session"]) == set(session_list.STATES)
    assert set(known["policy_kind"]) == set(policy.KINDS)
    assert set(known["anchor"]) == set(policy.ANCHORS)
    assert set(known["ended"]) == {plans.UNPAID, plans.NOT_LEGACY, plans.TURNED_OFF}
    assert set(known["difference"]) == {
        paying.NOT_BILLED_THERE,
        paying.BILLED_THERE,
        paying.DELIVERED_UNPAID,
    }
    assert set(known["event"]) == {
        playing.FEE_PAID,
        playing.FEE_REFUSED,
        playing.DEACTIVATED,
        playing.SESSIONS_OFF,
        playing.BOT_ENDS,
        playing.BOT_ADDED,
        playing.REQUEST_REFUSED,
        playing.TOPPED_UP,
        playing.MONEY_OUT,
    }


def test_whatever_the_trail_tells_of_has_a_text() -> None:
    known = families()
    assert known["action"] == list(get_args(audit.Action))
    settings = re.search(r"const SETTINGS = \{(.*?)\n\};", scripts()["audit-details.js"], re.DOTALL)
    assert settings is not None
    named = re.findall(r"^  (\w+):", settings[1], re.MULTILINE)
    of_settings = {*bots.Settings.__struct_fields__, *alerts.Chosen.__struct_fields__}
    assert set(named) == {each.removesuffix("_micros") for each in of_settings} | {"protects_fees"}
    assert facts_of_the_trail() <= {*known["detail"], *known["fact"], "changes"}


def facts_of_the_trail() -> set[str]:
    """Give the names under which lines of the trail are made to say something."""
    names: set[str] = set()
    for path in CONSOLE.parent.rglob("*.py"):
        calls = [
            node
            for node in ast.walk(ast.parse(read(path)))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.line"
        ]
        names |= {given.arg for call in calls for given in call.keywords if given.arg is not None}
        if calls:
            told = re.findall(r"\b(?:facts|said) = \{(.*?)\}", read(path), re.DOTALL)
            names |= {name for body in told for name in re.findall(r'"(\w+)":', body)}
    return {name.removesuffix("_micros") for name in names}


def test_what_an_entry_says_has_a_text_or_leads_somewhere() -> None:
    listed = re.search(r"const SILENT = \[(.*?)\]", scripts()["entry.js"], re.DOTALL)
    assert listed is not None
    assert facts_of_entries() <= {*families()["fact"], *re.findall(r'"(\w+)"', listed[1])}


def facts_of_entries() -> set[str]:
    """Give the names under which entries are made to say something."""
    names: set[str] = set()
    for path in CONSOLE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "billing.entry":
                names |= {given.arg for given in node.keywords if given.arg is not None}
    for path in (CONSOLE.parent / "payments.py", CONSOLE.parent / "delivery" / "paying.py"):
        names |= keys_of_facts(path)
    # What a payment that an operator has to look at says is in no entry.
    names |= keys_of_facts(CONSOLE.parent / "top_ups.py") - {"currency", "amount"}
    of_the_entry = {"now", "bot_id", "corrects", "micros"}
    return {name.removesuffix("_micros") for name in names - of_the_entry}


def keys_of_facts(path: Path) -> set[str]:
    """Give the keys of the dicts that a module calls facts."""
    told = re.findall(r'facts = \{(.*?)\}|facts\["(\w+)"\] = ', read(path), re.DOTALL)
    return {name for body, one in told for name in (*re.findall(r'"(\w+)":', body), one) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_has_the_words_of_the_console(language: str) -> None:
    said, known = catalogue(language), families()
    for family, told in (("entry", words.kind), ("delivery", words.state), ("place", words.place)):
        for word in known[family]:
            assert told(word, language) == said[f"{family}.{word}"]


def kinds() -> set[str]:
    """Give every kind of problem that the house can tell: of its classes, and those named."""
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    named = {each.kind for each in every_kind_of(errors.Problem)}
    # A kind that nobody gives by itself: it stands for a bug.
    named.remove(errors.Problem.kind)
    for path in CONSOLE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(read(path))):
            is_error = isinstance(node, ast.Call) and ast.unparse(node.func).startswith("errors.")
            for given in node.keywords if is_error and isinstance(node, ast.Call) else ():
                if given.arg == "kind" and isinstance(given.value, ast.Constant):
                    named.add(str(given.value.value))
    return named


def every_kind_of(problem: type[errors.Problem]) -> Iterator[type[errors.Problem]]:
    """Give a class of problems with all that are made of it."""
    yield problem
    for each in problem.__subclasses__():
        yield from every_kind_of(each)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_letter_only_looks_like_the_one_that_belongs_there(language: str) -> None:
    for key, text in catalogue(language).items():
        spoken = PLACE.sub("", text)
        assert not re.findall(FOREIGN[language], spoken), key
        if language in ("uk", "ru"):
            for word in re.findall(r"\w+", spoken):
                is_mixed = re.search(CYRILLIC, word) and re.search("[A-Za-z]", word)
                assert not is_mixed, (key, word)
                assert not re.fullmatch("[A-Za-z]", word), (key, word)


@pytest.mark.rule("S3.2")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_note_on_paid_bots_has_its_day_and_its_link_in_every_language(language: str) -> None:
    note = catalogue(language)["bots.paid_note"]
    assert "05.02.2024" in note
    assert "{terms}" in note
    assert note.count(". ") >= 1, "and a sentence on the bots made before"


def test_the_libraries_are_the_versions_that_are_written_down() -> None:
    told = read(VENDOR / "README.md")
    listed = re.findall(r"^\| `(\S+\.js)` \| (\S+) \| (\S+) \|", told, re.MULTILINE)
    taken = set(re.search(r"for name in (.*?); do", told)[1].split())  # type: ignore[index]
    assert {f"{package}@{version}" for _, package, version in listed} == taken
    sums = {name: digest for digest, name in re.findall(r"^(\w{64})  (\S+)$", told, re.MULTILINE)}
    here = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")
    }
    assert sums == here
    assert {name for name, _, _ in listed} == here.keys()
    for path in VENDOR.glob("*.js"):
        assert not re.findall(r'from"[^.][^"]*"|sourceMappingURL', read(path)), path.name


def test_nothing_is_written_that_the_pages_policy_would_have_to_allow() -> None:
    for path in CONSOLE.glob("*.html"):
        text = read(path)
        assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:", text), path.name
        for tag in re.findall(r"<script[^>]*>.*?</script>", text, re.DOTALL):
            assert re.fullmatch(r'<script type="module" src="console/[\w.-]+\.js"></script>', tag)
    for name, text in scripts().items():
        found = re.findall(
            r"<style|\sstyle=|cssText|\son(?!e=)[a-z]+=|javascript:|(?:inner|outer|dangerouslySetInner)HTML"
            r"|insertAdjacentHTML|document\.write|import\(\s*[^\s\"]|setTimeout\(\s*[\"'`]",
            text,
        )
        assert not found, name
    for path in CONSOLE.rglob("*.js"):
        assert not re.findall(r"\beval\(|\bFunction\(", read(path)), path.name


def test_only_the_addresses_that_are_known_lead_outside() -> None:
    found = set()
    for path in CONSOLE.iterdir():
        if path.suffix in site.MEDIA_TYPES:
            found |= set(re.findall(r"(?:https?:)?//[\w-]+\.[\w-]+[^\s\"'`<>)]*", read(path)))
    assert found == OUTSIDE
    for path in CONSOLE.glob("*.css"):
        assert not re.findall(r"@import|url\((?!['\"]?data:)", read(path)), path.name


def test_every_file_is_served_by_a_type_that_is_known_and_used_by_another() -> None:
    files = {path.relative_to(CONSOLE).as_posix(): path for path in CONSOLE.rglob("*.*")}
    files |= {f"vendor/{path.name}": path for path in VENDOR.iterdir()}
    served = {name for name, path in files.items() if path.suffix in site.MEDIA_TYPES}
    assert files.keys() - served == UNSERVED
    assert all(re.fullmatch(r"(vendor/)?[\w.-]+", name) for name in served)
    named = {"index.html", "docs.html"}
    for name in served:
        text = read(CONSOLE / name)
        folder = "vendor/" if name.startswith("vendor/") else ""
        ways = re.findall(r'(?:from\s*|import\()"\./([^"]+)"', text)
        named |= {folder + way for way in ways}
        named |= set(re.findall(r'(?:href|src)="console/([^"]+)"', text))
    assert named == served
