"""An operator puts right what an entry got wrong: by a new entry that names the old one."""

from datetime import datetime

from chalicelib import audit, billing, errors, money, repeats, store
from chalicelib.audit import Actor
from chalicelib.tables import PLATFORM, Entry

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

    The same wish gets the same entry. Raises NotFound, KeyReused, BadInput for no reason.
    """
    said = reason.strip()
    if not 0 < len(said) <= REASON_MAX_CHARACTERS:
        raise errors.BadInput(f"1 to {REASON_MAX_CHARACTERS} characters.", field="reason")
    asked = [account_id, entry_id, micros, said]
    wish = repeats.wish(PLATFORM, idempotency_key, "correction", asked)

    def once() -> str:
        first, wrong, balance = store.read(
            repeats.wanted(wish),
            (Entry, account_id, billing.entry_item(entry_id)),
            billing.wanted(account_id),
        )
        if first is not None:
            return str(repeats.answered(wish, first))
        if wrong is None:
            raise errors.NotFound("There is no such entry.", field="entry_id")
        made = billing.entry(
            account_id,
            billing.CORRECTION,
            f"correction:{entry_id}:{wish.fingerprint[:16]}:{idempotency_key}",
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
                *change.writes(balance, now=now),
                audit.line(account_id, by, "entry corrected", entry_id, now, **facts),
                audit.line(PLATFORM, by, "entry corrected", entry_id, now, **facts),
            ]
        )
        return str(made.entry_id)

    return billing.read_entry(account_id, store.again(once))
