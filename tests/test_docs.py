"""What the documents say about the code is held to the code."""

import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app import app
from bench.operations import OPERATIONS
from demo.desk import Demo

PROJECT = Path(__file__).parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")
RULES = (PROJECT / "docs" / "rules.md").read_text(encoding="utf-8")
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= 120


def test_the_readme_names_every_queue_and_schedule_with_its_rate() -> None:
    table = README.split("| queue or schedule |")[1].split("\n\n")[0]
    told = dict(re.findall(r"^\| `(\w+)`(?:, (every [^|]+?))? \|", table, re.MULTILINE))
    for source in app.event_sources:
        assert source.name in told, source.name
        expression = getattr(source, "schedule_expression", None)
        if expression is not None:
            rate = expression.to_string().removeprefix("rate(").removesuffix(")")
            spelled = rate.removeprefix("1 ")
            assert told[source.name] == f"every {spelled}"
    assert set(told) == {source.name for source in app.event_sources}


def test_every_event_handler_lives_in_app_py() -> None:
    assert all(source.handler_string.startswith("app.") for source in app.event_sources)
    assert all(each.handler_string.startswith("app.") for each in app.builtin_auth_handlers)


def test_routes_outside_of_the_api_are_in_the_readme() -> None:
    other = {path for path in app.routes if not path.startswith(("/v1/", "/console/"))}
    assert other - {"/"} == {"/viber/{bot_id}", "/stripe", "/console", "/docs", "/openapi.json"}
    for path in other - {"/"}:
        assert path in README


def test_every_file_of_the_house_is_in_its_picture() -> None:
    house = ARCHITECTURE.split("```")[1]
    names = {path.name for path in (PROJECT / "chalicelib").iterdir()}
    names -= {"__pycache__", "__init__.py", "console"}
    for name in names:
        wanted = name if name.endswith(".py") else f"{name}/"
        assert wanted in house, name


def test_every_path_that_the_documents_name_is_there() -> None:
    for document in (README, ARCHITECTURE):
        for name in re.findall(
            r"`((?:chalicelib|docs|demo|bench|tools|tests)/[\w./-]*)`", document
        ):
            assert (PROJECT / name).exists(), name


@pytest.mark.parametrize("part", ["S1", "S2"])
def test_every_rule_of_money_and_sessions_has_its_place_in_the_code(part: str) -> None:
    told = RULES.split(f"## {part} ")[1].split("\n## ")[0]
    numbers = [int(n) for n in re.findall(rf"^\| {part}\.(\d+) \|", told, re.MULTILINE)]
    rows = re.findall(r"^\| [^|]+ \| ([\d–, ]+) \| (.+) \|$", told, re.MULTILINE)
    named: list[int] = []
    for which, places in rows:
        for each in which.split(", "):
            first, _, last = each.partition("–")
            named += range(int(first), int(last or first) + 1)
        for place in re.findall(r"`([^`]+)`", places):
            assert (PROJECT / "chalicelib" / place).exists(), place
    assert sorted(named) == numbers


def test_the_readme_shows_every_page_of_the_demo_in_its_order() -> None:
    addresses = ("console_url", "phone_url", "clock_url", "checkout_url", "api_url")
    links: Any = Demo.links
    pages = links.fget(SimpleNamespace(**dict.fromkeys(addresses, "")))
    shown = re.findall(r"^  (\w+) +http://", README, re.MULTILINE)
    assert shown == [title for title, _ in pages]


def test_every_module_has_its_place_in_the_contracts() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    layers, front, _ = settings["tool"]["importlinter"]["contracts"]
    here = {path.stem for path in (PROJECT / "chalicelib").iterdir()} - {"__pycache__", "__init__"}
    placed = {name.strip() for line in layers["layers"] for name in line.split(":")}
    assert placed == {f"chalicelib.{name}" for name in here - {"console"}}
    knowing = {"api", "web", "errors", "console"}
    assert set(front["source_modules"]) == {f"chalicelib.{name}" for name in here - knowing}


def test_every_operation_of_the_bench_has_its_row() -> None:
    page = (PROJECT / "docs" / "performance.md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0].removeprefix("| ") for line in page.splitlines()}
    assert set(OPERATIONS) <= rows
    assert "## A broadcast" in page


def test_the_make_verbs_of_the_readme_exist() -> None:
    verbs = "".join(
        (PROJECT / name).read_text(encoding="utf-8") for name in ("Makefile", "tools/cloud.mk")
    )
    for verb in re.findall(r"`?make ([a-z-]+)", README):
        assert f"\n{verb}:" in verbs, verb


def test_every_library_has_its_reason() -> None:
    reasons = (PROJECT / "docs" / "decisions" / "libraries.md").read_text(encoding="utf-8")
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (PROJECT / name).read_text(encoding="utf-8").splitlines():
            library = re.split(r"==", line)[0].strip()
            if library and not library.startswith(("#", "-r")):
                assert library in reasons, library
