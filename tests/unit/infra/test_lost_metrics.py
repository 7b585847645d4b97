"""What happens when somebody deletes the file of the charts' totals."""

import os
from pathlib import Path

import pytest

from infra.clock import SystemClock
from infra.data_dir import DataDir
from infra.settings import Settings
from infra.wiring import Listeners, build_sinks, open_stores
from streams.log.topics import ROLLUPS
from streams.model.rollups import Rollup, Series

TOTAL = Rollup(Series("w", "purchase", "", "web", "USD"), 0, 0, 0, 1, 9.5)


@pytest.fixture(autouse=True)
def umask_stays(monkeypatch):
    monkeypatch.setattr(os, "umask", lambda _: 0o022)


async def place_after_start(path: Path, *stored: Rollup) -> int:
    """Return where the metrics' writer goes on in the first partition, where it had been at record 7."""
    settings, data = Settings(), DataDir(path)
    stores = await open_stores(settings, data)
    try:
        await stores.log.commit("metrics", ROLLUPS, {0: 7})
        await stores.metrics.write(stored)

        async def put(_: object) -> None:
            raise AssertionError("nothing is sent")

        sinks = await build_sinks(settings, stores, SystemClock(), put, Listeners())
        for reader in (sinks.dispatcher, sinks.alert_routes):
            await reader.close()
        sinks.metrics_writer.stop()
        await sinks.metrics_writer.run()
        return (await stores.log.committed("metrics", ROLLUPS))[0]
    finally:
        await stores.close()
        data.release()


async def test_a_lost_file_is_filled_again_from_the_log(tmp_path):
    assert await place_after_start(tmp_path) == 0


async def test_totals_that_are_there_are_not_read_again(tmp_path):
    assert await place_after_start(tmp_path, TOTAL) == 7
