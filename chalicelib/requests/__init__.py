"""What an account asks operators for: a commercial bot, an old bot's rights, sessions.

form        Viber's ten fields
applying    a connection request with its deposit
deciding    an operator's verdict, once, and what follows from it
legacy      bots made before bots were paid for
business    bots with sessions
"""

from chalicelib.requests.applying import Application, apply
from chalicelib.requests.business import Terms, make, turn_off, turn_on, wish
from chalicelib.requests.deciding import Verdict, decide
from chalicelib.requests.form import COMPANY_TYPES, Form
from chalicelib.requests.legacy import claim, confirm

__all__ = [
    "COMPANY_TYPES",
    "Application",
    "Form",
    "Terms",
    "Verdict",
    "apply",
    "claim",
    "confirm",
    "decide",
    "make",
    "turn_off",
    "turn_on",
    "wish",
]
