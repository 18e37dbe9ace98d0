"""The console API: a table of routes per noun, handed to Chalice by `mount`."""

from typing import Any

from chalice.app import Chalice

from chalicelib.api import (
    accounts,
    balance,
    bots,
    callbacks,
    docs,
    files,
    keys,
    payments,
    people,
    quotes,
    reports,
    requests,
    sessions,
    sign_in,
    site,
    subscriptions,
    tariffs,
    terms,
    tickets,
)
from chalicelib.web import Nouns

ALL: tuple[Nouns, ...] = (
    sign_in.nouns,
    accounts.nouns,
    people.nouns,
    keys.nouns,
    bots.nouns,
    subscriptions.nouns,
    requests.nouns,
    callbacks.nouns,
    tickets.nouns,
    quotes.nouns,
    files.nouns,
    tariffs.nouns,
    sessions.nouns,
    balance.nouns,
    payments.nouns,
    reports.nouns,
    terms.nouns,
    docs.nouns,
    site.nouns,
)


def mount(app: Chalice, authorizer: Any) -> None:
    """Serve every noun's routes, the guarded ones behind this authorizer."""
    docs.told = [route for nouns in ALL for route in nouns.table]
    for nouns in ALL:
        app.register_blueprint(nouns.served_with(authorizer))
