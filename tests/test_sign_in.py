"""Signing in, staying in, signing out, and whose access token is let in."""

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.utilities.utils import load_resource

from chalicelib import auth, config, people
from chalicelib.aws import client
from tests.desk import PASSWORD, Answered, Desk

ADMIN = "olena@example.com"
NOBODY = "nobody@example.com"
COOKIE = "viberdesk_refresh"
REVOKE = "cognito-identity-provider.RevokeToken"
SIGNED_IN = {"access_token", "expires_in_seconds", "challenge"}


def cognito() -> Any:
    return client("cognito-idp")


class Revoked(NamedTuple):
    """The answer to a RevokeToken, and what it revoked: the emulated Cognito has no such call."""

    tokens: list[str]
    status_code: int = 200

    def __call__(self, params: dict[str, Any], **_: Any) -> Any:
        self.tokens.append(json.loads(params["body"])["Token"])
        return self, {"ResponseMetadata": {"HTTPStatusCode": 200}}


@pytest.fixture
def revoked(desk: Desk) -> Iterator[list[str]]:
    answer = Revoked([])
    events = cognito().meta.events
    events.register(f"before-call.{REVOKE}", answer)
    yield answer.tokens
    events.unregister(f"before-call.{REVOKE}", answer)


def sign_in(desk: Desk, email: str, password: str = PASSWORD) -> Answered:
    return desk.call("POST", "/v1/sign-in", {"email": email, "password": password}, by=None)


def signed_in(desk: Desk, email: str = ADMIN) -> Answered:
    """Sign somebody in who has set his password."""
    desk.sign_in(email)
    answer = sign_in(desk, email)
    assert answer.status == 200, answer
    return answer


def me(desk: Desk, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return desk.call("GET", "/v1/me", by=None, headers=headers).status


def cookie_of(answer: Answered) -> str:
    value: str = answer.headers["Set-Cookie"].partition(";")[0]
    assert value.startswith(f"{COOKIE}=")
    return value


def invited(desk: Desk, email: str, password: str = "First-word-of-all-1") -> str:
    """Invite somebody whose e-mail said this first password."""
    people.invite(
        desk.account_id, email=email, name="Новий", role="agent", by=desk.actor, now=desk.now
    )
    cognito().admin_set_user_password(
        UserPoolId=config.user_pool_id(), Username=email, Password=password, Permanent=False
    )
    return password


def test_the_right_password_gives_an_access_token_and_a_cookie_no_script_can_read(
    desk: Desk,
) -> None:
    answer = signed_in(desk)
    assert set(answer.body) == SIGNED_IN
    assert answer.body["challenge"] is None
    assert answer.body["expires_in_seconds"] > 0
    assert answer.headers["Cache-Control"] == "no-store"
    rules = {each.strip() for each in answer.headers["Set-Cookie"].split(";")[1:]}
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= rules
    assert me(desk, answer.body["access_token"]) == 200
    refresh_token = cookie_of(answer).partition("=")[2]
    assert refresh_token not in json.dumps(answer.body)


def test_an_address_is_the_same_in_capitals_and_with_blanks_around_it(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    assert sign_in(desk, f" {ADMIN.upper()} ").status == 200


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    wrong, unknown = sign_in(desk, ADMIN, "Wrong-horse-7"), sign_in(desk, NOBODY)
    assert wrong.status == unknown.status == 401
    assert wrong.body == unknown.body
    assert "Set-Cookie" not in {**wrong.headers, **unknown.headers}


def test_a_first_sign_in_asks_for_a_password_of_ones_own(desk: Desk) -> None:
    password = invited(desk, "new@example.com")
    answer = sign_in(desk, "new@example.com", password)
    assert answer.status == 200
    assert answer.body["access_token"] is None
    challenge = answer.body["challenge"]
    assert challenge["kind"] == "new_password"
    assert "Set-Cookie" not in answer.headers
    body = {"email": "new@example.com", "session": challenge["session"], "new_password": PASSWORD}
    done = desk.call("POST", "/v1/sign-in/new-password", body, by=None)
    assert done.status == 200
    assert set(done.body) == SIGNED_IN
    assert me(desk, done.body["access_token"]) == 200
    assert cookie_of(done)
    assert sign_in(desk, "new@example.com", password).status == 401
    assert sign_in(desk, "new@example.com").status == 200


def test_a_weak_first_password_is_refused_with_the_rule(desk: Desk) -> None:
    password = invited(desk, "new@example.com")
    challenge = sign_in(desk, "new@example.com", password).body["challenge"]
    body = {"email": "new@example.com", "session": challenge["session"], "new_password": "short"}
    answer = desk.call("POST", "/v1/sign-in/new-password", body, by=None)
    assert (answer.status, answer.body["field"]) == (400, "new_password")
    assert "password" in answer.body["detail"].lower()


def test_a_challenge_that_nobody_gave_is_refused(desk: Desk) -> None:
    body = {"email": ADMIN, "session": "s" * 40, "new_password": PASSWORD}
    assert desk.call("POST", "/v1/sign-in/new-password", body, by=None).status == 401


def test_the_cookie_keeps_somebody_signed_in(desk: Desk) -> None:
    cookie = cookie_of(signed_in(desk))
    headers = {"Cookie": f"theme=dark; {cookie}; other=1"}
    answer = desk.call("POST", "/v1/sign-in/refresh", {}, by=None, headers=headers)
    assert answer.status == 200
    assert set(answer.body) == SIGNED_IN
    assert me(desk, answer.body["access_token"]) == 200


def test_a_cookie_that_cognito_still_takes_but_we_do_not_gives_nothing(desk: Desk) -> None:
    cognito().admin_create_user(UserPoolId=config.user_pool_id(), Username=NOBODY)
    cookie = cookie_of(signed_in(desk, NOBODY))
    answer = desk.call("POST", "/v1/sign-in/refresh", {}, by=None, headers={"Cookie": cookie})
    assert answer.status == 401


def test_without_a_true_cookie_one_signs_in_again(desk: Desk) -> None:
    for cookie in [None, "", f"{COOKIE}=", f"{COOKIE}=made-up", "other=1", "=;=;"]:
        headers = {} if cookie is None else {"Cookie": cookie}
        answer = desk.call("POST", "/v1/sign-in/refresh", {}, by=None, headers=headers)
        assert answer.status == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_signing_out_ends_both_tokens_at_once_and_no_other_sign_in(
    desk: Desk, revoked: list[str]
) -> None:
    first, second = signed_in(desk), signed_in(desk)
    token, cookie = first.body["access_token"], cookie_of(first)
    refreshed = desk.call("POST", "/v1/sign-in/refresh", {}, by=None, headers={"Cookie": cookie})
    headers = {"Authorization": f"Bearer {token}", "Cookie": cookie}
    answer = desk.call("POST", "/v1/sign-out", {}, by=None, headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Set-Cookie"].startswith(f"{COOKIE}=; Max-Age=0;")
    assert revoked == [cookie.partition("=")[2]]
    for ended in (token, refreshed.body["access_token"]):
        assert me(desk, ended) in (401, 403)
    again = desk.call("POST", "/v1/sign-in/refresh", {}, by=None, headers={"Cookie": cookie})
    assert again.status == 401
    assert me(desk, second.body["access_token"]) == 200
    stays = {"Cookie": cookie_of(second)}
    assert desk.call("POST", "/v1/sign-in/refresh", {}, by=None, headers=stays).status == 200


def test_asking_for_a_new_password_never_tells_who_is_known(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    known, unknown = (
        desk.call("POST", "/v1/sign-in/forgot", {"email": email}, by=None)
        for email in (ADMIN, NOBODY)
    )
    assert known.status == unknown.status == 204
    assert known.body == unknown.body == b""
    assert {*known.headers.items()} == {*unknown.headers.items()}


def test_a_wrong_code_is_refused_alike_for_known_and_unknown_addresses(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    desk.call("POST", "/v1/sign-in/forgot", {"email": ADMIN}, by=None)
    answers = [
        desk.call(
            "POST",
            "/v1/sign-in/reset",
            {"email": email, "code": "moto-confirmation-code:0", "new_password": PASSWORD},
            by=None,
        )
        for email in (ADMIN, NOBODY)
    ]
    assert [(each.status, each.body["field"]) for each in answers] == [(400, "code")] * 2
    assert answers[0].body == answers[1].body


def test_the_code_of_the_e_mail_sets_a_new_password(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    sent = cognito().forgot_password(ClientId=config.user_pool_client_id(), Username=ADMIN)
    code = sent["ResponseMetadata"]["HTTPHeaders"]["x-moto-forgot-password-confirmation-code"]
    body = {"email": ADMIN, "code": f" {code} ", "new_password": "Another-horse-8"}
    answer = desk.call("POST", "/v1/sign-in/reset", body, by=None)
    assert (answer.status, answer.body) == (204, b"")
    assert sign_in(desk, ADMIN).status == 401
    assert sign_in(desk, ADMIN, "Another-horse-8").status == 200


def test_a_moved_business_clock_ends_no_sign_in(desk: Desk) -> None:
    token = signed_in(desk).body["access_token"]
    for days in (400, -800):
        desk.wait(days=days)
        assert me(desk, token) == 200
    desk.call("POST", "/v1/sign-out", {}, by=None, headers={"Authorization": f"Bearer {token}"})
    assert me(desk, token) in (401, 403)


def test_who_signs_in_with_cognito_but_belongs_to_nobody_is_not_let_in(desk: Desk) -> None:
    cognito().admin_create_user(UserPoolId=config.user_pool_id(), Username=NOBODY)
    assert me(desk, desk.sign_in(NOBODY)) in (401, 403)


# Tokens that are nearly right.


def signing_key() -> Any:
    return jwt.PyJWK(load_resource("cognitoidp/resources/jwks-private.json")).key


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def forged(token: str, changes: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    """Sign another body with the pool's own key."""
    claims = {k: v for k, v in (claims_of(token) | changes).items() if v is not None}
    key_id = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(claims, signing_key(), "RS256", headers={"kid": key_id} | (header or {}))


def hand_made(claims: dict[str, Any], header: dict[str, Any], secret: bytes | None) -> str:
    """Make a token as an attacker would, where the library refuses to."""
    said = ".".join(_encoded(json.dumps(each)) for each in (header, claims))
    if secret is None:
        return f"{said}."
    digest = hmac.new(secret, said.encode(), "sha256").digest()
    return f"{said}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def public_key_pem() -> bytes:
    pem: bytes = (
        signing_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return pem


def test_a_token_with_the_right_claims_and_key_is_let_in(desk: Desk) -> None:
    assert me(desk, forged(desk.sign_in(ADMIN), {})) == 200


NOT_OURS: list[dict[str, Any]] = [
    {"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_other"},
    {"client_id": "another-client"},
    {"token_use": "id"},
    {"exp": 1},
    {"exp": None},
    {"iss": None},
    {"sub": None},
    {"jti": None},
    {"token_use": None},
    {"client_id": None},
    {"sub": "somebody-else"},
    {"nbf": 2**33},
]


def test_a_token_that_is_not_this_pools_or_clients_or_has_expired_is_refused(desk: Desk) -> None:
    token = desk.sign_in(ADMIN)
    assert me(desk, token) == 200
    for changes in NOT_OURS:
        assert me(desk, forged(token, changes)) in (401, 403), changes


def test_a_token_ends_when_it_says(desk: Desk) -> None:
    token = desk.sign_in(ADMIN)
    ends_at = datetime.fromtimestamp(claims_of(token)["exp"], UTC)
    header = f"Bearer {token}"
    assert auth.caller_of(header, real_now=ends_at - timedelta(seconds=1)) is not None
    assert auth.caller_of(header, real_now=ends_at) is None


def test_an_id_token_opens_nothing(desk: Desk) -> None:
    desk.sign_in(ADMIN)
    answer = cognito().initiate_auth(
        ClientId=config.user_pool_client_id(),
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": ADMIN, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    assert me(desk, answer["AccessToken"]) == 200
    for other in ("IdToken", "RefreshToken"):
        assert me(desk, answer[other]) in (401, 403)


def test_a_token_that_is_unsigned_or_signed_with_the_public_key_is_refused(desk: Desk) -> None:
    token = desk.sign_in(ADMIN)
    claims, kid = claims_of(token), jwt.get_unverified_header(token)["kid"]
    public = json.dumps(load_resource("cognitoidp/resources/jwks-public.json"))
    tokens = [
        hand_made(claims, {"alg": "none", "kid": kid}, None),
        hand_made(claims, {"alg": "HS256", "kid": kid}, public_key_pem()),
        hand_made(claims, {"alg": "HS256", "kid": kid}, public.encode()),
        forged(token, {}, {"kid": "another-key"}),
        f"{token.rpartition('.')[0]}.",
        f"{token}.{token}",
    ]
    for each in tokens:
        assert me(desk, each) in (401, 403)


def test_only_a_bearer_is_asked_for_his_token(desk: Desk) -> None:
    token = desk.sign_in(ADMIN)
    for scheme in ("", "Basic ", "bearer", "Bearer", "Token "):
        headers = {"Authorization": f"{scheme}{token}"}
        answer = desk.call("GET", "/v1/me", by=None, headers=headers)
        assert answer.status in (401, 403), scheme


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.one_of(
        st.text(max_size=80),
        st.tuples(
            st.sampled_from(["[", "{", '{"kid":', '"', "\ud800", "9", "null", '{"kid":["a"]}']),
            st.integers(1, 5000),
            st.sampled_from([".e30.AA", ".e30", "..", ""]),
        ).map(lambda parts: f"Bearer {_encoded(parts[0] * parts[1])}{parts[2]}"),
        st.text(max_size=60).map(lambda text: f"Bearer vd_{text}"),
    )
)
def test_no_authorization_header_of_any_shape_breaks_the_check(desk: Desk, header: str) -> None:
    assert auth.caller_of(header, real_now=config.real_now()) is None


def _encoded(text: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
