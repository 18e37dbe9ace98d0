"""Sessions and free windows: when one begins, opens, counts and ends, as functions of values.

policy  the numbers of a session, dated by their version
talk    what a conversation remembers, and what is read from it
engine  time passes, the subscriber writes, the business writes
undo    what failed messages take back

The caller hands in the talk it has read, stores the one it gets back, and makes the session
items and the money follow the changes. To refuse a message is to store nothing.
"""

from chalicelib.sessions.engine import Advanced, Part, Refusal, Spoken, advance, heard, spoke
from chalicelib.sessions.policy import (
    BUSINESS,
    FREE,
    Policy,
    PolicyAt,
    PolicyOf,
    Terms,
    check_policy,
)
from chalicelib.sessions.talk import (
    Change,
    Live,
    Talk,
    due_at,
    id_of,
    live,
    packed,
    session_id,
    unpacked,
)
from chalicelib.sessions.undo import gave_back, posted, undone, waits_again

__all__ = [
    "BUSINESS",
    "FREE",
    "Advanced",
    "Change",
    "Live",
    "Part",
    "Policy",
    "PolicyAt",
    "PolicyOf",
    "Refusal",
    "Spoken",
    "Talk",
    "Terms",
    "advance",
    "check_policy",
    "due_at",
    "gave_back",
    "heard",
    "id_of",
    "live",
    "packed",
    "posted",
    "session_id",
    "spoke",
    "undone",
    "unpacked",
    "waits_again",
]
