"""The tables: printed, and written into docs/performance.md between its markers."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from bench import broadcast, cold, cpu
from bench.broadcast import Broadcast
from bench.budgets import BUDGETS, Budget
from bench.cold import ColdStart
from bench.cpu import Ratio
from bench.meter import Count

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN = "<!-- figures: written by make bench -->"
END = "<!-- end of figures -->"


def figures(
    counts: dict[str, Count],
    sent: Broadcast,
    ratios: Sequence[Ratio],
    start: ColdStart,
    broken: Sequence[str],
    on: date,
) -> str:
    """Write down all that was measured, as Markdown."""
    return "\n\n".join(
        [
            f"Measured on {on.isoformat()} with Python {platform.python_version()} on "
            f"{os.cpu_count()} cores of {platform.machine()}, {platform.system()}.",
            "## Counts",
            of_counts(counts),
            "## A broadcast",
            of_broadcast(sent),
            "## CPU of the handlers",
            _ratios(ratios),
            "## Cold start",
            _cold_start(start),
            "## Verdict",
            _verdict(broken),
        ]
    )


def write(text: str) -> None:
    """Put the figures between the page's markers; what is around them stays."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE.name} lacks its markers {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def of_counts(counts: dict[str, Count]) -> str:
    """Write down what each operation took, beside its budget."""
    rows = [_count_row(budget, counts[budget.operation]) for budget in BUDGETS]
    return (
        _table(
            (
                "operation",
                "round trips",
                "budget",
                "queue and Viber",
                "budget",
                "write units",
                "budget",
                "read units",
                "items written",
                "largest item, bytes",
            ),
            rows,
        )
        + _reasons()
    )


def of_broadcast(sent: Broadcast) -> str:
    """Write down what a large broadcast took, and what each of its recipients costs."""
    of_all = f"{sent.balance_writes / sent.chunks:.2f}"
    rows = [
        (
            f"balance writes of a chunk, of {sent.chunks} to {sent.recipients} subscribers",
            f"{sent.balance_writes_of_a_chunk} at most, {of_all} on average",
            str(broadcast.BALANCE_WRITES_MAX),
        ),
        (
            f"write units of a recipient, of {broadcast.COUNTED} sent together",
            f"{sent.units_together:.2f}",
            str(broadcast.UNITS_MAX),
        ),
        (
            f"write units of a recipient, of {broadcast.COUNTED} sent line by line",
            f"{sent.units_singly:.2f}",
            f"{broadcast.UNITS_MAX} + {broadcast.SINGLY_BEYOND}",
        ),
    ]
    return (
        _table(("what, delivered and seen by all", "taken", "budget"), rows)
        + "\n\nLine by line more is allowed, for each line is a message with a token of its own."
    )


def _count_row(budget: Budget, count: Count) -> tuple[str, ...]:
    trips = "" if budget.round_trips is None else str(budget.round_trips)
    if budget.beyond:
        trips += f" + {budget.beyond}"
    calls = ", ".join(f"{taken} {service}" for service, taken in sorted(count.other_calls.items()))
    return (
        budget.operation,
        str(count.round_trips),
        trips,
        calls or "0",
        "" if budget.round_trips is None else str(budget.calls),
        str(count.write_units),
        "" if budget.write_units is None else str(budget.write_units),
        f"{count.read_units:g}",
        str(count.items_written),
        str(count.largest_item_bytes or ""),
    )


def _reasons() -> str:
    told = [f"- {b.operation}: {b.beyond} more, for {b.reason}." for b in BUDGETS if b.beyond]
    return "\n\nWhere more than the design's figure is allowed:\n\n" + "\n".join(told)


def _ratios(ratios: Sequence[Ratio]) -> str:
    head = (
        "handler",
        "CPU, ms",
        "bare, ms",
        "ratio",
        f"at most {cpu.RATIO_MAX}",
        "pairs of blocks",
    )
    return _table(
        head,
        [
            (
                each.name,
                f"{each.real_ms:.2f}",
                f"{each.bare_ms:.2f}",
                f"{each.ratio:.2f}",
                "yes" if each.ratio <= cpu.RATIO_MAX else "no",
                str(each.blocks),
            )
            for each in ratios
        ],
    )


def _cold_start(start: ColdStart) -> str:
    head = (
        "`import app`, ms",
        "libraries alone, ms",
        "ratio",
        f"at most {cold.RATIO_MAX}",
        "and a webhook's own, ms",
        "runs",
    )
    row = (
        f"{start.app_ms:.0f}",
        f"{start.libraries_ms:.0f}",
        f"{start.ratio:.2f}",
        "yes" if start.ratio <= cold.RATIO_MAX else "no",
        f"{start.webhook_ms:.0f}",
        str(start.runs),
    )
    return _table(head, [row])


def _verdict(broken: Sequence[str]) -> str:
    if not broken:
        return "Every budget holds."
    return "Broken budgets:\n\n" + "\n".join(f"- {line}" for line in broken)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
