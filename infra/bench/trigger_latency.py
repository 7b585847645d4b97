"""From an appended event to its trigger, at a steady rate, as a consumer of committed records sees it.

Open loop: each frame has its time, and delays count from then, whatever became of earlier ones. Frames are made before
the clock starts, so that making them takes nothing from broker and worker.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.bench.cores import Cores
from infra.bench.engine_run import reset_topics, workers_on
from infra.bench.kafka_run import KafkaRun
from infra.bench.latency import quantiles
from infra.bench.platform import PlatformError
from infra.bench.r1.encode import WORKSPACE, to_event
from infra.bench.r1.generator import R1Event, events
from infra.bench.r1.rules import r1_rules
from infra.clock import SystemClock
from streams.frames import encode_events
from streams.log.topics import EVENTS, TRIGGERS
from streams.model.ids import partition_for
from streams.model.triggers import Trigger

if TYPE_CHECKING:
    from streams.model.events import Event

PROBE = "probe"
"""An event that makes whoever does it hot at once; one of somebody new ends every frame."""
_PROBE_POINTS = 60.0
_FRAME_S = 0.02
_WARM_UP_S = 3.0
_PATIENCE_S = 10.0
_READY_S = 60.0
_LEAD_S = 1.0
_ENCODE_S = 15e-6


class Timed(NamedTuple):
    """A frame, when it is due (seconds from the start), and whose trigger it must cause."""

    due_s: float
    partition: int
    data: bytes
    probe: str


def measure_trigger_latency(
    kafka: KafkaRun, cores: Cores, partitions: int, rate: int, seconds: float
) -> dict[str, Any]:
    """Return p50, p95, p99 and the largest in milliseconds. Raises PlatformError."""
    reset_topics(kafka, partitions, with_events=True)
    with workers_on(kafka, r1_rules({PROBE: _PROBE_POINTS}), partitions, cores) as workers:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.wait_for_mark(_READY_S)
        count = round(rate * seconds)
        start_ms = SystemClock().now_ms() + round(1000 * (count * _ENCODE_S + _LEAD_S))
        timed = list(timed_frames(count, rate, partitions, start_ms))
        watch = _Watch(kafka.bootstrap, partitions)
        with watch:
            time.sleep(max(0.0, (start_ms - SystemClock().now_ms()) / 1000))
            due = _append(kafka.bootstrap, timed)
            watch.wait_for(due.keys(), _PATIENCE_S)
        for worker in workers:
            worker.check()
    first = min(due.values()) + _WARM_UP_S
    measured = {probe: at for probe, at in due.items() if at >= first}
    delays = [watch.seen[probe] - at for probe, at in measured.items() if probe in watch.seen]
    return {
        "rate_per_s": rate,
        "seconds": seconds,
        "probes": len(measured),
        "missing": len(measured) - len(delays),
        "trigger_ms": quantiles(delays),
    }


def timed_frames(count: int, rate: int, partitions: int, start_ms: int) -> Iterator[Timed]:
    """Yield R1's events at `rate` a second from `start_ms` of log time, one frame a partition and step."""
    stream = events(count)
    probes = [_probes_of(partition, partitions) for partition in range(partitions)]
    step = 0
    while batch := list(islice(stream, max(1, round(rate * _FRAME_S)))):
        at_ms = start_ms + round(1000 * step * _FRAME_S)
        parts: list[list[Event]] = [[] for _ in range(partitions)]
        for event in batch:
            made = to_event(event._replace(at_ms=at_ms))
            parts[partition_for(WORKSPACE, made.profile, partitions)].append(made)
        for partition, part in enumerate(parts):
            who = next(probes[partition])
            part.append(to_event(R1Event(f"probe-of-{who}", who, PROBE, at_ms, "web", None, None, 0)))
            # Partitions take turns within a step, as ingest's frames do.
            due_s = (step + partition / partitions) * _FRAME_S
            yield Timed(due_s, partition, encode_events(part, at_ms), f"user:{who}")
        step += 1


def _probes_of(partition: int, partitions: int) -> Iterator[str]:
    number = 0
    while True:
        if partition_for(WORKSPACE, f"user:{PROBE}-{number}", partitions) == partition:
            yield f"{PROBE}-{number}"
        number += 1


def _append(bootstrap: str, timed: Sequence[Timed]) -> dict[str, float]:
    """Append each frame at its time; return when that was for each probe, by the monotonic clock."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 0, "acks": "all", "enable.idempotence": True, "log_level": 0}
    )
    due = {}
    start = time.perf_counter()
    for frame in timed:
        at = start + frame.due_s
        while (wait_s := at - time.perf_counter()) > 0:
            producer.poll(wait_s)
        due[frame.probe] = at
        producer.produce(EVENTS, frame.data, partition=frame.partition)
        producer.poll(0)
    if producer.flush(_PATIENCE_S):
        raise PlatformError("Kafka did not take the events")
    return due


class _Watch:
    """Follows the triggers topic in a thread and notes when each probe's trigger came: `seen`."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self.seen: dict[str, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, args=(bootstrap, partitions), daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def wait_for(self, probes: Iterable[str], patience_s: float) -> None:
        """Wait until the triggers of all probes have come, or none has for `patience_s`."""
        wanted = set(probes)
        count, since = -1, time.perf_counter()
        while not wanted <= self.seen.keys() and time.perf_counter() - since < patience_s:
            if len(self.seen) != count:
                count, since = len(self.seen), time.perf_counter()
            time.sleep(0.05)

    def _follow(self, bootstrap: str, partitions: int) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench-watch",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        decode = msgspec.msgpack.Decoder(Trigger).decode
        consumer.assign([TopicPartition(TRIGGERS, partition, 0) for partition in range(partitions)])
        try:
            while not self._stopped.is_set():
                message = consumer.poll(0.1)
                if message is None or message.error() or (value := message.value()) is None:
                    continue
                self.seen.setdefault(decode(value).profile, time.perf_counter())
        finally:
            consumer.close()
