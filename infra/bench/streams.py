"""The stream engine against its rivals: R1 on a real Kafka, worker and broker on a core each, turn by turn."""

import os
import platform as machine
import sys
from collections.abc import Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from infra.bench.cores import Cores, shared_out
from infra.bench.engine_run import Workload, fill_events, run_engine
from infra.bench.kafka_run import KafkaRun, kafka_run
from infra.bench.r1.profiles import RulesProfile
from infra.bench.restart import measure_restart
from infra.bench.rivals.environments import RivalUnavailableError, provide
from infra.bench.rivals.feed import Feed, make_feed
from infra.bench.rivals.peers import RIVALS, run_rival
from infra.bench.trigger_latency import measure_trigger_latency

_ENGINE_LIMIT_S = 240.0
_RIVAL_LIMIT_S = 150.0
_FAUST, _BYTEWAX, _TAKE, _WINDOWS = RIVALS
_OURS = "ours"
_ONE = "one worker"


class Plan(Struct, frozen=True):
    """What a measurement does. `turns` name "ours", "one worker" (ours too, to compare several with) or a rival;
    `rival_events` are fewer, as rivals are slower.
    """

    events: int = 1_000_000
    frame_events: int = 500
    partitions: int = 4
    workers: int = 1
    rules: RulesProfile = RulesProfile.R1
    turns: tuple[str, ...] = (_OURS, _FAUST, _OURS, _BYTEWAX, _OURS, _TAKE, _WINDOWS, _BYTEWAX, _FAUST)
    rival_events: Mapping[str, int] = MappingProxyType(
        {_FAUST: 100_000, _TAKE: 100_000, _BYTEWAX: 200_000, _WINDOWS: 200_000}
    )
    latency_s: float = 0
    restart_profiles: int = 0

    def made_quick(self) -> "Plan":
        """Return one that takes a minute and a half at most."""
        fewer = {**self.rival_events, _FAUST: 10_000, _BYTEWAX: 100_000}
        return replace(
            self,
            events=200_000,
            turns=(_OURS, _FAUST, _OURS, _BYTEWAX, _OURS),
            rival_events=fewer,
            latency_s=min(self.latency_s, 8),
            restart_profiles=min(self.restart_profiles, 100_000),
        )

    def without_rivals(self) -> "Plan":
        """Return one that measures the engine alone: several workers and one, turn by turn."""
        turn = (_OURS,) if self.workers == 1 else (_ONE, _OURS)
        return replace(self, turns=turn * self.turns.count(_OURS))


def measure_streams(plan: Plan) -> dict[str, Any]:
    """Return the figures. Raises PlatformError and KafkaUnavailableError.

    Latency is measured at half the rate that was reached before.
    """
    cores = shared_out(plan.workers)
    say(f"{cores.note}; starting Kafka")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in plan.turns}
    missing: dict[str, str] = {}
    with kafka_run(cores.broker) as kafka:
        rivals = _Rivals(kafka, plan, cores)
        say(f"appending {plan.events} events in frames of {plan.frame_events}")
        load = fill_events(kafka, plan.events, plan.partitions, plan.frame_events, plan.rules)
        for turn in plan.turns:
            if turn in missing:
                continue
            say(f"{turn} …")
            try:
                run = rivals.run(turn) if turn in RIVALS else _run_engine(kafka, load, turn, cores)
            except RivalUnavailableError as error:
                missing[turn] = str(error)
                say(f"{turn} can't be measured: {error}")
                continue
            runs[turn].append(run)
            say(f"{turn}: {run['events_per_s_core']} events/s, {run['events_per_cpu_s']} per CPU second")
        figures = _figures(plan, cores, runs, missing)
        if plan.latency_s:
            rate = round(figures["events_per_s_core"] / 2)
            say(f"from event to trigger, at {rate} events/s for {plan.latency_s:g} s …")
            figures["latency"] = measure_trigger_latency(kafka, cores, plan.partitions, rate, plan.latency_s)
        if plan.restart_profiles:
            say(f"memory and restarts with {plan.restart_profiles} profiles …")
            figures["restart"] = measure_restart(kafka, cores, plan.partitions, plan.restart_profiles)
    return figures


def _run_engine(kafka: KafkaRun, load: Workload, turn: str, cores: Cores) -> dict[str, Any]:
    used = cores._replace(workers=cores.workers[:1]) if turn == _ONE else cores
    return run_engine(kafka, load, used, _ENGINE_LIMIT_S)


class _Rivals:
    """Rivals on the broker, each with a feed of as many events as it is given."""

    def __init__(self, kafka: KafkaRun, plan: Plan, cores: Cores) -> None:
        self._kafka = kafka
        self._plan = plan
        self._core = cores.workers[0]
        self._feeds: dict[int, Feed] = {}

    def run(self, name: str) -> dict[str, Any]:
        """Raises RivalUnavailableError."""
        python = provide(RIVALS[name].environment)
        count, partitions = self._plan.rival_events[name], self._plan.partitions
        if count not in self._feeds:
            self._feeds[count] = make_feed(self._kafka, count, partitions)
        return run_rival(self._kafka, name, python, self._feeds[count], partitions, self._core, _RIVAL_LIMIT_S)


def _figures(
    plan: Plan, cores: Cores, runs: dict[str, list[dict[str, Any]]], missing: dict[str, str]
) -> dict[str, Any]:
    ours = _summary(runs.pop(_OURS))
    one = _summary(runs.pop(_ONE)) if _ONE in runs else None
    rivals: dict[str, Any] = {}
    for name, done in runs.items():
        head = {"title": RIVALS[name].title, "events": plan.rival_events[name]}
        rivals[name] = head | (_summary(done) if done else {"unavailable": missing[name]})
    measured = {name: rival for name, rival in rivals.items() if "unavailable" not in rival}
    return {
        "events_per_s_core": ours["events_per_s_core"]["median"],
        "events_per_cpu_s": ours["events_per_cpu_s"]["median"],
        "differences": ours["differences_total"],
        "ratios": {name: _ratio(ours, rival, "events_per_s_core") for name, rival in measured.items()},
        "ratios_by_cpu": {name: _ratio(ours, rival, "events_per_cpu_s") for name, rival in measured.items()},
        "ours": ours,
        **({"one_worker": one, "scaling": _scaling(ours, one, plan.workers)} if one else {}),
        "rivals": rivals,
        "settings": {
            "events": plan.events,
            "frame_events": plan.frame_events,
            "partitions": plan.partitions,
            "workers": plan.workers,
            "rules": plan.rules,
        },
        "machine": {
            "cpus": os.cpu_count(),
            "python": machine.python_version(),
            "cores": cores.note,
            "load": [round(load, 1) for load in os.getloadavg()],
        },
    }


def _summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    rates = {name: spread([run[name] for run in runs]) for name in ("events_per_s_core", "events_per_cpu_s")}
    return {**rates, "differences_total": max(sum(run["differences"].values()) for run in runs), "runs": list(runs)}


def _scaling(several: dict[str, Any], one: dict[str, Any], workers: int) -> dict[str, float]:
    """Return how many times one worker's rate several have: measured, and if each had a core, by their CPU time."""
    by_cpu = float(several["events_per_cpu_s"]["median"]) / float(one["events_per_cpu_s"]["median"])
    return {"measured": _ratio(several, one, "events_per_s_core"), "by_cpu": round(workers * by_cpu, 2)}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the least, the median and the largest."""
    return {"min": min(values), "median": round(median(values)), "max": max(values)}


def _ratio(ours: dict[str, Any], rival: dict[str, Any], figure: str) -> float:
    return round(float(ours[figure]["median"]) / float(max(1, rival[figure]["median"])), 1)


def describe(figures: dict[str, Any]) -> str:
    """Return the figures in a few lines for people."""
    rows = [("CampaignIQ", figures["ours"])]
    rows += [("CampaignIQ, one worker", figures["one_worker"])] if "one_worker" in figures else []
    rows += [(rival["title"], rival) for rival in figures["rivals"].values()]
    lines = [f"{'':42}{'events/s a core':>30}{'per CPU second':>30}{'differences':>14}"]
    for title, row in rows:
        if "unavailable" in row:
            lines.append(f"{title:42} not measured: {row['unavailable'].splitlines()[0]}")
            continue
        wall, cpu = (
            "{min} / {median} / {max}".format(**row[name]) for name in ("events_per_s_core", "events_per_cpu_s")
        )
        lines.append(f"{title:42}{wall:>30}{cpu:>30}{row['differences_total']:>14}")
    if ratios := figures["ratios"]:
        lines.append("ratios  " + "  ".join(f"{name} {ratio}x" for name, ratio in ratios.items()))
    if latency := figures.get("latency"):
        quantiles = "  ".join(f"{name} {value} ms" for name, value in latency["trigger_ms"].items())
        lines.append(f"trigger at {latency['rate_per_s']} events/s  {quantiles}  ({latency['missing']} missing)")
    if restart := figures.get("restart"):
        ready = "  ".join(f"{name} {value} s" for name, value in restart["ready_s"].items())
        each = restart["rss_bytes_per_profile"]
        lines.append(f"{restart['profiles']} profiles  {each} bytes each  ready: {ready}")
    return "\n".join(lines)


def say(text: str) -> None:
    """Tell people how far it is."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()
