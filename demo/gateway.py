"""API Gateway on this machine: the same routes, authorizer, limits and refusals as deployed."""

import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import (
    ForbiddenError,
    LocalChalice,
    LocalGateway,
    NotAuthorizedError,
    RouteMatcher,
)

from demo.servers import Answer, Request

PROJECT = Path(__file__).resolve().parent.parent
FUNCTIONS = PROJECT / ".chalice" / "functions.json"
# API Gateway: the payload of a request is at most 10 MB.
BODY_MAX_BYTES = 10 * 1024 * 1024
# API Gateway waits 29 seconds for a function; Chalice only tells it to the code.
FUNCTION_SECONDS_MAX = 29

log = logging.getLogger(__name__)


class Gateway:
    """Hands each request to a Chalice app as a Lambda event.

    properties: the RestAPI's, as the template says them: `GatewayResponses` for what the app
    never sees, `MethodSettings` for how many requests a second are let through.
    """

    def __init__(
        self,
        app: Chalice,
        properties: Mapping[str, Any],
        *,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(app, LocalChalice):
            # Chalice keeps the current request in the app; here there are many at a time.
            app.__class__ = LocalChalice
        self._app = app
        self._matcher = RouteMatcher(list(app.routes))
        self._local = LocalGateway(
            app, Config.create(lambda_timeout=FUNCTION_SECONDS_MAX, function_name="api_handler")
        )
        self._responses: Mapping[str, Any] = properties.get("GatewayResponses", {})
        limits: Mapping[str, float] = next(iter(properties.get("MethodSettings", [])), {})
        self._throttle = _Throttle(
            limits.get("ThrottlingRateLimit", 10_000),
            limits.get("ThrottlingBurstLimit", 5_000),
            tick,
        )

    def answer(self, request: Request) -> Answer:
        """Answer one request; never raises."""
        begun = time.monotonic()
        try:
            answer = self._answer(request)
        except Exception:
            # Whatever a function dies of is its client's 5xx, and nobody else's trouble.
            log.exception("%s %s failed", request.method, request.target)
            answer = self._refusal("INTEGRATION_FAILURE_OTHER", 502)
        spent_ms = (time.monotonic() - begun) * 1000
        path = request.target.partition("?")[0]
        log.info("%s %s %d %.0f ms", request.method, path, answer.status, spent_ms)
        return answer

    def _answer(self, request: Request) -> Answer:
        if not self._throttle.lets_through():
            return self._refusal("THROTTLED", 429)
        if request.body is None:
            is_long = request.headers.get("content-length", "").isdecimal()
            return self._refusal("REQUEST_TOO_LARGE" if is_long else "BAD_REQUEST_BODY", 413)
        try:
            route = self._matcher.match_route(request.target).route
        except ValueError:
            return self._refusal("MISSING_AUTHENTICATION_TOKEN", 403)
        if request.method not in self._app.routes[route]:
            return self._refusal("MISSING_AUTHENTICATION_TOKEN", 403)
        if not request.headers.get("authorization"):
            request.headers.pop("authorization", None)
        try:
            told = self._local.handle_request(
                request.method, request.target, request.headers, self._event_body(request)
            )
        except NotAuthorizedError:
            return self._refusal("UNAUTHORIZED", 401)
        except ForbiddenError:
            return self._refusal("ACCESS_DENIED", 403)
        return _answered(told)

    def _event_body(self, request: Request) -> Any:
        """Give the bytes of a binary media type, which become base64, and else text."""
        assert request.body is not None
        media_type = request.headers.get("content-type", "")
        if media_type in self._app.api.binary_types:
            return request.body
        return request.body.decode("utf-8", errors="replace") or None

    def _refusal(self, kind: str, status: int) -> Answer:
        """Answer without the app, as the template's GatewayResponses want it."""
        default = self._responses.get("DEFAULT_4XX" if status < 500 else "DEFAULT_5XX", {})
        wanted = self._responses.get(kind, default)
        headers = wanted.get("ResponseParameters", {}).get("Headers", {})
        body = wanted.get("ResponseTemplates", {}).get("application/json", '{"message":null}')
        told = {"Content-Type": "application/json"}
        # The template quotes what is meant literally.
        told |= {name: str(value).strip("'") for name, value in headers.items()}
        return Answer(wanted.get("StatusCode", status), list(told.items()), body.encode())


def deployed_properties() -> Mapping[str, Any]:
    """Read what the template says of the API."""
    template = json.loads(FUNCTIONS.read_text(encoding="utf-8"))
    properties: Mapping[str, Any] = template["Resources"]["RestAPI"]["Properties"]
    return properties


def _answered(told: Mapping[str, Any]) -> Answer:
    headers = {"Content-Type": "application/json"}
    headers |= {str(name): str(value) for name, value in told["headers"].items()}
    listed = list(headers.items())
    for name, values in (told.get("multiValueHeaders") or {}).items():
        listed += [(name, str(value)) for value in values]
    body = told["body"] or ""
    if told.get("isBase64Encoded"):
        raw = base64.b64decode(body)
    else:
        raw = body if isinstance(body, bytes) else str(body).encode()
    return Answer(told["statusCode"], listed, raw)


class _Throttle:
    """A bucket of `burst` requests that fills by `rate` a second."""

    def __init__(self, rate: float, burst: float, tick: Callable[[], float]) -> None:
        self._rate, self._burst, self._tick = rate, burst, tick
        self._left, self._filled_at = burst, tick()
        self._lock = threading.Lock()

    def lets_through(self) -> bool:
        with self._lock:
            now = self._tick()
            filled = self._left + (now - self._filled_at) * self._rate
            self._left, self._filled_at = min(self._burst, filled), now
            if self._left < 1:
                return False
            self._left -= 1
            return True
