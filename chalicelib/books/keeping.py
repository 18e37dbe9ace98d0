"""Who is audited next, and the checkpoint that the next audit of an account begins at.

An account is audited once a night. Each leaves a note when it begins and when it is done, so
that a run that was cut short, or one that comes twice, goes on with those that were not looked
at, and one that takes all the time there is comes last.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from chalicelib import billing, months, people, plans, store
from chalicelib.books.auditing import Report, audit
from chalicelib.tables import Account, Audited, Checkpoint

ONCE_IN = timedelta(hours=20)
# Whatever was begun before midnight has been booked by then.
MADE_AFTER = timedelta(days=1)
KEPT_FINDINGS = 20
NEVER = datetime.min.replace(tzinfo=UTC)


class BooksDiffer(Exception):
    """An account's books do not balance; the alarm is to ring."""


def due(now: datetime) -> Iterator[Account]:
    """Yield the accounts that were not audited tonight, those begun longest ago first."""
    found: list[tuple[datetime, Account]] = []
    cursor = None
    while True:
        page, cursor = people.accounts(limit=store.BATCH_GET_MAX, cursor=cursor)
        keys = [(Audited, account.account_id, "audited") for account in page]
        for account, audited in zip(page, store.read(*keys), strict=True):
            if audited is None:
                found.append((NEVER, account))
            elif audited.at is None or audited.at <= now - ONCE_IN:
                found.append((audited.begun_at or audited.at or NEVER, account))
        if cursor is None:
            break
    found.sort(key=lambda each: each[0])
    yield from (account for _, account in found)


def check(account: Account, *, now: datetime) -> str:
    """Audit an account, and make the checkpoint of the last month where it is time.

    Raises BooksDiffer naming what does not fit; then no checkpoint is made.
    """
    begin(account.account_id, now=now)
    report = audit(account.account_id, now=now)
    note(report)
    if report.findings:
        told = "; ".join(
            f"{f.kind} {f.subject}: {f.found} instead of {f.expected}" for f in report.findings
        )
        raise BooksDiffer(f"{account.account_id}: {told}")
    made = checkpoint(account.account_id, now=now)
    return "balanced" if made is None else "balanced, checkpoint made"


def checkpoint(account_id: str, *, now: datetime) -> Checkpoint | None:
    """Make the checkpoint of the last month that is over for a day, unless it is there."""
    zone = plans.zone()
    month = months.after(months.of(now - MADE_AFTER, zone), -1)
    ends_at = months.end(month, zone)
    last = billing.checkpoint_before(account_id, now)
    if last is not None and last.ends_at >= ends_at:
        return None
    total = 0 if last is None else last.entries_micros
    since = None if last is None else last.ends_at
    later = billing.every_entry(account_id, from_at=since, until_at=ends_at)
    made = Checkpoint(
        key=account_id,
        item=billing.checkpoint_item(month),
        month=month,
        ends_at=ends_at,
        entries_micros=total + sum(entry.amount_micros for entry in later),
        at=now,
    )
    try:
        store.put(made, Checkpoint.key.does_not_exist(), fails_as=store.MINE)
    except store.AlreadyThere:
        return None
    return made


def begin(account_id: str, *, now: datetime) -> None:
    """Note that an audit has begun, whether or not it comes to an end."""
    noted = store.get(Audited, account_id, "audited") or Audited(key=account_id)
    noted.begun_at = now
    store.put(noted)


def note(report: Report) -> None:
    """Note when an account was audited, and how that ended; a later audit's note stays."""
    findings = [[f.kind, f.subject, f.expected, f.found] for f in report.findings]
    noted = Audited(
        key=report.account_id,
        at=report.at,
        begun_at=report.at,
        found=len(findings),
        findings=findings[:KEPT_FINDINGS],
    )
    with contextlib.suppress(store.Changed):
        store.put(noted, Audited.at.does_not_exist() | (Audited.at <= report.at))
