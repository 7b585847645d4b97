"""Laws of several partitions together: whoever dies when, what comes out is what one pass over the log gives."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.model.events import Event, ProfileKeys
from tests.laws.cluster_kit import PARTITIONS, Cluster

START_MS = 1_790_000_000_000
APPLY, FLUSH, SEND_TWICE, DIE, DIE_UNSENT = range(5)

steps = st.lists(st.tuples(st.integers(APPLY, DIE_UNSENT), st.integers(0, PARTITIONS - 1)), max_size=30)


@st.composite
def shoppers(draw: st.DrawFn) -> list[Event]:
    """Events of some people with two browsers each, who sign in and belong to companies."""
    events = []
    for number in range(draw(st.integers(1, 14))):
        person = draw(st.integers(0, 2))
        keys = ProfileKeys(
            user_id=draw(st.sampled_from([None, f"u{person}"])),
            anonymous_id=f"b{person}.{draw(st.integers(0, 1))}",
            email=draw(st.sampled_from([None, None, f"p{person}@mail.example"])),
        )
        name = draw(st.sampled_from(["page_viewed", "product_added", "order_completed", "demo_requested", "grouped"]))
        at_ms = START_MS + 60_000 * number
        properties = {"group_id": f"c{draw(st.integers(0, 1))}"} if name == "grouped" else {"product_id": "cup"}
        events.append(
            Event(
                f"m{number}", "default", "web", keys.canonical() or "", name, at_ms, at_ms, keys, properties=properties
            )
        )
    return events


async def lived(events: list[Event], lives: list[tuple[int, int]]) -> Cluster:
    """Let the steps happen, then everything come to rest."""
    cluster = Cluster()
    await cluster.send(events)
    for step, number in lives:
        if step == APPLY:
            await cluster.apply(number)
        elif step == DIE:
            await cluster.take_over(number)
        else:
            await cluster.flush(number, {FLUSH: 1, SEND_TWICE: 2, DIE_UNSENT: 0}[step])
            if step == DIE_UNSENT:
                await cluster.take_over(number)
    await cluster.settle()
    return cluster


@settings(max_examples=150, deadline=None)
@given(events=shoppers(), lives=steps)
def test_whoever_dies_when_the_output_is_that_of_one_pass_over_the_log(events, lives):
    async def law():
        cluster = await lived(events, lives)
        states, moves = await cluster.replayed()
        assert cluster.states() == states
        assert await cluster.moves_in_log() == moves

    asyncio.run(law())


@settings(max_examples=150, deadline=None)
@given(events=shoppers(), lives=steps)
def test_every_event_counts_once_in_all_profiles_together(events, lives):
    async def law():
        cluster = await lived(events, lives)
        facts = [state.facts for state in cluster.states().values()]
        counted = sum(one.events + sum(part.events for part in one.moved.values()) for one in facts)
        assert counted == len(events)

    asyncio.run(law())
