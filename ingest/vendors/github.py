"""GitHub-style webhooks: any sender that signs its JSON as GitHub does; a generic mapping of `{"event", "data"}`.

Signature (docs.github.com, "Validating webhook deliveries"): X-Hub-Signature-256 is "sha256=" and hexadecimal digits of
HMAC-SHA256 over the raw body with the webhook's secret. Nothing else is signed: neither a time nor X-GitHub-Event nor
X-GitHub-Delivery, so none of them is used. X-Hub-Signature (SHA-1) alone is refused.

`event` (or `type`) names the event; what it tells stands in `data` (or `properties`), or in the body itself. See
generic.py for what becomes of it, and for who it is about. An `event_id` or `message_id`, or the `id` beside `data`,
makes it count once; else the whole body does. Without a name (GitHub's own events, `ping`) nothing comes of it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ingest.sources import Source
from ingest.values import optional_id
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.generic import PERSON_KEYS, generic_events
from ingest.vendors.hub import hub_verdict
from ingest.vendors.mapped import payload_of
from streams.model.events import Event

_Object = dict[str, Any]

_NAMES = ("event", "type")
_DATA = ("data", "properties")
_IDS = ("event_id", "eventId", "message_id", "messageId")
_TIMES = ("timestamp", "occurred_at", "time")
_ABOUT_ITSELF = frozenset({*_NAMES, *_DATA, *_IDS, *_TIMES})


class GitHub(PlainVendor):
    """The vendor "github"."""

    id = "github"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        return hub_verdict(request, secrets)

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        name = next((payload[key] for key in _NAMES if isinstance(payload.get(key), str)), "")
        holder = next((key for key in _DATA if isinstance(payload.get(key), dict)), "")
        data = payload[holder] if holder else None
        # Beside `data` an id or a time is the event's; in a flat body it may be an order's.
        ids, times = (_IDS, _TIMES) if data is None else ((*_IDS, "id"), (*_TIMES, "created_at"))
        event_id = next((told for key in ids if (told := optional_id(payload, key))), None)
        about = (name, event_id) if event_id else (sha256(request.raw).hexdigest(),)
        at = next((payload[key] for key in times if payload.get(key)), None)
        path = f"{holder}." if holder else ""
        return generic_events(name, _told(payload, data), about, at, source, now_ms, path)


def _told(payload: _Object, data: _Object | None) -> _Object:
    """Return what the event tells, with whom the body names beside it."""
    if data is None:
        return {key: value for key, value in payload.items() if key not in _ABOUT_ITSELF}
    return {key: value for key, value in payload.items() if key in PERSON_KEYS} | data
