"""`make bench`: counts, CPU and cold start, printed and written into docs/performance.md."""

import argparse
import os
import sys
import time
from datetime import UTC, datetime

from bench.shop import ENVIRONMENT


def main() -> int:
    """Measure everything; 1 when a budget is broken, 2 when nothing could be measured."""
    options = _options()
    # The code under measure reads its region and stage when it is imported.
    os.environ.update(ENVIRONMENT)
    from bench import broadcast, budgets, cold, counting, cpu, dynamodb_local, report, shop

    counts, ratios = {}, []
    try:
        with dynamodb_local.running() as url, shop.opened(url) as opened:
            _say("counting on DynamoDB Local")
            for name, count in counting.counts(opened, url):
                counts[name] = count
                if options.detail:
                    print(name, *count.lines, sep="\n    ")
            if options.counts:
                return _judged(report.of_counts(counts), budgets.broken(counts))
            _say("counting a broadcast, which takes a while")
            sent = broadcast.counted(opened, url)
            handlers = cpu.handlers(opened)
    except dynamodb_local.Unavailable as missing:
        print(f"make bench: {missing}", file=sys.stderr)
        return 2
    _say("measuring the CPU of the handlers")
    for handler in handlers:
        ratios.append(cpu.measured(handler))
    _say("measuring the cold start")
    start = cold.measured()
    broken = [
        *budgets.broken(counts),
        *broadcast.broken(sent),
        *cpu.broken(ratios),
        *cold.broken(start),
    ]
    text = report.figures(counts, sent, ratios, start, broken, datetime.now(UTC).date())
    report.write(text)
    return _judged(text, broken)


def _judged(text: str, broken: list[str]) -> int:
    print(text)
    for each in broken:
        print(f"broken: {each}", file=sys.stderr)
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--detail", action="store_true", help="tell each request, its item's size and units"
    )
    parser.add_argument(
        "--counts",
        action="store_true",
        help="count single operations only, whatever else this machine does; writes no document",
    )
    return parser.parse_args()


def _say(what: str) -> None:
    print(f"{time.process_time():6.1f} s  {what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
