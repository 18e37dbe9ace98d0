"""What stays true of sessions whatever happens, and in whatever order."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib import sessions
from chalicelib.sessions import BUSINESS, FREE, Part, Policy, Terms
from tests.line import DAY, KEY, NOON, PRICE, Line, hours

SMALL = replace(BUSINESS, version=2, messages_max=7, unanswered_max=4)
TINY = replace(BUSINESS, version=3, window_seconds=7200, messages_max=5, unanswered_max=3)
LOOSE = replace(BUSINESS, version=4, messages_max=4, unanswered_max=None, anchor="last")
POLICIES = (BUSINESS, SMALL, TINY, LOOSE, FREE, replace(FREE, version=2, anchor="last"))
TERMS = (*(Terms(p, PRICE if p.kind == "business" else 0) for p in POLICIES), Terms(None))

minutes = st.one_of(st.just(0), st.integers(0, 90), st.integers(0, 3000))
types = st.sampled_from(("text", "picture"))
events = st.lists(
    st.one_of(
        st.tuples(st.just("hears"), minutes, st.tuples(types, st.integers(0, 200))),
        st.tuples(st.just("says"), minutes, st.tuples(st.integers(1, 6), st.booleans())),
        st.tuples(st.just("fails"), minutes, st.integers(0, 30)),
        st.tuples(st.just("terms"), minutes, st.sampled_from(TERMS)),
    ),
    max_size=40,
)
told = settings(deadline=None, derandomize=True, max_examples=200)


class Life(Line):
    """A line that fails some of its messages, undoing what the desk would undo."""

    def __init__(self) -> None:
        super().__init__(Terms(SMALL, PRICE))
        self.policies = {(policy.kind, policy.version): policy for policy in POLICIES}
        self.now = NOON
        self.failed: set[int] = set()

    def live_through(self, lived: list[tuple[str, int, Any]]) -> None:
        for kind, step, what in lived:
            self.now += timedelta(minutes=step)
            if kind == "hears":
                content_type, late = what
                self.hears(self.now - timedelta(minutes=late), content_type)
                self.waits_until(self.now)
            elif kind == "says":
                self.says(self.now, what[0], may_open=what[1])
            elif kind == "terms":
                self.terms = what
            elif self.parts:
                self.fails(max(0, len(self.parts) - 1 - what))
            self.check()

    def fails(self, index: int) -> None:
        if index in self.failed:
            return
        self.failed.add(index)
        part = self.parts[index]
        self.talk = sessions.gave_back(self.talk, key=KEY, session_id=part.session_id, run=part.run)
        left = part.after_session_id
        if left is not None and self.all_failed("after_session_id", left):
            undone = sessions.undone(
                self.talk, self.now, self.terms, self.policy_of, key=KEY, after_session_id=left
            )
            if undone is not None:
                self._keep(undone)
        if part.session_id is not None and self.all_failed("session_id", part.session_id):
            self._keep(
                sessions.waits_again(
                    self.talk,
                    self.now,
                    self.terms,
                    self.policy_of,
                    key=KEY,
                    session_id=part.session_id,
                )
            )

    def all_failed(self, field: str, session_id: str) -> bool:
        return all(
            index in self.failed
            for index, part in enumerate(self.parts)
            if getattr(part, field) == session_id
        )

    def check(self) -> None:
        self.waits_until(self.now)
        live = self.live(self.now)
        assert (live is None) == (self.talk is None or self.talk.state not in ("w", "o"))
        if live is not None:
            assert live.sent <= (live.sent_max or live.sent)
            assert live.unanswered <= (live.unanswered_max or live.unanswered)
            assert live.ends_at > self.now
            assert live.state == "open" or live.sent == 0
            assert live.kind == "free" or live.state == "waiting" or live.sent > 0
        if self.talk is not None:
            talk = self.talk
            assert (talk.run == 0) == (talk.run_first_ms is None)
            assert talk.number <= talk.issued
            assert talk.before is None or talk.before.before is None
            stored = msgspec.json.encode(sessions.packed(talk))
            assert sessions.unpacked(msgspec.json.decode(stored)) == talk


def lived(happened: list[tuple[str, int, Any]]) -> Life:
    life = Life()
    life.live_through(happened)
    return life


@pytest.mark.rule("S2.26", "S2.30", "S2.35", "S2.43")
@told
@given(events)
def test_limits_hold_and_every_session_is_paid_once(happened: list[tuple[str, int, Any]]) -> None:
    life = lived(happened)
    paid = Counter(part.session_id for part in life.parts if part.price_micros)
    assert all(count == 1 for count in paid.values())
    counted = {part.session_id for part in life.parts if part.kind == "in-session"}
    assert counted <= set(paid)
    opened = [c for c in life.changes if c.kind == "opened" and c.session_kind == "business"]
    assert {sessions.session_id(KEY, c.begun_ms, c.number) for c in opened} == set(paid)


@pytest.mark.rule("S2.44")
@told
@given(events)
def test_at_most_one_session_is_live(happened: list[tuple[str, int, Any]]) -> None:
    living: set[int] = set()
    for change in lived(happened).changes:
        if change.kind in ("closed", "removed"):
            living.discard(change.number)
        else:
            living.add(change.number)
        assert len(living) <= 1


@pytest.mark.rule("S2.25", "S2.29")
@told
@given(events, minutes, minutes, st.sampled_from(TERMS))
def test_it_does_not_matter_how_often_time_is_looked_at(
    happened: list[tuple[str, int, Any]], first: int, second: int, terms: Terms
) -> None:
    life = lived(happened)
    early = life.now + timedelta(minutes=first)
    late = early + timedelta(minutes=second)

    def advance(talk: sessions.Talk | None, at: datetime) -> sessions.Advanced:
        return sessions.advance(talk, at, terms, life.policy_of)

    in_one = advance(life.talk, late)
    halfway = advance(life.talk, early)
    in_two = advance(halfway.talk, late)
    assert in_two.talk == in_one.talk
    if not any(change.reason == "plan-changed" for change in halfway.changes):
        assert halfway.changes + in_two.changes == in_one.changes
    assert advance(in_one.talk, late) == (in_one.talk, ())


@pytest.mark.rule("S2.50")
@told
@given(events, st.lists(types, min_size=1, max_size=20), st.booleans())
def test_a_reply_is_its_parts_one_after_another_in_any_order_of_types(
    happened: list[tuple[str, int, Any]], content_types: list[str], may_open: bool
) -> None:
    life = lived(happened)
    whole = sessions.spoke(
        life.talk, content_types, life.now, life.terms, life.policy_of, key=KEY, may_open=may_open
    )
    turned = sessions.spoke(
        life.talk,
        content_types[::-1],
        life.now,
        life.terms,
        life.policy_of,
        key=KEY,
        may_open=may_open,
    )
    assert turned == whole
    one_by_one: list[Part] = []
    for content_type in content_types:
        one_by_one += life.says(life.now, [content_type], may_open=may_open)
    assert (life.talk, tuple(one_by_one)) == (whole.talk, whole.parts)


@pytest.mark.rule("S2.25", "S2.19", "S2.18")
@told
@given(
    st.lists(st.tuples(st.integers(0, 120), types), max_size=12),
    st.integers(0, 200),
)
def test_the_waiting_window_is_the_one_a_list_of_the_messages_gives(
    messages: list[tuple[int, str]], at: int
) -> None:
    messages = sorted(message for message in messages if message[0] <= at)
    line = Line()
    for hour, content_type in messages:
        line.hears(hours(hour), content_type)
    line.waits_until(hours(at))
    live = line.live(hours(at))
    expected = waiting_since([hour for hour, kind in messages if kind == "text"], at)
    assert (None if live is None else live.begun_at) == (
        None if expected is None else hours(expected)
    )


def waiting_since(texts: list[int], at: int) -> int | None:
    """Say when the window that waits at an hour began, from the hours of all texts."""
    begun: int | None = None
    for hour in range(at + 1):
        if begun is not None and hour == begun + 24:
            begun = max((t for t in texts if begun < t < hour), default=None)
        if begun is None and hour in texts:
            begun = hour
    return begun


@pytest.mark.rule("S2.45", "S2.24")
@told
@given(events, types, minutes)
def test_a_message_heard_twice_is_heard_once(
    happened: list[tuple[str, int, Any]], content_type: str, late: int
) -> None:
    life = lived(happened)
    at = life.now - timedelta(minutes=late)
    life.hears(at, content_type)
    once = life.talk
    changes = life.hears(at, content_type)
    assert changes == []
    if once is not None and life.talk is not None:
        assert replace(life.talk, run_number=once.run_number) == once


@pytest.mark.rule("S2.28", "S1.69")
@told
@given(st.sampled_from(POLICIES), st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_a_window_never_ends_before_its_length_is_over(policy: Policy, heard: list[int]) -> None:
    line = Line()
    line.under(policy, 0)
    for hour in sorted(heard):
        line.hears(hours(hour))
        due = sessions.due_at(line.talk, line.policy_of)
        assert due is not None
        assert hours(hour) < due <= hours(hour) + DAY
