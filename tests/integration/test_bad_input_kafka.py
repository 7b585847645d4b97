"""Bad input on a real Kafka: a worker passes over all of it, says why, and goes on."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from infra.kafka.server import running_kafka
from streams.frames import encode_events
from streams.log import topics
from streams.log.kafka_admin import TopicAdmin
from streams.model.dead_letters import DeadLetter
from streams.settings import LogSettings
from streams.state import codec
from tests.chaos.records import newest_by_key, read
from tests.chaos.single_pass import waiting_after
from tests.chaos.workers import WorkerProcess
from tests.kafka import found_kafka  # noqa: F401 - a fixture
from tests.unit.streams.bad_input import Bad, all_bad, event

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

GOOD = 20
NULLED = (topics.EVENTS, topics.ROLLUPS)
LIMIT_S = 120


@pytest.fixture(name="bootstrap")
def kafka_with_topics(kafka_jars) -> Iterator[str]:
    with running_kafka(kafka_jars) as cluster:
        TopicAdmin(LogSettings(url=f"kafka://{cluster.bootstrap}", partitions=1)).check(create=True)
        yield cluster.bootstrap


def send(bootstrap: str, bad: list[Bad], now_ms: int) -> int:
    """Append every bad frame, each with some good ones behind it; return how many good events there are."""
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 8 << 20, "log_level": 0})
    sent = 0
    # A record without any value is one that only Kafka can hold.
    for topic in NULLED:
        producer.produce(topic, None, None, 0)
    for one in bad:
        producer.produce(topics.EVENTS, one.frame, None, 0)
        for _ in range(GOOD):
            sent += 1
            good = event(now_ms, f"good{sent}", profile="user:good")
            producer.produce(topics.EVENTS, encode_events([good], now_ms), None, 0)
    assert producer.flush(60) == 0
    return sent


def applied(bootstrap: str, worker: WorkerProcess) -> dict[bytes, bytes]:
    """Return the state once nothing waits."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        assert worker.is_running, worker.reason()
        state = newest_by_key(bootstrap, topics.STATE, 0)
        found = state.get(codec.COMMIT_KEY)
        if found and not waiting_after(bootstrap, 0, codec.decode_commit(found).applied_offset):
            return state
        time.sleep(0.3)
    raise AssertionError("the stream does not go on")


def test_a_worker_passes_over_bad_input_says_why_and_goes_on(bootstrap, tmp_path: Path):
    now_ms = time.time_ns() // 1_000_000
    bad = all_bad(now_ms)
    sent = send(bootstrap, bad, now_ms)
    worker = WorkerProcess(tmp_path / "worker", {"LOG__URL": f"kafka://{bootstrap}", "LOG__PARTITIONS": 1})
    worker.start()
    try:
        state = applied(bootstrap, worker)
        assert worker.stop(), worker.reason()
    finally:
        worker.kill()
    assert worker.starts == 1
    good = codec.decode_profile(state[codec.profile_key("default", "user:good")])
    assert good.facts.events == sent
    letters = [msgspec.msgpack.decode(r.value or b"", type=DeadLetter) for r in read(bootstrap, topics.DEAD_LETTERS, 0)]
    empty = [letter for letter in letters if letter.raw == b"" and "truncated" in letter.reason]
    assert len(empty) == len(NULLED) + sum(one.frame == b"" for one in bad)
    letters, reasons = (
        [le for le in letters if le not in empty],
        [one.reason for one in bad if one.reason and one.frame],
    )
    told = [letter.reason for letter in letters]
    assert len(told) == len(reasons)
    # Not in order: what lies in one flush is sorted by the log's clock, and how much does depends on the machine.
    assert [reason for reason in reasons if not any(reason in one for one in told)] == []
