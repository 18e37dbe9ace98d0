"""Bots: connected by their key, set up, watched, disconnected."""

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from chalicelib import audit, config, errors, ids, kms, queues, store, viber
from chalicelib.audit import Actor
from chalicelib.log import log
from chalicelib.tables import Bot, Lookup

LEASE_FOR = timedelta(seconds=60)
CHECK_EVERY = timedelta(minutes=10)
CHECK_AFTER_REFUSAL = timedelta(hours=1)
REREAD_EVERY_SECONDS = 1
OPTIONAL_EVENTS = ("delivered", "seen", "failed", "conversation_started")
EVENTS = ("message", "subscribed", "unsubscribed", *OPTIONAL_EVENTS)


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


def connect(account_id: str, key: str, *, by: Actor, now: datetime) -> Bot:
    """Connect a bot by its key: ask Viber who it is, keep it, set its webhook.

    The account's own disconnected bot comes back under its old id, with its tickets. Raises
    BadInput with Viber's reason for a wrong key, Conflict for a bot that is connected, and
    GatewayFailed when Viber does not answer; none of them leaves anything connected.
    """
    return _connect(account_id, key, _ask_who(key), by=by, now=now)


def _connect(
    account_id: str, key: str, info: viber.AccountInfo, *, by: Actor, now: datetime
) -> Bot:
    bot = store.again(lambda: _lease(account_id, key, info, by=by, now=now))
    try:
        _set_webhook(bot, key)
    except viber.Refused as refused:
        _give_up(bot)
        if _says_nothing(refused):
            raise _not_answered(refused.words) from None
        raise errors.BadInput(
            f"Viber did not accept our webhook: {refused.words}",
            field="key",
            viber_status=refused.status,
        ) from None
    except viber.Unknown as unknown:
        # The lease runs out by itself; `check_webhooks` then asks Viber how it ended.
        raise errors.GatewayFailed(
            f"Viber did not say whether the webhook is set ({unknown.reason}); "
            "try again in a minute."
        ) from None
    return _finish(bot, info, by=by, now=now)


def replace_key(bot: Bot, key: str, *, by: Actor, now: datetime) -> Bot:
    """Give a bot another key, or connect it again: the key must be the same Viber bot's.

    Raises what `connect` does. A connected bot stays connected under its new key even where
    Viber did not set the webhook; `check_webhooks` sees to that.
    """
    info = _ask_who(key)
    if info.id != bot.viber_id:
        raise errors.BadInput(
            f"This key belongs to another Viber bot ({info.name}); connect that one as a new bot.",
            field="key",
        )
    if bot.state != "connected":
        return _connect(bot.account_id, key, info, by=by, now=now)
    sealed = kms.seal(key.strip(), owner=bot.bot_id)
    try:
        store.put(
            _changed(bot, key_sealed=sealed, sending_stopped=None, due_at=now + LEASE_FOR),
            Bot.revision == bot.revision - 1,
        )
    except store.Changed:
        raise _changed_meanwhile() from None
    # Viber tries the webhook at once and signs with the new key.
    forget(bot.bot_id)
    try:
        _set_webhook(bot, key)
    except (viber.Refused, viber.Unknown) as error:
        raise errors.GatewayFailed(
            f"The new key is kept, but Viber did not set the webhook ({error}); this is tried "
            "again within minutes."
        ) from None
    return _finish(bot, info, by=by, now=now)


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
        raise _changed_meanwhile() from None
    return bot


def disconnect(bot: Bot, *, by: Actor, now: datetime) -> Bot:
    """Take the webhook away at Viber and forget the key; tickets and history stay.

    Disconnecting what is disconnected changes nothing. A key that Viber no longer accepts has
    no webhook to remove, so its refusal does not stop us; without an answer nothing changes.
    """
    if bot.state == "disconnected":
        return bot
    try:
        viber.Client(_key(bot), base_url=config.viber_api_url()).remove_webhook()
    except viber.Refused as refused:
        if _says_nothing(refused):
            raise errors.GatewayFailed(f"{refused.words} The bot is still connected.") from None
        log.info("webhook not removed", bot_id=bot.bot_id, status=refused.status)
    except viber.Unknown as unknown:
        raise errors.GatewayFailed(
            f"Viber did not answer ({unknown.reason}); the bot is still connected. Try again."
        ) from None
    changed = _changed(
        bot,
        state="disconnected",
        disconnected_at=now,
        key_sealed=None,
        webhook_state=None,
        due_shard=None,
        due_at=None,
    )
    try:
        store.commit(
            [
                store.Put(changed, Bot.revision == bot.revision - 1),
                audit.line(bot.account_id, by, "bot disconnected", bot.bot_id, now),
            ]
        )
    except store.Changed:
        raise _changed_meanwhile() from None
    forget(bot.bot_id)
    return changed


def get(account_id: str, bot_id: str) -> Bot:
    """Read one bot of this account, or raise NotFound."""
    bot = store.get(Bot, bot_id)
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


# What a container knows of bots: the signature of a callback is checked, and a message sent,
# without reading and decrypting the key each time.


class Known(NamedTuple):
    """A bot as it was read, its opened key, and when that was."""

    bot: Bot
    key: str
    read_at: datetime
    read_at_tick: float


_known: dict[str, Known] = {}


def known(bot_id: str, now: datetime, *, at_most_seconds_old: float) -> Known | None:
    """Return a bot with its key, read afresh when older than this; None without a key."""
    held = _known.get(bot_id)
    if held is not None and time.monotonic() - held.read_at_tick <= at_most_seconds_old:
        return held
    bot = store.get(Bot, bot_id)
    if bot is None or bot.key_sealed is None:
        _known.pop(bot_id, None)
        return None
    fresh = Known(bot, _key(bot), now, time.monotonic())
    _known[bot_id] = fresh
    return fresh


def forget(bot_id: str) -> None:
    """Drop what this container knows of a bot."""
    _known.pop(bot_id, None)


# The schedule's part.


def due(now: datetime) -> Iterator[Bot]:
    """Find the bots whose webhook is to be compared with what Viber has."""
    return store.due(Bot, "check", now)


def check(bot: Bot, *, now: datetime) -> str:
    """Ask Viber for this bot's webhook; set it again where it is lost. Tells what it found."""
    if bot.state == "disconnected" or bot.key_sealed is None:
        return "disconnected"
    key = _key(bot)
    found, trouble, repaired, wait = "ok", None, False, CHECK_EVERY
    client = viber.Client(key, base_url=config.viber_api_url())
    try:
        info = client.get_account_info()
        missing = set(OPTIONAL_EVENTS) - set(info.event_types)
        if info.webhook != webhook_url(bot) or missing:
            trouble = (
                f"Viber had {_host_of(info.webhook)}"
                if info.webhook != webhook_url(bot)
                else f"Viber did not send {', '.join(sorted(missing))}"
            )
            _set_webhook(bot, key)
            found, repaired = "repaired", True
    except viber.Refused as refused:
        found, trouble = "unknown", refused.words
        if not _says_nothing(refused):
            found, wait = "broken", CHECK_AFTER_REFUSAL
    except viber.Unknown as unknown:
        found, trouble = "unknown", unknown.reason
    if found != "ok":
        log.warning("webhook", bot_id=bot.bot_id, found=found, trouble=trouble)
    changes: dict[str, object] = {
        "webhook_state": found,
        "webhook_checked_at": now,
        "webhook_trouble": trouble,
        "due_at": now + wait,
        "due_shard": store.shard_of("check", bot.bot_id),
    }
    if repaired:
        changes["webhook_repaired_at"] = now
    if found in ("ok", "repaired") and bot.state == "connecting":
        changes |= {"state": "connected", "connected_at": now, "lease_until": None}
    try:
        store.put(_changed(bot, **changes), Bot.revision == bot.revision - 1)
    except store.Changed:
        log.info("bot changed while its webhook was checked", bot_id=bot.bot_id)
        if repaired:
            _take_back_if_disconnected(bot.bot_id, client)
        return "changed"
    if bot.icon_url and not bot.icon_file_id:
        queues.put_copies([queues.Copy(kind="bot", key=bot.bot_id, item=None)])
    return found


def _take_back_if_disconnected(bot_id: str, client: viber.Client) -> None:
    """Remove a webhook that was set beside somebody's disconnecting."""
    now_is = store.get(Bot, bot_id)
    if now_is is None or now_is.state == "disconnected":
        with contextlib.suppress(viber.Refused, viber.Unknown):
            client.remove_webhook()


def _ask_who(key: str) -> viber.AccountInfo:
    try:
        return viber.Client(key.strip(), base_url=config.viber_api_url()).get_account_info()
    except viber.Refused as refused:
        if _says_nothing(refused):
            raise _not_answered(refused.words) from None
        raise errors.BadInput(
            f"Viber refused this key: {refused.words}", field="key", viber_status=refused.status
        ) from None
    except viber.Unknown as unknown:
        raise _not_answered(unknown.reason) from None


def _host_of(webhook: str | None) -> str:
    # The rest of another system's address may be its secret.
    return f"a webhook at {urlsplit(webhook).hostname}" if webhook else "no webhook"


def _says_nothing(refused: viber.Refused) -> bool:
    """Tell a request that Viber never judged from one that says something of key or bot."""
    is_unreached = refused.status is None and refused.http_status == 0
    return is_unreached or refused.status == viber.Status.TOO_MANY_REQUESTS


def _not_answered(reason: str) -> errors.GatewayFailed:
    return errors.GatewayFailed(f"Viber did not answer ({reason}); try again.")


def _changed_meanwhile() -> errors.Conflict:
    return errors.Conflict("Somebody changed this bot meanwhile; look again.")


def _lease(account_id: str, key: str, info: viber.AccountInfo, *, by: Actor, now: datetime) -> Bot:
    name = f"viber#{info.id}"
    taken = store.get(Lookup, name)
    holder = store.get(Bot, taken.subject_id) if taken is not None else None
    is_foreign = holder is not None and holder.account_id != account_id
    if holder is not None and _is_held(holder, now, is_foreign=is_foreign):
        raise errors.Conflict("This bot is connected already.", kind="already-connected")
    bot = _own(account_id, info.id) if holder is None or is_foreign else holder
    seen = None if bot is None else bot.revision
    if bot is None:
        bot = Bot(
            bot_id=ids.new("bot", now),
            account_id=account_id,
            created_at=now,
            revision=0,
            viber_id=info.id,
            settings={},
        )
    _changed(
        bot,
        state="connecting",
        lease_until=now + LEASE_FOR,
        key_sealed=kms.seal(key.strip(), owner=bot.bot_id),
        name=info.name,
        uri=info.uri,
        icon_url=info.icon,
        country=info.country,
        sending_stopped=None,
        connected_by=by.actor_id,
        due_shard=store.shard_of("check", bot.bot_id),
        due_at=now + LEASE_FOR,
    )
    owner = Lookup(key=name, account_id=account_id, subject_id=bot.bot_id)
    store.commit(
        [
            store.Put(
                owner,
                Lookup.key.does_not_exist()
                if taken is None
                else Lookup.subject_id == taken.subject_id,
            ),
            store.Put(bot, Bot.bot_id.does_not_exist() if seen is None else Bot.revision == seen),
            *([_end_of_stale_lease(holder)] if holder is not None and is_foreign else []),
        ]
    )
    forget(bot.bot_id)
    return bot


def _is_held(bot: Bot, now: datetime, *, is_foreign: bool) -> bool:
    # Its own account may take up at once what a crash left half connected; others wait.
    is_leased = bot.lease_until is not None and bot.lease_until > now
    return bot.state == "connected" or (bot.state == "connecting" and is_leased and is_foreign)


def _own(account_id: str, viber_id: str) -> Bot | None:
    """Find the bot that an account had before another account held it."""
    cursor = None
    while True:
        found, cursor = of_account(account_id, limit=100, cursor=cursor)
        for bot in found:
            if bot.viber_id == viber_id:
                return store.get(Bot, bot.bot_id)
        if cursor is None:
            return None


def _end_of_stale_lease(bot: Bot) -> store.Write:
    # It is never deleted: Viber may have sent to it already, and tickets need their bot.
    seen = bot.revision
    if bot.state == "disconnected":
        return store.Check(bot, Bot.revision == seen)
    return store.Put(_back_to_disconnected(bot), Bot.revision == seen)


def _give_up(bot: Bot) -> None:
    seen = bot.revision
    if bot.connected_at is not None:
        writes: list[store.Write] = [store.Put(_back_to_disconnected(bot), Bot.revision == seen)]
    else:
        writes = [
            store.Delete(bot, Bot.revision == seen),
            store.Delete(Lookup(key=f"viber#{bot.viber_id}"), Lookup.subject_id == bot.bot_id),
        ]
    try:
        store.commit(writes)
    except store.Changed:
        log.info("bot changed while its connection was refused", bot_id=bot.bot_id)
    forget(bot.bot_id)


def _back_to_disconnected(bot: Bot) -> Bot:
    # What was connected once has tickets, which need their bot.
    return _changed(
        bot,
        state="disconnected",
        lease_until=None,
        key_sealed=None,
        due_shard=None,
        due_at=None,
    )


def _finish(bot: Bot, info: viber.AccountInfo, *, by: Actor, now: datetime) -> Bot:
    changed = _changed(
        bot,
        state="connected",
        connected_at=now,
        disconnected_at=None,
        lease_until=None,
        name=info.name,
        uri=info.uri,
        icon_url=info.icon,
        sending_stopped=None,
        webhook_state="ok",
        webhook_checked_at=now,
        webhook_trouble=None,
        due_shard=store.shard_of("check", bot.bot_id),
        due_at=now + CHECK_EVERY,
    )
    try:
        store.commit(
            [
                store.Put(changed, Bot.revision == bot.revision - 1),
                audit.line(bot.account_id, by, "bot connected", bot.bot_id, now, name=info.name),
            ]
        )
    except store.Changed:
        key = _key(changed) if changed.key_sealed else ""
        _take_back_if_disconnected(bot.bot_id, viber.Client(key, base_url=config.viber_api_url()))
        raise _changed_meanwhile() from None
    forget(bot.bot_id)
    if changed.icon_url:
        queues.put_copies([queues.Copy(kind="bot", key=bot.bot_id, item=None)])
    return changed


def _set_webhook(bot: Bot, key: str) -> None:
    client = viber.Client(key, base_url=config.viber_api_url())
    client.set_webhook(webhook_url(bot), event_types=EVENTS)


def _key(bot: Bot) -> str:
    return kms.unseal(bytes(bot.key_sealed or b""), owner=bot.bot_id)


def _changed(bot: Bot, **changes: object) -> Bot:
    for name, value in changes.items():
        setattr(bot, name, value)
    bot.revision += 1
    return bot
