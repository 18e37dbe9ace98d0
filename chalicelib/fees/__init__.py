"""A bot's monthly fees: protected, charged, refused, ended.

    protected from      due at               last at
    ten days before  ─► the charge day   ─►  the paid month is over
    money moves aside   tried, then daily    tried once more; refused for money: the end

watching    when a bot's fee has to be looked at next
charging    what is due is paid, a month at a time, or put off, or ends the bot
protecting  available money is moved to the bot's set-aside before the charge day
ending      an admin cancels, a fee is refused for good, an operator turns sessions off
"""

from chalicelib.fees.charging import Due, after_top_up, begin, due, work
from chalicelib.fees.ending import cancel, end_unpaid, ended
from chalicelib.fees.watching import as_read, watched

__all__ = [
    "Due",
    "after_top_up",
    "as_read",
    "begin",
    "cancel",
    "due",
    "end_unpaid",
    "ended",
    "watched",
    "work",
]
