"""Signatures that a public key proves, which the source's secret is: ECDSA on P-256, and Ed25519.

Import it where the first such webhook is judged: the library beneath takes 7 MiB, and most installations have none.
"""

from base64 import b64decode
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ingest.vendors.trio import Check


@lru_cache(maxsize=64)
def p256_key(shown: str) -> EllipticCurvePublicKey | None:
    """Return the key, given as base64 of DER; None for what is none on that curve."""
    try:
        key = load_der_public_key(b64decode("".join(shown.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None


def p256_has_signed(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    """Say whether the signature, as DER, is the key's with SHA-256."""
    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def ed25519_check(raw: bytes) -> Check:
    """Return the check of v1a of Standard Webhooks, for the sender's public key. Raises ValueError for what is none."""
    key = Ed25519PublicKey.from_public_bytes(raw)

    def holds(version: str, text: str, signed: bytes) -> bool:
        if version != "v1a":
            return False
        try:
            key.verify(b64decode(text, validate=True), signed)
        except (InvalidSignature, ValueError):
            return False
        return True

    return holds
