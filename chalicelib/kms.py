"""Secrets at rest: sealed by KMS under a context that names their owner."""

import functools

from chalicelib import aws, config


def seal(secret: str, *, owner: str) -> bytes:
    """Encrypt a short secret (4 kB at most) so that only this owner's name opens it."""
    answer = aws.client("kms").encrypt(
        KeyId=config.key_id(), Plaintext=secret.encode(), EncryptionContext={"owner": owner}
    )
    return bytes(answer["CiphertextBlob"])


@functools.lru_cache(maxsize=512)
def unseal(sealed: bytes, *, owner: str) -> str:
    """Decrypt what `seal` made for this owner; kept in memory for the container's life."""
    answer = aws.client("kms").decrypt(
        CiphertextBlob=sealed, KeyId=config.key_id(), EncryptionContext={"owner": owner}
    )
    return bytes(answer["Plaintext"]).decode()
