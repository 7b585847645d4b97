"""The batcher says yes only after the append, keeps order, shares appends, and refuses rather than loses."""

import asyncio

import pytest
from msgspec.structs import replace

from ingest.batcher import Batcher
from ingest.recent_ids import RecentIds
from ingest.settings import IngestSettings
from ingest.tallies import Audit
from streams.log.topics import EVENTS
from streams.model.errors import LogClosedError, LogFullError
from streams.model.events import Event, ProfileKeys
from streams.model.ids import partition_for
from tests.unit.ingest.fake_log import FakeClock, FakeLog


def event(number: int, profile: str = "user:u", size: int = 0) -> Event:
    properties = {"pad": "x" * size} if size else {}
    return Event(f"m{number}", "ws", "src", profile, "thing", 1, 1, ProfileKeys("u"), properties=properties)


async def test_put_returns_only_after_the_append(log: FakeLog, batcher: Batcher):
    log.gate.clear()
    put = asyncio.create_task(batcher.put([event(1)]))
    await log.asked.wait()
    assert not put.done()
    log.gate.set()
    await put
    assert log.events() == [event(1)]


async def test_what_arrives_during_an_append_shares_the_next(log: FakeLog, batcher: Batcher):
    log.gate.clear()
    first = asyncio.create_task(batcher.put([event(0)]))
    await log.asked.wait()
    others = [asyncio.create_task(batcher.put([event(n)])) for n in range(1, 50)]
    await asyncio.sleep(0)
    log.gate.set()
    await asyncio.gather(first, *others)
    assert [len(records) for records in log.appends] == [1, 1]
    assert [e.id for e in log.events()] == [f"m{n}" for n in range(50)]


async def test_events_go_to_the_partition_of_their_profile(log: FakeLog, batcher: Batcher, clock: FakeClock):
    await batcher.put([event(n, f"user:{n}") for n in range(20)])
    record = log.records[EVENTS, partition_for("ws", "user:3", 4)][0]
    assert b"user:3" in record.value
    assert record.timestamp_ms == clock.ms


async def test_frames_are_bounded_in_events_and_bytes(log: FakeLog, clock: FakeClock):
    batcher = Batcher(log, clock, IngestSettings(linger_ms=0, max_frame_events=10, max_frame_bytes=4_096))
    await batcher.start()
    await batcher.put([event(n) for n in range(25)])
    await batcher.put([event(100 + n, size=3_000) for n in range(3)])
    await batcher.stop()
    assert [len(records) for records in log.appends] == [3, 3]


async def test_full_log_fails_exactly_the_puts_of_its_append(log: FakeLog, batcher: Batcher):
    log.fault = LogFullError("disk", 7)
    with pytest.raises(LogFullError):
        await batcher.put([event(1)])
    log.fault = None
    await batcher.put([event(2)])
    assert [e.id for e in log.events()] == ["m2"]


async def test_too_much_waiting_is_refused_at_once(log: FakeLog, clock: FakeClock):
    batcher = Batcher(log, clock, IngestSettings(linger_ms=0, max_pending_bytes=1_048_576))
    await batcher.start()
    log.gate.clear()
    first = asyncio.create_task(batcher.put([event(1, size=700_000)]))
    await log.asked.wait()
    with pytest.raises(LogFullError):
        await batcher.put([event(2, size=700_000)])
    log.gate.set()
    await first
    await batcher.stop()
    assert batcher.snapshot() == {
        "accepted": 1, "appended": 1, "spooled": 0, "rejected": 1, "failed": 0, "batches": 1, "frames": 1,
        "unframed": 0, "pending_bytes": 0,
    }  # fmt: skip


async def test_unexpected_fault_fails_callers_and_surfaces(log: FakeLog, clock: FakeClock, settings: IngestSettings):
    batcher = Batcher(log, clock, settings)
    await batcher.start()
    log.fault = OSError("disk on fire")
    with pytest.raises(LogClosedError):
        await batcher.put([event(1)])
    with pytest.raises(OSError, match="on fire"):
        await batcher.join()
    with pytest.raises(LogClosedError):
        await batcher.put([event(2)])


async def test_stop_appends_what_waits_and_refuses_what_comes(log: FakeLog, batcher: Batcher):
    log.gate.clear()
    puts = [asyncio.create_task(batcher.put([event(n)])) for n in range(5)]
    await log.asked.wait()
    stopping = asyncio.create_task(batcher.stop())
    await asyncio.sleep(0)
    with pytest.raises(LogClosedError):
        await batcher.put([event(9)])
    log.gate.set()
    await asyncio.gather(stopping, *puts)
    assert len(log.events()) == 5


async def test_caller_that_goes_away_takes_nothing_with_it(log: FakeLog, batcher: Batcher):
    log.gate.clear()
    put = asyncio.create_task(batcher.put([event(1)]))
    await log.asked.wait()
    put.cancel()
    log.gate.set()
    await batcher.put([event(2)])
    assert [e.id for e in log.events()] == ["m1", "m2"]


async def test_a_repeat_of_what_is_durable_is_left_out_and_counted(log: FakeLog, batcher: Batcher):
    await batcher.put([event(1), event(2)])
    await batcher.put([event(2), event(3)])
    await batcher.put([event(1)])
    assert [e.id for e in log.events()] == ["m1", "m2", "m3"]
    tally = batcher.tallies.of("src")
    assert (tally.accepted, tally.appended, tally.duplicate) == (5, 3, 2)


async def test_the_same_id_of_somebody_else_is_no_repeat(log: FakeLog, batcher: Batcher):
    await batcher.put([event(1)])
    await batcher.put([event(1, "user:v")])
    assert len(log.events()) == 2


async def test_an_event_whose_append_failed_is_no_repeat_when_it_comes_again(log: FakeLog, batcher: Batcher):
    log.fault = LogFullError("disk", 7)
    with pytest.raises(LogFullError):
        await batcher.put([event(1)])
    log.fault = None
    await batcher.put([event(1)])
    assert [e.id for e in log.events()] == ["m1"]


async def test_ids_are_remembered_in_bounded_memory():
    recent = RecentIds(1_000)
    for n in range(10_000):
        recent.add_all([n])
    assert 500 <= len(recent) <= 1_000
    assert 9_999 in recent
    assert 0 not in recent


async def test_one_source_leaves_half_of_the_room_to_others(log: FakeLog, clock: FakeClock):
    batcher = Batcher(log, clock, IngestSettings(linger_ms=0, max_pending_bytes=1_048_576))
    await batcher.start()
    log.gate.clear()
    puts = [asyncio.create_task(batcher.put([event(n, size=120_000)])) for n in range(8)]
    await log.asked.wait()
    await asyncio.sleep(0)
    other = asyncio.create_task(batcher.put([replace(event(99, size=400_000), source="other")]))
    await asyncio.sleep(0)
    refused = [put for put in puts if put.done()]
    assert (len(refused), other.done()) == (4, False)
    log.gate.set()
    outcomes = await asyncio.gather(*puts, other, return_exceptions=True)
    assert sum(isinstance(outcome, LogFullError) for outcome in outcomes) == 4
    await batcher.stop()


async def test_however_many_sources_flood_a_quiet_one_finds_room(log: FakeLog, clock: FakeClock):
    batcher = Batcher(log, clock, IngestSettings(linger_ms=0, max_pending_bytes=1_048_576))
    await batcher.start()
    log.gate.clear()
    floods = [replace(event(n, size=30_000), source=f"flood {n % 4}") for n in range(80)]
    puts = [asyncio.create_task(batcher.put([one])) for one in floods]
    await log.asked.wait()
    await asyncio.sleep(0)
    quiet = asyncio.create_task(batcher.put([replace(event(99, size=30_000), source="quiet")]))
    await asyncio.sleep(0)
    assert any(put.done() for put in puts)
    assert not quiet.done()
    log.gate.set()
    await asyncio.gather(*puts, quiet, return_exceptions=True)
    assert quiet.exception() is None
    await batcher.stop()


async def test_the_books_are_right_at_every_moment(log: FakeLog, batcher: Batcher):
    log.gate.clear()
    puts = [asyncio.create_task(batcher.put([event(n), event(n + 100)])) for n in range(5)]
    await log.asked.wait()
    assert (batcher.tallies.of("src").accepted, batcher.tallies.of("src").appended, batcher.drift()) == (10, 0, {})
    log.fault = LogFullError("disk", 7)
    log.gate.set()
    await asyncio.gather(*puts, return_exceptions=True)
    assert (batcher.tallies.of("src").failed, batcher.drift()) == (10, {})


async def test_an_event_that_is_missing_from_the_books_is_told_once_and_not_ready(batcher: Batcher, caplog):
    audit = Audit(batcher.drift)
    assert audit.state() == "ready"
    batcher.tallies.of("src").accepted += 3
    audit.check()
    audit.check()
    assert audit.state() == "3 events are not accounted for"
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_caller_that_can_not_be_told_keeps_nobody_else_from_being_told(batcher: Batcher, caplog):
    told: list[Exception | None] = []

    def fails(_: Exception | None) -> None:
        raise ZeroDivisionError("inside")

    batcher.put_soon([event(1)], fails)
    batcher.put_soon([event(2)], told.append)
    await batcher.put([event(3)])
    assert (told, batcher.drift(), batcher.pending_bytes) == ([None], {}, 0)
    assert "could not be told" in caplog.text
