"""The schedule that looks at accounts whose money moved, and makes crossings into warnings.

A warning and what the account is now under are one transaction, under the revision that was
read: a crossing is told once, however often or late this runs. An account stays due until it
was looked at as it is; one that changes all the while is looked at every time.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib import billing, errors, forecast, ids, months, people, plans, store
from chalicelib.alerts import choosing, mailing, weighing
from chalicelib.alerts.choosing import Chosen
from chalicelib.alerts.weighing import Active, Crossing, Situation
from chalicelib.forecast import pace
from chalicelib.tables import (
    Account,
    ActiveWarnings,
    Balance,
    Bot,
    MoneySettings,
    MoneyWarning,
    Quota,
)

STATES = ("active", "past")
WARNED, NOTHING_NEW = "warned", "nothing new"


class Due(NamedTuple):
    """An account to be looked at, and the legacy counts that have moved; or a mail to be sent."""

    account_id: str
    quotas: tuple[Quota, ...] = ()
    warning: MoneyWarning | None = None


def due(now: datetime) -> Iterator[Due]:
    """Find the mails that are to be sent, the accounts whose money or counts moved, their mails.

    What takes little time goes first: no account's long look keeps the others' mails waiting.
    """
    mailed = set()
    for warning in _to_mail(now):
        mailed.add(warning.item)
        yield Due(warning.key, warning=warning)
    moved: dict[str, list[Quota]] = defaultdict(list)
    for balance in store.due(Balance, "balance", now):
        moved[balance.key] = []
    for quota in store.due(Quota, "quota", now):
        moved[quota.key].append(quota)
    for account_id, quotas in moved.items():
        yield Due(account_id, tuple(quotas))
    for warning in _to_mail(now) if moved else ():
        # What failed a moment ago waits for the next run.
        if warning.item not in mailed:
            yield Due(warning.key, warning=warning)


def _to_mail(now: datetime) -> Iterator[MoneyWarning]:
    return store.due(MoneyWarning, "warning-mail", now)


def work(item: Due, *, now: datetime, ses: Any = None) -> str:
    """Look at an account, or send a mail."""
    if item.warning is not None:
        return mailing.mail(item.warning, now=now, ses=ses)
    outcome = look(item.account_id, now=now)
    for quota in item.quotas:
        _done(quota, Quota.used == quota.used)
    return outcome


def look(account_id: str, *, now: datetime) -> str:
    """Warn of what an account has newly crossed, and clear what it is well above of."""
    return store.again(lambda: _look(account_id, now))


def listed(
    account_id: str, *, state: str | None, limit: int, cursor: str | None
) -> tuple[list[MoneyWarning], str | None]:
    """List an account's warnings, newest first: those it is under, or those that are over."""
    only: Any = None
    if state is not None:
        if state not in STATES:
            raise errors.BadInput(f"One of {', '.join(STATES)}.", field="state")
        attribute = MoneyWarning.cleared_at
        only = attribute.does_not_exist() if state == "active" else attribute.exists()
    return store.page(
        MoneyWarning,
        account_id,
        MoneyWarning.item.startswith(weighing.warning_item("")),
        limit=limit,
        cursor=cursor,
        newest_first=True,
        filtered_by=only,
    )


def see(account_id: str, warning_id: str, *, by: str, now: datetime) -> MoneyWarning:
    """Note that somebody has seen a warning; the first one stays. Raises NotFound."""
    item = MoneyWarning(key=account_id, item=weighing.warning_item(warning_id))
    actions = [
        MoneyWarning.seen_at.set(MoneyWarning.seen_at | now),
        MoneyWarning.seen_by.set(MoneyWarning.seen_by | by),
    ]
    try:
        return store.update(item, actions, MoneyWarning.item.exists())
    except store.Changed:
        raise errors.NotFound("There is no such warning.", field="warning_id") from None


def _look(account_id: str, now: datetime) -> str:
    balance, found, state = store.read(
        billing.wanted(account_id),
        (MoneySettings, account_id, "settings"),
        (ActiveWarnings, account_id, "warnings"),
    )
    balance = balance or Balance(key=account_id)
    state = state or ActiveWarnings(key=account_id)
    chosen = choosing.chosen(found)
    situation = _situation(balance, found, chosen, now)
    changes = weighing.crossings(situation, weighing.active_of(state.active), now)
    for crossing in changes:
        store.commit(_writes(state, crossing, chosen, now))
    _done(balance, _as_read(balance))
    return WARNED if any(crossing.raised for crossing in changes) else NOTHING_NEW


def _situation(
    balance: Balance, found: MoneySettings | None, chosen: Chosen, now: datetime
) -> Situation:
    account_id = balance.key
    all_bots = forecast.bots_of(account_id)
    legacy = [bot for bot in all_bots if bot.plan == plans.LEGACY]
    counts = forecast.quotas_of(account_id, legacy, months.of_utc(now))
    return Situation(
        available_micros=balance.available_micros,
        owed_micros=balance.owed_micros,
        bots=all_bots,
        protects_fees=found is None or bool(found.protects_fees),
        used={str(bot.bot_id): used for bot, used in zip(legacy, counts, strict=True)},
        daily_micros=_daily(account_id, all_bots, chosen, now),
        chosen=chosen,
    )


def _daily(account_id: str, all_bots: list[Bot], chosen: Chosen, now: datetime) -> int:
    if not chosen.runway_days or not weighing.pays(all_bots, now):
        return 0
    account: Account = people.account(account_id)
    kept = store.get(*pace.wanted(account_id))
    zone, since = account.time_zone, account.created_at
    spent = pace.spent(account_id, kept, zone=zone, since=since, now=now)
    return spent.per_day(pace.DAYS_OF_WARNINGS)


def _writes(
    state: ActiveWarnings, crossing: Crossing, chosen: Chosen, now: datetime
) -> list[store.Write]:
    """Return the writes of one crossing, and let the state be as they leave it."""
    seen = state.revision
    before = weighing.active_of(state.active).get(crossing.subject)
    writes: list[store.Write] = []
    warning_id = None
    if crossing.raised is not None:
        cause = f"{state.key}/{crossing.subject}/{seen}"
        warning_id = ids.caused("wrn", ids.to_ms(now), cause)
        warning = weighing.warning_of(state.key, crossing.raised, warning_id, now)
        mailing.want(warning, chosen, now)
        writes.append(store.Put(warning, MoneyWarning.item.does_not_exist()))
    if before is not None and before.warning_id is not None:
        old = MoneyWarning(key=state.key, item=weighing.warning_item(before.warning_id))
        cleared = (MoneyWarning.cleared_at.set(now),)
        writes.append(store.Update(old, MoneyWarning.item.exists(), actions=cleared))
    active = {name: each for name, each in state.active.items() if name != crossing.subject}
    if crossing.grade:
        active[crossing.subject] = list(Active(crossing.grade, warning_id))
    state.active, state.revision = active, seen + 1
    condition: Any = ActiveWarnings.revision == seen
    if not seen:
        condition = ActiveWarnings.item.does_not_exist()
    return [*writes, store.Put(state, condition)]


def _done(item: Balance | Quota, is_as_read: Any) -> None:
    """Take what was looked at off the schedule's list, unless it has changed meanwhile."""
    model = type(item)
    if item.due_at is None:
        return
    try:
        store.update(
            model(key=item.key, item=item.item),
            [model.due_shard.remove(), model.due_at.remove()],
            (model.due_at == item.due_at) & is_as_read,
        )
    except store.Changed:
        return


def _as_read(balance: Balance) -> Any:
    condition: Any = None
    for name in ("available_micros", "held_micros", "set_aside_micros", "owed_micros"):
        attribute, value = getattr(Balance, name), getattr(balance, name)
        is_same = attribute == value
        if value == 0:
            is_same = attribute.does_not_exist() | is_same
        condition = condition & is_same
    return condition
