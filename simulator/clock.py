"""Virtual time: the process's clock stands still until somebody moves it."""

from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import time_machine


class Clock:
    """Stops the clock that `datetime.now` reads, and moves it by hand."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self._travel = time_machine.travel(start, tick=False)

    def __enter__(self) -> Self:
        self._traveller = self._travel.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._travel.stop()

    def move_to(self, at: datetime) -> None:
        """Let it be another instant, in whole milliseconds."""
        self.now = at.replace(microsecond=at.microsecond // 1000 * 1000)
        self._traveller.move_to(self.now)

    def pass_by(self, span: timedelta) -> None:
        """Let time pass."""
        self.move_to(self.now + span)
