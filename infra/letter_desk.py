"""What `up` has beside its front door for those who mend: dead letters, how they come in again, and who looks on."""

from dataclasses import dataclass

from infra.settings import Settings
from ingest.door import Door
from ingest.letter_projector import LetterProjector
from ingest.redelivery import Redelivery
from ingest.watch import SourceWatch
from streams.ports import Clock, EventLog
from streams.store.config import DEFAULT_WORKSPACE
from streams.store.dead_letters import DeadLetterStore

DAY_MS = 86_400_000


@dataclass
class LetterDesk:
    """The store is the caller's to close; `projector` wants to be run."""

    store: DeadLetterStore
    projector: LetterProjector
    redelivery: Redelivery
    watch: SourceWatch


def build_letter_desk(
    settings: Settings, log: EventLog, store: DeadLetterStore, door: Door, watch: SourceWatch, clock: Clock
) -> LetterDesk:
    """Build it behind `door`, which tells `watch`; letters of the platform itself are the first workspace's."""
    limits = settings.dead_letters
    projector = LetterProjector(
        log,
        store,
        clock,
        workspace=DEFAULT_WORKSPACE,
        retention_ms=int(limits.retention_days * DAY_MS),
        max_bytes=limits.max_bytes,
    )
    return LetterDesk(store, projector, Redelivery(door, store), watch)
