"""What only the embedded log has: a file that outlives the process, retention, a fixed partition count."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from streams.log import retention
from streams.log.embedded import EmbeddedEventLog
from streams.log.topics import EVENTS, STATE, TOPICS
from streams.model.errors import ConfigurationError, LogFullError
from streams.ports import NewRecord

DAY_MS = 86_400_000


async def opened(path, **settings) -> EmbeddedEventLog:
    return await EmbeddedEventLog(path, 2, **settings).open()


def record(value: bytes | None, at_ms: int = 0, topic: str = EVENTS, key: bytes | None = None) -> NewRecord:
    return NewRecord(topic, 0, key, value, at_ms)


async def test_records_offsets_and_groups_survive_reopening(tmp_path):
    log = await opened(tmp_path / "log.db")
    await log.append([record(b"a"), record(b"b")])
    await log.commit("group", EVENTS, {0: 1})
    await log.close()
    again = await opened(tmp_path / "log.db")
    assert await again.append([record(b"c")]) == [2]
    assert await again.committed("group", EVENTS) == {0: 1}
    await again.close()


async def test_a_log_that_is_reopened_is_the_same_one(tmp_path):
    found = []
    for _ in range(2):
        log = await opened(tmp_path / "log.db")
        found.append(log.identity())
        await log.close()
    assert found[0] == found[1]


async def test_another_partition_count_is_refused_with_the_remedy(tmp_path):
    await (await opened(tmp_path / "log.db")).close()
    with pytest.raises(ConfigurationError, match=r"fixed at installation"):
        await EmbeddedEventLog(tmp_path / "log.db", 3).open()


async def test_records_past_their_age_go_and_offsets_go_on(tmp_path):
    log = await opened(tmp_path / "log.db")
    await log.append([record(b"old", 0), record(b"new", 40 * DAY_MS)])
    await log.purge(41 * DAY_MS)
    assert await log.bounds(EVENTS, 0) == (1, 2)
    await log.close()


async def test_the_oldest_records_go_when_a_partition_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setitem(TOPICS, EVENTS, TOPICS[EVENTS]._replace(retention_bytes=1_000))
    log = await opened(tmp_path / "log.db")
    await log.append([record(b"x" * 400) for _ in range(5)])
    await log.purge(0)
    assert await log.bounds(EVENTS, 0) == (3, 5)
    await log.close()


async def test_a_topic_may_fill_one_partition_with_its_whole_size(tmp_path, monkeypatch):
    monkeypatch.setitem(TOPICS, EVENTS, TOPICS[EVENTS]._replace(retention_bytes=2_000))
    log = await opened(tmp_path / "log.db")
    await log.append([record(b"x" * 400) for _ in range(5)])
    assert await log.purge(0) == 0
    await log.close()


async def test_purging_goes_on_until_nothing_is_past_its_age(tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "SLICE_RECORDS", 3)
    log = await opened(tmp_path / "log.db")
    await log.append([record(b"old", 0) for _ in range(20)] + [record(b"new", 40 * DAY_MS)])
    await log.purge(41 * DAY_MS)
    assert await log.bounds(EVENTS, 0) == (20, 21)
    await log.close()


async def test_removing_what_a_group_has_not_read_is_said_aloud(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(TOPICS, EVENTS, TOPICS[EVENTS]._replace(retention_bytes=1_000))
    log = await opened(tmp_path / "log.db")
    await log.commit("slow readers", EVENTS, {0: 1})
    await log.append([record(b"x" * 400) for _ in range(5)])
    await log.purge(0)
    assert "slow readers has not read" in caplog.text
    await log.close()


async def test_what_the_engine_writes_is_taken_when_the_door_is_shut(tmp_path):
    log = await opened(tmp_path / "log.db", max_pending_records=2)
    assert len(await log.append([record(b"x", topic=STATE, key=b"%d" % n) for n in range(3)])) == 3
    await log.close()


async def test_commits_wait_for_the_disk(tmp_path):
    log = await opened(tmp_path / "log.db")
    synchronous, journal = log._reader.execute("PRAGMA synchronous"), log._reader.execute("PRAGMA journal_mode")
    assert (synchronous.fetchone()[0], journal.fetchone()[0]) == (2, "wal")
    await log.close()


async def test_tombstones_are_purged_from_a_compacted_topic(tmp_path):
    log = await opened(tmp_path / "log.db")
    await log.append([record(b"1", topic=STATE, key=b"a"), record(None, topic=STATE, key=b"a")])
    await log.append([record(b"2", topic=STATE, key=b"b")])
    await log.purge(0)
    assert [r.key for r in await log.read(STATE, 0, 0, 10)] == [b"b"]
    await log.close()


async def test_more_than_the_bound_is_refused_with_a_time_to_wait(tmp_path):
    log = await opened(tmp_path / "log.db", max_pending_records=2)
    with pytest.raises(LogFullError) as refused:
        await log.append([record(b"x")] * 3)
    assert refused.value.retry_after_s > 0
    await log.close()


async def test_what_the_engine_commits_is_not_bound_by_what_waits(tmp_path):
    log = await opened(tmp_path / "log.db", max_pending_records=2)
    writer = await log.open_writer("p0")
    await writer.commit([record(b"x")] * 3)
    assert await log.bounds(EVENTS, 0) == (0, 3)
    await log.close()


async def test_a_commit_that_fails_leaves_nothing_behind(tmp_path):
    log = await opened(tmp_path / "log.db")
    writer = await log.open_writer("p0")
    with pytest.raises(Exception, match="type"):
        await writer.commit([record(b"a"), NewRecord(STATE, 0, b"k", object(), 0)])
    assert await log.bounds(EVENTS, 0) == (0, 0)
    await writer.commit([record(b"b")])
    assert [r.value for r in await log.read(EVENTS, 0, 0, 10)] == [b"b"]
    await log.close()


async def test_on_a_full_disk_a_commit_says_so_and_works_later(tmp_path):
    log = await opened(tmp_path / "log.db")
    writer = await log.open_writer("p0")
    await log._submit(lambda db: db.execute("PRAGMA max_page_count = 50").fetchone())
    with pytest.raises(LogFullError) as refused:
        await writer.commit([record(bytes(4_096)) for _ in range(100)])
    assert refused.value.retry_after_s > 0
    await writer.commit([record(b"small")])
    assert [r.value for r in await log.read(EVENTS, 0, 0, 10)] == [b"small"]
    await log.close()


async def test_an_append_that_fails_leaves_no_gap(tmp_path):
    log = await opened(tmp_path / "log.db")
    with pytest.raises(Exception, match="type"):
        await log.append([record(b"a"), NewRecord(EVENTS, 0, None, object(), 0)])
    assert await log.append([record(b"b")]) == [0]
    await log.close()


async def test_what_append_returned_survives_kill_9(tmp_path):
    program = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from streams.log.embedded import EmbeddedEventLog
        from streams.log.topics import EVENTS
        from streams.ports import NewRecord

        async def main():
            log = await EmbeddedEventLog(Path(sys.argv[1]), 2).open()
            while True:
                [offset] = await log.append([NewRecord(EVENTS, 0, None, b"x" * 100, 0)])
                print(offset, flush=True)

        asyncio.run(main())
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "log.db")], stdout=subprocess.PIPE, text=True
    )
    acknowledged = [int(child.stdout.readline()) for _ in range(200)]
    os.kill(child.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in child.stdout.read().split("\n") if line.strip()]
    child.wait()
    child.stdout.close()
    log = await opened(tmp_path / "log.db")
    assert len(await log.read(EVENTS, 0, 0, 1_000_000)) >= len(acknowledged)
    await log.close()
