"""moto's server as the laptop's AWS, mended where many threads or a sign-out would trip it."""

import functools
import threading
from typing import Any

from demo.servers import HOST


def start() -> tuple[Any, str]:
    """Start moto's server on a free port; returns it, to be stopped, and its address."""
    from moto.server import ThreadedMotoServer

    mend_tables()
    mend_queues()
    mend_files()
    mend_sign_ins()
    server = ThreadedMotoServer(HOST, 0, verbose=False)
    server.start()
    return server, f"http://{HOST}:{server.get_host_and_port()[1]}"


def mend_tables() -> None:
    """Keep moto from losing writes: it undoes a refused transaction by restoring whole tables.

    What another thread wrote meanwhile would be gone with it, and its conditions are checked
    apart from the write; a real table does neither.
    """
    from moto.dynamodb.responses import DynamoHandler

    _hold(DynamoHandler, "call_action", threading.RLock())


def mend_queues() -> None:
    """Keep moto's queues from losing a message: it deletes by making the list anew."""
    from moto.sqs.models import Queue

    lock = threading.RLock()
    _hold(Queue, "add_message", lock)
    _hold(Queue, "delete_message", lock)
    _hold(Queue, "pending_message_groups", lock)


def mend_files() -> None:
    """Keep moto's S3 from failing a write: it closes an object that another write looks at yet."""
    from moto.s3.responses import S3Response

    _hold(S3Response, "key_response", threading.RLock())


def _hold(kind: type, method: str, lock: Any) -> None:
    found = getattr(kind, method)
    plain: Any = found.fget if isinstance(found, property) else found
    if hasattr(plain, "held_by"):
        return

    @functools.wraps(plain)
    def locked(*given: Any, **named: Any) -> Any:
        with lock:
            return plain(*given, **named)

    locked.held_by = lock  # type: ignore[attr-defined]
    setattr(kind, method, property(locked) if isinstance(found, property) else locked)


def mend_sign_ins() -> None:
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
