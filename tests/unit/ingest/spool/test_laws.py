"""Whatever the log, the process and the order of events do: what was acknowledged is in the log, in order."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import intake as intake_module
from streams.model.errors import LogFullError
from tests.unit.ingest.spool.outage import PARTITIONS, Door, StormyLog, Weather

CRASH, PAUSE = "crash", "pause"
STEPS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, PARTITIONS - 1), st.integers(1, 4), st.sampled_from([1, 3_000, 70_000])),
    st.sampled_from(Weather),
    st.sampled_from([CRASH, PAUSE]),
)


async def live(steps: list[object], folder: Path) -> None:
    log, number = StormyLog(patience_s=0.05), 0
    acknowledged: list[tuple[int, bytes]] = []
    door = Door(log, folder)
    for step in steps:
        match step:
            case ("put", int(partition), int(count), int(size)):
                values = [b"%d " % (number + n) + b"x" * size for n in range(count)]
                number += count
                try:
                    await door.put(*values, partition=partition)
                except LogFullError:
                    continue
                acknowledged += [(partition, value) for value in values]
            case Weather():
                log.weather = step
            case "crash":
                await door.crash()
                door = Door(log, folder)
            case "pause":
                await asyncio.sleep(0.01)
    log.weather = Weather.FAIR
    await door.until_direct()
    await door.put(b"last", partition=0)
    await door.until_direct()  # a busy machine may have made that append late as well
    acknowledged.append((0, b"last"))
    for partition in range(PARTITIONS):
        due = [value for at, value in acknowledged if at == partition]
        arrived = list(dict.fromkeys(r.value for r in log.kept if r.partition == partition))
        assert [value for value in arrived if value in set(due)] == due
    spool = door.spool
    assert spool.found + spool.written == spool.drained
    assert spool.quarantine() == (0, 0)
    await door.stop()


@pytest.mark.timeout(300)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=2, max_size=14))
def test_each_acknowledged_record_arrives_in_order_through_any_failures_and_crashes(monkeypatch, steps):
    monkeypatch.setattr(intake_module, "LOOK_S", 0.002)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(steps, Path(folder)))
