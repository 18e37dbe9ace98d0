"""What talk costs and how sessions run: the book of what is in force, and every version made."""

from chalicelib import config
from chalicelib.tables.attributes import Instant, Json, Text, Whole
from chalicelib.tables.item import Item
from chalicelib.tables.people import PLATFORM

ACCOUNTS = config.name_of("accounts")


class TariffBook(Item):
    """Everything that is or will be in force, so that one read tells it; the past is elsewhere.

    `content` is JSON that `tariffs` alone reads; every change is made under `revision`.
    """

    class Meta:
        table_name = ACCOUNTS

    partition = Text(hash_key=True, default=PLATFORM)
    item = Text(range_key=True, default="tariffs")
    revision = Whole(default=0)
    content = Text()


class PriceListItem(Item):
    """One version of the prices per country, in micros; only a withdrawal ever marks it."""

    class Meta:
        table_name = ACCOUNTS

    partition = Text(hash_key=True, default=PLATFORM)
    item = Text(range_key=True)
    version = Whole()
    valid_from = Instant()
    default_micros = Whole()
    prices = Json(default=dict)
    made_at = Instant()
    made_by = Text()
    made_by_name = Text()
    withdrawn_at = Instant(null=True)


class PolicyItem(Item):
    """One version of a kind's session policy; only a withdrawal ever marks it."""

    class Meta:
        table_name = ACCOUNTS

    partition = Text(hash_key=True, default=PLATFORM)
    item = Text(range_key=True)
    kind = Text()
    version = Whole()
    valid_from = Instant()
    policy = Json()
    made_at = Instant()
    made_by = Text()
    made_by_name = Text()
    withdrawn_at = Instant(null=True)
