"""Keeps a profile view in step with the state topic. Reads from where the view says it stands; commits nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from sinks.view.leads import ACCOUNT_PREFIX, account_row_of, is_person, row_of
from streams.log.topics import STATE
from streams.model.dead_letters import DeadLetter
from streams.model.errors import FrameError
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.model.tiers import account_model, lead_model
from streams.operators.placeholders import claimer_of
from streams.ports import AccountRow, DeadLetterSink, EventLog, LeadRow, LogRecord, ProfileView
from streams.state.codec import PROFILE_PREFIX, decode_profile, is_profile_key

_BATCH = 1_000
_WAIT_S = 0.5
_GATHER_S = 0.05


class LeadChange(NamedTuple):
    """A row that was stored, the state behind it, and the row that it replaced."""

    row: LeadRow
    state: ProfileState
    previous: LeadRow | None


OnRows = Callable[[list[LeadChange]], None]
"""Told of each batch after it is stored; must not block. Not told of what was there before the projector started."""


class ViewProjector:
    """The loop between the engine's changelog and what the API reads. `caught_up` is set once the view is no longer
    behind what the log held at the start.
    """

    def __init__(
        self,
        log: EventLog,
        view: ProfileView,
        dead_letters: DeadLetterSink,
        rules: Callable[[str], RuleSet],
        on_rows: OnRows | None = None,
    ) -> None:
        """`rules` are those in force in a workspace; it is asked for every row."""
        self._log = log
        self._view = view
        self._dead_letters = dead_letters
        self._rules = rules
        self._on_rows = on_rows
        self._stopping = asyncio.Event()
        self._at: dict[int, int] = {}
        self._announce_from: dict[int, int] = {}
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Project until `stop`. Faults of log and view surface."""
        await self._take_position()
        while not self._stopping.is_set():
            moved = [await self._project(partition) for partition in self._at]
            if all(self._at[p] >= start for p, start in self._announce_from.items()):
                self.caught_up.set()
            if not any(moved):
                await self._log.wait({(STATE, p): at for p, at in self._at.items()}, _WAIT_S)
            elif max(moved) < _BATCH:
                # What comes in a moment shares one transaction, and a profile that changed twice is written once.
                await asyncio.sleep(_GATHER_S)

    def stop(self) -> None:
        """Ask `run` to return; it does so within about half a second."""
        self._stopping.set()

    async def lag(self) -> int:
        """Return how many offsets the view is behind the log."""
        ends = {p: (await self._log.bounds(STATE, p))[1] for p in self._at}
        return sum(max(0, end - self._at[p]) for p, end in ends.items())

    async def _take_position(self) -> None:
        known = await self._view.positions()
        ends = {p: (await self._log.bounds(STATE, p))[1] for p in range(self._log.partitions(STATE))}
        if any(at > ends.get(p, 0) for p, at in known.items()):
            # The view is ahead of the log: it was projected from another one, and none of it can be trusted.
            await self._view.clear()
            known = {}
        self._at = {p: known.get(p, 0) for p in ends}
        self._announce_from = ends

    async def _project(self, partition: int) -> int:
        """Apply the partition's next records; return how many offsets that was."""
        at = self._at[partition]
        records = await self._log.read(STATE, partition, at, _BATCH)
        if not records:
            end = (await self._log.bounds(STATE, partition))[1]
            if at >= end:
                return 0
            records = await self._log.read(STATE, partition, at, _BATCH)
            if not records:
                # All that was there up to `end`, as known before reading, has been compacted away.
                self._at[partition] = end
                return end - at
        await self._apply(partition, records)
        return len(records)

    async def _apply(self, partition: int, records: list[LogRecord]) -> None:
        batch = _read(records, self._rules)
        after = records[-1].offset + 1
        if batch.letters:
            await self._dead_letters.put(batch.letters)
        # A batch without news is not worth a transaction: it is read again after a restart, cheaply.
        if batch.rows or batch.removed or batch.redirects or batch.accounts:
            rows = [row for row, _, _ in batch.rows]
            replaced = await self._view.apply(rows, {partition: after}, batch.removed, batch.redirects, batch.accounts)
            self._tell(partition, batch, replaced)
        self._at[partition] = after

    def _tell(self, partition: int, batch: "_Batch", replaced: list[LeadRow | None]) -> None:
        if self._on_rows is None:
            return
        changes = [
            LeadChange(row, state, previous)
            for (row, state, offset), previous in zip(batch.rows, replaced, strict=True)
            if offset >= self._announce_from[partition]
        ]
        if changes:
            self._on_rows(changes)


@dataclass
class _Batch:
    """What some records say: each id is in one of the lists at most."""

    rows: list[tuple[LeadRow, ProfileState, int]] = field(default_factory=list)
    """With the state and the record's offset."""
    removed: list[tuple[str, str]] = field(default_factory=list)
    redirects: list[tuple[str, str, str]] = field(default_factory=list)
    accounts: list[AccountRow] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)


def _read(records: list[LogRecord], rules: Callable[[str], RuleSet]) -> _Batch:
    """Return the last word about each id, and what can't be read."""
    newest = {r.key: r for r in records if r.key is not None and is_profile_key(r.key)}
    batch = _Batch()
    for key, record in newest.items():
        try:
            if record.value is None:
                batch.removed.append(_profile_of(key))
            else:
                _sort_in(batch, decode_profile(record.value), record.offset, rules)
        except (FrameError, ValueError) as error:
            batch.letters.append(record.as_letter("view", str(error)))
    return batch


def _sort_in(batch: _Batch, state: ProfileState, offset: int, rules: Callable[[str], RuleSet]) -> None:
    if is_person(state):
        batch.rows.append((row_of(state, lead_model(rules(state.workspace))), state, offset))
    elif state.identity.moved_to:
        batch.redirects.append((state.workspace, state.id, state.identity.moved_to))
    elif state.account is not None and state.id.startswith(ACCOUNT_PREFIX):
        batch.accounts.append(account_row_of(state, account_model(rules(state.workspace))))
    elif holder := claimer_of(state):
        batch.redirects.append((state.workspace, state.id, holder))
    else:
        # A product, or an id that holds nobody (any more).
        batch.removed.append((state.workspace, state.id))


def _profile_of(key: bytes) -> tuple[str, str]:
    """Return workspace and profile from a key of the state topic. Raises ValueError."""
    workspace, separator, profile = key.removeprefix(PROFILE_PREFIX).decode().partition("\x1f")
    if not separator:
        raise ValueError(f"key {key!r} does not name a workspace and a profile")
    return workspace, profile
