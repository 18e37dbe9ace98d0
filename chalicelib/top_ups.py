"""Top-ups by card: an admin asks, pays on Stripe's page, and Stripe tells what became of it.

Stripe tells late, twice and in any order, and what it has not told when its page is over it is
asked for. Money moves by the payment's identity alone (`payments`); the top-up's own state is
what the page shows, and never goes back.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib import billing, checkout, config, errors, ids, money, payments, repeats, store
from chalicelib.audit import Actor
from chalicelib.checkout import Dispute, Event, Refund, Session
from chalicelib.log import log
from chalicelib.tables import TopUp

NEW, OPEN, PENDING = "new", "open", "pending"
PAID, FAILED, EXPIRED, REVIEW = "paid", "failed", "expired", "review"
STATES = (NEW, OPEN, PENDING, PAID, FAILED, EXPIRED, REVIEW)
UNPAID = (NEW, OPEN, PENDING)

OPEN_MAX = 20
# Stripe's pages end after a day.
PAGE_LASTS = timedelta(days=1)
READ_AT_ONCE = 100

DUE = "top-up"
# By when Stripe has told of a page, if it tells at all; then it is asked.
TOLD_WITHIN = PAGE_LASTS + timedelta(hours=1)
ASKED_AGAIN_AFTER = timedelta(hours=1)
# Money by a slow method takes days.
PENDING_ASKED_EVERY = timedelta(days=1)
ASKED_FOR = timedelta(days=30)
# The event that a page's status stands for.
TOLD_BY = {"complete": "completed", "expired": "expired"}
NO_SUCH_SESSION = 404

REVIEWED_AT = "top-ups#review"


def start(account_id: str, micros: int, *, idempotency_key: str, by: Actor, now: datetime) -> TopUp:
    """Ask for a top-up and open the page on which it is paid; nothing is credited yet.

    The same key and amount get the same top-up and page. Raises Conflict of kind `no-cards`
    or `too-many-top-ups`, BadInput, KeyReused, StillRunning and GatewayFailed; after the last the
    same request may be sent again.
    """
    _check(micros)
    wish = repeats.wish(account_id, idempotency_key, "top-up", micros)

    def once() -> TopUp:
        first = store.get(*repeats.wanted(wish)[:2])
        if first is not None:
            return get(account_id, str(repeats.answered(wish, first)))
        _refuse_beside_too_many(account_id, now)
        top_up_id = ids.caused("top", ids.to_ms(now), wish.key)
        made = TopUp(
            key=account_id,
            item=item_of(top_up_id),
            top_up_id=top_up_id,
            account_id=account_id,
            amount_micros=micros,
            state=NEW,
            created_at=now,
            created_by=by.actor_id,
        )
        is_first = TopUp.key.does_not_exist()
        store.commit([repeats.put(wish, top_up_id, now), store.Put(made, is_first)])
        return made

    asked = store.again(once)
    if asked.checkout_url is None:
        asked = _opened(asked)
    return _as_first_told(asked)


def get(account_id: str, top_up_id: str) -> TopUp:
    """Read a top-up of this account, or raise NotFound."""
    found = store.get(TopUp, account_id, item_of(top_up_id))
    if found is None:
        raise errors.NotFound("There is no such top-up.", field="top_up_id")
    return found


def of_account(
    account_id: str, *, limit: int, cursor: str | None
) -> tuple[list[TopUp], str | None]:
    """List an account's top-ups, newest first."""
    only = TopUp.item.startswith(item_of(""))
    return store.page(TopUp, account_id, only, limit=limit, cursor=cursor, newest_first=True)


def for_review(*, limit: int, cursor: str | None) -> tuple[list[TopUp], str | None]:
    """List what an operator has to look at, of all accounts, oldest first."""
    return store.page(TopUp, REVIEWED_AT, limit=limit, cursor=cursor, index="desk")


def receive(raw: bytes, signature: str, *, now: datetime) -> bool:
    """Take one event of Stripe's; False where Stripe did not sign it, and nothing was read.

    Raises what makes Stripe tell it again: our store is busy, the payment that a refund is of is
    not here yet.
    """
    event = checkout.event_in(raw, signature)
    if event is None:
        return False
    done = _take(event, now)
    log.info("Stripe told", event=event.type, event_id=event.id, done=done)
    return True


def due(now: datetime) -> Iterator[TopUp]:
    """Find the top-ups that Stripe should have told of by now; none where it cannot be asked."""
    return store.due(TopUp, DUE, now) if checkout.can_ask() else iter(())


def settle(asked: TopUp, *, now: datetime) -> str:
    """Ask Stripe what became of a top-up, and take its answer as the event that has not come.

    What has not come to its end is asked for again. Raises GatewayFailed, and then too.
    """
    try:
        session = checkout.session_of(str(asked.session_id))
    except errors.GatewayFailed as failed:
        is_answer = failed.facts["code"] == NO_SUCH_SESSION
        _ask_again(asked, _next_look(asked, now) if is_answer else now + ASKED_AGAIN_AFTER)
        raise
    what = TOLD_BY.get(str(session.status))
    done = "still open" if what is None else _of_session(what, session, now)
    _ask_again(asked, _next_look(asked, now))
    return done


def item_of(top_up_id: str) -> str:
    """Name a top-up's place in its account's ledger; ids sort by time."""
    return f"top-up#{top_up_id}"


def _check(micros: int) -> None:
    if not checkout.is_on():
        raise errors.Conflict(
            "This deployment takes no cards; pay by bank transfer, an operator credits it.",
            kind="no-cards",
        )
    if not checkout.LEAST_MICROS <= micros <= checkout.MOST_MICROS:
        least, most = money.text(checkout.LEAST_MICROS), money.text(checkout.MOST_MICROS)
        raise errors.BadInput(
            f"By card from {least} to {most} {money.CURRENCY} at once.", field="amount.amount"
        )


def _refuse_beside_too_many(account_id: str, now: datetime) -> None:
    """Refuse one page more beside those that wait to be paid: Stripe's rate is all accounts'.

    Those that come at the same instant may all pass; the next one does not.
    """
    first, last = ids.first_at("top", ids.to_ms(now - PAGE_LASTS)), ids.first_at("top", ids.MS_MAX)
    waiting, cursor = 0, None
    while True:
        found, cursor = store.page(
            TopUp,
            account_id,
            TopUp.item.between(item_of(first), item_of(last)),
            limit=READ_AT_ONCE,
            cursor=cursor,
            newest_first=True,
        )
        waiting += sum(each.state in (NEW, OPEN) for each in found)
        if waiting >= OPEN_MAX:
            raise errors.Conflict(
                f"{OPEN_MAX} top-ups of today wait to be paid; pay one of them first.",
                kind="too-many-top-ups",
            )
        if cursor is None:
            return


def _opened(asked: TopUp) -> TopUp:
    page = checkout.open_session(asked.account_id, asked.top_up_id, asked.amount_micros)
    asked.checkout_url = page.url
    asked.state = OPEN
    kept = [TopUp.checkout_url.set(page.url), TopUp.session_id.set(page.session_id)]
    # Whoever was told of the payment faster has written more than we know.
    if not _move(asked, OPEN, NEW, *kept, *_due_at(asked, asked.created_at + TOLD_WITHIN)):
        with contextlib.suppress(store.Changed):
            store.update(asked, kept, TopUp.checkout_url.does_not_exist())
    return asked


def _as_first_told(asked: TopUp) -> TopUp:
    """Give a top-up as it was when its page was opened: a repeat gets the first answer."""
    return TopUp(
        key=asked.key,
        item=asked.item,
        top_up_id=asked.top_up_id,
        account_id=asked.account_id,
        amount_micros=asked.amount_micros,
        state=OPEN,
        checkout_url=asked.checkout_url,
        created_at=asked.created_at,
        created_by=asked.created_by,
    )


def _take(event: Event, now: datetime) -> str:
    about = event.data.object
    match event.type.split("."):
        case ["checkout", "session", what]:
            return _of_session(what, checkout.read(about, Session), now)
        case ["refund", "created" | "updated" | "failed"]:
            return _of_refund(checkout.read(about, Refund), now)
        case ["charge", "refunded"]:
            return _of_charge(checkout.read(about, checkout.Charge), now)
        case ["charge", "dispute", "funds_withdrawn"]:
            return _of_dispute(checkout.read(about, Dispute), now, is_won=False)
        case ["charge", "dispute", "funds_reinstated"]:
            return _of_dispute(checkout.read(about, Dispute), now, is_won=True)
    return "nothing of ours"


def _of_session(what: str, session: Session, now: datetime) -> str:
    told = session.metadata or {}
    if told.get("stage") != config.stage() or not {"account_id", "top_up_id"} <= told.keys():
        return "nothing of ours"
    asked = get(told["account_id"], told["top_up_id"])
    match what:
        case "completed" | "async_payment_succeeded" if session.payment_status == "paid":
            return _paid(asked, session, now)
        case "completed":
            later = _due_at(asked, now + PENDING_ASKED_EVERY)
            return _moved(asked, PENDING, TopUp.session_id.set(session.id), *later)
        case "async_payment_failed":
            return _moved(asked, FAILED, *_not_due())
        case "expired":
            return _moved(asked, EXPIRED, *_not_due())
    return "nothing of ours"


def _paid(asked: TopUp, session: Session, now: datetime) -> str:
    if session.payment_intent is None or session.amount_total is None:
        return "nothing was paid"
    payment = f"stripe#{session.payment_intent}"
    if session.currency != money.CURRENCY.lower():
        facts = {"currency": session.currency, "amount": session.amount_total}
        beside = [_marked(asked, payment, REVIEW, now, facts=facts)]
        return payments.keep_for_review(
            asked.account_id, payment, now=now, beside=beside, top_up_id=asked.top_up_id, **facts
        )
    micros = session.amount_total * money.CENT_MICROS
    if micros == 0:
        return "nothing was paid"
    facts = {"session": session.id}
    if micros != asked.amount_micros:
        facts["asked_for"] = money.text(asked.amount_micros)
    credited = payments.top_up(
        asked.account_id,
        micros,
        payment,
        now=now,
        top_up_id=asked.top_up_id,
        beside=[_marked(asked, payment, PAID, now, micros=micros)],
        **facts,
    )
    return "repeat" if credited.is_repeat else "credited"


def _of_refund(refund: Refund, now: datetime) -> str:
    if refund.payment_intent is None:
        return "nothing of ours"
    cause = f"top-up-returned:{refund.id}"
    taken = f"stripe-refund#{refund.id}"
    if refund.status in ("failed", "canceled"):
        return _undone(refund, taken, billing.CORRECTION, f"{cause}:{refund.status}", now)
    if refund.status == "requires_action":
        return "not yet"
    return _taken(refund, taken, billing.TOP_UP_RETURNED, cause, now)


def _of_charge(charge: checkout.Charge, now: datetime) -> str:
    if charge.payment_intent is None:
        return "nothing of ours"
    # Newer versions of Stripe's API leave the list out.
    told = charge.refunds.data if charge.refunds is not None else []
    found = told or checkout.refunds_of(charge.payment_intent)
    return ", ".join(_of_refund(_with_intent(r, charge.payment_intent), now) for r in found)


def _with_intent(refund: Refund, intent_id: str) -> Refund:
    return msgspec.structs.replace(refund, payment_intent=intent_id)


def _of_dispute(dispute: Dispute, now: datetime, *, is_won: bool) -> str:
    if dispute.payment_intent is None:
        return "nothing of ours"
    taken = f"stripe-dispute#{dispute.id}"
    if is_won:
        cause = f"dispute-won:{dispute.id}"
        return _undone(dispute, taken, billing.DISPUTE_WON, cause, now)
    return _taken(
        dispute, taken, billing.DISPUTE, f"dispute:{dispute.id}", now, reason=dispute.reason
    )


def _taken(
    told: Refund | Dispute, taken: str, kind: str, cause: str, now: datetime, **facts: Any
) -> str:
    payment = f"stripe#{told.payment_intent}"
    micros = told.amount * money.CENT_MICROS
    try:
        return payments.take_back(payment, taken, micros, kind=kind, cause=cause, now=now, **facts)
    except payments.UnknownPayment:
        if not checkout.is_ours(str(told.payment_intent)):
            return "nothing of ours"
        raise


def _undone(told: Refund | Dispute, taken: str, kind: str, cause: str, now: datetime) -> str:
    payment = f"stripe#{told.payment_intent}"
    micros = told.amount * money.CENT_MICROS
    return payments.give_back(payment, taken, micros, kind=kind, cause=cause, now=now)


def _marked(
    asked: TopUp,
    payment: str,
    state: str,
    now: datetime,
    *,
    micros: int | None = None,
    facts: dict[str, Any] | None = None,
) -> store.Update:
    """Return the write that ties a top-up to its first payment, whatever it was before."""
    actions = [
        TopUp.state.set(state),
        TopUp.payment.set(TopUp.payment | payment),
        TopUp.paid_at.set(TopUp.paid_at | now),
        *_not_due(),
    ]
    if micros is not None:
        actions.append(TopUp.paid_micros.set((TopUp.paid_micros | 0) + micros))
    if facts is not None:
        actions += [
            TopUp.facts.set(facts),
            TopUp.desk.set(REVIEWED_AT),
            TopUp.desk_order.set(asked.top_up_id),
        ]
    return store.Update(
        TopUp(key=asked.key, item=asked.item), TopUp.key.exists(), actions=tuple(actions)
    )


def _next_look(asked: TopUp, now: datetime) -> datetime | None:
    """Say when to ask again of what has not come to its end; None where it was asked enough."""
    at = now + (PENDING_ASKED_EVERY if asked.state == PENDING else ASKED_AGAIN_AFTER)
    return at if at <= asked.created_at + ASKED_FOR else None


def _ask_again(asked: TopUp, at: datetime | None) -> None:
    """Put off the next look, or end the looking, unless the top-up has moved meanwhile."""
    try:
        actions = _not_due() if at is None else _due_at(asked, at)
        store.update(asked, actions, TopUp.due_at == asked.due_at)
    except store.Changed:
        return
    if at is None:
        log.warning(
            "a top-up is left as it is",
            account_id=asked.account_id,
            top_up_id=asked.top_up_id,
            state=asked.state,
        )


def _due_at(asked: TopUp, at: datetime) -> list[Any]:
    return [TopUp.due_shard.set(store.shard_of(DUE, asked.top_up_id)), TopUp.due_at.set(at)]


def _not_due() -> list[Any]:
    return [TopUp.due_shard.remove(), TopUp.due_at.remove()]


def _moved(asked: TopUp, state: str, *more: Any) -> str:
    return state if any(_move(asked, state, before, *more) for before in UNPAID) else "repeat"


def _move(asked: TopUp, state: str, before: str, *more: Any) -> bool:
    if before == state:
        return False
    try:
        store.update(asked, [TopUp.state.set(state), *more], TopUp.state == before)
    except store.Changed:
        return False
    return True
