"""What an erasure does to the workers' local copies, and what the engine makes of places that erasures left empty."""

import msgspec
import pytest

from streams import frames
from streams.agents.stage import EventsStage
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.control import Control, ControlKind
from streams.model.erasure import Erase
from streams.model.errors import LostFramesError
from streams.model.events import Event, ProfileKeys
from streams.model.ids import partition_for
from streams.model.rules.ruleset import RuleSet
from streams.ports import NewRecord
from streams.state import codec
from streams.state.copy import MemoryCopy
from streams.state.erasing import read_mark
from streams.state.loading import Shape
from streams.state.local_copy import LocalCopy

T = 1_790_000_000_000
PARTITIONS = 2
NAME = "analytical-engine"
HERS = partition_for("d", f"user:{NAME}", PARTITIONS)


def frame(name: str) -> bytes:
    event = Event(f"m-{name}", "d", "web", f"user:{name}", "page_viewed", T, T, ProfileKeys(user_id=name))
    return frames.encode_events([event], T)


def erase() -> bytes:
    body = msgspec.msgpack.encode(Erase("er_1", (f"user:{NAME}",)))
    return frames.encode_control(Control(ControlKind.ERASE, "d", 0, body), T)


class Worker:
    def __init__(self, log: MemoryEventLog, folder) -> None:
        self.folder = folder
        self.copies = LocalCopy.open(folder, cache_bytes=8 << 20, source="log")
        self.stage = EventsStage(log, Shape(PARTITIONS, RuleSet()), self.copies.partition)

    async def owns(self, *numbers: int) -> None:
        self.stage.assign(set(numbers))
        await self.stage.settle()

    async def flush(self, offset: int) -> int:
        """Let time go on, and flush as often as it takes for the copy to follow."""
        for _ in range(4):
            offset += 1
            await self.stage.apply(HERS, offset, frames.encode_tick(T + offset), 0)
            await self.stage.flush()
        return offset

    def tells(self) -> list[str]:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [path.name for path in files if NAME.encode() in path.read_bytes()]


async def purged_at(log: MemoryEventLog) -> int:
    records = await log.read(topics.STATE, HERS, 0, 10_000)
    marks = [read_mark(record.value) for record in records if record.key == codec.ERASED_KEY and record.value]
    return marks[-1][1] if marks else 0


async def test_a_worker_writes_its_local_copy_anew_and_says_so(tmp_path):
    log = MemoryEventLog(PARTITIONS)
    worker = Worker(log, tmp_path / "one")
    await worker.owns(0, 1)
    await worker.stage.apply(HERS, 0, frame(NAME), 0)
    await worker.stage.settle()
    await worker.stage.flush()
    await worker.stage.apply(HERS, 1, erase(), 0)
    assert await purged_at(log) == 0
    await worker.flush(1)
    assert (await purged_at(log), worker.tells()) == (2, [])
    worker.copies.close()


async def test_a_worker_drops_what_it_had_of_partitions_that_others_have_now(tmp_path):
    log = MemoryEventLog(PARTITIONS)
    worker, other = Worker(log, tmp_path / "one"), Worker(log, tmp_path / "two")
    await worker.owns(HERS)
    await worker.stage.apply(HERS, 0, frame(NAME), 0)
    await worker.stage.flush()
    # The partition goes to another worker, with which it is erased; this one keeps a copy on its disk.
    await worker.owns(1 - HERS)
    await other.owns(HERS)
    await other.stage.apply(HERS, 1, erase(), 0)
    await other.flush(1)
    assert worker.copies.partition(HERS).get(codec.profile_key("d", f"user:{NAME}"))
    await worker.stage.apply(1 - HERS, 0, erase(), 0)
    for offset in range(1, 5):
        await worker.stage.apply(1 - HERS, offset, frames.encode_tick(T + offset), 0)
        await worker.stage.flush()
    assert (worker.tells(), other.tells()) == ([], [])
    worker.copies.close()
    other.copies.close()


async def test_a_worker_that_was_away_during_an_erasure_reads_its_partition_anew(tmp_path):
    log = MemoryEventLog(PARTITIONS)
    worker = Worker(log, tmp_path / "one")
    await worker.owns(HERS)
    await worker.stage.apply(HERS, 0, frame(NAME), 0)
    await worker.owns()
    # The topic has forgotten by now that the profile was deleted: all that is left is that somebody was erased.
    state = await log.read(topics.STATE, HERS, 0, 10_000)
    key = codec.profile_key("d", f"user:{NAME}")
    forgetful = MemoryEventLog(PARTITIONS)
    for record in state:
        empty = record.key == key
        kept = b"z:" if empty else record.key
        await forgetful.append([NewRecord(topics.STATE, HERS, kept, None if empty else record.value, T)])
    mark = NewRecord(
        topics.STATE, HERS, codec.ERASED_KEY, bytes([codec.VERSION]) + bytes(7) + b"\x02" + bytes(7) + b"\x02", T
    )
    await forgetful.append([mark])
    worker.stage = EventsStage(forgetful, Shape(PARTITIONS, RuleSet()), worker.copies.partition)
    await worker.owns(HERS)
    assert not worker.stage.partitions[HERS].profiles.holds(f"d\x1fuser:{NAME}")
    assert worker.tells() == []
    worker.copies.close()


class GappedLog(MemoryEventLog):
    """Reads as if the places in `gone` held nothing."""

    gone: frozenset[int] = frozenset()

    async def read(self, topic, partition, offset, max_records):
        records = await super().read(topic, partition, offset, max_records + len(self.gone))
        found = [r for r in records if topic != topics.EVENTS or r.offset not in self.gone]
        return found[:max_records]


async def started(log: MemoryEventLog) -> EventsStage:
    stage = EventsStage(log, Shape(1, RuleSet()), lambda _: MemoryCopy())
    stage.assign({0})
    await stage.settle()
    return stage


async def test_places_that_an_erasure_left_empty_are_no_lost_frames():
    log = GappedLog(1)
    await log.append([NewRecord(topics.EVENTS, 0, None, frame(str(n)), T) for n in range(4)])
    log.gone = frozenset({1, 2})
    stage = await started(log)
    await stage.apply(0, 0, frame("0"), 0)
    await stage.apply(0, 3, frame("3"), 0)
    assert stage.partitions[0].offset == 3


async def test_frames_that_are_there_and_were_passed_over_still_are():
    log = GappedLog(1)
    await log.append([NewRecord(topics.EVENTS, 0, None, frame(str(n)), T) for n in range(4)])
    log.gone = frozenset({1})
    stage = await started(log)
    await stage.apply(0, 0, frame("0"), 0)
    with pytest.raises(LostFramesError):
        await stage.apply(0, 3, frame("3"), 0)
