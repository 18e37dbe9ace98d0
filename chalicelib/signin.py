"""Signing in and out with Cognito; nothing here is kept by us."""

from typing import Any, NamedTuple

from chalicelib import aws, config, errors


class Session(NamedTuple):
    """What a sign-in gives: tokens, or a challenge that must be answered first."""

    access_token: str | None
    refresh_token: str | None
    expires_in_seconds: int | None
    challenge_session: str | None


def sign_in(email: str, password: str) -> Session:
    """Sign a person in; raises Unauthorized without saying which of the two was wrong."""
    return _ask(
        "initiate_auth",
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email.strip().lower(), "PASSWORD": password},
    )


def answer_new_password(email: str, session: str, new_password: str) -> Session:
    """Set the password that a first sign-in asks for."""
    return _ask(
        "respond_to_auth_challenge",
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=session,
        ChallengeResponses={"USERNAME": email.strip().lower(), "NEW_PASSWORD": new_password},
    )


def refresh(refresh_token: str) -> Session:
    """Give a new access token; raises Unauthorized when the sign-in has ended."""
    return _ask(
        "initiate_auth",
        AuthFlow="REFRESH_TOKEN_AUTH",
        AuthParameters={"REFRESH_TOKEN": refresh_token},
    )


def sign_out(refresh_token: str) -> None:
    """End a sign-in at Cognito, so that it gives no more access tokens."""
    cognito = aws.client("cognito-idp")
    try:
        cognito.revoke_token(Token=refresh_token, ClientId=config.user_pool_client_id())
    except cognito.exceptions.ClientError:
        return


def forgot(email: str) -> None:
    """Send a code for a new password, if somebody signs in with this address."""
    cognito = aws.client("cognito-idp")
    try:
        cognito.forgot_password(
            ClientId=config.user_pool_client_id(), Username=email.strip().lower()
        )
    except (
        cognito.exceptions.LimitExceededException,
        cognito.exceptions.TooManyRequestsException,
    ):
        raise errors.TooManyRequests("Too many codes were asked for; wait an hour.") from None
    except (
        cognito.exceptions.UserNotFoundException,
        cognito.exceptions.UserNotConfirmedException,
        cognito.exceptions.CodeDeliveryFailureException,
        cognito.exceptions.InvalidParameterException,
        cognito.exceptions.NotAuthorizedException,
    ):
        return


def reset(email: str, code: str, new_password: str) -> None:
    """Set a new password by the code from the e-mail; every sign-in with the old one ends.

    Access tokens that are out run on for their hour at most.
    """
    cognito = aws.client("cognito-idp")
    try:
        cognito.confirm_forgot_password(
            ClientId=config.user_pool_client_id(),
            Username=email.strip().lower(),
            ConfirmationCode=code.strip(),
            Password=new_password,
        )
    except cognito.exceptions.InvalidPasswordException as weak:
        raise _weak(weak) from None
    except (
        cognito.exceptions.LimitExceededException,
        cognito.exceptions.TooManyRequestsException,
        cognito.exceptions.TooManyFailedAttemptsException,
    ):
        raise errors.TooManyRequests("Too many tries; wait an hour.") from None
    except (
        cognito.exceptions.CodeMismatchException,
        cognito.exceptions.ExpiredCodeException,
        cognito.exceptions.UserNotFoundException,
        cognito.exceptions.UserNotConfirmedException,
        cognito.exceptions.NotAuthorizedException,
        cognito.exceptions.InvalidParameterException,
        cognito.exceptions.ResourceNotFoundException,
    ):
        raise errors.BadInput(
            "The code is wrong or has run out; ask for a new one.", field="code"
        ) from None
    cognito.admin_user_global_sign_out(
        UserPoolId=config.user_pool_id(), Username=email.strip().lower()
    )


def _ask(call: str, **wanted: Any) -> Session:
    cognito = aws.client("cognito-idp")
    try:
        answer = getattr(cognito, call)(ClientId=config.user_pool_client_id(), **wanted)
    except cognito.exceptions.InvalidPasswordException as weak:
        raise _weak(weak) from None
    except cognito.exceptions.TooManyRequestsException:
        raise errors.TooManyRequests("Too many tries; wait a minute.") from None
    except (
        cognito.exceptions.NotAuthorizedException,
        cognito.exceptions.UserNotFoundException,
        cognito.exceptions.CodeMismatchException,
        cognito.exceptions.ExpiredCodeException,
        cognito.exceptions.InvalidParameterException,
        cognito.exceptions.PasswordResetRequiredException,
        cognito.exceptions.UserNotConfirmedException,
        # The emulated Cognito says so of a session that it never gave.
        cognito.exceptions.ResourceNotFoundException,
    ):
        raise errors.Unauthorized(
            "The address, the password or the sign-in is not valid."
        ) from None
    if answer.get("ChallengeName"):
        return Session(None, None, None, answer["Session"])
    result = answer["AuthenticationResult"]
    return Session(
        result["AccessToken"], result.get("RefreshToken"), int(result["ExpiresIn"]), None
    )


def _weak(error: Any) -> errors.BadInput:
    return errors.BadInput(str(error.response["Error"]["Message"]), field="new_password")
