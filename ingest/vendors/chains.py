"""Certificates that sign webhooks: whether one is in force, of the vendor's name, and issued by those it comes with.

Whose root it ends at is not asked: it was fetched from the vendor's own host, over TLS that was verified.

Import it where the first such webhook is judged: the library beneath takes 7 MiB, and most installations have none.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ingest.vendors.base import NEEDS_CERTIFICATE

_MAX_CERTIFICATES = 6
_MIN_KEY_BITS = 2_048
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303  what SNS signs with unless its topic says otherwise
    "sha256": hashes.SHA256(),
}


def rsa_key_of(pem: bytes, now_s: float, is_vendors: Callable[[str], object]) -> RSAPublicKey | str:
    """Return the key of the first certificate, or what is wrong. One of its names, in lower case, is the vendor's."""
    if not pem:
        return NEEDS_CERTIFICATE.reason
    try:
        chain = x509.load_pem_x509_certificates(pem)
        now = datetime.fromtimestamp(now_s, UTC)
    except (ValueError, OverflowError, OSError):
        return "the vendor's certificate is no PEM"
    key = chain[0].public_key()
    if len(chain) > _MAX_CERTIFICATES or not all(_is_issued_by(one, issuer) for one, issuer in pairwise(chain)):
        problem = "the vendor's certificates are no chain"
    elif not all(one.not_valid_before_utc <= now <= one.not_valid_after_utc for one in chain):
        problem = "the vendor's certificate, or one of its issuers', is not in force"
    elif not any(is_vendors(name.lower()) for name in _names(chain[0])):
        problem = "the certificate is not of the vendor's name"
    elif not isinstance(key, RSAPublicKey) or key.key_size < _MIN_KEY_BITS:
        problem = f"the certificate's key is no RSA key of {_MIN_KEY_BITS} bits"
    else:
        return key
    return problem


def has_signed(key: RSAPublicKey, signature: Any, signed: bytes, algorithm: str = "sha256") -> bool:
    """Say whether the signature, in base64, is PKCS #1 v1.5 of the key over what is signed, by sha256 or sha1."""
    try:
        given = b64decode(signature, validate=True)
        key.verify(given, signed, PKCS1v15(), _HASHES[algorithm])
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError, TypeError):
        return False
    return True


def _names(certificate: x509.Certificate) -> list[str]:
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    names = [name.value for name in common if isinstance(name.value, str)]
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return names
    return names + alternative.value.get_values_for_type(x509.DNSName)


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
