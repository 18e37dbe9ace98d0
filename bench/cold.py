"""Cold start: `import app` in a fresh interpreter, beside importing its three libraries alone.

What a function uses it imports when it is first called; the one that matters most, the webhook's,
is shown beside them.
"""

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
COMPILED = PROJECT / "build" / "compiled"
RATIO_MAX = 1.25
RUNS = 25
APP = "import app"
WEBHOOK = "import app\nfrom chalicelib import callbacks"
LIBRARIES = (
    "import chalice, chalice.app, pynamodb.models, aws_lambda_powertools\n"
    "from aws_lambda_powertools import Logger"
)


@dataclass(frozen=True)
class ColdStart:
    """CPU of the imports in milliseconds, from the interpreter's start to the import's end."""

    app_ms: float
    webhook_ms: float
    libraries_ms: float
    ratio: float
    runs: int


def measured(runs: int = RUNS) -> ColdStart:
    """Import each in turns, each in its own interpreter, with compiled files at hand."""
    codes = (APP, WEBHOOK, LIBRARIES)
    for code in codes:
        _cpu_seconds(code)
    turns = [[_cpu_seconds(code) for code in codes] for _ in range(runs)]
    app, webhook, libraries = (statistics.median(each) * 1000 for each in zip(*turns, strict=True))
    ratio = statistics.median(one[0] / one[2] for one in turns)
    return ColdStart(app, webhook, libraries, ratio, runs)


def _cpu_seconds(code: str) -> float:
    # Asked inside, for a function in the cloud never pays for the interpreter's end.
    asked = f"{code}\nimport time\nprint(time.process_time())"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=PROJECT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{code!r} failed: {done.stderr[-2000:]}")
    return float(done.stdout.splitlines()[-1])


def _environment() -> dict[str, str]:
    # Compiled files are written and used here, whatever the shell says about them.
    kept = {n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(COMPILED)}


def broken(start: ColdStart) -> list[str]:
    """Say that the cold start is over its budget, if it is."""
    if start.ratio <= RATIO_MAX:
        return []
    return [f"cold start: ratio {start.ratio:.2f}, budget {RATIO_MAX}"]
