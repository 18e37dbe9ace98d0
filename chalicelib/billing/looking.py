"""Whose money the schedule of warnings has to look at, though nothing of it has moved."""

from datetime import datetime

from chalicelib import store
from chalicelib.billing.change import looked_at_soon
from chalicelib.tables import Balance


def look_again(account_id: str, *, now: datetime) -> None:
    """Let an account be looked at within minutes; one that is due already stays so."""
    try:
        store.update(
            Balance(key=account_id, item="balance"),
            looked_at_soon(account_id, now),
            Balance.due_at.does_not_exist(),
        )
    except store.Changed:
        return
