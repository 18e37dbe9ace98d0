"""The schedule that compares a bot's webhook with what Viber has, and repairs it."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from chalicelib import audit, config, queues, store, viber
from chalicelib.audit import Actor
from chalicelib.bots.claiming import claim
from chalicelib.bots.remembering import key_of
from chalicelib.bots.setting import changed, webhook_url
from chalicelib.log import log
from chalicelib.tables import Bot

CHECK_EVERY = timedelta(minutes=10)
CHECK_AFTER_REFUSAL = timedelta(hours=1)
OPTIONAL_EVENTS = ("delivered", "seen", "failed", "conversation_started")
EVENTS = ("message", "subscribed", "unsubscribed", *OPTIONAL_EVENTS)


def due(now: datetime) -> Iterator[Bot]:
    """Find the bots whose webhook is to be compared with what Viber has."""
    return store.due(Bot, "check", now)


def check(bot: Bot, *, now: datetime) -> str:
    """Ask Viber for this bot's webhook; set it again where it is lost. Tells what it found."""
    if bot.state == "disconnected" or bot.key_sealed is None:
        return "disconnected"
    key = key_of(bot)
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
            set_webhook(bot, key)
            found, repaired = "repaired", True
    except viber.Refused as refused:
        found, trouble = "unknown", refused.words
        if not says_nothing(refused):
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
    writes: list[store.Write] = []
    if found in ("ok", "repaired") and bot.state == "connecting":
        changes |= {"state": "connected", "connected_at": now, "lease_until": None}
        writes = claim(bot, by=Actor(bot.connected_by, audit.JOB.name), now=now)
    writes.append(store.Put(changed(bot, **changes), Bot.revision == bot.revision - 1))
    try:
        # Most have nothing but themselves to write, at half the price of a transaction.
        if len(writes) == 1:
            store.put(bot, Bot.revision == bot.revision - 1)
        else:
            store.commit(writes)
    except store.Changed:
        log.info("bot changed while its webhook was checked", bot_id=bot.bot_id)
        if repaired:
            take_back_if_disconnected(bot.bot_id, client)
        return "changed"
    if bot.icon_url and not bot.icon_file_id:
        queues.put_copies([queues.Copy(kind="bot", key=bot.bot_id, item=None)])
    return found


def take_back_if_disconnected(bot_id: str, client: viber.Client) -> None:
    """Remove a webhook that was set beside somebody's disconnecting."""
    now_is = store.get(Bot, bot_id)
    if now_is is None or now_is.state == "disconnected":
        with contextlib.suppress(viber.Refused, viber.Unknown):
            client.remove_webhook()


def set_webhook(bot: Bot, key: str) -> None:
    """Tell Viber where this bot's callbacks go; raises Refused or Unknown as the client does."""
    client = viber.Client(key, base_url=config.viber_api_url())
    client.set_webhook(webhook_url(bot), event_types=EVENTS)


def _host_of(webhook: str | None) -> str:
    # The rest of another system's address may be its secret.
    return f"a webhook at {urlsplit(webhook).hostname}" if webhook else "no webhook"


def says_nothing(refused: viber.Refused) -> bool:
    """Tell a request that Viber never judged from one that says something of key or bot."""
    is_unreached = refused.status is None and refused.http_status == 0
    return is_unreached or refused.status == viber.Status.TOO_MANY_REQUESTS
