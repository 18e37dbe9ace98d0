"""What a forecast begins with, read from the account as it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib import billing, bots, months, plans, store, tariffs
from chalicelib.forecast import pace
from chalicelib.forecast.legacy import Outlook, outlook
from chalicelib.forecast.pace import Spent
from chalicelib.forecast.playing import Forecast, Start, TopUp, play
from chalicelib.tables import Account, Balance, Bot, MoneySettings, Quota

READ_AT_ONCE = 100


class WhatIf(NamedTuple):
    """What is to be different from how it is now; nothing, unless said."""

    top_ups: Sequence[TopUp] = ()
    new_bots: int = 0
    pace_factor: float = 1
    daily_micros: int | None = None


class Foretold(NamedTuple):
    """A forecast, the pace it went by, and how legacy bots' quotas go."""

    forecast: Forecast
    spent: Spent
    weekday_micros: Sequence[int]
    legacy: list[Outlook]


def until(now: datetime, months_ahead: int) -> datetime:
    """Tell where a forecast ends: with the last of so many months after this one."""
    return months.end(months.after(months.of(now, plans.zone()), months_ahead), plans.zone())


def foretell(account: Account, months_ahead: int, what_if: WhatIf, *, now: datetime) -> Foretold:
    """Play an account forward at its own pace, but for what is to be different."""
    account_id = account.account_id
    balance, settings, kept, book = store.read(
        billing.wanted(account_id),
        (MoneySettings, account_id, "settings"),
        pace.wanted(account_id),
        tariffs.wanted(),
    )
    spent = pace.spent(account_id, kept, zone=account.time_zone, since=account.created_at, now=now)
    weekday_micros = [round(each * what_if.pace_factor) for each in spent.per_weekday()]
    if what_if.daily_micros is not None:
        weekday_micros = [what_if.daily_micros] * pace.DAYS_A_WEEK
    all_bots = bots_of(account_id)
    forecast = play(
        start_of(balance, all_bots, settings, weekday_micros),
        until=until(now, months_ahead),
        now=now,
        top_ups=what_if.top_ups,
        new_bots=what_if.new_bots,
    )
    price_list = tariffs.at(book, now).price_list
    price = None if price_list is None else price_list.default_micros
    return Foretold(forecast, spent, weekday_micros, _legacy(account_id, all_bots, price, now))


def start_of(
    balance: Balance | None,
    all_bots: Sequence[Bot],
    settings: MoneySettings | None,
    weekday_micros: Sequence[int],
) -> Start:
    """Give what a forecast begins with; money held counts as spent, for it is on its way."""
    balance = balance or Balance(key="-")
    return Start(
        available_micros=balance.available_micros,
        owed_micros=balance.owed_micros,
        bots=all_bots,
        protects_fees=settings is None or bool(settings.protects_fees),
        weekday_micros=weekday_micros,
    )


def bots_of(account_id: str) -> list[Bot]:
    """Read all bots of an account, oldest first."""
    found, cursor = bots.of_account(account_id, limit=READ_AT_ONCE, cursor=None)
    while cursor is not None:
        more, cursor = bots.of_account(account_id, limit=READ_AT_ONCE, cursor=cursor)
        found += more
    return found


def quotas_of(account_id: str, legacy_bots: Sequence[Bot], month: str) -> list[int]:
    """Read how many messages each of these bots has used in a UTC month."""
    places = [(Quota, account_id, billing.quota_item(bot.bot_id, month)) for bot in legacy_bots]
    return [0 if quota is None else quota.used for quota in store.read(*places)]


def _legacy(
    account_id: str, all_bots: Sequence[Bot], price_micros: int | None, now: datetime
) -> list[Outlook]:
    found = [bot for bot in all_bots if bot.plan == plans.LEGACY and plans.may_send(bot, now)]
    month = months.of_utc(now)
    used = quotas_of(account_id, found, month)
    before = quotas_of(account_id, found, months.after(month, -1))
    return [
        outlook(bot, this, last, price_micros, now=now)
        for bot, this, last in zip(found, used, before, strict=True)
    ]
