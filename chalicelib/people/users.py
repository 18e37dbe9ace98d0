"""Cognito's half of a person: his password and his sign-ins."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib import aws, config, errors, store
from chalicelib.tables import Lookup

INVITED_WITHIN = timedelta(minutes=5)


def make(email: str, *, field: str, now: datetime) -> str:
    """Make a user, whom Cognito mails his first password; returns his `sub`.

    Raises Conflict when the address signs in already, here or in another account.
    """
    cognito = aws.client("cognito-idp")
    try:
        return _create(email)
    except cognito.exceptions.UsernameExistsException:
        if not _is_left_over(email, now=now):
            raise errors.Conflict(
                "Somebody signs in with this address already.", field=field
            ) from None
        return _create(email)
    except cognito.exceptions.InvalidParameterException:
        raise errors.BadInput("An e-mail address that can receive mail.", field=field) from None
    except cognito.exceptions.LimitExceededException:
        raise errors.TooManyRequests(
            "No more invitations can be mailed today; invite again tomorrow."
        ) from None


def unmake(sub: str) -> None:
    """Delete a user with all his sign-ins; one who has gone already is no error."""
    cognito = aws.client("cognito-idp")
    try:
        cognito.admin_delete_user(UserPoolId=config.user_pool_id(), Username=sub)
    except cognito.exceptions.UserNotFoundException:
        return


def end_sign_in(sign_in_id: str, until: datetime) -> None:
    """Refuse every token of one sign-in from now on, until none of them could be used anyway."""
    store.put(Lookup(key=f"ended#{sign_in_id}", expires_at=until + timedelta(hours=2)))


def _create(email: str) -> str:
    answer = aws.client("cognito-idp").admin_create_user(
        UserPoolId=config.user_pool_id(),
        Username=email,
        UserAttributes=[
            {"Name": "email", "Value": email},
            {"Name": "email_verified", "Value": "true"},
        ],
        DesiredDeliveryMediums=["EMAIL"],
    )
    return _sub(answer["User"]["Attributes"])


def _is_left_over(email: str, *, now: datetime) -> bool:
    """Say whether Cognito knows an address that nobody signs in with, and make room for it.

    Such a user is left by an invitation that died half-way; a young one may be under way.
    """
    cognito = aws.client("cognito-idp")
    user = cognito.admin_get_user(UserPoolId=config.user_pool_id(), Username=email)
    sub = _sub(user["UserAttributes"])
    is_young = now - user["UserCreateDate"] < INVITED_WITHIN
    if is_young or store.get(Lookup, f"sub#{sub}") is not None:
        return False
    unmake(sub)
    return True


def _sub(attributes: list[dict[str, Any]]) -> str:
    return next(str(each["Value"]) for each in attributes if each["Name"] == "sub")
