"""What a webhook vendor's module offers, and what it is told."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from ingest.errors import IngestError
from ingest.sources import Source
from streams.model.events import Event


class WebhookRequest(NamedTuple):
    """A request as it came. `url` is the address that the vendor called, `headers` has lower-case names, `raw` is the
    body exactly as it was sent.
    """

    url: str
    headers: Mapping[str, str]
    raw: bytes
    method: str = "POST"

    def query(self, name: str) -> str:
        """Return the first value of a parameter of the address, or nothing; nothing of an address with too many."""
        try:
            found = parse_qs(urlsplit(self.url).query, keep_blank_values=True, max_num_fields=100).get(name)
        except ValueError:
            return ""
        return found[0] if found else ""


PARSED_HEADERS = ("x-shopify-topic", "webhook-id", "svix-id")
"""All that any vendor's `parse` looks at beside body and query. None of them is a secret: they are kept with what could
not be used, so that it can be parsed again.
"""


class Verdict(NamedTuple):
    """Whether a request is genuine, and why not: for people, and without a word of any secret."""

    is_genuine: bool
    reason: str = ""


GENUINE = Verdict(True)
NEEDS_CERTIFICATE = Verdict(False, "the vendor's certificate is missing")
"""All that can be told without the certificate is in order. Only then is it fetched: strangers make nobody fetch."""


class Reply(NamedTuple):
    """What a vendor wants to hear."""

    body: bytes = b'{"success":true}'
    media_type: str = "application/json"
    status: int = 200


OK = Reply()


class PartlyUnusableError(IngestError):
    """Some items of a webhook can't be used: `unusable` says which and why, `events` are those of all others."""

    def __init__(self, events: list[Event], unusable: list[tuple[IngestError, bytes]]) -> None:
        first = unusable[0][0]
        problem = f"{len(unusable)} of its items can't be used, the first since {first}"
        super().__init__("partly_unusable", first.field, problem, "All others were taken")
        self.events = events
        self.unusable = unusable


class Vendor(Protocol):
    """One vendor's webhooks. Pure: time, secrets and certificates are arguments."""

    id: str
    reply: Reply
    """Said once the events are durable."""

    def certificate_url(self, request: WebhookRequest) -> str:
        """Return the https address of the certificate that `verify` needs, on a host that only the vendor can have;
        empty when it needs none.
        """
        ...

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        """Judge the request by every live secret. Without secrets nothing is genuine; without a certificate that it
        takes, NEEDS_CERTIFICATE once all else is in order. Never raises.
        """
        ...

    def confirm_url(self, request: WebhookRequest) -> str:
        """Return the https address, on a host that only the vendor can have, to visit once when this genuine request
        asks for it (a subscription that wants to be confirmed); empty for nearly every request.
        """
        ...

    def handshake(self, request: WebhookRequest, secrets: Sequence[str]) -> Reply | None:
        """Answer a request that only asks whether somebody is here (a GET with a challenge, an unsigned ping); None for
        every other. Answering takes no events.
        """
        ...

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        """Return the events of a genuine webhook, none for what is not used; the same request gives the same ids.

        Raises IngestError; PartlyUnusableError where only some of its items can't be used.
        """
        ...

    def kept(self, raw: bytes) -> bytes:
        """Return of a body that can't be used what may be kept: without secrets, and parsed to the same events."""
        ...


class PlainVendor:
    """What most vendors have in common: no certificate, nothing to confirm, no handshake, a plain answer."""

    reply = OK

    def certificate_url(self, request: WebhookRequest) -> str:
        return ""

    def confirm_url(self, request: WebhookRequest) -> str:
        return ""

    def handshake(self, request: WebhookRequest, secrets: Sequence[str]) -> Reply | None:
        return None

    def kept(self, raw: bytes) -> bytes:
        return raw


def blanking(*names: str) -> Callable[[bytes], bytes]:
    """Return what empties the texts of these members, which tell nothing of events, wherever they stand in JSON."""
    members = "|".join(map(re.escape, names)).encode()
    pattern = re.compile(rb'("(?:' + members + rb')"\s*:\s*")(?:[^"\\]|\\.)*+', re.DOTALL)
    return partial(pattern.sub, rb"\1")
