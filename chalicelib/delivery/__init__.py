"""Outgoing messages: accepted, queued, sent once, and told apart as what became of them.

quote      what a reply would cost now
accept     a reply becomes queued messages, in one transaction
finishing  a reply too long for one: its plan, and the writing of its parts
pricing    the one decision on what it costs, for all who ask
sending    the queue's worker: one call to Viber for each message
taking     what a message that Viber took does to money
receipts   delivered, seen, failed; whoever comes second finds the other's item
failing    what a failed message gives back: money, counts, a session
paying     the price of a message, held, posted or voided
settling   the schedule that finishes what a crash or a lost answer left open
states     the table all of them follow
"""

from chalicelib.delivery.accept import Accepted, Reply, reply
from chalicelib.delivery.quote import Quote, quote
from chalicelib.delivery.receipts import receipt
from chalicelib.delivery.sending import send
from chalicelib.delivery.settling import due, settle

__all__ = [
    "Accepted",
    "Quote",
    "Reply",
    "due",
    "quote",
    "receipt",
    "reply",
    "send",
    "settle",
]
