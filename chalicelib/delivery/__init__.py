"""Outgoing messages: accepted, queued, sent once, and told apart as what became of them.

accept    a reply becomes queued messages, in one transaction
sending   the queue's worker: one call to Viber for each message
receipts  delivered, seen, failed; whoever comes second finds the other's item
settling  the schedule that finishes what a crash or a lost answer left open
states    the table all of them follow
"""

from chalicelib.delivery.accept import Accepted, Reply, finish, reply
from chalicelib.delivery.receipts import receipt
from chalicelib.delivery.sending import send
from chalicelib.delivery.settling import due, settle

__all__ = ["Accepted", "Reply", "due", "finish", "receipt", "reply", "send", "settle"]
