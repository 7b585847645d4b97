"""The single pass: the log as it was recorded, through one fresh partition after the other, without Kafka, Faust, flush
by flush or any fault. What it says is what must have come out.

Moves that this pass makes are dropped, since the log holds them; that both are the same is one of the comparisons.
Batches that were sent twice lie in the log twice, and a partition takes each number once.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from streams.frames import decode, encode_tick
from streams.log import topics
from streams.model.errors import FrameError
from streams.model.moves import Move
from streams.operators.rollups import STATE_PREFIXES, Rollups
from streams.ports import NewRecord
from streams.state import codec
from streams.state.copy import MemoryCopy
from streams.state.flushing import take_flush
from streams.state.loading import Shape, new_partition
from streams.state.partition import Partition
from tests.chaos.records import Record, newest_by_key, read

FRAMES_A_FLUSH = 500
_TICK = encode_tick(0)[:4]
TotalKey = tuple[Any, ...]


@dataclass
class Outcome:
    """What came out of one partition, or must have."""

    state: dict[bytes, bytes] = field(default_factory=dict)
    triggers: Counter[bytes] = field(default_factory=Counter)
    dead_letters: Counter[bytes] = field(default_factory=Counter)
    alerts: Counter[bytes] = field(default_factory=Counter)
    totals: dict[TotalKey, tuple[int, float]] = field(default_factory=dict)
    sketches: dict[TotalKey, bytes] = field(default_factory=dict)
    moves: dict[int, list[Move]] = field(default_factory=dict)
    events: int = 0
    duplicates: int = 0
    frames: int = 0
    repeated_batches: int = 0

    @property
    def commit(self) -> codec.Commit:
        found = self.state.get(codec.COMMIT_KEY)
        return codec.decode_commit(found) if found else codec.Commit(-1, 0)

    def rollups(self, number: int) -> Rollups:
        """Return the open totals and sketches that the state holds."""
        restored = Rollups(number)
        restored.restore({key: value for key, value in self.state.items() if key[:2] in STATE_PREFIXES})
        return restored

    def take(self, record: NewRecord | Record, topic: str) -> None:
        """Take what the engine wrote to one of its topics."""
        value = record.value or b""
        if topic == topics.TRIGGERS:
            self.triggers[value] += 1
        elif topic == topics.DEAD_LETTERS:
            self.dead_letters[value] += 1
        elif topic == topics.ALERTS:
            self.alerts[value] += 1
        elif topic == topics.ROLLUPS:
            self._take_rollups(value)

    def _take_rollups(self, value: bytes) -> None:
        batch = decode(value).rollups
        assert batch is not None
        for total in batch.rollups:
            key = (total.series, total.bucket_ms, total.partition, total.part)
            self.totals[key] = (total.count, total.value)
        for s in batch.sketches:
            name = (s.kind, s.workspace, s.dimension, s.name, s.currency, s.hour_ms, s.partition, s.part)
            self.sketches[name] = s.body


def written(bootstrap: str, partitions: int) -> tuple[list[Outcome], Outcome]:
    """Return what the workers wrote: each partition's state, and all that goes out, together."""
    states = [Outcome(state=newest_by_key(bootstrap, topics.STATE, number)) for number in range(partitions)]
    told = Outcome()
    for topic in (topics.TRIGGERS, topics.DEAD_LETTERS, topics.ROLLUPS, topics.ALERTS):
        for number in range(partitions):
            for record in read(bootstrap, topic, number):
                told.take(record, topic)
    return states, told


def single_pass(bootstrap: str, number: int, shape: Shape, until: int) -> tuple[Outcome, dict[int, list[Move]]]:
    """Apply the partition's frames up to offset `until`; return what came of it and the moves in the log, by sender."""
    outcome = Outcome()
    partition = new_partition(number, MemoryCopy(), shape)
    arrived: dict[int, list[Move]] = {}
    for record in read(bootstrap, topics.EVENTS, number):
        if record.offset > until:
            break
        outcome.frames += 1
        _apply(partition, record, arrived, outcome)
        if outcome.frames % FRAMES_A_FLUSH == 0:
            _flush(partition, shape.partitions, outcome)
    _flush(partition, shape.partitions, outcome)
    outcome.duplicates = partition.duplicates
    return outcome, arrived


def waiting_after(bootstrap: str, number: int, offset: int) -> int:
    """Return how many records there are beyond `offset` that are no ticks."""
    tail = read(bootstrap, topics.EVENTS, number, offset + 1)
    return sum((record.value or b"")[:4] != _TICK for record in tail)


def _apply(partition: Partition, record: Record, arrived: dict[int, list[Move]], outcome: Outcome) -> None:
    value = record.value or b""
    try:
        frame = decode(value)
    except FrameError as error:
        partition.bury("", "", str(error), value)
        partition.skip(record.offset)
        return
    if frame.moves is not None:
        known = arrived.setdefault(frame.moves.partition, [])
        assert frame.moves.first <= len(known) + 1, "numbers of moves were left out"
        fresh = frame.moves.moves[len(known) - frame.moves.first + 1 :]
        outcome.repeated_batches += not fresh
        known += fresh
    partition.apply(record.offset, frame, record.timestamp_ms)


def _flush(partition: Partition, partitions: int, outcome: Outcome) -> None:
    flush = take_flush(partition, partitions)
    partition.seen.mark_written()
    outcome.events += flush.events
    for record in flush.records:
        if record.topic != topics.STATE:
            outcome.take(record, record.topic)
        elif record.key is not None and record.value is not None:
            outcome.state[record.key] = record.value
        elif record.key is not None:
            outcome.state.pop(record.key, None)
    for target, data in flush.moves:
        batch = decode(data).moves
        assert batch is not None
        outcome.moves.setdefault(target, []).extend(batch.moves)
