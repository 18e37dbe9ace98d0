"""How far an account's books are audited."""

from chalicelib.tables.attributes import Instant, Json, Text, Whole
from chalicelib.tables.item import Item
from chalicelib.tables.ledger import LEDGER


class Checkpoint(Item):
    """What an account's entries before `ends_at`, the end of a month, came to, when audited."""

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    month = Text()
    ends_at = Instant()
    entries_micros = Whole()
    at = Instant()


class Audited(Item):
    """When an account's books were last audited, and what did not fit.

    An audit that has begun and never came to an end leaves the `at` of the one before, if any.
    """

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True, default="audited")
    at = Instant(null=True)
    begun_at = Instant(null=True)
    found = Whole(default=0)
    findings = Json(default=list)
