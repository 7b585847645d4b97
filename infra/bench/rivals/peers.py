"""Runs one rival on a feed, watched from outside, and checks what it said."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from infra.bench.cores import start_on
from infra.bench.kafka_run import KafkaRun
from infra.bench.marks import pace_between, read_marks
from infra.bench.platform import usage_of
from infra.bench.r1 import oracle
from infra.bench.r1.verify import said_by_rival
from infra.bench.rivals.environments import RivalUnavailableError
from infra.bench.rivals.feed import Feed
from infra.bench.rivals.rival_kit import Task

_QUIET_S = 2.0
_STOP_S = 20.0
_LOG_TAIL_CHARS = 500
_PROGRAMS = Path(__file__).parent


class Rival(NamedTuple):
    """How a rival is started. `state` in an argument stands for the run's folder."""

    title: str
    environment: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str]


_FAUST = ("worker", "-l", "warn", "--without-web")
_BYTEWAX = ("-m", "bytewax.run", "bytewax_flow.__main__:flow", "-r", "{state}", "-s", "10", "-b", "0")
RIVALS: Mapping[str, Rival] = {
    "faust": Rival("Faust, idiomatic", "faust", (str(_PROGRAMS / "faust_plain" / "__main__.py"), *_FAUST), {}),
    "bytewax": Rival("Bytewax, hand-written stateful operators", "bytewax", _BYTEWAX, {"RIVAL_ROLLUPS": "custom"}),
    "faust_take": Rival("Faust, take(1000)", "faust", (str(_PROGRAMS / "faust_take" / "__main__.py"), *_FAUST), {}),
    "bytewax_windows": Rival("Bytewax, its windowing", "bytewax", _BYTEWAX, {"RIVAL_ROLLUPS": "windows"}),
}


def run_rival(
    kafka: KafkaRun, name: str, python: Path, feed: Feed, partitions: int, core: int | None, limit_s: float
) -> dict[str, Any]:
    """Return the figures of one run. Raises RivalUnavailableError when it ends early or is not done in `limit_s`."""
    rival = RIVALS[name]
    with tempfile.TemporaryDirectory(prefix="campaigniq-rival-") as folder:
        task = _task(kafka, name, feed, partitions, Path(folder))
        kafka.make_topics({task.triggers: False, task.metrics: False}, partitions)
        run = _Run(kafka, rival, python, task, Path(folder))
        broker_before, load_before = kafka.cpu_s(), os.getloadavg()[0]
        try:
            max_rss_mib = run.finish(core, limit_s)
            broker_cpu_s = kafka.cpu_s() - broker_before
            written = sum(kafka.ends(t for t in kafka.topics() if task.run in t).values())
            said = said_by_rival(*([orjson.loads(m) for m in kafka.read(t)] for t in (task.triggers, task.metrics)))
        finally:
            run.end()
            kafka.drop_topics(t for t in kafka.topics() if task.run in t)
        pace = pace_between(read_marks(Path(task.meter)), feed.events)
        if pace is None:
            raise RivalUnavailableError("it wrote no marks")
    return {
        "events_per_s_core": round(pace.events_per_s),
        "events_per_cpu_s": round(pace.events_per_cpu_s),
        "differences": feed.differences(said),
        "records_written_per_event": round(written / feed.events, 2),
        "broker_cpu_s": round(broker_cpu_s, 1),
        "max_rss_mib": max_rss_mib,
        "load": round(load_before, 1),
    }


class _Run:
    """The rival's process."""

    def __init__(self, kafka: KafkaRun, rival: Rival, python: Path, task: Task, folder: Path) -> None:
        self._kafka = kafka
        self._task = task
        self._log = folder / "log"
        self._python = str(python)
        self._command = [self._python, *(a.format(state=task.state) for a in rival.arguments)]
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
        }
        self._environment |= {"PYTHONPATH": str(_PROGRAMS), **task.to_environment(), **rival.variables}
        self._process: subprocess.Popen[bytes] | None = None
        if rival.environment == "bytewax":
            subprocess.run([self._python, "-m", "bytewax.recovery", task.state, "1"], check=True)  # noqa: S603

    def finish(self, core: int | None, limit_s: float) -> int:
        """Let it do all events and write what it has to; return the most memory that it held, in MiB."""
        self._process = start_on(core, self._command, self._environment, self._log)
        deadline = time.monotonic() + limit_s
        max_rss_mib = 0.0
        while not self._is_done():
            has_ended = self._process.poll() is not None
            if has_ended or time.monotonic() > deadline:
                reason = "ended early" if has_ended else f"was not done within {limit_s:.0f} s"
                raise RivalUnavailableError(f"it {reason}: {self._last_words()}")
            usage = usage_of(self._process.pid)
            max_rss_mib = max(max_rss_mib, usage.max_rss_mib if usage else 0)
            time.sleep(0.1)
        self._wait_for_quiet()
        return round(max_rss_mib)

    def end(self) -> None:
        """Stop it, gently at first."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _is_done(self) -> bool:
        marks = read_marks(Path(self._task.meter))
        return bool(marks) and marks[-1].events >= self._task.events

    def _wait_for_quiet(self) -> None:
        """Wait until nothing more is written, which some do long after they have counted an event as done."""
        last: dict[str, int] = {}
        while (now := self._kafka.ends((self._task.triggers, self._task.metrics))) != last:
            last = now
            time.sleep(_QUIET_S)

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-_LOG_TAIL_CHARS:].strip()


def _task(kafka: KafkaRun, name: str, feed: Feed, partitions: int, folder: Path) -> Task:
    state = folder / "state"
    state.mkdir()
    return Task(
        run=f"{name}-{time.monotonic_ns() % 10**9}",
        broker=kafka.bootstrap,
        topic=feed.topic,
        partitions=partitions,
        events=feed.events,
        state=str(state),
        meter=str(folder / "marks"),
        points=dict(oracle.POINTS),
        half_life_s=oracle.HALF_LIFE_MS / 1000,
        cart_s=oracle.CART_MS / 1000,
        bucket_s=oracle.BUCKET_MS // 1000,
        tiers=(oracle.WARM, oracle.HOT),
    )
