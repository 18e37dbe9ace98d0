"""Warnings: told once when a line is crossed, by e-mail and in the console.

    crossed ──► warning, mail wanted ──► mailed
                   │ well above the line again, or the month over
                   ▼
                cleared; the next crossing is a new warning

choosing  what an account has set: its lines, fee protection, who gets mail
weighing  which lines are crossed, as a function of the account's money and bots
giving    the schedule: crossings become warnings, one transaction each
mailing   the mail of a warning: claimed, sent, marked
words     what a mail says, in four languages
"""

from chalicelib.alerts.choosing import Chosen, change, chosen, settings
from chalicelib.alerts.giving import due, listed, look, see, work
from chalicelib.alerts.weighing import KINDS

__all__ = [
    "KINDS",
    "Chosen",
    "change",
    "chosen",
    "due",
    "listed",
    "look",
    "see",
    "settings",
    "work",
]
