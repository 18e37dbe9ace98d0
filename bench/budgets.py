"""The budgets of the design for what exists: data, and the verdict on a count.

A budget is broken by a single round trip, call or unit too many. `beyond` is what an operation
takes over the design's figure for a reason given here; it is shown, never hidden in the figure.
"""

from typing import NamedTuple

from bench.meter import Count

SHARDS = 16
DUE = 10
# What is due is read afresh, then written.
TRIPS_PER_DUE = 2
THREE_KINDS = "it looks after three kinds of due items: balances, legacy counts, mails"
TWO_KINDS = "it looks after two kinds of due items, each in a due index of its own"


class Budget(NamedTuple):
    """The most an operation may take; None where the design sets no figure.

    `calls` are those to a queue or to Viber. `beyond` round trips come on top for `reason`.
    """

    operation: str
    round_trips: int | None = None
    write_units: int | None = None
    calls: int = 0
    beyond: int = 0
    reason: str = ""


BUDGETS = (
    Budget("inbound message, nothing opened", 2, 8),
    Budget("inbound message that opens contact and ticket", 2, 14, calls=1),
    Budget("the same with a picture", 2, 14, calls=1),
    Budget("inbound message after a closed ticket, which opens a new one", 2, 14),
    Budget("reply of one part, free: accepted", 3, calls=1),
    Budget("reply of one part, free: sent", 2, calls=1),
    Budget("reply of one part, free: from accept to sent", 5, 16, calls=2),
    Budget("receipt: delivered", 2, 2),
    Budget("receipt: seen", 2, 2),
    Budget("receipt: failed", 2, 2),
    Budget("receipt of the subscriber's own message", 2, 2),
    Budget("receipt under a token nobody knows", 3, 2),
    Budget("duplicate of an inbound message", 2, 2),
    Budget("duplicate of an inbound message older than the last 20", 2, 2),
    Budget("duplicate of a receipt", 2, 2),
    Budget("duplicate of a receipt under a token nobody knows", 3, 2),
    Budget("duplicate of a reply (same Idempotency-Key)", 2, 2),
    Budget("duplicate of a queued item that is sent", 2, 2),
    Budget("page of tickets, 50 of 1000", 1, 0),
    Budget("page of tickets, filtered", 1, 0),
    Budget(
        "page of messages, 50 of 1000",
        1,
        0,
        beyond=1,
        reason="the ticket is read first: it names the conversation and proves whose it is",
    ),
    Budget("authorizer: API key", 1, 0),
    Budget("authorizer: person", 1, 0),
    Budget("schedule check_webhooks, nothing due", SHARDS, 0),
    Budget("schedule replay_callbacks, nothing due", SHARDS, 0),
    Budget("schedule settle_messages, nothing due", SHARDS, 0, beyond=SHARDS, reason=TWO_KINDS),
    Budget("schedule copy_missing_files, nothing due", SHARDS, 0, beyond=SHARDS, reason=TWO_KINDS),
    Budget("check_webhooks, 10 of 100 bots due", SHARDS + DUE * TRIPS_PER_DUE, calls=DUE),
    Budget("check_webhooks, 10 of 2000 bots due", SHARDS + DUE * TRIPS_PER_DUE, calls=DUE),
    Budget(
        "settle_messages, 10 of 100 messages due",
        SHARDS + DUE * TRIPS_PER_DUE,
        calls=DUE,
        beyond=SHARDS,
        reason=TWO_KINDS,
    ),
    Budget(
        "settle_messages, 10 of 2000 messages due",
        SHARDS + DUE * TRIPS_PER_DUE,
        calls=DUE,
        beyond=SHARDS,
        reason=TWO_KINDS,
    ),
    Budget("reply of one part, paid: accepted", 3, calls=1),
    Budget("reply of one part, paid: sent", 2, calls=1),
    Budget("reply of one part, paid: from accept to sent", 5, 18, calls=2),
    Budget("receipt: delivered, of a paid message", 2, 8),
    Budget("receipt: seen, of a paid message delivered before", 2, 2),
    Budget("duplicate of a paid message's receipt", 2, 2),
    Budget("quote", 2, 0),
    Budget("inbound message that begins a session", 2, 14),
    Budget("inbound message in an open session", 2, 8),
    Budget("reply in an open session: from accept to sent", 5, 16, calls=2),
    Budget("page of entries, 50 of 1000", 1, 0),
    Budget("page of past sessions, 50 of 1000", 1, 0),
    Budget(
        "page of live sessions, 50 of 1000",
        1,
        0,
        beyond=1,
        reason="what a live session counts stands in its conversation, which is read with it",
    ),
    Budget("schedule charge_fees, nothing due", SHARDS, 0),
    Budget("schedule give_warnings, nothing due", SHARDS, 0, beyond=2 * SHARDS, reason=THREE_KINDS),
    Budget("schedule expire_sessions, nothing due", SHARDS, 0),
    Budget("charge_fees, 10 of 100 bots due"),
    Budget("charge_fees, 10 of 10000 bots due"),
    Budget("reply that opens a session: from accept to sent"),
    Budget("receipt: failed, of a paid message"),
    Budget("inbound message of 300 letters, nothing opened"),
    Budget("conversation started, with a welcome message"),
    Budget("unsubscribed"),
    Budget("note"),
    Budget("ticket opened"),
    Budget("ticket's status changed"),
    Budget("answer lost by Viber: message becomes unknown"),
    Budget("receipt that may be an unknown message's"),
)

# What must cost the same whatever else there is.
SAME = (
    ("check_webhooks, 10 of 100 bots due", "check_webhooks, 10 of 2000 bots due"),
    ("settle_messages, 10 of 100 messages due", "settle_messages, 10 of 2000 messages due"),
    ("charge_fees, 10 of 100 bots due", "charge_fees, 10 of 10000 bots due"),
)


def broken(counts: dict[str, Count]) -> list[str]:
    """Name every budget that these counts break, with by how much."""
    found = [line for budget in BUDGETS for line in _broken(budget, counts[budget.operation])]
    for one, other in SAME:
        first, second = counts[one], counts[other]
        if _cost(first) != _cost(second):
            found.append(f"{other}: costs {_cost(second)}, but {_cost(first)} for fewer")
    return found


def _broken(budget: Budget, count: Count) -> list[str]:
    if budget.round_trips is None:
        return []
    limits = [
        ("round trips", count.round_trips, budget.round_trips + budget.beyond),
        ("calls", count.other_calls.total(), budget.calls),
    ]
    if budget.write_units is not None:
        limits.append(("write units", count.write_units, budget.write_units))
    return [
        f"{budget.operation}: {taken} {what}, budget {limit}"
        for what, taken, limit in limits
        if taken > limit
    ]


def _cost(count: Count) -> tuple[int, int, int]:
    return count.round_trips, count.other_calls.total(), count.write_units
