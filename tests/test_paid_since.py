"""The day since which bots are paid for is decided in one place."""

import re
from pathlib import Path

import pytest

from chalicelib import plans

HOUSE = Path(plans.__file__).parent
# 2024-02-05, 05.02.2024, date(2024, 2, 5), new Date("2024/2/5"); the last day before is the same
SPELLED = re.compile(r"2024\W{1,2}0?2\W{1,2}0?[45]\b|\b0?[45]\W0?2\W2024")
TEXTS = sorted(HOUSE.glob("console/texts.*.js"))


@pytest.mark.rule("X.2")
def test_the_day_is_one_constant_and_only_people_are_told_it_in_words() -> None:
    sources = [*HOUSE.parent.glob("app.py"), *HOUSE.rglob("*.py"), *HOUSE.rglob("*.js")]
    found = {
        path: SPELLED.findall(path.read_text(encoding="utf-8"))
        for path in sources
        if "vendor" not in path.parts
    }
    spelled = {path for path, days in found.items() if days}
    assert spelled == {HOUSE / "plans.py", *TEXTS}
    assert len(found[HOUSE / "plans.py"]) == 1
    # A text cannot read the constant, so it is held to it.
    told = {day for path in TEXTS for day in found[path]}
    assert told == {f"{plans.PAID_SINCE:%d.%m.%Y}"}
