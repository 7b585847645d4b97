"""Signatures of outgoing webhooks as Standard Webhooks (standardwebhooks.com) defines them. Pure."""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from streams.model.errors import ConfigurationError

_PREFIX: Final = "whsec_"
_MIN_KEY_BYTES: Final = 16


def signing_key(secret: str, setting: str) -> bytes:
    """Return the key in a `whsec_` secret. Raises ConfigurationError naming `setting`, never the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < _MIN_KEY_BYTES:
        raise ConfigurationError(
            setting,
            "is not a signing secret",
            f"Make one with: echo whsec_$(head -c 32 /dev/urandom | base64); at least {_MIN_KEY_BYTES} bytes",
        )
    return key


def sign(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the value of the webhook-signature header."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp_s, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def holds(key: bytes, message_id: str, timestamp_s: int, body: bytes, signature: str) -> bool:
    """Return whether one of the space-separated signatures fits; takes the same time whichever byte differs."""
    expected = sign(key, message_id, timestamp_s, body).encode()
    return any(hmac.compare_digest(expected, given.encode()) for given in signature.split(" "))
