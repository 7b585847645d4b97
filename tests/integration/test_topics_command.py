"""`campaigniq topics` against a real Kafka: what it prints, and how it ends."""

import json
import os
import subprocess
import sys

import pytest

from streams.log.topics import TOPICS
from tests.kafka import found_kafka, shared_kafka  # noqa: F401 - fixtures

pytestmark = pytest.mark.kafka


def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, **{f"CAMPAIGNIQ_LOG__{name.upper()}": value for name, value in settings.items()}}
    argv = [sys.executable, "-m", "infra", "topics", *arguments]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def test_missing_topics_are_told_then_made_then_found(kafka):
    settings = {"url": f"kafka://{kafka.bootstrap}", "namespace": "command.", "partitions": "3"}
    missing = run(**settings)
    assert missing.returncode == 2
    others = len(TOPICS) - 1
    assert f"is missing ({others} more topics, see the list). Run `campaigniq topics --create`" in missing.stderr
    made = run("--create", **settings)
    assert (made.returncode, made.stderr) == (0, "")
    assert "command.campaigniq.state.v1" in made.stdout
    found = json.loads(run("--json", **settings).stdout)["topics"]
    assert {(one["partitions"], one["problem"]) for one in found} == {(3, "")}


def test_another_partition_count_ends_with_the_topic_both_counts_and_the_remedy(kafka):
    settings = {"url": f"kafka://{kafka.bootstrap}", "namespace": "counted."}
    assert run("--create", partitions="2", **settings).returncode == 0
    other = run(partitions="5", **settings)
    assert other.returncode == 2
    assert "counted.campaigniq.events.v1 has 2 partitions, and log.partitions says 5" in other.stderr


def test_while_kafka_is_away_the_reason_is_not_lost_among_complaints():
    done = run(url="kafka://127.0.0.1:1", connect_timeout_s="5")
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines) <= 5, lines[-1].startswith("campaigniq: log.url")) == (2, True, True)


def test_without_kafka_the_setting_is_named():
    done = run(url="")
    assert (done.returncode, done.stderr.split(":")[1].strip()) == (2, "log.url")
