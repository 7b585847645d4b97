"""The places that an erasure goes through, as far as this installation has them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streams.log.rewriting import Rewriter
from streams.model.events import Event
from streams.operators.erasing import Person
from streams.ports import EventLog


class ErasesRecords(Protocol):
    """Takes people out of what a log holds already."""

    async def erase(self, topic: str, rewriter: Rewriter) -> int:
        """Replace the topic's records by what is left of them; return how many changed. They may still have bytes."""
        ...

    async def purge(self, person: Person) -> str:
        """Return, in words, what showed that no byte is left of what `erase` and the engine removed."""
        ...


class KeepsDeliveries(Protocol):
    """The ledger."""

    async def erase(self, person: Person) -> Sequence[str]:
        """Delete what is about the person; return the ids of the deliveries."""
        ...


class KeepsMessages(Protocol):
    """The outbox."""

    async def erase(self, person: Person, delivery_ids: Sequence[str]) -> int:
        """Delete messages of these deliveries and those that name the person; return how many."""
        ...


class KeepsLetters(Protocol):
    """The store of dead letters."""

    async def find(self, workspace: str, holds: Callable[[bytes, str], bool]) -> list[str]:
        """Return letters' ids by their bytes and by what else is told of them."""
        ...

    async def forget(self, workspace: str, ids: Sequence[str]) -> int:
        """Delete letters; return how many."""
        ...


class ShowsPeople(Protocol):
    """The view."""

    async def count_of(self, person: Person) -> int:
        """Return how many rows name the person's ids."""
        ...


class Remembers(Protocol):
    """The debugger."""

    async def forget(self, names: Callable[[Event | None, str, bytes], bool]) -> int:
        """Drop from memory what names somebody, by its event, reason and bytes; return how many."""
        ...


@dataclass
class Places:
    """What there is. `data` is the installation's folder; `settled` returns once all that the door had
    taken is in the log.
    """

    log: EventLog
    records: ErasesRecords
    ledger: KeepsDeliveries
    outbox: KeepsMessages
    view: ShowsPeople
    data: Path
    letters: KeepsLetters | None = None
    watch: Remembers | None = None
    forget_live: Callable[[str], None] = lambda _: None
    settled: Callable[[], Awaitable[None]] | None = None
    door_s: float = 0.0
    """So long doors of other processes may take until they refuse the person."""
