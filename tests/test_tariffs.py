"""Prices and policies: dated, numbered, never changed backwards, and read from one item."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib import countries, errors, plans, sessions, store, tables, tariffs
from chalicelib.audit import Actor
from chalicelib.tables import AuditLine, Bot, PriceListItem, TariffBook
from chalicelib.tariffs import PriceList
from tests.faults import just_before_the_next_transaction
from tests.fixtures_accounts import rows

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
DAY = timedelta(days=1)
IHOR = Actor("per_ihor", "Ігор")
OLHA = Actor("per_olha", "Ольга")
KNOWN = [("AM", 13800), ("GE", 11500), ("UA", 19600)]
DEFAULT = 20000


@pytest.fixture(autouse=True)
def platform(aws: None) -> None:
    tariffs.forget()


def make(
    *prices: tuple[str, int],
    default: int | None = DEFAULT,
    valid_from: datetime | None = None,
    by: Actor = IHOR,
    now: datetime = NOW,
) -> PriceListItem:
    return tariffs.make_price_list(prices or KNOWN, default, valid_from, by=by, now=now)


def business(**changes: Any) -> sessions.Policy:
    return replace(sessions.BUSINESS, **changes)


def set_policy(wish: sessions.Policy, *, days: int = 0, now: datetime = NOW) -> int:
    made = tariffs.make_policy(wish, now + days * DAY, by=IHOR, now=now)
    return int(made.version)


def price(country: str | None, now: datetime = NOW) -> int:
    in_force = tariffs.current(now).price_list
    assert in_force is not None
    return in_force.price_of(country)


def stored() -> list[str]:
    return sorted(str(sorted(row.items())) for row in rows(TariffBook.Meta.table_name))


def trail() -> list[tuple[str, str, str]]:
    lines, _ = store.page(
        AuditLine, "platform", AuditLine.item.startswith("audit#"), limit=100, newest_first=True
    )
    return [(line.by_name, line.action, line.subject) for line in lines]


# Price lists.


def test_a_country_has_its_price_and_every_other_the_default() -> None:
    make()
    assert [price(each) for each in ("UA", "GE", "DE", None, "")] == [
        19600,
        11500,
        DEFAULT,
        DEFAULT,
        DEFAULT,
    ]


def test_before_any_list_was_made_there_is_no_price() -> None:
    assert tariffs.at(None, NOW) == (None, sessions.FREE, sessions.BUSINESS)
    make(valid_from=NOW + DAY)
    assert tariffs.current(NOW + DAY - timedelta(milliseconds=1)).price_list is None
    assert price("UA", NOW + DAY) == 19600


def test_lists_are_numbered_and_each_comes_into_force_on_its_day() -> None:
    made = [make(("UA", cents * 10_000), valid_from=NOW + cents * DAY) for cents in (0, 3, 1)]
    assert [each.version for each in made] == [1, 2, 3]
    assert [price("UA", NOW + days * DAY) for days in range(5)] == [
        0,
        10_000,
        10_000,
        30_000,
        30_000,
    ]


def test_of_two_lists_of_one_instant_the_later_made_is_in_force() -> None:
    make(("UA", 1), valid_from=NOW + DAY)
    make(("UA", 2), valid_from=NOW + DAY)
    assert price("UA", NOW + DAY) == 2


def test_a_list_stays_as_it_was_made_whatever_follows() -> None:
    first = make()
    make(("UA", 5), default=6, now=NOW + DAY)
    kept = tariffs.price_list(1)
    assert kept.serialize() == first.serialize()
    assert (kept.prices, kept.default_micros) == (dict(KNOWN), DEFAULT)
    assert (kept.made_at, kept.made_by_name) == (NOW, "Ігор")


def test_a_function_whose_clock_is_behind_still_finds_what_was_in_force() -> None:
    make(("UA", 1))
    make(("UA", 2), now=NOW + DAY)
    assert price("UA", NOW + DAY - timedelta(minutes=4)) == 1
    assert price("UA", NOW + DAY) == 2


def test_the_book_holds_nothing_that_is_long_past() -> None:
    for days in range(40):
        make(("UA", days), now=NOW + days * DAY)
    book = store.get(*tariffs.wanted())
    assert book is not None
    assert len(book.content) < 500
    assert [each.version for each in tariffs.price_lists(limit=100, cursor=None)[0]] == [
        *range(40, 0, -1)
    ]


def test_no_more_than_a_dozen_versions_wait_for_their_day() -> None:
    for days in range(12):
        make(valid_from=NOW + days * DAY)
    before = stored()
    with pytest.raises(errors.Conflict, match="withdraw one"):
        make(valid_from=NOW + 12 * DAY)
    assert stored() == before
    tariffs.withdraw_price_list(12, by=IHOR, now=NOW)
    assert make(valid_from=NOW + 12 * DAY).version == 13


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    kyiv = timezone(timedelta(hours=2))
    made = make(valid_from=datetime(2026, 12, 1, 0, 0, 0, 999, tzinfo=kyiv))
    assert made.valid_from == datetime(2026, 11, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"default": None}, "default", "does not name"),
        ({"default": -1}, "default", "From 0 to 10.00"),
        ({"default": 10_000_001}, "default", "From 0 to 10.00"),
        ({"prices": [("UA", 1), ("ZZ", 1)]}, "prices[1].country", "'ZZ' is no country"),
        ({"prices": [("Ukraine", 1)]}, "prices[0].country", "is no country"),
        ({"prices": [("", 1)]}, "prices[0].country", "is no country"),
        ({"prices": [("UA", 1), ("ua", 1)]}, "prices[1].country", "UA comes twice"),
        ({"prices": [("UA", -1)]}, "prices[0].price", "From 0 to 10.00"),
        ({"prices": [("UA", 10_000_001)]}, "prices[0].price", "From 0 to 10.00"),
        ({"valid_from": NOW - timedelta(milliseconds=1)}, "valid_from", "what is past"),
        ({"valid_from": datetime.min.replace(tzinfo=UTC)}, "valid_from", "what is past"),
        ({"valid_from": datetime.max.replace(tzinfo=UTC)}, "valid_from", "two years"),
    ],
)
def test_a_wrong_list_is_refused_by_the_field_and_nothing_changes(
    wrong: dict[str, Any], field: str, words: str
) -> None:
    make()
    before = stored()
    given: dict[str, Any] = {"prices": KNOWN, "default": DEFAULT, "valid_from": None} | wrong
    with pytest.raises(errors.BadInput, match=words) as refused:
        make(*given.pop("prices"), **given)
    assert refused.value.field == field
    assert stored() == before


def test_from_nothing_to_ten_euros_are_prices() -> None:
    make(("UA", 0), ("GE", 10_000_000), ("DE", 1))
    assert [price(each) for each in ("UA", "GE", "DE")] == [0, 10_000_000, 1]


def test_countries_are_those_of_iso_3166() -> None:
    assert {"UA", "GE", "AM", "MD", "TW", "AQ"} <= countries.codes()
    assert not {"ZZ", "XX", "UK", "EU", "SU", "YU", "AN"} & countries.codes()
    assert len(countries.codes()) == 249


def test_two_operators_at_once_get_two_versions() -> None:
    with just_before_the_next_transaction(lambda: make(("UA", 1), by=OLHA)):
        mine = make(("UA", 2), by=IHOR)
    assert mine.version == 2
    assert [tariffs.price_list(number).made_by_name for number in (1, 2)] == ["Ольга", "Ігор"]
    assert price("UA") == 2


def test_a_list_and_a_policy_made_at_once_are_both_in_force() -> None:
    with just_before_the_next_transaction(lambda: set_policy(business(messages_max=50))):
        make(("UA", 7))
    now = tariffs.current(NOW)
    assert (price("UA"), now.business.messages_max) == (7, 50)


def test_what_operators_do_is_in_the_trail() -> None:
    make(valid_from=NOW + DAY)
    tariffs.withdraw_price_list(1, by=OLHA, now=NOW)
    set_policy(business(messages_max=50), days=1)
    tariffs.withdraw_policy("business", 2, by=OLHA, now=NOW)
    assert sorted(trail()) == sorted(
        [
            ("Ігор", "price list made", "1"),
            ("Ольга", "price list withdrawn", "1"),
            ("Ігор", "session policy made", "business 2"),
            ("Ольга", "session policy withdrawn", "business 2"),
        ]
    )


# Withdrawing.


def test_a_list_not_yet_in_force_can_be_withdrawn_and_is_kept_as_withdrawn() -> None:
    make(("UA", 1))
    make(("UA", 2), valid_from=NOW + DAY)
    tariffs.withdraw_price_list(2, by=OLHA, now=NOW)
    assert price("UA", NOW + 2 * DAY) == 1
    kept = tariffs.price_list(2)
    assert (kept.prices, kept.withdrawn_at) == ({"UA": 2}, NOW)
    assert make(("UA", 3)).version == 3


def test_withdrawing_twice_changes_nothing_more() -> None:
    make(valid_from=NOW + DAY)
    tariffs.withdraw_price_list(1, by=IHOR, now=NOW)
    before = stored()
    again = tariffs.withdraw_price_list(1, by=OLHA, now=NOW + 2 * DAY)
    assert again.withdrawn_at == NOW
    assert stored() == before


def test_two_who_withdraw_at_once_withdraw_once() -> None:
    make(valid_from=NOW + DAY)

    def other() -> None:
        tariffs.withdraw_price_list(1, by=OLHA, now=NOW)

    with just_before_the_next_transaction(other):
        tariffs.withdraw_price_list(1, by=IHOR, now=NOW)
    assert [line for line in trail() if "withdrawn" in line[1]] == [
        ("Ольга", "price list withdrawn", "1")
    ]


@pytest.mark.parametrize("days", [0, 1])
def test_what_is_or_was_in_force_cannot_be_withdrawn(days: int) -> None:
    make(valid_from=NOW)
    set_policy(business())
    make(now=NOW + DAY)
    before = stored()
    with pytest.raises(errors.Conflict, match="the past stays"):
        tariffs.withdraw_price_list(1, by=IHOR, now=NOW + days * DAY)
    with pytest.raises(errors.Conflict, match="the past stays"):
        tariffs.withdraw_policy("business", 2, by=IHOR, now=NOW + days * DAY)
    assert stored() == before


def test_what_was_never_made_is_not_found() -> None:
    for ask in (
        lambda: tariffs.price_list(1),
        lambda: tariffs.withdraw_price_list(1, by=IHOR, now=NOW),
        lambda: tariffs.policy("free", 1),
        lambda: tariffs.withdraw_policy("business", 1, by=IHOR, now=NOW),
        lambda: tariffs.policy_of("business", 2),
    ):
        with pytest.raises(errors.NotFound):
            ask()


def test_every_version_says_how_it_stands() -> None:
    for days in (0, 1, 2, 3):
        make(valid_from=NOW + days * DAY)
    tariffs.withdraw_price_list(4, by=IHOR, now=NOW)
    later = NOW + DAY
    in_force = tariffs.current(later).price_list
    assert in_force is not None
    listed, _ = tariffs.price_lists(limit=10, cursor=None)
    assert [tariffs.state_of(each, in_force.version, later) for each in listed] == [
        "withdrawn",
        "scheduled",
        "in-force",
        "past",
    ]


# Session policies.


@pytest.mark.rule("S2.28")
def test_a_session_lasts_24_hours_until_an_operator_sets_another_length() -> None:
    assert tariffs.current(NOW).business.window_seconds == 24 * 3600
    version = set_policy(business(window_seconds=12 * 3600), days=1)
    assert tariffs.current(NOW).business.window_seconds == 24 * 3600
    later = tariffs.current(NOW + DAY).business
    assert (later.window_seconds, later.version) == (12 * 3600, version)
    assert later == replace(sessions.BUSINESS, window_seconds=12 * 3600, version=version)


def test_each_kind_has_versions_of_its_own_from_two_on() -> None:
    free = sessions.Policy(version=1, kind="free", anchor="last", window_seconds=3600)
    assert [set_policy(free), set_policy(business()), set_policy(business())] == [2, 2, 3]
    now = tariffs.current(NOW)
    assert (now.free.version, now.free.anchor, now.free.window_seconds) == (2, "last", 3600)
    assert now.business.version == 3


def test_a_session_keeps_the_numbers_it_is_pinned_to() -> None:
    set_policy(business(messages_max=50))
    set_policy(business(messages_max=40), now=NOW + DAY)
    tariffs.forget()
    assert tariffs.current(NOW + DAY).business.messages_max == 40
    assert tariffs.policy_of("business", 2).messages_max == 50
    assert tariffs.policy_of("business", 1) is sessions.BUSINESS
    assert tariffs.policy_of("free", 1) is sessions.FREE


def test_a_withdrawn_policy_can_still_be_told() -> None:
    version = set_policy(business(messages_max=50), days=1)
    tariffs.withdraw_policy("business", version, by=IHOR, now=NOW)
    assert tariffs.current(NOW + DAY).business is sessions.BUSINESS
    tariffs.forget()
    assert tariffs.policy_of("business", version).messages_max == 50


def test_a_pinned_policy_is_read_once_and_one_of_the_book_never() -> None:
    set_policy(business(messages_max=50))
    book = store.get(*tariffs.wanted())
    tariffs.forget()
    calls: list[str] = []

    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    events = tables.connection.client.meta.events
    events.register("before-call.dynamodb", count)
    try:
        tariffs.at(book, NOW)
        assert tariffs.policy_of("business", 2).messages_max == 50
        assert calls == []
        tariffs.forget()
        assert [tariffs.policy_of("business", 2).messages_max for _ in range(3)] == [50] * 3
        assert calls == ["GetItem"]
    finally:
        events.unregister("before-call.dynamodb", count)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"window_seconds": 0}, "window_seconds"),
        ({"window_seconds": -3600}, "window_seconds"),
        ({"anchor": "middle"}, "anchor"),
        ({"messages_max": 0}, "messages_max"),
        ({"unanswered_max": 0}, "unanswered_max"),
        ({"not_starters": ("smoke",)}, "not_starters"),
        ({"types": ()}, "types"),
    ],
)
def test_wrong_numbers_are_refused_by_the_field_and_nothing_changes(
    wrong: dict[str, Any], field: str
) -> None:
    before = stored()
    with pytest.raises(errors.BadInput, match=field) as refused:
        set_policy(business(**wrong))
    assert refused.value.field == field
    assert stored() == before


def test_a_policy_cannot_begin_in_the_past() -> None:
    before = stored()
    with pytest.raises(errors.BadInput) as refused:
        set_policy(business(), days=-1)
    assert refused.value.field == "valid_from"
    assert stored() == before


@pytest.mark.rule("S2.5")
def test_a_session_costs_the_same_whatever_the_country_and_the_list() -> None:
    make(("UA", 1), ("DE", 10_000_000))
    now = tariffs.current(NOW)
    bot = Bot(
        bot_id="bot_1",
        plan=plans.BUSINESS,
        has_sessions=True,
        session_price_micros=50_000,
        paid_month="2026-11",
    )
    terms = plans.terms(bot, now.free, now.business, NOW)
    assert terms == sessions.Terms(sessions.BUSINESS, 50_000)
    # Neither a country nor a count is anything a session's price could depend on.
    heard = sessions.heard(None, NOW, "text", terms, tariffs.policy_of)
    spoken = sessions.spoke(
        heard.talk, ["text"] * 5, NOW + timedelta(minutes=1), terms, tariffs.policy_of, key="k"
    )
    assert [part.price_micros for part in spoken.parts] == [50_000, 0, 0, 0, 0]


# Files.


def test_a_file_is_read_with_its_default_and_its_countries() -> None:
    raw = b"country,price\r\ndefault,0.0200\r\nUA,0.0196\r\nge,0.0115\r\n"
    assert tariffs.read_csv(raw) == (20000, [("UA", 19600), ("ge", 11500)])


@pytest.mark.parametrize(
    "text",
    [
        "default,0.02\nUA,0.0196",
        "\ufeffdefault,0.02\r\nUA,0.0196\r\n",
        "\ufeffcountry;price\r\ndefault;0,02\r\nUA;0,0196\r\n",
        "default;0.02\nUA;0.0196\n",
        "Country , Price\n\n Default , 0.02 \n UA , 0.0196\n,\n",
        '"country","price"\n"default","0.02"\n"UA","0.0196"\n',
        "default;0,02;;\nUA;0,0196;;\n",
    ],
)
def test_a_file_that_has_been_through_a_spreadsheet_reads_the_same(text: str) -> None:
    assert tariffs.read_csv(text.encode()) == (20000, [("UA", 19600)])


def test_every_wrong_line_is_named_by_its_number() -> None:
    lines = [
        "country,price",
        "default,0.02",
        "UA,0.0196",
        "ZZ,0.01",
        "UA,0.02",
        "DE,-0.01",
        "FR,cheap",
        "IT,0,02",
        "ES",
        "PL,10.01",
        "CZ,0.0000001",
        "default,0.03",
        "MD,0.05",
    ]
    with pytest.raises(errors.BadInput, match="Nothing was imported") as refused:
        tariffs.read_csv("\n".join(lines).encode())
    wrong = {each["line"]: each["detail"] for each in refused.value.facts["lines"]}
    assert list(wrong) == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert "'ZZ' is no country" in wrong[4]
    assert "UA comes twice" in wrong[5]
    assert "no more and no less" in wrong[8]
    assert "10.00" in wrong[10]
    assert "6 decimals" in wrong[11]
    assert "The default comes twice" in wrong[12]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"default,0.02\nUA,0.0196\nD\xff,0.1", "Line 3: This is not UTF-8"),
        ("default,0.02".encode("utf-16"), "Line 1: This is not UTF-8"),
        (b'default,0.02\n"UA,0.0196', "Line 2"),
        (b"default,0.02\n" + b"\n".join(b"UA,1" for _ in range(2000)), "at most 1000 lines"),
        (b"default,0.02\nUA," + b"1" * 200_000, "Line 2"),
    ],
)
def test_what_is_no_such_file_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(errors.BadInput, match=words):
        tariffs.read_csv(raw)


@pytest.mark.parametrize("raw", [b"", b"\xef\xbb\xbf", b"country,price\r\n", b"UA,0.0196"])
def test_a_file_without_a_default_makes_no_list(raw: bytes) -> None:
    before = stored()
    default, prices = tariffs.read_csv(raw)
    with pytest.raises(errors.BadInput) as refused:
        tariffs.make_price_list(prices, default, None, by=IHOR, now=NOW)
    assert refused.value.field == "default"
    assert stored() == before


def test_a_list_is_written_so_that_a_spreadsheet_opens_it_right() -> None:
    made = make()
    text = tariffs.csv_of(made.default_micros, made.prices)
    assert text == (
        "\ufeffcountry,price\r\ndefault,0.02\r\nAM,0.0138\r\nGE,0.0115\r\nUA,0.0196\r\n"
    )


@given(
    default=st.integers(0, 10_000_000),
    prices=st.dictionaries(
        st.sampled_from(sorted(countries.codes())), st.integers(0, 10_000_000), max_size=30
    ),
)
def test_what_was_written_is_read_as_it_was(default: int, prices: dict[str, int]) -> None:
    text = tariffs.csv_of(default, prices)
    assert tariffs.read_csv(text.encode()) == (default, list(prices.items()))
    through_excel = text.replace(",", ";").replace(".", ",")
    assert tariffs.read_csv(through_excel.encode()) == (default, list(prices.items()))
    for line in text.removeprefix("\ufeff").splitlines():
        assert not set(line) & set("=+@\t"), "nothing a spreadsheet would calculate"
        assert not line.startswith("-")


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_nothing_else(raw: bytes) -> None:
    try:
        tariffs.read_csv(raw)
    except errors.BadInput as refused:
        assert refused.detail  # noqa: PT017


def test_a_price_list_has_a_price_for_whoever_has_no_country() -> None:
    assert PriceList(1, NOW, 5, {"UA": 6}).price_of(None) == 5
