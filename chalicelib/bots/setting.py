"""What an account sets per bot, and how its bots are read, listed and linked to."""

from datetime import datetime
from urllib.parse import quote

import msgspec

from chalicelib import audit, config, errors, ids, store
from chalicelib.audit import Actor
from chalicelib.tables import Bot


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an account sets per bot; a change acts on the next message, never on past ones."""

    opens_new_ticket: bool = True
    sends_as_employee: bool = False
    assignee_id: str | None = None
    participant_ids: list[str] = msgspec.field(default_factory=list)
    welcome_text: str = ""


def settings(bot: Bot) -> Settings:
    """Read a bot's settings, with the defaults where it has none."""
    return msgspec.convert(bot.settings or {}, Settings, strict=False)


def change_settings(bot: Bot, changes: dict[str, object], *, by: Actor, now: datetime) -> Bot:
    """Change some settings; the others stay. Raises Conflict when another changed them too."""
    before = settings(bot)
    after = msgspec.structs.replace(before, **changes)
    bot.settings = msgspec.to_builtins(after)
    seen = bot.revision
    bot.revision = seen + 1
    try:
        store.commit(
            [
                store.Put(bot, Bot.revision == seen),
                audit.line(
                    bot.account_id, by, "bot settings changed", bot.bot_id, now, changes=changes
                ),
            ]
        )
    except store.Changed:
        raise changed_meanwhile() from None
    return bot


def get(account_id: str, bot_id: str) -> Bot:
    """Read one bot of this account, or raise NotFound."""
    bot = store.get(Bot, bot_id) if ids.is_one("bot", bot_id) else None
    if bot is None or bot.account_id != account_id:
        raise errors.NotFound("There is no such bot.")
    return bot


def of_account(account_id: str, *, limit: int, cursor: str | None) -> tuple[list[Bot], str | None]:
    """List an account's bots, oldest first."""
    return store.page(Bot, account_id, limit=limit, cursor=cursor, index="account")


def link(bot: Bot, *, context: str = "", text: str = "") -> str:
    """Give the address that opens this bot's chat, with what it carries to the first message."""
    address = f"viber://pa?chatURI={quote(bot.uri, safe='')}"
    if context:
        address += f"&context={quote(context, safe='')}"
    if text:
        address += f"&text={quote(text, safe='')}"
    return address


def webhook_url(bot: Bot) -> str:
    """Tell where Viber posts this bot's callbacks."""
    return f"{config.public_url()}/viber/{bot.bot_id}"


def changed(bot: Bot, **changes: object) -> Bot:
    """Give a bot other facts and its next revision; the caller writes it under the last one."""
    for name, value in changes.items():
        setattr(bot, name, value)
    bot.revision += 1
    return bot


def changed_meanwhile() -> errors.Conflict:
    """Refuse what was decided on a bot that is no longer so."""
    return errors.Conflict("Somebody changed this bot meanwhile; look again.")
