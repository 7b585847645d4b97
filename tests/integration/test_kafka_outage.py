"""`campaigniq up` while its Kafka is away: it says so, keeps what comes on disk, and goes on when Kafka is back."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.kafka.server import Cluster, running_kafka
from streams.log.kafka_admin import TopicAdmin
from streams.settings import LogSettings
from tests.e2e.harness import Platform
from tests.kafka import found_kafka  # noqa: F401 - a fixture

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

AWAY_S = 8.0
NOTICED_S = 30.0
BACK_S = 120.0
MAX_LINES = 60
ENDS_WITHIN_S = 15.0  # ten, and what a busy machine adds
PAUSE_S = 0.02
ANSWER_S = 60


@pytest.fixture(name="cluster")
def kafka_with_topics(kafka_jars) -> Iterator[Cluster]:
    with running_kafka(kafka_jars) as cluster:
        TopicAdmin(LogSettings(url=f"kafka://{cluster.bootstrap}", partitions=2)).check(create=True)
        yield cluster


def settings_of(cluster: Cluster) -> dict[str, object]:
    url = f"kafka://{cluster.bootstrap}"
    return {"LOG__URL": url, "LOG__PARTITIONS": 2, "LOG__DELIVERY_TIMEOUT_S": 2, "METRICS__INFLUX_URL": ""}


class Visitor(threading.Thread):
    """Sends small batches until `end`, each once more for as long as it is refused. `answers` counts status codes."""

    def __init__(self, platform: Platform, name: str) -> None:
        super().__init__(name=name)
        self.answers: Counter[int] = Counter()
        self.accepted = 0
        self._url = f"{platform.url}/v1/batch"
        self._auth = (platform.bootstrap["write_key"], "")
        self._ending = threading.Event()

    def run(self) -> None:
        number = 0
        with httpx.Client(auth=self._auth, timeout=ANSWER_S) as client:
            while not self._ending.wait(PAUSE_S):
                number += 1
                track = {"type": "track", "userId": f"{self.name}{number % 20}", "event": "Outage Seen"}
                batch = [track | {"messageId": f"{self.name}-{number}-{part}"} for part in range(3)]
                while (status := client.post(self._url, json={"batch": batch}).status_code) == 503:
                    self.answers[status] += 1
                    time.sleep(0.2)
                self.answers[status] += 1
                self.accepted += len(batch) if status < 300 else 0

    def end(self) -> None:
        self._ending.set()
        self.join()


def is_ready(platform: Platform) -> bool:
    return httpx.get(f"{platform.url}/readyz", timeout=60).status_code == 200


@pytest.mark.parametrize("transaction_timeout_s", [60, 5], ids=["shorter-than-a-commit", "longer-than-a-commit"])
def test_events_that_were_accepted_around_a_crash_of_kafka_are_counted_once(
    cluster, tmp_path: Path, transaction_timeout_s
):
    patience = {"LOG__TRANSACTION_TIMEOUT_S": transaction_timeout_s}
    with Platform(tmp_path / "data", settings_of(cluster) | patience) as platform:
        visitors = [Visitor(platform, name) for name in ("ann", "bob")]
        for visitor in visitors:
            visitor.start()
        time.sleep(2)
        cluster.brokers[0].kill()
        platform.until("not ready", lambda: not is_ready(platform), NOTICED_S)
        time.sleep(AWAY_S)
        assert not is_ready(platform)
        cluster.start()
        platform.until("ready again", lambda: is_ready(platform), BACK_S)
        time.sleep(1)
        for visitor in visitors:
            visitor.end()
        answers = sum((visitor.answers for visitor in visitors), Counter())
        assert answers.keys() == {200}
        accepted = sum(visitor.accepted for visitor in visitors)
        platform.until("all counted", lambda: platform.event_totals()["outage_seen"] >= accepted, BACK_S)
        time.sleep(1)
        assert platform.event_totals()["outage_seen"] == accepted
        lines = platform.log_file.read_text().splitlines()
        assert sum(" ERROR " in line or " WARNING " in line for line in lines) < MAX_LINES


def test_it_ends_within_ten_seconds_of_being_told_while_kafka_is_away(cluster, tmp_path: Path):
    platform = Platform(tmp_path / "data", settings_of(cluster))
    with platform:
        cluster.brokers[0].kill()
        platform.until("not ready", lambda: not is_ready(platform), NOTICED_S)
        began = time.monotonic()
        platform.stop()
        assert time.monotonic() - began < ENDS_WITHIN_S
