"""Print which test proves which rule of the business, and fail where a due rule has none.

A rule is a row of docs/rules.md; a test proves it by `@pytest.mark.rule("S3.25")` on itself or
on its class. The tests are read, never imported, so this needs nothing to be running.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
RULES = ROOT / "docs" / "rules.md"
TESTS = ROOT / "tests"
TEST_FILES = ("test_*.py", "smoke*.py", "smoke/*.py")

ROW = re.compile(r"\| (?P<number>(?:S\d|X)\.\d+) \| (?P<text>[^|]+) \| (?P<state>due|later) \|")
LOOKS_LIKE_A_ROW = re.compile(r"\|\s*(?:S\d|X)\.")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Rule(NamedTuple):
    """One rule of the business, `due` or `later`."""

    number: str
    text: str
    state: str

    @property
    def part(self) -> str:
        """The part it stands in: S1 to S5, or X."""
        return self.number.partition(".")[0]


class Proof(NamedTuple):
    """A test that says which rules it proves, and why that does not count, if it does not."""

    test: str
    numbers: tuple[str, ...]
    trouble: str | None = None


class Report(NamedTuple):
    """The rules with the tests of each, and all that is wrong."""

    rules: list[Rule]
    tests_of: dict[str, list[str]]
    unproved: list[str]
    troubles: list[str]

    @property
    def is_good(self) -> bool:
        """Whether every due rule is proved and every mark is right."""
        return not self.unproved and not self.troubles


def main() -> int:
    """Print the table; returns 1 when a due rule has no test or a mark is wrong."""
    found = report(
        read_rules(RULES.read_text(encoding="utf-8")), proofs_under(TESTS, of=TEST_FILES)
    )
    asked = sys.argv[1:]
    unknown = [number for number in asked if number not in found.tests_of]
    if unknown:
        print(f"no such rule: {', '.join(unknown)}")
        return 1
    print("\n".join(one(found, asked) if asked else lines(found)))
    return 0 if found.is_good else 1


def one(found: Report, numbers: Sequence[str]) -> Iterator[str]:
    """Tell rules whole, each with its tests."""
    for rule in found.rules:
        if rule.number in numbers:
            yield f"{rule.number} ({rule.state}): {rule.text}"
            yield from (f"  tests/{test}" for test in found.tests_of[rule.number])


def read_rules(text: str) -> list[Rule]:
    """Read the tables of docs/rules.md; raises ValueError at a row that is not one."""
    rules: dict[str, Rule] = {}
    for line in text.splitlines():
        row = ROW.fullmatch(line.strip())
        if row is None:
            if LOOKS_LIKE_A_ROW.match(line.strip()):
                raise ValueError(f"Not a row of number, rule and state: {line}")
            continue
        rule = Rule(row["number"], row["text"].strip(), row["state"])
        if rule.number in rules:
            raise ValueError(f"{rule.number} stands twice.")
        rules[rule.number] = rule
    return list(rules.values())


def proofs_under(folder: Path, *, of: Sequence[str]) -> list[Proof]:
    """Read the proofs in the files of a folder that fit one of these patterns."""
    paths = sorted({path for pattern in of for path in folder.glob(pattern)})
    return [
        proof
        for path in paths
        for proof in proofs_in(
            path.read_text(encoding="utf-8"), path.relative_to(folder).as_posix()
        )
    ]


def proofs_in(source: str, file: str) -> Iterator[Proof]:
    """Read the proofs in one file; a mark that pytest or a reader would miss has its trouble."""
    tree = ast.parse(source, filename=file)
    used: set[ast.expr] = set()
    for function, classes in _functions(tree):
        decorators = [d for node in (*classes, function) for d in node.decorator_list]
        marks = [d for d in decorators if _is_rule_mark(d)]
        used.update(marks)
        is_own = any(mark in marks for mark in function.decorator_list)
        if not marks or (not is_own and not function.name.startswith("test_")):
            continue
        name = "::".join([file, *(c.name for c in classes), function.name])
        numbers = [n for mark in marks for n in _numbers(mark)]
        is_run = file.startswith("smoke") or (
            function.name.startswith("test_") and all(c.name.startswith("Test") for c in classes)
        )
        trouble = _trouble(function, decorators, numbers, is_run=is_run)
        yield Proof(name, tuple(dict.fromkeys(n for n in numbers if n is not None)), trouble)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and _is_rule_mark(node) and node not in used:
            yield Proof(f"{file}:{node.lineno}", (), "its mark decorates no test")


def report(rules: Sequence[Rule], proofs: Iterable[Proof]) -> Report:
    """Tie the tests to the rules and find what is wrong."""
    tests_of: dict[str, list[str]] = {rule.number: [] for rule in rules}
    troubles = []
    for proof in proofs:
        if proof.trouble is not None:
            troubles.append(f"{proof.test}: {proof.trouble}")
        for number in proof.numbers:
            if number not in tests_of:
                troubles.append(f"{proof.test}: there is no rule {number}")
            elif proof.trouble is None:
                tests_of[number].append(proof.test)
    unproved = [r.number for r in rules if r.state == "due" and not tests_of[r.number]]
    return Report(list(rules), tests_of, unproved, troubles)


def lines(found: Report) -> Iterator[str]:
    """Put a report into lines: due rules with their tests, the later ones counted by part."""
    for part in dict.fromkeys(rule.part for rule in found.rules):
        of_part = [rule for rule in found.rules if rule.part == part]
        due = [rule for rule in of_part if rule.state == "due"]
        yield f"{part}: {len(due)} due, {len(of_part) - len(due)} later"
        for rule in due:
            first, *others = found.tests_of[rule.number] or ["no test proves it"]
            yield f"  {rule.number:<6} due    {first}"
            yield from (f"  {'':<13} {test}" for test in others)
        for rule in of_part:
            if rule.state == "later" and found.tests_of[rule.number]:
                tests = _counted(len(found.tests_of[rule.number]), "test")
                yield f"  {rule.number:<6} later  {tests} already"
    yield from (f"wrong: {trouble}" for trouble in found.troubles)
    yield _last_line(found)


def _last_line(found: Report) -> str:
    due = [rule.number for rule in found.rules if rule.state == "due"]
    tests = {test for number in due for test in found.tests_of[number]}
    told = [f"{len(found.rules)} rules", f"{len(due)} due"]
    if found.unproved:
        told.append(f"{len(found.unproved)} of them without a test: {' '.join(found.unproved)}")
    else:
        told.append(f"all proved by {_counted(len(tests), 'test')}")
    if found.troubles:
        told.append(f"{_counted(len(found.troubles), 'mark')} wrong")
    return ", ".join(told)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _functions(tree: ast.Module) -> Iterator[tuple[Function, tuple[ast.ClassDef, ...]]]:
    yield from _within(tree.body, ())


def _within(
    body: Iterable[ast.stmt], classes: tuple[ast.ClassDef, ...]
) -> Iterator[tuple[Function, tuple[ast.ClassDef, ...]]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, classes
        elif isinstance(node, ast.ClassDef):
            yield from _within(node.body, (*classes, node))


def _is_rule_mark(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "rule"
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "mark"
    )


def _numbers(mark: ast.expr) -> list[str | None]:
    """Return the numbers of a mark, None for what is not written out as one."""
    assert isinstance(mark, ast.Call)
    told = [*mark.args, *(keyword.value for keyword in mark.keywords)] or [ast.Constant(None)]
    return [
        arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else None
        for arg in told
    ]


def _trouble(
    function: Function,
    decorators: Iterable[ast.expr],
    numbers: Iterable[str | None],
    *,
    is_run: bool,
) -> str | None:
    if None in numbers:
        return 'the mark must name its rules as strings, rule("S3.25")'
    if not is_run:
        return "pytest does not run it: tests are named test_…, their classes Test…"
    if any(_name(d) in ("skip", "xfail") for d in decorators):
        return "it is skipped, or may fail"
    if not any(_checks(node) for node in ast.walk(function)):
        return "it is hollow: nothing in it can fail"
    return None


def _checks(node: ast.AST) -> bool:
    """Tell whether a piece of a test can make it fail: assert, raises, expect and such helpers."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    name = _name(node).lstrip("_")
    return name in ("raises", "expect") or name.startswith(("assert_", "check_", "expect_"))


def _name(node: ast.expr) -> str:
    """Return the last name of what is called or named: `raises` of `pytest.raises(Refused)`."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


if __name__ == "__main__":
    sys.exit(main())
