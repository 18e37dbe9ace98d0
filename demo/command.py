"""The command line of the demo: what it takes, what it prints, how it ends."""

import argparse
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

PORT = 8000
STOPPED_WITHIN_SECONDS = 1.5
LOOK_EVERY_SECONDS = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the desk until interrupted; returns the exit status."""
    options = _options(arguments)
    # Names are Ukrainian; a terminal that cannot show them gets question marks.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        from demo.desk import Demo
        from demo.servers import PortTaken
    except ModuleNotFoundError as missing:
        print(
            f"{missing.name} is not installed here; `make demo` installs all it needs into .venv.",
            file=sys.stderr,
        )
        return 1
    # Until everything runs there is nothing to stop; all of it lives in this process.
    _on_interrupt(lambda: os._exit(0))
    try:
        demo = _opened(Demo, PortTaken, options)
    except PortTaken as taken:
        print(_advice(taken.port), file=sys.stderr)
        return 1
    demo.start()
    asked_to_stop: list[bool] = []
    _on_interrupt(lambda: asked_to_stop.append(True))
    print(_as_json(demo) if options.json else _as_list(demo), flush=True)
    # A lock could be held by the very thread that a signal interrupts, and another thread may get
    # the signal while this one sleeps.
    while not asked_to_stop:
        time.sleep(LOOK_EVERY_SECONDS)
    return _stopped(demo, is_quiet=options.json)


def _on_interrupt(act: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: act())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Run the whole desk on this machine, without an AWS or a Viber account.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help="the console's port; the phones get N+1, the clock N+2 and the checkout N+3. 0 is "
        "any free ports. "
        f"Without it, {PORT} if free",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="make Viber's keys, ids and tokens repeatable"
    )
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="where the functions' lines go: build/demo.log"
    )
    parser.add_argument("--empty", action="store_true", help="only people: no bot, no talks")
    parser.add_argument(
        "--json", action="store_true", help="print the addresses and sign-ins as a line of JSON"
    )
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= 65_532:
        raise argparse.ArgumentTypeError("0 to 65532")
    return number


def _opened(kind: Any, taken: type[Exception], options: argparse.Namespace) -> Any:
    """Take the ports: those that were asked for, or else the usual or free ones."""
    log = {} if options.log is None else {"log": options.log}

    def opened(port: int) -> Any:
        names = ("port", "phone_port", "clock_port", "checkout_port")
        ports = {name: port and port + place for place, name in enumerate(names)}
        return kind(**ports, seed=options.seed, is_empty=options.empty, **log)

    if options.port is not None:
        return opened(options.port)
    try:
        return opened(PORT)
    except taken:
        return opened(0)


def _advice(port: int) -> str:
    return (
        f"Port {port} is taken by another program on this machine.\n"
        "Choose four others in a row by the first, or 0 for any that are free:\n"
        "  make demo DEMO='--port 8100'\n"
        "  make demo DEMO='--port 0'"
    )


def _as_list(demo: Any) -> str:
    lines = ["Viberdesk runs on this machine.", ""]
    lines += [f"  {title:<10}{url}" for title, url in demo.links]
    lines += ["", "  Sign in to the console as"]
    for one in demo.seeded.sign_ins:
        lines.append(f"  {one.role:<10}{one.email:<28}{one.password:<22}{one.name}")
    lines += ["", f"Log: {demo.log}. Ctrl-C stops."]
    return "\n".join(lines)


def _as_json(demo: Any) -> str:
    told = {
        "api_url": demo.api_url,
        "console_url": demo.console_url,
        "phone_url": demo.phone_url,
        "clock_url": demo.clock_url,
        "checkout_url": demo.checkout_url,
        "viber_url": demo.viber.url,
        "account_id": demo.seeded.account_id,
        "bot_id": demo.seeded.bot_id,
        "bot_uri": demo.seeded.bot_uri,
        "sign_ins": [asdict(one) for one in demo.seeded.sign_ins],
    }
    return json.dumps(told, ensure_ascii=False)


def _stopped(demo: Any, *, is_quiet: bool) -> int:
    if not is_quiet:
        print("\nStopping.", flush=True)
    stop = threading.Thread(target=demo.stop, daemon=True)
    stop.start()
    stop.join(STOPPED_WITHIN_SECONDS)
    sys.stdout.flush()
    sys.stderr.flush()
    # A function that still waits for an answer would keep the interpreter from ending.
    os._exit(0)
