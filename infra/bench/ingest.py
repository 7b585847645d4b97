"""The front door against a bare hello-world: same server, same generator, turn by turn, on a real Kafka.

Ratios are of requests per CPU second of the server as well as by the wall clock: on a shared machine the first hold.
"""

import os
import platform as machine
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct

from infra.bench.cores import Cores, shared_out
from infra.bench.ingest_delays import measure_acknowledgement
from infra.bench.ingest_server import Measured, door_server, hello_server
from infra.bench.kafka_run import KafkaRun, kafka_run
from infra.bench.requests import BATCH_EVENTS
from infra.bench.streams import say, spread

_HELLO, _SINGLE, _GIF, _BATCH = "hello", "single", "gif", "batch"
_TURN = (_HELLO, _SINGLE, _HELLO, _GIF, _BATCH)


class IngestPlan(Struct, frozen=True):
    """What is measured: `turns` rounds of `seconds` for each kind of request, then delays, then memory."""

    turns: int = 3
    seconds: float = 8
    connections: int = 32
    partitions: int = 4
    latency_s: float = 30
    memory_s: float = 600
    load_share: float = 0.7

    def made_quick(self) -> "IngestPlan":
        """Return one that takes two minutes at most."""
        return IngestPlan(turns=2, seconds=3, latency_s=10, memory_s=30)


def measure_ingest(plan: IngestPlan) -> dict[str, Any]:
    """Return the figures. Raises PlatformError and KafkaUnavailableError."""
    cores = shared_out(1)
    say(f"{cores.note}; starting Kafka")
    with kafka_run(cores.broker) as kafka, tempfile.TemporaryDirectory(prefix="campaigniq-bench-") as folder:
        runs = _throughput(plan, kafka, Path(folder), cores)
        figures = _figures(plan, cores, runs)
        rate = int(plan.load_share * figures["single"]["requests_per_s"]["median"])
        with door_server(kafka, Path(folder) / "delays", plan.partitions, cores.workers[0]) as door:
            say(f"acknowledgements at {rate} requests/s for {plan.latency_s:g} s …")
            figures["acknowledgement"] = measure_acknowledgement(door, rate, plan.latency_s)
            say(f"memory over {plan.memory_s:g} s …")
            figures["memory"] = _memory(plan, door, cores)
    return figures


def _throughput(plan: IngestPlan, kafka: KafkaRun, folder: Path, cores: Cores) -> dict[str, list[dict[str, float]]]:
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in _TURN}
    with _both(plan, kafka, folder, cores) as (hello, door):
        for _ in range(plan.turns):
            for kind in _TURN:
                server = hello if kind == _HELLO else door
                run = server.load(kind, plan.connections, plan.seconds, cores.broker)
                runs[kind].append(run)
                say(f"{kind}: {run['requests_per_s']:.0f} requests/s, {run['requests_per_cpu_s']:.0f} per CPU second")
    return runs


@contextmanager
def _both(plan: IngestPlan, kafka: KafkaRun, folder: Path, cores: Cores) -> Iterator[tuple[Measured, Measured]]:
    core = cores.workers[0]
    with (
        hello_server(folder / "hello", core) as hello,
        door_server(kafka, folder / "door", plan.partitions, core) as door,
    ):
        yield hello, door


def _figures(plan: IngestPlan, cores: Cores, runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {
        kind: {name: spread([round(run[name]) for run in done]) for name in ("requests_per_s", "requests_per_cpu_s")}
        | {"failed": sum(run["failed"] for run in done)}
        for kind, done in runs.items()
    }
    hello = rows[_HELLO]
    for kind in (_SINGLE, _GIF, _BATCH):
        rows[kind]["ratio"] = _ratio(rows[kind], hello, "requests_per_s")
        rows[kind]["ratio_by_cpu"] = _ratio(rows[kind], hello, "requests_per_cpu_s")
    events = BATCH_EVENTS * median(run["requests_per_cpu_s"] for run in runs[_BATCH])
    return {
        "batch_events_per_cpu_s": round(events),
        "batch_events_per_s": round(BATCH_EVENTS * rows[_BATCH]["requests_per_s"]["median"]),
        **rows,
        "settings": {"turns": plan.turns, "seconds": plan.seconds, "connections": plan.connections},
        "machine": {
            "cpus": os.cpu_count(),
            "python": machine.python_version(),
            "cores": cores.note,
            "load": [round(load, 1) for load in os.getloadavg()],
        },
    }


def _ratio(ours: dict[str, Any], hello: dict[str, Any], figure: str) -> float:
    return round(float(ours[figure]["median"]) / float(max(1, hello[figure]["median"])), 2)


def _memory(plan: IngestPlan, door: Measured, cores: Cores) -> dict[str, float]:
    """Return the memory after a tenth of the time and at the end of full load: flat is when they are alike."""
    first = plan.memory_s / 10
    door.load(_SINGLE, plan.connections, first, cores.broker)
    early = door.rss_mib()
    door.load(_BATCH, plan.connections, plan.memory_s / 2 - first, cores.broker)
    door.load(_SINGLE, plan.connections, plan.memory_s / 2, cores.broker)
    late = door.rss_mib()
    return {"seconds": plan.memory_s, "after_a_tenth_mib": round(early, 1), "at_the_end_mib": round(late, 1)}


def describe(figures: dict[str, Any]) -> str:
    """Return the figures in a few lines for people."""
    lines = [f"{'':8}{'requests/s':>28}{'per CPU second':>28}{'of hello-world':>16}{'by CPU':>9}{'failed':>8}"]
    for kind in (_HELLO, _SINGLE, _GIF, _BATCH):
        row = figures[kind]
        wall, cpu = ("{min} / {median} / {max}".format(**row[n]) for n in ("requests_per_s", "requests_per_cpu_s"))
        lines.append(
            f"{kind:8}{wall:>28}{cpu:>28}{row.get('ratio', ''):>16}{row.get('ratio_by_cpu', ''):>9}{row['failed']:>8}"
        )
    lines.append(f"batches of {BATCH_EVENTS}: {figures['batch_events_per_cpu_s']} durable events per CPU second")
    delays, memory = figures["acknowledgement"], figures["memory"]
    quantiles = "  ".join(f"{name} {value} ms" for name, value in delays["acknowledged_ms"].items())
    lines.append(f"acknowledged at {delays['rate_per_s']} requests/s  {quantiles}  ({delays['failed']} failed)")
    lines.append("memory {after_a_tenth_mib} MiB, after {seconds:g} s {at_the_end_mib} MiB".format(**memory))
    return "\n".join(lines)
