"""A bakery in memory that is put back to an instant, and lives on from there with a call failing.

Its database is the simulator's, which answers as Amazon's own engine does and in microseconds, so
that each point of a flow begins at the very same state.
"""

import hashlib
import hmac
import json
import os
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError

from chalicelib import (
    batches,
    billing,
    callbacks,
    config,
    delivery,
    errors,
    ids,
    kms,
    people,
    store,
    tables,
    tariffs,
    viber,
)
from chalicelib.audit import Actor
from chalicelib.bots import remembering
from chalicelib.delivery import Accepted, Reply
from chalicelib.money import euros
from chalicelib.store import asking
from chalicelib.tables import Bot, Message, Ticket
from chalicelib.viber import NoAnswer
from chalicelib.viber.content import Text
from simulator.memory import Database
from simulator.services import Services
from tests.desk import OPERATOR
from tests.faults import Died
from tests.fixtures_talk import token_at
from tests.fixtures_wire import PretendViber, Wire
from tools import resources

UA, ELSEWHERE, SESSION = 19_600, 50_000, 150_000
SUBSCRIBER = "01234567890A="
STRIPE_SECRET = "whsec_crashes"
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 600_000)
JOBS = {
    "settle_messages": ("due", ("send", "accept")),
    "replay_callbacks": ("due", ("replay",)),
    "expire_sessions": ("due", ("session",)),
    "charge_fees": ("fees", ("fee",)),
}

T = TypeVar("T")
M = TypeVar("M", bound=tables.Item)


class Bakery:
    """An account with a bot, a customer, an admin and operators; time moves by hand."""

    longest_pause_seconds = 0.0

    def __init__(self, database: Any = None) -> None:
        self.database: Any = database or Database(resources.tables(config.stage()))
        self.wire = Wire(self.database)
        self.services = Services()
        self.viber = PretendViber()
        self.now = datetime(2026, 11, 20, 10, tzinfo=UTC)
        self.account_id = self.bot_id = ""
        self.actor = Actor("per_olena", "Олена")

    @contextmanager
    def open(self) -> Iterator["Bakery"]:
        """Let this process live in the bakery: its database, its services."""
        before = tables.connection._client, asking.PAUSE_MAX_SECONDS
        tables.connection._client = self.wire  # type: ignore[assignment]
        asking.PAUSE_MAX_SECONDS = self.longest_pause_seconds
        os.environ |= {
            "USER_POOL_ID": "pool",
            "OUTGOING_QUEUE_URL": "https://sqs/1/outgoing",
            "COPIES_QUEUE_URL": "https://sqs/1/copies",
            "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
        }
        self.services.before, self.services.after = self.wire.begin, self.wire.end
        self.services.stand_in()
        try:
            self.grow_cold()
            self.account_id = str(
                people.make_account(
                    name="Хліб і Сіль",
                    admin_email="olena@example.com",
                    admin_name="Олена",
                    time_zone="Europe/Kyiv",
                    language="uk",
                    by=OPERATOR,
                    now=self.now,
                ).account_id
            )
            tariffs.make_price_list([("UA", UA)], ELSEWHERE, None, by=OPERATOR, now=self.now)
            yield self
        finally:
            self.services.stand_aside()
            tables.connection._client, asking.PAUSE_MAX_SECONDS = before
            os.environ.pop("STRIPE_WEBHOOK_SECRET")
            self.grow_cold()

    def kept(self) -> bytes:
        """Keep everything as it is now."""
        return pickle.dumps(
            (self.database.tables, self.services.queues, vars(self.viber), self.now)
        )

    def put_back(self, kept: bytes) -> None:
        """Let everything be as it was kept."""
        self.database.tables, self.services.queues, told, self.now = pickle.loads(kept)
        vars(self.viber).update(told)
        self.database._tokens.clear()

    def grow_cold(self) -> None:
        """Begin a new container: what the old one remembered is gone."""
        remembering._known.clear()
        kms.unseal.cache_clear()
        tariffs.forget()

    def attempt(self, act: Callable[[], T]) -> T | None:
        """Let a function run that may die in the middle; None where it did or where it gave up."""
        try:
            return act()
        except Died:
            self.grow_cold()
        except (errors.Busy, errors.GatewayFailed, batches.SomeFailed, BotoCoreError):
            assert self.wire.point is not None, "nothing was to fail"
        return None

    # What is there.

    def all_of(self, model: type[M], prefix: str = "") -> list[M]:
        """Read all items of a model whose place begins like this, in their order."""
        items = self.database.tables[model.Meta.table_name].items
        found = sorted((key, item) for key, item in items.items() if key[-1].startswith(prefix))
        return [model.from_raw_data(item) for _, item in found]

    def has_due(self, job: str) -> bool:
        """Say whether a schedule would find something."""
        index, kinds = JOBS[job]
        for table in self.database.tables.values():
            if index in table.indexes:
                for shard, rows in table.indexes[index].partitions():
                    kind = shard.decode().partition("#")[0]
                    if kind in kinds and rows[0][0] <= ids.to_ms(self.now):
                        return True
        return False

    @property
    def outgoing(self) -> list[dict[str, Any]]:
        """List what lies in the outgoing queue."""
        queue = self.services.queues.get("outgoing")
        return [] if queue is None else queue.records

    # What happens.

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def top_up(self, amount: float) -> None:
        """Let euros come in, and nothing else happen."""
        change = billing.Change(self.account_id)
        cause = f"top-up:test-{next(self.viber.numbers)}"
        entry = billing.entry(self.account_id, billing.TOP_UP, cause, now=self.now)
        change.take_in(round(amount * euros(1)), entry)
        store.commit(change.writes(billing.balance(self.account_id), now=self.now))

    def make_bot(self, **plan: Any) -> str:
        """Put a connected bot there, with this plan."""
        bot_id = ids.new("bot", self.now)
        bot = Bot(
            bot_id=bot_id,
            account_id=self.account_id,
            created_at=self.now,
            revision=1,
            state="connected",
            key_sealed=kms.seal("the-bots-key", owner=bot_id),
            viber_id=f"pa:{bot_id}",
            name="Пекарня",
            connected_by=self.actor.actor_id,
            connected_at=self.now,
            webhook_state="ok",
            **plan,
        )
        store.put(bot)
        self.bot_id = bot_id
        return bot_id

    def bot(self) -> Bot:
        """Read the bot."""
        found = store.get(Bot, self.bot_id)
        assert found is not None
        return found

    def write(self, text: str = "Добрий день", *, by: str = SUBSCRIBER) -> None:
        """Let a customer write; Viber tells of it until we have taken it."""
        self.viber.owed.append(
            {
                "event": "message",
                "timestamp": ids.to_ms(self.now),
                "message_token": token_at(self.now, next(self.viber.numbers)),
                "sender": {"id": by, "name": "Марічка", "country": "UA"},
                "message": {"type": "text", "text": text},
            }
        )
        self.hear()

    def hear(self) -> None:
        """Let Viber tell what it owes, in its order; what we did not take stays owed."""
        for event in list(self.viber.owed):
            if self.attempt(lambda: self.receive(event)) is not None:  # noqa: B023
                self.viber.owed.remove(event)

    def receive(self, event: dict[str, Any]) -> callbacks.Answer:
        """Take one callback that Viber has signed."""
        body = json.dumps(event).encode()
        signature = viber.sign(body, "the-bots-key")
        answer = callbacks.receive(self.bot_id, body, signature, now=self.now)
        assert answer.status == 200, answer
        return answer

    def reply(self, *texts: str, key: str) -> list[str] | None:
        """Let an agent answer; None where the function died or gave up."""
        accepted = self.attempt(lambda: self.accept(*texts, key=key))
        return None if accepted is None else [each.message_id for each in accepted.messages]

    def accept(self, *texts: str, key: str, to: str = SUBSCRIBER) -> Accepted:
        """Let an agent answer a customer, and see how that ends."""
        (ticket,) = [each for each in self.all_of(Ticket) if each.subscriber_id == to]
        reply = Reply(ticket.ticket_id, [Text(text=text) for text in texts], True, key)
        return delivery.reply(self.account_id, reply, by=self.actor, now=self.now)

    def pump(self) -> None:
        """Let the queue's function work; a batch whose function died comes again."""
        for _ in range(10):
            if not self.outgoing:
                break
            records = self.outgoing[:10]
            answer = self.attempt(
                lambda: batches.send_outgoing(
                    {"Records": records},  # noqa: B023
                    CONTEXT,
                    clock=lambda: self.now,
                    http=self,
                )
            )
            if answer is None:
                continue
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            left = [each for each in records if each["messageId"] in failed]
            self.outgoing[: len(records)] = left

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        """Carry a request to Viber, as a transport does."""

        def taken() -> tuple[int, bytes]:
            said = json.loads(body)
            answer = self.viber.take(said["text"], said["receiver"], self.now)
            if self.viber.overtakes:
                self.hear()
            return 200, json.dumps(answer).encode()

        return self.wire.carry("viber", taken, NoAnswer("lost"))

    def run(self, job: str) -> None:
        """Run a schedule once; it comes again by itself."""
        self.attempt(lambda: getattr(batches, job)(CONTEXT, now=self.now))

    def stripe(self, kind: str, **about: Any) -> bool:
        """Let Stripe tell of something; False where it will tell of it again."""
        from chalicelib import top_ups

        event = {"id": "evt_1", "type": kind, "data": {"object": about}}
        raw = json.dumps(event).encode()
        at = str(int(time.time()))
        signed = hmac.new(STRIPE_SECRET.encode(), f"{at}.".encode() + raw, hashlib.sha256)
        header = f"t={at},v1={signed.hexdigest()}"
        return bool(self.attempt(lambda: top_ups.receive(raw, header, now=self.now)))

    def live_on(self, jobs: tuple[str, ...], *hours: float) -> None:
        """Let everything that repairs run: the queue, Viber's telling again, these schedules."""
        begun = self.now
        for passed in hours:
            self.now = begun + timedelta(hours=passed)
            for _ in range(3):
                self.pump()
                self.hear()
                for job in jobs:
                    if self.has_due(job):
                        self.run(job)


def sent(bakery: Bakery) -> list[Message]:
    """List the outgoing messages, in their order."""
    return [each for each in bakery.all_of(Message, "message#") if each.kind == "outgoing"]
