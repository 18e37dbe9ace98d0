"""Two accounts that own one of everything, and a look at all that is stored."""

import json
from typing import Any, NamedTuple

from chalicelib import (
    aws,
    bots,
    config,
    payments,
    people,
    sessions,
    tables,
    tariffs,
    top_ups,
    viber,
)
from chalicelib import desk as requests_desk
from chalicelib import ids as ids_of
from chalicelib.audit import Actor
from chalicelib.tables import Account, Bot, Person
from demo.emulator import records
from demo.emulator.records import Profile
from tests.desk import MADE_ON, OPERATOR, Desk

UNLIKE_ANY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


class Ids(NamedTuple):
    """One id of every kind that a path can carry."""

    bot_id: str
    ticket_id: str
    message_id: str
    contact_id: str
    person_id: str
    key_id: str
    callback_id: str
    file_id: str
    request_id: str
    # Of no account: what these lead to is everybody's.
    version: str = "999999"
    kind: str = "no-kind"
    account_id: str = f"acc_{UNLIKE_ANY}"
    top_up_id: str = f"top_{UNLIKE_ANY}"
    entry_id: str = f"ent_{UNLIKE_ANY}"
    broadcast_id: str = f"brc_{UNLIKE_ANY}"
    warning_id: str = f"wrn_{UNLIKE_ANY}"


PREFIXES = ("bot", "tkt", "msg", "con", "per", "key", "cbk", "fil", "req")
MISSING = Ids(*(f"{prefix}_{UNLIKE_ANY}" for prefix in PREFIXES))


class Furnished(NamedTuple):
    """An account with its people, a connected bot, a customer's talk, a file, a kept callback."""

    account: Account
    admin: Person
    bot: Bot
    viber_bot: records.Bot
    ids: Ids
    key: str


def neighbour(desk: Desk) -> Furnished:
    """Make another account beside the desk's own, with one of everything."""
    account = people.make_account(
        name="Сусід",
        admin_email="ivan@example.net",
        admin_name="Іван",
        time_zone="Europe/Kyiv",
        language="uk",
        by=OPERATOR,
        now=desk.now,
    )
    admin = people.people(account.account_id, limit=10, cursor=None)[0][0]
    viber_bot = desk.viber.world.add_bot("Аптека", uri="apteka")
    actor = Actor(admin.person_id, admin.name)
    bot = bots.connect(account.account_id, viber_bot.key, made_on=MADE_ON, by=actor, now=desk.now)
    desk.make_legacy(bot.bot_id, account_id=account.account_id)
    return _furnish(desk, account, admin, bot, viber_bot)


def own(desk: Desk) -> Furnished:
    """Give the desk's own account one of everything too, and the platform its tariffs."""
    policy = tariffs.make_policy(sessions.BUSINESS, None, by=OPERATOR, now=desk.now)
    # A path says `version` to a policy as to a list, so there are lists up to the policy's number.
    for _ in range(policy.version):
        made = tariffs.make_price_list([("UA", 19600)], 20000, None, by=OPERATOR, now=desk.now)
    assert made.version == policy.version
    furnished = _furnish(desk, desk.account, desk.admin, desk.bot, desk.viber_bot)
    ids = furnished.ids._replace(version=str(made.version), kind="business")
    return furnished._replace(ids=ids)


def _furnish(
    desk: Desk, account: Account, admin: Person, bot: Bot, viber_bot: records.Bot
) -> Furnished:
    account_id = account.account_id
    actor = Actor(admin.person_id, admin.name)
    media = desk.viber.media.add("хліб.png", b"\x89PNG not quite")
    picture = {"type": "picture", "text": "Ось", "media": f"/media/{media}"}
    for name in ("Марічка", "Остап"):
        phone_id = desk.viber.world.add_phone(Profile(name=f"{name}, {account.name}")).id
        for content in ({"type": "text", "text": f"Таємниця {account.name}"}, picture):
            desk.viber.people.write(phone_id, viber_bot.uri, content)
            desk.viber.dispatcher.flush()
    desk.work()
    malformed = b'{"event": '
    signed = {"X-Viber-Content-Signature": viber.sign(malformed, viber_bot.key)}
    answer = desk.client.http.post(f"/viber/{bot.bot_id}", headers=signed, body=malformed)
    assert answer.status_code == 200
    mate = people.invite(
        account_id,
        email=f"mate-of-{admin.email}",
        name="Помічник",
        role="agent",
        by=actor,
        now=desk.now,
    )
    key, secret = people.make_key(
        account_id, name="Сайт", scopes=list(people.SCOPES), by=actor, now=desk.now
    )
    top_up = tables.TopUp(
        key=account_id,
        top_up_id=ids_of.new("top", desk.now),
        account_id=account_id,
        amount_micros=1_000_000,
        state="open",
        created_at=desk.now,
        created_by=actor.actor_id,
    )
    top_up.item = top_ups.item_of(top_up.top_up_id)
    top_up.save()
    paid = payments.top_up(account_id, 1_000_000, f"stripe#{account_id}", now=desk.now).payment
    ticket, message = _stored(tables.Ticket, account_id), _stored(tables.Message, account_id)
    ids = Ids(
        bot_id=bot.bot_id,
        ticket_id=ticket["ticket_id"],
        message_id=message["message_id"],
        contact_id=ticket["contact_id"],
        person_id=mate.person_id,
        key_id=key.key_id,
        callback_id=_stored(tables.KeptCallback, account_id)["callback_id"],
        file_id=message["file_id"],
        request_id=requests_desk.of_account(account_id, limit=1, cursor=None)[0][0].request_id,
        account_id=account_id,
        top_up_id=top_up.top_up_id,
        entry_id=str(paid.entry_id),
        broadcast_id=_broadcast(desk, bot, actor),
        warning_id=_warning(account_id, desk),
    )
    return Furnished(account, admin, bot, viber_bot, ids, secret)


def _warning(account_id: str, desk: Desk) -> str:
    warning_id = f"wrn_{account_id.removeprefix('acc_')}"
    warning = tables.MoneyWarning(
        key=account_id,
        item=f"warning#{warning_id}",
        warning_id=warning_id,
        kind="debt",
        subject="debt",
        facts={"owed_micros": 1},
        raised_at=desk.now,
        mail="off",
    )
    warning.save()
    return warning_id


def _broadcast(desk: Desk, bot: Bot, by: Actor) -> str:
    """Put a broadcast there that waits to be started."""
    broadcast_id = ids_of.new("brc", desk.now)
    broadcast = tables.Broadcast(
        key=bot.account_id,
        item=f"broadcast#{broadcast_id}",
        broadcast_id=broadcast_id,
        account_id=bot.account_id,
        bot_id=bot.bot_id,
        state="ready",
        content={"type": "text", "text": f"Усім від {bot.name}"},
        sender_name=bot.name,
        revision=1,
        created_at=desk.now,
        created_by=by.actor_id,
    )
    broadcast.save()
    return broadcast_id


def everything() -> dict[str, list[str]]:
    """Read all tables, files and sign-ins there are, as text that can be compared."""
    found = {name: sorted(map(_spelled, rows(name))) for name in table_names()}
    listed = aws.client("s3").list_objects_v2(Bucket=config.bucket())
    found["files"] = sorted(f"{each['Key']} {each['ETag']}" for each in listed.get("Contents", []))
    cognito = aws.client("cognito-idp").list_users(UserPoolId=config.user_pool_id())
    found["sign-ins"] = sorted(
        f"{user['Username']} {user['Enabled']} {user['UserStatus']}" for user in cognito["Users"]
    )
    return found


def table_names() -> set[str]:
    """Name all tables."""
    return {model.Meta.table_name for model in tables.ALL}


def rows(table: str) -> list[dict[str, Any]]:
    """Read one table whole."""
    answer = aws.client("dynamodb").scan(TableName=table, ConsistentRead=True)
    found: list[dict[str, Any]] = answer["Items"]
    while "LastEvaluatedKey" in answer:
        answer = aws.client("dynamodb").scan(
            TableName=table, ConsistentRead=True, ExclusiveStartKey=answer["LastEvaluatedKey"]
        )
        found += answer["Items"]
    return found


def _stored(model: type[tables.Item], account_id: str) -> dict[str, Any]:
    wanted = "file_id" if model is tables.Message else model._hash_keyname
    for row in rows(model.Meta.table_name):
        if row.get("account_id") == {"S": account_id} and wanted in row:
            return {name: next(iter(typed.values())) for name, typed in row.items()}
    raise AssertionError(f"no {model.__name__} of {account_id}")


def _spelled(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True, default=repr)
