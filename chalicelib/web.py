"""What all views share: the call, its body and query, pages, ETags, problems, security headers."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, NamedTuple, NoReturn, TypeVar

import msgspec
from chalice.app import Request, Response

from chalicelib import auth, config, errors, ids
from chalicelib.audit import Actor
from chalicelib.auth import Caller

PROBLEM_TYPES = "https://viberdesk.dev/problems/"
BODY_MAX_BYTES = 256 * 1024
KEY_MAX_CHARACTERS = 200
PAGE_DEFAULT, PAGE_MAX = 50, 200
JSON, CSV = "application/json", "text/csv"

OPERATORS = frozenset({"operator"})
ADMINS = frozenset({"admin"})
AGENTS = frozenset({"admin", "agent"})
EVERYBODY = frozenset({"operator", "admin", "agent"})

Headers = dict[str, str | list[str]]

# Told in `/openapi.json`; the domain checks it, and says what would be right.
EmailText = Annotated[str, msgspec.Meta(extra_json_schema={"format": "email"})]
NameText = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": 100})]
B = TypeVar("B")
Q = TypeVar("Q")


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a list: how many at most, and where the last page ended."""

    limit: int = PAGE_DEFAULT
    cursor: str | None = None


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body or query that carries nothing."""


class Route(NamedTuple):
    """One endpoint, as the front door serves it and `/openapi.json` tells it."""

    method: str
    path: str
    summary: str
    view: Callable[..., Any]
    roles: frozenset[str] | None
    scope: str | None
    body: type[Any] | None
    query: type[msgspec.Struct]
    answer: Any
    status: int
    problems: tuple[int, ...]
    has_etag: bool
    is_idempotent: bool
    takes: str
    gives: str


class Call(Generic[B, Q]):
    """One request, checked: who, when, with what."""

    def __init__(
        self, request: Request, caller: Caller | None, now: datetime, body: B, query: Q
    ) -> None:
        self.request = request
        self._caller = caller
        self.now = now
        self.body = body
        self.query = query

    @property
    def caller(self) -> Caller:
        """Who is calling; only a public view has nobody."""
        if self._caller is None:
            raise errors.Unauthorized("Sign in, or send an API key.")
        return self._caller

    @property
    def account_id(self) -> str:
        """Whose data this call may see."""
        return self.caller.account_id

    @property
    def actor(self) -> Actor:
        """Who does what this call asks for."""
        return self.caller.actor

    @property
    def idempotency_key(self) -> str:
        """The key that names this wish, or BadInput where it is missing."""
        key = str(self.request.headers.get("idempotency-key", "")).strip()
        if not 0 < len(key) <= KEY_MAX_CHARACTERS:
            raise errors.BadInput(
                f"Send a header Idempotency-Key of 1 to {KEY_MAX_CHARACTERS} characters, a new "
                "one for each new wish.",
                field="Idempotency-Key",
            )
        return key


class Nouns:
    """The routes of one noun, with what each takes and gives; `api.ROUTES` lists them."""

    def __init__(self) -> None:
        self.table: list[Route] = []

    def route_to(
        self,
        method: str,
        path: str,
        *,
        roles: frozenset[str] | None,
        answer: Any,
        scope: str | None = None,
        body: type[Any] | None = None,
        query: type[msgspec.Struct] = Empty,
        status: int = 200,
        problems: tuple[int, ...] = (),
        has_etag: bool = False,
        is_idempotent: bool = False,
        takes: str = JSON,
        gives: str = JSON,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Serve a view at a path, to these roles and to programs with this scope.

        `roles` None makes it public. The view gets a Call and the path's ids, and returns what
        `answer` says, or a whole Response. `takes` and `gives` are media types: a body of another
        than JSON comes as its bytes, and such an answer is given as a whole Response.
        """

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            route = Route(
                method,
                path,
                (view.__doc__ or view.__name__.replace("_", " ")).strip(),
                view,
                roles,
                scope,
                body,
                query,
                answer,
                status,
                problems,
                has_etag,
                is_idempotent,
                takes,
                gives,
            )
            self.table.append(route)
            return view

        return decorate

    def serve(self, method: str, path: str, request: Request, path_ids: dict[str, str]) -> Response:
        """Answer one request by the view of its route."""
        for route in self.table:
            if (route.method, route.path) == (method, path):
                return _served(route, request, path_ids)
        raise LookupError(f"{method} {path}: api.ROUTES lists a route that its file lacks")


def _served(route: Route, request: Request, path_ids: dict[str, str]) -> Response:
    _check_ids(path_ids)
    caller = None
    if route.roles is not None:
        caller = auth.from_context(request.context["authorizer"])
        _check_may(caller, route)
    call = Call(request, caller, config.now(), _body(request, route), _query(request, route))
    given = route.view(call, **path_ids)
    if isinstance(given, Response):
        return given
    content = b"" if given is None else msgspec.json.encode(given)
    headers: Headers = {"Content-Type": JSON}
    if route.has_etag:
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers |= {"ETag": etag, "Cache-Control": "private, no-cache"}
        if etag in request.headers.get("if-none-match", ""):
            return Response("", status_code=304, headers=headers)
    return Response(content.decode(), status_code=route.status, headers=headers)


class Page(msgspec.Struct, frozen=True):
    """A page of a list, and where the next one begins."""

    items: list[Any]
    next_cursor: str | None


def page_limit(query: Any) -> int:
    """Give a list's page size, or BadInput."""
    if not 1 <= query.limit <= PAGE_MAX:
        raise errors.BadInput(f"1 to {PAGE_MAX}.", field="limit")
    return int(query.limit)


def problem(error: errors.Problem) -> Response:
    """Tell an error as RFC 9457 problem details."""
    told = {
        "type": PROBLEM_TYPES + error.kind,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.field is not None:
        told["field"] = error.field
    told |= error.facts
    headers: Headers = {"Content-Type": "application/problem+json"}
    if isinstance(error, errors.TooManyRequests | errors.Busy | errors.StillRunning):
        headers["Retry-After"] = str(error.facts.get("retry_after_seconds", 2))
    return Response(msgspec.json.encode(told).decode(), status_code=error.status, headers=headers)


def told_as_problems(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Turn every error of a view into problem details (Chalice middleware)."""
    try:
        response = get_response(event)
    except errors.Problem as error:
        return problem(error)
    # Chalice tells its own refusals as a dict; what a view returned whole stays as it is.
    if response.status_code >= 400 and isinstance(response.body, dict):
        told = problem(_of_chalice(response))
        return Response(told.body, response.headers | told.headers, told.status_code)
    return response


def with_security_headers(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Give every answer the headers that keep a browser from doing more than it should."""
    response = get_response(event)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


ID_PREFIXES = {
    "ticket_id": "tkt",
    "bot_id": "bot",
    "contact_id": "con",
    "person_id": "per",
    "key_id": "key",
    "callback_id": "cbk",
    "message_id": "msg",
    "file_id": "fil",
    "account_id": "acc",
    "top_up_id": "top",
    "entry_id": "ent",
    "warning_id": "wrn",
    "broadcast_id": "brc",
    "request_id": "req",
}


def _check_ids(path_ids: dict[str, str]) -> None:
    for name, given in path_ids.items():
        if name in ID_PREFIXES and not ids.is_one(ID_PREFIXES[name], given):
            raise errors.NotFound("There is nothing with this id.", field=name)


def bytes_of(request: Request) -> bytes:
    """Give the raw body exactly as it was signed and sent."""
    raw = request.raw_body
    return raw if isinstance(raw, bytes) else str(raw).encode()


def _check_may(caller: Caller, route: Route) -> None:
    if caller.role == auth.PROGRAM:
        if route.scope is None:
            raise errors.Forbidden("This is for people; an API key cannot do it.")
        if not caller.has_scope(route.scope):
            raise errors.Forbidden(f"This API key lacks the scope {route.scope}.")
    elif route.roles is None or caller.role not in route.roles:
        raise errors.Forbidden("Your role does not allow this.")


def _body(request: Request, route: Route) -> Any:
    if route.body is None:
        return None
    raw = bytes_of(request) or b"{}"
    if len(raw) > BODY_MAX_BYTES:
        raise errors.TooLarge(f"A body has at most {BODY_MAX_BYTES // 1024} kB.")
    if route.takes != JSON:
        return bytes_of(request)
    try:
        return msgspec.json.decode(raw, type=route.body)
    except RecursionError:
        raise errors.BadInput("The body is nested too deeply.") from None
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse(error)


def _query(request: Request, route: Route) -> Any:
    given = dict(request.query_params or {})
    try:
        return msgspec.convert(given, route.query, strict=False)
    except msgspec.ValidationError as error:
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    detail, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    if "field `" in detail:
        # What is missing or unknown is a name inside of what the path leads to.
        name = detail.split("field `", 1)[1].rsplit("`", 1)[0]
        field = f"{field}.{name}" if field else name
    raise errors.BadInput(detail.rstrip(".") + ".", field=field or None) from None


def _of_chalice(response: Response) -> errors.Problem:
    detail = str(response.body.get("Message") or "The request was refused.")
    kinds: dict[int, type[errors.Problem]] = {
        400: errors.BadInput,
        401: errors.Unauthorized,
        403: errors.Forbidden,
        404: errors.NotFound,
        413: errors.TooLarge,
        429: errors.TooManyRequests,
    }
    error = kinds.get(response.status_code, errors.Problem)(detail)
    if type(error) is errors.Problem:
        error = _Other(detail, status=response.status_code)
    return error


class _Other(errors.Problem):
    """An answer of Chalice's own that has no name among our problems."""

    def __init__(self, detail: str, *, status: int) -> None:
        super().__init__(
            detail, kind={405: "wrong-method", 415: "unsupported-media-type"}.get(status, "problem")
        )
        self.status = status  # type: ignore[misc]
        titles = {405: "Wrong method", 415: "Unsupported media type"}
        self.title = titles.get(status, self.title)  # type: ignore[misc]
