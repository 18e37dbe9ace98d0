"""Sessions under other plans and policies, in broadcasts, and with messages that come late."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib import sessions
from chalicelib.sessions import BUSINESS, FREE, Part, Policy, Refusal, Terms, check_policy
from chalicelib.sessions.policy import TYPES
from chalicelib.viber import content
from tests.line import DAY, GRATIS, KEY, MS, NOON, OFF, PAID, PRICE, Line, hours, told


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def free() -> Line:
    return Line(terms=GRATIS)


# Types.


@pytest.mark.rule("S2.12", "S2.13", "S2.50", "S2.14")
@pytest.mark.parametrize("may_open", [True, False])
def test_a_reply_with_another_type_is_refused_whole(line: Line, may_open: bool) -> None:
    line.hears(NOON)
    types = ["text", "picture", "video", "file"]
    spoken = sessions.spoke(
        line.talk, types, hours(30), line.terms, line.policy_of, key=KEY, may_open=may_open
    )
    assert spoken == (line.talk, (), (), Refusal("type", 2))


@pytest.mark.rule("S2.12", "S2.9")
def test_types_are_refused_only_while_sessions_are_on(line: Line, free: Line) -> None:
    line.hears(NOON)
    line.says(NOON)
    line.terms = OFF
    assert line.kinds(NOON, ["video"]) == ["in-session"]
    assert free.kinds(NOON, ["video", "sticker"]) == ["outside"] * 2


# Broadcasts.


@pytest.mark.rule("S2.51")
def test_a_broadcast_does_not_open_what_waits(line: Line) -> None:
    line.hears(NOON)
    assert line.says(NOON, may_open=False) == [Part("outside")]
    assert line.meters(NOON) == (0, 0)
    assert line.state(NOON) == "waiting"
    assert line.kinds(NOON) == ["opens-session"]


@pytest.mark.rule("S2.51", "S2.30", "S2.35")
def test_a_broadcast_counts_in_an_open_session(line: Line) -> None:
    line.hears(NOON)
    line.says(NOON, 9)
    (tenth,) = line.says(NOON, may_open=False)
    assert (tenth.kind, line.meters(NOON)) == ("in-session", (10, 10))
    (eleventh,) = line.says(NOON, may_open=False)
    assert (eleventh.kind, line.state(NOON)) == ("outside", None)


@pytest.mark.rule("S2.51", "S2.31")
def test_a_broadcast_past_sixty_renews_like_any_message(line: Line) -> None:
    line.hears(NOON)
    line.chats(60, NOON)
    (part,) = line.says(NOON, may_open=False)
    assert (part.kind, part.price_micros) == ("renews-session", PRICE)


# The free window.


@pytest.mark.rule("S1.69", "S1.12", "S1.15")
@pytest.mark.parametrize("content_type", ["text", "picture", "sticker", "unsupported"])
def test_any_message_opens_a_free_window_of_a_day(free: Line, content_type: str) -> None:
    assert told(free.hears(NOON, content_type)) == [("opened", 1, None)]
    assert free.says(NOON + DAY - MS, 100) == [Part("free-window")] * 100
    assert free.says(NOON + DAY) == [Part("outside")]
    assert told(free.changes[1:]) == [("closed", 1, "expired")]


@pytest.mark.rule("S1.69")
def test_a_free_window_lapses_whether_it_was_answered_or_not(free: Line) -> None:
    free.hears(NOON)
    free.hears(hours(23))
    assert free.kinds(hours(24)) == ["outside"]
    free.hears(hours(25))
    assert free.kinds(hours(48.9)) == ["free-window"]


@pytest.mark.rule("S1.69")
def test_a_free_window_may_count_from_the_last_message(free: Line) -> None:
    free.under(replace(FREE, version=2, anchor="last"), 0)
    free.hears(NOON)
    free.hears(hours(23))
    free.hears(hours(22))
    assert sessions.due_at(free.talk, free.policy_of) == hours(47)
    assert free.kinds(hours(47) - MS) == ["free-window"]
    assert free.kinds(hours(47)) == ["outside"]


@pytest.mark.rule("S1.69")
def test_replies_leave_a_free_window_as_it_is(free: Line) -> None:
    free.hears(NOON)
    kept = free.talk
    free.says(hours(1), 20)
    assert free.talk == kept


@pytest.mark.rule("S1.69", "S2.51")
def test_a_broadcast_is_free_in_a_free_window(free: Line) -> None:
    free.hears(NOON)
    assert free.says(NOON, may_open=False) == [Part("free-window")]


@pytest.mark.rule("S1.69")
@pytest.mark.parametrize(("anchor", "kind"), [("first", "outside"), ("last", "free-window")])
def test_a_late_message_of_a_window_that_is_over(free: Line, anchor: str, kind: str) -> None:
    free.under(replace(FREE, version=2, anchor=anchor), 0)
    free.hears(NOON)
    free.waits_until(hours(24))
    free.hears(hours(23))
    assert free.kinds(hours(25)) == [kind]


# The plan changes.


@pytest.mark.rule("S2.9", "S2.42")
@pytest.mark.parametrize("terms", [OFF, GRATIS])
def test_a_waiting_session_ends_with_its_plan(line: Line, terms: Terms) -> None:
    line.hears(NOON)
    line.terms = terms
    assert told(line.waits_until(hours(1))) == [("closed", 1, "plan-changed")]
    assert line.kinds(hours(1)) == ["outside"]


@pytest.mark.rule("S2.9")
@pytest.mark.parametrize("terms", [OFF, GRATIS])
def test_a_paid_session_runs_to_its_end_under_its_own_numbers(line: Line, terms: Terms) -> None:
    line.hears(NOON)
    line.says(NOON)
    line.terms = terms
    line.hears(hours(1))
    assert line.kinds(hours(23), 11) == ["in-session"] * 10 + ["outside"]
    assert told(line.changes[-1:]) == [("closed", 1, "unanswered")]


@pytest.mark.rule("S2.9", "S2.31")
@pytest.mark.parametrize("terms", [OFF, GRATIS])
def test_a_full_paid_session_is_not_renewed_without_sessions(line: Line, terms: Terms) -> None:
    line.hears(NOON)
    line.chats(60, NOON)
    line.terms = terms
    assert line.kinds(hours(1), 2) == ["outside"] * 2
    assert told(line.changes[-1:]) == [("closed", 1, "limit")]


@pytest.mark.rule("S2.9")
def test_an_open_session_that_nobody_pays_for_ends_with_its_plan(line: Line) -> None:
    line.under(BUSINESS, 0)
    line.hears(NOON)
    line.says(NOON)
    line.terms = OFF
    assert told(line.waits_until(hours(1))) == [("closed", 1, "plan-changed")]


@pytest.mark.rule("S2.9")
def test_a_window_that_was_over_before_is_not_said_to_end_with_its_plan(line: Line) -> None:
    line.hears(NOON)
    line.hears(hours(20))
    line.terms = OFF
    assert told(line.waits_until(hours(48))) == [("closed", 1, "lapsed")]


@pytest.mark.rule("S2.7", "S2.9")
def test_with_the_function_off_nobody_starts_anything(line: Line) -> None:
    line.terms = OFF
    assert line.hears(NOON) == []
    assert line.kinds(NOON, ["video"]) == ["outside"]


@pytest.mark.rule("S2.9", "S1.69")
def test_a_free_window_ends_with_its_plan_and_a_new_message_starts_a_session(free: Line) -> None:
    free.hears(NOON)
    free.terms = PAID
    assert free.kinds(hours(1)) == ["outside"]
    assert told(free.hears(hours(2))) == [("began", 2, None)]
    assert free.kinds(hours(2)) == ["opens-session"]


@pytest.mark.rule("S2.9", "S2.19")
def test_a_picture_is_no_starter_of_a_paid_session_under_another_plan(line: Line) -> None:
    line.hears(NOON)
    line.says(NOON)
    line.terms = GRATIS
    line.hears(hours(1), "picture")
    assert line.talk is not None
    assert line.talk.starter_ms == line.talk.begun_ms


@pytest.mark.rule("S2.40", "S2.31")
def test_no_session_is_bought_that_its_own_limit_would_close(line: Line) -> None:
    line.hears(NOON)
    line.chats(60, NOON)
    line.under(replace(BUSINESS, version=2, unanswered_max=5))
    assert line.kinds(NOON) == ["outside"]
    assert told(line.changes[-1:]) == [("closed", 1, "unanswered")]


def test_without_limits_a_session_takes_all(line: Line) -> None:
    line.under(replace(BUSINESS, version=2, unanswered_max=None, messages_max=None))
    line.hears(NOON)
    assert line.kinds(NOON, 200)[1:] == ["in-session"] * 199


@pytest.mark.rule("S2.25")
def test_a_policy_may_let_unanswered_windows_lapse_for_good(line: Line) -> None:
    line.hears(NOON)
    line.hears(hours(20))
    line.under(replace(BUSINESS, version=2, restarts=False))
    assert told(line.waits_until(hours(24))) == [("closed", 1, "lapsed")]


# Late and out of order.


@pytest.mark.rule("S2.24", "S2.45")
def test_a_begin_never_moves_back(line: Line) -> None:
    line.hears(hours(1))
    line.hears(NOON)
    assert sessions.due_at(line.talk, line.policy_of) == hours(25)


@pytest.mark.rule("S2.38", "S2.35")
def test_a_message_older_than_the_row_is_no_answer_to_it(line: Line) -> None:
    line.hears(NOON)
    line.says(hours(1), 10)
    line.hears(hours(1) - MS)
    assert line.meters(hours(1)) == (10, 10)
    line.hears(hours(1))
    assert line.meters(hours(1)) == (10, 0)


@pytest.mark.rule("S2.39", "S2.37")
def test_a_message_older_than_the_row_starts_nothing_after_the_closing(line: Line) -> None:
    line.hears(NOON)
    line.says(hours(1), 10)
    line.says(hours(2))
    line.hears(hours(1) - MS)
    assert line.kinds(hours(2)) == ["outside"]
    line.hears(hours(1.5))
    live = line.live(hours(2))
    assert live is not None
    assert live.begun_at == hours(1.5)


@pytest.mark.rule("S2.25")
def test_a_late_text_of_a_lapsed_window_begins_where_it_would_have_begun_again(line: Line) -> None:
    line.hears(NOON)
    line.waits_until(hours(25))
    line.hears(hours(20))
    assert sessions.due_at(line.talk, line.policy_of) == hours(44)


@pytest.mark.rule("S2.25")
def test_a_text_older_than_a_lapsed_window_begins_nothing(line: Line) -> None:
    line.hears(hours(1))
    line.waits_until(hours(25))
    assert line.hears(NOON) == []


@pytest.mark.rule("S2.25", "S2.44")
def test_a_late_text_of_an_answered_window_that_is_over_begins_nothing(line: Line) -> None:
    line.hears(NOON)
    line.says(NOON)
    line.waits_until(hours(25))
    assert line.hears(hours(23)) == []
    assert told(line.hears(hours(24))) == [("began", 2, None)]


# The window counts from the last message.


@pytest.mark.rule("S2.28")
def test_with_the_last_anchor_every_message_prolongs(line: Line) -> None:
    line.under(replace(BUSINESS, version=2, anchor="last"))
    line.hears(NOON)
    line.says(hours(1))
    line.hears(hours(20), "picture")
    assert line.kinds(hours(44) - MS) == ["in-session"]
    (closed,) = line.waits_until(hours(44))
    assert (closed.reason, closed.at_ms) == ("expired", closed.ends_ms)


@pytest.mark.rule("S2.28", "S2.25", "S2.33")
def test_with_the_last_anchor_windows_lapse_and_renewals_have_their_own(line: Line) -> None:
    line.under(replace(BUSINESS, version=2, anchor="last"))
    line.hears(NOON)
    line.hears(hours(20))
    assert told(line.waits_until(hours(44))) == [("closed", 1, "lapsed")]
    line.hears(hours(50))
    line.chats(61, hours(50))
    line.says(hours(51))
    line.chats(60, hours(52))
    live = line.live(hours(52))
    assert live is not None
    assert (live.sent, live.ends_at) == (2, hours(76))


# Policies.


@pytest.mark.parametrize("policy", [FREE, BUSINESS])
def test_the_default_policies_are_sensible(policy: Policy) -> None:
    assert check_policy(policy) is None


@pytest.mark.rule("S2.28", "S2.12", "S2.19", "S2.30", "S2.35")
def test_the_numbers_of_business_are_those_of_the_rules() -> None:
    assert BUSINESS.window_seconds == FREE.window_seconds == 24 * 3600
    assert (BUSINESS.messages_max, BUSINESS.unanswered_max) == (60, 10)
    assert (BUSINESS.types, BUSINESS.not_starters) == (("text", "picture"), ("picture",))


@pytest.mark.parametrize(
    ("policy", "field", "values"),
    [
        (BUSINESS, "version", [0, -1]),
        (BUSINESS, "kind", ["", "legacy"]),
        (BUSINESS, "window_seconds", [0, 59, 30 * 86_400 + 1]),
        (FREE, "anchor", ["", "middle"]),
        (BUSINESS, "messages_max", [0, 19, 1001]),
        (BUSINESS, "unanswered_max", [0, 1001]),
        (BUSINESS, "not_starters", [("gif",), ("text", "text"), TYPES]),
        (BUSINESS, "types", [(), ("gif",), ("text", "text")]),
        (FREE, "types", [("text",)]),
        (FREE, "not_starters", [("picture",)]),
        (FREE, "messages_max", [60]),
        (FREE, "unanswered_max", [10]),
        (FREE, "restarts", [True]),
    ],
)
def test_a_policy_s_wrong_field_is_named(policy: Policy, field: str, values: list[Any]) -> None:
    for value in values:
        wrong = check_policy(replace(policy, **{field: value}))
        assert wrong is not None
        assert wrong[0] == field
        assert wrong[1]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("window_seconds", [60, 30 * 86_400]),
        ("messages_max", [20, 1000, None]),
        ("unanswered_max", [1, 1000, None]),
        ("types", [("text",), None]),
        ("not_starters", [()]),
        ("anchor", ["last"]),
    ],
)
def test_a_policy_may_reach_its_bounds(field: str, values: list[Any]) -> None:
    assert all(check_policy(replace(BUSINESS, **{field: value})) is None for value in values)


def test_a_policy_refuses_fields_it_does_not_know() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"version": 1, "kind": "free", "cap": 3}, Policy)


def test_the_types_are_those_of_messages() -> None:
    found = {
        kind.__struct_config__.tag
        for kind in vars(content).values()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind is not content.Strict
    }
    assert found == set(TYPES)


# What is stored.


def size(talk: sessions.Talk | None) -> int:
    assert talk is not None
    return len(msgspec.json.encode(sessions.packed(talk)))


def test_what_is_stored_is_small_and_read_back_as_it_was(line: Line, free: Line) -> None:
    free.hears(NOON)
    assert size(free.talk) < 55
    line.hears(NOON)
    line.chats(60, NOON)
    assert size(line.talk) < 125
    line.says(NOON, 4)
    assert size(line.talk) < 235
    for talk in (free.talk, line.talk):
        assert talk is not None
        stored = msgspec.json.encode(sessions.packed(talk))
        assert sessions.unpacked(msgspec.json.decode(stored)) == talk
        assert msgspec.json.decode(msgspec.json.encode(talk), type=sessions.Talk) == talk
    assert sessions.unpacked(None) is None


@pytest.mark.rule("S2.46", "S2.42")
def test_changes_tell_what_a_list_of_sessions_shows(line: Line) -> None:
    line.hears(NOON)
    line.says(hours(1), 11)
    began, opened, closed = line.changes
    assert [change.kind for change in line.changes] == ["began", "opened", "closed"]
    assert {change.begun_ms for change in line.changes} == {opened.at_ms - 3_600_000}
    assert {change.ends_ms - change.begun_ms for change in line.changes} == {86_400_000}
    assert (began.sent, began.price_micros) == (0, 0)
    assert (opened.sent, opened.unanswered, opened.price_micros) == (1, 1, PRICE)
    assert (closed.sent, closed.unanswered, closed.reason) == (10, 10, "unanswered")
    assert (closed.price_micros, closed.session_kind, closed.policy_version) == (
        PRICE,
        "business",
        1,
    )


def test_nothing_live_has_neither_meter_nor_end(line: Line) -> None:
    assert line.live(NOON) is None
    assert sessions.due_at(None, line.policy_of) is None
    line.hears(NOON)
    assert line.live(NOON + DAY) is None
    line.says(NOON, 11)
    assert line.live(NOON) is None
    assert sessions.due_at(line.talk, line.policy_of) is None
