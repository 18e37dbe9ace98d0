"""Days as they go by: who does what how often, which jobs run, and which do not."""

from collections.abc import Callable
from datetime import timedelta

from simulator.acts import Talkers
from simulator.model import calendar
from simulator.model.business import Business
from simulator.model.plans import EURO, Bot
from simulator.model.talk import BUSINESS
from simulator.offices import Offices
from simulator.world import ZONE, OurBot, Phone, World

EVENTS_A_DAY = 32
ACCOUNTS = 4
SENT_AT_ONCE = 0.9
ROUNDS_MAX = 20
A_MOMENT = timedelta(milliseconds=1)
# What each job looks for, by the names of the shards it asks; others are run once a day.
KINDS = {
    "settle_messages": ("send", "accept"),
    "settle_broadcasts": ("broadcast", "chunk"),
    "replay_callbacks": ("replay",),
    "charge_fees": ("fee",),
    "expire_sessions": ("session",),
}
NOT_OURS = ("copy_missing_files", "check_webhooks", "audit_books", "settle_top_ups")
JOB_RUNS, JOB_TWICE, JOB_STOPS = 0.3, 0.05, 0.003


class Life:
    """Lets a world live. Everything is drawn from its seed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.talkers = Talkers(world)
        self.offices = Offices(world)
        self.stopped: dict[str, float] = {}
        self.near: tuple[OurBot, Phone] | None = None
        self.moods: dict[str, float] = {}
        self._acts: list[tuple[float, Callable[[], None]]] = [
            (30, self._write),
            (38, self._reply),
            (6, self._look),
            (3, lambda: self.talkers.ask_price(*self._someone())),
            (4, self._switch),
            (1.5, self._turn_away),
            (1, self._monologue),
            (0.25, self._long_talk),
            (0.6, self._new_phone),
            (0.35, self._broadcast),
            (2.5, self._money),
            (0.3, lambda: self.offices.take_back(disputed=self.world.draw.random() < 0.5)),
            (0.5, self._apply),
            (1.2, lambda: self.offices.decide(self._business())),
            (0.05, self._cancel),
            (0.25, self._sessions),
            (0.15, self._protect),
            (0.05, lambda: self.offices.set_prices(in_days=self.world.draw.randrange(5))),
            (0.1, self.offices.set_policy),
            (0.3, self._lose_queue),
            (0.1, self._disconnect),
        ]
        world.between = self._in_between

    @property
    def jobs(self) -> list[str]:
        """List the jobs that repair what is left, or do what time asks for."""
        return [job for job in self.world.door.jobs if job not in NOT_OURS]

    def begin(self) -> None:
        """Found the accounts, in peace, with bots of all plans."""
        with self.world.in_peace():
            self.offices.set_prices()
            for number in range(ACCOUNTS):
                account_id = self.world.add_account(f"shop{number}")
                self.moods[account_id] = 0.5
                business = self.world.businesses[account_id]
                self.offices.transfer(account_id, 900)
                if number != 2:
                    self.offices.apply(business)
                    self._decide_all(business)
                if number in (1, 2):
                    self.offices.make_business_bot(account_id)
                if number in (2, 3):
                    self.offices.connect_old(account_id)
                self.offices.paste_keys(account_id)
                self.offices.paste_keys(account_id)
                for bot in business.bots.values():
                    if bot.plan == BUSINESS:
                        self.offices.turn_sessions(business, bot, on=True)

    def day(self) -> None:
        """Live a day."""
        end = self.world.clock.now + timedelta(days=1)
        for account_id in self.moods:
            if self.world.draw.random() < 0.03:
                self.moods[account_id] = self.world.draw.choice((0.0, 0.0, 0.001, 0.4, 1.0))
            self.offices.paste_keys(account_id)
        for job in self.jobs:
            if job not in KINDS:
                self.world.attempt(job, lambda: self.world.door.run(job))  # noqa: B023
        while self.world.clock.now < end:
            seconds = self.world.draw.expovariate(EVENTS_A_DAY / 86_400)
            self._pass_by(timedelta(seconds=min(seconds, 20_000)))
            self.moment()

    def _pass_by(self, span: timedelta) -> None:
        """Let time pass, but not past an instant that rules turn on without stopping there."""
        clock, draw = self.world.clock, self.world.draw
        month = calendar.month_of(clock.now, ZONE)
        turning = (calendar.over_at(month, ZONE), calendar.charged_from(month, ZONE))
        for instant in (*turning, calendar.over_at(f"{clock.now:%Y-%m}", "UTC")):
            if clock.now < instant - A_MOMENT and instant < clock.now + span:
                self.world.weather.counted["at the turn of a month or a charge day"] += 1
                clock.move_to(instant + draw.choice((-1, 0, 0, 1)) * A_MOMENT)
                return
        clock.pass_by(span)

    def moment(self) -> None:
        """Live a moment: something happens, and what follows from earlier happens too."""
        world = self.world
        world.weather.changes()
        self._act()
        self.work()
        due = [act for at, act in world.later if at <= world.clock.now]
        world.later = [each for each in world.later if each[0] > world.clock.now]
        for act in due:
            act()
        world.viber.deliver_delayed()
        world.viber.emulator.dispatcher.pump()
        self.work()

    def work(self, *, always: bool = False) -> None:
        """Let the queue and the schedules work, or not yet."""
        world = self.world
        while world.door.queued and (always or world.draw.random() < SENT_AT_ONCE):
            again = not always and world.draw.random() < 0.02
            world.attempt(
                "queue function",
                lambda: world.door.send(lambda: world.now, again=again),  # noqa: B023
            )
        rounds = ROUNDS_MAX
        while world.door.has_broadcasts and rounds and (always or world.draw.random() < 0.8):
            world.attempt("broadcast function", lambda: world.door.broadcast(lambda: world.now))
            rounds -= 1
        self.talkers.flush()
        for job in self._jobs_due(always=always):
            runs = 1
            if not always and world.draw.random() < JOB_TWICE:
                world.weather.counted["job run twice"] += 1
                runs = 2
            for _ in range(runs):
                world.attempt(job, lambda: world.door.run(job))  # noqa: B023
        self.talkers.flush()

    def is_due(self, job: str) -> bool:
        """Say whether a job would find something."""
        now = int(self.world.clock.now.timestamp() * 1000)
        for table in self.world.database.tables.values():
            for name in ("due", "fees"):
                index = table.indexes.get(name)
                for shard, rows in [] if index is None else index.partitions():
                    kind = shard.decode().partition("#")[0]
                    if kind in KINDS.get(job, ()) and rows[0][0] <= now:
                        return True
        return False

    def _jobs_due(self, *, always: bool) -> list[str]:
        draw, now = self.world.draw, self.world.clock.now.timestamp()
        found = []
        for job in self.jobs:
            if always:
                if self.is_due(job):
                    found.append(job)
                continue
            if draw.random() < JOB_STOPS / EVENTS_A_DAY * 10:
                self.world.weather.counted["job not run for days"] += 1
                self.stopped[job] = now + draw.choice((1, 2, 4)) * 86_400
            if self.stopped.get(job, 0) <= now and draw.random() < JOB_RUNS and self.is_due(job):
                found.append(job)
        return found

    # Acts.

    def _act(self) -> None:
        weights = [weight for weight, _ in self._acts]
        (act,) = self.world.draw.choices([act for _, act in self._acts], weights)
        act()

    def _in_between(self) -> None:
        world = self.world
        if self.near is None or len(world.flow_nows) != 1:
            return
        if not world.weather.strikes("somebody else in between", 4):
            return
        bot, phone = self.near
        business = world.businesses[bot.account_id]
        # The flow that waits here goes on with the instant it was begun at.
        world.clock.pass_by(timedelta(milliseconds=world.draw.choice((0, 1, 40, 3000))))
        act: Callable[[], None] = world.draw.choice(
            (
                lambda: self.talkers.reply(bot, phone),
                lambda: self.talkers.reply(bot, phone),
                lambda: self.talkers.write(bot, phone),
                lambda: self.talkers.look(phone),
                lambda: self.offices.transfer(bot.account_id),
                lambda: self._cancel_one(business, bot.bot_id),
                lambda: world.attempt("charge_fees", lambda: world.door.run("charge_fees")),
                lambda: world.attempt("settle_messages", lambda: world.door.run("settle_messages")),
            )
        )
        act()

    def _someone(self) -> tuple[OurBot, Phone]:
        bots = list(self.world.bots.values())
        plans = [self.world.businesses[bot.account_id].bot(bot.bot_id) for bot in bots]
        (bot,) = self.world.draw.choices(bots, [4 if plan.has_sessions else 1 for plan in plans])
        # A few are talked with often, so that limits are met.
        weights = [1 / (place + 1) for place in range(len(bot.phones))]
        (phone,) = self.world.draw.choices(bot.phones[::-1], weights)
        self.near = bot, phone
        return bot, phone

    def _business(self) -> Business:
        return self.world.draw.choice(list(self.world.businesses.values()))

    def _bot(self, business: Business) -> Bot | None:
        bots = [bot for bot in business.bots.values() if bot.plan is not None]
        return self.world.draw.choice(bots) if bots else None

    def _write(self) -> None:
        self.talkers.write(*self._someone())

    def _reply(self) -> None:
        self.talkers.reply(*self._someone())

    def _look(self) -> None:
        self.talkers.look(self._someone()[1])

    def _switch(self) -> None:
        self.talkers.switch(self._someone()[1])

    def _turn_away(self) -> None:
        self.talkers.turn_away(self._someone()[1])

    def _new_phone(self) -> None:
        self.world.add_phone(self._someone()[0])

    def _broadcast(self) -> None:
        bot, _ = self._someone()
        plan = self.world.businesses[bot.account_id].bot(bot.bot_id).plan
        self.talkers.broadcast(bot, plan)

    def _monologue(self) -> None:
        """Say more in a row than a subscriber can bear."""
        bot, phone = self._someone()
        self.talkers.write(bot, phone, "text")
        for _ in range(self.world.draw.choice((4, 11, 13))):
            self.talkers.reply(bot, phone, ("text",))
            self.world.clock.pass_by(timedelta(seconds=self.world.draw.randrange(90)))
            self.work()

    def _long_talk(self) -> None:
        """Talk on until a session is full."""
        bot, phone = self._someone()
        for _ in range(5):
            if self.world.businesses[bot.account_id].bot(bot.bot_id).has_sessions:
                break
            bot, phone = self._someone()
        for _ in range(self.world.draw.choice((20, 32))):
            self.talkers.write(bot, phone, "text")
            for _ in range(2):
                self.talkers.reply(bot, phone, ("text",))
                self.world.clock.pass_by(timedelta(seconds=self.world.draw.randrange(200)))
            self.work()

    def _money(self) -> None:
        business = self._business()
        # Some see to it that there is always enough, some wait until nothing is left.
        if business.books.available < 250 * EURO * self.moods[business.account_id]:
            if self.world.draw.random() < 0.7:
                self.offices.transfer(business.account_id)
            else:
                self.offices.pay_by_card(business.account_id)

    def _apply(self) -> None:
        business = self._business()
        over = [
            bot
            for bot in business.bots.values()
            if bot.plan in ("legacy", "commercial") and (bot.cancelled_at or bot.ended_at)
        ]
        old = [bot for bot in business.bots.values() if bot.plan == "legacy" and not bot.ended_at]
        drawn = self.world.draw.random()
        if len(over) == len(business.bots) and business.books.available < 400 * EURO:
            # Nobody can work any more: this one is paid for.
            self.offices.transfer(business.account_id, 450)
        if over and drawn < 0.7:
            self.offices.apply(business, "revival", self.world.draw.choice(over).bot_id)
        elif old and drawn < 0.1:
            self.offices.apply(business, "move", self.world.draw.choice(old).bot_id)
        elif len(business.bots) < 4 or business.books.available < 400 * EURO:
            self.offices.apply(business)

    def _decide_all(self, business: Business) -> None:
        while any(state == "waiting" for state, _, _ in business.requests.values()):
            self.offices.decide(business)
        while not business.bots:
            self.offices.apply(business)
            self.offices.decide(business)

    def _cancel(self) -> None:
        business = self._business()
        bot = self._bot(business)
        if bot is not None:
            self.offices.cancel(business, bot)

    def _cancel_one(self, business: Business, bot_id: str) -> None:
        if self.world.draw.random() < 0.1 and bot_id in business.bots:
            self.offices.cancel(business, business.bots[bot_id])

    def _sessions(self) -> None:
        business = self._business()
        bot = self._bot(business)
        if bot is None or (bot.plan != BUSINESS and self.world.draw.random() > 0.03):
            return
        is_on = bot.has_sessions and not bot.ended_at
        self.offices.turn_sessions(business, bot, on=not is_on or self.world.draw.random() < 0.5)

    def _protect(self) -> None:
        business = self._business()
        self.offices.protect(business, on=self.world.draw.random() < 0.6)

    def _lose_queue(self) -> None:
        lost = self.world.door.lose_queue()
        if lost:
            self.world.weather.counted["queued message lost"] += lost

    def _disconnect(self) -> None:
        bot, _ = self._someone()
        by = self.world.callers[bot.account_id]
        self.world.call("DELETE", f"/v1/bots/{bot.bot_id}", None, by=by)
