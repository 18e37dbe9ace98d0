"""The world of one seed: accounts, bots, phones, and everything that code and people do in it."""

import os
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib import config, people, tables
from chalicelib.audit import Actor
from chalicelib.auth import Caller
from chalicelib.store import asking
from demo.emulator.records import Bot as ViberBot
from demo.emulator.records import Profile
from simulator.clock import Clock
from simulator.comparing import plain
from simulator.door import Answer, Door
from simulator.faults import Died, Line, Weather
from simulator.memory import Database
from simulator.model.business import Business
from simulator.model.plans import Tariff
from simulator.model.talk import FREE_WINDOW, SESSION, Policy
from simulator.services import Services
from simulator.viberside import ViberSide
from simulator.watching import Watcher, Wish
from tools import resources

START = datetime(2027, 3, 20, 8, 0, tzinfo=UTC)
"""400 days from here hold 2028-02-29 and both changes to and from summer time."""

WEBHOOK_SECRET = "whsec_simulated"
ZONE = "Europe/Kyiv"
STORY_LINES = 40
# What keeps a reply from being sent for other reasons than its price.
NOT_OF_MONEY = (
    "bot-disconnected",
    "free-messages-used",
    "not-current",
    "not-subscribed",
    "price-risen",
    "sending-stopped",
)
MAY_NOT_SEND = ("bot-deactivated", "bot-ended", "no-plan")
OPERATOR = Caller("platform", "per_operator", "Operator", "operator")


class Unlike(Exception):
    """Something is not as the rules have it; the message is the story."""


@dataclass
class Phone:
    """One person's phone in front of one bot."""

    phone_id: str
    uri: str
    conversation: str
    country: str


@dataclass
class OurBot:
    """One bot of an account, here and at Viber."""

    bot_id: str
    account_id: str
    viber: ViberBot
    phones: list[Phone] = field(default_factory=list)


class World:
    """Everything of one seed. Whoever acts does it through `attempt`, so that a crash is one."""

    def __init__(self, seed: str, *, sabotage: Callable[[Database], Any] | None = None) -> None:
        self.seed = seed
        self.draw = random.Random(f"{seed}/story")
        self.weather = Weather(random.Random(f"{seed}/weather"))
        self.clock = Clock(START)
        self.database = Database(resources.tables(config.stage()))
        self.line = Line(sabotage(self.database) if sabotage else self.database, self.weather)
        self.services = Services()
        self.viber = ViberSide(seed, lambda: self.clock.now, self.weather, self._take_callback)
        self.door = Door(self.services, config.stage(), self.viber)
        self.watcher = Watcher(self, config.stage())
        self.database.heard = self.watcher.commit
        self.watcher.told = self.tell
        self.businesses: dict[str, Business] = {}
        self.bots: dict[str, OurBot] = {}
        self.callers: dict[str, Caller] = {}
        self.wishes: dict[str, Wish] = {}
        self.texts: dict[str, str] = {}
        self.broadcasts: dict[str, str | None] = {}
        self.price_lists: list[tuple[datetime, dict[str, int], int]] = []
        self.policies = {each.kind: [(START, each)] for each in (FREE_WINDOW, SESSION)}
        self.later: list[tuple[datetime, Callable[[], None]]] = []
        self.stories: dict[str, deque[str]] = {}
        self.lived: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.flow_nows: list[datetime] = []
        self.viber.is_billed = self.is_billed
        self.between: Callable[[], None] = lambda: None

    @contextmanager
    def open(self) -> Iterator["World"]:
        """Make this process live in the world: its clock, its entropy, its services."""
        entropy = random.Random(f"{self.seed}/entropy")
        before = os.urandom, tables.connection._client, asking.PAUSE_MAX_SECONDS
        chance, environment = random.getstate(), dict(os.environ)
        random.seed(f"{self.seed}/pauses")
        os.environ |= {
            "USER_POOL_ID": "pool",
            "BUCKET": "bucket",
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "BROADCASTS_QUEUE_URL": f"https://sqs/1/{config.name_of('broadcasts')}",
            "OUTGOING_QUEUE_URL": f"https://sqs/1/{config.name_of('outgoing.fifo')}",
            "COPIES_QUEUE_URL": f"https://sqs/1/{config.name_of('copies')}",
        }
        os.urandom = entropy.randbytes
        asking.PAUSE_MAX_SECONDS = 0.0
        tables.connection._client = self.line  # type: ignore[assignment]
        self.line.between = lambda: self.between()
        self.services.stand_in()
        self.services.before, self.services.after = self.weather.before, self.weather.after
        self.viber.emulator.start()
        os.environ["VIBER_API_URL"] = self.viber.emulator.api_url
        try:
            with self.clock:
                yield self
        finally:
            self.viber.emulator.stop()
            self.services.stand_aside()
            os.urandom, tables.connection._client, asking.PAUSE_MAX_SECONDS = before
            random.setstate(chance)
            os.environ.clear()
            os.environ.update(environment)
            self.door.grow_cold()

    # What the watcher asks.

    @property
    def now(self) -> datetime:
        """Tell the instant at which the flow that runs was begun."""
        return self.flow_nows[-1] if self.flow_nows else self.clock.now

    def wish(self, key: str) -> Wish | None:
        """Find the reply that was asked for under an Idempotency-Key."""
        return self.wishes.get(key)

    def has_accepted(self, text: str, message_id: str) -> None:
        """Hear by which text a message is known at Viber."""
        self.texts[text] = message_id

    def is_billed(self, text: str) -> bool:
        """Say whether Viber, were it of our mind, would bill this text."""
        if text.startswith("b") and text not in self.texts:
            # All lines that go together cost, but those of a legacy bot.
            return self.broadcasts.get(text.partition("@")[0]) != "legacy"
        message_id = self.texts.get(text, "")
        for business in self.businesses.values():
            if message_id in business.messages:
                return business.messages[message_id].money != "none"
        return False

    def country(self, conversation: str) -> str | None:
        """Tell where a subscriber lives."""
        found = self.phone_of(conversation)
        return None if found is None else found.country

    # Things of the world.

    def phone_of(self, conversation: str) -> Phone | None:
        """Find the phone behind a conversation."""
        bot = self.bots.get(conversation.partition("/")[0])
        phones = [] if bot is None else bot.phones
        return next((each for each in phones if each.conversation == conversation), None)

    def add_account(self, name: str) -> str:
        """Make an account with an admin and an agent, and its model."""
        account = people.make_account(
            name=name,
            admin_email=f"admin@{name}.example",
            admin_name="Admin",
            time_zone=ZONE,
            language="uk",
            by=Actor("per_operator", "Operator"),
            now=self.clock.now,
        )
        account_id = str(account.account_id)
        self.businesses[account_id] = Business(account_id, ZONE, self.tariff_at)
        self.stories[account_id] = deque(maxlen=400)
        self.callers[account_id] = Caller(account_id, "per_admin", "Admin", "admin")
        return account_id

    def add_phone(self, bot: OurBot) -> Phone:
        """Hand somebody a phone who has found this bot."""
        country = self.draw.choice(("UA", "UA", "UA", "RO", "DE", "PL", "SN"))
        profile = Profile(name="Somebody", country=country, avatar="")
        profile.devices = self.draw.choice((1, 1, 1, 2))
        phone_id = self.viber.emulator.world.add_phone(profile).id
        chat = self.viber.emulator.world.chat(phone_id, bot.viber.uri)
        phone = Phone(phone_id, bot.viber.uri, f"{bot.bot_id}/{chat.user_id}", country)
        bot.phones.append(phone)
        return phone

    def tariff_at(self, now: datetime) -> Tariff:
        """Tell what is in force at an instant."""
        lists = [each for each in self.price_lists if each[0] <= now]
        _, prices, default = lists[-1] if lists else (now, {}, 0)
        free, session = (
            [policy for since, policy in self.policies[kind] if since <= now][-1]
            for kind in ("free", "business")
        )
        return Tariff(prices, default, free, session)

    # Acting.

    def attempt(self, name: str, act: Callable[[], Any]) -> Any:
        """Let somebody do something; a crash ends it, and the container with it."""
        self.lived[name] += 1
        self.flow_nows.append(self.clock.now)
        try:
            return act()
        except Died as died:
            self.door.grow_cold()
            self.tell_all(f"crash in {name} at {died}")
            return None
        finally:
            self.flow_nows.pop()
            self.check()

    def call(self, method: str, path: str, body: Any, **options: Any) -> Answer | None:
        """Make one request; None where its process died."""
        answer: Answer | None = self.attempt(
            f"{method} {_shape(path)}", lambda: self.door.call(method, path, body, **options)
        )
        if answer is not None:
            self.answers[f"{answer.status} {answer.kind}".strip()] += 1
            if answer.status == 500 or answer.status == 400:
                self.tell_all(f"{method} {path} {body} answered {answer}")
        return answer

    def afterwards(self, wait: timedelta, act: Callable[[], None]) -> None:
        """Do something later."""
        self.later.append((self.clock.now + wait, act))

    def tell(self, account_id: str, line: str) -> None:
        """Write a line of an account's story."""
        at = f"{self.now:%Y-%m-%d %H:%M:%S.%f}"[:-3]
        self.stories[account_id].append(f"{at}  {line}")

    def tell_all(self, line: str) -> None:
        """Write a line of everybody's story."""
        for account_id in self.stories:
            self.tell(account_id, line)

    def check(self) -> None:
        """Raise Unlike with the story where the watcher has seen something wrong."""
        if self.watcher.wrong is None:
            return
        account_id, changes = self.watcher.wrong_at
        involved = {str(c.new.get("key") or c.old.get("key")) for c in changes}
        involved |= {str(c.new.get("message_id") or c.old.get("message_id")) for c in changes}
        story = list(self.stories.get(account_id, ()))
        own = [line for line in story if any(name in line for name in involved if len(name) > 8)]
        told = "\n".join(["  …", *own[-STORY_LINES:], "  last of the account:", *story[-12:]])
        written = "\n".join(f"  {c.table}: {c.old} -> {c.new}" for c in changes)
        raise Unlike(f"{self.watcher.wrong}\n\n{told}\n\nwhat was written:\n{written}")

    @contextmanager
    def in_peace(self) -> Iterator[None]:
        """Let nothing go wrong for a while."""
        self.weather.is_off_for_now += 1
        try:
            yield
        finally:
            self.weather.is_off_for_now -= 1

    def bot_items(self, account_id: str) -> list[tuple[str, dict[str, Any]]]:
        """List an account's bots as they are stored."""
        items = self.database.tables[self.table("bots")].items.values()
        found = [plain(item) for item in items if item["account_id"]["S"] == account_id]
        return [(item["bot_id"], item) for item in found]

    def set_prices(self, since: datetime, prices: dict[str, int], default: int) -> None:
        """Tell the model what messages cost from an instant on."""
        lists = [*self.price_lists, (since, prices, default)]
        self.price_lists = sorted(lists, key=lambda each: each[0])

    def set_policy(self, since: datetime, policy: Policy) -> None:
        """Tell the model the numbers of sessions or free windows from an instant on."""
        made = [*self.policies[policy.kind], (since, policy)]
        self.policies[policy.kind] = sorted(made, key=lambda each: each[0])

    def refused(self, key: str, answer: Answer) -> None:
        """Take the refusal of a reply: the model refuses it too, for the same reason."""
        self.lived[f"refused: {answer.kind}"] += 1
        if answer.kind in NOT_OF_MONEY:
            return
        wish = self.wishes[key]
        business = self.business_of(wish.conversation)
        price = business.price(wish.conversation, wish.types, self.clock.now)
        refusal = "may not send" if answer.kind in MAY_NOT_SEND else answer.kind
        self.watcher.checks["refusals"] += 1
        if price != refusal:
            self.tell(business.account_id, f"{key} was refused: {answer.body}")
            raise Unlike(
                f"{key} was refused as {answer.kind}, and by the rules it is {price}\n"
                + "\n".join(self.stories[business.account_id])
            )

    def business_of(self, conversation: str) -> Business:
        """Find the account of a conversation."""
        return self.businesses[self.bots[conversation.partition("/")[0]].account_id]

    def table(self, name: str) -> str:
        """Name a table of this stage."""
        return config.name_of(name)

    # Viber's callbacks.

    def _take_callback(self, url: str, headers: dict[str, str], body: bytes) -> int:
        path = url.removeprefix(config.public_url())
        answer = self.attempt(
            "callback", lambda: self.door.call("POST", path, headers=headers, raw=body)
        )
        return 0 if answer is None else int(answer.status)


def _shape(path: str) -> str:
    parts = path.partition("?")[0].split("/")
    return "/".join("…" if "_" in part and len(part) > 20 else part for part in parts)
