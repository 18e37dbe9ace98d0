"""`make simulate`: live the days of a seed, or of many, and say whether all held."""

import argparse
import os
import random
import sys
import time
from collections import Counter
from typing import NamedTuple

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "simulated",
    "AWS_SECRET_ACCESS_KEY": "simulated",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "STAGE": "simulated",
    "PUBLIC_URL": "https://desk.example/api",
    "POWERTOOLS_SERVICE_NAME": "viberdesk",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
SEEDS_MAX = 1_000_000


class Lived(NamedTuple):
    """What one seed has lived through."""

    events: int
    faults: Counter[str]
    checks: Counter[str]
    refusals: Counter[str]
    seen: Counter[str]


def main() -> int:
    """Run the command; 1 where something did not hold."""
    arguments = _arguments()
    # The order of a set's texts would differ from run to run, and the story with it.
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "simulator", *sys.argv[1:]])
    os.environ |= {k: v for k, v in ENVIRONMENT.items() if k not in os.environ} | {
        "STAGE": "simulated"
    }
    seeds = arguments.seed or [str(random.SystemRandom().randrange(SEEDS_MAX))]
    if arguments.fresh:
        seeds = [str(random.SystemRandom().randrange(SEEDS_MAX)) for _ in range(arguments.fresh)]
    began = time.perf_counter()
    total = Lived(0, Counter(), Counter(), Counter(), Counter())
    for seed in seeds:
        lived = _live(seed, arguments.days)
        if lived is None:
            return 1
        total = Lived(
            total.events + lived.events,
            total.faults + lived.faults,
            total.checks + lived.checks,
            total.refusals + lived.refusals,
            total.seen + lived.seen,
        )
    _tell(total, seeds, arguments.days, time.perf_counter() - began)
    return 0


def live(seed: str, days: int, *, sabotage: object = None) -> Lived:
    """Live some days of a seed and check everything; raises Unlike where something is wrong."""
    from simulator import ending
    from simulator.life import Life
    from simulator.world import World

    world = World(seed, sabotage=sabotage)  # type: ignore[arg-type]
    with world.open():
        life = Life(world)
        life.begin()
        world.weather.is_on = True
        for day in range(days):
            life.day()
            if day % 30 == 29:
                ending.audit(world)
                print(f"  {world.clock.now:%Y-%m-%d}", flush=True)
        ending.drain(life)
        ending.check(life)
    faults = world.weather.counted + world.viber.counted
    refusals = Counter({k: n for k, n in world.answers.items() if k[:1] in "45"})
    events = sum(world.lived.values())
    return Lived(events, faults, world.watcher.checks, refusals, ending.lived(world))


def _live(seed: str, days: int) -> Lived | None:
    from simulator.door import Poisoned
    from simulator.world import Unlike

    print(f"seed {seed}, {days} days …", flush=True)
    began = time.perf_counter()
    try:
        lived = live(seed, days)
    except (Unlike, Poisoned) as wrong:
        print(f"\n{wrong}\n\nNOT HELD. The same again: make simulate SEED={seed} DAYS={days}")
        return None
    print(
        f"  {lived.events} events, {lived.faults.total()} faults, {lived.checks.total()} checks, "
        f"{time.perf_counter() - began:.0f} s"
    )
    return lived


def _tell(total: Lived, seeds: list[str], days: int, seconds: float) -> None:
    for title, counted in (
        ("what was lived", total.seen),
        ("faults injected", total.faults),
        ("refusals and failures answered", total.refusals),
        ("invariants checked", total.checks),
    ):
        print(f"\n{title}")
        for kind, count in sorted(counted.items(), key=lambda each: (-each[1], each[0])):
            print(f"  {count:8}  {kind}")
    print(
        f"\n{len(seeds)} × {days} days: {total.events} events lived, {total.faults.total()} faults "
        f"of {len(total.faults)} kinds, {total.checks.total()} invariants checked, all held "
        f"({seconds:.0f} s, seed {', '.join(seeds)})"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", action="append", help="a seed to live; may be given again")
    parser.add_argument("--fresh", type=int, default=0, help="draw so many seeds")
    parser.add_argument("--days", type=int, default=400)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
