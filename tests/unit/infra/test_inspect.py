"""`campaigniq inspect`: what was committed, as the engine wrote it."""

import orjson
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from infra.cli import app
from infra.offline import inspect
from infra.offline.logs import EmbeddedLogReader, Place, newest_of
from infra.offline.views import view
from sinks.alert_routes import AlertPlanner
from sinks.dispatcher import TriggerPlanner
from streams.log import topics
from streams.log.embedded import EmbeddedEventLog
from streams.log.memory import MemoryEventLog
from streams.model.errors import ConfigurationError
from streams.model.rules_in_force import Quarantine
from streams.state import codec
from tests.unit.infra.offline_kit import PARTITIONS, RULES, START_MS, Platform, shopping

NOW_MS = START_MS + 86_400_000


@pytest.fixture(name="platform")
async def running(tmp_path):
    log = await EmbeddedEventLog(tmp_path / "log.db", PARTITIONS).open()
    platform = await Platform(log).start()
    await platform.send(*shopping())
    await platform.settle()
    yield platform
    await log.close()


async def seen(what: str, folder, **about) -> dict:
    return orjson.loads(await view(what, Place(folder), None, NOW_MS, as_json=True, **about))


@pytest.mark.parametrize("name", ["user:u1", "u1", "b2", "anon:b2", "U1@example.com"])
async def test_any_id_of_a_person_leads_to_the_profile(platform, tmp_path, name):
    found = await seen("profile", tmp_path, workspace="default", name=name)
    assert found["path"][-1] == found["state"]["profile"] == "user:u1"


async def test_a_profile_says_what_its_score_is_made_of(platform, tmp_path):
    found = await seen("profile", tmp_path, workspace="default", name="u1")
    lead = found["state"]["scores"]["lead"]
    assert sum(part["points"] for part in lead["contributions"]) == pytest.approx(lead["points"])
    assert {"partition", "offset", "written_ms"} <= found.keys()


async def test_a_company_shows_its_members(platform, tmp_path):
    found = await seen("profile", tmp_path, workspace="default", name="group:g0")
    assert set(found["state"]["account"]["members"]) <= {"user:u0", "user:u1", "user:u2"}


async def test_an_unknown_profile_says_what_was_tried(platform, tmp_path):
    with pytest.raises(inspect.UnknownProfileError, match=r"user:nobody, anon:nobody, email:nobody"):
        await seen("profile", tmp_path, workspace="default", name="nobody")


async def test_a_partition_adds_up(platform, tmp_path):
    found = await seen("partition", tmp_path)
    assert [row["partition"] for row in found] == list(range(PARTITIONS))
    assert sum(row["ids"] for row in found) == len(platform.states())
    assert sum(sum(row["open_windows"].values()) for row in found) == 3
    assert sum(sum(row["seen_ids_per_day"].values()) for row in found) >= len(shopping())


async def test_a_partition_names_its_rules_and_what_is_off(platform, tmp_path):
    await platform.adopt(replace(RULES, version=7), 1, NOW_MS)
    await platform.settle()
    platform.places[1].partition.rules.quarantine("default", "cart_abandoned", Quarantine(NOW_MS, "broke"))
    await platform.tick(NOW_MS)
    await platform.settle()
    [found] = await seen("partition", tmp_path, number=1)
    [rules] = found["rules"]
    assert (rules["version"], rules["revision"]) == (7, 1)
    assert rules["quarantined"] == {"cart_abandoned": {"since_ms": NOW_MS, "reason": "broke"}}


async def test_a_partition_that_is_none_is_refused(platform, tmp_path):
    with pytest.raises(ConfigurationError, match="there is no partition 9"):
        await seen("partition", tmp_path, number=9)


async def test_lag_counts_what_is_not_applied(platform, tmp_path):
    await platform.tick(NOW_MS)
    await platform.log.commit("senders", topics.TRIGGERS, {0: 1})
    found = await seen("lag", tmp_path)
    assert [row["lag_frames"] for row in found["partitions"]] == [1] * PARTITIONS
    assert [(row["group"], row["next"]) for row in found["groups"]] == [("senders", 1)]


def test_groups_are_those_that_commit():
    assert {AlertPlanner.stage, TriggerPlanner.stage} < {group for group, _ in inspect.GROUPS}


async def test_tables_are_for_people(platform, tmp_path):
    lag = await view("lag", Place(tmp_path), None, NOW_MS, as_json=False)
    partition = await view("partition", Place(tmp_path), None, NOW_MS, as_json=False, number=0)
    assert lag.splitlines()[0].split() == ["partition", "log", "end", "applied", "lag", "(frames)", "clock", "behind"]
    assert "open windows" in partition


async def test_a_log_without_an_index_gives_the_same(platform, tmp_path):
    reader = EmbeddedLogReader(tmp_path)
    other = MemoryEventLog(PARTITIONS)
    copied = await Platform(other).start()
    await copied.send(*shopping())
    await copied.settle()
    for number in range(PARTITIONS):
        keys = [codec.COMMIT_KEY, codec.profile_key("default", "user:u1"), b"p:nobody"]
        one, two = [await newest_of(log, number, keys) for log in (reader, other)]
        assert one.keys() == two.keys()
    await reader.close()


def test_the_command_line_has_them():
    result = CliRunner().invoke(app, ["inspect", "--help"])
    assert all(name in result.output for name in ("profile", "partition", "lag"))
