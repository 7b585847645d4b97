"""One run under chaos: Kafka, two workers and a guest, a producer, faults; then the comparison with both oracles."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from infra.kafka.server import Cluster
from infra.settings import load_settings
from streams.log import topics
from streams.log.kafka_admin import TopicAdmin
from streams.operators.rulebook import parse_rules
from streams.state import codec
from streams.state.loading import Shape
from tests.chaos.check_reference import check_people, check_series, check_triggers
from tests.chaos.compare import Differences, compare_moves, compare_partition, compare_told
from tests.chaos.faults import Faults
from tests.chaos.journal import Journal
from tests.chaos.records import newest_by_key
from tests.chaos.reference import reference_of
from tests.chaos.rules import encoded, rules
from tests.chaos.sender import Sender
from tests.chaos.single_pass import Outcome, single_pass, waiting_after, written
from tests.chaos.workers import Supervisor, WorkerProcess

READY_S = 180
DRAIN_S = 600
LAST_WINDOW_S = 34.0
"""So long after the last event the last window of these rules closes."""
ROUNDS = 6


class Plan(NamedTuple):
    """How much of everything. `fault_s`: how long a fault takes with its pause, about; it sets the producer's pace."""

    events: int
    faults: int
    seed: int = 1
    partitions: int = 4
    session_s: float = 6.0
    fault_s: float = 10.0


def run_chaos(cluster: Cluster, folder: Path, plan: Plan) -> dict[str, Any]:
    """Run, compare, and return the counts; prints them too."""
    began_s = time.monotonic()
    settings = _settings(cluster, folder, plan)
    TopicAdmin(load_settings(log={"url": f"kafka://{cluster.bootstrap}", "partitions": plan.partitions}).log).check(
        create=True
    )
    workers = [WorkerProcess(folder / name, settings) for name in ("one", "two", "guest")]
    supervisor = Supervisor(workers)
    journal = Journal(folder / "journal")
    rate = plan.events / max(1.0, plan.faults * plan.fault_s) * 1.3
    sender = Sender(cluster.bootstrap, journal, plan.seed, plan.events, plan.partitions, rate)
    faults = Faults(cluster, workers[:2], workers[2], plan.seed, plan.session_s)
    try:
        for worker in workers[:2]:
            worker.start()
        supervisor.start()
        supervisor.wait_ready(READY_S)
        sender.start()
        faults.run(plan.faults, lambda number: sender.allow((number + 1) / max(1, plan.faults)))
        sender.finish(DRAIN_S)
        faulty_s = time.monotonic() - began_s
        rounds = _drain(cluster, workers[:2], supervisor, plan)
    finally:
        supervisor.close()
    figures = {
        "seed": plan.seed,
        "faults": dict(faults.counts),
        "notes": dict(faults.notes),
        "events": sender.sent,
        "repeats": sender.repeats,
        "junk": dict(sender.junk),
        "frames": sender.frames,
        "starts": {worker.name: worker.starts for worker in workers},
        "exits_by_themselves": dict(supervisor.exits),
        "rounds_to_settle": rounds,
        "seconds_of_faults": round(faulty_s),
    }
    differences = compare(cluster.bootstrap, plan, journal, sum(sender.junk.values()), figures)
    figures["seconds"] = round(time.monotonic() - began_s)
    figures["differences"] = dict(differences.counts)
    print(json.dumps(figures, indent=1))  # noqa: T201  the run's result
    for example in differences.examples:
        print(example)  # noqa: T201  as above
    return figures


def compare(bootstrap: str, plan: Plan, journal: Journal, junk: int, figures: dict[str, Any]) -> Differences:
    """Hold what was written against the single pass over the log and against the plain reference."""
    differences = Differences()
    states, told = written(bootstrap, plan.partitions)
    # As the workers have read them: 5 and 5.0 are not the same rule set.
    shape = Shape(plan.partitions, parse_rules(encoded(rules())))
    made: dict[int, Outcome] = {}
    arrived = {}
    for number, state in enumerate(states):
        made[number], arrived[number] = single_pass(bootstrap, number, shape, state.commit.applied_offset)
        compare_partition(number, state, made[number], differences)
    compare_moves(made, arrived, differences)
    compare_told(told, list(made.values()), states, differences)
    reference = reference_of(journal.read())
    check_series(told, reference, differences)
    check_people(states, reference, differences)
    check_triggers(told, reference, differences)
    # The messy take ids out at random, and a profile keeps only so many out that are no part of it.
    buried = sum(count for letter, count in told.dead_letters.items() if b"NotPartError" not in letter)
    if buried != junk:
        differences.note("dead letters", f"{buried} of {junk} unusable frames", abs(buried - junk))
    figures |= {
        "events_by_reference": reference.events,
        "repeats_by_reference": reference.repeats,
        "events_applied": sum(outcome.events for outcome in made.values()),
        "repeats_passed_over": sum(outcome.duplicates for outcome in made.values()),
        "frames_in_log": sum(outcome.frames for outcome in made.values()),
        "moves_sent_twice": sum(outcome.repeated_batches for outcome in made.values()),
        "compared": dict(differences.compared),
    }
    if (figures["events_applied"], figures["repeats_passed_over"]) != (reference.events, reference.repeats):
        differences.note("events", f"{figures['events_applied']} were applied, {reference.events} sent")
    return differences


def _drain(cluster: Cluster, workers: list[WorkerProcess], supervisor: Supervisor, plan: Plan) -> int:
    """Let the workers catch up and the last windows close, then stop them in order; again while anything waits."""
    supervisor.wait_ready(READY_S)
    _until(lambda: _is_caught_up(cluster, plan), DRAIN_S)
    time.sleep(LAST_WINDOW_S)
    for round_number in range(1, ROUNDS + 1):
        for worker in workers:
            assert worker.stop(), (
                f"{worker.name} did not end in order: {worker.log.read_text(errors='replace')[-3000:]}"
            )
        if _is_settled(cluster, plan):
            return round_number
        for worker in workers:
            worker.start()
        supervisor.wait_ready(READY_S)
        time.sleep(3)
    raise AssertionError("the workers' moves do not come to rest")


def _is_caught_up(cluster: Cluster, plan: Plan) -> bool:
    waiting = 0
    for number in range(plan.partitions):
        waiting += waiting_after(cluster.bootstrap, number, _commit(cluster, number).applied_offset)
    print(f"{time.strftime('%H:%M:%S')} {waiting} frames wait", flush=True)  # noqa: T201  progress
    return not waiting


def _is_settled(cluster: Cluster, plan: Plan) -> bool:
    states = [newest_by_key(cluster.bootstrap, topics.STATE, number) for number in range(plan.partitions)]
    return _is_caught_up(cluster, plan) and not any(
        key.startswith(codec.UNSENT_PREFIX) for state in states for key in state
    )


def _commit(cluster: Cluster, number: int) -> codec.Commit:
    found = newest_by_key(cluster.bootstrap, topics.STATE, number).get(codec.COMMIT_KEY)
    return codec.decode_commit(found) if found else codec.Commit(-1, 0)


def _until(holds: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "the workers do not catch up"
        time.sleep(2)


def _settings(cluster: Cluster, folder: Path, plan: Plan) -> dict[str, object]:
    rules_file = folder / "rules.json"
    rules_file.write_bytes(encoded(rules()))
    return {
        "LOG__URL": f"kafka://{cluster.bootstrap}",
        "LOG__PARTITIONS": plan.partitions,
        "ENGINE__RULES_FILE": rules_file,
        "ENGINE__SESSION_TIMEOUT_S": plan.session_s,
    }
