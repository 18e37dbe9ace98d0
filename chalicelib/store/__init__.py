"""One read and one transaction: the only place that talks to DynamoDB about more than one item.

Domain modules return writes, the flow that called them commits them here together. A failed
condition is read by its cancellation code and told in this order: what I meant to write is
there already, what I decided on has changed, a limit is reached. Conflicts and throttling are
no verdict: they are tried again within bounds.

writing   transactions and single writes; what a failed condition means
reading   items, pages, what is due
asking    what is tried again, how often, and what is decided again
cursors   where a list goes on
"""

from chalicelib.store.asking import Changed, again, insist, pause
from chalicelib.store.reading import BATCH_GET_MAX, SHARDS, due, get, page, read, shard_of
from chalicelib.store.writing import (
    ACTIONS_MAX,
    MINE,
    VERSION,
    AlreadyThere,
    Check,
    Delete,
    Put,
    Update,
    Write,
    commit,
    put,
    put_all,
    update,
)

__all__ = [
    "ACTIONS_MAX",
    "BATCH_GET_MAX",
    "MINE",
    "SHARDS",
    "VERSION",
    "AlreadyThere",
    "Changed",
    "Check",
    "Delete",
    "Put",
    "Update",
    "Write",
    "again",
    "commit",
    "due",
    "get",
    "insist",
    "page",
    "pause",
    "put",
    "put_all",
    "read",
    "shard_of",
    "update",
]
