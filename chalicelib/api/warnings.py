"""Warnings an account was given, and what it has set about its money."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from chalicelib import alerts, money
from chalicelib.alerts.giving import STATES
from chalicelib.money import Money, told
from chalicelib.tables import MoneySettings, MoneyWarning
from chalicelib.web import ADMINS, AGENTS, Call, Empty, Nouns, Page, PageQuery, page_limit

nouns = Nouns()

State = Annotated[str, msgspec.Meta(extra_json_schema={"enum": STATES})]
UNSET = msgspec.UNSET
Unset = msgspec.UnsetType


class WarningsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which warnings: those the account is under, or those that are over."""

    state: State | None = None


class WarningOut(msgspec.Struct, frozen=True):
    """One warning: what was crossed, since when, and until when. `facts` are by its kind.

    `mail` is wanted, sending, sent, failed or off.
    """

    warning_id: str
    kind: str
    bot_id: str | None
    facts: dict[str, Any]
    raised_at: datetime
    cleared_at: datetime | None
    seen_at: datetime | None
    mail: str
    mailed_at: datetime | None


class MoneySettingsOut(msgspec.Struct, frozen=True):
    """Fee protection, the lines of warnings, and who gets them by mail."""

    protects_fees: bool
    low_balance: list[Money]
    runway_days: list[int]
    quota_percents: list[int]
    mails: bool
    to_admins: bool
    addresses: list[str]


class MoneySettingsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings to change; the others stay. An empty list warns of nothing of its kind."""

    protects_fees: bool | Unset = UNSET
    low_balance: list[Money] | Unset = UNSET
    runway_days: list[int] | Unset = UNSET
    quota_percents: list[int] | Unset = UNSET
    mails: bool | Unset = UNSET
    to_admins: bool | Unset = UNSET
    addresses: list[str] | Unset = UNSET


@nouns.route_to(
    "GET",
    "/v1/warnings",
    roles=ADMINS,
    scope="billing:read",
    query=WarningsQuery,
    answer=list[WarningOut],
)
def list_warnings(call: Call[Empty, WarningsQuery]) -> Page:
    """List the account's warnings, newest first; a page of one state may be short."""
    query = call.query
    found, cursor = alerts.listed(
        call.account_id, state=query.state, limit=page_limit(query), cursor=query.cursor
    )
    return Page([_warning_out(warning) for warning in found], cursor)


@nouns.route_to(
    "POST",
    "/v1/warnings/{warning_id}/seen",
    roles=ADMINS,
    scope="billing:write",
    answer=WarningOut,
    problems=(404,),
)
def see_warning(call: Call[Empty, Empty], warning_id: str) -> WarningOut:
    """Note that a warning was seen; it stands all the same until it is over."""
    by = call.actor.actor_id
    return _warning_out(alerts.see(call.account_id, warning_id, by=by, now=call.now))


@nouns.route_to(
    "GET",
    "/v1/money-settings",
    roles=AGENTS,
    scope="billing:read",
    answer=MoneySettingsOut,
)
def get_money_settings(call: Call[Empty, Empty]) -> MoneySettingsOut:
    """Read what the account has set about its money."""
    return _settings_out(alerts.settings(call.account_id))


@nouns.route_to(
    "PATCH",
    "/v1/money-settings",
    roles=ADMINS,
    scope="billing:write",
    body=MoneySettingsIn,
    answer=MoneySettingsOut,
)
def change_money_settings(call: Call[MoneySettingsIn, Empty]) -> MoneySettingsOut:
    """Change fee protection, the lines of warnings, and who gets them by mail."""
    said = msgspec.structs.asdict(call.body)
    changes = {name: value for name, value in said.items() if value is not UNSET}
    if "low_balance" in changes:
        changes["low_balance_micros"] = [
            money.price(each, field=f"low_balance[{position}]", decimals=2)
            for position, each in enumerate(changes.pop("low_balance"))
        ]
    protects = changes.pop("protects_fees", None)
    return _settings_out(
        alerts.change(call.account_id, changes, protects_fees=protects, by=call.actor, now=call.now)
    )


def _settings_out(found: MoneySettings) -> MoneySettingsOut:
    chosen = alerts.chosen(found)
    return MoneySettingsOut(
        protects_fees=bool(found.protects_fees),
        low_balance=[told(micros) for micros in chosen.low_balance_micros],
        runway_days=chosen.runway_days,
        quota_percents=chosen.quota_percents,
        mails=chosen.mails,
        to_admins=chosen.to_admins,
        addresses=chosen.addresses,
    )


def _warning_out(warning: MoneyWarning) -> WarningOut:
    return WarningOut(
        warning_id=warning.warning_id,
        kind=warning.kind,
        bot_id=warning.bot_id,
        facts=dict(_fact(name, value) for name, value in warning.facts.items()),
        raised_at=warning.raised_at,
        cleared_at=warning.cleared_at,
        seen_at=warning.seen_at,
        mail=warning.mail,
        mailed_at=warning.mailed_at,
    )


def _fact(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith("_micros"):
        return name.removesuffix("_micros"), told(value)
    return name, value
