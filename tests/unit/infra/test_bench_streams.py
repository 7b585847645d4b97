"""The measure of the stream engine: its workload is R1 to the bit, its oracle is right, its verifier sees faults."""

import json
from collections import Counter

import msgspec
import pytest

from infra.bench.cores import shared_out
from infra.bench.marks import Mark, pace_between, read_marks, together
from infra.bench.r1.encode import WORKSPACE, SigningIn, frames, to_event
from infra.bench.r1.generator import R1Event, end_ms, events, properties
from infra.bench.r1.oracle import CART_MS, Outcome, expected
from infra.bench.r1.profiles import RulesProfile
from infra.bench.r1.rules import encoded, full_rules, r1_rules
from infra.bench.r1.verify import Said, differences, said_by_engine, said_by_rival
from infra.bench.restart import crowd
from infra.bench.rivals.rival_kit import Meter, Task, task_from
from infra.bench.streams import Plan, describe, spread
from infra.bench.trigger_latency import timed_frames
from streams.frames import decode, encode_rollups
from streams.model.events import ProfileKeys
from streams.model.ids import partition_for
from streams.model.rollups import Rollup, RollupBatch, Series
from streams.model.rules.ruleset import RuleSet
from streams.model.triggers import Trigger

T0 = 1_795_219_200_000


def test_the_stream_begins_as_r1_is_defined():
    first, second = events(2)
    assert first == R1Event(
        "0439fdcaffb3cb3237bbfa6166a146ed", "p018486", "page_view", T0, "web", "camp-06", None, 8_886
    )
    assert second == R1Event(
        "638b123c13c4b8acadc753265bd3f5b0", "p006069", "page_view", T0 + 43, "ios", "camp-02", None, 9_905
    )
    assert properties(first)["title"] == "Item 08886 - a fine thing for your home | Example Shop"


def test_a_short_stream_is_the_beginning_of_a_longer_one():
    assert list(events(50)) == list(events(100))[:50]
    assert list(events(50))[-1].at_ms == end_ms(50)


def did(name: str, after_ms: int, who: str = "p1", value: float | None = None) -> R1Event:
    return R1Event(f"{who}-{after_ms}", who, name, T0 + after_ms, "web", "camp-01", value, 7)


def test_the_oracle_announces_a_tier_when_it_is_reached():
    stream = [did("form_submit", 0), did("email_click", 1_000), did("page_view", 2_000), did("form_submit", 3_000)]
    assert expected([*stream, did("email_open", 4_000)], T0).tiers == {("p1", 1, T0 + 1_000), ("p1", 2, T0 + 4_000)}


def test_the_oracle_announces_a_tier_again_after_the_score_has_fallen():
    week = 7 * 86_400_000
    stream = [did("form_submit", 0), did("form_submit", 0), did("page_view", week), did("email_open", week)]
    assert expected(stream, T0).tiers == {("p1", 1, T0), ("p1", 1, T0 + week)}


def test_the_oracle_closes_a_cart_that_nobody_touched_for_an_hour():
    touched_again = [did("cart_add", 0), did("cart_add", 1_000)]
    assert expected(touched_again, T0 + 1_000 + CART_MS).carts == {("p1", T0 + 1_000)}
    assert expected(touched_again, T0 + CART_MS).carts == set()


def test_the_oracle_closes_a_cart_before_the_event_that_comes_at_its_end():
    assert expected([did("cart_add", 0), did("purchase", CART_MS)], T0).carts == {("p1", T0)}
    assert expected([did("cart_add", 0), did("purchase", CART_MS - 1)], T0 + 2 * CART_MS).carts == set()


def test_the_oracle_counts_by_bucket_name_and_campaign():
    stream = [did("purchase", 0, "p1", 5.5), did("purchase", 9_999, "p2", 0.25), did("purchase", 10_000, "p1", 1)]
    assert expected(stream, T0).rollups == {
        (T0, "purchase", "camp-01"): (2, 5_750_000),
        (T0 + 10_000, "purchase", "camp-01"): (1, 1_000_000),
    }


def test_frames_keep_a_partitions_order_and_end_with_a_tick():
    made = list(frames(events(1_000), 4, 100, T0 + 99_000_000))
    assert sum(frame.events for frame in made) == 1_000
    assert [decode(frame.data).clock_ms for frame in made[-1:]] == [T0 + 99_000_000]
    for partition in range(4):
        mine = [e for frame in made if frame.partition == partition for e in decode(frame.data).events]
        assert [e.received_ms for e in mine] == sorted(e.received_ms for e in mine)
        assert {partition_for(WORKSPACE, e.profile, 4) for e in mine} == {partition}


def test_an_event_of_r1_is_an_event_of_ours():
    made = to_event(did("cart_add", 5, value=19.99))
    assert (made.profile, made.at_ms, made.received_ms, made.value, made.campaign) == (
        "user:p1", T0 + 5, T0 + 5, 19.99, "camp-01",
    )  # fmt: skip
    assert (made.properties["product_id"], made.properties["price"]) == ("sku-00007", 19.99)


def test_people_who_sign_in_are_a_browser_at_first_and_both_later():
    signing_in = SigningIn()
    keys = [signing_in(did("page_view", n)).keys for n in range(8)]
    assert keys[0] == ProfileKeys(None, "b-p1")
    assert keys[-1] == ProfileKeys("p1", "b-p1")


def test_the_rule_sets_are_of_the_size_that_is_promised():
    full = msgspec.json.decode(encoded(full_rules()), type=RuleSet)
    assert (len(full.scores[0].rules), len(full.abandonment), full.identity.is_on) == (30, 5, True)
    assert (len(r1_rules().scores[0].rules), len(r1_rules().abandonment), r1_rules().identity.is_on) == (7, 1, False)


OUTCOME = Outcome(frozenset({("p1", 1, T0)}), frozenset({("p2", T0)}), {(T0, "purchase", ""): (2, 3_000_000)})


def trigger(rule: str, profile: str, at_ms: int, due_ms: int, **data: str) -> bytes:
    return msgspec.msgpack.encode(Trigger("t", "default", rule, profile, "o", at_ms, due_ms, ProfileKeys(), {}, data))


def total(count: int, value: float, source: str = "web", partition: int = 0) -> bytes:
    rollup = Rollup(Series("default", "purchase", "", source), T0, partition, 0, count, value)
    return encode_rollups(RollupBatch(partition, T0, (rollup,)))


TRIGGERS = [
    trigger("lead_tier", "user:p1", T0, T0, tier="warm"),
    trigger("cart_abandoned", "user:p2", T0 + CART_MS + 5, T0 + CART_MS),
]
ROLLUPS = [total(1, 1.0), total(1, 2.0), total(1, 1.0, "ios", 1)]


def test_an_engine_that_says_what_it_must_has_no_differences():
    assert differences(said_by_engine(TRIGGERS, ROLLUPS), OUTCOME) == {"tiers": 0, "carts": 0, "rollups": 0}


@pytest.mark.parametrize(
    ("triggers", "rollups", "found"),
    [
        (TRIGGERS[1:], ROLLUPS, {"tiers": 1, "carts": 0, "rollups": 0}),
        (TRIGGERS[:1], ROLLUPS, {"tiers": 0, "carts": 1, "rollups": 0}),
        ([*TRIGGERS, TRIGGERS[0]], ROLLUPS, {"tiers": 1, "carts": 0, "rollups": 0}),
        (
            [*TRIGGERS, trigger("lead_tier", "user:p1", T0, T0, tier="hot")],
            ROLLUPS,
            {"tiers": 1, "carts": 0, "rollups": 0},
        ),
        (TRIGGERS, ROLLUPS[1:], {"tiers": 0, "carts": 0, "rollups": 0}),
        (TRIGGERS, ROLLUPS[:1], {"tiers": 0, "carts": 0, "rollups": 1}),
        (TRIGGERS, [*ROLLUPS, total(2, 2.0)], {"tiers": 0, "carts": 0, "rollups": 1}),
        (TRIGGERS, [], {"tiers": 0, "carts": 0, "rollups": 1}),
    ],
)
def test_planted_differences_are_counted(triggers, rollups, found):
    assert differences(said_by_engine(triggers, rollups), OUTCOME) == found


def test_a_rival_may_leave_open_what_is_last():
    said = said_by_rival(
        [{"type": "tier", "profile": "p1", "tier": 1, "ts": T0 / 1000}],
        [{"window": T0 / 1000, "name": "purchase", "campaign": None, "count": 2, "sum": 3.0}],
    )
    slow = Outcome(OUTCOME.tiers, frozenset(), OUTCOME.rollups | {(T0 + 10_000, "purchase", ""): (1, 1_000_000)})
    assert differences(said, slow, OUTCOME, T0 + 10_000) == {"tiers": 0, "carts": 0, "rollups": 0}
    assert differences(said, slow, OUTCOME, T0 + 20_000)["rollups"] == 1
    extra = Said(said.tiers, Counter({("p9", T0): 1}), said.rollups)
    assert differences(extra, slow, OUTCOME, T0 + 10_000)["carts"] == 1


def test_the_pace_is_taken_from_marks_that_were_reached():
    marks = [Mark(0, 0, 0), Mark(150, 1, 1), Mark(400, 2, 1.5), Mark(1_000, 5, 3.5)]
    pace = pace_between(marks, 1_000)
    assert pace is not None
    assert (pace.events_per_s, pace.events_per_cpu_s) == (200, 300)
    assert pace_between(marks, 1_001) is None


def test_marks_of_two_workers_add_up():
    both = together([[Mark(0, 1, 1), Mark(10, 4, 2)], [Mark(5, 2, 1), Mark(7, 3, 2)]])
    assert both == [Mark(0, 1, 1), Mark(5, 2, 2), Mark(7, 3, 3), Mark(17, 4, 4)]


def test_a_line_that_is_being_written_is_no_mark_yet(tmp_path):
    file = tmp_path / "marks"
    file.write_text('{"events": 5, "at_s": 1.5, "cpu_s": 1, "profiles": 3}\n{"events": 9, "at')
    assert read_marks(file) == [Mark(5, 1.5, 1)]
    assert read_marks(tmp_path / "none") == []


def test_a_rivals_task_survives_the_environment_and_its_meter_marks_tenths(tmp_path):
    meter = tmp_path / "marks"
    task = Task("r", "b:1", "t", 4, 100, "s", str(meter), {"page_view": 1}, 7.0, 3_600.0, 10, (25, 50))
    assert task_from(task.to_environment()) == task
    assert [task.tier_of(score) for score in (24.9, 25, 50)] == [0, 1, 2]
    counting = Meter(task)
    for _ in range(100):
        counting.tick()
    assert [json.loads(line)["events"] for line in meter.read_text().splitlines()] == [1, *range(10, 101, 10)]


def test_broker_and_workers_get_a_core_each_where_there_are_enough():
    assert shared_out(1, [0, 1])[:2] == (0, (1,))
    assert shared_out(2, [0, 1, 2, 3])[:2] == (0, (1, 2))
    assert shared_out(2, [0, 1])[:2] == (0, (1, 1))
    assert "CPU seconds" in shared_out(2, [0, 1]).note
    assert shared_out(1, [3])[:2] == (None, (None,))


def test_every_frame_of_the_latency_run_has_a_probe_of_its_own():
    timed = list(timed_frames(400, 1_000, 4, T0))
    assert len({frame.probe for frame in timed}) == len(timed) == 80
    assert [frame.due_s for frame in timed] == sorted(frame.due_s for frame in timed)
    probes = [decode(frame.data).events[-1] for frame in timed]
    assert [probe.profile for probe in probes] == [frame.probe for frame in timed]
    assert all(partition_for(WORKSPACE, f.probe, 4) == f.partition for f in timed)


def test_everybody_in_the_crowd_does_as_much():
    assert set(Counter(event.profile for event in crowd(50)).values()) == {2}
    assert len({event.id for event in crowd(50)}) == 100


def test_plans_shrink_as_asked():
    assert set(Plan().without_rivals().turns) == {"ours"}
    quick = Plan(rules=RulesProfile.FULL, restart_profiles=1_000_000).made_quick()
    assert (quick.rules, quick.events, quick.restart_profiles) == (RulesProfile.FULL, 200_000, 100_000)


def test_figures_are_told_in_words():
    rates = spread([1, 3, 9])
    assert rates == {"min": 1, "median": 3, "max": 9}
    row = {"events_per_s_core": rates, "events_per_cpu_s": rates, "differences_total": 0}
    rivals = {"faust": {"title": "Faust", **row}, "bytewax": {"title": "Bytewax", "unavailable": "no network\nat all"}}
    told = describe({"ours": row, "rivals": rivals, "ratios": {"faust": 1.0}})
    assert "1 / 3 / 9" in told
    assert "not measured: no network" in told
    assert "at all" not in told
