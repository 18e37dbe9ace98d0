"""What an account has set about its money, and the warnings it was given."""

from chalicelib.tables.attributes import Flag, Instant, Json, Text, Whole
from chalicelib.tables.item import Due, Item
from chalicelib.tables.ledger import LEDGER


class MoneySettings(Item):
    """What an account has set about its money; an account without it has the defaults."""

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True, default="settings")
    protects_fees = Flag(default=True)
    warnings = Json(default=dict)
    revision = Whole(default=0)


class Pace(Item):
    """What an account spent on messages and sessions on each of its last days, as they ended.

    `days` is by the days of `time_zone`, in micros; `counting` is the day that is only counted in
    part, with its sum so far and the last entry in it.
    """

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True, default="pace")
    time_zone = Text()
    days = Json(default=dict)
    counting = Json(null=True)


class ActiveWarnings(Item):
    """Which warnings an account is under now: what each is about, how grave, its own id."""

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True, default="warnings")
    revision = Whole(default=0)
    active = Json(default=dict)


class MoneyWarning(Item):
    """One warning: a line was crossed; it stands until things are well above the line again.

    `mail` is `wanted`, `sending`, `sent`, `failed` or `off`.
    """

    class Meta:
        table_name = LEDGER

    due_index = Due()
    key = Text(hash_key=True)
    item = Text(range_key=True)
    warning_id = Text()
    kind = Text()
    subject = Text()
    bot_id = Text(null=True)
    facts = Json(default=dict)
    raised_at = Instant()
    cleared_at = Instant(null=True)
    seen_at = Instant(null=True)
    seen_by = Text(null=True)
    mail = Text()
    mailed_at = Instant(null=True)
    tries = Whole(default=0)
    due_shard = Text(null=True)
    due_at = Instant(null=True)
