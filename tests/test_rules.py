"""The rules of the business and what proves them."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from tools import rules

TABLE = """\
Some words before.

| number | rule | state |
|---|---|---|
| S3.1 | The first, with numbers: 1 000 EUR. | due |
| S3.2 | The second. | later |
| X.1 | The third; `code` too. | due |
"""
COUNTS = {"S1": 74, "S2": 51, "S3": 45, "S4": 35, "S5": 35, "X": 5}
SPECIFICATION = rules.ROOT.parent / "shared" / "rules.md"


def proofs(source: str, file: str = "test_sample.py") -> list[rules.Proof]:
    return list(rules.proofs_in(dedent(source), file))


def report(source: str, table: str = TABLE) -> rules.Report:
    return rules.report(rules.read_rules(table), proofs(source))


# Our own rules and tests.


def test_every_rule_stands_once_under_its_number() -> None:
    found = rules.read_rules(rules.RULES.read_text(encoding="utf-8"))
    expected = [f"{part}.{n}" for part, count in COUNTS.items() for n in range(1, count + 1)]
    assert [rule.number for rule in found] == expected
    assert len(expected) == 245


def test_every_due_rule_is_proved_and_every_mark_is_right() -> None:
    found = rules.report(
        rules.read_rules(rules.RULES.read_text(encoding="utf-8")),
        rules.proofs_under(rules.TESTS, of=rules.TEST_FILES),
    )
    assert found.troubles == []
    assert found.unproved == []


def test_no_two_rules_say_the_same() -> None:
    found = rules.read_rules(rules.RULES.read_text(encoding="utf-8"))
    assert len({plain(rule.text) for rule in found}) == len(found)


def test_the_rules_are_told_in_our_own_words() -> None:
    ours = sentences(rules.RULES.read_text(encoding="utf-8"))
    theirs = SPECIFICATION.read_text(encoding="utf-8") if SPECIFICATION.exists() else ""
    assert len(ours) >= 245
    assert ours & sentences(theirs) == set()


def sentences(text: str) -> set[str]:
    bare = re.sub(r"^- \*\*\S+\*\*|\| \S+ \||\| (due|later) \|$", "", text, flags=re.MULTILINE)
    return {plain(part) for part in re.split(r"[.!?]\s|\n", bare)} - {""}


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


# The table.


def test_one_rule_is_told_whole_with_its_tests() -> None:
    found = report('@pytest.mark.rule("S3.1")\ndef test_it():\n    assert f()\n')
    told = list(rules.one(found, ["S3.1"]))
    assert told[0].startswith("S3.1 (due): ")
    assert told[1].endswith("::test_it")


def test_a_row_gives_number_text_and_state() -> None:
    first, second, third = rules.read_rules(TABLE)
    assert first == ("S3.1", "The first, with numbers: 1 000 EUR.", "due")
    assert (second.state, third.number, third.part) == ("later", "X.1", "X")


@pytest.mark.parametrize(
    "row",
    [
        "| S3.9 | No state. |",
        "| S3.9 | Another state. | soon |",
        "| S3.9 | One | column too many. | due |",
        "| S3.9 |  | due | ",
        "|S3.9| Too tight. |due|",
    ],
)
def test_a_row_that_cannot_be_read_is_named(row: str) -> None:
    with pytest.raises(ValueError, match=r"Not a row.*S3\.9"):
        rules.read_rules(TABLE + row)


def test_a_number_that_stands_twice_is_named() -> None:
    with pytest.raises(ValueError, match=r"S3\.2 stands twice"):
        rules.read_rules(TABLE + "| S3.2 | Again. | due |\n")


# The marks.


def test_a_mark_ties_a_test_to_its_rules() -> None:
    found = proofs("""
        import pytest

        @pytest.mark.rule("S3.1", "S3.2")
        @pytest.mark.rule("X.1")
        def test_of_three(desk):
            assert desk.tickets()

        def test_of_none(desk):
            assert desk
    """)
    assert found == [("test_sample.py::test_of_three", ("S3.1", "S3.2", "X.1"), None)]


def test_a_mark_on_a_class_reaches_its_tests_and_not_its_helpers() -> None:
    found = proofs("""
        import pytest

        @pytest.mark.rule("S3.1")
        class TestDesk:
            def helper(self):
                pass

            def test_one(self):
                assert self.helper()

            @pytest.mark.rule("X.1")
            async def test_two(self):
                assert self
    """)
    assert found == [
        ("test_sample.py::TestDesk::test_one", ("S3.1",), None),
        ("test_sample.py::TestDesk::test_two", ("S3.1", "X.1"), None),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "assert x == 1",
        "with pytest.raises(ValueError): f()",
        "expect(page.get_by_test_id('qr')).to_be_visible()",
        "check_phone(x)",
        "self.expect_refusal(x)",
        "assert_same(x, 1)",
        "for y in x:\n        assert y",
    ],
)
def test_a_test_that_can_fail_counts(body: str) -> None:
    (proof,) = proofs(f'@pytest.mark.rule("S3.1")\ndef test_it(x):\n    {body}\n')
    assert proof.trouble is None


@pytest.mark.parametrize("body", ["pass", "assert True", "...", "desk.write('x')", "checked(x)"])
def test_a_hollow_test_proves_nothing(body: str) -> None:
    found = report(f'@pytest.mark.rule("S3.1", "X.1")\ndef test_it(desk):\n    {body}\n')
    assert found.unproved == ["S3.1", "X.1"]
    assert len(found.troubles) == 1
    assert "test_it: it is hollow" in found.troubles[0]


@pytest.mark.parametrize("mark", ["skip", 'skip(reason="slow")', "xfail", "xfail(strict=True)"])
def test_a_test_that_is_skipped_or_may_fail_proves_nothing(mark: str) -> None:
    found = report(f"""
        @pytest.mark.{mark}
        @pytest.mark.rule("S3.1")
        def test_it():
            assert f()
    """)
    assert found.unproved == ["S3.1", "X.1"]
    assert "is skipped" in found.troubles[0]


@pytest.mark.parametrize("told", ["", "NUMBER", "3", '"S3.1", NUMBER', "number=NUMBER"])
def test_a_mark_must_write_its_numbers_out(told: str) -> None:
    (proof,) = proofs(f"@pytest.mark.rule({told})\ndef test_it():\n    assert f()\n")
    assert "as strings" in (proof.trouble or "")


def test_a_function_that_pytest_does_not_run_proves_nothing() -> None:
    for source in (
        '@pytest.mark.rule("S3.1")\ndef it_works():\n    assert f()\n',
        '@pytest.mark.rule("S3.1")\nclass Desk:\n    def test_it(self):\n        assert f()\n',
    ):
        (proof,) = proofs(source)
        assert "pytest does not run it" in (proof.trouble or "")


def test_a_step_of_the_smoke_run_may_have_any_name() -> None:
    source = '@pytest.mark.rule("S3.1")\ndef signs_in(page):\n    expect(page).to_have_title("x")\n'
    (proof,) = proofs(source, "smoke_console.py")
    assert proof == ("smoke_console.py::signs_in", ("S3.1",), None)


def test_a_mark_that_decorates_no_test_is_wrong() -> None:
    found = proofs("""
        pytestmark = pytest.mark.rule("S3.1")

        @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rule("S3.2"))])
        def test_it(x):
            assert x
    """)
    assert [p.test for p in found] == ["test_sample.py:2", "test_sample.py:4"]
    assert {p.trouble for p in found} == {"its mark decorates no test"}


# What is printed.


def test_a_due_rule_without_a_test_is_named_in_the_last_line() -> None:
    found = report('@pytest.mark.rule("S3.1")\ndef test_it():\n    assert f()\n')
    assert not found.is_good
    assert list(rules.lines(found)) == [
        "S3: 1 due, 1 later",
        "  S3.1   due    test_sample.py::test_it",
        "X: 1 due, 0 later",
        "  X.1    due    no test proves it",
        "3 rules, 2 due, 1 of them without a test: X.1",
    ]


def test_an_unknown_number_is_wrong_even_when_all_due_rules_are_proved() -> None:
    found = report('@pytest.mark.rule("S3.1", "X.1", "S3.99")\ndef test_it():\n    assert f()\n')
    assert not found.is_good
    *_, wrong, last = rules.lines(found)
    assert wrong == "wrong: test_sample.py::test_it: there is no rule S3.99"
    assert last == "3 rules, 2 due, all proved by 1 test, 1 mark wrong"


def test_all_is_good_when_each_due_rule_has_a_test() -> None:
    found = report("""
        @pytest.mark.rule("S3.1")
        def test_one():
            assert f()

        @pytest.mark.rule("S3.2", "X.1")
        def test_two():
            assert f()
    """)
    assert found.is_good
    *_, last = rules.lines(found)
    assert last == "3 rules, 2 due, all proved by 2 tests"
    assert "  S3.2   later  1 test already" in list(rules.lines(found))


def test_the_files_of_a_folder_are_found_by_their_names(tmp_path: Path) -> None:
    marked = '@pytest.mark.rule("S3.1")\ndef test_it():\n    assert f()\n'
    (tmp_path / "smoke").mkdir()
    for name in ("test_a.py", "smoke.py", "smoke/steps.py", "desk.py", "conftest.py"):
        (tmp_path / name).write_text(marked, encoding="utf-8")
    found = rules.proofs_under(tmp_path, of=rules.TEST_FILES)
    assert sorted(p.test.partition("::")[0] for p in found) == [
        "smoke.py",
        "smoke/steps.py",
        "test_a.py",
    ]
