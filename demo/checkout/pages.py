"""The pretend checkout's pages: one to pay on, and the payments with their buttons."""

import html
from collections.abc import Iterable
from urllib.parse import quote

from demo.checkout.paying import Payment, Session
from demo.servers import Answer

HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 }
main { max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
small { opacity: .7; font-weight: normal }
h2 { margin: 2rem 0 .25rem; font-size: 1.05rem }
form { display: inline-block; margin: .25rem .5rem .25rem 0 }
button, input { font: inherit; padding: .3rem .7rem }
"""


def to_pay(session: Session) -> Answer:
    """Draw the page to pay on."""
    if session.status != "open":
        over = f"<p>This page is {html.escape(session.status)}; nothing is left to pay.</p>"
        return page("Pay", over)
    amount = _amount(session.amount, session.currency)
    return page(
        "Pay",
        f"<p>This is a pretend checkout: no card, no money.</p>"
        f'<form method="post" action="/pay/{session.id}">'
        f'<p><button name="act" value="pay">Pay {amount}</button> '
        f'<button name="act" value="cancel">Cancel</button></p></form>',
    )


def payments(paid: Iterable[Payment]) -> Answer:
    """Draw the list of payments, each with what can be done to it."""
    rows = "".join(_row(each) for each in paid)
    return page("Payments", rows or "<p>Nothing was paid yet. Top up in the console first.</p>")


def _row(paid: Payment) -> str:
    at = f"/payments/{quote(paid.id)}"
    back = "".join(
        f"<li>refund {each['id']}: {_amount(each['amount'], paid.currency)}, "
        f"{html.escape(each['status'])}</li>"
        for each in paid.refunds
    )
    if paid.dispute is not None:
        back += f"<li>disputed: {paid.dispute['id']}</li>"
    return (
        f"<h2>{paid.id}: {_amount(paid.amount, paid.currency)}</h2><ul>{back}</ul>"
        f'<form method="post" action="{at}/refund"><label>Amount <input name="amount" '
        f'placeholder="all"></label> <button>Refund</button></form>'
        + _button(at, "fail-refund", "The last refund fails")
        + _button(at, "dispute", "Dispute")
        + _button(at, "win", "The dispute is won")
    )


def _amount(cents: int, currency: str) -> str:
    return f"{cents // 100}.{cents % 100:02} {html.escape(currency.upper())}"


def _button(at: str, act: str, words: str) -> str:
    return f'<form method="post" action="{at}/{act}"><button>{words}</button></form>'


def done(words: str, url: str) -> Answer:
    """Draw what came of a page to pay on, with the way back."""
    back = f'<a href="{html.escape(url, quote=True)}">Back to Viberdesk</a>'
    return page("Pay", f"<p>{words}</p><p>{back}</p>")


def page(title: str, body: str, status: int = 200) -> Answer:
    """Draw a page with this title and body."""
    drawn = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title}: pretend checkout</title>'
        f"<style>{STYLE}</style></head>"
        f"<body><main><h1>{title} <small>of the demo</small></h1>{body}</main></body></html>"
    )
    return Answer(status, HEADERS, drawn.encode())
