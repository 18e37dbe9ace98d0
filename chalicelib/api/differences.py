"""Where Viber's verdict on a message and ours differ, for operators to look at."""

from datetime import datetime
from typing import Any

import msgspec

from chalicelib import store
from chalicelib.money import Money, told
from chalicelib.tables import Difference
from chalicelib.web import OPERATORS, Call, Empty, Nouns, Page, PageQuery, page_limit

nouns = Nouns()

LIES_AT = "differences"


class DifferenceOut(msgspec.Struct, frozen=True):
    """One message on which the books differ: `kind` says how, `price` is what it cost here."""

    account_id: str
    kind: str
    at: datetime
    bot_id: str
    message_id: str
    price: Money
    facts: dict[str, Any]


@nouns.route_to(
    "GET", "/v1/desk/differences", roles=OPERATORS, query=PageQuery, answer=list[DifferenceOut]
)
def list_differences(call: Call[Empty, PageQuery]) -> Page:
    """List messages of all accounts on which Viber's verdict and ours differ, newest first."""
    found, cursor = store.page(
        Difference,
        LIES_AT,
        limit=page_limit(call.query),
        cursor=call.query.cursor,
        newest_first=True,
        index="desk",
    )
    return Page([_out(each) for each in found], cursor)


def _out(found: Difference) -> DifferenceOut:
    return DifferenceOut(
        found.account_id,
        found.kind,
        found.at,
        found.bot_id,
        found.message_id,
        told(found.price_micros),
        found.facts,
    )
