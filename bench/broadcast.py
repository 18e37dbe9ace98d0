"""A broadcast of 30 000: how often it writes the balance, and what a recipient costs.

The large one is planned, started, sent and settled whole, while a listener counts the balance's
writes of each chunk; in each some receipts come before every pass, for a pass without news writes
nothing. What a recipient costs is counted on three full chunks, all of whose receipts come. They
are chosen by name, for a filter's cost goes by whom it looks at and not by whom it finds.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bench.counting import Counter as Meters
from bench.operations.paying import take_business_plan
from bench.shop import Shop

RECIPIENTS = 30_000
COUNTED = 900
BALANCE_WRITES_MAX = 7
UNITS_MAX = 5
SINGLY_BEYOND = 1.25
"""Line by line a recipient has a send, an answer and a token of his own, as a reply has."""
PASSES = [timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=15)]
SILENT_FOR = timedelta(days=3)
NOT_ALLOWED = 20


@dataclass(frozen=True)
class Broadcast:
    """What was counted: balance writes of the dearest chunk and of all, units of a recipient."""

    recipients: int
    chunks: int
    balance_writes: int
    balance_writes_of_a_chunk: int
    units_together: float
    units_singly: float


def counted(shop: Shop, endpoint_url: str, recipients: int = RECIPIENTS) -> Broadcast:
    """Send one broadcast to so many, and one of a chunk either way."""
    take_business_plan(shop)
    together = _units(shop, endpoint_url, "PL", allows=True)
    singly = _units(shop, endpoint_url, "RO", allows=False)
    with _balance_writes() as writes:
        large = _Sending(shop, recipients, "BG")
        large.go()
        for number, after in enumerate(PASSES):
            large.receipts(number)
            large.settle(after)
    return Broadcast(
        recipients,
        len(large.taken),
        writes.total(),
        max(writes.values()),
        together,
        singly,
    )


def broken(found: Broadcast) -> list[str]:
    """Say which budget of a broadcast is broken, if one is."""
    limits = [
        ("balance writes of a chunk", found.balance_writes_of_a_chunk, BALANCE_WRITES_MAX),
        ("write units of a recipient", found.units_together, UNITS_MAX),
        ("write units line by line", found.units_singly, UNITS_MAX + SINGLY_BEYOND),
    ]
    return [
        f"broadcast: {taken:g} {what}, budget {limit:g}"
        for what, taken, limit in limits
        if taken > limit
    ]


class _Sending:
    """One broadcast to a crowd of its own, a country's, and Viber, which takes it."""

    def __init__(
        self,
        shop: Shop,
        recipients: int,
        country: str,
        *,
        allows: bool = True,
        is_named: bool = False,
    ) -> None:
        from bench import crowd

        self.shop = shop
        self.allows = allows
        self.taken: list[tuple[int, list[str]]] = []
        self._country = country
        at = shop.now - SILENT_FOR
        who = crowd.gather(shop.bot, recipients, at, country=country, name=f"crowd-{country}")
        self._contact_ids = [crowd.contact_id(each, at) for each in who] if is_named else None

    def go(self) -> None:
        """Plan it, start it, and let the worker send all of it."""
        from chalicelib import money, queues
        from chalicelib.delivery import broadcasts
        from chalicelib.viber.content import Text

        shop, account_id = self.shop, self.shop.account_id
        wanted = broadcasts.Wanted(
            shop.bot.bot_id,
            Text(text="Свіжий хліб щоранку 🥖"),
            self._recipients(),
            None,
            f"bench-{self._country}",
        )
        made = broadcasts.make(account_id, wanted, by=shop.actor, now=shop.now)
        self._work(queues.Broadcast(account_id, made.broadcast_id))
        planned = broadcasts.get(account_id, made.broadcast_id)
        price = money.told(planned.price_micros)
        broadcasts.start(account_id, made.broadcast_id, price, by=shop.actor, now=shop.now)
        self._work(queues.Broadcast(account_id, made.broadcast_id))
        done = broadcasts.get(account_id, made.broadcast_id)
        if done.state != "done":
            raise AssertionError(f"the broadcast is {done.state}: {done.reason}")

    def _recipients(self) -> Any:
        from chalicelib.delivery import broadcasts

        if self._contact_ids is not None:
            return broadcasts.Recipients(contact_ids=self._contact_ids)
        return broadcasts.Recipients(countries=[self._country])

    def receipts(self, number: int) -> None:
        """Let one of each chunk get his message, and another's fail."""
        for token, who in self.taken:
            self._receipt(token, who[2 * number], "delivered", timedelta(seconds=30))
            self._receipt(token, who[2 * number + 1], "failed", timedelta(seconds=30))

    def all_receipts(self) -> None:
        """Let everybody get his message and look at it."""
        for token, who in self.taken:
            for subscriber_id in who:
                self._receipt(token, subscriber_id, "delivered", timedelta(seconds=30))
                self._receipt(token, subscriber_id, "seen", timedelta(seconds=60))

    def settle(self, after: timedelta) -> None:
        """Run the settling job so long after the broadcast, a little late as schedules are."""
        from chalicelib.delivery import broadcasts

        now = self.shop.now + after + timedelta(minutes=1)
        for each in list(broadcasts.due(now)):
            broadcasts.settle(each, now=now)

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        """Stand for Viber: take a chunk, or refuse it and take each message by itself."""
        told = json.loads(body)
        if "broadcast_list" in told and not self.allows:
            return 200, json.dumps({"status": NOT_ALLOWED, "status_message": "no"}).encode()
        token = next(self.shop.tokens)
        self.taken.append((token, told.get("broadcast_list") or [told["receiver"]]))
        answer = {"status": 0, "message_token": token, "billing_status": 5, "failed_list": []}
        return 200, json.dumps(answer).encode()

    def _work(self, wanted: Any) -> None:
        from chalicelib.delivery import broadcasts

        while (
            broadcasts.work(wanted, clock=lambda: self.shop.now, has_time=lambda: True, http=self)
            == "queued again"
        ):
            pass

    def _receipt(self, token: int, subscriber_id: str, event: str, later: timedelta) -> None:
        from chalicelib import delivery

        now: datetime = self.shop.now + later
        bot = self.shop.bot
        delivery.receipt(bot, subscriber_id, str(token), event, at=now, now=now, reason=None)


def _units(shop: Shop, endpoint_url: str, country: str, *, allows: bool) -> float:
    sending = _Sending(shop, COUNTED, country, allows=allows, is_named=True)

    def act() -> None:
        sending.go()
        sending.all_receipts()
        for after in PASSES:
            sending.settle(after)

    return Meters(shop, endpoint_url).count(act).write_units / COUNTED


@contextmanager
def _balance_writes() -> Iterator[Counter[str]]:
    """Count the transactions that write the balance, by the chunk they are about."""
    from chalicelib import tables

    found: Counter[str] = Counter()

    def before(params: dict[str, Any], **_: Any) -> None:
        about = [next(iter(action.values())) for action in params["TransactItems"]]
        keys = [each.get("Key") or each["Item"] for each in about]
        items = [key["item"]["S"] for key in keys if "item" in key]
        if "balance" in items:
            found[next(each for each in items if each.startswith("chunk#"))] += 1

    events = tables.connection.client.meta.events
    name = "provide-client-params.dynamodb.TransactWriteItems"
    events.register(name, before, unique_id="balance-writes")
    try:
        yield found
    finally:
        events.unregister(name, unique_id="balance-writes")
