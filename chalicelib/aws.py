"""Clients of AWS beside DynamoDB, made once per container and only when first needed."""

import functools
from typing import Any

from chalicelib import config

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 8


@functools.cache
def client(service: str, attempts: int = 3) -> Any:
    """Return the container's client for a service, with explicit time-outs and so many tries."""
    from botocore.config import Config

    return _session().create_client(
        service,
        region_name=config.region(),
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "virtual"} if service == "s3" else None,
        ),
    )


@functools.cache
def _session() -> Any:
    from botocore.session import get_session

    return get_session()
