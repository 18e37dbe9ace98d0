"""Warnings: each crossing told once, by mail and in the console, whatever crashes in between."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib import alerts, billing, bots, errors, fees, months, people, plans, store
from chalicelib.alerts import Chosen, giving, mailing, weighing, words
from chalicelib.alerts.weighing import Active, Situation
from chalicelib.tables import ActiveWarnings, AuditLine, Balance, Bot, MoneyWarning, Quota
from tests.desk import Desk
from tests.faults import Died, How, Line, Point, just_before_the_next_transaction
from tests.fixtures_money import kyiv
from tests.fixtures_paid import commercial
from tests.test_forecast import EUR, bot, spend

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
SENDER = "desk@viberdesk.example"


class Post:
    """Stands for SES: keeps each letter, and meets it with the next of its answers."""

    def __init__(self, *answers: Exception | None) -> None:
        self.letters: list[dict[str, Any]] = []
        self._answers = list(answers)

    def send_email(self, **letter: Any) -> None:
        self.letters.append(letter)
        answer = self._answers.pop(0) if self._answers else None
        if answer is not None:
            raise answer

    @property
    def subjects(self) -> list[str]:
        return [letter["Content"]["Simple"]["Subject"]["Data"] for letter in self.letters]


def ses_says(code: str, status: int = 400) -> ClientError:
    told: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "SendEmail")


NO_ANSWER = ReadTimeoutError(endpoint_url="https://email.eu-central-1.amazonaws.com")


@pytest.fixture
def mails() -> Iterator[None]:
    """Let warnings be mailed."""
    os.environ["MAIL_FROM"] = SENDER
    yield
    del os.environ["MAIL_FROM"]


def situation(euros: float, *bots: Bot, **facts: Any) -> Situation:
    told: dict[str, Any] = {
        "available_micros": round(euros * EUR),
        "owed_micros": 0,
        "bots": bots or (bot(paid_month="2026-12"),),
        "protects_fees": True,
        "used": {},
        "daily_micros": 0,
        "chosen": Chosen(),
    }
    return Situation(**told | facts)


def crossed(
    found: Situation, now: datetime = NOW, active: dict[str, Active] | None = None
) -> list[tuple[str, int]]:
    """Tell what is raised (kind and grade), and what falls back (subject and grade)."""
    return [
        (each.subject if each.raised is None else each.raised.kind, each.grade)
        for each in weighing.crossings(found, active or {}, now)
    ]


def low(grade: int) -> dict[str, Active]:
    return {"low-balance": Active(grade, "wrn_1")}


# Lines.


@pytest.mark.rule("S1.57")
@pytest.mark.parametrize(
    ("euros", "grade"), [(50.000001, 0), (50, 1), (10.000001, 1), (10, 2), (0.000001, 2), (0, 3)]
)
def test_a_line_is_crossed_by_touching_it_zero_too(euros: float, grade: int) -> None:
    assert crossed(situation(euros)) == ([("low-balance", grade)] if grade else [])


@pytest.mark.parametrize(
    ("euros", "grade", "told"),
    [
        (49, 1, []),
        (55, 1, []),
        (55.000001, 1, [("low-balance", 0)]),
        # Of the lines at 50, 10 and 0 the gravest that still holds is gone back to in silence.
        (11, 2, []),
        (11.000001, 2, [("low-balance", 1)]),
        (1, 3, []),
        (1.000001, 3, [("low-balance", 2)]),
        (9, 1, [("low-balance", 2)]),
    ],
)
def test_what_is_told_stands_until_things_are_a_tenth_better(
    euros: float, grade: int, told: list[tuple[str, int]]
) -> None:
    found = weighing.crossings(situation(euros), low(grade), NOW)
    assert [(each.subject, each.grade) for each in found] == told
    assert [each.raised is not None for each in found] == [grade == 1 and euros == 9] * len(told)


def test_an_account_that_pays_for_nothing_is_not_warned_of_its_balance() -> None:
    ended = bot(2, ended_at=NOW - timedelta(days=60), ended_reason="unpaid")
    assert crossed(situation(0, bot(plan="legacy"), ended)) == []


@pytest.mark.rule("S1.57")
def test_the_next_fees_are_counted_together_in_the_order_they_are_taken() -> None:
    older, newer = bot(1), bot(2)
    assert crossed(situation(200, newer, older)) == []
    (found,) = weighing.crossings(situation(199, newer, older), {}, NOW)
    assert found.raised is not None
    assert (found.raised.kind, found.raised.bot_id) == ("fee-not-covered", newer.bot_id)
    assert found.raised.facts["short_micros"] == EUR
    covered = bot(2, set_aside_micros=100 * EUR)
    assert crossed(situation(100, covered, older)) == []
    # Ten days before the charge day nothing is short yet.
    assert crossed(situation(60, older), datetime(2026, 11, 14, tzinfo=UTC)) == []


def test_a_fee_that_was_refused_is_told_once_more_and_over_when_it_is_paid() -> None:
    subject = f"fee#{bot().bot_id}#2026-12"
    short = situation(60)._replace(bots=(bot(),))
    assert crossed(short, active={subject: Active(1, "wrn_1")}) == []
    due = datetime(2026, 11, 24, 22, tzinfo=UTC)
    assert crossed(short, due, active={subject: Active(1, "wrn_1")}) == [("fee-refused", 2)]
    assert crossed(short, due, active={subject: Active(2, "wrn_1")}) == []
    paid = situation(60)
    assert crossed(paid, due, active={subject: Active(2, "wrn_1")}) == [(subject, 0)]
    just = situation(109)._replace(bots=(bot(),))
    assert crossed(just, active={subject: Active(1, "wrn_1")}) == []
    well = situation(110)._replace(bots=(bot(),))
    assert crossed(well, active={subject: Active(1, "wrn_1")}) == [(subject, 0)]


@pytest.mark.rule("S1.57")
def test_the_runway_counts_fees_and_speaks_of_the_gravest_line() -> None:
    spending = {"daily_micros": 10 * EUR}
    assert crossed(situation(200, **spending)) == []
    assert crossed(situation(140, **spending)) == [("runway", 1)]
    assert crossed(situation(65, **spending)) == [("runway", 2)]
    assert crossed(situation(51, **spending), active=low(1)) == [("runway", 2)]
    # Of 150 the fee of the 25th takes 100.
    assert crossed(situation(150, bot(), **spending)) == [("runway", 2)]
    assert crossed(situation(150, daily_micros=0)) == []
    (found,) = weighing.crossings(situation(140, **spending), {}, NOW)
    assert found.raised is not None
    assert found.raised.facts["out_at"].startswith("2026-12-03")


@pytest.mark.rule("S1.15")
@pytest.mark.parametrize(
    ("used", "grade"), [(7_999, 0), (8_000, 1), (9_499, 1), (9_500, 2), (9_999, 2), (10_000, 3)]
)
def test_a_legacy_bots_month_is_warned_of_as_it_fills(used: int, grade: int) -> None:
    legacy = bot(plan="legacy")
    found = situation(0, legacy, used={str(legacy.bot_id): used})
    assert crossed(found) == ([("legacy-quota", grade)] if grade else [])
    subject = f"quota#{legacy.bot_id}#2026-11"
    assert crossed(found, active={subject: Active(3, "wrn_1")}) == (
        [] if grade == 3 or used >= 9_000 else [(subject, 2 if used >= 8_550 else 1)]
    )


def test_a_debt_and_a_bot_that_ended_are_told() -> None:
    assert crossed(situation(100, owed_micros=EUR)) == [("debt", 1)]
    ended = bot(2, ended_at=NOW, ended_reason=plans.UNPAID)
    assert crossed(situation(100, bot(paid_month="2026-12"), ended)) == [("bot-deactivated", 1)]
    off = bot(3, plan="business", ended_at=NOW, ended_reason=plans.UNPAID)
    assert crossed(situation(100, off)) == [("sessions-off", 1)]
    chosen = bot(2, plan="business", ended_at=NOW, ended_reason=plans.TURNED_OFF)
    assert crossed(situation(100, chosen)) == []


# The schedule.


def worked(desk: Desk, ses: Post | None = None) -> list[str]:
    """Run the schedule now and tell what it did."""
    post = ses or Post()
    return [alerts.work(item, now=desk.now, ses=post) for item in alerts.due(desk.now)]


def given(desk: Desk) -> list[tuple[str, bool]]:
    """Tell the kinds of all warnings given, oldest first, and whether they still stand."""
    found, _ = alerts.listed(desk.account_id, state=None, limit=200, cursor=None)
    return [(warning.kind, warning.cleared_at is None) for warning in found[::-1]]


@pytest.mark.rule("S1.57")
def test_an_account_is_warned_once_per_crossing_within_minutes(desk: Desk, mails: None) -> None:
    commercial(desk, euros=60)
    post = Post()
    spend(desk, 20 * EUR)
    assert worked(desk, post) == []
    desk.wait(minutes=6)
    assert worked(desk, post) == ["warned", "sent"]
    for _ in range(3):
        spend(desk, EUR)
        desk.wait(minutes=6)
        worked(desk, post)
    assert given(desk) == [("low-balance", True)]
    assert post.subjects == ["Баланс: 40.00 € · Хліб і Сіль"]
    assert post.letters[0]["Destination"]["ToAddresses"] == ["olena@example.com"]
    assert post.letters[0]["FromEmailAddress"] == SENDER
    desk.top_up(50)
    desk.wait(minutes=6)
    worked(desk, post)
    assert given(desk) == [("low-balance", False)]
    spend(desk, 50 * EUR)
    desk.wait(minutes=6)
    worked(desk, post)
    assert given(desk) == [("low-balance", False), ("low-balance", True)]
    assert len(post.letters) == 2


def test_an_account_has_no_more_than_twenty_letters_a_day(desk: Desk, mails: None) -> None:
    commercial(desk, euros=60)
    spend(desk, 20 * EUR)
    post = Post()

    def cross() -> None:
        for lines in ([], [{"amount": "50.00", "currency": "EUR"}]):
            body: dict[str, Any] = {"low_balance": lines}
            assert desk.call("PATCH", "/v1/money-settings", body).status == 200
            desk.wait(minutes=6)
            worked(desk, post)

    for _ in range(22):
        cross()
    assert len(given(desk)) == 22, "all of them stand in the console"
    assert len(post.letters) == 20
    desk.wait(days=1)
    cross()
    assert len(post.letters) - 20 == len(given(desk)) - 22 > 0


def test_a_graver_line_takes_the_place_of_the_milder_one(desk: Desk) -> None:
    commercial(desk, euros=60)
    spend(desk, 20 * EUR)
    alerts.look(desk.account_id, now=desk.now)
    spend(desk, 35 * EUR)
    desk.wait(minutes=1)
    alerts.look(desk.account_id, now=desk.now)
    assert given(desk) == [("low-balance", False), ("low-balance", True)]
    desk.top_up(10)
    alerts.look(desk.account_id, now=desk.now)
    # 15 are well above 10 and still below 50: nothing new is said, nothing stands.
    assert given(desk) == [("low-balance", False), ("low-balance", False)]
    spend(desk, 14 * EUR)
    desk.wait(minutes=1)
    alerts.look(desk.account_id, now=desk.now)
    assert given(desk)[-1] == ("low-balance", True)


def test_what_moved_while_it_was_looked_at_is_looked_at_again(desk: Desk) -> None:
    commercial(desk, euros=60)
    seen = billing.balance(desk.account_id)
    spend(desk, 30 * EUR)
    giving._done(seen, giving._as_read(seen))
    assert billing.balance(desk.account_id).due_at is not None
    desk.wait(minutes=6)
    assert worked(desk) == ["warned"]
    assert billing.balance(desk.account_id).due_at is None


HOWS: tuple[How, ...] = ("dies before", "dies after")
WRITES = ("PutItem", "UpdateItem", "TransactWriteItems")


@pytest.mark.parametrize("how", HOWS)
def test_whatever_write_it_dies_at_each_crossing_is_told_and_mailed_once(
    desk: Desk, mails: None, how: How
) -> None:
    commercial(desk, euros=60)
    line = Line()
    with line.between():
        calls = _cross(desk, line, None)
        points = [number for number, call in enumerate(calls, 1) if call in WRITES]
        assert len(points) >= 4
        for number in points:
            _cross(desk, line, Point(number, how))


def _cross(desk: Desk, line: Line, point: Point | None) -> list[str]:
    """Cross a line, let the schedule die at a point, and see it tell the crossing once."""
    desk.top_up(100)
    for _ in range(2):
        desk.wait(minutes=20)
        worked(desk)
    before = len(given(desk))
    spend(desk, billing.balance(desk.account_id).available_micros - 40 * EUR)
    desk.wait(minutes=6)
    post = Post()
    try:
        with line.counting(point):
            worked(desk, post)
    except Died:
        assert point is not None
    calls = line.calls
    for _ in range(3):
        desk.wait(minutes=20)
        worked(desk, post)
    assert given(desk)[before:] == [("low-balance", True)]
    (warning,), _ = alerts.listed(desk.account_id, state="active", limit=99, cursor=None)
    assert warning.mail == "sent"
    # Twice only where nobody could know that it had gone.
    assert len(post.letters) == 1 or (len(post.letters) == 2 and point is not None)
    return calls


def test_a_busy_loser_of_a_race_decides_again(desk: Desk) -> None:
    commercial(desk, euros=40)
    alerts.look(desk.account_id, now=desk.now)
    state = store.get(ActiveWarnings, desk.account_id, "warnings")
    assert state is not None
    stale = ActiveWarnings(key=desk.account_id, revision=state.revision - 1)
    (again,) = weighing.crossings(situation(40), {}, desk.now)
    with pytest.raises(store.Changed):
        store.commit(giving._writes(stale, again, Chosen(), desk.now))
    assert given(desk) == [("low-balance", True)]


def in_kyiv(desk: Desk, *at: int) -> None:
    desk.wait(seconds=(kyiv(*at) - desk.now).total_seconds())


def _short_bot(desk: Desk) -> None:
    """Let the desk's bot need a fee in December that its account cannot pay."""
    commercial(desk, euros=0)
    store.update(
        Bot(bot_id=desk.bot.bot_id),
        [
            Bot.paid_month.set("2026-11"),
            Bot.fee_shard.set(store.shard_of("fee", desk.account_id)),
            Bot.fee_at.set(desk.now),
        ],
        Bot.bot_id.exists(),
    )


@pytest.mark.rule("S1.57", "S1.59")
def test_fees_are_warned_of_though_no_money_moves(desk: Desk) -> None:
    _short_bot(desk)
    chosen: dict[str, Any] = {"low_balance": []}
    assert desk.call("PATCH", "/v1/money-settings", chosen).status == 200
    alerts.look(desk.account_id, now=desk.now)
    assert given(desk) == [("fee-not-covered", True)]
    (told,) = desk.call("GET", "/v1/warnings").body["items"]
    assert told["facts"]["fee_kind"] == "maintenance-fee"
    assert told["facts"]["fee"] == {"amount": "100.00", "currency": "EUR"}
    (stored,), _ = alerts.listed(desk.account_id, state=None, limit=9, cursor=None)
    assert len(told["facts"]) == len(stored.facts), "no fact is told in another's place"
    steps = [((2026, 11, 25, 1), "fee-refused"), ((2026, 12, 1, 1), "bot-deactivated")]
    for day, kind in steps:
        in_kyiv(desk, *day)
        desk.run("charge_fees")
        desk.wait(minutes=6)
        desk.run("give_warnings")
        assert given(desk)[-1] == (kind, True)
    assert [stands for _, stands in given(desk)] == [False, False, True]


@pytest.mark.rule("S1.57")
def test_the_schedule_of_fees_makes_the_first_warning_due(desk: Desk) -> None:
    _short_bot(desk)
    desk.wait(minutes=6)
    assert billing.balance(desk.account_id).due_at is None
    desk.run("charge_fees")
    desk.wait(minutes=6)
    desk.run("give_warnings")
    assert ("fee-not-covered", True) in given(desk)


@pytest.mark.rule("S1.15", "S1.18")
def test_a_legacy_bots_count_makes_its_account_due(desk: Desk) -> None:
    month = months.of_utc(desk.now)
    item = billing.quota_item(desk.bot.bot_id, month)
    store.put(Quota(key=desk.account_id, item=item, used=7_999))
    refusal = ValueError("no room")
    store.commit(
        [
            billing.use_quota(
                desk.account_id, desk.bot.bot_id, month, 1, at_most=10_000, refusal=refusal
            )
        ]
    )
    assert "warned" in worked(desk)
    assert given(desk) == [("legacy-quota", True)]
    quota = store.get(Quota, desk.account_id, item)
    assert quota is not None
    assert quota.used == 8_000
    assert quota.due_at is None
    assert worked(desk) == []


def test_the_runway_goes_by_the_pace_of_the_last_days(desk: Desk) -> None:
    commercial(desk, euros=500)
    for _ in range(3):
        spend(desk, 100 * EUR)
        desk.wait(days=1)
    alerts.look(desk.account_id, now=desk.now)
    (warning,), _ = alerts.listed(desk.account_id, state="active", limit=9, cursor=None)
    assert (warning.kind, warning.facts["line_days"]) == ("runway", 3)
    assert warning.facts["daily_micros"] == 100 * EUR


# Mail.


def warned(desk: Desk) -> None:
    commercial(desk, euros=40)
    alerts.look(desk.account_id, now=desk.now)


def mail_of(desk: Desk) -> MoneyWarning:
    (warning,), _ = alerts.listed(desk.account_id, state=None, limit=9, cursor=None)
    return warning


def mailed(desk: Desk, post: Post) -> str:
    """Run the schedule a while later and tell the state of the mail."""
    desk.wait(minutes=16)
    worked(desk, post)
    return str(mail_of(desk).mail)


def test_a_mail_without_an_answer_is_sent_once_more_and_no_more(desk: Desk, mails: None) -> None:
    warned(desk)
    post = Post(NO_ANSWER, ses_says("InternalFailure", 500))
    assert [mailed(desk, post) for _ in range(4)] == ["sending", "sending", "failed", "failed"]
    assert len(post.letters) == 2


def test_a_mail_that_is_refused_is_not_sent_again(desk: Desk, mails: None) -> None:
    warned(desk)
    post = Post(ses_says("MessageRejected"))
    assert [mailed(desk, post) for _ in range(2)] == ["failed", "failed"]
    assert len(post.letters) == 1


def test_a_mail_waits_while_ses_has_too_much_to_do(desk: Desk, mails: None) -> None:
    warned(desk)
    post = Post(*[ses_says("TooManyRequestsException", 429)] * 3)
    assert [mailed(desk, post) for _ in range(4)] == ["wanted", "wanted", "wanted", "sent"]
    assert mail_of(desk).mailed_at == desk.now


def test_an_old_mail_is_given_up(desk: Desk, mails: None) -> None:
    warned(desk)
    desk.wait(days=2)
    assert mailed(desk, Post()) == "failed"


def test_two_runs_at_once_send_one_mail(desk: Desk, mails: None) -> None:
    warned(desk)
    first, second = mail_of(desk), mail_of(desk)
    post = Post()
    assert mailing.mail(first, now=desk.now, ses=post) == "sent"
    assert mailing.mail(second, now=desk.now, ses=post) == "sending"
    assert len(post.letters) == 1
    assert mail_of(desk).mail == "sent"


def test_mail_goes_to_the_admins_of_today_and_the_addresses_set(desk: Desk, mails: None) -> None:
    settings = {"addresses": ["Books@Example.com"], "to_admins": True}
    assert desk.call("PATCH", "/v1/money-settings", settings).status == 200
    second = people.invite(
        desk.account_id,
        email="maria@example.com",
        name="Марія",
        role="admin",
        by=desk.actor,
        now=desk.now,
    )
    people.remove(desk.account_id, second.person_id, by=desk.actor, now=desk.now)
    warned(desk)
    post = Post()
    assert mailed(desk, post) == "sent"
    (letter,) = post.letters
    assert letter["Destination"]["ToAddresses"] == ["books@example.com", "olena@example.com"]


@pytest.mark.parametrize(
    "settings", [{"mails": False}, {"to_admins": False, "addresses": []}, None]
)
def test_who_wants_no_mail_is_warned_in_the_console(
    desk: Desk, settings: dict[str, Any] | None
) -> None:
    if settings is not None:
        os.environ["MAIL_FROM"] = SENDER
        assert desk.call("PATCH", "/v1/money-settings", settings).status == 200
    warned(desk)
    post = Post()
    assert mailed(desk, post) == "off"
    os.environ.pop("MAIL_FROM", None)
    assert post.letters == []
    assert given(desk) == [("low-balance", True)]


def test_every_kind_has_a_letter_in_every_language(desk: Desk) -> None:
    facts = {
        "available_micros": EUR,
        "line_micros": 2 * EUR,
        "daily_micros": EUR,
        "owed_micros": EUR,
        "fee_micros": 100 * EUR,
        "short_micros": 3 * EUR,
        "out_at": NOW.isoformat(),
        "due_at": NOW.isoformat(),
        "last_at": NOW.isoformat(),
        "ended_at": NOW.isoformat(),
        "bot_name": "Пекарня {0}",
        "month": "2026-12",
        "used": 8_000,
        "limit": 10_000,
    }
    told = set()
    for kind in alerts.KINDS:
        for language in people.LANGUAGES:
            desk.account.language = language
            subject, text = words.letter(MoneyWarning(kind=kind, facts=facts), desk.account)
            assert "Хліб і Сіль" in subject
            assert "/console#/me/viber-commercial" in text
            told.add((subject, text))
    assert len(told) == len(alerts.KINDS) * len(people.LANGUAGES)
    assert (
        "20.11.2026 12:00"
        in words.letter(MoneyWarning(kind="runway", facts=facts), desk.account)[1]
    )


# The API.


def test_an_admin_sees_warnings_and_marks_them_seen(desk: Desk) -> None:
    warned(desk)
    spend(desk, 35 * EUR)
    desk.wait(minutes=1)
    alerts.look(desk.account_id, now=desk.now)
    answer = desk.call("GET", "/v1/warnings")
    newest, older = answer.body["items"]
    assert (newest["kind"], newest["seen_at"], newest["mail"]) == ("low-balance", None, "off")
    assert newest["facts"] == {
        "available": {"amount": "5.00", "currency": "EUR"},
        "line": {"amount": "10.00", "currency": "EUR"},
    }
    active = desk.call("GET", "/v1/warnings?state=active").body["items"]
    assert [each["warning_id"] for each in active] == [newest["warning_id"]]
    past = desk.call("GET", "/v1/warnings?state=past").body["items"]
    assert [each["warning_id"] for each in past] == [older["warning_id"]]
    path = f"/v1/warnings/{newest['warning_id']}/seen"
    seen = desk.call("POST", path, {}).body
    assert seen["seen_at"] is not None
    desk.wait(hours=1)
    assert desk.call("POST", path, {}).body["seen_at"] == seen["seen_at"]
    page = desk.call("GET", "/v1/warnings?limit=1").body
    assert len(page["items"]) == 1
    assert desk.call("GET", f"/v1/warnings?cursor={page['next_cursor']}").body["items"] == [older]


def test_a_warning_of_another_account_is_no_warning(desk: Desk) -> None:
    warned(desk)
    (warning,), _ = alerts.listed(desk.account_id, state=None, limit=9, cursor=None)
    missing = f"wrn_{'0' * 26}"
    assert desk.call("POST", f"/v1/warnings/{missing}/seen", {}).status == 404
    with pytest.raises(errors.NotFound):
        alerts.see("acc_other", warning.warning_id, by="per_1", now=desk.now)
    assert store.get(MoneyWarning, "acc_other", f"warning#{warning.warning_id}") is None


def test_settings_are_told_and_changed_one_by_one(desk: Desk) -> None:
    before = desk.call("GET", "/v1/money-settings", by="taras@example.com").body
    assert before == {
        "protects_fees": True,
        "low_balance": [
            {"amount": "50.00", "currency": "EUR"},
            {"amount": "10.00", "currency": "EUR"},
            {"amount": "0.00", "currency": "EUR"},
        ],
        "runway_days": [14, 7, 3],
        "quota_percents": [80, 95, 100],
        "mails": True,
        "to_admins": True,
        "addresses": [],
    }
    changes = {
        "low_balance": [{"amount": "5"}, {"amount": "200.50"}],
        "runway_days": [],
        "quota_percents": [99, 50],
        "protects_fees": False,
    }
    after = desk.call("PATCH", "/v1/money-settings", changes).body
    assert [line["amount"] for line in after["low_balance"]] == ["200.50", "5.00"]
    assert (after["runway_days"], after["quota_percents"]) == ([], [50, 99])
    assert (after["protects_fees"], after["mails"]) == (False, True)
    assert desk.call("GET", "/v1/money-settings").body == after
    trail, _ = store.page(AuditLine, desk.account_id, AuditLine.item.startswith("audit#"), limit=50)
    assert "money settings changed" in [line.action for line in trail]


@pytest.mark.rule("S1.72")
def test_protection_turned_on_moves_money_at_once(desk: Desk) -> None:
    commercial(desk, euros=250)
    _short_bot_of(desk)
    desk.call("PATCH", "/v1/money-settings", {"protects_fees": False})
    assert billing.balance(desk.account_id).set_aside_micros == 0
    desk.call("PATCH", "/v1/money-settings", {"protects_fees": True})
    assert billing.balance(desk.account_id).set_aside_micros == 100 * EUR


def _short_bot_of(desk: Desk) -> None:
    store.update(Bot(bot_id=desk.bot.bot_id), [Bot.paid_month.set("2026-11")], Bot.bot_id.exists())


def test_new_lines_are_looked_at_within_minutes(desk: Desk) -> None:
    commercial(desk, euros=100)
    desk.wait(minutes=6)
    worked(desk)
    assert given(desk) == []
    desk.call("PATCH", "/v1/money-settings", {"low_balance": [{"amount": "150"}]})
    desk.wait(minutes=6)
    worked(desk)
    assert given(desk) == [("low-balance", True)]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"low_balance": [{"amount": "-1"}]}, "low_balance[0].amount"),
    ({"low_balance": [{"amount": "1.001"}]}, "low_balance[0].amount"),
    ({"low_balance": [{"amount": "1", "currency": "UAH"}]}, "low_balance[0].currency"),
    ({"low_balance": [{"amount": "1"}, {"amount": "1.00"}]}, "low_balance"),
    ({"low_balance": [{"amount": str(n)} for n in range(6)]}, "low_balance"),
    ({"runway_days": [0]}, "runway_days[0]"),
    ({"runway_days": [61]}, "runway_days[0]"),
    ({"runway_days": ["7"]}, "runway_days[0]"),
    ({"quota_percents": [80, 101]}, "quota_percents[1]"),
    ({"addresses": ["olena"]}, "addresses[0]"),
    ({"addresses": ["a@b.example", "A@b.example"]}, "addresses"),
    ({"addresses": [f"a{n}@b.example" for n in range(11)]}, "addresses"),
    ({"mails": "yes"}, "mails"),
    ({"surprise": 1}, "surprise"),
]


def test_what_is_wrong_is_named_and_changes_nothing(desk: Desk) -> None:
    before = desk.call("GET", "/v1/money-settings").body
    for body, field in WRONG:
        answer = desk.call("PATCH", "/v1/money-settings", body)
        assert (answer.status, answer.body["field"]) == (400, field), body
    assert desk.call("GET", "/v1/warnings?state=odd").body["field"] == "state"
    assert desk.call("GET", "/v1/money-settings").body == before


def test_settings_and_warnings_are_for_admins(desk: Desk) -> None:
    agent = "taras@example.com"
    assert desk.call("PATCH", "/v1/money-settings", {"mails": False}, by=agent).status == 403
    assert desk.call("GET", "/v1/warnings", by=agent).status == 403


def test_looking_again_moves_the_date_and_never_to_a_later_one(desk: Desk) -> None:
    billing.look_again(desk.account_id, now=desk.now)
    first = store.get(Balance, desk.account_id, "balance")
    assert first is not None
    billing.look_again(desk.account_id, now=desk.now + timedelta(hours=1))
    again = billing.balance(desk.account_id)
    assert first.due_at - again.due_at == timedelta(milliseconds=1)


def test_a_bot_deactivated_while_somebody_looks_is_told_of(desk: Desk, mails: None) -> None:
    commercial(desk, euros=60)
    changes = [Bot.paid_month.set("2026-10"), Bot.revision.set(Bot.revision + 1)]
    store.update(Bot(bot_id=desk.bot.bot_id), changes, Bot.bot_id.exists())
    bots.forget(desk.bot.bot_id)
    desk.wait(minutes=6)

    def deactivated() -> None:
        bot = bots.get(desk.account_id, desk.bot.bot_id)
        fee = plans.next_fee(bot)
        assert fee is not None
        fees.end_unpaid(bot, fee, billing.balance(desk.account_id), now=desk.now)

    with just_before_the_next_transaction(deactivated):
        alerts.look(desk.account_id, now=desk.now)
    desk.wait(minutes=6)
    desk.run("give_warnings")

    found, _ = alerts.listed(desk.account_id, state=None, limit=20, cursor=None)
    assert "bot-deactivated" in {warning.kind for warning in found}
