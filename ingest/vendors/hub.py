"""The X-Hub-Signature family: HMAC over the raw body, as "sha256=" and hexadecimal digits; and Meta's greeting.

Signed is the body alone: neither address nor other headers, and no time. The greeting (a GET with hub.mode,
hub.verify_token and hub.challenge) is not signed; it shows a token that the source keeps as the secret "verify:...".
"""

import re
from collections.abc import Sequence
from typing import Any

from ingest.vendors.base import PlainVendor, Reply, Verdict, WebhookRequest
from ingest.vendors.mapped import objects_at
from ingest.vendors.signing import equals, hmac_hex, hmac_verdict, live

VERIFY_PREFIX = "verify:"
_TEXT = "text/plain; charset=utf-8"
_CHALLENGE = re.compile(r"[A-Za-z0-9._-]{1,200}")
_REFUSED = Reply(b"hub.verify_token is not the source's, or hub.mode is not subscribe", _TEXT, 403)
_ODD = Reply(b"hub.challenge is missing or of no known form", _TEXT, 400)


def hub_verdict(
    request: WebhookRequest,
    secrets: Sequence[str],
    header: str = "x-hub-signature-256",
    algorithm: str = "sha256",
) -> Verdict:
    """Judge the body by the signature in `header`: "<algorithm>=<hex>", whatever other headers say."""
    given = [request.headers.get(header, "").strip()]
    return hmac_verdict(given, secrets, lambda key: f"{algorithm}={hmac_hex(key, request.raw, algorithm)}", header)


def changes_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the changes of all entries of one of Meta's webhooks. Raises IngestError."""
    return [change for entry in objects_at(payload, "entry") for change in objects_at(entry, "changes")]


class MetaVendor(PlainVendor):
    """What Meta's products have in common. Secrets are app secrets, and "verify:" + the verify token."""

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        # The verify token is known to whoever may set up the webhook: it signs nothing.
        return hub_verdict(request, [one for one in secrets if not one.startswith(VERIFY_PREFIX)])

    def handshake(self, request: WebhookRequest, secrets: Sequence[str]) -> Reply | None:
        if request.method != "GET" or not request.query("hub.mode"):
            return None
        tokens = [one.removeprefix(VERIFY_PREFIX) for one in secrets if one.startswith(VERIFY_PREFIX)]
        shown = request.query("hub.verify_token")
        matches = [equals(shown, token) for token in live(tokens)]
        if not any(matches) or request.query("hub.mode") != "subscribe":
            return _REFUSED
        challenge = request.query("hub.challenge")
        return Reply(challenge.encode(), _TEXT) if _CHALLENGE.fullmatch(challenge) else _ODD
