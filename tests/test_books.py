"""The audit: books that balance, every way in which they may not, and what each night leaves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import batches, billing, books, ids, payments, store, tables
from chalicelib.billing import Change
from chalicelib.books import Fact, Finding
from chalicelib.books.keeping import begin, note
from chalicelib.tables import (
    Account,
    Audited,
    Balance,
    Bot,
    Checkpoint,
    Conversation,
    Difference,
    Entry,
    Message,
    Request,
    Session,
    Ticket,
)
from tests.fixtures_talk import Context, Script

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
OURS, THEIRS = "acc_ours", "acc_theirs"
BOT = "bot_1"
EUR = 1_000_000


@pytest.fixture(autouse=True)
def money(aws: None) -> None:
    """An account with a bot and 500 euros."""
    make_account(OURS)
    Bot(
        bot_id=BOT, account_id=OURS, created_at=NOW, state="connected", name="Бот", connected_by="x"
    ).save()
    payments.top_up(OURS, 500 * EUR, "stripe#pi_1", now=NOW)


def make_account(account_id: str) -> Account:
    made = Account(
        item=f"account#{account_id}",
        account_id=account_id,
        name="Ми",
        created_at=NOW,
        created_by="x",
    )
    made.save()
    return made


def audited(*, now: datetime = NOW, **given: Any) -> books.Report:
    return books.audit(OURS, now=now, **given)


def found(**given: Any) -> list[tuple[str, str]]:
    return [(each.kind, each.subject) for each in audited(**given).findings]


def change(*, now: datetime = NOW) -> Change:
    return Change(OURS)


def commit(made: Change, now: datetime = NOW) -> None:
    store.commit(made.writes(billing.balance(OURS), now=now))


def entry(kind: str, cause: str, *, now: datetime = NOW, **facts: Any) -> Entry:
    return billing.entry(OURS, kind, cause, now=now, bot_id=BOT, **facts)


def talk(subscriber_id: str, *, now: datetime = NOW, is_active: bool = True) -> str:
    """Put down a conversation in which the business has spoken, with its ticket."""
    key = f"{BOT}/{subscriber_id}"
    Conversation(
        key=key,
        account_id=OURS,
        bot_id=BOT,
        subscriber_id=subscriber_id,
        last_outgoing_id=ids.new("msg", now),
    ).save()
    Ticket(
        key=f"{OURS}/tkt_{subscriber_id}",
        shelf=f"{OURS}#{'active' if is_active else 'inactive'}",
        shelf_order=subscriber_id,
        ticket_id=f"tkt_{subscriber_id}",
        account_id=OURS,
        bot_id=BOT,
        subscriber_id=subscriber_id,
        contact_id="con_1",
        status="new",
        last_message_id="msg_1",
        last_inbound_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    ).save()
    return key


def put_down(
    key: str, state: str, *, now: datetime = NOW, micros: int = 19_600, **given: Any
) -> Message:
    """Put down a priced message, and leave the balance alone."""
    message_id = ids.new("msg", now)
    made = Message(
        key=key,
        item=f"message#{message_id}",
        message_id=message_id,
        account_id=OURS,
        ticket_id="tkt_1",
        kind="outgoing",
        content={},
        at=now,
        state="sent",
        money=state,
        price_micros=micros,
        **given,
    )
    made.save()
    return made


def message(
    key: str, state: str = "held", *, now: datetime = NOW, micros: int = 19_600, **given: Any
) -> Message:
    """Put down a priced message and do to the balance what its money says."""
    made = put_down(key, state, now=now, micros=micros, **given)
    held = change()
    held.hold(micros)
    commit(held)
    if state == "posted":
        post(made, now=now)
    if state == "voided":
        given_back = change()
        given_back.void(micros)
        commit(given_back)
    return made


def post(made: Message, *, now: datetime = NOW) -> None:
    spent = change()
    subscriber_id = made.key.partition("/")[2]
    cause = f"message:{made.message_id}"
    spent.post(
        made.price_micros, entry(billing.MESSAGE, cause, now=now, subscriber_id=subscriber_id)
    )
    commit(spent)


def session(key: str, state: str, *, is_live: bool = False, now: datetime = NOW) -> Session:
    session_id = ids.new("ses", now)
    made = Session(
        key=key,
        item=f"session#{session_id}",
        shelf=f"{OURS}#{'live' if is_live else 'closed'}",
        shelf_order=session_id,
        session_id=session_id,
        account_id=OURS,
        bot_id=BOT,
        subscriber_id=key.partition("/")[2],
        state="open",
        begun_at=now,
        ends_at=now + timedelta(days=1),
        price_micros=EUR,
        money=state,
    )
    made.save()
    held = change()
    held.hold(EUR)
    commit(held)
    who: dict[str, Any] = {"subscriber_id": made.subscriber_id}
    if state in ("posted", "refunded"):
        spent = change()
        spent.post(EUR, entry(billing.SESSION, f"session:{session_id}", **who))
        commit(spent)
    if state == "refunded":
        back = change()
        cause = f"session-returned:{session_id}"
        back.refund(EUR, entry(billing.SESSION_RETURNED, cause, **who))
        commit(back)
    return made


# Books that balance.


def test_an_account_with_nothing_balances() -> None:
    report = books.audit(THEIRS, now=NOW)
    assert (report.findings, report.entries, report.total_micros) == ([], 0, 0)


def test_all_that_money_does_balances() -> None:
    key = talk("ann")
    message(key)
    message(key, "posted", delivered_at=NOW)
    message(key, "voided", failed_at=NOW)
    session(key, "held", is_live=True)
    session(key, "posted")
    session(key, "refunded")
    other = talk("bob", is_active=False)
    message(other, "posted", seen_at=NOW)
    aside = change()
    aside.set_aside(100 * EUR, entry(billing.SET_ASIDE, "set-aside:bot_1:2026-12:1"))
    aside.hold_deposit(50 * EUR, entry(billing.DEPOSIT, "deposit:req_1:taken"))
    commit(aside)
    Bot(bot_id=BOT).update([Bot.set_aside_micros.set(100 * EUR)])
    Request(
        key=OURS,
        item="request#req_1",
        request_id="req_1",
        account_id=OURS,
        kind="new",
        state="waiting",
        deposit_micros=50 * EUR,
        created_at=NOW,
        created_by="x",
    ).save()
    fee = change()
    fee.charge(10 * EUR, entry(billing.MAINTENANCE_FEE, "fee:maintenance-fee:bot_1:2026-12"))
    commit(fee)
    report = audited()
    assert report.findings == []
    assert report.facts == 9
    assert report.total_micros == 500 * EUR - 2 * 19_600 - EUR - 10 * EUR


def test_another_accounts_talks_and_what_is_free_are_no_facts() -> None:
    key = talk("ann")
    put_down(key, "none", micros=0)
    put_down(key, "none", micros=19_600)
    put_down(key, "held").update([Message.account_id.set(THEIRS)])
    assert audited().findings == []


# Books that do not.


def spoil(**values: int) -> None:
    balance = billing.balance(OURS)
    for name, micros in values.items():
        setattr(balance, name, getattr(balance, name) + micros)
    balance.save()


@pytest.mark.parametrize(
    ("values", "subjects"),
    [
        ({"available_micros": 1}, {"available + held + set aside - owed"}),
        ({"available_micros": 1, "entries_micros": 1}, {"entries_micros"}),
        ({"available_micros": -EUR, "held_micros": EUR}, {"held_micros"}),
        ({"available_micros": -EUR, "set_aside_micros": EUR}, {"set_aside_micros"}),
        ({"available_micros": EUR, "owed_micros": EUR}, {"owed_micros"}),
        (
            {"available_micros": -501 * EUR, "held_micros": 501 * EUR},
            {"available_micros", "held_micros"},
        ),
    ],
)
def test_a_balance_that_is_off_is_found(values: dict[str, int], subjects: set[str]) -> None:
    spoil(**values)
    assert set(found()) == {("balance", subject) for subject in subjects}


def test_a_lost_entry_is_found() -> None:
    key = talk("ann")
    made = message(key, "posted", delivered_at=NOW)
    (booked,) = [e for e in billing.every_entry(OURS) if e.kind == billing.MESSAGE]
    booked.delete()
    cause = f"message:{made.message_id}"
    assert found() == [("balance", "entries_micros"), ("entry-missing", cause)]


def test_a_message_charged_twice_is_found() -> None:
    key = talk("ann")
    made = message(key, "posted", delivered_at=NOW)
    spoil(available_micros=-19_600, held_micros=19_600)
    post(made, now=NOW + timedelta(hours=1))
    cause = f"message:{made.message_id}"
    assert found() == [("cause-twice", cause)]


def test_a_fee_taken_twice_under_two_causes_is_found() -> None:
    causes = ("fee:maintenance-fee:bot_1:2026-12", "again:maintenance-fee:bot_1:2026-12")
    for cause in causes:
        fee = change()
        fee.charge(EUR, entry(billing.MAINTENANCE_FEE, cause))
        commit(fee)
    assert found() == [("fee", causes[1])]


def test_an_entry_without_its_fact_is_found() -> None:
    spent = change()
    spent.charge(EUR, entry(billing.MESSAGE, "message:msg_1", subscriber_id="ann"))
    spent.charge(EUR, entry(billing.SESSION, "session:ses_1", subscriber_id="ann"))
    commit(spent)
    assert found() == [("entry-unfounded", "message:msg_1"), ("entry-unfounded", "session:ses_1")]


def test_an_entry_of_what_was_given_back_is_found() -> None:
    key = talk("ann")
    made = message(key, "posted", delivered_at=NOW)
    made.update([Message.money.set("voided"), Message.delivered_at.remove()])
    assert found() == [("entry-unfounded", f"message:{made.message_id}")]


def test_another_amount_than_the_price_is_found() -> None:
    key = talk("ann")
    made = message(key, "posted", delivered_at=NOW)
    made.update([Message.price_micros.set(1)])
    (finding,) = audited().findings
    cause = f"message:{made.message_id}"
    assert finding == Finding("amount", cause, "-0.000001", "-0.0196")


def test_a_message_charged_and_never_delivered_is_found() -> None:
    made = message(talk("ann"), "posted")
    assert found() == [("posted-not-arrived", f"message:{made.message_id}")]


@pytest.mark.parametrize("proof", ["delivered_at", "seen_at"])
def test_a_message_delivered_and_never_charged_is_found(proof: str) -> None:
    arrived: dict[str, Any] = {proof: NOW}
    made = message(talk("ann"), "held", **arrived)
    assert found() == [("arrived-not-posted", f"message:{made.message_id}")]


@pytest.mark.parametrize("kind", ["delivered-unpaid", "not-billed-there"])
def test_what_came_after_its_money_went_back_is_to_be_listed(kind: str) -> None:
    made = message(talk("ann"), "voided", delivered_at=NOW)
    assert found() == [("arrived-unlisted", f"message:{made.message_id}")]
    Difference(
        key=OURS,
        item=f"difference#{made.message_id}#{kind}",
        account_id=OURS,
        kind=kind,
        at=NOW,
        bot_id=BOT,
        message_id=made.message_id,
    ).save()
    assert found() == []


def test_a_session_returned_without_an_entry_is_found() -> None:
    made = session(talk("ann"), "posted")
    made.update([Session.money.set("refunded")])
    assert found() == [("entry-missing", f"session-returned:{made.session_id}")]


def test_more_than_a_hundred_of_everything_is_looked_at() -> None:
    for number in range(101):
        put_down(talk(f"sub{number:03}"), "voided")
    with Script("BatchGetItem") as script:
        report = audited()
    assert (report.findings, report.facts) == ([], 101)
    asked = [call for call in script.calls if Conversation.Meta.table_name in call["RequestItems"]]
    assert len(asked) == 2


def test_another_kind_of_fact_is_counted_by_its_own_source() -> None:
    held = change()
    held.hold(7 * EUR)
    held.charge(EUR, entry(billing.BROADCAST, "broadcast:brc_1:1"))
    commit(held)
    assert ("balance", "held_micros") in found()

    def chunks(account_id: str, since: datetime | None) -> Iterator[Fact]:
        yield Fact("chunk", "held", 7 * EUR, NOW)
        yield Fact("broadcast:brc_1", "posted", EUR, NOW, in_passes=True)

    assert found(sources=[*books.SOURCES, chunks]) == []


# Looking again.


def test_what_only_an_account_at_work_shows_is_not_told() -> None:
    key = talk("ann")
    looks = []

    def busy(account_id: str, since: datetime | None) -> Iterator[Fact]:
        looks.append(since)
        if len(looks) == 1:
            # Accepted between the walk over messages and the end of this look.
            message(key)
        yield from ()

    assert found(sources=[*books.SOURCES, busy]) == []
    assert len(looks) <= 2


def test_what_stays_is_told_after_three_looks() -> None:
    spoil(available_micros=1)
    looks = []

    def counted(account_id: str, since: datetime | None) -> Iterator[Fact]:
        looks.append(since)
        yield from ()

    assert len(found(sources=[counted])) == 1
    assert len(looks) == 3


# Each night.


def night(now: datetime, *, remaining_ms: int = 900_000) -> None:
    batches.audit_books(Context(remaining_ms), now=now)


def checkpoints() -> list[tuple[str, int]]:
    page, _ = store.page(Checkpoint, OURS, Checkpoint.item.startswith("checkpoint#"), limit=99)
    return [(each.month, each.entries_micros // EUR) for each in page]


def test_a_checkpoint_is_made_when_its_month_is_over_for_a_day() -> None:
    night(datetime(2026, 12, 1, 12, tzinfo=UTC))
    assert checkpoints() == [("2026-10", 0)]
    # Midnight in Kyiv is 22:00 UTC.
    night(datetime(2026, 12, 1, 21, 59, tzinfo=UTC) + timedelta(hours=20))
    assert checkpoints() == [("2026-10", 0), ("2026-11", 500)]
    payments.top_up(OURS, EUR, "stripe#pi_2", now=datetime(2026, 12, 5, tzinfo=UTC))
    night(datetime(2027, 3, 5, tzinfo=UTC))
    assert checkpoints() == [("2026-10", 0), ("2026-11", 500), ("2027-02", 501)]
    assert billing.balance_at(OURS, datetime(2027, 3, 5, tzinfo=UTC)) == 501 * EUR
    assert billing.balance_at(OURS, datetime(2026, 12, 4, tzinfo=UTC)) == 500 * EUR


def test_an_audit_begins_at_the_last_checkpoint() -> None:
    night(datetime(2026, 12, 5, tzinfo=UTC))
    payments.top_up(OURS, EUR, "stripe#pi_2", now=datetime(2026, 12, 5, tzinfo=UTC))
    report = audited(now=datetime(2026, 12, 6, tzinfo=UTC))
    assert report.since == datetime(2026, 11, 30, 22, tzinfo=UTC)
    assert (report.entries, report.total_micros) == (1, 501 * EUR)
    assert audited(now=datetime(2026, 12, 6, tzinfo=UTC), is_whole=True).entries == 2


def test_since_a_checkpoint_only_lively_talks_are_asked_for_messages() -> None:
    old, new = NOW - timedelta(days=90), NOW + timedelta(days=20)
    message(talk("old", now=old), "posted", now=old, delivered_at=old)
    night(datetime(2026, 12, 5, tzinfo=UTC))
    message(talk("new", now=new), "posted", now=new, delivered_at=new)
    with Script("Query") as script:
        report = audited(now=datetime(2026, 12, 11, tzinfo=UTC))
    assert report.findings == []
    asked = [str(call) for call in script.calls]
    assert not [each for each in asked if f"{BOT}/old" in each]
    assert len([each for each in asked if f"{BOT}/new" in each]) == 1


def test_a_message_posted_after_the_month_it_was_sent_in_is_explained() -> None:
    sent = datetime(2026, 11, 29, tzinfo=UTC)
    made = message(talk("ann", now=sent), now=sent)
    night(datetime(2026, 12, 2, tzinfo=UTC))
    arrived = datetime(2026, 12, 3, tzinfo=UTC)
    made.update([Message.money.set("posted"), Message.delivered_at.set(arrived)])
    post(made, now=arrived)
    assert found(now=datetime(2026, 12, 4, tzinfo=UTC)) == []


def test_a_receipt_dated_back_beyond_its_message_hides_no_missing_entry() -> None:
    sent = datetime(2026, 12, 3, tzinfo=UTC)
    night(datetime(2026, 12, 2, tzinfo=UTC))
    long_ago = datetime(2010, 1, 1, tzinfo=UTC)
    made = message(talk("ann", now=sent), "posted", now=sent, delivered_at=long_ago)
    (booked,) = [e for e in billing.every_entry(OURS) if e.kind == billing.MESSAGE]
    booked.delete()
    told = found(now=datetime(2026, 12, 4, tzinfo=UTC))
    assert ("entry-missing", f"message:{made.message_id}") in told


def test_books_that_do_not_balance_ring_and_make_no_checkpoint() -> None:
    make_account(THEIRS)
    spoil(available_micros=1)
    now = datetime(2026, 12, 5, tzinfo=UTC)
    with pytest.raises(batches.SomeFailed, match="1 of 2"):
        night(now)
    assert checkpoints() == []
    noted = store.get(Audited, OURS, "audited")
    assert noted is not None
    assert (noted.found, noted.findings[0][0]) == (1, "balance")
    theirs = store.get(Audited, THEIRS, "audited")
    assert theirs is not None
    assert theirs.found == 0


def test_a_run_that_comes_twice_audits_once_and_one_cut_short_goes_on() -> None:
    make_account(THEIRS)
    with pytest.raises(batches.OutOfTime):
        night(NOW, remaining_ms=1000)
    assert store.get(Audited, OURS, "audited") is None
    night(NOW)
    accounts = list(books.due(NOW + timedelta(hours=1)))
    assert accounts == []
    assert len(list(books.due(NOW + timedelta(days=1)))) == 2


def test_of_two_audits_at_once_the_note_of_the_one_begun_later_stays() -> None:
    earlier = audited()
    spoil(available_micros=1)
    note(audited(now=NOW + timedelta(minutes=1)))
    note(earlier)
    noted = store.get(Audited, OURS, "audited")
    assert noted is not None
    assert (noted.at, noted.found) == (NOW + timedelta(minutes=1), 1)


def test_an_account_that_takes_all_the_time_does_not_keep_others_from_being_audited() -> None:
    make_account(THEIRS)
    first = next(books.due(NOW))
    # The function is ended in the midst of its audit.
    begin(first.account_id, now=NOW)
    again = [each.account_id for each in books.due(NOW + timedelta(minutes=1))]
    assert (len(again), again[-1]) == (2, first.account_id)

    night(NOW + timedelta(minutes=1))
    assert list(books.due(NOW + timedelta(hours=1))) == []
    begin(first.account_id, now=NOW + timedelta(days=1))
    next_night = [each.account_id for each in books.due(NOW + timedelta(days=1, minutes=1))]
    assert next_night == again


def test_nothing_of_the_ledger_is_changed_by_an_audit() -> None:
    before = store.get(Balance, OURS, "balance")
    audited()
    after = store.get(Balance, OURS, "balance")
    assert before is not None
    assert after is not None
    assert before.serialize() == after.serialize()
    assert tables.Audited in tables.ALL
