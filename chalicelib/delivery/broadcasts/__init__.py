"""Broadcasts: one message to many subscribers, planned, agreed to, and sent in chunks.

audience   whom it goes to: contacts by name, or what a filter lets through
planning   a broadcast becomes chunks of lines, counted and priced
listing    an account's broadcasts, a page or all of them
steering   started, paused, resumed, stopped; shown with its recipients
dividing   who goes together with others, and who gets a message of his own
holding    a chunk is decided and its money held
together   one request for a whole chunk, and its answer
singly     line by line, where Viber has not allowed broadcasts
apart      messages of their own for those whose talk goes on
working    the queue's worker, chunk by chunk
catching   receipts that were faster than our own write
settling   the passes that turn receipts into money; what a crash left open
"""

from chalicelib.delivery.broadcasts.audience import Wanted as Recipients
from chalicelib.delivery.broadcasts.listing import listed
from chalicelib.delivery.broadcasts.planning import Wanted, make
from chalicelib.delivery.broadcasts.settling import due, held_micros, settle
from chalicelib.delivery.broadcasts.steering import (
    Recipient,
    Told,
    get,
    pause,
    recipients,
    resume,
    show,
    start,
    stop,
)
from chalicelib.delivery.broadcasts.working import work

__all__ = [
    "Recipient",
    "Recipients",
    "Told",
    "Wanted",
    "due",
    "get",
    "held_micros",
    "listed",
    "make",
    "pause",
    "recipients",
    "resume",
    "settle",
    "show",
    "start",
    "stop",
    "work",
]
