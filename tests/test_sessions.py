"""When a session begins, opens, counts and ends."""

import pytest
from msgspec.structs import replace

from chalicelib import sessions
from chalicelib.sessions import BUSINESS, Part, Terms
from tests.line import DAY, KEY, MS, NOON, PRICE, Line, hours, told


@pytest.fixture
def line() -> Line:
    return Line()


# Who starts a session, and when it is paid.


@pytest.mark.rule("S2.16", "S2.17", "S2.22", "S2.6")
def test_a_business_that_speaks_first_starts_nothing(line: Line) -> None:
    assert line.says(NOON, 3) == [Part("outside")] * 3
    assert (line.talk, line.changes) == (None, [])


@pytest.mark.rule("S2.18", "S2.22", "S2.23")
def test_the_first_text_begins_a_session_that_waits_and_costs_nothing_yet(line: Line) -> None:
    changes = line.hears(NOON)
    assert told(changes) == [("began", 1, None)]
    assert line.state(NOON) == "waiting"
    assert changes[0].price_micros == 0


@pytest.mark.rule("S2.1", "S2.3", "S2.4", "S2.23", "S2.26", "S2.50")
def test_the_first_reply_pays_once_for_all_that_follows(line: Line) -> None:
    line.hears(NOON)
    parts = line.says(hours(1), ["text", "picture", "text"]) + line.says(hours(2))
    assert [part.price_micros for part in parts] == [PRICE, 0, 0, 0]
    assert [part.kind for part in parts] == ["opens-session"] + ["in-session"] * 3
    number = sessions.session_id(KEY, 1_772_452_800_000, 1)
    assert {part.session_id for part in parts} == {number}
    assert told(line.changes) == [("began", 1, None), ("opened", 1, None)]


@pytest.mark.rule("S2.5")
def test_every_session_costs_what_the_terms_say_whatever_is_sent(line: Line) -> None:
    for day in range(3):
        line.hears(NOON + day * DAY)
        assert line.says(NOON + day * DAY, 1 + day)[0].price_micros == PRICE


@pytest.mark.rule("S2.24")
def test_the_window_counts_from_the_subscriber_s_message_not_from_the_reply(line: Line) -> None:
    line.hears(NOON)
    line.says(hours(23))
    live = line.live(hours(23))
    assert live is not None
    assert (live.begun_at, live.ends_at) == (NOON, hours(24))
    assert line.kinds(hours(24)) == ["outside"]


@pytest.mark.rule("S2.19", "S2.20", "S2.21")
def test_a_picture_starts_nothing_and_a_text_after_it_does(line: Line) -> None:
    line.hears(NOON, "picture")
    assert line.talk is None
    assert line.kinds(NOON) == ["outside"]
    line.hears(hours(1))
    assert line.kinds(hours(1)) == ["opens-session"]


@pytest.mark.rule("S2.19")
@pytest.mark.parametrize("content_type", ["sticker", "video", "contact", "location", "url", "file"])
def test_anything_but_a_picture_starts_a_session(line: Line, content_type: str) -> None:
    line.hears(NOON, content_type)
    assert line.state(NOON) == "waiting"


@pytest.mark.rule("S2.45", "S2.44")
def test_two_first_messages_of_one_instant_are_one_session(line: Line) -> None:
    assert told(line.hears(NOON) + line.hears(NOON)) == [("began", 1, None)]


# Twenty-four hours.


@pytest.mark.rule("S2.28", "S2.29", "S2.41")
def test_a_session_is_open_to_the_last_millisecond_and_over_at_the_hour(line: Line) -> None:
    line.hears(NOON)
    line.says(NOON)
    assert line.kinds(NOON + DAY - MS) == ["in-session"]
    assert line.state(NOON + DAY - MS) == "open"
    (closed,) = line.waits_until(NOON + DAY)
    assert (closed.kind, closed.reason, closed.at_ms) == ("closed", "expired", closed.ends_ms)
    assert (closed.sent, closed.price_micros) == (2, PRICE)
    assert line.live(NOON + DAY) is None
    assert line.kinds(NOON + DAY) == ["outside"]


@pytest.mark.rule("S2.28")
def test_the_length_is_a_setting(line: Line) -> None:
    line.under(replace(BUSINESS, version=2, window_seconds=3600))
    line.hears(NOON)
    line.says(NOON)
    assert line.kinds(hours(1) - MS) == ["in-session"]
    assert line.kinds(hours(1)) == ["outside"]


@pytest.mark.rule("S2.29", "S2.18")
def test_a_message_at_the_very_end_begins_the_next_session(line: Line) -> None:
    line.hears(NOON)
    line.says(NOON)
    assert told(line.hears(NOON + DAY)) == [("closed", 1, "expired"), ("began", 2, None)]


@pytest.mark.rule("S2.24")
def test_messages_in_an_open_session_do_not_prolong_it(line: Line) -> None:
    line.hears(NOON)
    line.says(NOON)
    line.hears(hours(23))
    assert sessions.due_at(line.talk, line.policy_of) == hours(24)


# The window nobody answered.


@pytest.mark.rule("S2.23", "S2.25")
def test_one_message_that_nobody_answers_lapses_unpaid(line: Line) -> None:
    line.hears(NOON)
    (closed,) = line.waits_until(hours(24))
    assert (closed.reason, closed.price_micros, closed.at_ms) == ("lapsed", 0, closed.ends_ms)
    assert line.kinds(hours(24)) == ["outside"]


@pytest.mark.rule("S2.25")
def test_an_unanswered_window_begins_again_at_the_latest_text(line: Line) -> None:
    line.hears(NOON)
    line.hears(hours(5))
    line.hears(hours(20))
    changes = line.waits_until(hours(24))
    assert told(changes) == [("closed", 1, "lapsed"), ("began", 2, None)]
    live = line.live(hours(24))
    assert live is not None
    assert (live.state, live.begun_at, live.ends_at) == ("waiting", hours(20), hours(44))
    assert line.kinds(hours(43.9)) == ["opens-session"]


@pytest.mark.rule("S2.25", "S2.19")
def test_a_picture_does_not_bring_a_window_back(line: Line) -> None:
    line.hears(NOON)
    line.hears(hours(20), "picture")
    assert told(line.waits_until(hours(24))) == [("closed", 1, "lapsed")]
    line.hears(hours(25), "picture")
    assert line.state(hours(25)) is None


@pytest.mark.rule("S2.25")
def test_windows_begin_again_as_often_as_needed_before_a_later_message(line: Line) -> None:
    line.hears(NOON)
    line.hears(hours(10))
    line.hears(hours(33))
    assert told(line.changes[1:]) == [("closed", 1, "lapsed"), ("began", 2, None)]
    changes = line.hears(hours(60))
    assert told(changes) == [
        ("closed", 2, "lapsed"),
        ("began", 3, None),
        ("closed", 3, "lapsed"),
        ("began", 4, None),
    ]
    assert [change.at_ms - changes[0].at_ms for change in changes] == [
        h * 3_600_000 for h in (0, 0, 23, 26)
    ]


@pytest.mark.rule("S2.25", "S2.29")
def test_a_starter_as_old_as_the_window_is_long_is_too_old(line: Line) -> None:
    line.hears(NOON)
    line.hears(NOON)
    assert told(line.waits_until(hours(24)))[-1] == ("closed", 1, "lapsed")
    other = Line()
    other.hears(NOON)
    other.hears(NOON + MS)
    other.waits_until(hours(24))
    assert other.live(hours(24)) is not None
    assert other.state(hours(24) + MS) is None


@pytest.mark.rule("S2.25")
def test_an_answered_window_swallows_what_was_written_in_it(line: Line) -> None:
    line.hears(NOON)
    line.says(hours(1))
    line.hears(hours(23))
    assert told(line.waits_until(hours(24))) == [("closed", 1, "expired")]
    assert line.kinds(hours(24)) == ["outside"]


@pytest.mark.rule("S2.25", "S2.28")
def test_a_window_begins_again_under_the_policy_of_the_day(line: Line) -> None:
    line.hears(NOON)
    line.hears(hours(23))
    line.under(replace(BUSINESS, version=2, window_seconds=7200))
    line.waits_until(hours(24))
    live = line.live(hours(24))
    assert live is not None
    assert live.ends_at == hours(25)
    short = Line()
    short.hears(NOON)
    short.hears(hours(22))
    short.under(replace(BUSINESS, version=2, window_seconds=7200))
    assert short.state(hours(24)) is None


@pytest.mark.rule("S2.25")
def test_a_lapse_that_is_looked_at_late_begins_again_under_the_policy_of_then(line: Line) -> None:
    line.hears(NOON)
    line.hears(hours(23))
    brief = replace(BUSINESS, version=2, window_seconds=3600)
    line.terms = Terms(brief, PRICE, lambda at: BUSINESS if at < hours(25) else brief)
    line.waits_until(hours(26))
    live = line.live(hours(26))
    assert live is not None
    assert live.ends_at == hours(47)


# Sixty messages.


@pytest.mark.rule("S2.30", "S2.31", "S2.32", "S2.33", "S2.3")
def test_the_sixtieth_message_is_inside_and_the_next_opens_a_new_session(line: Line) -> None:
    line.hears(NOON)
    line.chats(59, NOON)
    line.hears(hours(2))
    assert line.kinds(hours(2)) == ["in-session"]
    assert line.meters(hours(2)) == (60, 1)
    old = sessions.id_of(line.talk, KEY) if line.talk else None
    (part,) = line.says(hours(3))
    assert (part.kind, part.price_micros) == ("renews-session", PRICE)
    assert part.after_session_id == old != part.session_id
    assert told(line.changes[-2:]) == [("closed", 1, "limit"), ("opened", 2, None)]
    live = line.live(hours(3))
    assert live is not None
    assert (live.begun_at, live.ends_at, live.sent) == (hours(3), hours(27), 1)
    assert line.kinds(hours(27) - MS) == ["in-session"]


@pytest.mark.rule("S2.34")
def test_what_the_subscriber_writes_is_not_counted(line: Line) -> None:
    for _ in range(100):
        line.hears(NOON)
    line.says(NOON)
    assert line.meters(NOON) == (1, 1)


@pytest.mark.rule("S2.31", "S2.50", "S2.26")
def test_a_reply_may_begin_in_one_session_and_end_in_the_next(line: Line) -> None:
    line.hears(NOON)
    line.chats(58, NOON)
    line.hears(NOON)
    parts = line.says(hours(1), 4)
    kinds = [part.kind for part in parts]
    assert kinds == ["in-session", "in-session", "renews-session", "in-session"]
    assert sum(part.price_micros for part in parts) == PRICE
    assert parts[2].after_session_id == parts[3].after_session_id == parts[0].session_id
    assert line.meters(hours(1)) == (2, 4)


@pytest.mark.rule("S2.31")
def test_a_new_session_takes_the_policy_and_the_price_of_the_day(line: Line) -> None:
    line.hears(NOON)
    line.chats(60, NOON)
    line.under(replace(BUSINESS, version=2, messages_max=20, window_seconds=3600), 70_000)
    assert line.says(hours(1))[0].price_micros == 70_000
    live = line.live(hours(1))
    assert live is not None
    assert (live.sent_max, live.ends_at) == (20, hours(2))


@pytest.mark.rule("S2.28", "S2.30")
def test_a_session_keeps_the_numbers_it_began_under(line: Line) -> None:
    line.hears(NOON)
    line.under(replace(BUSINESS, version=2, messages_max=20, window_seconds=60))
    line.chats(60, hours(23))
    assert line.meters(hours(23)) == (60, 5)


# Ten in a row.


@pytest.mark.rule("S2.35", "S2.36", "S2.37", "S2.41", "S2.42")
def test_the_tenth_unanswered_is_inside_and_the_eleventh_closes(line: Line) -> None:
    line.hears(NOON)
    assert line.kinds(NOON, 10)[1:] == ["in-session"] * 9
    assert line.state(NOON) == "open"
    number = sessions.id_of(line.talk, KEY) if line.talk else None
    assert line.says(hours(1)) == [Part("outside", after_session_id=number)]
    assert told(line.changes[-1:]) == [("closed", 1, "unanswered")]
    assert line.changes[-1].unanswered == 10
    assert line.kinds(hours(1), 3) == ["outside"] * 3


@pytest.mark.rule("S2.37", "S2.38")
@pytest.mark.parametrize("content_type", ["text", "picture", "sticker"])
def test_an_answer_after_the_tenth_keeps_the_session_going(line: Line, content_type: str) -> None:
    line.hears(NOON)
    line.says(NOON, 10)
    line.hears(hours(1), content_type)
    assert line.meters(hours(1)) == (10, 0)
    assert line.kinds(hours(1), 11) == ["in-session"] * 10 + ["outside"]


@pytest.mark.rule("S2.38")
@pytest.mark.parametrize("said", [9, 10])
def test_a_picture_sets_the_row_back_to_zero(line: Line, said: int) -> None:
    line.hears(NOON)
    line.says(NOON, said)
    line.hears(NOON, "picture")
    assert line.meters(NOON) == (said, 0)


@pytest.mark.rule("S2.39", "S2.20")
def test_after_the_eleventh_a_text_starts_a_session_and_a_picture_does_not(line: Line) -> None:
    line.hears(NOON)
    line.says(NOON, 11)
    assert line.hears(hours(1), "picture") == []
    assert line.kinds(hours(1)) == ["outside"]
    assert told(line.hears(hours(2))) == [("began", 2, None)]
    assert line.says(hours(2))[0].price_micros == PRICE


@pytest.mark.rule("S2.39", "S2.45")
def test_an_answer_in_the_very_millisecond_of_all_that_went_before_starts_one(line: Line) -> None:
    line.hears(NOON)
    line.says(NOON, 11)
    assert told(line.hears(NOON)) == [("began", 2, None)]


@pytest.mark.rule("S2.25")
def test_texts_out_of_order_leave_the_latest_one_the_starter(line: Line) -> None:
    line.hears(NOON)
    line.hears(hours(20))
    line.hears(hours(10))
    line.waits_until(hours(24))
    assert sessions.due_at(line.talk, line.policy_of) == hours(44)


@pytest.mark.rule("S2.50", "S2.37")
def test_one_reply_may_pass_the_limit_in_its_middle(line: Line) -> None:
    line.hears(NOON)
    parts = line.says(NOON, 14)
    assert [part.kind for part in parts] == ["opens-session"] + ["in-session"] * 9 + ["outside"] * 4
    assert {part.after_session_id for part in parts[10:]} == {parts[0].session_id}


@pytest.mark.rule("S2.40")
def test_the_row_goes_over_into_the_next_session(line: Line) -> None:
    line.hears(NOON)
    line.chats(55, NOON)
    line.hears(NOON)
    assert line.kinds(NOON, 11) == ["in-session"] * 5 + ["renews-session"] + [
        "in-session",
        "in-session",
        "in-session",
        "in-session",
        "outside",
    ]
    assert told(line.changes[-3:]) == [
        ("closed", 1, "limit"),
        ("opened", 2, None),
        ("closed", 2, "unanswered"),
    ]


@pytest.mark.rule("S2.40", "S2.37")
def test_where_both_limits_stand_at_once_the_session_closes_and_none_follows(line: Line) -> None:
    line.hears(NOON)
    line.chats(50, NOON)
    line.hears(NOON)
    line.says(NOON, 10)
    assert line.meters(NOON) == (60, 10)
    assert line.kinds(NOON) == ["outside"]
    assert told(line.changes[-1:]) == [("closed", 1, "unanswered")]
