"""A broadcast's chunk: up to 300 prices held at once, each settled once (S2.51, S1.11, S1.44)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulator.model.books import Books, Wrong

LAST_PASS = timedelta(days=15)
ARRIVED = ("delivered", "seen")
NEVER_SENT = ("failed", "stopped", "preparing")


@dataclass
class Chunk:
    """One chunk: what each of its lines costs, and what became of it."""

    name: str
    bot_id: str
    prices: dict[int, int] = field(default_factory=dict)
    leaving: set[int] = field(default_factory=set)
    settled: dict[int, str] = field(default_factory=dict)
    quota_month: str | None = None

    @property
    def open_micros(self) -> int:
        """Sum up what is still held."""
        return sum(price for line, price in self.prices.items() if line not in self.settled)

    def hold(self, prices: dict[int, int], books: Books) -> None:
        """Hold the money of all lines that go together, in one step (S1.45)."""
        if self.open_micros:
            raise Wrong(f"{self.name} holds its money twice")
        needed = sum(prices.values())
        if needed and books.owed:
            raise Wrong("S1.73: a paid broadcast while there is a debt")
        if needed > books.available:
            raise Wrong(f"S1.45: a chunk for {needed} with {books.available} available")
        self.prices, self.leaving, self.settled = prices, set(), {}
        books.hold(needed)

    def settle(
        self,
        posted: set[int],
        released: set[int],
        states: dict[int, str],
        books: Books,
        *,
        is_given_up: bool,
    ) -> None:
        """Spend what has arrived, as one entry, and give back what has not; each line once."""
        for line in (posted | released) & self.prices.keys():
            if line in self.settled:
                raise Wrong(f"S1.11: line {line} of {self.name} is settled twice")
        for line in posted:
            if states.get(line) not in ARRIVED:
                raise Wrong(f"S1.11: line {line} of {self.name} is paid: {states.get(line)}")
        for line in released & self.prices.keys():
            is_lost = is_given_up or line in self.leaving or states.get(line) == "failed"
            if not is_lost and self.prices[line]:
                raise Wrong(f"S1.11: line {line} of {self.name} is not paid: {states.get(line)}")
        spent = sum(self.prices[line] for line in posted)
        returned = sum(self.prices.get(line, 0) for line in released)
        if spent:
            books.spend_held(spent, f"broadcast:{self.name}")
        books.release(returned)
        self.settled |= dict.fromkeys(posted, "posted")
        self.settled |= dict.fromkeys(released & self.prices.keys(), "released")

    def is_given_up(self, state: str, begun_at: datetime | None, now: datetime) -> bool:
        """Say whether nothing more is waited for."""
        return state in NEVER_SENT or (begun_at is not None and now - begun_at >= LAST_PASS)
