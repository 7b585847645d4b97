"""What a webhook vendor's module offers."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ingest.sources import Source
from streams.model.events import Event


class Vendor(Protocol):
    """One vendor's webhooks. `headers` has lower-case names; `raw` is the body exactly as it came."""

    id: str

    def verify(self, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
        """Return whether one of the live secrets signed the body. Without secrets nothing is genuine."""
        ...

    def parse(self, raw: bytes, headers: Mapping[str, str], source: Source, now_ms: int) -> list[Event]:
        """Return the events of a genuine webhook, none for a topic that is not used. Raises IngestError."""
        ...
