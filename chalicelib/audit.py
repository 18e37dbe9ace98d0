"""The audit trail: who changed what, written with the change itself."""

from datetime import datetime
from typing import Any, NamedTuple

from chalicelib import ids, store
from chalicelib.tables import AuditLine


class Actor(NamedTuple):
    """Who does something: a person, or a program by its API key."""

    actor_id: str
    name: str
    is_program: bool = False


JOB = Actor("job", "Viberdesk")


def line(
    account_id: str, by: Actor, action: str, subject: str, now: datetime, **facts: Any
) -> store.Put:
    """Return the write that records this change in the account's trail."""
    return store.Put(
        AuditLine(
            partition=account_id,
            item=f"audit#{ids.new('aud', now)}",
            at=now,
            by=by.actor_id,
            by_name=by.name,
            action=action,
            subject=subject,
            facts=facts,
        )
    )


def lines(account_id: str, *, limit: int, cursor: str | None) -> tuple[list[AuditLine], str | None]:
    """List an account's trail, newest first."""
    return store.page(
        AuditLine,
        account_id,
        AuditLine.item.startswith("audit#"),
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )
