"""What will be: an account's money played forward by the rules that really take it.

pace     what was spent on each of the last days
playing  the rules of fees, day by day, as a function of values
legacy   when a legacy bot's month runs out, and what the move would cost
asking   what a forecast begins with, read from the account
"""

from chalicelib.forecast.asking import (
    Foretold,
    WhatIf,
    bots_of,
    foretell,
    quotas_of,
    start_of,
    until,
)
from chalicelib.forecast.legacy import Outlook, outlook
from chalicelib.forecast.playing import (
    MONEY_OUT,
    Event,
    Forecast,
    Row,
    Start,
    TopUp,
    play,
)

__all__ = [
    "MONEY_OUT",
    "Event",
    "Forecast",
    "Foretold",
    "Outlook",
    "Row",
    "Start",
    "TopUp",
    "WhatIf",
    "bots_of",
    "foretell",
    "outlook",
    "play",
    "quotas_of",
    "start_of",
    "until",
]
