"""The audit trail: who changed what, written with the change itself."""

from datetime import datetime
from typing import Any, Literal, NamedTuple

from chalicelib import ids, store
from chalicelib.tables import AuditLine

# Whatever can be done to an account; the console has words for each.
Action = Literal[
    "API key made",
    "API key revoked",
    "account made",
    "bot claimed as old",
    "bot connected",
    "bot deactivated",
    "bot disconnected",
    "bot is not old",
    "bot is old",
    "bot settings changed",
    "broadcast paused",
    "broadcast planned",
    "broadcast resumed",
    "broadcast started",
    "broadcast stopped",
    "business bot made",
    "entry corrected",
    "money settings changed",
    "person invited",
    "person removed",
    "price list made",
    "price list withdrawn",
    "request approved",
    "request refused",
    "request sent",
    "session policy made",
    "session policy withdrawn",
    "sessions turned off",
    "sessions turned on",
    "subscription cancelled",
    "transfer credited",
]


class Actor(NamedTuple):
    """Who does something: a person, or a program by its API key."""

    actor_id: str
    name: str
    is_program: bool = False


JOB = Actor("job", "Viberdesk")


def line(
    account_id: str, by: Actor, action: Action, subject: str, now: datetime, **facts: Any
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
