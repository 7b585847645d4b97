"""`campaigniq rescore`: afterwards scores are those that the rules in force would have given from the beginning."""

import pytest
from msgspec.structs import replace

from infra.data_dir import DataDir
from infra.offline.logs import Place
from infra.offline.rescore import RescoreError, rescore
from infra.offline.rescoring import rescore_at
from streams.log import topics
from streams.log.embedded import EmbeddedEventLog
from streams.log.memory import MemoryEventLog
from streams.model.errors import ConfigurationError
from streams.model.events import ProfileKeys
from streams.model.scores import shares_at
from tests.unit.infra.offline_kit import PARTITIONS, RULES, START_MS, Platform, by, shopping

NOW_MS = START_MS + 86_400_000


def changed():
    """The rules with the clicks worth five times as much, the forms nothing, and a new rule for page views."""
    model = RULES.scores[0]
    rules = []
    for rule in model.rules:
        if rule.event == "form_submitted":
            continue
        points = 5 * rule.points if rule.event == "email_clicked" else rule.points
        rules.append(replace(rule, points=points))
    rules.append(replace(model.rules[0], id="adding", event="product_added", points=3.0))
    return replace(RULES, version=2, scores=(replace(model, rules=tuple(rules)), *RULES.scores[1:]))


def points(platform: Platform, at_ms: int = NOW_MS) -> dict:
    found = {}
    for state in platform.states().values():
        for share in shares_at(state.scores["lead"], at_ms) if "lead" in state.scores else ():
            found[state.id, share.rule] = (share.count, pytest.approx(share.points), share.last_at_ms)
    return found


async def sent(platform: Platform, events) -> None:
    for number in range(0, len(events), 4):
        await platform.send(*events[number : number + 4])
        await platform.settle()


async def from_the_beginning(events) -> Platform:
    platform = await Platform(MemoryEventLog(PARTITIONS), changed()).start()
    await sent(platform, events)
    return platform


async def changed_after(events) -> Platform:
    platform = await Platform(MemoryEventLog(PARTITIONS)).start()
    await sent(platform, events)
    await platform.adopt(changed(), 1, events[-1].received_ms)
    await platform.settle()
    return platform


async def test_scores_are_those_of_the_new_rules_over_the_whole_history():
    platform = await changed_after(shopping())
    before = points(platform)
    done = await rescore(platform.log, "default", "lead", RULES, NOW_MS)
    await platform.settle()
    wanted = points(await from_the_beginning(shopping()))
    assert points(platform) == wanted != before
    assert done.events == len(shopping())


async def test_what_is_earned_while_it_runs_is_kept():
    events = shopping()
    platform = await changed_after(events[:50])
    await rescore(platform.log, "default", "lead", RULES, NOW_MS)
    # The engine has not come to the moves yet.
    late = [
        replace(event, at_ms=event.at_ms + 86_400_000, received_ms=event.received_ms + 86_400_000)
        for event in events[50:]
    ]
    await platform.send(*late)
    await platform.settle()
    reference = await from_the_beginning([*events[:50], *late])
    assert points(platform, NOW_MS * 2) == points(reference, NOW_MS * 2)


@pytest.mark.parametrize("name", ["email_clicked", "product_added"])
async def test_ids_that_join_while_it_runs_bring_their_new_points(name):
    alone = [by(ProfileKeys(anonymous_id="b"), name, START_MS + n, f"a{n}") for n in range(3)]
    user = [by(ProfileKeys(user_id="u"), "email_clicked", START_MS + 10 + n, f"u{n}") for n in range(2)]
    both = by(ProfileKeys(user_id="u", anonymous_id="b"), "email_clicked", START_MS + 1_000, "both")
    platform = await changed_after([*alone, *user])
    await rescore(platform.log, "default", "lead", RULES, NOW_MS)
    await platform.send(both)
    await platform.settle()
    assert points(platform) == points(await from_the_beginning([*alone, *user, both]))


async def test_a_second_recompute_gives_the_same():
    platform = await changed_after(shopping())
    await rescore(platform.log, "default", "lead", RULES, NOW_MS)
    await platform.settle()
    once = points(platform)
    await rescore(platform.log, "default", "lead", RULES, NOW_MS + 1)
    await platform.settle()
    assert points(platform) == once


async def test_it_fires_nothing():
    platform = await changed_after(shopping())
    before = await platform.triggers()
    await rescore(platform.log, "default", "lead", RULES, NOW_MS)
    await platform.settle()
    assert {name for name, t in (await platform.triggers()).items() if not t.rule.startswith("account")} == {
        name for name, t in before.items() if not t.rule.startswith("account")
    }


async def test_an_unknown_score_is_refused_before_anything_is_written():
    platform = await changed_after(shopping(2))
    ends = [await platform.log.bounds(topics.EVENTS, number) for number in range(PARTITIONS)]
    with pytest.raises(RescoreError, match=r"no score 'churn'\. It has: lead"):
        await rescore(platform.log, "default", "churn", RULES, NOW_MS)
    assert ends == [await platform.log.bounds(topics.EVENTS, number) for number in range(PARTITIONS)]


class CutLog(MemoryEventLog):
    """Has lost its beginning."""

    async def bounds(self, topic_name, partition):
        _, end = await super().bounds(topic_name, partition)
        return (min(1, end), end)


async def test_a_log_that_lost_its_beginning_is_refused():
    platform = await Platform(CutLog(PARTITIONS)).start()
    await platform.send(*shopping(2))
    with pytest.raises(RescoreError, match="--accept-loss"):
        await rescore(platform.log, "default", "lead", RULES, NOW_MS)


async def test_a_stopped_folder_is_rescored_and_a_running_one_refused(tmp_path):
    log = await EmbeddedEventLog(tmp_path / "log.db", PARTITIONS).open()
    platform = await Platform(log).start()
    await sent(platform, shopping())
    await platform.close()
    await log.close()
    running = DataDir(tmp_path)
    with pytest.raises(ConfigurationError, match="in use by another campaigniq"):
        await rescore_at(Place(tmp_path), None, "default", "lead", NOW_MS, accept_loss=False)
    running.release()
    done = await rescore_at(Place(tmp_path), None, "default", "lead", NOW_MS, accept_loss=False)
    assert done.profiles > 0
