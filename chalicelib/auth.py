"""Who is calling: one check for people's access tokens and programs' API keys."""

import functools
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib import config, people, store
from chalicelib.audit import Actor
from chalicelib.log import log
from chalicelib.tables import Lookup

JWKS_TIMEOUT_SECONDS = 3
PROGRAM = "program"


class Caller(NamedTuple):
    """Somebody we know: a person with a role, or a program with scopes."""

    account_id: str
    caller_id: str
    name: str
    role: str
    scopes: tuple[str, ...] = ()
    sign_in_id: str = ""

    @property
    def actor(self) -> Actor:
        """Name the caller as the one who does something."""
        return Actor(self.caller_id, self.name, is_program=self.role == PROGRAM)

    def has_scope(self, scope: str) -> bool:
        """Say whether this is a person, or a program whose key has the scope."""
        return self.role != PROGRAM or scope in self.scopes


def caller_of(authorization: str, *, real_now: datetime) -> Caller | None:
    """Find out who sent this Authorization header, or None.

    A token's dates are real time even where the demo has moved the business's.
    """
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() != "bearer" or not credential or len(credential) > 8192:
        return None
    if credential.startswith(people.KEY_PREFIX):
        return _program(credential)
    return _person(credential, real_now=real_now)


def as_context(caller: Caller) -> dict[str, str]:
    """Write a caller down for the gateway, which carries only flat text."""
    return {
        "account_id": caller.account_id,
        "caller_id": caller.caller_id,
        "name": caller.name,
        "role": caller.role,
        "scopes": " ".join(caller.scopes),
        "sign_in_id": caller.sign_in_id,
    }


def from_context(context: dict[str, Any]) -> Caller:
    """Read the caller that the authorizer wrote down."""
    return Caller(
        account_id=context["account_id"],
        caller_id=context["caller_id"],
        name=context["name"],
        role=context["role"],
        scopes=tuple(context["scopes"].split()),
        sign_in_id=context["sign_in_id"],
    )


def _program(secret: str) -> Caller | None:
    if len(secret) != people.KEY_CHARACTERS or not secret.isascii():
        return None
    found = store.get(Lookup, f"api-key#{people.hash_of(secret)}")
    if found is None:
        log.info("unknown API key")
        return None
    return Caller(
        found.account_id, found.subject_id, found.name or "", PROGRAM, tuple(found.scopes or ())
    )


def _person(token: str, *, real_now: datetime) -> Caller | None:
    claims = _claims(token, real_now=real_now)
    if claims is None:
        return None
    # Cognito: all tokens of one sign-in carry the same origin_jti, refreshed ones too.
    sign_in_id = str(claims.get("origin_jti") or claims["jti"])
    person, ended = store.read(
        (Lookup, f"sub#{claims['sub']}", None), (Lookup, f"ended#{sign_in_id}", None)
    )
    if person is None or ended is not None:
        log.info("sign-in has ended", is_known=person is not None)
        return None
    return Caller(
        person.account_id,
        person.subject_id,
        person.name or "",
        person.role,
        sign_in_id=sign_in_id,
    )


def _claims(token: str, *, real_now: datetime) -> dict[str, Any] | None:
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _keys().get_signing_key_from_jwt(token).key,
            algorithms=["RS256"],
            issuer=config.issuer(),
            options={
                "require": ["exp", "iss", "sub", "jti", "token_use", "client_id"],
                "verify_aud": False,
            },
        )
    except (jwt.PyJWTError, ValueError) as error:
        log.info("access token refused", reason=type(error).__name__)
        return None
    is_ours = claims["client_id"] == config.user_pool_client_id()
    is_access = claims["token_use"] == "access"  # noqa: S105
    if not is_access or not is_ours or claims["exp"] <= real_now.timestamp():
        log.info("access token refused", reason="not an access token of this pool's client")
        return None
    return claims


@functools.cache
def _keys() -> Any:
    from jwt import PyJWKClient

    return PyJWKClient(f"{config.jwks_url()}", timeout=JWKS_TIMEOUT_SECONDS, lifespan=3600)
