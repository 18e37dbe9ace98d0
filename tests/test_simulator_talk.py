"""The simulator's own reading of S2, by the rules' examples."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator.model.talk import FREE_WINDOW, SESSION, Said, Talk, Terms, TypeRefused

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ON = Terms(SESSION, 50_000)
OFF = Terms(None)
GRATIS = Terms(FREE_WINDOW)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def hear(talk: Talk, hours: float, kind: str = "text", *, terms: Terms = ON) -> None:
    talk.hear(at(hours), kind, at(hours), terms)


def say(talk: Talk, hours: float, count: int = 1, *, terms: Terms = ON) -> list[Said]:
    number = len(talk.said)
    return talk.say([(f"m{number + n}", "text") for n in range(count)], at(hours), terms)


def kinds(said: list[Said]) -> list[str]:
    return [each.kind for each in said]


def lose(talk: Talk, said: Said, hours: float) -> object:
    talk.give_back(said)
    gone = talk.undo(said, at(hours), ON)
    session = said.session
    if gone is None and session is not None and all(m.is_lost for m in session.messages):
        talk.wait_again(session, at(hours), ON)
    return gone


def test_a_business_that_speaks_first_is_outside() -> None:
    assert kinds(say(Talk(), 0)) == ["outside"]


def test_the_first_reply_opens_and_the_window_counts_from_the_subscriber() -> None:
    talk = Talk()
    hear(talk, 0)
    assert kinds(say(talk, 20, 2)) == ["opens-session", "in-session"]
    assert kinds(say(talk, 23.999)) == ["in-session"]
    assert kinds(say(talk, 24)) == ["outside"]
    assert talk.sessions[0].reason == "expired"


def test_a_picture_starts_nothing() -> None:
    talk = Talk()
    hear(talk, 0, "picture")
    assert kinds(say(talk, 1)) == ["outside"]
    hear(talk, 2)
    assert kinds(say(talk, 3)) == ["opens-session"]


def test_the_sixty_first_begins_a_session_of_its_own() -> None:
    talk = Talk()
    hear(talk, 0)
    for _ in range(6):
        say(talk, 1, 10)
        hear(talk, 1)
    assert kinds(say(talk, 5)) == ["renews-session"]
    assert [each.reason for each in talk.sessions] == ["limit", None]
    assert talk.sessions[1].begun_at == at(5)
    assert talk.sessions[1].count == 1


def test_the_eleventh_unanswered_closes_and_is_outside() -> None:
    talk = Talk()
    hear(talk, 0)
    assert kinds(say(talk, 1, 12)) == ["opens-session", *["in-session"] * 9, *["outside"] * 2]
    assert talk.sessions[0].reason == "unanswered"
    hear(talk, 2)
    assert kinds(say(talk, 3)) == ["opens-session"]


def test_an_unanswered_window_begins_again_at_the_latest_starter() -> None:
    talk = Talk()
    hear(talk, 0)
    hear(talk, 5)
    hear(talk, 6, "picture")
    assert kinds(say(talk, 28)) == ["opens-session"]
    assert [each.begun_at for each in talk.sessions] == [at(0), at(5)]


def test_an_answered_window_swallows_what_was_written_in_it() -> None:
    talk = Talk()
    hear(talk, 0)
    say(talk, 1)
    hear(talk, 20)
    assert kinds(say(talk, 24)) == ["outside"]


def test_a_failed_reply_gives_its_places_back_and_the_session_waits_again() -> None:
    talk = Talk()
    hear(talk, 0)
    (first,) = say(talk, 1)
    lose(talk, first, 2)
    assert [each.reason for each in talk.sessions] == ["failed", None]
    assert kinds(say(talk, 3)) == ["opens-session"]
    assert talk.sessions[1].begun_at == at(0)


def test_a_failed_eleventh_opens_the_session_again() -> None:
    talk = Talk()
    hear(talk, 0)
    *_, eleventh = say(talk, 1, 11)
    assert lose(talk, eleventh, 2) == []
    assert talk.live is talk.sessions[0]
    hear(talk, 3)
    assert kinds(say(talk, 3)) == ["in-session"]


def test_a_failed_renewal_never_was() -> None:
    talk = Talk()
    hear(talk, 0)
    for _ in range(6):
        say(talk, 1, 10)
        hear(talk, 1)
    (renewing,) = say(talk, 5)
    assert lose(talk, renewing, 6) == [talk.sessions[1]]
    assert talk.live is talk.sessions[0]
    assert kinds(say(talk, 7)) == ["renews-session"]


def test_other_types_are_refused_whole() -> None:
    talk = Talk()
    hear(talk, 0)
    with pytest.raises(TypeRefused):
        talk.say([("a", "text"), ("b", "video")], at(1), ON)
    assert talk.said == []


def test_a_paid_session_outlives_its_plan_and_a_waiting_one_does_not() -> None:
    talk = Talk()
    hear(talk, 0)
    say(talk, 1)
    assert kinds(say(talk, 2, terms=OFF)) == ["in-session"]
    waiting = Talk()
    hear(waiting, 0)
    assert kinds(say(waiting, 2, terms=OFF)) == ["outside"]
    assert waiting.sessions[0].reason == "plan-changed"


def test_a_free_window_is_opened_by_any_message_and_lapses_by_itself() -> None:
    talk = Talk()
    hear(talk, 0, "picture", terms=GRATIS)
    hear(talk, 20, terms=GRATIS)
    assert kinds(say(talk, 23.9, 2, terms=GRATIS)) == ["free-window"] * 2
    assert kinds(say(talk, 24, terms=GRATIS)) == ["outside"]


def test_a_text_older_than_the_row_is_no_answer() -> None:
    talk = Talk()
    hear(talk, 0)
    say(talk, 2, 10)
    talk.hear(at(1), "text", at(3), ON)
    assert kinds(say(talk, 4)) == ["outside"]
