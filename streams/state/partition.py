"""One partition of the engine: frames in, records to write out. Deterministic; does no I/O of its own but loading."""

import heapq
import logging
from typing import NamedTuple

import msgspec

from streams.frames import Frame, FrameKind, encode_rollups
from streams.log import topics
from streams.model.dead_letters import DeadLetter
from streams.model.events import Event
from streams.model.ids import partition_for
from streams.model.rollups import Rollup, RollupBatch
from streams.model.triggers import Trigger
from streams.operators.pipeline import Pipeline
from streams.operators.rollups import Cell, Totals
from streams.operators.seen import SeenIds, digest_of
from streams.ports import EventLog, NewRecord
from streams.state import codec
from streams.state.profile_store import ProfileStore

logger = logging.getLogger(__name__)

SEEN_CHUNK_IDS = 256
_LOAD_RECORDS = 5_000
_encode = msgspec.msgpack.Encoder().encode


class Flush(NamedTuple):
    """What a flush writes: all of `outputs` must be durable before `state` is appended."""

    outputs: list[NewRecord]
    state: list[NewRecord]


class Partition:
    """Applies frames in offset order. After `take_flush` is durable, call `mark_flushed`."""

    def __init__(self, number: int, partitions: int, pipeline: Pipeline) -> None:
        self.number = number
        self.clock_ms = 0
        self.offset = -1
        self.committed_offset = -1
        self.is_whole = True
        self.events = 0
        self.duplicates = 0
        self.profiles = ProfileStore()
        self._partitions = partitions
        self._pipeline = pipeline
        self._totals = Totals(number)
        self._seen = SeenIds()
        self._seen_written: dict[int, int] = {}
        # Keys that a commit no longer needs go with the flush after it: a flush cut short must not lose what the
        # commit before it still counts on.
        self._dropped: list[bytes] = []
        self._tombstones: list[bytes] = []
        self._timers: list[tuple[int, str, str]] = []
        self._triggers: list[Trigger] = []
        self._poison: list[DeadLetter] = []
        self._published_clock_ms = 0

    async def load(self, log: EventLog) -> None:
        """Read the partition's state back from the state topic."""
        cells, offset = [], 0
        seen: dict[int, dict[int, bytes]] = {}
        commit = codec.Commit(-1, 0, {})
        profiles = []
        while records := await log.read(topics.STATE, self.number, offset, _LOAD_RECORDS):
            offset = records[-1].offset + 1
            for record in records:
                if record.key is None or record.value is None:
                    continue
                if codec.is_profile_key(record.key):
                    profiles.append(codec.decode_profile(record.value))
                elif record.key.startswith(b"r:"):
                    cells.append(codec.decode_cell(record.value))
                elif record.key.startswith(b"s:"):
                    day, chunk = codec.parse_seen_key(record.key)
                    seen.setdefault(day, {})[chunk] = record.value
                elif record.key == codec.commit_key():
                    commit = codec.decode_commit(record.value)
        self.offset = self.committed_offset = commit.applied_offset
        self.clock_ms = self._published_clock_ms = commit.clock_ms
        for profile in profiles:
            self.profiles.restore(profile, commit.applied_offset)
            self._schedule(profile.workspace, profile.id, self._pipeline.next_timer(profile))
        self._totals.restore(cells, commit.applied_offset)
        for day, count in commit.seen_counts.items():
            digests = b"".join(chunk for _, chunk in sorted(seen.get(day, {}).items()))
            self._seen.restore(day, digests[: count * 8])
            self._seen_written[day] = count

    def apply(self, offset: int, frame: Frame) -> None:
        """Apply the frame at `offset`; frames that the committed state includes are skipped."""
        if offset <= self.committed_offset:
            return
        # A fault in the middle leaves the partition torn, and a torn one must never be flushed.
        self.is_whole = False
        if frame.kind is FrameKind.EVENTS:
            for event in frame.events:
                self._apply_event(event, offset)
        self._advance(frame.clock_ms)
        self._totals.evict(self.clock_ms)
        self._forget_days()
        self.offset = offset
        self.is_whole = True

    def skip(self, offset: int) -> None:
        """Pass over a record that is no frame."""
        self.offset = max(self.offset, offset)

    def has_output(self) -> bool:
        """Say whether a flush would write more than the commit record."""
        return (
            self.profiles.is_dirty()
            or self._totals.is_dirty()
            or bool(self._triggers)
            or bool(self._poison)
            or self._bucket(self.clock_ms) > self._bucket(self._published_clock_ms)
        )

    def take_flush(self) -> Flush:
        """Return what makes everything applied so far durable."""
        changed = self._totals.changed()
        outputs = [self._trigger_record(t) for t in self._triggers]
        outputs += [NewRecord(topics.DEAD_LETTERS, self.number, None, _encode(d), d.at_ms) for d in self._poison]
        outputs += self._rollup_records(changed)
        state = self.profiles.records(topics.STATE, self.number, self.offset, self.clock_ms)
        state += [self._state(key, None) for key in self._tombstones]
        for rollup in changed:
            state.append(self._state(codec.cell_key(rollup), codec.encode_value(Cell(rollup, self.offset))))
        state += self._seen_records()
        commit = codec.Commit(self.offset, self.clock_ms, self._seen.counts())
        # Last: who sees the commit record sees all that it promises.
        state.append(self._state(codec.commit_key(), codec.encode_value(commit)))
        return Flush(outputs, state)

    def mark_flushed(self) -> None:
        """Note that the last `take_flush` is durable."""
        self.committed_offset = self.offset
        self._published_clock_ms = self.clock_ms
        self._triggers.clear()
        self._poison.clear()
        self._tombstones = self._dropped + [codec.cell_key(r) for r in self._totals.evicted()]
        self._dropped = []
        self._totals.mark_published()
        self._seen_written = self._seen.counts()
        self.profiles.mark_written()

    def _apply_event(self, event: Event, offset: int) -> None:
        self._advance(event.received_ms)
        if not self._seen.add(digest_of(event.workspace, event.profile, event.id), self.clock_ms):
            self.duplicates += 1
            return
        self.events += 1
        self._totals.add(event, offset, self.clock_ms)
        if self.profiles.includes(event.workspace, event.profile, offset):
            return
        before = self.profiles.get(event.workspace, event.profile)
        try:
            after, triggers = self._pipeline.on_event(before, event, self.clock_ms)
        except Exception as error:
            # One event that an operator can't take must not stop the partition; it is kept for repair.
            logger.exception("event %s was dead-lettered", event.id)
            self._bury(event.workspace, event.source, error, _encode(event))
            return
        self.profiles.put(after)
        self._triggers += triggers
        due_ms = self._pipeline.next_timer(after)
        if due_ms != self._pipeline.next_timer(before):
            self._schedule(event.workspace, event.profile, due_ms)

    def _advance(self, to_ms: int) -> None:
        if to_ms <= self.clock_ms:
            return
        timers = self._timers
        while timers and timers[0][0] <= to_ms:
            due_ms, workspace, profile = heapq.heappop(timers)
            before = self.profiles.get(workspace, profile)
            if self._pipeline.next_timer(before) != due_ms:
                continue
            # The clock stands at the due time while its timers run, so a replay cut differently gives the same.
            self.clock_ms = max(self.clock_ms, due_ms)
            try:
                after, triggers = self._pipeline.on_timer(before, self.clock_ms)
            except Exception as error:
                # The timer is gone, the profile stays as it was: the next event may set another.
                logger.exception("a timer of profile %s was dead-lettered", profile)
                self._bury(workspace, "", error, codec.encode_profile(before))
                continue
            self.profiles.put(after)
            self._triggers += triggers
            self._schedule(workspace, profile, self._pipeline.next_timer(after))
        self.clock_ms = to_ms

    def _schedule(self, workspace: str, profile: str, due_ms: int) -> None:
        if due_ms:
            heapq.heappush(self._timers, (due_ms, workspace, profile))

    def _bury(self, workspace: str, source: str, error: Exception, raw: bytes) -> None:
        reason = f"{type(error).__name__}: {error}"
        self._poison.append(DeadLetter(workspace, source, "engine", reason, "", raw, self.clock_ms))

    def _forget_days(self) -> None:
        for day, held in self._seen.forget(self.clock_ms):
            self._dropped += [codec.seen_key(day, chunk) for chunk in range(held // SEEN_CHUNK_IDS + 1)]

    def _bucket(self, at_ms: int) -> int:
        return at_ms // self._totals.bucket_ms

    def _trigger_record(self, trigger: Trigger) -> NewRecord:
        key = f"{trigger.workspace}\x1f{trigger.profile}".encode()
        return NewRecord(topics.TRIGGERS, self.number, key, _encode(trigger), trigger.at_ms)

    def _rollup_records(self, changed: list[Rollup]) -> list[NewRecord]:
        """Send each workspace's totals to the one partition that watches it; the clock to all at each bucket's end."""
        by_target: dict[int, list[Rollup]] = {}
        if self._bucket(self.clock_ms) > self._bucket(self._published_clock_ms):
            by_target = {target: [] for target in range(self._partitions)}
        for rollup in changed:
            target = partition_for(rollup.series.workspace, "", self._partitions)
            by_target.setdefault(target, []).append(rollup)
        return [
            NewRecord(
                topics.ROLLUPS,
                target,
                None,
                encode_rollups(RollupBatch(self.number, self.clock_ms, tuple(rollups))),
                self.clock_ms,
            )
            for target, rollups in by_target.items()
        ]

    def _seen_records(self) -> list[NewRecord]:
        records = []
        for day, count in self._seen.counts().items():
            written = self._seen_written.get(day, 0)
            if count == written:
                continue
            for chunk in range(written // SEEN_CHUNK_IDS, (count - 1) // SEEN_CHUNK_IDS + 1):
                digests = self._seen.slice(day, chunk * SEEN_CHUNK_IDS, (chunk + 1) * SEEN_CHUNK_IDS)
                records.append(self._state(codec.seen_key(day, chunk), digests))
        return records

    def _state(self, key: bytes, value: bytes | None) -> NewRecord:
        return NewRecord(topics.STATE, self.number, key, value, self.clock_ms)
