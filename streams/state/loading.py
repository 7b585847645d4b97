"""Bringing a partition back: the local copy, then what the state topic holds beyond it."""

import logging
from pathlib import Path
from typing import NamedTuple

from streams.log import topics
from streams.model.errors import FrameError
from streams.model.rules.ruleset import RuleSet
from streams.operators.rollups import STATE_PREFIXES, Rollups
from streams.operators.rulebook import RuleBook
from streams.operators.seen_ids import SeenIds
from streams.ports import EventLog, LogRecord
from streams.state import codec, codec_v1
from streams.state.copy import StateCopy
from streams.state.outbox import Outbox
from streams.state.partition import Partition
from streams.state.profile_store import DEFAULT_HOT_PROFILES, ProfileStore
from streams.state.seen_files import SeenFolder

logger = logging.getLogger(__name__)

MAX_COPY_AGE_MS = 6 * 3_600_000
"""Compaction drops a tombstone after a day, and what it deleted would live on in a copy that never saw it."""
_READ_RECORDS = 10_000


class Shape(NamedTuple):
    """What all partitions of an engine have in common. `seen_dir` holds a folder of remembered ids per partition."""

    partitions: int
    rules: RuleSet
    hot_profiles: int = DEFAULT_HOT_PROFILES
    seen_dir: Path | None = None


def new_partition(number: int, copy: StateCopy, shape: Shape) -> Partition:
    """Return the partition as if nothing had happened yet."""
    return Partition(
        number,
        RuleBook(shape.rules),
        ProfileStore(copy, shape.hot_profiles),
        Rollups(number),
        SeenIds(SeenFolder(shape.seen_dir / str(number)) if shape.seen_dir else None),
        Outbox(number, shape.partitions),
    )


async def catch_up(log: EventLog, number: int, copy: StateCopy) -> int:
    """Bring the copy to the end of the partition's state topic; return how many records that took.

    The caller holds the partition's writer, so that the end is final.
    """
    _, end = await log.bounds(topics.STATE, number)
    if copy.offset() > end or (copy.offset() and await _is_old(log, number, copy)):
        copy.clear()
    offset, count = copy.offset(), 0
    while records := await log.read(topics.STATE, number, offset, _READ_RECORDS):
        offset = records[-1].offset + 1
        count += len(records)
        copy.write([(r.key, r.value) for r in records if r.key is not None], offset, records[-1].timestamp_ms)
    if end > offset:
        copy.write([], end, copy.saved_at_ms())
    return count


async def _is_old(log: EventLog, number: int, copy: StateCopy) -> bool:
    tail: list[LogRecord] = await log.read(topics.STATE, number, copy.offset(), 1)
    return bool(tail) and tail[0].timestamp_ms - copy.saved_at_ms() > MAX_COPY_AGE_MS


def restore(partition: Partition, copy: StateCopy) -> list[tuple[int, bytes]]:
    """Fill the partition from its copy; return frames whose moves may not have been appended: (partition, frame).

    Raises FrameError for state that does not decode, or is not what its commit record says.
    """
    found = copy.get(codec.COMMIT_KEY)
    commit = codec.decode_commit(found) if found else codec.Commit(-1, 0)
    partition.offset = commit.applied_offset
    partition.clock_ms = partition.settled_ms = partition.published_ms = commit.clock_ms
    partition.outbox.restore(commit.sent, commit.taken)
    partition.rules.restore(copy.scan(codec.RULES_PREFIX))
    partition.erasures.restore(copy.get(codec.ERASED_KEY))
    partition.totals.restore({key: value for prefix in STATE_PREFIXES for key, value in copy.scan(prefix)})
    if found and codec.is_version_1(found):
        # What release 0.1 knew of message ids and open totals has another form; profiles are read one by one.
        partition.obsolete = [key for prefix in codec_v1.OBSOLETE_PREFIXES for key, _ in copy.scan(prefix)]
    else:
        _restore_seen(partition, copy, commit)
    due = {}
    for key, value in copy.scan(codec.PROFILE_PREFIX):
        due_ms = codec.due_ms_of(value)
        if due_ms:
            due[key[len(codec.PROFILE_PREFIX) :].decode()] = due_ms
    partition.timers.restore(due)
    unsent = dict(copy.scan(codec.UNSENT_PREFIX))
    partition.unsent_keys = tuple(unsent)
    return [frame for value in unsent.values() for frame in codec.decode_unsent(value)]


def _restore_seen(partition: Partition, copy: StateCopy, commit: codec.Commit) -> None:
    partition.seen.resume()
    wrong: list[int] = []
    # The second time without the files of another life, which the first has found and removed.
    for _ in range(2):
        for key, value in sorted(copy.scan(codec.SEEN_PREFIX), key=lambda record: codec.parse_seen_key(record[0])):
            partition.seen_chunks.load(key, value)
        wrong = partition.seen_chunks.finish(commit.seen, commit.clock_ms)
        if not wrong:
            return
    raise FrameError(f"partition {partition.number}: message ids of the days {wrong} are not what was committed")
