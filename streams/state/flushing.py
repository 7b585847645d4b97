"""What a flush writes: everything that changed since the last one, as records that become visible together."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from streams.frames import encode_rollups
from streams.log import topics
from streams.model.ids import partition_for
from streams.model.rollups import ROLLUP_BUCKET_MS, Rollup, RollupBatch, Sketch
from streams.model.rules_in_force import RulesInForce
from streams.model.triggers import Trigger
from streams.ports import NewRecord
from streams.state import codec
from streams.state.partition import Partition
from streams.state.record_sizes import parts

_encode = msgspec.msgpack.Encoder().encode


class Flush(NamedTuple):
    """`records` go into one commit. Then `moves` are appended, as (partition of the events topic, frame). `offset` is
    the frame up to which this makes everything durable, `events` how many events that took.
    """

    records: list[NewRecord]
    moves: list[tuple[int, bytes]]
    offset: int
    clock_ms: int
    events: int


def has_output(partition: Partition) -> bool:
    """Say whether a flush would write more than the commit record."""
    return (
        not partition.is_settled()
        or partition.profiles.is_dirty()
        or bool(partition.triggers)
        or bool(partition.dead_letters)
        or bool(partition.alerts)
        or bool(partition.outbox)
        or partition.rules.is_dirty()
        or partition.erasures.is_dirty
        or partition.totals.is_dirty(partition.clock_ms)
        or partition.clock_ms // ROLLUP_BUCKET_MS > partition.published_ms // ROLLUP_BUCKET_MS
    )


def take_flush(partition: Partition, partitions: int) -> Flush:
    """Return what makes everything applied so far durable; the partition may go on at once."""
    partition.settle()
    number, clock_ms = partition.number, partition.clock_ms
    outputs = [_trigger_record(number, t) for t in partition.triggers]
    outputs += [NewRecord(topics.DEAD_LETTERS, number, None, _encode(d), d.at_ms) for d in partition.dead_letters]
    outputs += [
        NewRecord(topics.ALERTS, partition_for(a.workspace, "", partitions), a.id.encode(), _encode(a), a.at_ms)
        for a in partition.alerts
    ]
    partition.triggers, partition.dead_letters, partition.alerts = [], [], []
    changes = partition.profiles.take_dirty()
    totals = partition.totals.take_changes(clock_ms)
    changes.update(totals.records)
    outputs += _rollup_records(partition, totals.rollups, totals.sketches, partitions)
    changes.update(partition.seen_chunks.take_records())
    rules = partition.rules.take_changes()
    outputs += [_in_force_record(partition, key) for key in rules]
    changes |= rules
    moves = partition.outbox.take_frames(clock_ms)
    changes |= _unsent_changes(partition, moves)
    commit = codec.Commit(
        partition.offset, clock_ms, partition.seen_chunks.mark(), partition.outbox.sent, partition.outbox.taken
    )
    changes[codec.COMMIT_KEY] = codec.encode_commit(commit)
    changes.update(dict.fromkeys(partition.obsolete))
    changes |= partition.erasures.take_records()
    partition.obsolete = []
    partition.published_ms = clock_ms
    partition.profiles.flushed(changes)
    record = tuple.__new__
    state = [record(NewRecord, (topics.STATE, number, key, value, clock_ms)) for key, value in changes.items()]
    events, partition.events = partition.events, 0
    return Flush(outputs + state, moves, partition.offset, clock_ms, events)


def _unsent_changes(partition: Partition, moves: list[tuple[int, bytes]]) -> dict[bytes, bytes | None]:
    """Keep the moves until the next commit, and forget those of the last."""
    kept = parts(moves, lambda move: len(move[1]))
    records = {codec.unsent_key(number): codec.encode_unsent(part) for number, part in enumerate(kept)}
    gone = dict.fromkeys(key for key in partition.unsent_keys if key not in records)
    partition.unsent_keys = tuple(records)
    return gone | records


def _trigger_record(number: int, trigger: Trigger) -> NewRecord:
    return NewRecord(topics.TRIGGERS, number, trigger.id.encode(), _encode(trigger), trigger.at_ms)


def _in_force_record(partition: Partition, key: bytes) -> NewRecord:
    """Tell those who only want to know, in few bytes, what the state topic keeps among everything else."""
    name = key.removeprefix(codec.RULES_PREFIX)
    rules, workspace = partition.rules, name.decode()
    now = RulesInForce(workspace, partition.number, rules.revision(workspace), rules.quarantined(workspace))
    return NewRecord(topics.RULES_IN_FORCE, partition.number, name, _encode(now), partition.clock_ms)


def _rollup_records(
    partition: Partition, rollups: list[Rollup], sketches: list[Sketch], partitions: int
) -> list[NewRecord]:
    """Send each workspace's totals to the one partition that watches it; the clock to all at each bucket's end."""
    targets: dict[int, tuple[list[Rollup], list[Sketch]]] = {}
    if partition.clock_ms // ROLLUP_BUCKET_MS > partition.published_ms // ROLLUP_BUCKET_MS:
        targets = {target: ([], []) for target in range(partitions)}
    for workspace, totals in _by_workspace(rollups).items():
        targets.setdefault(partition_for(workspace, "", partitions), ([], []))[0].extend(totals)
    for sketch in sketches:
        targets.setdefault(partition_for(sketch.workspace, "", partitions), ([], []))[1].append(sketch)
    return [
        NewRecord(topics.ROLLUPS, target, None, encode_rollups(batch), partition.clock_ms)
        for target, (totals, made) in targets.items()
        for batch in _batches(partition, totals, made)
    ]


def _by_workspace(rollups: list[Rollup]) -> dict[str, list[Rollup]]:
    found: dict[str, list[Rollup]] = {}
    for rollup in rollups:
        workspace = rollup.series.workspace
        totals = found.get(workspace)
        if totals is None:
            found[workspace] = [rollup]
        else:
            totals.append(rollup)
    return found


def _batches(partition: Partition, totals: list[Rollup], sketches: list[Sketch]) -> Iterator[RollupBatch]:
    """Yield batches of a size that the log takes. Only the last tells the time: all totals of a time come before it."""
    cut = list(parts(totals, _size_of_total)) or [[]]
    made = list(parts(sketches, _size_of_sketch))
    early = [RollupBatch(partition.number, partition.published_ms, tuple(part)) for part in cut[:-1]]
    early += [RollupBatch(partition.number, partition.published_ms, (), tuple(part)) for part in made[:-1]]
    yield from early
    yield RollupBatch(partition.number, partition.clock_ms, tuple(cut[-1]), tuple(made[-1] if made else ()))


def _size_of_total(total: Rollup) -> int:
    s = total.series
    return 4 * (len(s.workspace) + len(s.event) + len(s.campaign) + len(s.source) + len(s.currency)) + 48


def _size_of_sketch(sketch: Sketch) -> int:
    return len(sketch.body) + 4 * (len(sketch.workspace) + len(sketch.name)) + 64
