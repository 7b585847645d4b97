"""Certificates that sign webhooks: whether one is in force, of the vendor's name, and issued by those it comes with.

Whose root it ends at is not asked: it was fetched from the vendor's own host, over TLS that was verified.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ingest.vendors.base import NEEDS_CERTIFICATE

_MAX_CERTIFICATES = 6
_MIN_KEY_BITS = 2_048


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
