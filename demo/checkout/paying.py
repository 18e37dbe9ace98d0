"""What a payment goes through: a page that waits, what was paid on it, what went back."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Session:
    """A page that waits for somebody to pay on it."""

    id: str
    amount: int
    currency: str
    metadata: dict[str, str]
    success_url: str
    cancel_url: str
    url: str
    status: str = "open"
    payment_status: str = "unpaid"
    payment_intent: str | None = None


@dataclass
class Payment:
    """What was paid, and what of it went back."""

    id: str
    amount: int
    currency: str
    metadata: dict[str, str]
    refunds: list[dict[str, Any]] = field(default_factory=list)
    dispute: dict[str, Any] | None = None

    @property
    def left(self) -> int:
        """What has not been sent back, in cents."""
        gone = sum(each["amount"] for each in self.refunds if each["status"] != "failed")
        return self.amount - int(gone)
