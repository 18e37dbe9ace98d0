"""A bot's key comes, is replaced, goes: Viber is asked who it is, and told where to post."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from chalicelib import audit, config, errors, ids, kms, plans, queues, store, viber
from chalicelib.audit import Actor
from chalicelib.bots.claiming import claim
from chalicelib.bots.remembering import forget, key_of
from chalicelib.bots.setting import changed, changed_meanwhile, get, of_account
from chalicelib.bots.watching import (
    CHECK_EVERY,
    says_nothing,
    set_webhook,
    take_back_if_disconnected,
)
from chalicelib.log import log
from chalicelib.tables import Bot, Lookup

LEASE_FOR = timedelta(seconds=60)
AWAITING_KEY = "awaiting_key"
FIRST_REVISION = 1


class Wanted(NamedTuple):
    """Which bot a key is for: one that awaits it, or an old one, by the day it was made on."""

    bot_id: str | None = None
    made_on: date | None = None


def connect(
    account_id: str,
    key: str,
    *,
    bot_id: str | None = None,
    made_on: date | None = None,
    by: Actor,
    now: datetime,
) -> Bot:
    """Connect a bot by its key: ask Viber who it is, keep it, set its webhook.

    The key is for the bot that awaits it (`bot_id`), for a bot older than the commercial model
    (`made_on`), or for one of the account's own that comes back under its old id, with its
    tickets. Raises BadInput with Viber's reason for a wrong key, Conflict for a bot that is
    connected, or needs a connection request, and GatewayFailed when Viber does not answer; none
    of them leaves anything connected.
    """
    if bot_id is not None and made_on is not None:
        raise errors.BadInput(
            "A bot that awaits its key, or the day of an old one.", field="bot_id"
        )
    if made_on is not None:
        plans.refuse_unless_old(made_on)
    if bot_id is not None:
        get(account_id, bot_id)
    wanted = Wanted(bot_id, made_on)
    return _connect(account_id, key, _ask_who(key), wanted, by=by, now=now)


def _connect(
    account_id: str, key: str, info: viber.AccountInfo, wanted: Wanted, *, by: Actor, now: datetime
) -> Bot:
    bot = store.again(lambda: _lease(account_id, key, info, wanted, by=by, now=now))
    try:
        set_webhook(bot, key)
    except viber.Refused as refused:
        _give_up(bot)
        if says_nothing(refused):
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
    if bot.state != "connected":
        return _connect(bot.account_id, key, info, Wanted(bot.bot_id), by=by, now=now)
    if info.id != bot.viber_id:
        raise _of_another(info)
    sealed = kms.seal(key.strip(), owner=bot.bot_id)
    try:
        store.put(
            changed(bot, key_sealed=sealed, sending_stopped=None, due_at=now + LEASE_FOR),
            Bot.revision == bot.revision - 1,
        )
    except store.Changed:
        raise changed_meanwhile() from None
    # Viber tries the webhook at once and signs with the new key.
    forget(bot.bot_id)
    try:
        set_webhook(bot, key)
    except (viber.Refused, viber.Unknown) as error:
        raise errors.GatewayFailed(
            f"The new key is kept, but Viber did not set the webhook ({error}); this is tried "
            "again within minutes."
        ) from None
    return _finish(bot, info, by=by, now=now)


def disconnect(bot: Bot, *, by: Actor, now: datetime) -> Bot:
    """Take the webhook away at Viber and forget the key; tickets and history stay.

    A subscription is not cancelled by it, and its fees go on. Disconnecting what is not connected
    changes nothing. A key that Viber no longer accepts has
    no webhook to remove, so its refusal does not stop us; without an answer nothing changes.
    """
    if bot.state in ("disconnected", AWAITING_KEY):
        return bot
    try:
        viber.Client(key_of(bot), base_url=config.viber_api_url()).remove_webhook()
    except viber.Refused as refused:
        if says_nothing(refused):
            raise errors.GatewayFailed(f"{refused.words} The bot is still connected.") from None
        log.info("webhook not removed", bot_id=bot.bot_id, status=refused.status)
    except viber.Unknown as unknown:
        raise errors.GatewayFailed(
            f"Viber did not answer ({unknown.reason}); the bot is still connected. Try again."
        ) from None
    gone = changed(
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
                store.Put(gone, Bot.revision == bot.revision - 1),
                audit.line(bot.account_id, by, "bot disconnected", bot.bot_id, now),
            ]
        )
    except store.Changed:
        raise changed_meanwhile() from None
    forget(bot.bot_id)
    return gone


def _ask_who(key: str) -> viber.AccountInfo:
    try:
        return viber.Client(key.strip(), base_url=config.viber_api_url()).get_account_info()
    except viber.Refused as refused:
        if says_nothing(refused):
            raise _not_answered(refused.words) from None
        raise errors.BadInput(
            f"Viber refused this key: {refused.words}", field="key", viber_status=refused.status
        ) from None
    except viber.Unknown as unknown:
        raise _not_answered(unknown.reason) from None


def _not_answered(reason: str) -> errors.GatewayFailed:
    return errors.GatewayFailed(f"Viber did not answer ({reason}); try again.")


def _lease(
    account_id: str,
    key: str,
    info: viber.AccountInfo,
    wanted: Wanted = Wanted(),  # noqa: B008
    *,
    by: Actor,
    now: datetime,
) -> Bot:
    name = f"viber#{info.id}"
    taken = store.get(Lookup, name)
    holder = store.get(Bot, taken.subject_id) if taken is not None else None
    is_foreign = holder is not None and holder.account_id != account_id
    if holder is not None and _is_held(holder, now, is_foreign=is_foreign):
        raise errors.Conflict("This bot is connected already.", kind="already-connected")
    known = _own(account_id, info.id) if holder is None or is_foreign else holder
    bot = _bot_for(account_id, info, known, wanted, now)
    seen = None if bot.revision == 0 and bot.plan is None else bot.revision
    left = bot.viber_id if bot.viber_id not in (None, info.id) else None
    changed(
        bot,
        state="connecting",
        lease_until=now + LEASE_FOR,
        key_sealed=kms.seal(key.strip(), owner=bot.bot_id),
        viber_id=info.id,
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
            *([_without_name(left, bot.bot_id)] if left is not None else []),
        ]
    )
    forget(bot.bot_id)
    return bot


def _bot_for(
    account_id: str, info: viber.AccountInfo, known: Bot | None, wanted: Wanted, now: datetime
) -> Bot:
    """Find the account's bot that this Viber bot is to be, or make it, or refuse."""
    bot = known
    if wanted.bot_id is not None:
        bot = get(account_id, wanted.bot_id)
        if known is not None and known.bot_id != bot.bot_id:
            raise errors.Conflict(
                f"This key belongs to another bot of yours, {known.name}; ask for its move to the "
                "commercial model instead.",
                kind="another-bot",
                other_bot_id=known.bot_id,
            )
        if bot.state == "connected" and bot.viber_id == info.id:
            raise errors.Conflict("This bot is connected already.", kind="already-connected")
        # A bot that awaits its key may have been given the wrong one by a call that died. One
        # without a plan was made for its key and may have tickets, and a legacy plan is that of
        # the very bot whose age was confirmed.
        is_settled = bot.connected_at is not None or bot.plan in (None, plans.LEGACY)
        if bot.viber_id not in (None, info.id) and is_settled:
            raise _of_another(info)
    if bot is None:
        plans.refuse_unless_old(wanted.made_on)
        bot = Bot(
            bot_id=ids.new("bot", now),
            account_id=account_id,
            created_at=now,
            revision=0,
            settings={},
        )
    elif bot.plan is not None:
        plans.refuse_unless_sending(bot, now)
    if bot.plan is None and wanted.made_on is not None:
        bot.made_on = wanted.made_on.isoformat()
    return bot


def _without_name(viber_id: str, bot_id: str) -> store.Write:
    name = Lookup(key=f"viber#{viber_id}")
    return store.Delete(name, Lookup.key.does_not_exist() | (Lookup.subject_id == bot_id))


def _of_another(info: viber.AccountInfo) -> errors.BadInput:
    return errors.BadInput(
        f"This key belongs to another Viber bot ({info.name}); connect that one as a new bot.",
        field="key",
    )


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
    writes: list[store.Write]
    # What an earlier call has left connecting may have tickets: Viber may know its webhook.
    if bot.connected_at is not None or (bot.plan is None and seen > FIRST_REVISION):
        writes = [store.Put(_back_to_disconnected(bot), Bot.revision == seen)]
    else:
        writes = [_without_name(str(bot.viber_id), bot.bot_id)]
        if bot.plan is None:
            writes.append(store.Delete(bot, Bot.revision == seen))
        else:
            back = _back_to_disconnected(bot, AWAITING_KEY, viber_id=None, uri=None, icon_url=None)
            writes.append(store.Put(back, Bot.revision == seen))
    try:
        store.commit(writes)
    except store.Changed:
        log.info("bot changed while its connection was refused", bot_id=bot.bot_id)
    forget(bot.bot_id)


def _back_to_disconnected(bot: Bot, state: str = "disconnected", **changes: object) -> Bot:
    # What was connected once has tickets, which need their bot.
    return changed(
        bot,
        **changes,
        state=state,
        lease_until=None,
        key_sealed=None,
        due_shard=None,
        due_at=None,
    )


def _finish(bot: Bot, info: viber.AccountInfo, *, by: Actor, now: datetime) -> Bot:
    connected = changed(
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
                store.Put(connected, Bot.revision == bot.revision - 1),
                *claim(bot, by=by, now=now),
                audit.line(bot.account_id, by, "bot connected", bot.bot_id, now, name=info.name),
            ]
        )
    except store.Changed:
        key = key_of(connected) if connected.key_sealed else ""
        take_back_if_disconnected(bot.bot_id, viber.Client(key, base_url=config.viber_api_url()))
        raise changed_meanwhile() from None
    forget(bot.bot_id)
    if connected.icon_url:
        queues.put_copies([queues.Copy(kind="bot", key=bot.bot_id, item=None)])
    return connected
