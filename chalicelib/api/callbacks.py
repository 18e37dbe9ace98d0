"""The callbacks that were kept because we failed on them."""

from datetime import datetime

import msgspec

from chalicelib import bots, callbacks
from chalicelib.tables import KeptCallback
from chalicelib.web import ADMINS, Call, Empty, Nouns, Page, PageQuery, page_limit

nouns = Nouns()


class KeptOut(msgspec.Struct, frozen=True):
    """One callback that waits, was replayed, was given up, or makes no sense."""

    callback_id: str
    received_at: datetime
    event: str | None
    state: str
    trouble: str
    tries: int
    replayed_at: datetime | None


@nouns.route_to(
    "GET",
    "/v1/bots/{bot_id}/callbacks",
    roles=ADMINS,
    query=PageQuery,
    answer=list[KeptOut],
    problems=(404,),
)
def list_callbacks(call: Call[Empty, PageQuery], bot_id: str) -> Page:
    """List a bot's kept callbacks, newest first."""
    bot = bots.get(call.account_id, bot_id)
    found, cursor = callbacks.kept_of(bot, limit=page_limit(call.query), cursor=call.query.cursor)
    return Page([_out(kept) for kept in found], cursor)


@nouns.route_to(
    "POST",
    "/v1/bots/{bot_id}/callbacks/{callback_id}/replay",
    roles=ADMINS,
    body=Empty,
    answer=KeptOut,
    problems=(404,),
)
def replay_callback(call: Call[Empty, Empty], bot_id: str, callback_id: str) -> KeptOut:
    """Try a kept callback again now."""
    kept = callbacks.kept(bots.get(call.account_id, bot_id), callback_id)
    callbacks.replay(kept, now=call.now)
    return _out(kept)


def _out(kept: KeptCallback) -> KeptOut:
    return KeptOut(
        kept.callback_id,
        kept.received_at,
        kept.event,
        kept.state,
        kept.trouble,
        kept.tries,
        kept.replayed_at,
    )
