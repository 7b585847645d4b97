"""Standard Webhooks: any sender that keeps to standard-webhooks.com; a generic mapping of `{"type", "data"}`.

Signature: see trio.py. Secrets: `whsec_` and base64 for v1 (also without the prefix), `whpk_` and base64 of the
sender's public key for v1a. A private key (`whsk_`) is refused: it belongs to the sender alone.

`type` names the event, `timestamp` (or `created_at`) its time; see generic.py for what becomes of `data`. Ids come from
`webhook-id`, which is signed.
"""

from base64 import b64decode
from collections.abc import Sequence

from ingest.sources import Source
from ingest.values import wrong_type
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.generic import generic_events
from ingest.vendors.mapped import payload_of
from ingest.vendors.signing import live
from ingest.vendors.trio import Check, hmac_check, signed_id, trio_verdict
from streams.model.events import Event

_SHARED, _PUBLIC, _PRIVATE = "whsec_", "whpk_", "whsk_"


class StandardWebhooks(PlainVendor):
    """The vendor "standard_webhooks"."""

    id = "standard_webhooks"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        checks = [check for secret in live(secrets) if (check := _check(secret.strip()))]
        if not checks:
            return Verdict(False, "the source holds no secret of the form whsec_ or whpk_ and base64")
        return trio_verdict(request, checks, now_s)

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        kind, data = payload.get("type"), payload.get("data")
        if not isinstance(kind, str):
            raise wrong_type("type", kind, "a string")
        if not isinstance(data, dict):
            raise wrong_type("data", data, "an object")
        at = payload.get("timestamp") or payload.get("created_at")
        return generic_events(kind, data, (signed_id(request),), at, source, now_ms, "data.")


def _check(secret: str) -> Check | None:
    """Return the check that a secret stands for, None for what is no secret of these forms."""
    if secret.startswith(_PRIVATE):
        return None
    is_public = secret.startswith(_PUBLIC)
    text = secret.removeprefix(_PUBLIC if is_public else _SHARED).rstrip("=")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
        if is_public:
            from ingest.vendors.public_keys import ed25519_check  # noqa: PLC0415  it says why

            return ed25519_check(key)
    except ValueError:
        return None
    return hmac_check(key) if key else None
