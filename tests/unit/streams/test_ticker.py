"""Readiness follows what the log takes, not what was asked of it."""

from streams.agents import ticker
from streams.agents.ticker import Pulse


async def test_a_log_that_takes_ticks_is_ready():
    assert Pulse(1_000).state() == "ready"


async def test_a_log_that_takes_nothing_is_not_ready_until_the_next_beat(monkeypatch):
    monkeypatch.setattr(ticker, "LATE_S", -1.0)
    silent = Pulse(500)
    assert silent.state().startswith("has taken no record for")
    monkeypatch.undo()
    beating = Pulse(500)
    beating.beat()
    assert beating.state() == "ready"
