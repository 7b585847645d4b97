"""The spool shares fsyncs, keeps its order, and refuses what it has no room for."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.spool.segments import Segments
from ingest.spool.spool import Spool
from streams.model.errors import LogClosedError, LogFullError
from streams.ports import NewRecord
from tests.unit.ingest.spool.test_segments import record


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    spool = Spool(tmp_path / "spool", 1 << 20, 65_536).open()
    yield spool
    await spool.close()


async def drained(spool: Spool) -> list[NewRecord]:
    found = []
    while (oldest := await spool.oldest()) is not None:
        found += oldest[1]
        await spool.remove(oldest[0])
    return found


async def test_writes_that_arrive_together_share_an_fsync_and_keep_their_order(spool, monkeypatch):
    syncs = []
    synced = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (syncs.append(1), synced(descriptor))[1])
    await asyncio.gather(*(spool.write([record(n)]) for n in range(50)))
    assert 1 <= len(syncs) <= 2
    assert await drained(spool) == [record(n) for n in range(50)]
    assert spool.is_empty


async def test_it_is_not_empty_while_a_write_is_under_way(spool):
    assert spool.is_empty
    writing = asyncio.create_task(spool.write([record(1)]))
    await asyncio.sleep(0)
    assert not spool.is_empty
    await writing
    assert not spool.is_empty


async def test_what_is_more_than_may_wait_is_refused(spool):
    await spool.write([record(1, 900_000)])
    with pytest.raises(LogFullError, match="at most"):
        await spool.write([record(2, 200_000)])
    assert await drained(spool) == [record(1, 900_000)]


async def test_a_full_disk_refuses_and_later_takes_again(spool, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Segments, "write", full)
        with pytest.raises(LogFullError, match="No space"):
            await spool.write([record(1)])
    await spool.write([record(2)])
    assert await drained(spool) == [record(2)]


async def test_what_was_left_is_found_before_what_comes(tmp_path):
    first = Spool(tmp_path, 1 << 20, 65_536).open()
    await first.write([record(1)])
    await first.close()
    second = Spool(tmp_path, 1 << 20, 65_536).open()
    await second.write([record(2)])
    assert (await drained(second), second.found, second.written) == ([record(1), record(2)], 1, 1)
    await second.close()


async def test_a_closed_spool_says_so(tmp_path):
    spool = Spool(tmp_path, 1 << 20, 65_536).open()
    await spool.close()
    await spool.close()
    with pytest.raises(LogClosedError):
        await spool.write([record(1)])
