"""What becomes of a bot's plan: cancelled, claimed as old, given sessions, confirmed."""

from datetime import date

import msgspec

from chalicelib import bots, errors, fees, money, people, requests
from chalicelib.api.bots import BotOut, bot_out
from chalicelib.api.requests import RequestOut, request_out
from chalicelib.money import Money
from chalicelib.web import (
    ADMINS,
    OPERATORS,
    Call,
    Empty,
    NameText,
    Nouns,
    Page,
    PageQuery,
    page_limit,
)

nouns = Nouns()


class WishIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an account wants sessions for a bot."""

    text: str


class ClaimIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day on which an old bot was made."""

    made_on: date


class BusinessBotIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bot of a Viber business account, by the name it has until its key comes."""

    name: NameText


class SessionsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sessions on, with their monthly fee and price, which have no default; or off."""

    on: bool
    fee: Money | None = None
    price: Money | None = None


class LegacyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a bot is older than the commercial model; the day claimed stands unless given."""

    confirmed: bool
    made_on: date | None = None


@nouns.route_to(
    "POST",
    "/v1/bots/{bot_id}/cancel",
    roles=ADMINS,
    scope="billing:write",
    body=Empty,
    answer=BotOut,
    problems=(404, 409),
)
def cancel_bot(call: Call[Empty, Empty], bot_id: str) -> BotOut:
    """Cancel a bot's subscription: it works to the end of the period already paid."""
    bot = bots.get(call.account_id, bot_id)
    return bot_out(fees.cancel(bot, by=call.actor, now=call.now), call.now)


@nouns.route_to(
    "POST",
    "/v1/bots/{bot_id}/wish",
    roles=ADMINS,
    scope="billing:write",
    body=WishIn,
    answer=RequestOut,
    status=201,
    problems=(404, 409),
)
def wish_for_sessions(call: Call[WishIn, Empty], bot_id: str) -> RequestOut:
    """Ask an operator to turn sessions on for a bot."""
    bot = bots.get(call.account_id, bot_id)
    return request_out(requests.wish(bot, call.body.text, by=call.actor, now=call.now))


@nouns.route_to(
    "POST",
    "/v1/bots/{bot_id}/legacy-claim",
    roles=ADMINS,
    scope="bots:write",
    body=ClaimIn,
    answer=BotOut,
    status=201,
    problems=(404, 409),
)
def claim_legacy(call: Call[ClaimIn, Empty], bot_id: str) -> BotOut:
    """Say that a bot without a plan is older than the commercial model; an operator confirms."""
    bot = bots.get(call.account_id, bot_id)
    bot = requests.claim(bot, call.body.made_on, by=call.actor, now=call.now)
    return bot_out(bot, call.now)


@nouns.route_to(
    "GET",
    "/v1/accounts/{account_id}/bots",
    roles=OPERATORS,
    query=PageQuery,
    answer=list[BotOut],
    problems=(404,),
)
def list_account_bots(call: Call[Empty, PageQuery], account_id: str) -> Page:
    """List an account's bots with their plans, oldest first."""
    people.account(account_id)
    found, cursor = bots.of_account(
        account_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([bot_out(bot, call.now) for bot in found], cursor)


@nouns.route_to(
    "POST",
    "/v1/accounts/{account_id}/bots",
    roles=OPERATORS,
    body=BusinessBotIn,
    answer=BotOut,
    status=201,
    problems=(404,),
)
def make_business_bot(call: Call[BusinessBotIn, Empty], account_id: str) -> BotOut:
    """Make a bot of a Viber business account, at the account's wish; it awaits its key."""
    people.account(account_id)
    bot = requests.make(account_id, call.body.name, by=call.actor, now=call.now)
    return bot_out(bot, call.now)


@nouns.route_to(
    "PUT",
    "/v1/accounts/{account_id}/bots/{bot_id}/sessions",
    roles=OPERATORS,
    body=SessionsIn,
    answer=BotOut,
    problems=(404, 409),
)
def set_sessions(call: Call[SessionsIn, Empty], account_id: str, bot_id: str) -> BotOut:
    """Turn a bot's sessions on at this fee and price, which changes its plan, or turn them off."""
    given, by, now = call.body, call.actor, call.now
    if not given.on:
        return bot_out(requests.turn_off(account_id, bot_id, by=by, now=now), now)
    terms = requests.Terms(
        money.amount(_needed(given.fee, "fee"), field="fee"),
        money.amount(_needed(given.price, "price"), field="price", decimals=6),
    )
    return bot_out(requests.turn_on(account_id, bot_id, terms, by=by, now=now), now)


@nouns.route_to(
    "POST",
    "/v1/accounts/{account_id}/bots/{bot_id}/legacy",
    roles=OPERATORS,
    body=LegacyIn,
    answer=BotOut,
    problems=(404, 409),
)
def confirm_legacy(call: Call[LegacyIn, Empty], account_id: str, bot_id: str) -> BotOut:
    """Confirm that a bot is older than the commercial model, or say that it is not."""
    given = call.body
    bot = requests.confirm(
        account_id, bot_id, given.made_on, is_old=given.confirmed, by=call.actor, now=call.now
    )
    return bot_out(bot, call.now)


def _needed(given: Money | None, field: str) -> Money:
    if given is None:
        raise errors.BadInput("Sessions have no default fee and price; give both.", field=field)
    return given
