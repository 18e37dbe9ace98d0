"""`/openapi.json`, made from the route table and the structs that the views themselves use."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from chalicelib import errors
from chalicelib.web import JSON, Empty, Page, Route

TITLES = {
    error.status: error.title
    for error in (
        errors.BadInput,
        errors.Unauthorized,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.TooLarge,
        errors.KeyReused,
        errors.TooManyRequests,
        errors.GatewayFailed,
        errors.Busy,
    )
}
TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "The JSON path of what is wrong."},
    },
}


def described(routes: Iterable[Route]) -> dict[str, Any]:
    """Describe these routes in OpenAPI 3.1."""
    told = [route for route in routes if route.path.startswith("/v1/")]
    types = [route.answer for route in told if route.answer is not None and route.gives == JSON]
    types += [route.body for route in told if route.body is not None and route.takes == JSON]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    by_type = {_name(each): schema for each, schema in zip(types, schemas, strict=True)}
    components["Problem"] = PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for route in told:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Viberdesk",
            "version": "1",
            "description": "Bots, tickets and messages of one account. Sign in as a person, or "
            "send an API key, either as Authorization: Bearer …",
        },
        "servers": [{"url": "."}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": route.view.__name__,
        "summary": route.summary,
        "tags": [route.path.split("/")[2]],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": _responses(route, by_type),
    }
    if route.roles is None:
        told["security"] = []
    elif route.scope is not None:
        told["x-scope"] = route.scope
    if route.roles is not None:
        told["x-roles"] = sorted(route.roles)
    if route.body is not None:
        schema = by_type[_name(route.body)] if route.takes == JSON else TEXT
        told["requestBody"] = {"required": True, "content": {route.takes: {"schema": schema}}}
    return told


def _responses(route: Route, by_type: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done."}
    if route.answer is not None:
        schema = by_type[_name(route.answer)] if route.gives == JSON else TEXT
        if _is_list(route.answer):
            schema = {
                "type": "object",
                "required": list(Page.__struct_fields__),
                "properties": {"items": schema, "next_cursor": {"type": ["string", "null"]}},
            }
        good["content"] = {route.gives: {"schema": schema}}
    responses = {str(route.status): good}
    if route.has_etag:
        responses["304"] = {"description": "As it was when you got this ETag."}
    for status in sorted(_problems(route)):
        responses[str(status)] = {
            "description": TITLES.get(status, "Refused"),
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
    return responses


def _problems(route: Route) -> set[int]:
    found = {400, *route.problems, 429, 503}
    if route.roles is not None:
        found |= {401, 403}
    if route.body is not None:
        found |= {413, 415}
    if "{" in route.path:
        found.add(404)
    return found


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is Empty:
        return []
    (_,), components = msgspec.json.schema_components([route.query])
    (schema,) = components.values()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "schema": each,
        }
        for name, each in schema["properties"].items()
    ]


def _headers(route: Route) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    if route.is_idempotent:
        text = {"type": "string", "minLength": 1, "maxLength": 200}
        told.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": text})
    return told


def _is_list(answer: Any) -> bool:
    return getattr(answer, "__origin__", None) is list


def _name(each: Any) -> str:
    return str(each) if _is_list(each) else f"{each.__module__}.{each.__name__}"
