"""What every way in shares: finding the source, taking events, keeping what could not be used. It knows no protocol."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from starlette.requests import Request

from ingest.batcher import Batcher
from ingest.errors import IngestError, UnknownKeyError
from ingest.settings import IngestSettings
from ingest.sources import Source, SourceDirectory
from streams.model.dead_letters import DeadLetter
from streams.model.events import Event
from streams.ports import Clock, DeadLetterSink

STAGE = "ingest"
_MAX_REASON_CHARS = 500


@dataclass(slots=True)
class DoorCounts:
    """Since start: messages taken, messages and bodies kept as dead letters, webhooks acknowledged without use."""

    accepted: int = 0
    dead_lettered: int = 0
    webhooks_ignored: int = 0


class Door:
    """One front door; its counters tell what came of all that knocked."""

    def __init__(
        self,
        batcher: Batcher,
        sources: SourceDirectory,
        dead_letters: DeadLetterSink,
        clock: Clock,
        settings: IngestSettings,
    ) -> None:
        self.counts = DoorCounts()
        self.settings = settings
        self.clock = clock
        self.sources = sources
        self._batcher = batcher
        self._dead_letters = dead_letters

    def snapshot(self) -> dict[str, int]:
        return asdict(self.counts)

    def source_of(self, request: Request) -> Source | None:
        """Return the source whose key the request's head carries, None when it carries none.

        Raises UnknownKeyError.
        """
        key = _basic_user(request.headers.get("authorization", ""))
        if not key and request.scope["query_string"]:
            key = request.query_params.get("k", "")
        return self.source_with(key) if key else None

    def source_with(self, key: object) -> Source:
        """Return the source with this write key. Raises UnknownKeyError."""
        source = self.sources.by_write_key(key) if isinstance(key, str) else None
        if source is None:
            raise UnknownKeyError
        return source

    async def take(self, events: Sequence[Event], messages: int = 1) -> None:
        """Make the events of `messages` messages durable."""
        await self._batcher.put(events)
        self.counts.accepted += messages

    async def bury(self, source: Source, unusable: Sequence[tuple[IngestError, bytes]]) -> None:
        """Keep bytes that can't be used, each with its reason."""
        now_ms = self.clock.now_ms()
        await self._dead_letters.put(
            [
                DeadLetter(source.workspace, source.id, STAGE, str(error)[:_MAX_REASON_CHARS], error.field, raw, now_ms)
                for error, raw in unusable
            ]
        )
        self.counts.dead_lettered += len(unusable)


def _basic_user(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:
        raise UnknownKeyError from None
