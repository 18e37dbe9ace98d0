"""The signature of Viber's callbacks: HMAC-SHA256 of the raw body, keyed with the bot's key."""

import hashlib
import hmac


def sign(body: bytes, key: str) -> str:
    """Make the lower-case hex signature that Viber sends with this very body.

    The key is used as it is written, hyphens included.
    """
    return hmac.new(key.encode("utf-8", "surrogatepass"), body, hashlib.sha256).hexdigest()


def is_true(body: bytes, key: str, given: str | None) -> bool:
    """Say, in constant time, whether `given` is this body's signature.

    It comes in the header X-Viber-Content-Signature or in the query parameter `sig`.
    """
    # Anybody can sign with an empty key, so a bot without one has no true callbacks.
    if not key or not given:
        return False
    # As bytes, because compare_digest raises for a text that is not ASCII.
    presented = given.strip().encode("utf-8", "surrogatepass").lower()
    return hmac.compare_digest(sign(body, key).encode("ascii"), presented)
