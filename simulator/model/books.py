"""One account's money as plain sums, and the entries that explain them (S1.42 to S1.46, S1.66)."""

from dataclasses import dataclass, field


class Wrong(Exception):
    """What was done is against the rules; the text says which and why."""


@dataclass
class Books:
    """An account's money. What one transaction does is gathered, and settled as a whole."""

    available: int = 0
    held: int = 0
    owed: int = 0
    aside: dict[str, int] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    fresh: dict[str, int] = field(default_factory=dict)
    moved: list[tuple[str, int]] = field(default_factory=list)
    _into_available: int = 0
    _is_taken_back: bool = False

    @property
    def sums(self) -> tuple[int, int, int, int]:
        """Give available, held, set aside, owed."""
        return self.available, self.held, sum(self.aside.values()), self.owed

    def come_in(self, micros: int, cause: str) -> None:
        """Money from outside, or back from something spent."""
        self._into_available += micros
        self._write(cause, micros)

    def taken_back(self, micros: int, cause: str) -> None:
        """Money that its payer has back: available first, the rest is a debt (S1.73)."""
        there = min(micros, max(self.available + self._into_available, 0))
        self._into_available -= there
        self.owed += micros - there
        self._is_taken_back = True
        self._write(cause, -micros)

    def hold(self, micros: int) -> None:
        """Keep available money for something."""
        self._into_available -= micros
        self.held += micros

    def release(self, micros: int) -> None:
        """Give held money back."""
        self.hold(-micros)

    def spend_held(self, micros: int, cause: str) -> None:
        """Spend what was held."""
        self.held -= micros
        self._write(cause, -micros)

    def spend_fee(self, micros: int, bot_id: str, cause: str) -> None:
        """Spend for a bot: its own set-aside first, then available money (S1.71)."""
        own = min(micros, self.aside.get(bot_id, 0))
        self.aside[bot_id] = self.aside.get(bot_id, 0) - own
        self._into_available -= micros - own
        self._write(cause, -micros)

    def move(self, cause: str, micros: int) -> None:
        """Write a line of zero for money that only changed its place."""
        self.moved.append((cause, micros))

    def put_aside(self, micros: int, bot_id: str, *, from_held: bool = False) -> None:
        """Set money aside for a bot."""
        self.aside[bot_id] = self.aside.get(bot_id, 0) + micros
        if from_held:
            self.held -= micros
        else:
            self._into_available -= micros

    def return_aside(self, bot_id: str) -> int:
        """Make what is set aside for a bot available; tells how much it was."""
        micros = self.aside.pop(bot_id, 0)
        self._into_available += micros
        return micros

    def settle(self) -> None:
        """End a transaction: what has become available pays the debt first (S1.73)."""
        into, self._into_available = self._into_available, 0
        if into > 0 and not self._is_taken_back:
            pays = min(into, self.owed)
            self.owed -= pays
            into -= pays
        self._is_taken_back = False
        self.available += into
        if min(self.available, self.held, self.owed, *self.aside.values(), 0) < 0:
            raise Wrong(f"S1.46: money below zero: {self}")
        if self.available and self.owed:
            raise Wrong(f"S1.73: available money beside a debt: {self}")
        there = self.available + self.held + sum(self.aside.values()) - self.owed
        if there != sum(self.entries.values()):
            raise Wrong(f"the books do not balance: {there} is there, entries say otherwise")

    def _write(self, cause: str, micros: int) -> None:
        if cause in self.entries and not cause.startswith("broadcast:"):
            raise Wrong(f"{cause} is written down twice")
        # A chunk is spent pass by pass; what tells its entries apart is the code's own.
        self.entries[cause] = self.entries.get(cause, 0) + micros
        self.fresh[cause] = micros
