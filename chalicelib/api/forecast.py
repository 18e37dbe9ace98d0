"""What-if: the account's money played forward, as it goes on or with something changed."""

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib import errors, forecast, money, people, plans
from chalicelib.forecast import Event, Foretold, Outlook, Row, TopUp, WhatIf
from chalicelib.money import Money, told
from chalicelib.web import ADMINS, Call, Empty, Nouns

nouns = Nouns()

ZonedInstant = Annotated[datetime, msgspec.Meta(tz=True)]
TOP_UPS_MAX = 50
MONTHS_MAX = 12


class PlannedTopUpIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money that is to come in at an instant within the forecast."""

    at: ZonedInstant
    amount: Money


class ChangesIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different: money that comes in, bots applied for now, another pace.

    `daily_spend` is spent every day in place of the account's own pace; `pace_factor` multiplies
    that pace.
    """

    top_ups: Annotated[list[PlannedTopUpIn], msgspec.Meta(max_length=TOP_UPS_MAX)] = []
    new_bots: Annotated[int, msgspec.Meta(ge=0, le=50)] = 0
    pace_factor: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    daily_spend: Money | None = None


class ForecastIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many months after this one, and what is to be different in them."""

    months: Annotated[int, msgspec.Meta(ge=1, le=MONTHS_MAX)]
    changes: ChangesIn = ChangesIn()


class MoneyRow(msgspec.Struct, frozen=True):
    """A month (`2026-12`) or day (`2026-12-24`): what it takes, and what is there at its end.

    `unspent` is what the pace wanted to spend and the money did not suffice for.
    """

    name: str
    spent: Money
    unspent: Money
    fees: Money
    other: Money
    top_ups: Money
    available: Money
    set_aside: Money
    owed: Money


class ForecastEvent(msgspec.Struct, frozen=True):
    """Something that will happen: a fee paid or refused, a bot that ends, money that is out."""

    at: datetime
    kind: str
    amount: Money
    bot_id: str | None
    bot_name: str | None
    month: str | None


class LegacyOutlook(msgspec.Struct, frozen=True):
    """How a legacy bot's month goes, and what its messages would cost on the commercial plan.

    `break_even` is what each message beyond the limit has to be worth for the move to pay.
    """

    bot_id: str
    bot_name: str
    used: int
    limit: int
    messages_a_month: int
    runs_out_at: datetime | None
    commercial_month: Money | None
    break_even: Money | None


class ForecastOut(msgspec.Struct, frozen=True):
    """What will be until an instant; days and months are those of the fee calendar's zone.

    `weekday_spend` is what is spent each day from Monday to Sunday, the mean of `days_known`
    days, or what was asked for. Money that is held counts as spent.
    """

    until: datetime
    time_zone: str
    weekday_spend: list[Money]
    days_known: int
    out_at: datetime | None
    months: list[MoneyRow]
    days: list[MoneyRow]
    events: list[ForecastEvent]
    legacy: list[LegacyOutlook]


@nouns.route_to(
    "POST",
    "/v1/forecast",
    roles=ADMINS,
    scope="billing:read",
    body=ForecastIn,
    answer=ForecastOut,
)
def foretell(call: Call[ForecastIn, Empty]) -> ForecastOut:
    """Play the account forward by the rules of fees, at its own pace or with changes."""
    body = call.body
    what_if = _what_if(body, call.now)
    account = people.account(call.account_id)
    return _forecast_out(forecast.foretell(account, body.months, what_if, now=call.now))


def _what_if(body: ForecastIn, now: datetime) -> WhatIf:
    changes = body.changes
    until = forecast.until(now, body.months)
    top_ups = []
    for position, each in enumerate(changes.top_ups):
        field = f"changes.top_ups[{position}]"
        if not now <= each.at < until:
            raise errors.BadInput("An instant within the forecast.", field=f"{field}.at")
        top_ups.append(TopUp(each.at, money.amount(each.amount, field=f"{field}.amount")))
    daily = changes.daily_spend
    return WhatIf(
        top_ups=top_ups,
        new_bots=changes.new_bots,
        pace_factor=changes.pace_factor,
        daily_micros=None if daily is None else money.price(daily, field="changes.daily_spend"),
    )


def _forecast_out(found: Foretold) -> ForecastOut:
    foreseen = found.forecast
    return ForecastOut(
        until=foreseen.until,
        time_zone=plans.zone(),
        weekday_spend=[told(micros) for micros in found.weekday_micros],
        days_known=len(found.spent.days),
        out_at=foreseen.out_at,
        months=[_row_out(row) for row in foreseen.months],
        days=[_row_out(row) for row in foreseen.days],
        events=[_event_out(event) for event in foreseen.events],
        legacy=[_legacy_out(each) for each in found.legacy],
    )


def _row_out(row: Row) -> MoneyRow:
    return MoneyRow(
        name=row.name,
        spent=told(row.spent_micros),
        unspent=told(row.unspent_micros),
        fees=told(row.fees_micros),
        other=told(row.other_micros),
        top_ups=told(row.top_ups_micros),
        available=told(row.available_micros),
        set_aside=told(row.set_aside_micros),
        owed=told(row.owed_micros),
    )


def _event_out(event: Event) -> ForecastEvent:
    return ForecastEvent(
        event.at, event.kind, told(event.micros), event.bot_id, event.bot_name, event.month
    )


def _legacy_out(found: Outlook) -> LegacyOutlook:
    return LegacyOutlook(
        bot_id=found.bot_id,
        bot_name=found.bot_name,
        used=found.used,
        limit=found.limit,
        messages_a_month=found.messages_a_month,
        runs_out_at=found.runs_out_at,
        commercial_month=money.told_or_none(found.commercial_micros),
        break_even=money.told_or_none(found.break_even_micros),
    )
