"""Replay, inspect and rescore on a real Kafka give what they give on the log in memory."""

from itertools import count

import pytest

from infra.offline import inspect
from infra.offline.logs import Place, open_log
from infra.offline.recorded import RecordedRun, Rules
from infra.offline.rescore import rescore
from infra.offline.sources import LogSource
from infra.settings import Settings
from streams.log.kafka import KafkaEventLog
from streams.log.kafka_admin import TopicAdmin
from streams.log.memory import MemoryEventLog
from streams.settings import LogSettings
from tests.kafka import found_kafka, shared_kafka  # noqa: F401 - fixtures
from tests.unit.infra.offline_kit import PARTITIONS, RULES, START_MS, Heard, Platform, shopping

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
_installations = count()


@pytest.fixture(name="settings")
def kafka_settings(kafka) -> LogSettings:
    url = f"kafka://{kafka.bootstrap}"
    settings = LogSettings(url=url, partitions=PARTITIONS, namespace=f"offline{next(_installations)}.")
    TopicAdmin(settings).check(create=True)
    return settings


@pytest.fixture(name="platform")
async def on_kafka(settings):
    log = await KafkaEventLog(settings).open()
    platform = await Platform(log).start()
    await platform.send(*shopping())
    await platform.settle()
    yield platform
    await log.close()


@pytest.fixture(name="log")
async def read_log(settings, platform):
    log = await open_log(Place(url=settings.url), Settings(log=settings))
    yield log
    await log.close()


async def test_without_a_place_the_kafka_of_the_settings_is_read(settings, platform):
    log = await open_log(Place(), Settings(log=settings))
    found = await inspect.lag(log, START_MS)
    await log.close()
    assert len(found["partitions"]) == PARTITIONS


async def test_a_replay_gives_the_platforms_triggers(platform, log):
    heard = Heard()
    await RecordedRun(await LogSource.open(log), Rules(RULES), heard.listeners()).replay()
    assert {trigger.id for trigger in heard.triggers} == set(await platform.triggers())


async def test_a_profile_is_found_without_an_index(platform, log):
    found = await inspect.profile(log, "default", "u1@example.com", START_MS)
    assert found["path"] == ["email:u1@example.com", "user:u1"]


async def test_nothing_lags_once_all_is_applied(platform, log):
    found = await inspect.lag(log, START_MS)
    assert [row["lag_frames"] for row in found["partitions"]] == [0] * PARTITIONS


async def test_a_rescore_leaves_scores_that_are_right_as_they_are(platform):
    reference = await Platform(MemoryEventLog(PARTITIONS)).start()
    await reference.send(*shopping())
    await reference.settle()
    await rescore(platform.log, "default", "lead", RULES, START_MS + 86_400_000)
    await platform.settle()

    def totals(states):
        found = {name: state.scores["lead"].total for name, state in states.items() if "lead" in state.scores}
        return {name: pytest.approx(total) for name, total in found.items() if total}

    assert totals(platform.states()) == totals(reference.states())
