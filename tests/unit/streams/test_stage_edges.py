"""The stage where partitions change hands and things break in the middle: nothing is lost, nobody is thrown out."""

import asyncio

from streams import frames
from streams.agents.stage import EventsStage
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.control import Control, ControlKind
from streams.model.events import Event, ProfileKeys
from streams.model.rules.ruleset import RuleSet
from streams.operators.rollups import Rollups
from streams.ports import LogWriter, NewRecord
from streams.state import codec
from streams.state.copy import MemoryCopy
from streams.state.loading import Shape

T = 1_790_000_000_000
TICK = frames.encode_tick(T + 1_000)


def frame(*names: str) -> bytes:
    events = [
        Event(f"m-{name}", "d", "web", f"user:{name}", "page_viewed", T, T, ProfileKeys(user_id=name)) for name in names
    ]
    return frames.encode_events(events, T)


async def owner(log: MemoryEventLog) -> EventsStage:
    stage = EventsStage(log, Shape(1, RuleSet()), lambda _: MemoryCopy())
    stage.assign({0})
    await stage.settle()
    return stage


async def counted(log: MemoryEventLog, *names: str) -> dict[str, int]:
    profiles = (await owner(log)).partitions[0].profiles
    return {name: profiles.get(f"d\x1fuser:{name}").facts.events for name in names}


async def test_a_profile_that_does_not_decode_costs_its_own_events_only():
    log = MemoryEventLog(1)
    damaged = b"\x02" + bytes(8) + b"\xc1damaged"
    await log.append([NewRecord(topics.STATE, 0, codec.profile_key("d", "user:bad"), damaged, T)])
    stage = await owner(log)
    control = frames.encode_control(Control(ControlKind.RELEASE, "d", 1, b"x"), T)
    for offset, value in enumerate([frame("ada", "bad", "bob"), control, TICK]):
        await stage.apply(0, offset, value, 0)
    await stage.flush()
    letters = await log.read(topics.DEAD_LETTERS, 0, 0, 10)
    assert await counted(log, "ada", "bob") == {"ada": 1, "bob": 1}
    assert [b"m-bad" in (letter.value or b"") for letter in letters] == [True]


async def test_a_partition_that_goes_while_a_frame_is_tried_again_leaves_nothing_half_done(monkeypatch):
    log = MemoryEventLog(1)
    stage = await owner(log)
    await stage.apply(0, 0, frame("ada"), 0)
    add_all = Rollups.add_all

    def fails_at_one(self, events, offset, clock_ms):
        if offset == 1:
            raise MemoryError
        add_all(self, events, offset, clock_ms)

    with monkeypatch.context() as patch:
        patch.setattr(Rollups, "add_all", fails_at_one)
        await stage._flushing.acquire()
        applying = asyncio.create_task(stage.apply(0, 1, frame("bob", "cyd"), 0))
        await asyncio.sleep(0)
        stage.assign(())
        settling = asyncio.create_task(stage.settle())
        await asyncio.sleep(0)
        stage._flushing.release()
        await asyncio.gather(applying, settling)
    after = await owner(log)
    start = after.partitions[0].offset + 1
    for offset, value in list(enumerate([frame("ada"), frame("bob", "cyd")]))[start:]:
        await after.apply(0, offset, value, 0)
    await after.flush()
    assert await counted(log, "ada", "bob", "cyd") == {"ada": 1, "bob": 1, "cyd": 1}


class SlowToOpen(MemoryEventLog):
    """Opens a partition's writer only when it may."""

    def __init__(self) -> None:
        super().__init__(1)
        self.opened: list[str] = []
        self.is_opening = asyncio.Event()
        self.may_open = asyncio.Event()

    async def open_writer(self, name: str) -> LogWriter:
        writer = await super().open_writer(name)
        self.opened.append(name)
        self.is_opening.set()
        await self.may_open.wait()
        return writer


async def test_a_partition_that_goes_while_it_is_loaded_is_not_kept():
    log = SlowToOpen()
    stage = EventsStage(log, Shape(1, RuleSet()), lambda _: MemoryCopy())
    stage.assign({0})
    loading = asyncio.create_task(stage.settle())
    await log.is_opening.wait()
    stage.assign(())
    log.may_open.set()
    await loading
    assert stage.places == {}


async def test_a_partition_that_has_gone_before_its_turn_is_never_opened():
    log = SlowToOpen()
    stage = EventsStage(log, Shape(1, RuleSet()), lambda _: MemoryCopy())
    await stage._opening.acquire()
    stage.assign({0})
    loading = asyncio.create_task(stage.settle())
    await asyncio.sleep(0)
    stage.assign(())
    stage._opening.release()
    await loading
    assert log.opened == []


async def test_events_made_durable_are_counted_when_their_partition_has_gone():
    stage = await owner(MemoryEventLog(1))
    await stage.apply(0, 0, frame("ada", "bob"), 0)
    stage.assign(())
    await stage.settle()
    assert (stage.places, stage.durable_events()) == ({}, 2)
