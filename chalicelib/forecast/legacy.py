"""When a legacy bot's messages of the month run out, and what the commercial plan would cost."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from chalicelib import config, months, plans
from chalicelib.tables import Bot

UTC_ZONE = "UTC"
A_DAY = timedelta(days=1)


class Outlook(NamedTuple):
    """How a legacy bot's quota goes at its pace of this month and the last.

    `commercial_micros` is what a month at this pace would cost on the commercial plan, by the
    price of a country that the price list does not name. `break_even_micros` is what each
    message beyond the quota has to be worth for the move to pay; None where there is none.
    """

    bot_id: str
    bot_name: str
    used: int
    limit: int
    messages_a_month: int
    runs_out_at: datetime | None
    commercial_micros: int | None
    break_even_micros: int | None


def outlook(
    bot: Bot, used: int, used_last_month: int, price_micros: int | None, *, now: datetime
) -> Outlook:
    """Tell how a legacy bot's quota goes, and what moving it would mean."""
    limit = plans.LEGACY_MESSAGES_A_MONTH
    month = months.of_utc(now)
    begin, end = months.begin(month, UTC_ZONE), months.end(month, UTC_ZONE)
    counted_from = begin
    if used_last_month:
        counted_from = months.begin(months.after(month, -1), UTC_ZONE)
    counted, passed = used + used_last_month, max(now - counted_from, A_DAY)
    a_month = round(counted * ((end - begin) / passed))
    commercial = None
    if price_micros is not None:
        commercial = config.maintenance_fee_micros() + a_month * price_micros
    beyond = a_month - limit
    return Outlook(
        bot_id=bot.bot_id,
        bot_name=bot.name,
        used=used,
        limit=limit,
        messages_a_month=a_month,
        runs_out_at=_runs_out(used, limit, counted, passed, now, end),
        commercial_micros=commercial,
        break_even_micros=commercial // beyond if commercial is not None and beyond > 0 else None,
    )


def _runs_out(
    used: int, limit: int, counted: int, passed: timedelta, now: datetime, end: datetime
) -> datetime | None:
    """Tell when the quota of this month is used up, or that of the next one."""
    if used >= limit:
        return now
    if not counted:
        return None
    at = now + passed * ((limit - used) / counted)
    if at < end:
        return at.astimezone(UTC)
    next_end = months.end(months.of_utc(end), UTC_ZONE)
    at = end + passed * (limit / counted)
    return at.astimezone(UTC) if at < next_end else None
