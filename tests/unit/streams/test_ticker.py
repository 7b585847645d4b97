"""The ticker: time goes on in the log, but not before front doors could hand over what came while the log was away."""

import asyncio
from collections.abc import Sequence

from streams.agents.ticker import run_ticker
from streams.frames import decode
from streams.model.errors import LogFullError
from streams.ports import NewRecord
from tests.virtual_time import run_in_virtual_time


class LoopClock:
    """Tells the loop's own time, from an hour after 1970 on."""

    def now_ms(self) -> int:
        return 3_600_000 + round(asyncio.get_running_loop().time() * 1000)


class Log:
    """Away from `gone_s` to `back_s`: refuses, or keeps the append until it is back."""

    def __init__(self, gone_s: float = 0, back_s: float = 0, *, waits: bool = False) -> None:
        self.taken: list[tuple[float, int, int]] = []
        """(second, partition, told second) of each tick."""
        self._away = gone_s, back_s
        self._waits = waits

    def partitions(self, _topic: str) -> int:
        return 2

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        loop, (gone_s, back_s) = asyncio.get_running_loop(), self._away
        if gone_s <= loop.time() < back_s:
            if not self._waits:
                raise LogFullError("away", 1.0)
            await asyncio.sleep(back_s - loop.time())
        for record in records:
            told_ms = decode(record.value or b"").clock_ms
            self.taken.append((round(loop.time(), 1), record.partition, max(0, told_ms - 3_600_000) // 1000))
        return [0] * len(records)

    def told_after(self, second: float) -> list[tuple[float, int]]:
        """Return (second, told second) of the ticks of partition 0 from then on that moved its clock."""
        told, newest = [], -1
        for at_s, partition, told_s in self.taken:
            if partition == 0 and told_s > newest:
                newest = told_s
                told.append((at_s, told_s))
        return [one for one in told if one[0] >= second]


def ticked(log: Log, seconds: float, grace_s: float = 30.0, *, may_be_back: bool = False) -> Log:
    async def run() -> None:
        ticker = run_ticker(log, LoopClock(), 1_000, lambda: (0, 1), grace_s, may_be_back=may_be_back)
        task = asyncio.create_task(ticker)
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_in_virtual_time(run())
    return log


def test_every_partition_is_told_the_time_every_second():
    log = ticked(Log(), 3.5)
    assert [(partition, told_s) for _, partition, told_s in log.taken] == [(p, s) for s in range(4) for p in (0, 1)]


def test_a_log_that_refuses_is_given_time_once_it_is_back():
    log = ticked(Log(10, 70), 110)
    assert log.told_after(10)[0] == (101.0, 101)


def test_a_log_that_lets_wait_is_given_time_once_it_is_back():
    log = ticked(Log(10, 70, waits=True), 110)
    # The tick that waited tells the time at which it was sent.
    assert [told_s for _, told_s in log.told_after(10)[:2]] == [10, 102]


def test_a_log_that_stumbles_is_not_away():
    log = ticked(Log(10, 12, waits=True), 20)
    assert log.told_after(10)[:2] == [(12.0, 10), (13.0, 13)]


def test_after_a_start_that_may_follow_an_outage_time_waits_as_well():
    log = ticked(Log(), 40, may_be_back=True)
    assert log.told_after(0.1)[0] == (31.0, 31)


def test_without_grace_time_goes_on_with_the_first_tick_that_is_taken():
    log = ticked(Log(10, 70), 80, grace_s=0)
    assert log.told_after(10)[0] == (71.0, 71)
