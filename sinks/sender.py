"""The sender: works off the ledger through the channels and tells the log what became of each message."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from sinks.channels.base import Channel
from sinks.lane import Lane, LaneLimits, OnChange
from sinks.ledger.base import DeliveryRow, Ledger
from sinks.outcomes import Emit, outcome_event
from sinks.pruning import Prunable, Pruner
from sinks.rendering import Renderer
from sinks.retry import RetrySchedule
from sinks.settings import SenderSettings
from streams.model.errors import LogFullError
from streams.ports import Clock

_log = logging.getLogger(__name__)
_OUTCOME_BATCH = 500
_GATHER_S = 0.05


class Sender:
    """A lane for each channel name that deliveries use. `owner` names this run of this process and no other."""

    def __init__(
        self,
        ledger: Ledger,
        channels: Mapping[str, Channel],
        renderer: Renderer,
        settings: SenderSettings,
        clock: Clock,
        owner: str,
        emit: Emit,
        on_change: OnChange,
        prunable: Sequence[Prunable] = (),
    ) -> None:
        """`prunable` are the stores that let go of what was finished `settings.keep_days` ago."""
        self._ledger = ledger
        self._clock = clock
        self._owner = owner
        self._emit = emit
        self._on_change = on_change
        self._pruner = Pruner(prunable, settings.keep_days, clock)
        self._lease_s = settings.lease_s
        self._idempotent = frozenset(c.name for c in channels.values() if c.idempotent)
        self._outcomes_due = asyncio.Event()
        self._draining = False
        self._lanes = [
            Lane(name, c, ledger, renderer, clock, _limits(settings, c), owner, on_change, self._outcomes_due.set)
            for name, c in channels.items()
        ]

    def wake(self) -> None:
        """Say that the ledger has new rows."""
        for lane in self._lanes:
            lane.wake()

    async def recover(self, *, sole_owner: bool) -> list[DeliveryRow]:
        """Settle rows that a dead process left claimed, and return them.

        `sole_owner`: no other process can be alive on this ledger, so leases need not be waited for.
        """
        now_ms = self._clock.now_ms()
        rows = await self._ledger.recover(now_ms, self._owner, self._idempotent, sole_owner=sole_owner)
        for row in rows:
            _log.warning("delivery %s was left claimed by a dead process, now %s", row.delivery.id, row.status)
            self._on_change(row)
        if rows:
            self._outcomes_due.set()
            self.wake()
        return rows

    async def run(self) -> None:
        """Serve until drained or cancelled; call `recover` first."""
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(work) for work in (self._watch_leases(), self._pruner.run())]
            outcomes = group.create_task(self._log_outcomes())
            async with asyncio.TaskGroup() as lanes:
                for lane in self._lanes:
                    lanes.create_task(lane.run())
            for helper in helpers:
                helper.cancel()
            self._draining = True
            self._outcomes_due.set()
            await outcomes

    def drain(self) -> None:
        """Begin no call; `run` returns once those in flight are finished and their outcomes logged."""
        for lane in self._lanes:
            lane.drain()

    async def _watch_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s)
            await self.recover(sole_owner=False)

    async def _log_outcomes(self) -> None:
        """Bring outcomes into the log; the first round repeats what a crash may have kept from being marked."""
        while True:
            self._outcomes_due.clear()
            last_round = self._draining
            while await self._log_some_outcomes() == _OUTCOME_BATCH:
                pass
            if last_round:
                return
            await self._outcomes_due.wait()
            if not self._draining:
                # Nothing waits for an outcome, so those of a moment share the three transactions that it takes.
                await asyncio.sleep(_GATHER_S)

    async def _log_some_outcomes(self) -> int:
        """Append and mark one batch; return how many were due."""
        rows = await self._ledger.unlogged(_OUTCOME_BATCH)
        if not rows:
            return 0
        now_ms = self._clock.now_ms()
        events = [outcome_event(row, now_ms) for row in rows]
        while True:
            try:
                await self._emit(events)
            except LogFullError as error:
                _log.warning("the log is full; outcomes wait %.1f s", error.retry_after_s)
                await asyncio.sleep(error.retry_after_s)
            else:
                break
        await self._ledger.mark_logged([row.delivery.id for row in rows])
        return len(rows)


def _limits(settings: SenderSettings, channel: Channel) -> LaneLimits:
    schedule = RetrySchedule(
        tuple(round(s * 1000) for s in settings.retry_delays_s),
        settings.retry_jitter,
        round(settings.retry_after_max_s * 1000),
    )
    concurrency = min(settings.concurrency, channel.concurrency)
    return LaneLimits(concurrency, settings.send_timeout_s, round(settings.lease_s * 1000), schedule)
