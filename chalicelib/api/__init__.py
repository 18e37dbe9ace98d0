"""The console API's table of contents: every route, by the file that holds its view.

A cold start imports none of these files: a route's first call does. `public` routes have no
authorizer in front of them; a media type is what a body is other than JSON.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from chalice.app import Chalice, Response

from chalicelib.web import JSON, Nouns, Route

ROUTES = {
    "sign_in": """
        POST   /v1/sign-in public
        POST   /v1/sign-in/new-password public
        POST   /v1/sign-in/refresh public
        POST   /v1/sign-in/forgot public
        POST   /v1/sign-in/reset public
        POST   /v1/sign-out
        GET    /v1/me
    """,
    "accounts": """
        GET    /v1/accounts
        POST   /v1/accounts
    """,
    "people": """
        GET    /v1/people
        POST   /v1/people
        DELETE /v1/people/{person_id}
        GET    /v1/audit
    """,
    "keys": """
        GET    /v1/api-keys
        POST   /v1/api-keys
        DELETE /v1/api-keys/{key_id}
    """,
    "bots": """
        GET    /v1/bots
        POST   /v1/bots
        GET    /v1/bots/{bot_id}
        PATCH  /v1/bots/{bot_id}
        DELETE /v1/bots/{bot_id}
        PUT    /v1/bots/{bot_id}/key
        POST   /v1/bots/{bot_id}/check
        GET    /v1/bots/{bot_id}/link
    """,
    "subscriptions": """
        POST   /v1/bots/{bot_id}/cancel
        POST   /v1/bots/{bot_id}/wish
        POST   /v1/bots/{bot_id}/legacy-claim
        GET    /v1/accounts/{account_id}/bots
        POST   /v1/accounts/{account_id}/bots
        PUT    /v1/accounts/{account_id}/bots/{bot_id}/sessions
        POST   /v1/accounts/{account_id}/bots/{bot_id}/legacy
    """,
    "requests": """
        POST   /v1/requests
        GET    /v1/requests
        GET    /v1/requests/{request_id}
        GET    /v1/desk/requests
        POST   /v1/accounts/{account_id}/requests/{request_id}/decision
    """,
    "callbacks": """
        GET    /v1/bots/{bot_id}/callbacks
        POST   /v1/bots/{bot_id}/callbacks/{callback_id}/replay
    """,
    "tickets": """
        GET    /v1/tickets
        GET    /v1/tickets/{ticket_id}
        PATCH  /v1/tickets/{ticket_id}
        GET    /v1/contacts/{contact_id}
    """,
    "messages": """
        GET    /v1/tickets/{ticket_id}/messages
        POST   /v1/tickets/{ticket_id}/messages
    """,
    "broadcasts": """
        POST   /v1/broadcasts
        GET    /v1/broadcasts
        GET    /v1/broadcasts/{broadcast_id}
        GET    /v1/broadcasts/{broadcast_id}/recipients
        POST   /v1/broadcasts/{broadcast_id}/start
        POST   /v1/broadcasts/{broadcast_id}/pause
        POST   /v1/broadcasts/{broadcast_id}/resume
        POST   /v1/broadcasts/{broadcast_id}/stop
    """,
    "quotes": """
        POST   /v1/tickets/{ticket_id}/quote
    """,
    "files": """
        GET    /v1/files/{file_id}
    """,
    "tariffs": """
        GET    /v1/price-lists
        POST   /v1/price-lists
        POST   /v1/price-lists/import text/csv
        GET    /v1/price-lists/{version}
        GET    /v1/price-lists/{version}/csv
        DELETE /v1/price-lists/{version}
        GET    /v1/session-policies
        POST   /v1/session-policies
        DELETE /v1/session-policies/{kind}/{version}
    """,
    "sessions": """
        GET    /v1/sessions
        GET    /v1/tickets/{ticket_id}/sessions
    """,
    "balance": """
        GET    /v1/balance
        GET    /v1/balance/at
        GET    /v1/entries
        GET    /v1/entries/{entry_id}
        GET    /v1/accounts/{account_id}/balance
        GET    /v1/accounts/{account_id}/entries
        POST   /v1/accounts/{account_id}/audit
        POST   /v1/accounts/{account_id}/corrections
    """,
    "payments": """
        POST   /v1/top-ups
        GET    /v1/top-ups
        GET    /v1/top-ups/{top_up_id}
        GET    /v1/desk/top-ups
        POST   /v1/accounts/{account_id}/transfers
    """,
    "reports": """
        GET    /v1/reports/messages
        GET    /v1/reports/totals
        GET    /v1/reports/messages.csv
        GET    /v1/reports/entries.csv
    """,
    "warnings": """
        GET    /v1/warnings
        POST   /v1/warnings/{warning_id}/seen
        GET    /v1/money-settings
        PATCH  /v1/money-settings
    """,
    "forecast": """
        POST   /v1/forecast
    """,
    "terms": """
        GET    /v1/commercial-terms
    """,
    "differences": """
        GET    /v1/desk/differences
    """,
    "docs": """
        GET    /openapi.json public
    """,
    "site": """
        GET    / public
        GET    /console public
        GET    /docs public
        GET    /console/{name} public
        GET    /console/vendor/{name} public
    """,
}


class Line(NamedTuple):
    """One line of the table."""

    noun: str
    method: str
    path: str
    is_public: bool
    takes: str


def lines() -> Iterator[Line]:
    """Read the table."""
    for noun, text in ROUTES.items():
        for line in text.strip().splitlines():
            method, path, *more = line.split()
            media_types = [word for word in more if "/" in word]
            takes = media_types[0] if media_types else JSON
            yield Line(noun, method, path, "public" in more, takes)


def mount(app: Chalice, authorizer: Any) -> None:
    """Serve every route, all but the public ones behind this authorizer."""
    for line in lines():
        options: dict[str, Any] = {"methods": [line.method]}
        if not line.is_public:
            options["authorizer"] = authorizer
        if line.method in ("POST", "PUT", "PATCH"):
            options["content_types"] = [line.takes]
        app.route(line.path, name=f"{line.method} {line.path}", **options)(_front(app, line))


def nouns_of(noun: str) -> Nouns:
    """Import the file of a noun, and give its routes."""
    nouns: Nouns = import_module(f"chalicelib.api.{noun}").nouns
    return nouns


def told() -> list[Route]:
    """Give all routes with what they take and answer, in the table's order."""
    return [route for noun in ROUTES for route in nouns_of(noun).table]


def _front(app: Chalice, line: Line) -> Any:
    def front(**path_ids: str) -> Response:
        request = app.current_request
        assert request is not None  # noqa: S101
        return nouns_of(line.noun).serve(line.method, line.path, request, path_ids)

    return front
