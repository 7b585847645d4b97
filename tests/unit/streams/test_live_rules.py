"""Rules that change while the stream runs: adopted in order, off when they fail, on again when changed or released."""

import msgspec
import pytest
from msgspec.structs import replace

from streams.frames import Frame, FrameKind, decode, encode_control
from streams.log import topics
from streams.model.alerts import Alert, AlertState
from streams.model.control import Control, ControlKind
from streams.model.dead_letters import DeadLetter
from streams.model.moves import Move, MoveBatch, MoveKind
from streams.model.rules.abandonment import HOUR_MS
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.scoring import FitRule, ScoreRule
from streams.model.rules.standard import default_rules
from streams.model.rules_in_force import RulesInForce
from streams.model.scores import points_at
from streams.operators import score_model, windows_rules
from streams.operators.rulebook import encode_rules
from tests.laws.engine_kit import Run
from tests.unit.streams.builders import NOW_MS, event, kettle

BASE = default_rules()
BRITTLE = (Condition("properties.brittle", Op.EXISTS),)
WEBINAR = ScoreRule("webinar", "webinar_attended", 60)


def frame(*events, clock_ms: int = NOW_MS) -> Frame:
    return Frame(FrameKind.EVENTS, clock_ms, list(events))


def control(kind: ControlKind, revision: int, body: bytes, workspace: str = "default") -> Frame:
    return Frame(FrameKind.CONTROL, NOW_MS, control=Control(kind, workspace, revision, body))


def adopt(revision: int, rules, workspace: str = "default") -> Frame:
    return control(ControlKind.RULES, revision, encode_rules(rules), workspace)


def release(rule: str) -> Frame:
    return control(ControlKind.RELEASE, 0, rule.encode())


def with_rules(*rules: ScoreRule):
    (model,) = BASE.scores
    return replace(BASE, scores=(replace(model, rules=(*model.rules, *rules)),))


FAILING = with_rules(ScoreRule("bad", "email_opened", 7, BRITTLE), WEBINAR)


@pytest.fixture
def brittle(monkeypatch):
    """Let every condition on properties.brittle (or traits.brittle) raise, as a fault of the engine would."""

    def breaking(original):
        def compile_when(when, *others):
            if any("brittle" in condition.field for condition in when):
                return lambda *_: 1 / 0
            return original(when, *others)

        return compile_when

    for module in (score_model, windows_rules):
        monkeypatch.setattr(module, "compile_when", breaking(module.compile_when))


async def read(run: Run, topic: str, kind):
    return [msgspec.msgpack.decode(r.value, type=kind) for r in await run.log.read(topic, 0, 0, 1000)]


def apply(run: Run, frames: list[Frame], start: int = 0) -> None:
    for offset, frame in enumerate(frames, start):
        run.partition.apply(offset, frame)
    run.partition.settle()


def points(run: Run, profile: str = "user:ada", workspace: str = "default") -> float:
    state = run.partition.profiles.get(f"{workspace}\x1f{profile}")
    return round(points_at(state.scores["lead"], NOW_MS), 9)


def test_events_behind_new_rules_are_judged_by_them():
    run = Run()
    seen = event("webinar_attended", message_id="m1"), event("webinar_attended", message_id="m2")
    apply(run, [frame(seen[0]), adopt(1, with_rules(WEBINAR)), frame(seen[1])])
    assert points(run) == 60


def test_an_older_or_equal_version_changes_nothing():
    run = Run()
    apply(run, [adopt(2, with_rules(WEBINAR)), adopt(1, BASE), adopt(2, BASE), frame(event("webinar_attended"))])
    assert (points(run), run.partition.rules.revision("default")) == (60, 2)


def test_fit_rules_that_come_later_give_points_to_who_has_earned_none_so_far():
    (model,) = BASE.scores
    fit = (FitRule("boss", 30, (Condition("traits.title", Op.EQ, "vp"),)),)
    told = event("identified", traits={"title": "vp"}, message_id="m1")
    run = Run()
    later = adopt(1, replace(BASE, scores=(replace(model, fit=fit),)))
    apply(run, [frame(told), later, frame(event("x", message_id="m2"))])
    assert points(run) == 30


async def test_adopted_rules_hold_after_a_restart():
    run = Run()
    apply(run, [adopt(1, with_rules(WEBINAR))])
    await run.flush()
    await run.restart()
    apply(run, [frame(event("webinar_attended"))], 1)
    assert points(run) == 60


def test_a_rule_that_fails_is_off_and_the_event_counts_by_the_others(brittle):
    run = Run()
    apply(run, [adopt(1, FAILING), frame(event("email_opened"))])
    assert (points(run), list(run.partition.rules.quarantined("default"))) == (5, ["bad"])
    assert run.partition.dead_letters == []


def test_many_rules_that_fail_at_once_are_all_off(brittle):
    rules = (ScoreRule(f"bad{n}", "email_opened", 7, BRITTLE) for n in range(100))
    run = Run()
    apply(run, [adopt(1, with_rules(*rules)), frame(event("email_opened"))])
    assert (points(run), len(run.partition.rules.quarantined("default"))) == (5, 100)


async def test_an_alert_is_raised_once(brittle):
    run = Run()
    apply(run, [adopt(1, FAILING), frame(*(event("email_opened", message_id=f"m{n}") for n in range(5)))])
    await run.flush()
    (alert,) = await read(run, topics.ALERTS, Alert)
    assert (alert.rule, alert.subject, alert.state) == ("rule_failed", "bad", AlertState.FIRING)
    assert "ZeroDivisionError" in alert.summary


async def test_the_rule_stays_off_after_a_restart_and_nobody_is_told_again(brittle):
    run = Run()
    apply(run, [adopt(1, FAILING), frame(event("email_opened", message_id="m1"))])
    await run.flush()
    await run.restart()
    apply(run, [frame(event("email_opened", message_id="m2"))], 2)
    await run.flush()
    assert (points(run), len(await read(run, topics.ALERTS, Alert))) == (10, 1)


def test_other_workspaces_keep_their_rules(brittle):
    theirs = replace(FAILING, scores=(replace(FAILING.scores[0], rules=(ScoreRule("bad", "email_opened", 9),)),))
    run = Run()
    others = msgspec.structs.replace(event("email_opened", profile="user:bob"), workspace="other")
    apply(run, [adopt(1, FAILING), adopt(1, theirs, "other"), frame(event("email_opened"), others)])
    assert (points(run, "user:bob", "other"), dict(run.partition.rules.quarantined("other"))) == (9, {})


def test_an_abandonment_rule_that_fails_is_off_and_the_score_counts(brittle):
    (cart,) = BASE.abandonment
    opens = tuple(replace(match, when=BRITTLE) for match in cart.opens)
    rules = replace(with_rules(ScoreRule("added", "product_added", 3)), abandonment=(replace(cart, opens=opens),))
    run = Run()
    apply(run, [adopt(1, rules), frame(event("product_added", properties=kettle()))])
    assert (points(run), list(run.partition.rules.quarantined("default"))) == (3, ["cart_abandoned"])


def test_a_fit_rule_that_fails_does_not_lose_a_move(brittle):
    (model,) = BASE.scores
    fit = (FitRule("bad_fit", 5, (Condition("traits.brittle", Op.EXISTS),)),)
    rules = replace(BASE, scores=(replace(model, fit=fit),))
    run = Run()
    apply(run, [frame(event("email_opened", traits={"plan": "free"})), adopt(1, rules)])
    told = Move(MoveKind.RESCORE, "default", "user:ada", "", NOW_MS, msgspec.msgpack.encode((1, "user:ada", {})))
    apply(run, [Frame(FrameKind.MOVES, NOW_MS, moves=MoveBatch(0, 1, (told,)))], 2)
    assert (list(run.partition.rules.quarantined("default")), run.partition.dead_letters) == (["bad_fit"], [])


async def test_changed_rules_are_on_again_and_the_alert_ends(brittle):
    run = Run()
    apply(run, [adopt(1, FAILING), frame(event("email_opened")), adopt(2, with_rules(WEBINAR))])
    await run.flush()
    raised, ended = await read(run, topics.ALERTS, Alert)
    assert (ended.id, ended.since_ms, ended.state) == (raised.id, raised.since_ms, AlertState.RESOLVED)
    assert dict(run.partition.rules.quarantined("default")) == {}


async def test_a_released_rule_is_on_again_and_the_alert_ends(brittle, monkeypatch):
    run = Run()
    apply(run, [adopt(1, FAILING), frame(event("email_opened", message_id="m1"))])
    monkeypatch.undo()
    again = event("email_opened", message_id="m2", properties={"brittle": 1})
    apply(run, [frame(), frame(), release("bad"), frame(again)], 2)
    await run.flush()
    assert (points(run), [a.state for a in await read(run, topics.ALERTS, Alert)]) == (17, ["firing", "resolved"])


def test_a_release_of_a_rule_that_is_on_changes_nothing():
    run = Run()
    apply(run, [release("email_opened")])
    assert (run.partition.rules.is_dirty(), run.partition.alerts) == (False, [])


async def test_everybody_can_learn_what_holds_and_what_is_off(brittle):
    run = Run()
    apply(run, [adopt(3, FAILING), frame(event("email_opened"))])
    await run.flush()
    (now,) = await read(run, topics.RULES_IN_FORCE, RulesInForce)
    assert (now.workspace, now.partition, now.revision, list(now.quarantined)) == ("default", 0, 3, ["bad"])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (control(ControlKind.RULES, 2, b"{"), "no JSON document"),
        (control(ControlKind.RULES, 2, b'{"scores": [{"half_life_ms": 0}]}'), "scores[0].half_life_ms"),
        (control(ControlKind.RULES, 2, b'{"pages": {"' + b"x" * 300_000 + b'": "a"}}'), "Use at most"),
        (control(ControlKind.RELEASE, 2, b"\xff"), "UnicodeDecodeError"),
    ],
)
async def test_a_bad_control_record_is_dead_lettered_and_the_rules_stay(bad, reason):
    run = Run()
    apply(run, [adopt(1, with_rules(WEBINAR)), bad, frame(event("webinar_attended"))])
    await run.flush()
    (letter,) = await read(run, topics.DEAD_LETTERS, DeadLetter)
    assert (points(run), reason in letter.reason, letter.workspace) == (60, True, "default")


def test_a_control_record_survives_the_way_through_a_frame():
    sent = Control(ControlKind.RULES, "default", 7, encode_rules(BASE))
    assert decode(encode_control(sent, NOW_MS)).control == sent


def test_windows_opened_before_a_change_fire_by_the_new_rules():
    (cart,) = BASE.abandonment
    sooner = replace(BASE, abandonment=(replace(cart, steps_ms=(HOUR_MS // 2,)),))
    run = Run()
    added = event("product_added", properties=kettle())
    apply(run, [frame(added), adopt(1, sooner), Frame(FrameKind.TICK, NOW_MS + HOUR_MS)])
    assert [(t.rule, t.due_ms) for t in run.partition.triggers] == [("cart_abandoned", NOW_MS + HOUR_MS // 2)]
