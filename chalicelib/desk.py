"""The operators' desk: requests, each of which waits once and is decided once.

A guard beside the request keeps a bot, or a set of answers, from being asked for twice at the
same time; it goes with the decision.
"""

from datetime import datetime

from chalicelib import errors, ids, store
from chalicelib.audit import Actor
from chalicelib.tables import Guard, Request

NEW, MOVE, REVIVAL = "new", "move", "revival"
SESSIONS, LEGACY = "sessions", "legacy"
PAID_KINDS = (NEW, MOVE, REVIVAL)
KINDS = (*PAID_KINDS, SESSIONS, LEGACY)

WAITING, APPROVED, REFUSED = "waiting", "approved", "refused"
STATES = (WAITING, APPROVED, REFUSED)


def request(
    account_id: str,
    kind: str,
    *,
    subject: str,
    bot_id: str | None,
    form: dict[str, object],
    by: Actor,
    now: datetime,
    deposit_micros: int = 0,
    cause: str | None = None,
) -> Request:
    """Make a request that waits for an operator; `subject` is what it may be open for once.

    The same `cause` at the same instant makes the same id.
    """
    at_ms = ids.to_ms(now)
    request_id = ids.caused("req", at_ms, cause) if cause else ids.new("req", now)
    return Request(
        key=account_id,
        item=request_item(request_id),
        desk=shelf_of(WAITING),
        desk_order=request_id,
        request_id=request_id,
        account_id=account_id,
        kind=kind,
        state=WAITING,
        bot_id=bot_id,
        form=form,
        deposit_micros=deposit_micros,
        guard=guard_item(subject),
        created_at=now,
        created_by=by.actor_id,
        created_by_name=by.name,
    )


def ask(wanted: Request) -> list[store.Write]:
    """Return the writes that lay a request on the desk; Conflict where one like it lies there."""
    refusal = errors.Conflict(
        "An open request asks for the same already; it has to be decided first.",
        kind="request-open",
    )
    guard = Guard(key=wanted.key, item=wanted.guard, subject_id=wanted.request_id)
    return [
        store.Put(guard, Guard.key.does_not_exist(), refusal),
        store.Put(wanted, Request.key.does_not_exist()),
    ]


def settle(
    decided: Request, state: str, *, bot_id: str | None, reason: str, by: Actor, now: datetime
) -> list[store.Write]:
    """Return the writes of a decision; Changed where the request was decided meanwhile."""
    actions = [
        Request.state.set(state),
        Request.desk.set(shelf_of(state)),
        Request.decided_at.set(now),
        Request.decided_by.set(by.actor_id),
    ]
    if reason:
        actions.append(Request.reason.set(reason))
    if bot_id is not None:
        actions.append(Request.bot_id.set(bot_id))
    return [
        store.Update(
            Request(key=decided.key, item=decided.item),
            Request.state == WAITING,
            actions=tuple(actions),
        ),
        store.Delete(
            Guard(key=decided.key, item=decided.guard), Guard.subject_id == decided.request_id
        ),
    ]


def get(account_id: str, request_id: str) -> Request:
    """Read a request of this account, or raise NotFound."""
    found = store.get(Request, account_id, request_item(request_id))
    if found is None:
        raise errors.NotFound("There is no such request.")
    return found


def open_for(account_id: str, bot_id: str) -> Request | None:
    """Find the request that is open for a bot."""
    guard = store.get(Guard, account_id, guard_item(of_bot(bot_id)))
    return None if guard is None else get(account_id, guard.subject_id)


def of_account(
    account_id: str, *, limit: int, cursor: str | None
) -> tuple[list[Request], str | None]:
    """List an account's requests, newest first."""
    return store.page(
        Request,
        account_id,
        Request.item.startswith("request#"),
        limit=limit,
        cursor=cursor,
        newest_first=True,
    )


def in_state(state: str, *, limit: int, cursor: str | None) -> tuple[list[Request], str | None]:
    """List requests of all accounts: those that wait oldest first, decided ones newest first."""
    return store.page(
        Request,
        shelf_of(state),
        limit=limit,
        cursor=cursor,
        newest_first=state != WAITING,
        index="desk",
    )


def of_bot(bot_id: str) -> str:
    """Name a bot as what a request is about."""
    return f"bot#{bot_id}"


def request_item(request_id: str) -> str:
    """Name a request's place in its account's ledger; ids sort by time."""
    return f"request#{request_id}"


def guard_item(subject: str) -> str:
    """Name the guard that keeps a second request about the same away."""
    return f"guard#request#{subject}"


def shelf_of(state: str) -> str:
    """Name the part of the desk where requests of this state lie."""
    return f"requests#{state}"
