"""The one thing of Cognito that moto lacks and the desk asks for: the end of a sign-in."""

from typing import Any


def teach_moto() -> None:
    """Let moto answer RevokeToken; a moto that knows it by itself is left alone."""
    from moto.cognitoidp.models import cognitoidp_backends
    from moto.cognitoidp.responses import CognitoIdpResponse
    from moto.core.responses import EmptyResult

    def revoke_token(response: Any) -> Any:
        token = response._get_param("Token")
        for account in list(cognitoidp_backends.values()):
            for backend in list(account.values()):
                for pool in backend.user_pools.values():
                    if token in pool.refresh_tokens:
                        pool.refresh_tokens[token] = None
        # Cognito: what is no token of this client's is no error either.
        return EmptyResult()

    if not hasattr(CognitoIdpResponse, "revoke_token"):
        CognitoIdpResponse.revoke_token = revoke_token  # type: ignore[attr-defined]
