"""Cold start: `import app` in a fresh interpreter, beside importing its three libraries alone."""

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
LIBRARIES = (
    "import chalice, chalice.app, pynamodb.models, aws_lambda_powertools\n"
    "from aws_lambda_powertools import Logger"
)


@dataclass(frozen=True)
class ColdStart:
    """CPU of both imports in milliseconds, from the interpreter's start to the import's end."""

    app_ms: float
    libraries_ms: float
    python_ms: float
    ratio: float
    runs: int


def measured(runs: int = RUNS) -> ColdStart:
    """Import both in turns, each in its own interpreter, with compiled files at hand."""
    for code in (APP, LIBRARIES):
        _cpu_seconds(code)
    pairs = [(_cpu_seconds(APP), _cpu_seconds(LIBRARIES)) for _ in range(runs)]
    return ColdStart(
        statistics.median(app for app, _ in pairs) * 1000,
        statistics.median(libraries for _, libraries in pairs) * 1000,
        statistics.median(_cpu_seconds("pass") for _ in range(5)) * 1000,
        statistics.median(app / libraries for app, libraries in pairs),
        runs,
    )


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
