"""What became of every event at the door, by source, and the check that none is missing from the books."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from streams.ports import READY

_log = logging.getLogger(__name__)
CHECK_S = 10.0


@dataclass(slots=True)
class Tally:
    """Events since start, and messages that could not be used, which are no events yet. `accepted` is the sum of all
    below it and of what is under way; those above it were never accepted: `refused` met no room (503), the others are
    named as the error that their sender was told.

    `rejected` are kept as dead letters. `declined`: their visitor does not want to be recorded. `suppressed`: the
    person was erased. `failed`: neither log nor spool took them, which their sender was told (503).
    """

    refused: int = 0
    origin_not_allowed: int = 0
    rate_limited: int = 0
    bad_signature: int = 0
    accepted: int = 0
    appended: int = 0
    spooled: int = 0
    rejected: int = 0
    duplicate: int = 0
    declined: int = 0
    suppressed: int = 0
    failed: int = 0

    @property
    def settled(self) -> int:
        """The sum of all that becomes of what is accepted."""
        return (
            self.appended
            + self.spooled
            + self.rejected
            + self.duplicate
            + self.declined
            + self.suppressed
            + self.failed
        )

    def turn_away(self, code: str, messages: int) -> None:
        """Count messages that were refused for their sender, by the code of the error."""
        setattr(self, code, getattr(self, code) + messages)


class Tallies:
    """One tally a source. Sources are configured, so their number is bounded."""

    def __init__(self) -> None:
        self._burying: Counter[str] = Counter()
        """Messages on their way to the dead letters, by source."""
        self._by_source: dict[str, Tally] = {}

    def of(self, source: str) -> Tally:
        tally = self._by_source.get(source)
        if tally is None:
            tally = self._by_source[source] = Tally()
        return tally

    @contextmanager
    def rejecting(self, source: str, messages: int) -> Iterator[None]:
        """Count messages that become dead letters in the block, or are refused when it raises."""
        tally = self.of(source)
        tally.accepted += messages
        self._burying[source] += messages
        try:
            yield
        except BaseException:
            tally.accepted -= messages
            tally.refused += messages
            raise
        else:
            tally.rejected += messages
        finally:
            self._burying[source] -= messages

    def drift(self, under_way: Mapping[str, int]) -> dict[str, int]:
        """Return source -> events that were accepted and of which nothing became, where that is not 0."""
        found = {
            source: tally.accepted - tally.settled - under_way.get(source, 0) - self._burying[source]
            for source, tally in self._by_source.items()
        }
        return {source: missing for source, missing in found.items() if missing}

    def by_source(self) -> dict[str, dict[str, int]]:
        return {source: asdict(tally) for source, tally in self._by_source.items()}

    def total(self) -> dict[str, int]:
        """Return the sums over all sources."""
        found = Counter(asdict(Tally()))
        for tally in self._by_source.values():
            found.update(asdict(tally))
        return dict(found)


class Audit:
    """Asks now and then whether the books are right, and says so in the log when they are not."""

    def __init__(self, drift: Callable[[], Mapping[str, int]]) -> None:
        self._drift = drift
        self._told: dict[str, int] = {}

    def state(self) -> str:
        """Return "ready", or how many events are not accounted for."""
        drift = self._drift()
        return READY if not drift else f"{sum(map(abs, drift.values()))} events are not accounted for"

    def check(self) -> None:
        """Complain of each new drift once."""
        drift = dict(self._drift())
        if drift and drift != self._told:
            _log.error("events are not accounted for, accepted less all that became of them by source: %s", drift)
        self._told = drift

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await asyncio.sleep(CHECK_S)
            self.check()
