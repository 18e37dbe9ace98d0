"""Every error a caller can meet, as a fact; `web` turns each into RFC 9457 problem details.

    Problem
    ├── BadInput            400  a field is wrong: its name and what would be right
    ├── Unauthorized        401  nobody we know
    ├── Forbidden           403  somebody we know, who may not
    ├── NotFound            404  it does not exist, or not for this account
    ├── Conflict            409  the thing is not in the state the request needs
    │   └── StillRunning    409  the first request with this Idempotency-Key has not ended
    ├── TooLarge            413  the body is over its limit
    ├── KeyReused           422  an Idempotency-Key came again with another body
    ├── TooManyRequests     429  slow down; `retry_after_seconds` says how long
    ├── GatewayFailed       502  somebody outside refused, with his reason
    └── Busy                503  the store was contended or throttled beyond our patience

Anything that is not a Problem is a bug and stays one.
"""

from typing import Any, ClassVar

from chalice.app import ChaliceUnhandledError


class Problem(ChaliceUnhandledError):
    """A request that cannot be served, told in a way its sender can act on.

    `kind` is stable and ends the problem's `type`; `field` is the JSON path of what is wrong;
    `facts` go into the problem's body beside the standard members.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    kind: str = "problem"

    def __init__(
        self, detail: str, *, kind: str | None = None, field: str | None = None, **facts: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.facts = facts
        if kind is not None:
            self.kind = kind


class BadInput(Problem):
    """A field of the request is wrong; nothing was written."""

    status = 400
    title = "The request is not right"
    kind = "bad-input"


class Unauthorized(Problem):
    """The request carries no sign-in or key that is valid now."""

    status = 401
    title = "Sign in first"
    kind = "unauthorized"


class Forbidden(Problem):
    """The caller is known and may not do this."""

    status = 403
    title = "Not allowed"
    kind = "forbidden"


class NotFound(Problem):
    """The thing does not exist in the caller's account."""

    status = 404
    title = "Not found"
    kind = "not-found"


class Conflict(Problem):
    """The thing is not in the state that the request needs."""

    status = 409
    title = "Conflict"
    kind = "conflict"


class StillRunning(Conflict):
    """The first request with this Idempotency-Key is still being worked on."""

    title = "Still running"
    kind = "still-running"


class TooLarge(Problem):
    """The body is larger than is taken here."""

    status = 413
    title = "Too large"
    kind = "too-large"


class KeyReused(Problem):
    """The Idempotency-Key was used before with another request."""

    status = 422
    title = "Idempotency-Key reused"
    kind = "idempotency-key-reused"


class TooManyRequests(Problem):
    """The caller is too fast."""

    status = 429
    title = "Too many requests"
    kind = "too-many-requests"


class GatewayFailed(Problem):
    """A service outside refused or did not answer; `code` is its own number, if it gave one."""

    status = 502
    title = "The service outside refused"
    kind = "gateway-failed"


class Busy(Problem):
    """The store stayed contended or throttled; the same request may be sent again."""

    status = 503
    title = "Busy"
    kind = "busy"
