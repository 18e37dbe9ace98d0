"""The console API: a table of routes per noun, handed to Chalice by `mount`."""

from typing import Any

from chalice.app import Chalice

from chalicelib.api import (
    accounts,
    bots,
    callbacks,
    docs,
    files,
    keys,
    people,
    sign_in,
    site,
    tariffs,
    tickets,
)
from chalicelib.web import Nouns

ALL: tuple[Nouns, ...] = (
    sign_in.nouns,
    accounts.nouns,
    people.nouns,
    keys.nouns,
    bots.nouns,
    callbacks.nouns,
    tickets.nouns,
    files.nouns,
    tariffs.nouns,
    docs.nouns,
    site.nouns,
)


def mount(app: Chalice, authorizer: Any) -> None:
    """Serve every noun's routes, the guarded ones behind this authorizer."""
    docs.told = [route for nouns in ALL for route in nouns.table]
    for nouns in ALL:
        app.register_blueprint(nouns.served_with(authorizer))
