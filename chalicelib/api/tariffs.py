"""Price lists and session policies: everybody reads them, operators make and withdraw them."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from chalice.app import Response

from chalicelib import errors, money, sessions, tariffs
from chalicelib.money import Money
from chalicelib.tables import PolicyItem, PriceListItem
from chalicelib.web import (
    CSV,
    EVERYBODY,
    OPERATORS,
    Call,
    Empty,
    Headers,
    Nouns,
    Page,
    PageQuery,
    page_limit,
)

nouns = Nouns()

ZonedInstant = Annotated[datetime, msgspec.Meta(tz=True)]
Country = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[A-Za-z]{2}$"})]
Kind = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["free", "business"]})]
UNSET = msgspec.UNSET
Unset = msgspec.UnsetType


class CountryPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bot-initiated message to a country costs."""

    country: Country
    price: Money


class PriceListIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new list: the price of each country named, and of all the others."""

    default: Money
    prices: list[CountryPrice]
    valid_from: ZonedInstant | None = None


class PriceListLine(msgspec.Struct, frozen=True):
    """A price list, without its prices; its state is in-force, scheduled, past or withdrawn."""

    version: int
    state: str
    valid_from: datetime
    default: Money
    countries: int
    made_at: datetime
    made_by_name: str | None
    withdrawn_at: datetime | None


class PriceListOut(msgspec.Struct, frozen=True):
    """A price list whole."""

    version: int
    state: str
    valid_from: datetime
    default: Money
    prices: list[CountryPrice]
    made_at: datetime
    made_by_name: str | None
    withdrawn_at: datetime | None


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the list of a file comes into force, now if not said."""

    valid_from: ZonedInstant | None = None


class PolicyQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which kind's policies."""

    kind: Kind = "business"


class PolicyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New numbers of sessions; a paid session's are all to be said, null is no limit."""

    kind: Kind
    window_seconds: int
    anchor: str
    not_starters: list[str] | Unset = UNSET
    messages_max: int | Unset | None = UNSET
    unanswered_max: int | Unset | None = UNSET
    types: list[str] | Unset | None = UNSET
    restarts: bool | Unset = UNSET
    valid_from: ZonedInstant | None = None


class PolicyOut(msgspec.Struct, frozen=True):
    """One version of a kind's numbers; version 1 is built in and has no beginning."""

    kind: str
    version: int
    state: str
    valid_from: datetime | None
    window_seconds: int
    anchor: str
    not_starters: list[str]
    messages_max: int | None
    unanswered_max: int | None
    types: list[str] | None
    restarts: bool
    made_at: datetime | None
    made_by_name: str | None
    withdrawn_at: datetime | None


@nouns.route_to(
    "GET",
    "/v1/price-lists",
    roles=EVERYBODY,
    scope="billing:read",
    query=PageQuery,
    answer=list[PriceListLine],
)
def list_price_lists(call: Call[Empty, PageQuery]) -> Page:
    """List all price lists, newest first."""
    found, cursor = tariffs.price_lists(limit=page_limit(call.query), cursor=call.query.cursor)
    in_force = _number_in_force(call.now)
    lines = [
        PriceListLine(countries=len(item.prices), **_told(call, item, in_force)) for item in found
    ]
    return Page(lines, cursor)


@nouns.route_to(
    "POST", "/v1/price-lists", roles=OPERATORS, body=PriceListIn, answer=PriceListOut, status=201
)
def make_price_list(call: Call[PriceListIn, Empty]) -> PriceListOut:
    """Set what bot-initiated messages cost, from an instant on that is not past."""
    body = call.body
    prices = [
        (each.country, money.price(each.price, field=f"prices[{position}].price"))
        for position, each in enumerate(body.prices)
    ]
    default = money.price(body.default, field="default")
    made = tariffs.make_price_list(prices, default, body.valid_from, by=call.actor, now=call.now)
    return _price_list_out(call, made)


@nouns.route_to(
    "POST",
    "/v1/price-lists/import",
    roles=OPERATORS,
    body=bytes,
    takes=CSV,
    query=ImportQuery,
    answer=PriceListOut,
    status=201,
)
def import_price_list(call: Call[bytes, ImportQuery]) -> PriceListOut:
    """Make a price list of a file with the columns country and price, `default` among them."""
    default, prices = tariffs.read_csv(call.body)
    start = call.query.valid_from
    made = tariffs.make_price_list(prices, default, start, by=call.actor, now=call.now)
    return _price_list_out(call, made)


@nouns.route_to(
    "GET",
    "/v1/price-lists/{version}",
    roles=EVERYBODY,
    scope="billing:read",
    answer=PriceListOut,
)
def show_price_list(call: Call[Empty, Empty], version: str) -> PriceListOut:
    """Show one price list."""
    return _price_list_out(call, tariffs.price_list(_number(version)))


@nouns.route_to(
    "GET",
    "/v1/price-lists/{version}/csv",
    roles=EVERYBODY,
    scope="billing:read",
    answer=str,
    gives=CSV,
)
def export_price_list(call: Call[Empty, Empty], version: str) -> Response:
    """Give one price list as a file for a spreadsheet."""
    item = tariffs.price_list(_number(version))
    headers: Headers = {
        "Content-Type": f"{CSV}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="price-list-{item.version}.csv"',
    }
    return Response(tariffs.csv_of(item.default_micros, item.prices), headers=headers)


@nouns.route_to(
    "DELETE",
    "/v1/price-lists/{version}",
    roles=OPERATORS,
    answer=None,
    status=204,
    problems=(409,),
)
def withdraw_price_list(call: Call[Empty, Empty], version: str) -> None:
    """Withdraw a price list that is not in force yet."""
    tariffs.withdraw_price_list(_number(version), by=call.actor, now=call.now)


@nouns.route_to(
    "GET",
    "/v1/session-policies",
    roles=EVERYBODY,
    scope="billing:read",
    query=PolicyQuery,
    answer=list[PolicyOut],
)
def list_policies(call: Call[Empty, PolicyQuery]) -> Page:
    """List the versions of a kind's session policy, newest first; the built-in one ends it."""
    query = call.query
    kind = _kind(query.kind)
    found, cursor = tariffs.policies(kind, limit=page_limit(query), cursor=query.cursor)
    in_force = getattr(tariffs.current(call.now), kind).version
    lines = [_policy_out(call, item, in_force) for item in found]
    if cursor is None:
        lines.append(_built_in(kind, in_force))
    return Page(lines, cursor)


@nouns.route_to(
    "POST", "/v1/session-policies", roles=OPERATORS, body=PolicyIn, answer=PolicyOut, status=201
)
def make_policy(call: Call[PolicyIn, Empty]) -> PolicyOut:
    """Set the numbers that new sessions begin under, from an instant on that is not past."""
    body = call.body
    said = msgspec.structs.asdict(body)
    start = said.pop("valid_from")
    for field, value in said.items():
        if value is UNSET and body.kind == "business":
            raise errors.BadInput("Say it; null is no limit.", field=field)
    wish = msgspec.convert(
        {"version": 1} | {field: value for field, value in said.items() if value is not UNSET},
        sessions.Policy,
    )
    made = tariffs.make_policy(wish, start, by=call.actor, now=call.now)
    in_force = getattr(tariffs.current(call.now), made.kind).version
    return _policy_out(call, made, in_force)


@nouns.route_to(
    "DELETE",
    "/v1/session-policies/{kind}/{version}",
    roles=OPERATORS,
    answer=None,
    status=204,
    problems=(409,),
)
def withdraw_policy(call: Call[Empty, Empty], kind: str, version: str) -> None:
    """Withdraw a session policy that is not in force yet."""
    if kind not in tariffs.KINDS:
        raise errors.NotFound("There is no session policy of this kind.", field="kind")
    tariffs.withdraw_policy(kind, _number(version), by=call.actor, now=call.now)


def _price_list_out(call: Call[Any, Any], item: PriceListItem) -> PriceListOut:
    prices = [CountryPrice(country, money.told(micros)) for country, micros in item.prices.items()]
    return PriceListOut(prices=prices, **_told(call, item, _number_in_force(call.now)))


def _told(call: Call[Any, Any], item: PriceListItem, in_force: int | None) -> dict[str, Any]:
    return _dated(call, item, in_force) | {"default": money.told(item.default_micros)}


def _policy_out(call: Call[Any, Any], item: PolicyItem, in_force: int) -> PolicyOut:
    numbers = {"kind": item.kind} | item.policy
    return msgspec.convert(numbers | _dated(call, item, in_force), PolicyOut)


def _built_in(kind: str, in_force: int) -> PolicyOut:
    policy = tariffs.policy_of(kind, 1)
    numbers = msgspec.to_builtins(policy)
    unknown = dict.fromkeys(("valid_from", "made_at", "made_by_name", "withdrawn_at"))
    state = "in-force" if in_force == policy.version else "past"
    return msgspec.convert(numbers | unknown | {"state": state}, PolicyOut)


def _dated(call: Call[Any, Any], item: tariffs.Version, in_force: int | None) -> dict[str, Any]:
    return {
        "version": item.version,
        "state": tariffs.state_of(item, in_force, call.now),
        "valid_from": item.valid_from,
        "made_at": item.made_at,
        # Who works for the platform is no business of its customers.
        "made_by_name": item.made_by_name if call.caller.role in OPERATORS else None,
        "withdrawn_at": item.withdrawn_at,
    }


def _number_in_force(now: datetime) -> int | None:
    price_list = tariffs.current(now).price_list
    return None if price_list is None else price_list.version


def _kind(given: str) -> str:
    if given not in tariffs.KINDS:
        raise errors.BadInput(f"One of {', '.join(tariffs.KINDS)}.", field="kind")
    return given


def _number(version: str) -> int:
    if not (version.isascii() and version.isdecimal() and len(version) <= 6):
        raise errors.NotFound("There is nothing with this number.", field="version")
    return int(version)
