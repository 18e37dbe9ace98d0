"""Every call on the way of what costs money in a talk fails once, in four ways.

Agents ask again with the same key, the queue and Viber come again, schedules run for 15 days.
"""

from collections.abc import Callable

import pytest

from chalicelib import billing
from chalicelib.money import euros
from chalicelib.tables import Quota, Session
from tests.fixtures_crashes import SESSION, UA, Bakery, sent
from tests.fixtures_points import Flow, every_point

FULL = euros(10)
LONG = tuple("123456")
NOBODY = 5
"""Viber: the receiver is not known."""


# What comes before.


def commercial(bakery: Bakery) -> None:
    """A customer wrote to a commercial bot yesterday: to answer him now is paid for."""
    bakery.make_bot(plan="commercial", paid_month="2027-12")
    bakery.top_up(10)
    bakery.write()
    bakery.wait(hours=25)
    bakery.viber.billed = {"Акція", *LONG}


def legacy(bakery: Bakery) -> None:
    """A customer wrote to an old bot yesterday."""
    bakery.make_bot(plan="legacy")
    bakery.write()
    bakery.wait(hours=25)


def business(bakery: Bakery) -> None:
    """A customer has written a minute ago to a bot with sessions."""
    terms = {"sessions_fee_micros": euros(30), "session_price_micros": SESSION}
    bakery.make_bot(plan="business", paid_month="2027-12", has_sessions=True, **terms)
    bakery.top_up(10)
    bakery.write()
    bakery.wait(minutes=1)


def before_the_61st(bakery: Bakery) -> None:
    business(bakery)
    for number in range(60):
        if number % 10 == 9:
            bakery.write("Так")
        say(f"{number}")(bakery)
        bakery.wait(seconds=20)


def before_the_11th(bakery: Bakery) -> None:
    business(bakery)
    for number in range(10):
        say(f"{number}")(bakery)
        bakery.wait(seconds=20)
    bakery.viber.billed = {"Акція"}


def taken(begin: Callable[[Bakery], None]) -> Callable[[Bakery], None]:
    """Let a reply be taken by Viber, whose receipts are still to come."""

    def begun(bakery: Bakery) -> None:
        begin(bakery)
        bakery.reply("Акція", key="wish of the day")
        bakery.pump()

    return begun


def failing(begin: Callable[[Bakery], None]) -> Callable[[Bakery], None]:
    """Let what is said then be lost on the phone, after Viber has taken it."""

    def begun(bakery: Bakery) -> None:
        begin(bakery)
        bakery.viber.fails = {"Акція"}

    return begun


def refusing(begin: Callable[[Bakery], None]) -> Callable[[Bakery], None]:
    """Let Viber refuse what is said then."""

    def begun(bakery: Bakery) -> None:
        begin(bakery)
        bakery.viber.refuses = {"Акція": NOBODY}

    return begun


def overtaking(begin: Callable[[Bakery], None]) -> Callable[[Bakery], None]:
    """Let Viber's receipts come before its answer."""

    def begun(bakery: Bakery) -> None:
        begin(bakery)
        bakery.viber.overtakes = True

    return begun


# The steps.


def say(*texts: str) -> Callable[[Bakery], None]:
    """Accept a reply, send it, take its receipts."""

    def step(bakery: Bakery) -> None:
        bakery.reply(*texts, key=f"wish to say {texts[0]}")
        bakery.pump()
        bakery.hear()

    return step


def hear(bakery: Bakery) -> None:
    bakery.hear()


def expire(bakery: Bakery) -> None:
    bakery.wait(days=2)
    bakery.run("expire_sessions")


PROMOTION = say("Акція")


# What is there in the end.


def costs(micros: int) -> Callable[[Bakery], None]:
    """Expect that so much was spent of ten euros, and nothing is held."""

    def expected(bakery: Bakery) -> None:
        found = billing.balance(bakery.account_id)
        assert (found.available_micros, found.held_micros) == (FULL - micros, 0)

    return expected


def says(state: str, *, kind: str = "") -> Callable[[Bakery], None]:
    """Expect this state and kind of the last message."""

    def expected(bakery: Bakery) -> None:
        last = sent(bakery)[-1]
        assert last.state == state
        assert kind in ("", last.price_kind)

    return expected


def sessions(*wanted: tuple[str, str, str]) -> Callable[[Bakery], None]:
    """Expect these sessions, by state, reason and money."""

    def expected(bakery: Bakery) -> None:
        found = bakery.all_of(Session, "session#")
        told = sorted((each.state, each.reason, each.money) for each in found)
        assert told == sorted(wanted)

    return expected


def quota(used: int) -> Callable[[Bakery], None]:
    """Expect so many messages of the old bot's month to be used."""

    def expected(bakery: Bakery) -> None:
        assert [int(each.used) for each in bakery.all_of(Quota, "quota#")] == [used]

    return expected


SEEN, FAILED = says("seen"), says("failed")
EXPIRED = ("closed", "expired", "posted")
LAPSED = ("closed", "lapsed", "none")
Expected = tuple[Callable[[Bakery], None], ...]

FLOWS: dict[str, tuple[Flow, Expected]] = {
    "a paid bot-initiated reply": (
        Flow(commercial, PROMOTION),
        (costs(UA), says("seen", kind="bot-initiated")),
    ),
    "a paid reply whose receipts overtake the answer": (
        Flow(overtaking(commercial), PROMOTION),
        (costs(UA), SEEN),
    ),
    "a paid reply of six parts": (Flow(commercial, say(*LONG)), (costs(6 * UA), SEEN)),
    "a paid reply that Viber refuses": (Flow(refusing(commercial), PROMOTION), (costs(0), FAILED)),
    "receipts of a paid message": (Flow(taken(commercial), hear), (costs(UA), SEEN)),
    "a failed receipt of a paid message": (
        Flow(taken(failing(commercial)), hear),
        (costs(0), FAILED),
    ),
    "the first reply of a session": (
        Flow(business, PROMOTION),
        (costs(SESSION), says("seen", kind="opens-session"), sessions(EXPIRED)),
    ),
    "receipts of a session's message": (
        Flow(taken(business), hear),
        (costs(SESSION), SEEN, sessions(EXPIRED)),
    ),
    "a failed receipt that undoes a session": (
        Flow(taken(failing(business)), hear),
        (costs(0), FAILED, sessions(("closed", "failed", "refunded"), LAPSED)),
    ),
    "a first reply that Viber refuses": (
        Flow(refusing(business), PROMOTION),
        (costs(0), FAILED, sessions(("closed", "failed", "voided"), LAPSED)),
    ),
    "the 61st message": (
        Flow(before_the_61st, PROMOTION),
        (
            costs(2 * SESSION),
            says("seen", kind="renews-session"),
            sessions(("closed", "limit", "posted"), EXPIRED),
        ),
    ),
    "a 61st message that Viber refuses": (
        Flow(refusing(before_the_61st), PROMOTION),
        (costs(SESSION), FAILED, sessions(EXPIRED, ("closed", "failed", "voided"))),
    ),
    "the 11th message": (
        Flow(before_the_11th, PROMOTION),
        (
            costs(SESSION + UA),
            says("seen", kind="bot-initiated"),
            sessions(("closed", "unanswered", "posted")),
        ),
    ),
    "an 11th message that fails on the phone": (
        Flow(taken(failing(before_the_11th)), hear),
        (costs(SESSION), FAILED, sessions(EXPIRED)),
    ),
    "a session that runs out": (
        Flow(taken(business), expire),
        (costs(SESSION), SEEN, sessions(EXPIRED)),
    ),
    "an old bot's message of its month": (
        Flow(legacy, PROMOTION),
        (says("seen", kind="legacy"), quota(1)),
    ),
    "an old bot's message that Viber refuses": (
        Flow(refusing(legacy), PROMOTION),
        (FAILED, quota(0)),
    ),
}


@pytest.mark.rule("S1.11", "S1.43", "S1.44", "S2.26", "S2.43")
@pytest.mark.parametrize("name", FLOWS)
def test_whatever_fails_what_arrived_is_paid_once_and_nothing_else(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    flow, expectations = FLOWS[name]

    def expected(bakery: Bakery) -> None:
        for each in expectations:
            each(bakery)

    counted = every_point(flow, expected)
    record_property("crash points", f"{counted.points} over {counted.calls} calls: {name}")
    assert counted.points >= 8
    # Only where a request to Viber was lost may another end be true: that message did not arrive.
    assert counted.ends <= 1 + counted.sends
