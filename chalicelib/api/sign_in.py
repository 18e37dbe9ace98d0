"""Signing in, staying in, signing out."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from chalice.app import Response

from chalicelib import auth, config, errors, people, signin
from chalicelib.api import accounts as accounts_api
from chalicelib.api.people import PersonOut, person_out
from chalicelib.tables import PLATFORM
from chalicelib.web import EVERYBODY, Call, Empty, Headers, Nouns

nouns = Nouns()

COOKIE = "viberdesk_refresh"
COOKIE_FOR = timedelta(days=30)
COOKIE_RULES = "Path=/; HttpOnly; Secure; SameSite=Strict"

# What Cognito takes; shorter or longer it would refuse without naming the field.
Email = Annotated[str, msgspec.Meta(min_length=1, max_length=254, pattern=r"\S")]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=2048, pattern=r"\S")]
ChallengeSession = Annotated[str, msgspec.Meta(min_length=20, max_length=2048)]


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in."""

    email: Email
    password: Password


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password that a first sign-in asks for."""

    email: Email
    session: ChallengeSession
    new_password: Password


class Forgot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants a code for a new password."""

    email: Email


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new password, by the code from the e-mail."""

    email: Email
    code: Code
    new_password: Password


class Challenge(msgspec.Struct, frozen=True):
    """What must be answered before the sign-in is done: `new_password`."""

    kind: str
    session: str


class SignedIn(msgspec.Struct, frozen=True):
    """An access token; the refresh token travels in a cookie that scripts cannot read."""

    access_token: str | None
    expires_in_seconds: int | None
    challenge: Challenge | None = None


class Me(msgspec.Struct, frozen=True):
    """Who is signed in, and the instant of the business's clock."""

    person: PersonOut
    account: "accounts_api.AccountOut | None"
    now: datetime


@nouns.route_to(
    "POST", "/v1/sign-in", roles=None, body=SignIn, answer=SignedIn, problems=(401, 403, 429)
)
def sign_in(call: Call[SignIn, Empty]) -> Response:
    """Sign in with an e-mail address and a password."""
    _refuse_if_from_elsewhere(call)
    return _answered(signin.sign_in(call.body.email, call.body.password))


@nouns.route_to(
    "POST",
    "/v1/sign-in/new-password",
    roles=None,
    body=NewPassword,
    answer=SignedIn,
    problems=(401, 403, 429),
)
def set_new_password(call: Call[NewPassword, Empty]) -> Response:
    """Set the password that a first sign-in asks for."""
    _refuse_if_from_elsewhere(call)
    body = call.body
    return _answered(signin.answer_new_password(body.email, body.session, body.new_password))


@nouns.route_to(
    "POST", "/v1/sign-in/refresh", roles=None, body=Empty, answer=SignedIn, problems=(401, 403, 429)
)
def refresh(call: Call[Empty, Empty]) -> Response:
    """Give a new access token for the cookie of this sign-in."""
    _refuse_if_from_elsewhere(call)
    token = _cookie(call)
    session = None if token is None else signin.refresh(token)
    # Where Cognito has not heard of the sign-out, or of somebody's removal, we have.
    if session is None or _caller(session) is None:
        raise errors.Unauthorized("Sign in again.")
    return _answered(session)


@nouns.route_to(
    "POST", "/v1/sign-in/forgot", roles=None, body=Forgot, answer=None, status=204, problems=(429,)
)
def forgot(call: Call[Forgot, Empty]) -> None:
    """Send a code for a new password; the answer never says whether the address is known."""
    signin.forgot(call.body.email)


@nouns.route_to(
    "POST", "/v1/sign-in/reset", roles=None, body=Reset, answer=None, status=204, problems=(429,)
)
def reset(call: Call[Reset, Empty]) -> None:
    """Set a new password by the code from the e-mail."""
    signin.reset(call.body.email, call.body.code, call.body.new_password)


@nouns.route_to("POST", "/v1/sign-out", roles=EVERYBODY, body=Empty, answer=None, status=204)
def sign_out(call: Call[Empty, Empty]) -> Response:
    """Sign out: this sign-in's access tokens and its refresh token end now."""
    people.end_sign_in(call.caller.sign_in_id, config.real_now() + COOKIE_FOR)
    token = _cookie(call)
    if token is not None:
        signin.sign_out(token)
    gone = f"{COOKIE}=; Max-Age=0; {COOKIE_RULES}"
    return Response("", status_code=204, headers={"Set-Cookie": gone})


@nouns.route_to("GET", "/v1/me", roles=EVERYBODY, answer=Me)
def me(call: Call[Empty, Empty]) -> Me:
    """Tell who is signed in."""
    caller = call.caller
    is_operator = caller.account_id == PLATFORM
    account = None if is_operator else people.account(caller.account_id)
    return Me(
        person_out(people.person(caller.account_id, caller.caller_id)),
        None if account is None else accounts_api.account_out(account),
        call.now,
    )


def _answered(session: signin.Session) -> Response:
    headers: Headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    challenge = None
    if session.challenge_session is not None:
        challenge = Challenge("new_password", session.challenge_session)
    if session.refresh_token is not None:
        age = f"Max-Age={COOKIE_FOR.total_seconds():.0f}"
        headers["Set-Cookie"] = f"{COOKIE}={session.refresh_token}; {age}; {COOKIE_RULES}"
    told = SignedIn(session.access_token, session.expires_in_seconds, challenge)
    return Response(msgspec.json.encode(told).decode(), headers=headers)


def _caller(session: signin.Session) -> auth.Caller | None:
    return auth.caller_of(f"Bearer {session.access_token}", real_now=config.real_now())


def _refuse_if_from_elsewhere(call: Call[Any, Empty]) -> None:
    """Refuse what another site's page sends: browsers say so, programs send no such header."""
    if call.request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise errors.Forbidden("Sign in from the console's own pages.")


def _cookie(call: Call[Empty, Empty]) -> str | None:
    for each in call.request.headers.get("cookie", "").split(";"):
        name, _, value = each.strip().partition("=")
        if name == COOKIE and value:
            return str(value)
    return None
