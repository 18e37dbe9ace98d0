"""A bot with many subscribers and money, and its broadcasts driven step by step."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bench.crowd import gather
from chalicelib import billing, bots, conversations, money, queues, store, tariffs
from chalicelib.delivery import broadcasts, chunks
from chalicelib.money import Money
from chalicelib.tables import (
    Balance,
    Bot,
    Broadcast,
    Chunk,
    Conversation,
    Entry,
    Line,
)
from chalicelib.viber.content import Text
from tests.desk import OPERATOR, Desk, Phone

PRICE = 19_600
ABROAD = 50_000
HELLO = {"type": "text", "text": "Свіжий хліб щоранку 🥖"}


class Crier:
    """Drives broadcasts of the desk's bot, which has a price list and money."""

    def __init__(self, desk: Desk, *, euros: int = 10) -> None:
        self.desk = desk
        tariffs.make_price_list([("UA", PRICE)], ABROAD, None, by=OPERATOR, now=desk.now)
        self.set_plan("commercial")
        if euros:
            desk.top_up(euros)
        self.opening = billing.balance(desk.account_id)

    def set_plan(self, plan: str, **more: Any) -> None:
        """Let the bot be of a plan, whatever it takes to get there."""
        changes = [getattr(Bot, name).set(value) for name, value in more.items()]
        store.update(
            Bot(bot_id=self.desk.bot.bot_id),
            [
                Bot.plan.set(plan),
                Bot.paid_month.set("2030-12"),
                Bot.revision.set(Bot.revision + 1),
                *changes,
            ],
            Bot.bot_id.exists(),
        )
        bots.forget(self.desk.bot.bot_id)

    # Subscribers.

    def phones(self, count: int, **profile: Any) -> list[Phone]:
        """Let so many people write, and two days pass, so that nobody's window is open."""
        made = [self.desk.phone(f"Людина {n}", **profile) for n in range(count)]
        for phone in made:
            phone.write("Добрий день")
        self.desk.wait(days=2)
        return made

    def contact_id(self, phone: Phone) -> str:
        """Tell the contact of a phone's owner."""
        return self.contact_of(phone.subscriber_id)

    def contact_of(self, subscriber_id: str) -> str:
        """Tell the contact of a subscriber."""
        key = conversations.conversation_key(self.desk.bot.bot_id, subscriber_id)
        found = store.get(Conversation, key, "conversation")
        assert found is not None
        return str(found.contact_id)

    def crowd(self, count: int, *, country: str = "UA", name: str = "crowd") -> list[str]:
        """Put so many subscribers there whom no phone stands for; returns their ids."""
        at = self.desk.now - timedelta(days=3)
        return gather(self.desk.bot, count, at, country=country, name=name)

    # A broadcast.

    def plan(self, *, cap: str | None = None, content: Any = None, **recipients: Any) -> Broadcast:
        """Plan a broadcast to the end of its plan."""
        wanted = broadcasts.Wanted(
            self.desk.bot.bot_id,
            content or Text(text=HELLO["text"]),
            broadcasts.Recipients(**recipients),
            None if cap is None else Money(cap),
            next(self.desk.keys),
        )
        made = broadcasts.make(self.desk.account_id, wanted, by=self.desk.actor, now=self.desk.now)
        self.work(made)
        return self.again(made)

    def start(self, broadcast: Broadcast) -> Broadcast:
        """Agree to a broadcast's price and start it, without any work on it."""
        return broadcasts.start(
            self.desk.account_id,
            broadcast.broadcast_id,
            money.told(broadcast.price_micros),
            by=self.desk.actor,
            now=self.desk.now,
        )

    def send(self, *, http: Any = None, **planned: Any) -> Broadcast:
        """Plan a broadcast, start it and work until it rests."""
        broadcast = self.start(self.plan(**planned))
        self.work(broadcast, http=http)
        return self.again(broadcast)

    def work(self, broadcast: Broadcast, *, http: Any = None, steps: int = 10_000) -> str:
        """Let the queue's worker take a broadcast, for so many questions after time."""
        left = iter(range(steps))
        wanted = queues.Broadcast(broadcast.account_id, broadcast.broadcast_id)
        done = broadcasts.work(
            wanted,
            clock=lambda: self.desk.now,
            has_time=lambda: next(left, None) is not None,
            http=http,
        )
        self.desk.viber.dispatcher.flush()
        return done

    def settle(self) -> list[str]:
        """Run the settling job now and tell what it did."""
        now = self.desk.now
        return [broadcasts.settle(each, now=now) for each in broadcasts.due(now)]

    # What is there.

    def again(self, broadcast: Broadcast) -> Broadcast:
        return broadcasts.get(self.desk.account_id, broadcast.broadcast_id)

    def chunk(self, broadcast: Broadcast, number: int = 0) -> Chunk:
        partition = chunks.partition(self.desk.account_id, broadcast.broadcast_id)
        found = store.get(Chunk, partition, chunks.chunk_item(number))
        assert found is not None
        return found

    def lines(self, broadcast: Broadcast, number: int = 0) -> list[Line]:
        return chunks.lines_of(self.chunk(broadcast, number))

    def states(self, broadcast: Broadcast, number: int = 0) -> list[str]:
        found, _ = broadcasts.recipients(
            self.desk.account_id, broadcast.broadcast_id, number=number
        )
        return sorted(each.state for each in found)

    @property
    def balance(self) -> Balance:
        return billing.balance(self.desk.account_id)

    @property
    def spent(self) -> int:
        """What has been spent since the beginning."""
        return int(self.opening.entries_micros - self.balance.entries_micros)

    @property
    def held(self) -> int:
        return int(self.balance.held_micros - self.opening.held_micros)

    def entries(self) -> list[Entry]:
        """The entries of broadcasts, oldest first."""
        every = billing.every_entry(self.desk.account_id)
        return [entry for entry in every if entry.kind == billing.BROADCAST]

    def check_books(self) -> None:
        """The money adds up to the micro, and what is held is what broadcasts say they hold."""
        now = self.balance
        total = now.available_micros + now.held_micros + now.set_aside_micros - now.owed_micros
        assert total == now.entries_micros
        assert self.held == broadcasts.held_micros(self.desk.account_id)
        causes = [entry.cause for entry in self.entries()]
        assert len(causes) == len(set(causes))


def took(token: int, failed: Sequence[tuple[str, int]] = (), *, billing: int = 5) -> Any:
    """Viber's answer to a chunk that it took, for all but those in `failed`."""
    told = [
        {"receiver": receiver, "status": status, "status_message": "no"}
        for receiver, status in failed
    ]
    body = {
        "status": 0,
        "message_token": token,
        "billing_status": billing,
        "failed_list": told,
    }
    return 200, json.dumps(body).encode()
