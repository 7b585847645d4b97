"""The three headers of Standard Webhooks (id, timestamp, signature), which several vendors send. It maps nothing.

Signed (standard-webhooks.com, spec/standard-webhooks.md): `id.timestamp.body`. `webhook-signature` is a list, with
blanks between, of `v1,<base64 of HMAC-SHA256>` and `v1a,<base64 of Ed25519>`; one that holds is enough. The time is
signed and is taken 5 minutes either way. Senders that go by Svix's own names say `svix-` for `webhook-`.
"""

from collections.abc import Callable, Sequence

from ingest.vendors.base import GENUINE, Verdict, WebhookRequest
from ingest.vendors.signing import equals, hmac_base64, time_verdict

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
_PREFIXES = ("webhook-", "svix-")
_MAX_HEADER_CHARS = 4_096
_MAX_SIGNATURES = 20

_WRONG = Verdict(False, f"{SIGNATURE} is not what any live secret gives for this request")

Check = Callable[[str, str, bytes], bool]
"""Whether a signature, given its version ("v1") and text, is right for what is signed."""


def signed_id(request: WebhookRequest) -> str:
    """Return the id of the message; it is signed."""
    return _header(request, ID)


def trio_verdict(request: WebhookRequest, checks: Sequence[Check], now_s: float) -> Verdict:
    """Judge the request by every check; there is at least one."""
    signature, stated = _header(request, SIGNATURE), _header(request, TIMESTAMP)
    for name, value in ((ID, signed_id(request)), (TIMESTAMP, stated), (SIGNATURE, signature)):
        if not value:
            return Verdict(False, f"the header {name} is missing or empty")
    in_time = time_verdict(stated, now_s, TIMESTAMP)
    if not in_time.is_genuine:
        return in_time
    signed = b".".join((signed_id(request).encode(errors="surrogatepass"), stated.encode(), request.raw))
    given = [one.partition(",") for one in signature[:_MAX_HEADER_CHARS].split(" ")[:_MAX_SIGNATURES]]
    matches = [check(version, text, signed) for version, _, text in given for check in checks]
    return GENUINE if any(matches) else _WRONG


def hmac_check(key: bytes) -> Check:
    """Return the check of v1, for a shared key."""
    return lambda version, text, signed: version == "v1" and equals(text, hmac_base64(key, signed))


def _header(request: WebhookRequest, name: str) -> str:
    kept = name.removeprefix(_PREFIXES[0])
    return next((found for prefix in _PREFIXES if (found := request.headers.get(prefix + kept, ""))), "")
