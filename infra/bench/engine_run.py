"""One measured run of the engine's workers on R1, and what of their output differs from the oracle's."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from infra.bench.cores import Cores
from infra.bench.kafka_run import KafkaRun, Message
from infra.bench.marks import Mark, pace_between, together
from infra.bench.platform import PlatformError
from infra.bench.r1.encode import PackedFrame, SigningIn, frames, to_event
from infra.bench.r1.generator import end_ms, events
from infra.bench.r1.oracle import CART_MS, Outcome, expected
from infra.bench.r1.profiles import RulesProfile
from infra.bench.r1.rules import encoded, full_rules, r1_rules
from infra.bench.r1.verify import differences, said_by_engine
from infra.bench.worker import EngineWorker
from streams.log.topics import EVENTS, ROLLUPS, STATE, TOPICS, TRIGGERS
from streams.model.rules.ruleset import RuleSet

_QUIET_S = 1.0
_POLL_S = 0.1


class Workload(NamedTuple):
    """What the events topic holds, which rules there are, and what must come out."""

    events: int
    partitions: int
    rules: RuleSet
    outcome: Outcome
    checked: tuple[str, ...]


def fill_events(kafka: KafkaRun, count: int, partitions: int, frame_events: int, profile: RulesProfile) -> Workload:
    """Make all topics and append R1, with a tick at the end that lets every window close."""
    reset_topics(kafka, partitions, with_events=True)
    until_ms = end_ms(count) + CART_MS
    is_full = profile is RulesProfile.FULL
    packed = frames(events(count), partitions, frame_events, until_ms, SigningIn() if is_full else to_event)
    kafka.fill(map(as_message, packed), "lz4")
    # Who a trigger is for depends on when ids were joined, so of the full rules only the totals are predicted here.
    checked = ("rollups",) if is_full else ("tiers", "carts", "rollups")
    rules = full_rules() if is_full else r1_rules()
    return Workload(count, partitions, rules, expected(events(count), until_ms), checked)


def as_message(frame: PackedFrame) -> Message:
    """Return the frame as a record of the events topic."""
    return Message(EVENTS, frame.partition, frame.data, None, frame.at_ms)


def reset_topics(kafka: KafkaRun, partitions: int, *, with_events: bool) -> None:
    """Empty all topics of the installation, and what consumers have committed; the events only if asked for."""
    names = {name: topic.compacted for name, topic in TOPICS.items() if with_events or name != EVENTS}
    kafka.drop_topics(names)
    kafka.forget_groups()
    kafka.make_topics(names, partitions)


@contextmanager
def workers_on(kafka: KafkaRun, rules: RuleSet, partitions: int, cores: Cores) -> Iterator[list[EngineWorker]]:
    """Give workers, not yet started, that share a group; they are ended on leaving."""
    with tempfile.TemporaryDirectory(prefix="campaigniq-bench-") as folder:
        rules_file = Path(folder) / "rules.json"
        rules_file.write_bytes(encoded(rules))
        made = [
            EngineWorker(kafka.bootstrap, Path(folder) / f"worker-{number}", rules_file, partitions, core)
            for number, core in enumerate(cores.workers)
        ]
        try:
            yield made
        finally:
            for worker in made:
                worker.kill()


def run_engine(kafka: KafkaRun, load: Workload, cores: Cores, limit_s: float) -> dict[str, Any]:
    """Let workers do all that the events topic holds, from nothing, and return the figures. Raises PlatformError."""
    broker_before, load_before = kafka.cpu_s(), os.getloadavg()[0]
    with workers_on(kafka, load.rules, load.partitions, cores) as workers:
        for worker in workers:
            worker.start()
        marks = wait_until(workers, lambda marks: bool(marks) and marks[-1].events >= load.events, limit_s)
        wait_for_quiet(kafka)
        usages = [worker.usage() for worker in workers]
        broker_cpu_s = kafka.cpu_s() - broker_before
        for worker in workers:
            worker.stop()
    pace = pace_between(marks, load.events)
    if pace is None:
        raise PlatformError("the worker wrote too few marks to tell its pace; give it more events")
    found = differences(said_by_engine(kafka.read(TRIGGERS), kafka.read(ROLLUPS)), load.outcome)
    written = kafka.ends((TRIGGERS, ROLLUPS, STATE))
    reset_topics(kafka, load.partitions, with_events=False)
    return {
        "events_per_s_core": round(pace.events_per_s),
        "events_per_cpu_s": round(pace.events_per_cpu_s),
        "differences": {name: count for name, count in found.items() if name in load.checked},
        "records_written": written,
        "broker_cpu_s": round(broker_cpu_s, 1),
        "worker_cpu_s": round(sum(usage.cpu_s for usage in usages if usage), 1),
        "max_rss_mib": round(sum(usage.max_rss_mib for usage in usages if usage)),
        "load": round(load_before, 1),
    }


def wait_until(workers: list[EngineWorker], is_over: Callable[[list[Mark]], bool], limit_s: float) -> list[Mark]:
    """Return all workers' marks together once `is_over` says so of them. Raises PlatformError."""
    deadline = time.monotonic() + limit_s
    while not is_over(marks := together([worker.marks() for worker in workers])):
        for worker in workers:
            worker.check()
        if time.monotonic() > deadline:
            reached = marks[-1].events if marks else 0
            raise PlatformError(f"{reached} events done after {limit_s:.0f} s: {workers[0].last_words()}")
        time.sleep(_POLL_S)
    return marks


def wait_for_quiet(kafka: KafkaRun) -> None:
    """Wait until nothing more is written: the last tick closes many windows at once."""
    last: dict[str, int] = {}
    while (now := kafka.ends((TRIGGERS, STATE))) != last:
        last = now
        time.sleep(_QUIET_S)
