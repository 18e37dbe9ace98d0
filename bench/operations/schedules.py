"""Schedules: with nothing due, and with ten of few or many."""

from datetime import timedelta

from bench.events import Context
from bench.operations.registry import Act, operation
from bench.shop import Shop

MANY, FEW, DUE = 2000, 100, 10


@operation("schedule check_webhooks, nothing due")
def _(shop: Shop) -> Act:
    return worked_off(shop, "check_webhooks")


@operation("schedule replay_callbacks, nothing due")
def _(shop: Shop) -> Act:
    return worked_off(shop, "replay_callbacks")


@operation("schedule settle_messages, nothing due")
def _(shop: Shop) -> Act:
    return worked_off(shop, "settle_messages")


@operation("schedule copy_missing_files, nothing due")
def _(shop: Shop) -> Act:
    return worked_off(shop, "copy_missing_files")


@operation("check_webhooks, 10 of 100 bots due")
def _(shop: Shop) -> Act:
    return _bots_due(shop, FEW)


@operation("check_webhooks, 10 of 2000 bots due")
def _(shop: Shop) -> Act:
    return _bots_due(shop, MANY)


@operation("settle_messages, 10 of 100 messages due")
def _(shop: Shop) -> Act:
    return _messages_due(shop, FEW)


@operation("settle_messages, 10 of 2000 messages due")
def _(shop: Shop) -> Act:
    return _messages_due(shop, MANY)


def _schedule(shop: Shop, name: str) -> Act:
    event = {
        "version": "0",
        "account": "123456789012",
        "region": "eu-central-1",
        "detail": {},
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": "2026-11-20T10:00:00Z",
        "id": "bench",
        "resources": [],
    }

    def act() -> None:
        shop.app_function(name)(event, Context())

    return act


def worked_off(shop: Shop, name: str) -> Act:
    """Run a schedule until nothing is due, then give its next run."""
    act = _schedule(shop, name)
    act()
    return act


def _bots_due(shop: Shop, how_many: int) -> Act:
    from chalicelib import ids, kms, store
    from chalicelib.tables import Bot

    act = worked_off(shop, "check_webhooks")
    with Bot.batch_write() as batch:
        for number in range(how_many):
            is_due = number < DUE
            bot_id = ids.new("bot", shop.now)
            sealed = kms.seal(bot_id, owner=bot_id) if is_due else b"sealed"
            batch.save(
                Bot(
                    bot_id=bot_id,
                    account_id="acc_many",
                    created_at=shop.now,
                    revision=1,
                    state="connected",
                    key_sealed=sealed,
                    viber_id=f"pa:{bot_id}",
                    name="Пекарня",
                    uri="pekarnia",
                    connected_by=shop.admin.person_id,
                    connected_at=shop.now,
                    webhook_state="ok",
                    due_shard=store.shard_of("check", bot_id),
                    due_at=shop.now + timedelta(seconds=-1 if is_due else 3600),
                )
            )
            if is_due:
                kms.unseal(sealed, owner=bot_id)
    return act


def _messages_due(shop: Shop, how_many: int) -> Act:
    from chalicelib import ids, store
    from chalicelib.delivery import states
    from chalicelib.tables import Message

    act = worked_off(shop, "settle_messages")
    with Message.batch_write() as batch:
        for number in range(how_many):
            is_due = number < DUE
            message_id = ids.new("msg", shop.now)
            batch.save(
                Message(
                    key=f"{shop.bot.bot_id}/{shop.subscriber()}",
                    item=f"message#{message_id}",
                    message_id=message_id,
                    account_id=shop.account_id,
                    ticket_id="tkt_many",
                    kind="outgoing",
                    content={"type": "text", "text": "Так, щойно з печі."},
                    at=shop.now,
                    state=states.QUEUED,
                    money="none",
                    due_shard=store.shard_of("send", message_id),
                    due_at=shop.now + timedelta(seconds=-1 if is_due else 3600),
                )
            )
    return act
