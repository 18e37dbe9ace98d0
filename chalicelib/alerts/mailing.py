"""The mail of a warning: wanted with the warning itself, claimed, sent, marked.

    wanted ──► sending ──► sent
      ▲           │ ├────► failed    refused for good, or twice without an answer
      └───────────┘ └────► off       nobody is to be told
    SES has too much to do          or the account has had its letters of a day

Claimed before it is sent, a mail that nobody knows the fate of (a crash, no answer) is sent once
more and then no more: two mails at most, and mostly one.
"""

from datetime import datetime, timedelta
from typing import Any

from chalicelib import config, ids, people, store
from chalicelib import mail as letters
from chalicelib.alerts import choosing, words
from chalicelib.alerts.choosing import Chosen
from chalicelib.alerts.weighing import warning_item
from chalicelib.log import log
from chalicelib.tables import Account, MoneyWarning

WANTED, SENDING, SENT, FAILED, OFF = "wanted", "sending", "sent", "failed", "off"
TRIES_MAX = 2
AGAIN_AFTER = timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(days=1)
PEOPLE_AT_ONCE = 100
LETTERS_A_DAY = 20
DAY = timedelta(days=1)
READ_AT_ONCE = 100


def want(warning: MoneyWarning, chosen: Chosen, now: datetime) -> None:
    """Let a new warning be mailed, where mails are wanted and there is somebody to send them."""
    warning.mail = OFF
    if chosen.mails and config.mail_from():
        warning.mail, warning.due_at = WANTED, now
        warning.due_shard = store.shard_of("warning-mail", warning.warning_id)


def mail(warning: MoneyWarning, *, now: datetime, ses: Any = None) -> str:
    """Send the mail of a warning, and return what became of it."""
    if warning.tries >= TRIES_MAX or now - warning.raised_at > GIVEN_UP_AFTER:
        return _mark(warning, FAILED, now)
    account: Account = people.account(warning.key)
    to = _addresses(account.account_id)
    if not to or not config.mail_from():
        return _mark(warning, OFF, now)
    if _sent_lately(warning, now) >= LETTERS_A_DAY:
        log.warning("an account has had its letters of a day", account_id=warning.key)
        return _mark(warning, OFF, now)
    try:
        _claim(warning, now)
    except store.Changed:
        # Another run of this schedule is at it.
        return SENDING
    subject, text = words.letter(warning, account)
    try:
        letters.send(to, subject, text, ses=ses)
    except letters.Refused:
        log.exception("warning not mailed", warning_id=warning.warning_id)
        return _mark(warning, FAILED, now)
    except letters.Later:
        return _mark(warning, WANTED, now)
    except letters.NoAnswer:
        log.warning("no answer to a mail", warning_id=warning.warning_id)
        return SENDING
    return _mark(warning, SENT, now)


def _claim(warning: MoneyWarning, now: datetime) -> None:
    claimed = store.update(
        _item(warning),
        [
            MoneyWarning.mail.set(SENDING),
            MoneyWarning.tries.set(warning.tries + 1),
            MoneyWarning.due_at.set(now + AGAIN_AFTER),
        ],
        (MoneyWarning.mail == warning.mail) & (MoneyWarning.due_at == warning.due_at),
    )
    warning.mail, warning.tries, warning.due_at = claimed.mail, claimed.tries, claimed.due_at


def _mark(warning: MoneyWarning, state: str, now: datetime) -> str:
    """Write what became of a mail; another run that was faster has done so already."""
    actions = [MoneyWarning.mail.set(state)]
    if state == WANTED:
        # SES has refused this one, so it does not count.
        actions.append(MoneyWarning.tries.set(warning.tries - 1))
    else:
        actions += [MoneyWarning.due_shard.remove(), MoneyWarning.due_at.remove()]
    if state == SENT:
        actions.append(MoneyWarning.mailed_at.set(now))
    try:
        store.update(_item(warning), actions, MoneyWarning.due_at == warning.due_at)
    except store.Changed:
        log.info("mail marked already", warning_id=warning.warning_id)
    return state


def _addresses(account_id: str) -> list[str]:
    """List who is to be told now: the addresses set, and the admins there are today."""
    chosen = choosing.chosen(choosing.settings(account_id))
    if not chosen.mails:
        return []
    found = list(chosen.addresses)
    if chosen.to_admins:
        found += _admins(account_id)
    return list(dict.fromkeys(found))[: letters.RECIPIENTS_MAX]


def _sent_lately(warning: MoneyWarning, now: datetime) -> int:
    """Count an account's other letters of the last day: its addresses are nobody's proof.

    Every letter comes from the platform's own address, whose good name all accounts share.
    """
    since = ids.first_at("wrn", ids.to_ms(now - GIVEN_UP_AFTER - DAY))
    until = ids.first_at("wrn", ids.MS_MAX)
    sent, cursor = 0, None
    while True:
        found, cursor = store.page(
            MoneyWarning,
            warning.key,
            MoneyWarning.item.between(warning_item(since), warning_item(until)),
            limit=READ_AT_ONCE,
            cursor=cursor,
        )
        sent += sum(
            each.mail in (SENT, SENDING)
            and each.warning_id != warning.warning_id
            and (each.mailed_at or now) > now - DAY
            for each in found
        )
        if cursor is None:
            return sent


def _admins(account_id: str) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page, cursor = people.people(account_id, limit=PEOPLE_AT_ONCE, cursor=cursor)
        found += [str(person.email) for person in page if person.role == people.ADMIN]
        if cursor is None:
            return found


def _item(warning: MoneyWarning) -> MoneyWarning:
    return MoneyWarning(key=warning.key, item=warning.item)
