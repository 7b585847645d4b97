"""The embedded log and a real Kafka give the same output on one recorded stream, byte for byte.

The recording is an events topic with all that is ever in one: events with repeats and disorder, ticks, moves, a control
record, and bytes that are no frames.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from confluent_kafka import Producer

from infra.kafka.server import running_kafka
from streams.agents.alerts_stage import AlertsStage
from streams.agents.app import create_app
from streams.agents.stage import EventsStage
from streams.frames import encode_control, encode_events, encode_tick
from streams.log import topics
from streams.log.embedded import EmbeddedEventLog
from streams.log.kafka_admin import TopicAdmin
from streams.model.control import Control, ControlKind
from streams.model.events import ProfileKeys
from streams.model.ids import partition_for
from streams.operators.alerting import AlertBook
from streams.operators.rulebook import parse_rules
from streams.ports import NewRecord
from streams.settings import LogSettings
from streams.state import codec
from streams.state.copy import MemoryCopy
from streams.state.flushing import has_output
from streams.state.loading import Shape
from tests.chaos.crowd import Crowd
from tests.chaos.records import newest_by_key, read
from tests.chaos.rules import encoded, rules
from tests.chaos.sender import event_of
from tests.chaos.single_pass import Outcome, waiting_after
from tests.chaos.workers import WorkerProcess
from tests.kafka import found_kafka  # noqa: F401 - a fixture

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

PARTITIONS = 4
EVENTS = 6_000
STEP_MS = 40
LIMIT_S = 180
OUT = (topics.TRIGGERS, topics.DEAD_LETTERS, topics.ROLLUPS, topics.ALERTS)
_encode = msgspec.msgpack.Encoder().encode


class Output(NamedTuple):
    """What came out, as bytes: triggers and dead letters in the order of each partition, the last of every total."""

    triggers: list[list[bytes]]
    dead_letters: list[list[bytes]]
    profiles: dict[bytes, bytes]
    rules: dict[bytes, bytes]
    totals: dict[bytes, bytes]
    commits: list[tuple[dict[int, int], dict[int, int]]]


def stream(start_ms: int) -> Iterator[NewRecord]:
    """Frames of many sizes by a clock of their own, and at the end a tick after which no window is open."""
    batches: list[list] = [[] for _ in range(PARTITIONS)]
    now_ms, rows = start_ms, []
    for number, deed in enumerate(islice(Crowd(7, 200).deeds(), EVENTS)):
        now_ms += STEP_MS
        keys = ProfileKeys(**deed.keys)
        row = (deed, keys.canonical() or "", now_ms - deed.delay_ms, now_ms)
        rows.append(row)
        repeated = [rows[number // 2]] if number % 40 == 0 else []
        for deed_of, profile, at_ms, _ in [row, *repeated]:
            partition = partition_for(deed_of.workspace, profile, PARTITIONS)
            batches[partition].append(event_of((deed_of, profile, at_ms, now_ms)))
            if len(batches[partition]) > (number * 7919) % 120:
                yield _record(partition, encode_events(batches[partition], now_ms), now_ms)
                batches[partition] = []
        if number % 25 == 0:
            yield _record(number // 25 % PARTITIONS, encode_tick(now_ms), now_ms)
        if number == EVENTS // 2:
            control = Control(ControlKind.RULES, "gamma", 1, encoded(rules(2, 7_000)))
            yield from (_record(n, encode_control(control, now_ms), now_ms) for n in range(PARTITIONS))
            yield _record(1, b"no frame", now_ms)
    for partition, batch in enumerate(batches):
        yield _record(partition, encode_events(batch, now_ms), now_ms)
        yield _record(partition, encode_tick(now_ms + 600_000), now_ms)


def _record(partition: int, frame: bytes, at_ms: int) -> NewRecord:
    return NewRecord(topics.EVENTS, partition, None, frame, at_ms)


async def on_embedded(folder: Path, frames: list[NewRecord]) -> tuple[list[NewRecord], Output]:
    """Return the events topic after the run, with the moves that the engine put there, and the output."""
    await asyncio.to_thread(folder.mkdir)
    log = await EmbeddedEventLog(folder / "log.db", PARTITIONS).open()
    await log.append(frames)
    faults: list[BaseException] = []
    stage = EventsStage(log, Shape(PARTITIONS, parse_rules(encoded(rules()))), lambda _: MemoryCopy())
    app = create_app(log, stage, AlertsStage(log, AlertBook(PARTITIONS)), faults.append, folder)
    await app.start()
    try:
        async with asyncio.timeout(LIMIT_S):
            while not await _is_at_rest(log, stage):
                assert not faults, faults
                await asyncio.sleep(0.05)
    finally:
        await app.stop()
    found = {name: [await log.read(name, n, 0, 1_000_000) for n in range(PARTITIONS)] for name in topics.TOPICS}
    await log.close()
    states = [{r.key: r.value for r in records if r.value is not None} for records in found[topics.STATE]]
    told = {name: [[r.value for r in records] for records in found[name]] for name in OUT}
    events = [_record(r.partition, r.value, r.timestamp_ms) for records in found[topics.EVENTS] for r in records]
    return events, _output(told, states)


async def _is_at_rest(log: EmbeddedEventLog, stage: EventsStage) -> bool:
    """All is applied and what it caused is written; frames at the end that caused nothing need no flush."""
    if stage.is_flushing:
        return False
    ends = [(await log.bounds(topics.EVENTS, n))[1] for n in range(PARTITIONS)]
    if stage.is_flushing or len(stage.places) < PARTITIONS:
        return False
    places = stage.places.items()
    return all(place.partition.offset + 1 == ends[n] and not has_output(place.partition) for n, place in places)


def on_kafka(bootstrap: str, folder: Path, frames: list[NewRecord]) -> Output:
    """Let one worker do it; its ticks come after all that was recorded."""
    TopicAdmin(LogSettings(url=f"kafka://{bootstrap}", partitions=PARTITIONS)).check(create=True)
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "log_level": 0})
    for record in frames:
        producer.produce(record.topic, record.value, None, record.partition, timestamp=record.timestamp_ms)
        producer.poll(0)
    assert producer.flush(60) == 0
    rules_file = folder / "rules.json"
    rules_file.write_bytes(encoded(rules()))
    worker = WorkerProcess(
        folder / "worker",
        {"LOG__URL": f"kafka://{bootstrap}", "LOG__PARTITIONS": PARTITIONS, "ENGINE__RULES_FILE": rules_file},
    )
    worker.start()
    try:
        wait_until(lambda: worker.is_ready() and is_done(bootstrap), worker)
        assert worker.stop(), worker.reason()
    finally:
        worker.kill()
    told = {name: [[r.value for r in read(bootstrap, name, n)] for n in range(PARTITIONS)] for name in OUT}
    return _output(told, [newest_by_key(bootstrap, topics.STATE, n) for n in range(PARTITIONS)])


def is_done(bootstrap: str) -> bool:
    for number in range(PARTITIONS):
        found = newest_by_key(bootstrap, topics.STATE, number).get(codec.COMMIT_KEY)
        if found is None or waiting_after(bootstrap, number, codec.decode_commit(found).applied_offset):
            return False
    return True


def wait_until(holds: Callable[[], bool], worker: WorkerProcess) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert worker.is_running, worker.reason()
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _output(told: dict[str, list[list[bytes]]], states: list[dict[bytes, bytes]]) -> Output:
    rollups = Outcome()
    for values in told[topics.ROLLUPS]:
        for value in values:
            rollups.take(NewRecord(topics.ROLLUPS, 0, None, value, 0), topics.ROLLUPS)
    state = {key: value for one in states for key, value in one.items()}
    commits = [codec.decode_commit(one[codec.COMMIT_KEY]) for one in states]
    return Output(
        told[topics.TRIGGERS],
        told[topics.DEAD_LETTERS],
        {key: value for key, value in state.items() if key.startswith(codec.PROFILE_PREFIX)},
        {key: value for key, value in state.items() if key.startswith(codec.RULES_PREFIX)},
        {_encode(key): _encode(value) for key, value in rollups.totals.items()},
        [(commit.sent, commit.taken) for commit in commits],
    )


async def test_embedded_and_kafka_give_the_same_output_byte_for_byte(tmp_path, kafka_jars):
    start_ms = (time.time_ns() // 1_000_000) - 7_200_000
    recording, first = await on_embedded(tmp_path / "recorded", list(stream(start_ms)))
    _, embedded = await on_embedded(tmp_path / "embedded", recording)
    with running_kafka(kafka_jars) as cluster:
        kafka = await asyncio.to_thread(on_kafka, cluster.bootstrap, tmp_path, recording)
    for name in Output._fields:
        assert getattr(kafka, name) == getattr(embedded, name) == getattr(first, name), name
    assert (len(embedded.profiles) > 500, sum(map(len, embedded.triggers)) > 500) == (True, True)
