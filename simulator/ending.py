"""The end of a run: the weather clears, what is left is worked off, and all of it has to fit."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from chalicelib import books
from simulator.comparing import plain, without_step
from simulator.life import Life
from simulator.model.business import Business, Message
from simulator.world import Unlike, World

QUIET_AFTER = (
    *[timedelta(minutes=1)] * 6,
    *[timedelta(minutes=15)] * 8,
    *[timedelta(hours=8)] * 52,
)
"""Long enough for whatever is held for 15 days, and for retries of every length."""

ROUNDS_MAX = 30
ARRIVED = {"delivered", "seen"}


def drain(life: Life) -> None:
    """Stop all faults, and let queues and jobs work until 17 days have gone by in peace."""
    world = life.world
    world.weather.is_on = False
    world.viber.is_calm = True
    life.near = None
    for phone in world.viber.emulator.world.phones.values():
        world.viber.emulator.people.configure(phone.id, {"online": True})
    for bot in world.viber.emulator.world.bots.values():
        bot.faults.clear()
    for span in QUIET_AFTER:
        world.clock.pass_by(span)
        due, world.later = world.later, []
        for _, act in due:
            act()
        world.viber.deliver_delayed(everything=True)
        world.viber.emulator.dispatcher.pump()
        for _ in range(ROUNDS_MAX):
            life.work(always=True)
            if not world.door.queued and not any(life.is_due(job) for job in life.jobs):
                break
    world.check()


def check(life: Life) -> None:
    """Hold everything against the model, the stored ledger and what Viber has really done."""
    for wrong in wrongs(life):
        raise Unlike(wrong)


def wrongs(life: Life) -> Iterator[str]:
    """Give what does not fit, in words."""
    world = life.world
    for job in life.jobs:
        if life.is_due(job):
            yield f"{job} does not come to an end"
    for business in world.businesses.values():
        for wrong in (
            *_ledger(world, business),
            *_held(business),
            *_fees(world, business),
            *_messages(world, business),
            *_chunks(world, business),
            *_audit(world, business),
        ):
            story = "\n".join(list(world.stories[business.account_id])[-20:])
            yield f"{business.account_id}: {wrong}\n{story}"


def audit(world: World) -> None:
    """Let the books be audited, in peace: they balance on any day."""
    with world.in_peace():
        for business in world.businesses.values():
            for wrong in _audit(world, business):
                story = "\n".join(list(world.stories[business.account_id])[-20:])
                raise Unlike(f"{business.account_id}: {wrong}\n{story}")


def _ledger(world: World, business: Business) -> Iterator[str]:
    """Read the whole stored ledger again: nothing is lost, nothing is there twice."""
    stored: Counter[str] = Counter()
    entries: dict[str, int] = {}
    balance: dict[str, Any] = {}
    for key, item in world.database.tables[world.table("ledger")].items.items():
        if key[0] != business.account_id:
            continue
        found = plain(item)
        if key[1] == "balance":
            balance = found
        if key[1].startswith("entry#") and found.get("moved_micros") is None:
            stored[found["cause"]] += 1
            cause = without_step(found["cause"])
            entries[cause] = entries.get(cause, 0) + int(found["amount_micros"])
    world.watcher.checks["entries read at the end"] += len(entries)
    yield from (f"S1.66: {cause} is stored {n} times" for cause, n in stored.items() if n > 1)
    wanted = business.books.entries
    for cause in entries.keys() ^ wanted.keys():
        yield f"{cause}: stored {entries.get(cause)}, by the rules {wanted.get(cause)}"
    names = ("available_micros", "held_micros", "set_aside_micros", "owed_micros")
    sums = tuple(int(balance.get(name, 0)) for name in names)
    if sums != business.books.sums:
        yield f"the balance is {sums}, by the rules {business.books.sums}"
    there = sums[0] + sums[1] + sums[2] - sums[3]
    if not there == sum(entries.values()) == int(balance.get("entries_micros", 0)):
        yield f"there is {there}, and the entries say {sum(entries.values())}"


def _held(business: Business) -> Iterator[str]:
    """Nothing is held any more but the deposits of requests that wait."""
    waiting = sum(state == "waiting" for state, _, _ in business.requests.values())
    if business.books.held != waiting * 400_000_000:
        held = [m.message_id for m in business.messages.values() if m.money == "held"]
        yield f"S1.11: {business.books.held} is held still, for {held[:5]}"


def _fees(world: World, business: Business) -> Iterator[str]:
    """No fee is due that could be paid, and no bot works that is to be over."""
    for bot in business.due(world.clock.now):
        yield f"S1.39: the fee of {bot.bot_id} after {bot.paid_month} was not tried"


def _audit(world: World, business: Business) -> Iterator[str]:
    world.watcher.checks["audits"] += 1
    report = books.audit(business.account_id, now=world.clock.now)
    for finding in report.findings:
        yield f"the audit finds {finding}"


def _messages(world: World, business: Business) -> Iterator[str]:
    """What is shown of a message is what has become of it at Viber, and it went out once."""
    texts = {message_id: text for text, message_id in world.texts.items()}
    for message in business.messages.values():
        world.watcher.checks["messages against Viber"] += 1
        text = texts[message.message_id]
        sent = world.viber.truth.get(text)
        tokens = [] if sent is None else sent.tokens
        if len(tokens) > 1:
            yield f"{message.message_id} ({text}) was sent {len(tokens)} times"
        yield from _shown(world, message, tokens[0] if tokens else None)


def _chunks(world: World, business: Business) -> Iterator[str]:
    """Of a broadcast nothing is held any more, and each line went out once."""
    for chunk in business.chunks.values():
        if chunk.open_micros:
            yield f"{chunk.name} holds {chunk.open_micros} still"
        for place, (name, _) in world.watcher.chunks.told(chunk).items():
            world.watcher.checks["lines against Viber"] += 1
            sent = world.viber.truth.get(name)
            tokens = [] if sent is None else sent.tokens
            if len(tokens) > 1:
                yield f"line {place} of {chunk.name} was sent {len(tokens)} times"
            reached = world.viber.reached.get(tokens[0], set()) if tokens else set()
            if chunk.settled.get(place) == "posted" and not reached & ARRIVED:
                yield f"S1.11: line {place} of {chunk.name} was paid for, and never arrived"


def _shown(world: World, message: Message, token: str | None) -> Iterator[str]:
    heard = world.viber.heard.get(token or "", set())
    has_arrived = bool(heard & ARRIVED)
    may_have_arrived = bool(world.viber.reached.get(token or "", set()) & ARRIVED)
    match message.state:
        case "queued" | "sending":
            yield f"{message.message_id} is {message.state} still"
        case "sent" | "delivered" | "seen" if token is None:
            yield f"{message.message_id} is {message.state}, and Viber never had it"
        case "delivered" | "seen" if not may_have_arrived:
            yield f"{message.message_id} is {message.state}, and no receipt said so"
        case "sent" if has_arrived:
            yield f"{message.message_id} is only sent, and its receipt came: {heard}"
        case "failed" if has_arrived:
            yield f"{message.message_id} has failed, and its receipt came: {heard}"
    if message.money == "posted" and not may_have_arrived:
        yield f"S1.11: {message.message_id} was paid for, and never arrived"


def lived(world: World) -> Counter[str]:
    """Count what the rules have words for, and what of it this world has seen."""
    seen: Counter[str] = Counter()
    for business in world.businesses.values():
        for talk in business.talks.values():
            for session in talk.sessions:
                if session.policy.kind == "business":
                    seen[f"session: {session.reason or session.state}, {session.money}"] += 1
        for message in business.messages.values():
            seen[f"message: {message.said.kind}, {message.state}"] += 1
        for chunk in business.chunks.values():
            for fate in chunk.settled.values():
                seen[f"line of a broadcast: {fate}"] += 1
        for state, kind, _ in business.requests.values():
            seen[f"request: {kind}, {state}"] += 1
        for cause in business.books.entries:
            seen[f"entry: {':'.join(cause.split(':')[: 1 + cause.startswith('fee:')])}"] += 1
        for line in business.ends:
            seen[f"bot: {line}"] += 1
    return seen
