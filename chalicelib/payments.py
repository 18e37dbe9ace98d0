"""Money from outside: credited once under its own identity, and taken back under one.

    payment  ─► credited ─► (refund, dispute) taken back ─► (it failed, it was won) given back

Each step is one transaction: the item of the payment, which is there once for ever, the balance
and its entry. Whoever tells of the same step again meets the item and changes nothing.
"""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib import audit, billing, errors, fees, money, repeats, store
from chalicelib.audit import Actor
from chalicelib.log import log
from chalicelib.tables import PLATFORM, Account, Entry, Payment

REFERENCE_MAX_CHARACTERS = 100
DONE, REVIEW, TAKEN, GIVEN_BACK = "done", "review", "taken", "given-back"

DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")


class Credited(NamedTuple):
    """A payment as it stands, and whether it was credited before."""

    payment: Payment
    is_repeat: bool


class UnknownPayment(errors.Conflict):
    """What is taken back belongs to a payment that is not here yet; it is to be told again."""

    title = "The payment is not here yet"
    kind = "payment-unknown"


def top_up(
    account_id: str,
    micros: int,
    payment: str,
    *,
    now: datetime,
    top_up_id: str | None = None,
    beside: Sequence[store.Write] = (),
    **facts: Any,
) -> Credited:
    """Credit a payment to an account, once for ever; then due fees are tried.

    `beside` is written in the same transaction. A repeat changes nothing, whatever it says.
    """

    def once() -> Credited:
        balance, known = store.read(billing.wanted(account_id), (Payment, payment, None))
        if known is not None:
            return Credited(known, is_repeat=True)
        named = facts if top_up_id is None else facts | {"top_up_id": top_up_id}
        item, writes = _credit(account_id, micros, payment, balance, now, named)
        item.top_up_id = top_up_id
        store.commit([*writes, *beside])
        return Credited(item, is_repeat=False)

    credited = store.again(once)
    if credited.payment.account_id is not None and credited.payment.state == DONE:
        _try_fees(credited.payment.account_id, now)
    return credited


def transfer(
    account_id: str, micros: int, reference: str, *, idempotency_key: str, by: Actor, now: datetime
) -> Entry:
    """Credit a bank transfer, at most once for its reference, whichever account it was for.

    Raises BadInput for a reference that is none, NotFound, KeyReused, and Conflict of kind
    `already-credited` where the reference was used before.
    """
    named = normalised(reference)
    payment = f"transfer#{named}"
    asked = [account_id, micros, named]
    wish = repeats.wish(PLATFORM, idempotency_key, "transfer", asked)

    def once() -> str:
        account, first, known, balance = store.read(
            (Account, PLATFORM, f"account#{account_id}"),
            repeats.wanted(wish),
            (Payment, payment, None),
            billing.wanted(account_id),
        )
        if account is None:
            raise errors.NotFound("There is no such account.", field="account_id")
        if first is not None:
            return str(repeats.answered(wish, first))
        if known is not None:
            raise _already_credited(known)
        facts = {"reference": reference.strip(), "credited_by": by.name}
        item, writes = _credit(account_id, micros, payment, balance, now, facts)
        said = {"amount": money.text(micros), "reference": named}
        lines = [
            audit.line(account_id, by, "transfer credited", account_id, now, **said),
            audit.line(PLATFORM, by, "transfer credited", account_id, now, **said),
        ]
        store.commit([repeats.put(wish, item.entry_id, now), *writes, *lines])
        return str(item.entry_id)

    entry_id = store.again(once)
    _try_fees(account_id, now)
    return billing.read_entry(account_id, entry_id)


def take_back(
    payment: str, taken: str, micros: int, *, kind: str, cause: str, now: datetime, **facts: Any
) -> str:
    """Take back money of a payment, once for the identity of what takes it.

    What is available pays it, the rest becomes a debt. Raises UnknownPayment where the payment
    is not here; a payment of which nothing was credited gives nothing back.
    """

    def once() -> str:
        parent, known = store.read((Payment, payment, None), (Payment, taken, None))
        if known is not None:
            return "repeat"
        if parent is None:
            raise UnknownPayment(f"Nothing is known of {payment} yet; tell it again later.")
        if parent.state == REVIEW:
            return "nothing was credited"
        account_id = parent.account_id
        entry = billing.entry(
            account_id, kind, cause, now=now, corrects=parent.entry_id, payment=payment, **facts
        )
        change = billing.Change(account_id)
        change.take_back(micros, entry)
        item = _item(taken, account_id, micros, now, TAKEN, entry.entry_id)
        item.parent = payment
        store.commit(
            [
                store.Put(item, Payment.key.does_not_exist()),
                _returned(payment, micros),
                *change.writes(billing.balance(account_id), now=now),
            ]
        )
        return "taken back"

    return store.again(once)


def give_back(
    payment: str, taken: str, micros: int, *, kind: str, cause: str, now: datetime, **facts: Any
) -> str:
    """Give back what was taken under an identity, once: the refund failed, the dispute was won.

    Told before what it undoes, it is remembered, so that nothing is taken afterwards.
    """

    def once() -> str:
        known = store.get(Payment, taken)
        if known is None:
            item = _item(taken, None, micros, now, GIVEN_BACK, None)
            item.parent = payment
            store.commit([store.Put(item, Payment.key.does_not_exist())])
            return "nothing was taken"
        if known.state == GIVEN_BACK:
            return "repeat"
        account_id = known.account_id
        entry = billing.entry(
            account_id, kind, cause, now=now, corrects=known.entry_id, payment=payment, **facts
        )
        change = billing.Change(account_id)
        change.refund(known.amount_micros, entry)
        given = store.Update(
            Payment(key=taken), Payment.state == TAKEN, actions=(Payment.state.set(GIVEN_BACK),)
        )
        store.commit(
            [
                given,
                _returned(known.parent, -known.amount_micros),
                *change.writes(billing.balance(account_id), now=now),
            ]
        )
        return "given back"

    done = store.again(once)
    known = store.get(Payment, taken)
    if known is not None and known.account_id is not None:
        _try_fees(known.account_id, now)
    return done


def keep_for_review(
    account_id: str, payment: str, *, now: datetime, beside: Sequence[store.Write], **facts: Any
) -> str:
    """Remember a payment that cannot be credited as it is, once; an operator has to look."""
    item = _item(payment, account_id, 0, now, REVIEW, None)
    item.facts = facts
    own = store.Put(item, Payment.key.does_not_exist(), fails_as=store.MINE)
    try:
        store.commit([own, *beside])
    except store.AlreadyThere:
        return "repeat"
    log.error("a payment is to be looked at", account_id=account_id, payment=payment, **facts)
    return "to be looked at"


def normalised(reference: str) -> str:
    """Give a transfer's reference as it is compared: capitals, no spaces, one kind of dash."""
    plain = unicodedata.normalize("NFKC", reference).translate(DASHES)
    named = "".join(plain.split()).upper()
    if not 0 < len(named) <= REFERENCE_MAX_CHARACTERS or not named.isprintable():
        raise errors.BadInput(
            f"The transfer's own reference, of 1 to {REFERENCE_MAX_CHARACTERS} characters.",
            field="reference",
        )
    return named


def _credit(
    account_id: str, micros: int, payment: str, balance: Any, now: datetime, facts: dict[str, Any]
) -> tuple[Payment, list[store.Write]]:
    cause = f"top-up:{payment}"
    entry = billing.entry(account_id, billing.TOP_UP, cause, now=now, payment=payment, **facts)
    change = billing.Change(account_id)
    change.take_in(micros, entry)
    item = _item(payment, account_id, micros, now, DONE, entry.entry_id)
    item.facts = facts
    own = store.Put(item, Payment.key.does_not_exist())
    return item, [own, *change.writes(balance, now=now)]


def _item(
    key: str, account_id: str | None, micros: int, now: datetime, state: str, entry_id: str | None
) -> Payment:
    return Payment(
        key=key,
        account_id=account_id,
        amount_micros=micros,
        at=now,
        state=state,
        entry_id=entry_id,
    )


def _returned(payment: str, micros: int) -> store.Update:
    more = Payment.returned_micros.set((Payment.returned_micros | 0) + micros)
    return store.Update(Payment(key=payment), Payment.key.exists(), actions=(more,))


def _already_credited(known: Payment) -> errors.Conflict:
    return errors.Conflict(
        f"A transfer with this reference was credited on {known.at:%Y-%m-%d %H:%M} UTC: "
        f"{money.text(known.amount_micros)} {money.CURRENCY}.",
        kind="already-credited",
        field="reference",
        credited_to=known.account_id,
        entry_id=known.entry_id,
    )


def _try_fees(account_id: str, now: datetime) -> None:
    """Try due fees at once; where that fails, their own schedule does it within a day."""
    try:
        fees.after_top_up(account_id, now=now)
    except errors.Busy:
        log.warning("due fees were not tried", account_id=account_id)
