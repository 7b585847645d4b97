"""The front door on a Kafka that dies, killed itself, out of disk: each event answered with 2xx arrives, in order.

`make outage` has the broker away for a minute; CAMPAIGNIQ_OUTAGE_S says how long.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.kafka.server import Cluster, running_kafka
from streams.log.kafka_admin import TopicAdmin
from streams.settings import LogSettings
from tests.faults.books import compared, report
from tests.faults.clients import end, start
from tests.faults.door import FrontDoor, until
from tests.faults.tmpfs import small_disk
from tests.kafka import found_kafka  # noqa: F401 - a fixture

OUTAGE_S = float(os.environ.get("CAMPAIGNIQ_OUTAGE_S", "20"))
KILLS = int(os.environ.get("CAMPAIGNIQ_OUTAGE_KILLS", "3"))
RED_WITHIN_S = 10.0
BACK_S = 180.0
PARTITIONS = 2
MIB = 1 << 20

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600 + 4 * OUTAGE_S + 60 * KILLS)]


@pytest.fixture(name="cluster")
def kafka_with_topics(kafka_jars) -> Iterator[Cluster]:
    with running_kafka(kafka_jars) as cluster:
        TopicAdmin(log_settings(cluster)).check(create=True)
        yield cluster


def log_settings(cluster: Cluster) -> LogSettings:
    return LogSettings(url=f"kafka://{cluster.bootstrap}", partitions=PARTITIONS)


def settings_of(cluster: Cluster) -> dict[str, object]:
    return {
        "LOG__URL": f"kafka://{cluster.bootstrap}",
        "LOG__PARTITIONS": PARTITIONS,
        "INGEST__SPOOL_SEGMENT_BYTES": 1 << 18,
    }


def is_ready(door: FrontDoor) -> bool:
    return door.status("/readyz") == 200


def test_a_broker_that_is_away_under_load_costs_no_event_and_refuses_none(cluster, tmp_path: Path):
    with FrontDoor(tmp_path / "data", settings_of(cluster)) as door:
        until("ready", lambda: is_ready(door))
        clients = start(door.port, door.key)
        time.sleep(2)
        cluster.brokers[0].kill()
        red_s = until("red", lambda: not is_ready(door), RED_WITHIN_S)
        time.sleep(max(0.0, OUTAGE_S - red_s))
        assert (is_ready(door), door.status("/readyz/intake")) == (False, 200)
        cluster.start()
        until("green", lambda: is_ready(door), BACK_S)
        time.sleep(1)
        end(clients)
        counts = door.metrics()
        assert door.stop() == 0
    books = compared(clients, log_settings(cluster))
    report(f"broker away for {OUTAGE_S:.0f} s, red after {red_s:.1f} s", clients, books)
    assert (books.lost, books.misplaced) == ([], [])
    assert sum((client.answers for client in clients), Counter()).keys() == {200}
    assert (counts["drift"], counts["spooled"] > 0, counts["failed"], counts["refused"]) == (0, True, 0, 0)
    assert counts["accepted"] == counts["appended"] + counts["spooled"] == books.accepted


def test_a_door_that_nobody_uses_is_red_soon_and_green_only_once_an_append_succeeded(cluster, tmp_path: Path):
    with FrontDoor(tmp_path / "data", settings_of(cluster)) as door:
        until("ready", lambda: is_ready(door))
        cluster.brokers[0].pause()
        until("red", lambda: not is_ready(door), RED_WITHIN_S)
        cluster.brokers[0].resume()
        until("green", lambda: is_ready(door), BACK_S)


def test_a_door_that_is_killed_at_any_moment_of_an_outage_loses_nothing(cluster, tmp_path: Path):
    rng, kills = random.Random(1), Counter()
    with FrontDoor(tmp_path / "data", settings_of(cluster)) as door:
        clients = start(door.port, door.key, pad=500)
        for _ in range(KILLS):
            # While Kafka is there.
            time.sleep(rng.uniform(0.5, 1.5))
            restart(door, kills, "appending")
            # While events are spooled; it comes up again though Kafka is away, and takes events at once.
            cluster.brokers[0].kill()
            until("spooling", lambda: door.spooled_bytes() > 2 * MIB, BACK_S)
            restart(door, kills, "spooling")
            assert door.status("/readyz/intake") == 200
            time.sleep(rng.uniform(0.5, 1.5))
            # While the spool is drained.
            before = min(door.folder.glob("spool-ingest/*.spool"))
            cluster.start()
            until("draining", lambda oldest=before: not oldest.exists(), BACK_S)
            restart(door, kills, "draining" if door.spooled_bytes() else "just drained")
            until("ready", lambda: is_ready(door), BACK_S)
        end(clients)
        until("drained", lambda: door.metrics()["spool_bytes"] == 0, BACK_S)
        door.stop()
    books = compared(clients, log_settings(cluster))
    report(f"door killed while {dict(kills)}", clients, books)
    assert (books.lost, books.misplaced) == ([], [])


def restart(door: FrontDoor, kills: Counter[str], moment: str) -> None:
    kills[moment] += 1
    door.kill()
    door.start()


@pytest.mark.tmpfs
def test_a_spool_without_room_refuses_survives_and_goes_on(cluster, tmp_path: Path):
    with small_disk(tmp_path / "disk", 8 * MIB) as disk:
        spool = {"INGEST__SPOOL_FOLDER": disk / "spool", "INGEST__MIN_FREE_BYTES": 0}
        with FrontDoor(tmp_path / "data", settings_of(cluster) | spool) as door:
            until("ready", lambda: is_ready(door))
            cluster.brokers[0].kill()
            clients = start(door.port, door.key, pad=2_000)
            until("refusing", lambda: all(client.answers[503] > 5 for client in clients), BACK_S)
            time.sleep(2)
            assert door.is_alive
            cluster.start()
            until("ready", lambda: is_ready(door), BACK_S)
            time.sleep(1)
            end(clients)
            counts = door.metrics()
    books = compared(clients, log_settings(cluster))
    report("spool's disk full", clients, books)
    assert (books.lost, books.misplaced) == ([], [])
    assert (counts["drift"], counts["spool_bytes"], counts["quarantine_files"]) == (0, 0, 0)


@pytest.mark.tmpfs
def test_below_the_watermark_the_door_says_so_and_needs_no_more_of_the_disk(cluster, tmp_path: Path):
    with small_disk(tmp_path / "disk", 16 * MIB) as disk:
        settings = settings_of(cluster) | {"INGEST__SPOOL_FOLDER": disk / "spool"}
        with FrontDoor(tmp_path / "data", settings) as door:
            until("ready", lambda: is_ready(door))
            cluster.brokers[0].kill()
            clients = start(door.port, door.key, count=1, pad=2_000)
            until("refusing", lambda: door.status("/readyz/intake") == 503, BACK_S)
            time.sleep(1)
            left, words = disk_left(disk), door.words()
            cluster.start()
            until("ready", lambda: is_ready(door), BACK_S)
            end(clients)
    books = compared(clients, log_settings(cluster))
    report(f"watermark, {left} bytes left", clients, books)
    assert (books.lost, left > MIB, words.count("ingest.min_free_bytes")) == ([], True, 1)


def disk_left(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize
