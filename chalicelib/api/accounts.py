"""Accounts, for operators."""

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib import people
from chalicelib.tables import Account
from chalicelib.web import (
    OPERATORS,
    Call,
    EmailText,
    Empty,
    NameText,
    Nouns,
    Page,
    PageQuery,
    page_limit,
)

nouns = Nouns()


class AccountIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new account and its first admin, who is invited by e-mail."""

    name: NameText
    admin_email: EmailText
    admin_name: NameText
    time_zone: str = "Europe/Kyiv"
    language: Annotated[str, msgspec.Meta(extra_json_schema={"enum": people.LANGUAGES})] = "uk"


class AccountOut(msgspec.Struct, frozen=True):
    """A business that uses Viberdesk."""

    account_id: str
    name: str
    time_zone: str
    language: str
    created_at: datetime


@nouns.route_to("GET", "/v1/accounts", roles=OPERATORS, query=PageQuery, answer=list[AccountOut])
def list_accounts(call: Call[Empty, PageQuery]) -> Page:
    """List all accounts."""
    found, cursor = people.accounts(limit=page_limit(call.query), cursor=call.query.cursor)
    return Page([account_out(account) for account in found], cursor)


@nouns.route_to(
    "POST",
    "/v1/accounts",
    roles=OPERATORS,
    body=AccountIn,
    answer=AccountOut,
    status=201,
    problems=(409,),
)
def make_account(call: Call[AccountIn, Empty]) -> AccountOut:
    """Make an account and invite its first admin."""
    made = people.make_account(**msgspec.structs.asdict(call.body), by=call.actor, now=call.now)
    return account_out(made)


def account_out(account: Account) -> AccountOut:
    """Tell an account."""
    return AccountOut(
        account.account_id, account.name, account.time_zone, account.language, account.created_at
    )
