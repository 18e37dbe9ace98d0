"""Every call of every flow that moves an account's money fails once, in four ways.

Afterwards everybody does again what he got no answer to, and the schedules run.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chalicelib import billing, bots, desk, fees, requests, store
from chalicelib.money import euros
from chalicelib.requests import Application, Terms, Verdict
from chalicelib.tables import Bot, Entry, Request, TopUp
from tests.desk import FORM, MADE_ON, OPERATOR
from tests.fixtures_crashes import Bakery
from tests.fixtures_points import Flow, every_point

FEES = ("charge_fees",)
SOON = (0.1, 1)
CHARGE_DAY = datetime(2026, 11, 24, 22, tzinfo=UTC)
"""Midnight of the 25th of November in Kyiv: November has 30 days."""

MONTH_ENDS = datetime(2026, 11, 30, 22, tzinfo=UTC)
IN_PROTECTION = datetime(2026, 11, 16, 9, tzinfo=UTC)
TOP_UP = "top_01KGR1GP0S8TH2M5TSCK9XNV5B"


# What comes before.


def with_money(amount: float) -> Callable[[Bakery], None]:
    return lambda bakery: bakery.top_up(amount)


def with_a_request(bakery: Bakery) -> None:
    bakery.top_up(400)
    apply(bakery)


def with_a_move(bakery: Bakery) -> None:
    """An old bot asks for its move when the next month's fee is due already."""
    bakery.make_bot(plan="legacy", made_on=MADE_ON.isoformat())
    bakery.now = CHARGE_DAY
    bakery.top_up(400)
    apply(bakery, "move", bakery.bot_id)


def with_an_open_top_up(bakery: Bakery) -> None:
    """A top-up waits for Stripe's word, and a bot's fee for the money."""
    bakery.now = CHARGE_DAY
    with_a_bot(bakery, set_aside=40, available=0)
    asked = TopUp(key=bakery.account_id, item=f"top-up#{TOP_UP}", top_up_id=TOP_UP)
    asked.account_id, asked.amount_micros, asked.state = bakery.account_id, euros(150), "open"
    asked.created_at, asked.created_by = bakery.now, bakery.actor.actor_id
    store.put(asked)


def with_a_payment(bakery: Bakery) -> None:
    """A payment came, and most of it is spent: what takes it back makes a debt."""
    with_an_open_top_up(bakery)
    paid(bakery)


def with_a_dispute(bakery: Bakery) -> None:
    with_a_payment(bakery)
    disputed(bakery)


def with_a_bot(bakery: Bakery, *, set_aside: int, available: int) -> None:
    """A commercial bot whose November is paid, some of its December set aside."""
    bakery.make_bot(plan="commercial", paid_month="2026-11", plan_since=bakery.now)
    bakery.top_up(set_aside + available)
    change = billing.Change(bakery.account_id)
    cause = f"set-aside:{bakery.bot_id}:2026-12:test"
    entry = billing.entry(bakery.account_id, billing.SET_ASIDE, cause, now=bakery.now)
    change.set_aside(euros(set_aside), entry)
    bot = bakery.bot()
    bot.set_aside_micros = euros(set_aside)
    for name, value in fees.watched(bot, bakery.now).items():
        setattr(bot, name, value)
    bot.revision += 1
    balance = billing.balance(bakery.account_id)
    store.commit([*change.writes(balance, now=bakery.now), store.Put(bot)])


def before_the_charge(bakery: Bakery) -> None:
    bakery.now = IN_PROTECTION
    with_a_bot(bakery, set_aside=40, available=45)


def on_the_charge_day(bakery: Bakery) -> None:
    bakery.now = CHARGE_DAY
    with_a_bot(bakery, set_aside=40, available=100)


def without_the_money(bakery: Bakery) -> None:
    bakery.now = MONTH_ENDS
    with_a_bot(bakery, set_aside=40, available=59)


def with_a_wish_for_sessions(bakery: Bakery) -> None:
    """A commercial bot's account wishes for sessions, on a day when two fees are due."""
    on_the_charge_day(bakery)
    requests.wish(bakery.bot(), "We answer questions", by=bakery.actor, now=bakery.now)


def with_sessions(bakery: Bakery) -> None:
    with_a_wish_for_sessions(bakery)
    turn_on(bakery)


# The steps.


def apply(bakery: Bakery, purpose: str = "new", bot_id: str | None = None) -> None:
    wanted = Application(purpose, bot_id, FORM, "wish of the day")
    bakery.attempt(
        lambda: requests.apply(bakery.account_id, wanted, by=bakery.actor, now=bakery.now)
    )


def decide(state: str) -> Callable[[Bakery], None]:
    def step(bakery: Bakery) -> None:
        (request,) = bakery.all_of(Request, "request#")
        bakery.attempt(
            lambda: requests.decide(
                bakery.account_id,
                request.request_id,
                Verdict(state, "Looked at"),
                by=OPERATOR,
                now=bakery.now,
            )
        )

    return step


def paid(bakery: Bakery) -> None:
    bakery.stripe(
        "checkout.session.completed",
        id="cs_1",
        payment_status="paid",
        amount_total=15_000,
        currency="eur",
        payment_intent="pi_1",
        metadata={"stage": "test", "account_id": bakery.account_id, "top_up_id": TOP_UP},
    )


def refunded(bakery: Bakery) -> None:
    told = {"id": "re_1", "status": "succeeded", "amount": 2_500}
    bakery.stripe("refund.created", currency="eur", payment_intent="pi_1", **told)


def disputed(bakery: Bakery, kind: str = "funds_withdrawn") -> None:
    told = {"id": "dp_1", "reason": "fraudulent", "amount": 15_000}
    bakery.stripe(f"charge.dispute.{kind}", currency="eur", payment_intent="pi_1", **told)


def won(bakery: Bakery) -> None:
    disputed(bakery, "funds_reinstated")


def transferred(bakery: Bakery) -> None:
    from chalicelib import payments

    bakery.attempt(
        lambda: payments.transfer(
            bakery.account_id,
            euros(150),
            "R-1",
            idempotency_key="transfer of the day",
            by=OPERATOR,
            now=bakery.now,
        )
    )


def charge(bakery: Bakery) -> None:
    bakery.run("charge_fees")


def cancel(bakery: Bakery) -> None:
    bakery.attempt(lambda: fees.cancel(bakery.bot(), by=bakery.actor, now=bakery.now))


def turn_on(bakery: Bakery) -> None:
    terms = Terms(euros(30), 150_000)
    bakery.attempt(
        lambda: requests.turn_on(
            bakery.account_id, bakery.bot_id, terms, by=OPERATOR, now=bakery.now
        )
    )


def turn_off(bakery: Bakery) -> None:
    bakery.attempt(
        lambda: requests.turn_off(bakery.account_id, bakery.bot_id, by=OPERATOR, now=bakery.now)
    )


# What is there in the end.


def money(available: float, held: float, set_aside: float, owed: float = 0) -> Callable[..., None]:
    """Expect so many euros in each part."""

    def expected(bakery: Bakery) -> None:
        found = billing.balance(bakery.account_id)
        wanted = [round(euros(1) * each) for each in (available, held, set_aside, owed)]
        assert [
            found.available_micros,
            found.held_micros,
            found.set_aside_micros,
            found.owed_micros,
        ] == wanted

    return expected


def a_bot(**wanted: object) -> Callable[[Bakery], None]:
    def expected(bakery: Bakery) -> None:
        (bot,) = bakery.all_of(Bot)
        assert {name: getattr(bot, name) for name in wanted} == wanted

    return expected


def requested(state: str) -> Callable[[Bakery], None]:
    def expected(bakery: Bakery) -> None:
        assert [each.state for each in bakery.all_of(Request, "request#")] == [state]

    return expected


def entered(*kinds: str) -> Callable[[Bakery], None]:
    """Expect entries of these kinds, and no others but what was there before."""

    def expected(bakery: Bakery) -> None:
        found = sorted(entry.kind for entry in bakery.all_of(Entry, "entry#"))
        assert found == sorted(kinds)

    return expected


def cancelled(bakery: Bakery) -> None:
    bot = bots.get(bakery.account_id, bakery.bot_id)
    assert bot.cancelled_at is not None
    assert bot.paid_month == "2026-11"
    assert bot.fee_at is None


AWAITING = {"plan": "commercial", "state": "awaiting_key", "paid_month": "2026-11"}
UNPAID = {"ended_reason": "unpaid", "paid_month": "2026-11", "fee_at": None}
WITH_SESSIONS = {"plan": "business", "has_sessions": True, "paid_month": "2026-12"}
Expected = tuple[Callable[[Bakery], None], ...]

FLOWS: dict[str, tuple[Flow, Expected]] = {
    "a request with its deposit": (
        Flow(with_money(400), apply, FEES, SOON),
        (money(0, 400, 0), requested(desk.WAITING), entered("top-up", "deposit")),
    ),
    "an approval of a new bot": (
        Flow(with_a_request, decide(desk.APPROVED), FEES, SOON),
        (
            money(0, 0, 200),
            requested(desk.APPROVED),
            a_bot(**AWAITING),
            entered("top-up", "deposit", "activation", "set-aside"),
        ),
    ),
    "an approval of a move when a fee is due": (
        Flow(with_a_move, decide(desk.APPROVED), FEES, SOON),
        (
            money(0, 0, 100),
            a_bot(plan="commercial", paid_month="2026-12"),
            entered("top-up", "deposit", "activation", "set-aside", "maintenance-fee"),
        ),
    ),
    "a refusal": (
        Flow(with_a_request, decide(desk.REFUSED), FEES, SOON),
        (
            money(400, 0, 0),
            requested(desk.REFUSED),
            entered("top-up", "deposit", "deposit-returned"),
        ),
    ),
    "a top-up by card, and the fee it pays": (
        Flow(with_an_open_top_up, paid, FEES, SOON),
        (
            money(90, 0, 0),
            a_bot(paid_month="2026-12", set_aside_micros=0),
            entered("top-up", "top-up", "set-aside", "maintenance-fee"),
        ),
    ),
    "a top-up by bank transfer, and the fee it pays": (
        Flow(with_an_open_top_up, transferred, FEES, SOON),
        (money(90, 0, 0), a_bot(paid_month="2026-12")),
    ),
    "a refund of a top-up": (
        Flow(with_a_payment, refunded, FEES, SOON),
        (money(65, 0, 0),),
    ),
    "a dispute of spent money": (
        Flow(with_a_payment, disputed, FEES, SOON),
        (money(0, 0, 0, owed=60),),
    ),
    "a dispute won": (
        Flow(with_a_dispute, won, FEES, SOON),
        (money(90, 0, 0),),
    ),
    "a fee, of set-aside and available money": (
        Flow(on_the_charge_day, charge, FEES, SOON),
        (
            money(40, 0, 0),
            a_bot(paid_month="2026-12", set_aside_micros=0),
            entered("top-up", "set-aside", "maintenance-fee"),
        ),
    ),
    "a fee that cannot be paid": (
        Flow(without_the_money, charge, FEES, SOON),
        (
            money(99, 0, 0),
            a_bot(**UNPAID),
            entered("top-up", "set-aside", "set-aside-returned"),
        ),
    ),
    "protection of a fee": (
        Flow(before_the_charge, charge, FEES, SOON),
        (
            money(0, 0, 85),
            a_bot(set_aside_micros=euros(85)),
            entered("top-up", "set-aside", "set-aside"),
        ),
    ),
    "a cancellation": (
        Flow(before_the_charge, cancel, FEES, SOON),
        (money(85, 0, 0), cancelled, entered("top-up", "set-aside", "set-aside-returned")),
    ),
    "sessions turned on, and the next month's fee": (
        Flow(with_a_wish_for_sessions, turn_on, FEES, SOON),
        (
            money(80, 0, 0),
            a_bot(**WITH_SESSIONS),
            requested(desk.APPROVED),
            entered("top-up", "set-aside", "sessions-fee", "sessions-fee"),
        ),
    ),
    "sessions turned off": (
        Flow(with_sessions, turn_off, FEES, SOON),
        (money(80, 0, 0), a_bot(has_sessions=False, ended_reason="turned-off")),
    ),
}


@pytest.mark.rule("S1.25", "S1.29", "S1.34", "S1.38", "S1.56", "S1.66")
@pytest.mark.parametrize("name", FLOWS)
def test_whatever_fails_the_money_ends_as_if_nothing_had(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    flow, expectations = FLOWS[name]

    def expected(bakery: Bakery) -> None:
        for each in expectations:
            each(bakery)

    counted = every_point(flow, expected)
    record_property("crash points", f"{counted.points} over {counted.calls} calls: {name}")
    assert counted.points >= 8
    assert counted.ends == 1
