"""`/openapi.json` tells the truth: it is valid, it is the route table, and the app keeps to it."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import Case, GenerationMode, HookContext
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from chalicelib import openapi
from tests import fixtures_accounts as accounts
from tests.desk import Desk
from tests.fixtures_http import served_desk
from tests.fixtures_walkers import ROUTES

TOLD = [route for route in ROUTES if route.path.startswith("/v1/")]
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES_PER_OPERATION = 25


@pytest.fixture(scope="module")
def served(jwks: str) -> Iterator[tuple[Desk, str]]:
    with served_desk(jwks) as found:
        yield found


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(openapi.described(ROUTES)))
    return found


def test_the_description_is_valid_openapi_31(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(described).validate()


def test_it_tells_each_route_with_its_roles_its_scope_and_its_problems(
    described: dict[str, Any],
) -> None:
    told = {
        (method.upper(), path): operation
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    }
    assert set(told) == {(route.method, route.path) for route in TOLD}
    for route in TOLD:
        operation = told[route.method, route.path]
        assert operation["summary"]
        assert set(map(str, route.problems)) <= set(operation["responses"])
        assert ("security" in operation) == (route.roles is None)
        assert operation.get("x-scope") == route.scope
        assert set(operation.get("x-roles", ())) == (route.roles or set())
        named = {each["name"] for each in operation["parameters"]}
        assert set(re.findall(r"{(\w+)}", route.path)) <= named
        assert {each.encode_name for each in msgspec.structs.fields(route.query)} <= named
        assert ("Idempotency-Key" in named) == route.is_idempotent
        assert ("requestBody" in operation) == (route.body is not None)


def test_every_struct_that_goes_in_or_out_is_told_field_by_field(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for route in TOLD:
        for struct in (route.body, *getattr(route.answer, "__args__", (route.answer,))):
            if struct not in (None, bytes, str):
                told = schemas[struct.__name__]
                assert set(told["properties"]) == set(struct.__struct_encode_fields__)
                assert told["description"]
        if route.body not in (None, bytes):
            assert schemas[route.body.__name__]["additionalProperties"] is False


def test_structs_have_names_of_their_own(described: dict[str, Any]) -> None:
    for name in described["components"]["schemas"]:
        assert re.fullmatch(r"\w+", name), f"another struct has the name of {name} too"
    here = {
        each
        for route in ROUTES
        for each in vars(sys.modules[route.view.__module__]).values()
        if isinstance(each, type) and issubclass(each, msgspec.Struct)
    }
    names = sorted(each.__name__ for each in here if each.__module__.startswith("chalicelib.api"))
    assert names == sorted(set(names))


def test_operations_have_names_of_their_own(described: dict[str, Any]) -> None:
    names = [
        operation["operationId"]
        for operations in described["paths"].values()
        for operation in operations.values()
    ]
    assert len(names) == len(set(names)) == len(TOLD)


def test_it_is_served_as_it_was_made(served: tuple[Desk, str], described: dict[str, Any]) -> None:
    desk, _ = served
    answer = desk.call("GET", "/openapi.json", by=None)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == described


def test_no_request_makes_it_lie(served: tuple[Desk, str]) -> None:
    desk, address = served
    own = accounts.own(desk)
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    token = desk.sign_in("olena@example.com")
    # The bots' keys make calls to Viber mean something.
    keys = [desk.viber_bot.key, desk.viber.world.add_bot("Крамниця", uri="kramnytsia").key]
    names = own.ids._asdict()

    def real_ids(context: HookContext, path_parameters: Any) -> st.SearchStrategy[Any]:
        if not path_parameters:
            return st.just(path_parameters)
        real = {name: st.just(names[name]) for name in path_parameters}
        return st.one_of(st.fixed_dictionaries(real), st.just(path_parameters))

    def real_keys(context: HookContext, body: Any) -> st.SearchStrategy[Any]:
        if isinstance(body, dict) and "key" in body:
            return st.one_of(st.just(body), st.sampled_from([{"key": key} for key in keys]))
        return st.just(body)

    def no_pages(context: HookContext, query: Any) -> st.SearchStrategy[Any]:
        # A made-up page is refused before what else is asked for has been looked at.
        asked = {k: v for k, v in (query or {}).items() if k not in ("limit", "cursor")}
        return st.sampled_from([query, asked]) if query else st.just(query)

    schema.hook("flatmap_path_parameters")(real_ids)
    schema.hook("flatmap_query")(no_pages)
    schema.hook("flatmap_body")(real_keys)
    answered: dict[str, set[int]] = {}
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    # What takes something away comes last, so that the others find it.
    for operation in sorted(operations, key=lambda each: each.method.upper() == "DELETE"):
        if operation.path == "/v1/sign-out":
            continue
        headers = {"Authorization": f"Bearer {token}"}
        answered[f"{operation.method.upper()} {operation.path}"] = run(operation, headers)
    assert len(answered) == len(TOLD) - 1
    fine = [name for name, statuses in answered.items() if min(statuses) < 300]
    # Fuzzing that only ever meets refusals would prove little.
    assert len(fine) > len(answered) / 2, answered


def run(operation: Any, headers: dict[str, str]) -> set[int]:
    """Make many requests to one operation, right and wrong ones; returns how it answered."""
    statuses: set[int] = set()

    modes = [GenerationMode.POSITIVE]
    if operation.body or operation.query:
        modes.append(GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*(operation.as_strategy(mode) for mode in modes)))
    def attempt(case: Case[Any]) -> None:
        statuses.add(case.call_and_validate(headers=headers, checks=CHECKS).status_code)

    attempt()
    return statuses
