"""What an operator decides, and what keeps it from being asked for twice."""

from chalicelib.tables.attributes import ExpiresAt, Instant, Json, Text, Whole
from chalicelib.tables.item import Item
from chalicelib.tables.ledger import LEDGER


class Request(Item):
    """An application for a commercial bot, or another wish that an operator decides.

    `kind` is `new`, `move` or `revival` (with a deposit), `sessions` or `legacy` (without).
    """

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    desk = Text(null=True)
    desk_order = Text(null=True)
    request_id = Text()
    account_id = Text()
    kind = Text()
    state = Text()
    bot_id = Text(null=True)
    form = Json(default=dict)
    deposit_micros = Whole(default=0)
    guard = Text(null=True)
    created_at = Instant()
    created_by = Text()
    created_by_name = Text(null=True)
    decided_at = Instant(null=True)
    decided_by = Text(null=True)
    reason = Text(null=True)


class Guard(Item):
    """Keeps something from being there twice: a bot's open request, a correction."""

    class Meta:
        table_name = LEDGER

    key = Text(hash_key=True)
    item = Text(range_key=True)
    subject_id = Text()
    expires_at = ExpiresAt(null=True)
