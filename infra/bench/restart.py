"""Many profiles: what they take in memory, and how soon a worker is ready again, with its local copy and without."""

import shutil
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from infra.bench.cores import Cores
from infra.bench.engine_run import as_message, reset_topics, wait_for_quiet, wait_until, workers_on
from infra.bench.kafka_run import KafkaRun
from infra.bench.platform import PlatformError, Usage
from infra.bench.r1.encode import frames
from infra.bench.r1.generator import START_MS, R1Event, events
from infra.bench.r1.rules import r1_rules
from infra.bench.worker import EngineWorker

_READY_S = 120.0
_LIMIT_S = 300.0
_EVENTS_EACH = 2
_SAMPLES = 10_000
_FRAME_EVENTS = 500
_MIB = 1 << 20


def measure_restart(kafka: KafkaRun, cores: Cores, partitions: int, profiles: int) -> dict[str, Any]:
    """Return memory a profile and seconds until ready. Raises PlatformError."""
    reset_topics(kafka, partitions, with_events=True)
    stream = crowd(profiles)
    count = profiles * _EVENTS_EACH
    packed = frames(stream, partitions, _FRAME_EVENTS, START_MS + count)
    kafka.fill(map(as_message, packed), "lz4")
    with workers_on(kafka, r1_rules(), partitions, cores._replace(workers=cores.workers[:1])) as workers:
        worker = workers[0]
        worker.start()
        worker.wait_for_mark(_READY_S)
        empty = _usage(worker)
        wait_until(workers, lambda marks: marks[-1].events >= count, _LIMIT_S)
        wait_for_quiet(kafka)
        full = _usage(worker)
        worker.stop()
        local_s = _ready_after(worker)
        reloaded = _usage(worker)
        worker.kill()
        killed_s = _ready_after(worker)
        worker.stop()
        shutil.rmtree(worker.data, ignore_errors=True)
        changelog_s = _ready_after(worker)
        from_changelog = _usage(worker)
        worker.stop()
    return {
        "profiles": profiles,
        "events": count,
        "rss_mib": {
            "empty": round(empty.rss_mib),
            "full": round(full.rss_mib),
            "most": round(full.max_rss_mib),
            "after_restart": round(reloaded.rss_mib),
            "after_changelog": round(from_changelog.rss_mib),
        },
        "rss_bytes_per_profile": round((full.rss_mib - empty.rss_mib) * _MIB / profiles),
        "ready_s": {
            "local_copy": round(local_s, 2),
            "local_copy_after_kill": round(killed_s, 2),
            "changelog": round(changelog_s, 2),
        },
    }


def crowd(profiles: int) -> Iterator[R1Event]:
    """Yield some events of each of `profiles` people: what R1's people do, but nobody more than another."""
    samples = cycle(list(events(_SAMPLES)))
    for number in range(profiles * _EVENTS_EACH):
        who = f"p{number % profiles:07d}"
        yield next(samples)._replace(id=f"{number:032x}", profile=who, at_ms=START_MS + number)


def _ready_after(worker: EngineWorker) -> float:
    """Start the worker and return the seconds until it has loaded all partitions."""
    worker.start()
    return worker.wait_for_mark(_READY_S).at_s - worker.started_s


def _usage(worker: EngineWorker) -> Usage:
    usage = worker.usage()
    if usage is None:
        raise PlatformError("memory can only be measured where there is /proc")
    return usage
