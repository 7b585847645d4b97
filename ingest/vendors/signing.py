"""What vendors' signatures share: secrets compared in constant time, times that are neither old nor to come."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence

from ingest.errors import IngestError
from ingest.values import time_ms
from ingest.vendors.base import GENUINE, PlainVendor, Verdict, WebhookRequest

TOLERANCE_S = 300.0
NO_SECRET = Verdict(False, "the source holds no secret, and without one nothing is believed")


def live(secrets: Sequence[str]) -> list[str]:
    """Return the secrets that are not empty: an empty key signs for everybody."""
    return [secret for secret in secrets if secret.strip()]


def equals(one: str | bytes, other: str | bytes) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def hmac_verdict(
    given: Iterable[str], secrets: Sequence[str], signature_of: Callable[[bytes], str], header: str
) -> Verdict:
    """Return whether one of the signatures in `header` is what one of the live secrets makes: `signature_of(key)`."""
    keys = live(secrets)
    if not keys:
        return NO_SECRET
    candidates = [one for one in given if one]
    if not candidates:
        return Verdict(False, f"the header {header} is missing or empty")
    expected = [signature_of(key.encode()) for key in keys]
    # All of them, so that the time tells nothing of which secret it was.
    matches = [equals(one, want) for one in candidates for want in expected]
    return GENUINE if any(matches) else Verdict(False, f"{header} is not what any live secret gives for this request")


def hmac_base64(key: bytes, signed: bytes, algorithm: str = "sha256") -> str:
    """Return base64 of the HMAC."""
    return b64encode(hmac.digest(key, signed, algorithm)).decode()


def hmac_hex(key: bytes, signed: bytes, algorithm: str = "sha256") -> str:
    """Return the HMAC in lower-case hexadecimal digits."""
    return hmac.digest(key, signed, algorithm).hex()


def time_verdict(
    stated: str, now_s: float, header: str, unit_s: float = 1.0, tolerance_s: float = TOLERANCE_S
) -> Verdict:
    """Return whether a signed Unix time, in units of `unit_s` seconds, is within `tolerance_s` of now, either way."""
    if not stated.isascii() or not stated.isdigit() or len(stated) > 16:  # noqa: PLR2004  more is no time of this era
        return Verdict(False, f"{header} tells no Unix time")
    return _age_verdict(now_s - int(stated) * unit_s, tolerance_s)


def iso_time_verdict(
    stated: str, now_s: float, header: str, tolerance_s: float = TOLERANCE_S, ahead_s: float | None = None
) -> Verdict:
    """Return whether a signed ISO 8601 time is at most `tolerance_s` ago, and as much (or `ahead_s`) ahead."""
    try:
        return _age_verdict(now_s - time_ms(stated[:64], header) / 1_000, tolerance_s, ahead_s)
    except IngestError:
        return Verdict(False, f"{header} tells no ISO 8601 time")


def _age_verdict(age_s: float, tolerance_s: float, ahead_s: float | None = None) -> Verdict:
    if age_s > tolerance_s:
        return Verdict(False, f"it was signed {age_s:.0f} s ago, and at most {tolerance_s:.0f} s are allowed")
    if age_s < -(tolerance_s if ahead_s is None else ahead_s):
        return Verdict(False, f"it was signed {-age_s:.0f} s in the future; compare the clocks")
    return GENUINE


def pairs_of(header: str, separator: str = ",") -> list[tuple[str, str]]:
    """Return the (name, value) pairs of a header such as "t=1,v1=ab"; parts of another form are left out."""
    parts = (part.strip().partition("=") for part in header[:4_096].split(separator))
    return [(name, value) for name, equal, value in parts if equal]


def bearing_verdict(request: WebhookRequest, secrets: Sequence[str], *, header: str = "x-webhook-secret") -> Verdict:
    """Judge a vendor that signs nothing by the secret that its requests carry: as Basic credentials ("user:password"),
    Bearer token, in `header`, or as `?secret=` in the address.
    """
    keys = live(secrets)
    if not keys:
        return NO_SECRET
    authorization = request.headers.get("authorization", "")
    shown = [request.headers.get(header, ""), request.query("secret"), basic_credentials(authorization)]
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer":
        shown.append(token.strip())
    shown = [one for one in shown if one]
    if not shown:
        return Verdict(False, f"it carries no secret: as Authorization (Basic or Bearer), as {header}, or as ?secret=")
    matches = [equals(one, key) for one in shown for key in keys]
    return GENUINE if any(matches) else Verdict(False, "the secret that it carries is not the source's")


class BearingVendor(PlainVendor):
    """A vendor that signs nothing: its requests carry the secret."""

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        return bearing_verdict(request, secrets)


def basic_credentials(authorization: str) -> str:
    """Return the "user:password" of a header with Basic credentials; empty when it has none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode()
    except ValueError:
        return ""


def _bytes(value: str | bytes) -> bytes:
    return value.encode(errors="surrogatepass") if isinstance(value, str) else value
