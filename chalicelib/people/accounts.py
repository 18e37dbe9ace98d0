"""The platform's accounts: a business each, with its name, time zone and language."""

from datetime import datetime

from chalicelib import audit, errors, ids, store
from chalicelib.audit import Actor
from chalicelib.people.members import ADMIN, keep, new_person
from chalicelib.people.saying import check_zone, said
from chalicelib.tables import PLATFORM, Account

LANGUAGES = ("uk", "ru", "ro", "en")


def make_account(
    *,
    name: str,
    admin_email: str,
    admin_name: str,
    time_zone: str,
    language: str,
    by: Actor,
    now: datetime,
) -> Account:
    """Make an account and invite its first admin by e-mail."""
    check_zone(time_zone)
    if language not in LANGUAGES:
        raise errors.BadInput(f"One of {', '.join(LANGUAGES)}.", field="language")
    account_id = ids.new("acc", now)
    account = Account(
        partition=PLATFORM,
        item=f"account#{account_id}",
        account_id=account_id,
        name=said(name, "name"),
        time_zone=time_zone,
        language=language,
        created_at=now,
        created_by=by.actor_id,
    )
    person, writes = new_person(
        account_id, admin_email, admin_name, ADMIN, field="admin_email", now=now
    )
    keep(
        person,
        [
            store.Put(account, Account.item.does_not_exist()),
            *writes,
            audit.line(PLATFORM, by, "account made", account_id, now, name=name),
            audit.line(account_id, by, "person invited", person.person_id, now, role=ADMIN),
        ],
    )
    return account


def accounts(*, limit: int, cursor: str | None) -> tuple[list[Account], str | None]:
    """List all accounts, for operators."""
    return store.page(
        Account, PLATFORM, Account.item.startswith("account#"), limit=limit, cursor=cursor
    )


def account(account_id: str) -> Account:
    """Read one account."""
    found = store.get(Account, PLATFORM, f"account#{account_id}")
    if found is None:
        raise errors.NotFound("There is no such account.")
    return found
