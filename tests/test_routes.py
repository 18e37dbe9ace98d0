"""The table of routes is what the files behind it serve."""

import subprocess
import sys

from chalicelib import api


def test_the_table_lists_every_route_of_its_files_and_no_other() -> None:
    listed = [
        (line.noun, line.method, line.path, line.is_public, line.takes) for line in api.lines()
    ]
    served = [
        (noun, route.method, route.path, route.roles is None, route.takes)
        for noun in api.ROUTES
        for route in api.nouns_of(noun).table
    ]
    assert listed == served


def test_every_file_of_routes_is_in_the_table() -> None:
    from pathlib import Path

    files = {path.stem for path in Path(api.__file__).parent.glob("*.py")}
    assert files - {"__init__", "plans"} == set(api.ROUTES)


def test_a_cold_start_imports_no_view() -> None:
    asked = (
        "import os; os.environ['AWS_DEFAULT_REGION'] = 'eu-central-1'; import app, sys;"
        "print(*[name for name in sys.modules if name.startswith('chalicelib.api.')])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
