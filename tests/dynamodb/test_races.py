"""Sixteen threads at once on one thing: it happens once, and the money is right to the micro."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import billing, desk, errors, fees, plans, requests, store, tariffs
from chalicelib.audit import Actor
from chalicelib.delivery import send
from chalicelib.money import euros
from chalicelib.queues import Outgoing
from chalicelib.requests import Application, Form, Verdict
from chalicelib.tables import Bot, Entry, Message, Quota, Request, Session, TariffBook
from chalicelib.tariffs.book import KEPT_MAX
from tests.desk import FORM, OPERATOR
from tests.dynamodb.racing import THREADS, AmazonBakery, at_once, told
from tests.fixtures_crashes import SESSION, UA
from tests.fixtures_points import check
from tests.test_crash_points_money import (
    SOON,
    on_the_charge_day,
    paid,
    with_a_request,
    with_an_open_top_up,
)
from tests.test_crash_points_money_talk import business, commercial, say

CUSTOMERS = [f"{number:011}A=" for number in range(THREADS)]
PAYABLE = 7
ROUNDS = 6
LATER_SECONDS = 0.02


def parts(bakery: AmazonBakery) -> tuple[int, int, int, int]:
    """Tell available, held, set aside and owed, in micros."""
    found = billing.balance(bakery.account_id)
    return (
        found.available_micros,
        found.held_micros,
        found.set_aside_micros,
        found.owed_micros,
    )


def causes(bakery: AmazonBakery, kind: str) -> list[str]:
    return [each.cause for each in bakery.all_of(Entry, "entry#") if each.kind == kind]


def kinds_of(accepted: list[Any]) -> Counter[str]:
    return Counter(message.price_kind for each in accepted for message in each.messages)


def all_write(bakery: AmazonBakery) -> None:
    """Let every customer have written yesterday."""
    for customer in CUSTOMERS:
        bakery.write(by=customer)
    bakery.wait(hours=25)
    bakery.viber.billed = set(CUSTOMERS)


# One balance, one quota.


def test_of_sixteen_paid_replies_those_go_that_can_be_paid(bakery: AmazonBakery) -> None:
    bakery.make_bot(plan="commercial", paid_month="2027-12")
    bakery.top_up(PAYABLE * UA / euros(1))
    all_write(bakery)
    given = at_once(*(lambda c=each: bakery.accept(c, key=c, to=c) for each in CUSTOMERS))
    accepted, refused = told(given, billing.InsufficientFunds)
    assert (len(accepted), refused) == (PAYABLE, THREADS - PAYABLE)
    assert parts(bakery) == (0, PAYABLE * UA, 0, 0)
    bakery.end()
    assert parts(bakery) == (0, 0, 0, 0)
    assert len(bakery.viber.taken) == len(causes(bakery, billing.MESSAGE)) == PAYABLE


def test_of_an_old_bots_month_the_ten_thousandth_message_is_the_last(
    bakery: AmazonBakery,
) -> None:
    bakery.make_bot(plan="legacy")
    all_write(bakery)
    bakery.viber.billed.clear()
    item = billing.quota_item(bakery.bot_id, "2026-11")
    store.put(Quota(key=bakery.account_id, item=item, used=9_999))
    given = at_once(*(lambda c=each: bakery.accept(c, key=c, to=c) for each in CUSTOMERS))
    accepted, refused = told(given, errors.Conflict)
    assert (len(accepted), refused) == (1, THREADS - 1)
    bakery.end()
    assert [int(each.used) for each in bakery.all_of(Quota, "quota#")] == [10_000]


# One session.


def test_sixteen_first_replies_open_one_session_and_close_it_by_the_eleventh(
    bakery: AmazonBakery,
) -> None:
    business(bakery)
    names = [f"{number}" for number in range(THREADS)]
    accepted, _ = told(
        at_once(*(lambda n=each: bakery.accept(n, key=n) for each in names)), errors.Conflict
    )
    kinds = kinds_of(accepted)
    assert kinds == {"opens-session": 1, "in-session": 9, "bot-initiated": 6}
    cost = SESSION + 6 * UA
    assert parts(bakery) == (euros(10) - cost, cost, 0, 0)
    bakery.viber.billed = billed(accepted)
    bakery.end()
    assert parts(bakery) == (euros(10) - cost, 0, 0, 0)
    (session,) = bakery.all_of(Session, "session#")
    assert (session.state, session.reason, session.money) == ("closed", "unanswered", "posted")
    assert len(causes(bakery, billing.SESSION)) == 1


def test_of_sixteen_at_once_after_the_59th_one_is_the_60th_and_one_the_61st(
    bakery: AmazonBakery,
) -> None:
    business(bakery)
    for number in range(59):
        if number % 10 == 9:
            bakery.write("Так")
        say(f"{number}")(bakery)
        bakery.wait(seconds=20)
    bakery.write("І ще")
    names = [f"at once {number}" for number in range(THREADS)]
    accepted, _ = told(
        at_once(*(lambda n=each: bakery.accept(n, key=n) for each in names)), errors.Conflict
    )
    # Ten of them may be unanswered: the 60th, the 61st that renews, eight in the new session.
    assert kinds_of(accepted) == {"in-session": 9, "renews-session": 1, "bot-initiated": 6}
    cost = 2 * SESSION + 6 * UA
    assert parts(bakery)[:2] == (euros(10) - cost, SESSION + 6 * UA)
    bakery.viber.billed = billed(accepted)
    bakery.end()
    assert parts(bakery) == (euros(10) - cost, 0, 0, 0)
    told_of = sorted(
        (each.reason, int(each.sent), each.money) for each in bakery.all_of(Session, "session#")
    )
    assert told_of == [("limit", 60, "posted"), ("unanswered", 9, "posted")]


def billed(accepted: list[Any]) -> set[str]:
    messages = [message for each in accepted for message in each.messages]
    return {m.content["text"] for m in messages if m.price_kind == "bot-initiated"}


# Money from outside, requests, decisions.


def test_a_payment_told_of_sixteen_times_is_credited_once(bakery: AmazonBakery) -> None:
    with_an_open_top_up(bakery)
    given = at_once(*(lambda: paid(bakery) for _ in range(THREADS)))
    told(given, errors.Conflict)
    bakery.live_on(("charge_fees",), *SOON)
    assert parts(bakery) == (euros(90), 0, 0, 0)
    assert causes(bakery, billing.MAINTENANCE_FEE) == [
        f"fee:maintenance-fee:{bakery.bot_id}:2026-12"
    ]
    # Both are of one instant, and stand in any order.
    assert sorted(causes(bakery, billing.TOP_UP)) == ["top-up:stripe#pi_1", "top-up:test-1"]
    check(bakery, "after the race")


def application(number: int, key: str) -> Application:
    answers = {name: getattr(FORM, name) for name in FORM.__struct_fields__}
    return Application("new", None, Form(**answers | {"inquiry": f"Bot {number}"}), key)


def test_with_money_for_one_request_one_of_sixteen_is_sent(bakery: AmazonBakery) -> None:
    bakery.top_up(400)
    wishes = [application(number, f"wish {number}") for number in range(THREADS)]
    given = at_once(*(lambda w=each: apply(bakery, w) for each in wishes))
    sent, refused = told(given, billing.InsufficientFunds)
    assert (len(sent), refused) == (1, THREADS - 1)
    assert parts(bakery) == (0, euros(400), 0, 0)
    check(bakery, "after the race")


def test_one_wish_sent_sixteen_times_is_one_request(bakery: AmazonBakery) -> None:
    bakery.top_up(4000)
    wish = application(1, "wish of the day")
    sent, _ = told(at_once(*(lambda: apply(bakery, wish) for _ in range(THREADS))), errors.Conflict)
    assert len({each.request_id for each in sent}) == 1
    assert len(sent) == THREADS
    assert parts(bakery) == (euros(3600), euros(400), 0, 0)
    check(bakery, "after the race")


def apply(bakery: AmazonBakery, wish: Application) -> Request:
    return requests.apply(bakery.account_id, wish, by=bakery.actor, now=bakery.now)


def test_of_two_decisions_told_eight_times_each_one_stands(bakery: AmazonBakery) -> None:
    with_a_request(bakery)
    (request,) = bakery.all_of(Request, "request#")

    def decide(state: str) -> Request:
        verdict = Verdict(state, "Looked at")
        return requests.decide(
            bakery.account_id, request.request_id, verdict, by=OPERATOR, now=bakery.now
        )

    states = (desk.APPROVED, desk.REFUSED)
    given = at_once(*(lambda n=number: decide(states[n % 2]) for number in range(THREADS)))
    decided, refused = told(given, errors.Conflict)
    assert (len(decided), refused) == (THREADS // 2, THREADS // 2)
    (stands,) = {each.state for each in decided}
    is_approved = stands == desk.APPROVED
    assert parts(bakery) == ((0, 0, euros(200), 0) if is_approved else (euros(400), 0, 0, 0))
    assert len(bakery.all_of(Bot)) == int(is_approved)
    check(bakery, "after the race")


# A fee.


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_cancellation_against_the_fee_leaves_the_next_month_paid_or_not_begun(
    bakery: AmazonBakery, number: int, record_property: Any
) -> None:
    on_the_charge_day(bakery)
    bot = bakery.bot()
    (due,) = fees.due(bakery.now)

    def cancel() -> Bot:
        # A little later in each round, so that either is the first at times.
        time.sleep(number * LATER_SECONDS)
        return fees.cancel(bot, by=bakery.actor, now=bakery.now)

    def charge() -> str:
        return fees.work(due, now=bakery.now)

    told(at_once(*(cancel if n % 2 else charge for n in range(THREADS))), errors.Conflict)
    is_paid = bakery.bot().paid_month == "2026-12"
    cancelled_and(bakery, is_paid=is_paid)
    record_property("cancel against fee", f"round {number}: {'paid' if is_paid else 'not paid'}")


@pytest.mark.parametrize("is_paid", [True, False])
def test_one_that_comes_between_the_others_read_and_its_write_is_seen(
    bakery: AmazonBakery, is_paid: bool
) -> None:
    on_the_charge_day(bakery)
    (due,) = fees.due(bakery.now)

    def cancel() -> None:
        fees.cancel(bakery.bot(), by=bakery.actor, now=bakery.now)

    def charge() -> None:
        fees.work(due, now=bakery.now)

    first, second = (charge, cancel) if is_paid else (cancel, charge)
    with bakery.before_the_next_write(first):
        second()
    cancelled_and(bakery, is_paid=is_paid)


def cancelled_and(bakery: AmazonBakery, *, is_paid: bool) -> None:
    """Expect a cancelled bot that works to the end of the month it has paid for."""
    bakery.live_on(("charge_fees",), *SOON)
    bot = bakery.bot()
    assert bot.cancelled_at is not None
    assert bot.fee_at is None
    assert bot.paid_month == ("2026-12" if is_paid else "2026-11")
    assert plans.may_send(bot, datetime(2026, 12, 10, tzinfo=UTC)) == is_paid
    assert len(causes(bakery, billing.MAINTENANCE_FEE)) == int(is_paid)
    assert parts(bakery) == (euros(40 if is_paid else 140), 0, 0, 0)
    check(bakery, "after the race")


# One message.


def test_sixteen_receipts_against_our_own_write_of_the_token_pay_once(
    bakery: AmazonBakery,
) -> None:
    commercial(bakery)
    bakery.accept("Акція", key="wish of the day")
    (message,) = [each for each in bakery.all_of(Message, "message#") if each.kind == "outgoing"]
    records = list(bakery.outgoing)
    bakery.outgoing.clear()
    assert len(records) == 1
    outgoing = Outgoing(message.key, message.message_id)
    owed = Owed(bakery)
    given = at_once(
        lambda: send(outgoing, now=bakery.now, http=owed),
        *(owed.told for _ in range(THREADS - 1)),
    )
    told(given, errors.Conflict)
    bakery.viber.owed.clear()
    bakery.end()
    assert parts(bakery) == (euros(10) - UA, 0, 0, 0)
    assert causes(bakery, billing.MESSAGE) == [f"message:{message.message_id}"]


class Owed:
    """A transport whose answer and receipts are on their way at the same instant."""

    def __init__(self, bakery: AmazonBakery) -> None:
        self._bakery = bakery
        self._start = threading.Barrier(THREADS)
        self._numbers = iter(range(THREADS))

    def request(self, *asked: Any) -> tuple[int, bytes]:
        answer = self._bakery.request(*asked)
        self._start.wait()
        return answer

    def told(self) -> None:
        """Take one of the receipts, when Viber has taken the message."""
        number = next(self._numbers)
        self._start.wait()
        event = self._bakery.viber.owed[number % 2]
        self._bakery.receive(event)


# Tariffs.


def test_operators_who_set_prices_at_once_each_have_their_own_version(
    bakery: AmazonBakery,
) -> None:
    def make(number: int) -> Any:
        by = Actor(f"per_{number}", "Operator")
        return tariffs.make_price_list([("UA", number + 1)], 50_000, None, by=by, now=bakery.now)

    given = at_once(*(lambda n=number: make(n) for number in range(THREADS)))
    made, refused = told(given, errors.Conflict)
    # The book keeps so many at most, and one was there before.
    assert (len(made), refused) == (KEPT_MAX - 1, THREADS - KEPT_MAX + 1)
    numbers = sorted(each.version for each in made)
    assert numbers == list(range(2, KEPT_MAX + 1))
    for each in made:
        assert tariffs.price_list(each.version).prices == each.prices
    book = store.get(TariffBook, "platform", "tariffs")
    last = tariffs.at(book, bakery.now).price_list
    assert last is not None
    assert last.version == KEPT_MAX
