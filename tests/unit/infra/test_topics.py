"""The table of topics says in words how long each is kept."""

import pytest

from infra.topics import describe
from streams.log.kafka_admin import TopicReport

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("cleanup", "retention_ms", "said"),
    [
        ("compact", -1, "newest of each key"),
        ("delete", 7 * DAY_MS, "7 days"),
        ("delete", -1, "for ever"),
    ],
)
def test_a_topic_says_how_long_it_is_kept(cleanup, retention_ms, said):
    report = TopicReport("state", 4, 1, cleanup, retention_ms, created=False, problem="", remedy="")
    assert f"  {said}  " in describe([report])
