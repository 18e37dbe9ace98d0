"""One RSA key for all the AWSs that moto pretends: making them is half of a test's set-up."""

import functools
import json
from importlib import import_module
from typing import Any


def share() -> None:
    """Let every user pool and every KMS key of this process have the same key inside."""
    kms: Any = import_module("moto.kms.models")
    kms.generate_private_key = functools.cache(kms.generate_private_key)
    keys: Any = import_module("moto.cognitoidp.models").jwk.RSAKey
    importing = keys.import_key

    @functools.cache
    def import_once(text: str) -> Any:
        return importing(json.loads(text))

    keys.import_key = lambda value: import_once(json.dumps(value))
