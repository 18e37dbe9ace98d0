"""Which lines are crossed: a function of an account's money, bots, pace and the instant.

What is warned of once is kept until things are a tenth better than the line, so that what goes
to and fro at it is told once. Of several lines crossed the gravest speaks.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib import forecast, money, months, plans
from chalicelib.alerts.choosing import Chosen
from chalicelib.plans import Fee
from chalicelib.tables import Bot, MoneyWarning

LOW_BALANCE = "low-balance"
RUNWAY = "runway"
FEE_NOT_COVERED = "fee-not-covered"
FEE_REFUSED = "fee-refused"
BOT_DEACTIVATED = "bot-deactivated"
SESSIONS_OFF = "sessions-off"
LEGACY_QUOTA = "legacy-quota"
DEBT = "debt"
KINDS = (
    LOW_BALANCE,
    RUNWAY,
    FEE_NOT_COVERED,
    FEE_REFUSED,
    BOT_DEACTIVATED,
    SESSIONS_OFF,
    LEGACY_QUOTA,
    DEBT,
)

# What comes back from a failed message must not look like money that came in.
CLEARED_ABOVE_MICROS = money.euros(1)
ENDED_IS_NEWS_FOR = timedelta(days=30)


class Situation(NamedTuple):
    """An account as it is: its money, its bots, their counts of the UTC month, its pace."""

    available_micros: int
    owed_micros: int
    bots: Sequence[Bot]
    protects_fees: bool
    used: Mapping[str, int]
    daily_micros: int
    chosen: Chosen


class Finding(NamedTuple):
    """A line that is crossed: `subject` is what it is about, a higher `grade` is graver."""

    subject: str
    grade: int
    kind: str
    bot_id: str | None
    facts: dict[str, Any]


class Active(NamedTuple):
    """What an account is under now: how grave, and the warning that told it, if one still does."""

    grade: int
    warning_id: str | None


class Crossing(NamedTuple):
    """What is to change about one subject: a finding to warn of, or a grade to fall back to."""

    subject: str
    raised: Finding | None
    grade: int


def crossings(situation: Situation, active: Mapping[str, Active], now: datetime) -> list[Crossing]:
    """Tell what an account is to be warned of, and what it is no longer under."""
    crossed = {each.subject: each for each in findings(situation, now, is_kept=False)}
    kept = {each.subject: each.grade for each in findings(situation, now, is_kept=True)}
    found = []
    for subject in sorted({*crossed, *active}):
        grade = active[subject].grade if subject in active else 0
        raised = crossed.get(subject)
        if raised is not None and raised.grade > grade:
            found.append(Crossing(subject, raised, raised.grade))
        elif kept.get(subject, 0) < grade:
            found.append(Crossing(subject, None, kept.get(subject, 0)))
    return found


def findings(situation: Situation, now: datetime, *, is_kept: bool) -> list[Finding]:
    """List the lines that are crossed, or those that nothing has come well above of yet."""
    found = [
        _low_balance(situation, now, is_kept=is_kept),
        _runway(situation, now, is_kept=is_kept),
        _debt(situation),
    ]
    found += _fees(situation, now, is_kept=is_kept)
    for bot in situation.bots:
        found += [_ended(bot, now), _quota(situation, bot, now, is_kept=is_kept)]
    return [each for each in found if each is not None]


def pays(bots: Sequence[Bot], now: datetime) -> bool:
    """Say whether an account has a bot that spends money."""
    paid = (plans.COMMERCIAL, plans.BUSINESS)
    return any(bot.plan in paid and plans.may_send(bot, now) for bot in bots)


def _low_balance(situation: Situation, now: datetime, *, is_kept: bool) -> Finding | None:
    available, lines = situation.available_micros, situation.chosen.low_balance_micros
    if not pays(situation.bots, now):
        return None
    crossed = [
        line
        for line in lines
        if available <= (max(line * 11 // 10, line + CLEARED_ABOVE_MICROS) if is_kept else line)
    ]
    if not crossed:
        return None
    facts = {"available_micros": available, "line_micros": crossed[-1]}
    return Finding(LOW_BALANCE, len(crossed), LOW_BALANCE, None, facts)


def _runway(situation: Situation, now: datetime, *, is_kept: bool) -> Finding | None:
    """Warn where the money does not last so many days at the pace, fees being taken as well."""
    lines = situation.chosen.runway_days
    if not lines or not situation.daily_micros or not pays(situation.bots, now):
        return None
    start = forecast.Start(
        situation.available_micros,
        situation.owed_micros,
        situation.bots,
        situation.protects_fees,
        [situation.daily_micros] * 7,
    )
    until = now + _days(max(lines), is_kept=True) + timedelta(days=1)
    out_at = forecast.play(start, until=until, now=now).out_at
    if out_at is None:
        return None
    lasts = out_at - now
    crossed = [line for line in lines if lasts <= _days(line, is_kept=is_kept)]
    if not crossed:
        return None
    facts = {
        "days": lasts // timedelta(days=1),
        "line_days": crossed[-1],
        "out_at": out_at.isoformat(),
        "daily_micros": situation.daily_micros,
        "available_micros": situation.available_micros,
    }
    return Finding(RUNWAY, len(crossed), RUNWAY, None, facts)


def _days(line: int, *, is_kept: bool) -> timedelta:
    return timedelta(days=line) * 11 / 10 if is_kept else timedelta(days=line)


def _debt(situation: Situation) -> Finding | None:
    if not situation.owed_micros:
        return None
    return Finding(DEBT, 1, DEBT, None, {"owed_micros": situation.owed_micros})


def _fees(situation: Situation, now: datetime, *, is_kept: bool) -> list[Finding]:
    """Count what the next fees need, in the order they are taken, against what is available."""
    found = []
    left = situation.available_micros
    for bot in sorted(situation.bots, key=plans.order_of_fees):
        fee = plans.next_fee(bot)
        if fee is None or now < fee.protected_from:
            continue
        missing = max(fee.micros - bot.set_aside_micros, 0)
        wanted = missing * 11 // 10 if is_kept else missing
        if wanted > left:
            found.append(_fee(bot, fee, missing - min(missing, left), now))
        left -= min(missing, left)
    return found


def _fee(bot: Bot, fee: Fee, short_micros: int, now: datetime) -> Finding:
    is_refused = now >= fee.due_at
    facts = {
        "bot_name": bot.name,
        "month": fee.month,
        "fee_kind": fee.kind,
        "fee_micros": fee.micros,
        "short_micros": short_micros,
        "due_at": fee.due_at.isoformat(),
        "last_at": fee.last_at.isoformat(),
    }
    return Finding(
        f"fee#{bot.bot_id}#{fee.month}",
        2 if is_refused else 1,
        FEE_REFUSED if is_refused else FEE_NOT_COVERED,
        bot.bot_id,
        facts,
    )


def _ended(bot: Bot, now: datetime) -> Finding | None:
    if bot.ended_at is None or bot.ended_reason != plans.UNPAID:
        return None
    if now - bot.ended_at > ENDED_IS_NEWS_FOR:
        return None
    kind = SESSIONS_OFF if bot.plan == plans.BUSINESS else BOT_DEACTIVATED
    facts = {"bot_name": bot.name, "ended_at": bot.ended_at.isoformat()}
    return Finding(f"ended#{bot.bot_id}", 1, kind, bot.bot_id, facts)


def _quota(situation: Situation, bot: Bot, now: datetime, *, is_kept: bool) -> Finding | None:
    if bot.plan != plans.LEGACY or bot.bot_id not in situation.used:
        return None
    used, limit = situation.used[bot.bot_id], plans.LEGACY_MESSAGES_A_MONTH
    lines = situation.chosen.quota_percents
    crossed = [
        line for line in lines if used * 1000 >= limit * (line * 9 if is_kept else line * 10)
    ]
    if not crossed:
        return None
    month = months.of_utc(now)
    facts = {
        "bot_name": bot.name,
        "used": used,
        "limit": limit,
        "line_percent": crossed[-1],
        "month": month,
    }
    return Finding(f"quota#{bot.bot_id}#{month}", len(crossed), LEGACY_QUOTA, bot.bot_id, facts)


def active_of(stored: Mapping[str, Any]) -> dict[str, Active]:
    """Read what an account is under."""
    return {subject: Active(*each) for subject, each in stored.items()}


def warning_item(warning_id: str) -> str:
    """Name a warning's place among those of its account; ids sort by time."""
    return f"warning#{warning_id}"


def warning_of(account_id: str, finding: Finding, warning_id: str, now: datetime) -> MoneyWarning:
    """Make the warning of a finding; whether it is mailed is not its business."""
    return MoneyWarning(
        key=account_id,
        item=warning_item(warning_id),
        warning_id=warning_id,
        kind=finding.kind,
        subject=finding.subject,
        bot_id=finding.bot_id,
        facts=finding.facts,
        raised_at=now,
    )
