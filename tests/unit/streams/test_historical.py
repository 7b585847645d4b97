"""History that is handed in counts, and makes nothing be sent, however fresh its times look."""

import pytest
from msgspec.structs import replace

from streams.frames import Frame, FrameKind
from streams.model.events import HISTORICAL, Event, Provenance
from streams.model.rules.abandonment import AbandonmentRule, EventMatch, WindowKind
from streams.model.rules.standard import default_rules
from streams.state.loading import Shape
from tests.laws.engine_kit import Run
from tests.unit.streams.builders import NOW_MS, event, kettle

DAY_MS = 86_400_000
HISTORY = Provenance(flags=(HISTORICAL,))


def a_visit(kind: WindowKind, name: str) -> AbandonmentRule:
    return AbandonmentRule(
        id=str(kind),
        kind=kind,
        opens=(EventMatch(name),),
        cancels=(EventMatch("order_completed"),),
        steps_ms=(3_600_000,),
    )


SHAPE = Shape(
    1,
    replace(
        default_rules(),
        abandonment=(
            *default_rules().abandonment,
            a_visit(WindowKind.BROWSE, "product_viewed"),
            a_visit(WindowKind.FORM, "form_started"),
        ),
    ),
)


def many_demos(**more) -> list[Event]:
    return [event("demo_requested", NOW_MS + n, f"m{n}", **more) for n in range(40)]


STORIES = {
    "a cart that is left": [event("product_added", properties=kettle())],
    "a visit to a product": [event("product_viewed", properties=kettle())],
    "a form that is left": [event("form_started", properties={"form_id": "f"})],
    "a score that rises": many_demos(),
}


async def told_by(events: list[Event]) -> tuple[int, Run]:
    run = Run(shape=SHAPE)
    run.apply([Frame(FrameKind.EVENTS, NOW_MS, events), Frame(FrameKind.TICK, NOW_MS + 8 * DAY_MS)])
    await run.flush()
    return len(await run.triggers()), run


@pytest.mark.parametrize("story", STORIES)
async def test_a_story_that_fires_is_silent_as_history(story):
    fired, _ = await told_by(STORIES[story])
    silent, _ = await told_by([replace(e, provenance=HISTORY) for e in STORIES[story]])
    assert (fired > 0, silent) == (True, 0)


async def test_history_counts_in_the_profile_and_its_score():
    _, run = await told_by(many_demos(provenance=HISTORY))
    profile = run.partition.profiles.get("default\x1fuser:ada")
    assert (profile.facts.events, any(s.total > 0 for s in profile.scores.values())) == (40, True)


async def test_history_touches_no_window_that_is_open():
    seen = event("product_added", properties=kettle())
    history = event("product_added", NOW_MS + 1_800_000, "m2", properties=kettle(), provenance=HISTORY)
    run = Run()
    run.apply([Frame(FrameKind.EVENTS, NOW_MS, [seen, history]), Frame(FrameKind.TICK, NOW_MS + 3_600_000)])
    await run.flush()
    assert [t.rule for t in (await run.triggers()).values()] == ["cart_abandoned"]
