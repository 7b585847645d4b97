"""Stored rules: versions that follow on each other, and what has yet to reach the log."""

from collections.abc import AsyncIterator
from itertools import count

import msgspec
import pytest
from msgspec.structs import replace

from streams.frames import decode
from streams.log import topics
from streams.log.controls import ControlSender
from streams.log.memory import MemoryEventLog
from streams.log.rules_in_force import RulesInForceReader
from streams.model.control import Control, ControlKind
from streams.model.rules.standard import default_rules
from streams.model.rules_in_force import Quarantine, RulesInForce
from streams.operators.rulebook import encode_rules
from streams.ports import NewRecord
from streams.store import rule_sets
from streams.store.config import ConfigStore
from streams.store.rule_cache import RuleCache
from streams.store.rule_sets import RuleSets, VersionNote

NOW = 1_700_000_000_000


class StillClock:
    def now_ms(self) -> int:
        return NOW


def note(version: int, workspace: str = "default") -> VersionNote:
    return VersionNote(workspace, version, NOW + version, "ci", f"change {version}", is_applied=False)


@pytest.fixture
async def store() -> AsyncIterator[ConfigStore]:
    numbers = count(1)
    store = ConfigStore("sqlite://", lambda size: f"random-{size}-{next(numbers)}")
    await store.open()
    await store.bootstrap(NOW)
    yield store
    await store.close()


@pytest.fixture
def rules(store: ConfigStore) -> RuleSets:
    return store.rules


async def test_nothing_is_current_at_first(rules):
    assert (await rules.current("default"), await rules.versions("default", 10), await rules.unapplied()) == (
        None,
        [],
        [],
    )


async def test_the_newest_version_is_current_and_the_older_can_be_read(rules):
    assert await rules.add(note(1), b'{"a":1}', 0)
    assert await rules.add(note(2), b'{"a":2}', 1)
    assert (await rules.current("default")).body == b'{"a":2}'
    assert await rules.get("default", 1) == (note(1), b'{"a":1}')


@pytest.mark.parametrize("based_on", [0, 2, 3])
async def test_a_version_must_follow_on_the_newest(rules, based_on):
    await rules.add(note(1), b"{}", 0)
    assert not await rules.add(note(9), b"{}", based_on)
    assert (await rules.current("default")).note.version == 1


async def test_versions_are_listed_newest_first_a_page_at_a_time(rules):
    for version in range(1, 6):
        await rules.add(note(version), b"{}", version - 1)
    page = await rules.versions("default", 2, before=5)
    assert [(n.version, n.comment, n.author) for n in page] == [(4, "change 4", "ci"), (3, "change 3", "ci")]


async def test_old_versions_are_let_go(rules, monkeypatch):
    monkeypatch.setattr(rule_sets, "KEPT_VERSIONS", 2)
    for version in range(1, 5):
        await rules.add(note(version), b"{}", version - 1)
    assert [n.version for n in await rules.versions("default", 10)] == [4, 3]


async def test_only_the_newest_version_has_to_reach_the_log(rules):
    for version in range(1, 4):
        await rules.add(note(version), b"{}", version - 1)
    assert [stored.note.version for stored in await rules.unapplied()] == [3]
    await rules.mark_applied("default", 3)
    assert await rules.unapplied() == []
    assert {n.is_applied for n in await rules.versions("default", 10)} == {True}


async def test_the_cache_answers_from_the_last_refresh(rules):
    default, written = default_rules(), replace(default_rules(), version=1, pages={})
    cache = RuleCache(rules, default)
    await rules.add(note(1), encode_rules(written), 0)
    assert cache.of("default") is default
    await cache.refresh()
    assert (cache.of("default"), cache.of("other")) == (written, default)


async def test_a_token_knows_its_name(store):
    token = await store.add_api_token("default", "ci", NOW)
    assert (await store.api_token(token), await store.api_token("ciq_guess")) == (("default", "ci"), None)


async def test_a_control_record_goes_to_every_partition():
    log = MemoryEventLog(3)
    sent = Control(ControlKind.RULES, "default", 1, b"{}")
    await ControlSender(log, StillClock()).send(sent)
    found = [decode(r.value) for n in range(3) for r in await log.read(topics.EVENTS, n, 0, 10)]
    assert [(frame.control, frame.clock_ms) for frame in found] == [(sent, NOW)] * 3


async def test_the_last_word_of_each_partition_counts():
    log = MemoryEventLog(2)
    reader = RulesInForceReader(log)
    said = [
        RulesInForce("default", 0, 1, {"bad": Quarantine(NOW, "oops")}),
        RulesInForce("default", 1, 1),
        RulesInForce("other", 1, 7),
        RulesInForce("default", 0, 2),
    ]
    for now in said:
        place = NewRecord(
            topics.RULES_IN_FORCE, now.partition, now.workspace.encode(), msgspec.msgpack.encode(now), NOW
        )
        await log.append([place])
        await reader.of("default")
    assert [(r.partition, r.revision, r.quarantined) for r in await reader.of("default")] == [(0, 2, {}), (1, 1, {})]
