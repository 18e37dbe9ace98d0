"""Bots: connected, set up, checked, disconnected."""

from datetime import date, datetime

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import billing, bots, errors, months, people, plans, store, viber
from chalicelib.api.plans import PlanOut, plan_out
from chalicelib.tables import Bot, Quota
from chalicelib.web import ADMINS, AGENTS, Call, Empty, Nouns, Page, PageQuery, page_limit

nouns = Nouns()

WELCOME_MAX_CHARACTERS = 7000


class KeyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bot's key, as Viber gave it."""

    key: str


class ConnectIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bot's key, and the bot that awaits it, or the day on which an old bot was made."""

    key: str
    bot_id: str | None = None
    made_on: date | None = None


class SettingsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings to change; what is not given stays."""

    opens_new_ticket: bool | UnsetType = UNSET
    sends_as_employee: bool | UnsetType = UNSET
    assignee_id: str | UnsetType | None = UNSET
    participant_ids: list[str] | UnsetType = UNSET
    welcome_text: str | UnsetType = UNSET


class LinkQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the link carries: a context for us, and a text in the customer's input box."""

    context: str = ""
    text: str = ""


class Webhook(msgspec.Struct, frozen=True):
    """How the bot's webhook was found when it was last compared with what Viber has."""

    state: str
    checked_at: datetime | None
    repaired_at: datetime | None
    trouble: str | None


class Stopped(msgspec.Struct, frozen=True):
    """Why Viber takes no messages from this bot."""

    status: int
    words: str


class BotOut(msgspec.Struct, frozen=True):
    """One Viber bot of the account."""

    bot_id: str
    name: str
    uri: str | None
    viber_id: str | None
    icon_file_id: str | None
    country: str | None
    state: str
    connected_at: datetime | None
    disconnected_at: datetime | None
    webhook: Webhook
    sending_stopped: Stopped | None
    link: str | None
    settings: bots.Settings
    plan: PlanOut


class LinkOut(msgspec.Struct, frozen=True):
    """The address that opens the bot's chat, and its QR code as SVG."""

    link: str
    qr_svg: str


@nouns.route_to(
    "GET",
    "/v1/bots",
    roles=AGENTS,
    scope="bots:read",
    query=PageQuery,
    answer=list[BotOut],
    has_etag=True,
)
def list_bots(call: Call[Empty, PageQuery]) -> Page:
    """List the account's bots, oldest first."""
    found, cursor = bots.of_account(
        call.account_id, limit=page_limit(call.query), cursor=call.query.cursor
    )
    return Page([bot_out(bot, call.now) for bot in found], cursor)


@nouns.route_to(
    "POST",
    "/v1/bots",
    roles=ADMINS,
    scope="bots:write",
    body=ConnectIn,
    answer=BotOut,
    status=201,
    problems=(404, 409, 502),
)
def connect_bot(call: Call[ConnectIn, Empty]) -> BotOut:
    """Connect a bot by its key: checked with Viber, webhook set.

    The bot awaits its key (`bot_id`), is older than the commercial model (`made_on`), or was
    connected here before.
    """
    given = call.body
    bot = bots.connect(
        call.account_id,
        _key(given.key),
        bot_id=given.bot_id,
        made_on=given.made_on,
        by=call.actor,
        now=call.now,
    )
    return bot_out(bot, call.now)


@nouns.route_to(
    "GET",
    "/v1/bots/{bot_id}",
    roles=AGENTS,
    scope="bots:read",
    answer=BotOut,
    problems=(404,),
)
def show_bot(call: Call[Empty, Empty], bot_id: str) -> BotOut:
    """Show one bot, with what a legacy one has sent in this month."""
    bot = bots.get(call.account_id, bot_id)
    if bot.plan != plans.LEGACY:
        return bot_out(bot, call.now)
    item = billing.quota_item(bot_id, months.of_utc(call.now))
    quota = store.get(Quota, call.account_id, item) or Quota(key=call.account_id, item=item)
    return bot_out(bot, call.now, quota)


@nouns.route_to(
    "PATCH",
    "/v1/bots/{bot_id}",
    roles=ADMINS,
    scope="bots:write",
    body=SettingsIn,
    answer=BotOut,
    problems=(404, 409),
)
def change_bot(call: Call[SettingsIn, Empty], bot_id: str) -> BotOut:
    """Change some of a bot's settings; they act on the next message."""
    given = msgspec.structs.asdict(call.body).items()
    changes = {name: value for name, value in given if value is not UNSET}
    bot = bots.get(call.account_id, bot_id)
    _check_settings(call.account_id, changes)
    return bot_out(bots.change_settings(bot, changes, by=call.actor, now=call.now), call.now)


@nouns.route_to(
    "DELETE",
    "/v1/bots/{bot_id}",
    roles=ADMINS,
    scope="bots:write",
    answer=BotOut,
    problems=(404, 409, 502),
)
def disconnect_bot(call: Call[Empty, Empty], bot_id: str) -> BotOut:
    """Disconnect a bot: its webhook goes, its tickets stay, and so do its fees until cancelled."""
    bot = bots.get(call.account_id, bot_id)
    return bot_out(bots.disconnect(bot, by=call.actor, now=call.now), call.now)


@nouns.route_to(
    "PUT",
    "/v1/bots/{bot_id}/key",
    roles=ADMINS,
    scope="bots:write",
    body=KeyIn,
    answer=BotOut,
    problems=(404, 409, 502),
)
def replace_bot_key(call: Call[KeyIn, Empty], bot_id: str) -> BotOut:
    """Give a bot another key of the same Viber bot, or connect it again."""
    bot = bots.get(call.account_id, bot_id)
    bot = bots.replace_key(bot, _key(call.body.key), by=call.actor, now=call.now)
    return bot_out(bot, call.now)


@nouns.route_to(
    "POST",
    "/v1/bots/{bot_id}/check",
    roles=ADMINS,
    scope="bots:write",
    body=Empty,
    answer=BotOut,
    problems=(404,),
)
def check_bot(call: Call[Empty, Empty], bot_id: str) -> BotOut:
    """Compare the webhook with what Viber has now, and repair it."""
    bots.check(bots.get(call.account_id, bot_id), now=call.now)
    return bot_out(bots.get(call.account_id, bot_id), call.now)


@nouns.route_to(
    "GET",
    "/v1/bots/{bot_id}/link",
    roles=AGENTS,
    scope="bots:read",
    query=LinkQuery,
    answer=LinkOut,
    problems=(404, 409),
)
def show_link(call: Call[Empty, LinkQuery], bot_id: str) -> LinkOut:
    """Give the address that opens the bot's chat, and its QR code."""
    import segno

    bot = bots.get(call.account_id, bot_id)
    if bot.uri is None:
        raise errors.Conflict("This bot awaits its key; its link comes with it.", kind="no-link")
    address = bots.link(bot, context=call.query.context, text=call.query.text)
    try:
        code = segno.make(address, micro=False)
    except segno.DataOverflowError:
        raise errors.BadInput(
            "Context and text are too long for a QR code; 2000 bytes at most.", field="context"
        ) from None
    return LinkOut(address, code.svg_inline(scale=4, border=4, light="#fff"))


def bot_out(bot: Bot, now: datetime, quota: Quota | None = None) -> BotOut:
    """Tell a bot."""
    stopped = bot.sending_stopped
    return BotOut(
        bot_id=bot.bot_id,
        name=bot.name,
        uri=bot.uri,
        viber_id=bot.viber_id,
        icon_file_id=bot.icon_file_id,
        country=bot.country,
        state=bot.state,
        connected_at=bot.connected_at,
        disconnected_at=bot.disconnected_at,
        webhook=Webhook(
            bot.webhook_state or "unknown",
            bot.webhook_checked_at,
            bot.webhook_repaired_at,
            bot.webhook_trouble,
        ),
        sending_stopped=None if stopped is None else Stopped(stopped, viber.words(stopped)),
        link=None if bot.uri is None else bots.link(bot),
        settings=bots.settings(bot),
        plan=plan_out(bot, now, quota),
    )


def _key(given: str) -> str:
    key = given.strip()
    if not 0 < len(key) <= 200 or not key.isascii() or not key.isprintable() or " " in key:
        raise errors.BadInput("The key as Viber shows it, without spaces.", field="key")
    return key


def _check_settings(account_id: str, changes: dict[str, object]) -> None:
    assignee_id = changes.get("assignee_id")
    if assignee_id is not None and not people.is_here(account_id, str(assignee_id)):
        raise errors.BadInput("A person of this account, or null.", field="assignee_id")
    participant_ids = changes.get("participant_ids", [])
    if isinstance(participant_ids, list):
        if len(participant_ids) > 20:
            raise errors.BadInput("20 people at most.", field="participant_ids")
        for position, person_id in enumerate(participant_ids):
            if not people.is_here(account_id, person_id):
                raise errors.BadInput(
                    "A person of this account.", field=f"participant_ids[{position}]"
                )
    welcome_text = changes.get("welcome_text", "")
    if isinstance(welcome_text, str) and len(welcome_text) > WELCOME_MAX_CHARACTERS:
        raise errors.BadInput(f"{WELCOME_MAX_CHARACTERS} characters at most.", field="welcome_text")
