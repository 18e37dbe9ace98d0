"""An operator puts right what an entry got wrong: by a new entry that names the old one."""

from datetime import datetime

from chalicelib import audit, billing, errors, money, repeats, store
from chalicelib.audit import Actor
from chalicelib.tables import PLATFORM, Entry, Guard

REASON_MAX_CHARACTERS = 500


def correct(
    account_id: str,
    entry_id: str,
    micros: int,
    *,
    reason: str,
    idempotency_key: str,
    by: Actor,
    now: datetime,
) -> Entry:
    """Give an account money, or below zero take it: what is available first, the rest is owed.

    The same wish gets the same entry, also when its first answer is long forgotten. Raises
    NotFound, KeyReused, BadInput for no reason.
    """
    said = reason.strip()
    if not 0 < len(said) <= REASON_MAX_CHARACTERS:
        raise errors.BadInput(f"1 to {REASON_MAX_CHARACTERS} characters.", field="reason")
    asked = [account_id, entry_id, micros, said]
    wish = repeats.wish(PLATFORM, idempotency_key, "correction", asked)
    cause = f"correction:{entry_id}:{wish.fingerprint[:16]}:{idempotency_key}"

    def once() -> str:
        first, guard, wrong, balance = store.read(
            repeats.wanted(wish),
            (Guard, account_id, guard_item(cause)),
            (Entry, account_id, billing.entry_item(entry_id)),
            billing.wanted(account_id),
        )
        if first is not None:
            return str(repeats.answered(wish, first))
        if guard is not None:
            return str(guard.subject_id)
        if wrong is None:
            raise errors.NotFound("There is no such entry.", field="entry_id")
        made = billing.entry(
            account_id,
            billing.CORRECTION,
            cause,
            now=now,
            bot_id=wrong.bot_id,
            corrects=entry_id,
            reason=said,
            corrected_by=by.name,
        )
        change = billing.Change(account_id)
        if micros > 0:
            change.refund(micros, made)
        else:
            change.take_back(-micros, made)
        facts = {"amount": money.text(micros), "reason": said}
        store.commit(
            [
                repeats.put(wish, made.entry_id, now),
                # The entry's id is of its instant, so another day it would be another entry.
                store.Put(
                    Guard(key=account_id, item=guard_item(cause), subject_id=made.entry_id),
                    Guard.key.does_not_exist(),
                ),
                *change.writes(balance, now=now),
                audit.line(account_id, by, "entry corrected", entry_id, now, **facts),
                audit.line(PLATFORM, by, "entry corrected", entry_id, now, **facts),
            ]
        )
        return str(made.entry_id)

    return billing.read_entry(account_id, store.again(once))


def guard_item(cause: str) -> str:
    """Name the guard that keeps a correction from being booked twice."""
    return f"guard#{cause}"
