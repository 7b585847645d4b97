"""Between the door and the log: what is taken during an outage gets into the log, in order, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest import intake as intake_module
from ingest.disk import DiskWatch
from ingest.intake import SPOOLED, IntakeLog
from ingest.settings import IngestSettings
from streams.frames import encode_tick
from streams.log.topics import DEAD_LETTERS, EVENTS
from streams.model.errors import CampaignIqError, LogFullError
from streams.ports import READY, NewRecord
from tests.unit.ingest.fake_log import FakeClock, FakeLog
from tests.unit.ingest.spool.outage import Door, StormyLog, Weather

LITTLE = (1_000, 1_000_000)
PLENTY = (900_000, 1_000_000)


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch) -> None:
    monkeypatch.setattr(intake_module, "LOOK_S", 0.005)
    monkeypatch.setattr(intake_module, "IDLE_S", 0.02)


@pytest.fixture
def log() -> StormyLog:
    return StormyLog()


@pytest.fixture
async def door(log: StormyLog, tmp_path: Path) -> AsyncIterator[Door]:
    door = Door(log, tmp_path / "spool")
    yield door
    await door.stop()


def numbered(*numbers: int) -> list[bytes]:
    return [b"%d" % n for n in numbers]


async def test_in_fair_weather_nothing_touches_the_disk(door, log, tmp_path):
    assert SPOOLED not in await door.put(b"0", b"1")
    assert (log.values(), door.intake.state(), list((tmp_path / "spool").glob("*.spool"))) == ([b"0", b"1"], READY, [])


@pytest.mark.parametrize("weather", [Weather.FULL, Weather.UNKNOWN, Weather.TORN, Weather.LATE])
async def test_an_append_that_fails_or_lingers_is_spooled_and_taken_and_arrives_once_the_log_is_back(
    door, log, weather
):
    log.weather = weather
    assert await door.put(b"0", b"1") == [SPOOLED, SPOOLED]
    assert await door.put(b"2") == [SPOOLED]
    assert "events are taken" in door.intake.state() or "is back" in door.intake.state()
    log.weather = Weather.FAIR
    await door.until_direct()
    assert log.values() == numbered(0, 1, 2)
    assert (door.spool.is_empty, door.intake.state()) == (True, READY)


async def test_of_what_has_lain_in_the_spool_only_what_is_still_wanted_arrives(log, tmp_path):
    door = Door(log, tmp_path / "spool", wanted=lambda record: record._replace(value=record.value.upper()))
    await door.put(b"a")
    log.weather = Weather.FULL
    await door.put(b"b")
    log.weather = Weather.FAIR
    await door.until_direct()
    assert log.values() == [b"a", b"B"]
    await door.stop()


async def test_nothing_overtakes_the_spool_while_it_is_drained(door, log):
    log.weather = Weather.FULL
    for n in range(40):
        await door.put(b"%d" % n + b" " * 3_000)
    log.weather = Weather.FAIR
    n = 40
    while door.intake.is_spooling:
        await door.put(b"%d" % n)
        n += 1
    await door.put(b"%d" % n)
    assert [int(value) for value in log.values()] == list(range(n + 1))


async def test_ticks_wait_until_the_spool_is_empty(door, log):
    tick = [NewRecord(EVENTS, 0, None, encode_tick(1), 1)]
    log.weather = Weather.FULL
    await door.put(b"0")
    with pytest.raises(LogFullError, match="come first"):
        await door.intake.append_ticks(tick)
    log.weather = Weather.FAIR
    await door.until_direct()
    assert len(await door.intake.append_ticks(tick)) == 1


async def test_a_tick_that_fails_begins_the_outage(door, log):
    log.weather = Weather.FULL
    with pytest.raises(LogFullError, match="away"):
        await door.intake.append_ticks([NewRecord(EVENTS, 0, None, encode_tick(1), 1)])
    assert door.intake.is_spooling


async def test_an_idle_door_notices_an_outage_and_its_end_only_by_real_appends(door, log):
    log.weather = Weather.FULL
    async with asyncio.timeout(60):
        while door.intake.state() == READY:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    for _ in range(2):
        log.changed.clear()
        await log.changed.wait()
        assert door.intake.state() != READY
    log.weather = Weather.FAIR
    await door.until_direct()
    assert (door.intake.state(), log.ticks > 0, log.kept) == (READY, True, [])


async def test_a_killed_process_leaves_what_it_had_taken_and_the_next_one_drains_it_first(log, tmp_path):
    log.weather = Weather.FULL
    door = Door(log, tmp_path)
    await door.put(b"0")
    await door.crash()
    door = Door(log, tmp_path)
    assert door.intake.state() != READY
    await door.put(b"1")
    log.weather = Weather.FAIR
    await door.until_direct()
    await door.put(b"2")
    assert log.values() == numbered(0, 1, 2)
    await door.stop()


async def test_a_segment_goes_only_after_its_append_is_durable(log, tmp_path):
    log.weather = Weather.FULL
    door = Door(log, tmp_path)
    await door.put(b"0")
    for _ in range(3):
        log.changed.clear()
        await log.changed.wait()
    assert len(list(tmp_path.glob("*.spool"))) == 1
    log.weather = Weather.FAIR
    await door.until_direct()
    assert list(tmp_path.glob("*.spool")) == []
    await door.stop()


async def test_spooled_records_are_dated_when_they_reach_the_log(door, log):
    log.weather = Weather.FULL
    await door.put(b"0")
    log.weather = Weather.FAIR
    await door.until_direct()
    assert [record.timestamp_ms for record in log.kept] == [FakeClock().ms]


async def test_a_full_spool_refuses_and_keeps_what_it_has(log, tmp_path):
    door = Door(log, tmp_path, limit=1 << 20)
    log.weather = Weather.FULL
    await door.put(b"0" * 900_000)
    with pytest.raises(LogFullError):
        await door.put(b"1" * 200_000)
    log.weather = Weather.FAIR
    await door.until_direct()
    assert log.values() == [b"0" * 900_000]
    await door.stop()


async def test_what_no_log_would_ever_take_is_not_spooled(door, log):
    log.weather = Weather.FULL
    with pytest.raises(CampaignIqError, match="larger than"):
        await door.put(b"0" * (9 << 20))
    assert (await door.put(b"1"), door.spool.written) == ([SPOOLED], 1)


async def test_what_the_log_refuses_for_good_surfaces_and_stays(log, tmp_path):
    door = Door(log, tmp_path)
    log.weather = Weather.FULL
    await door.put(b"0")

    async def refuse(_: object) -> list[int]:
        raise CampaignIqError("no rights")

    log.append = refuse
    with pytest.raises(CampaignIqError, match="no rights"):
        await door.running
    assert not door.spool.is_empty
    door.running = asyncio.create_task(asyncio.sleep(0))
    await door.stop()


async def test_records_of_partitions_that_are_no_more_go_to_quarantine(log, tmp_path, caplog):
    door = Door(log, tmp_path)
    log.weather = Weather.FULL
    await door.put(b"0")
    await door.put(b"1", partition=7)
    log.weather = Weather.FAIR
    await door.until_direct()
    assert (log.values(), door.spool.quarantined, door.spool.quarantine()) == ([b"0"], 1, (1, 1))
    assert [r.levelname for r in caplog.records if r.levelname == "ERROR"] == ["ERROR"]
    await door.stop()


async def test_dead_letters_are_spooled_as_well(door, log):
    log.weather = Weather.FULL
    await door.intake.append([NewRecord(DEAD_LETTERS, 0, None, b"letter", 1)])
    log.weather = Weather.FAIR
    await door.until_direct()
    assert [(record.topic, record.value) for record in log.kept] == [(DEAD_LETTERS, b"letter")]


async def test_the_spools_own_books_are_right(log, tmp_path):
    door = Door(log, tmp_path)
    log.weather = Weather.TORN
    await door.put(*numbered(*range(9)))
    await door.crash()
    door = Door(log, tmp_path)
    await door.put(b"9")
    log.weather = Weather.FAIR
    await door.until_direct()
    spool = door.spool
    assert (spool.found + spool.written, spool.drained) == (10, 10)
    await door.stop()


async def test_too_little_disk_refuses_only_what_would_need_it(log, tmp_path):
    rooms = [LITTLE]
    disk = DiskWatch(tmp_path, 100_000, lambda _: rooms[-1])
    door = Door(log, tmp_path / "spool", disk)
    assert (door.intake.refusal(), door.intake.disk_state() == READY) == (None, False)
    log.weather = Weather.FULL
    await door.put(b"0")
    refusal = door.intake.refusal()
    assert isinstance(refusal, LogFullError)
    rooms.append(PLENTY)
    disk.look()
    assert (door.intake.refusal(), door.intake.disk_state()) == (None, READY)
    await door.stop()


async def test_the_embedded_log_is_itself_the_disk(tmp_path):
    rooms = [LITTLE]
    log, disk = FakeLog(), DiskWatch(tmp_path, 100_000, lambda _: rooms[-1])
    intake = IntakeLog(log, FakeClock(), IngestSettings(), None, disk)
    assert isinstance(intake.refusal(), LogFullError)
    assert await intake.append([NewRecord(EVENTS, 0, None, b"0", 1)]) == [0]
    log.fault = LogFullError("the disk is full", 10)
    with pytest.raises(LogFullError):
        await intake.append([NewRecord(EVENTS, 0, None, b"1", 1)])
    assert not intake.is_spooling


async def test_low_disk_is_told_once_and_ends_only_with_some_room_to_spare(tmp_path, caplog):
    rooms = [(99_000, 1_000_000)]
    disk = DiskWatch(tmp_path, 100_000, lambda _: rooms[-1])
    disk.look()
    rooms.append((110_000, 1_000_000))
    disk.look()
    assert disk.is_low
    rooms.append((130_000, 1_000_000))
    disk.look()
    assert (disk.is_low, [r.levelname for r in caplog.records]) == (False, ["ERROR", "WARNING"])


async def test_on_a_small_disk_a_tenth_is_enough(tmp_path):
    assert not DiskWatch(tmp_path, 1 << 30, lambda _: (11 << 20, 100 << 20)).is_low


async def test_without_a_spool_readiness_follows_what_the_log_takes():
    intake = IntakeLog(StormyLog(), FakeClock(), IngestSettings())
    intake._took_at_s -= 2 * intake_module.LATE_S
    assert intake.state().startswith("has taken no record for")
    await intake.append_ticks([])
    assert intake.state() != READY
    await intake.append_ticks([NewRecord(EVENTS, 0, None, encode_tick(1), 1)])
    assert intake.state() == READY


async def test_room_is_there_once_somebody_has_looked_and_found_enough(tmp_path, monkeypatch):
    monkeypatch.setattr("ingest.disk.CHECK_S", 0)
    rooms = [(10, 1 << 30), (10, 1 << 30), (1 << 29, 1 << 30)]
    disk = DiskWatch(tmp_path, 100_000, lambda _: rooms.pop(0) if len(rooms) > 1 else rooms[0])
    looking = asyncio.create_task(disk.run())
    async with asyncio.timeout(60):
        await disk.room()
    looking.cancel()
    await asyncio.wait([looking])
    assert (disk.is_low, len(rooms)) == (False, 1)
