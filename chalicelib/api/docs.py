"""The API told to programs (`/openapi.json`) and to people (`/docs`)."""

import functools
from typing import Any

import msgspec
from chalice.app import Response

from chalicelib.web import Call, Empty, Nouns

nouns = Nouns()


@nouns.route_to("GET", "/openapi.json", roles=None, answer=None)
def show_openapi(call: Call[Empty, Empty]) -> Response:
    """Describe the API in OpenAPI 3.1."""
    return Response(
        _openapi(), headers={"Content-Type": "application/json", "Cache-Control": "max-age=300"}
    )


@functools.cache
def _openapi() -> str:
    from chalicelib import api, openapi

    described: dict[str, Any] = openapi.described(api.told())
    return msgspec.json.encode(described).decode()
