"""What failed messages take back from a session."""

import pytest
from msgspec.structs import replace

from chalicelib import sessions
from chalicelib.sessions import BUSINESS, Advanced, Part
from tests.line import GRATIS, KEY, MS, NOON, OFF, PRICE, Line, hours, told


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def full(line: Line) -> Line:
    """A session with room for no more, its row at 5."""
    line.hears(NOON)
    line.chats(60, NOON)
    return line


@pytest.fixture
def tired(line: Line) -> Line:
    """A session with ten unanswered messages."""
    line.hears(NOON)
    line.says(NOON, 10)
    return line


def fails(line: Line, part: Part, *, parts: int = 1) -> None:
    line.talk = sessions.gave_back(
        line.talk, key=KEY, session_id=part.session_id, run=part.run, parts=parts
    )


def undo(line: Line, part: Part, hour: float = 2) -> Advanced | None:
    assert part.after_session_id is not None
    found = sessions.undone(
        line.talk,
        hours(hour),
        line.terms,
        line.policy_of,
        key=KEY,
        after_session_id=part.after_session_id,
    )
    if found is not None:
        line.talk = found.talk
    return found


def wait_again(line: Line, part: Part, hour: float = 2) -> Advanced:
    assert part.session_id is not None
    found = sessions.waits_again(
        line.talk, hours(hour), line.terms, line.policy_of, key=KEY, session_id=part.session_id
    )
    line.talk = found.talk
    return found


# Counts.


@pytest.mark.rule("S2.43")
def test_a_failed_message_gives_both_its_counts_back(line: Line) -> None:
    line.hears(NOON)
    parts = line.says(NOON, 4)
    fails(line, parts[3])
    assert line.meters(NOON) == (3, 3)
    fails(line, parts[1], parts=2)
    assert line.meters(NOON) == (1, 1)


@pytest.mark.rule("S2.43")
def test_a_message_of_an_earlier_row_gives_back_its_place_in_the_session_only(line: Line) -> None:
    line.hears(NOON)
    (part,) = line.says(NOON)
    line.hears(NOON)
    line.says(NOON, 2)
    fails(line, part)
    assert line.meters(NOON) == (2, 2)


@pytest.mark.rule("S2.43", "S2.40")
def test_a_message_of_the_session_before_gives_back_its_place_in_the_row_only(full: Line) -> None:
    full.talk = replace(full.talk, sent=59) if full.talk else None
    (last,) = full.says(NOON)
    full.says(hours(1), 2)
    assert full.meters(hours(1)) == (2, 8)
    fails(full, last)
    assert full.meters(hours(1)) == (2, 7)


@pytest.mark.rule("S2.43")
def test_what_belongs_to_nothing_current_changes_nothing(line: Line) -> None:
    line.hears(NOON)
    old = line.says(NOON)[0]
    line.hears(hours(24))
    line.says(hours(24), 2)
    kept = line.talk
    fails(line, old)
    fails(line, Part("outside"))
    assert line.talk == kept
    assert sessions.gave_back(None, key=KEY, session_id="ses_x", run=1) is None


@pytest.mark.rule("S2.43", "S2.35")
def test_a_place_given_back_can_be_used_again(tired: Line) -> None:
    fails(tired, tired.parts[4])
    assert tired.kinds(NOON, 2) == ["in-session", "outside"]


@pytest.mark.rule("S2.43", "S2.30")
def test_a_place_given_back_among_sixty_can_be_used_again(full: Line) -> None:
    fails(full, full.parts[10])
    assert full.kinds(NOON, 2) == ["in-session", "renews-session"]


# A renewal or a closing is undone.


@pytest.mark.rule("S2.43", "S2.31")
def test_a_failed_renewal_brings_the_full_session_back(full: Line) -> None:
    old = full.talk
    (part,) = full.says(hours(1))
    fails(full, part)
    found = undo(full, part)
    assert found is not None
    assert told(found.changes) == [("removed", 2, None), ("reopened", 1, None)]
    assert old is not None
    assert full.talk == replace(old, issued=2)
    assert full.says(hours(3))[0].price_micros == PRICE
    assert full.talk is not None
    assert full.talk.number == 3


@pytest.mark.rule("S2.43", "S2.37")
def test_a_failed_eleventh_brings_the_closed_session_back(tired: Line) -> None:
    old = tired.talk
    (part,) = tired.says(hours(1))
    found = undo(tired, part)
    assert found is not None
    assert told(found.changes) == [("reopened", 1, None)]
    assert tired.talk == old
    tired.hears(hours(2))
    assert tired.kinds(hours(2)) == ["in-session"]


@pytest.mark.rule("S2.43")
@pytest.mark.parametrize("content_type", ["text", "picture"])
def test_nothing_is_undone_once_the_subscriber_has_written(line: Line, content_type: str) -> None:
    line.hears(NOON)
    (part,) = line.says(NOON, 11)[10:]
    line.hears(hours(1), content_type)
    assert undo(line, part) is None


@pytest.mark.rule("S2.43")
def test_nothing_renewed_is_undone_once_the_subscriber_has_written(full: Line) -> None:
    (part,) = full.says(hours(1))
    full.hears(hours(1))
    assert undo(full, part) is None


@pytest.mark.rule("S2.43")
def test_a_late_message_older_than_the_row_does_not_stand_in_the_way(full: Line) -> None:
    full.hears(hours(1))
    (part,) = full.says(hours(2))
    full.hears(hours(2) - MS)
    assert undo(full, part, 3) is not None
    assert full.talk is not None
    assert full.talk.heard_ms == full.talk.begun_ms + 7_199_999


@pytest.mark.rule("S2.43", "S2.29")
def test_what_is_over_is_not_brought_back(full: Line) -> None:
    (part,) = full.says(hours(1))
    kept = full.talk
    assert undo(full, part, 24) is None
    full.talk = kept
    assert undo(full, part, 23.999) is not None


@pytest.mark.rule("S2.43", "S2.29")
def test_messages_name_the_session_they_left_while_it_could_come_back(full: Line) -> None:
    (first,) = full.says(hours(1))
    (last,) = full.says(hours(24) - MS)
    assert last.after_session_id == first.after_session_id is not None
    assert full.says(hours(24))[0].after_session_id is None
    assert full.talk is not None
    assert full.talk.before is None


@pytest.mark.rule("S2.43", "S2.29")
def test_a_closing_is_not_undone_after_the_window(tired: Line) -> None:
    (part,) = tired.says(hours(1))
    assert undo(tired, part, 24) is None
    assert tired.says(hours(24)) == [Part("outside")]


@pytest.mark.rule("S2.43")
def test_what_was_given_back_meanwhile_stays_given_back(tired: Line) -> None:
    (part,) = tired.says(hours(1))
    fails(tired, tired.parts[3])
    assert undo(tired, part) is not None
    assert tired.meters(hours(2)) == (9, 9)


@pytest.mark.rule("S2.43")
def test_a_full_session_that_may_come_back_gets_its_places_back_too(full: Line) -> None:
    (part,) = full.says(hours(1))
    fails(full, full.parts[59])
    fails(full, full.parts[3])
    assert undo(full, part) is not None
    assert full.meters(hours(2)) == (58, 4)


@pytest.mark.rule("S2.43", "S2.40")
def test_a_renewal_and_a_closing_in_one_row_are_undone_one_by_one(full: Line) -> None:
    parts = full.says(hours(1), 6)
    assert [parts[0].kind, parts[5].kind] == ["renews-session", "outside"]
    assert undo(full, parts[0]) is None
    assert undo(full, parts[5]) is not None
    assert full.meters(hours(2)) == (5, 10)
    fails(full, parts[0], parts=5)
    assert undo(full, parts[0]) is not None
    assert full.meters(hours(2)) == (60, 5)


@pytest.mark.rule("S2.43", "S2.40")
def test_a_renewal_that_failed_first_is_undone_with_the_closing_after_it(full: Line) -> None:
    parts = full.says(hours(1), 6)
    fails(full, parts[0], parts=5)
    found = undo(full, parts[5])
    assert found is not None
    assert told(found.changes) == [("removed", 2, None), ("reopened", 1, None)]
    assert full.meters(hours(2)) == (60, 5)


@pytest.mark.rule("S2.43")
def test_a_session_of_which_nothing_is_left_comes_back_waiting(tired: Line) -> None:
    (part,) = tired.says(hours(1))
    fails(tired, tired.parts[0], parts=10)
    found = undo(tired, part)
    assert found is not None
    assert told(found.changes) == [("removed", 1, None), ("waits", 2, None)]
    assert tired.says(hours(3))[0].price_micros == PRICE


@pytest.mark.rule("S2.43")
def test_where_nothing_was_renewed_or_closed_nothing_is_undone(line: Line) -> None:
    stray = Part("outside", after_session_id="ses_x")
    assert undo(line, stray) is None
    line.hears(NOON)
    line.says(NOON)
    assert undo(line, stray) is None
    line.says(NOON, 10)
    assert undo(line, stray) is None


@pytest.mark.rule("S2.43")
def test_a_renewal_is_undone_by_its_own_messages_only(full: Line) -> None:
    full.says(NOON)
    assert undo(full, Part("outside", after_session_id="ses_x")) is None


@pytest.mark.rule("S2.43", "S2.9")
def test_an_unpaid_session_does_not_come_back_to_a_bot_without_sessions(line: Line) -> None:
    line.under(BUSINESS, 0)
    line.hears(NOON)
    (part,) = line.says(NOON, 11)[10:]
    line.terms = OFF
    assert undo(line, part) is None


# Nothing was taken: it waits again.


@pytest.mark.rule("S2.43", "S2.24")
def test_a_session_of_failed_replies_waits_again_and_the_next_reply_pays(line: Line) -> None:
    line.hears(NOON)
    parts = line.says(hours(1), 2)
    fails(line, parts[0], parts=2)
    found = wait_again(line, parts[0])
    assert told(found.changes) == [("removed", 1, None), ("waits", 2, None)]
    live = line.live(hours(2))
    assert live is not None
    assert (live.state, live.begun_at, live.ends_at) == ("waiting", NOON, hours(24))
    assert (live.sent, live.unanswered, live.price_micros) == (0, 0, 0)
    (next_part,) = line.says(hours(3))
    assert (next_part.kind, next_part.price_micros) == ("opens-session", PRICE)
    assert next_part.session_id != parts[0].session_id
    assert line.state(hours(24)) is None


@pytest.mark.rule("S2.43", "S2.25")
def test_a_session_that_waits_again_may_lapse_at_once(line: Line) -> None:
    line.hears(NOON)
    parts = line.says(hours(1))
    line.hears(hours(20))
    found = wait_again(line, parts[0], 24)
    assert told(found.changes) == [
        ("removed", 1, None),
        ("waits", 2, None),
        ("closed", 2, "lapsed"),
        ("began", 3, None),
    ]


@pytest.mark.rule("S2.43", "S2.40")
def test_a_renewed_session_that_waits_again_keeps_what_was_unanswered_before(full: Line) -> None:
    (part,) = full.says(hours(1))
    fails(full, part)
    wait_again(full, part)
    assert full.meters(hours(2)) == (0, 5)
    assert full.kinds(hours(3), 6) == ["opens-session"] + ["in-session"] * 4 + ["outside"]


@pytest.mark.rule("S2.43")
def test_only_the_open_session_meant_waits_again(line: Line) -> None:
    part = Part("in-session", session_id="ses_x")
    assert wait_again(line, part) == (None, ())
    line.hears(NOON)
    assert wait_again(line, part).changes == ()
    line.says(NOON)
    assert wait_again(line, part).changes == ()
    free = Line(terms=GRATIS)
    free.hears(NOON)
    assert wait_again(free, part).changes == ()


# The price is spent.


@pytest.mark.rule("S2.3", "S2.26")
def test_the_price_is_held_and_then_spent_once(full: Line) -> None:
    old = full.parts[0].session_id
    (part,) = full.says(NOON)
    assert old is not None
    assert part.session_id is not None
    assert money(full) == (1, 1)
    for _ in range(2):
        full.talk = sessions.posted(full.talk, key=KEY, session_id=old)
        assert money(full) == (1, 2)
    full.talk = sessions.posted(full.talk, key=KEY, session_id=part.session_id)
    assert money(full) == (2, 2)


@pytest.mark.rule("S2.26")
def test_only_what_is_held_is_spent(line: Line) -> None:
    assert sessions.posted(None, key=KEY, session_id="ses_x") is None
    line.hears(NOON)
    assert line.talk is not None
    waiting = sessions.id_of(line.talk, KEY)
    assert sessions.posted(line.talk, key=KEY, session_id=waiting) == line.talk
    assert sessions.posted(line.talk, key=KEY, session_id="ses_x") == line.talk


def money(line: Line) -> tuple[int, int | None]:
    assert line.talk is not None
    return line.talk.money, line.talk.before.money if line.talk.before else None
