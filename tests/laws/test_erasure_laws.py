"""Erasing somebody is as if they had never come, as far as others can tell."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.frames import Frame, FrameKind, decode, encode_events
from streams.log.rewriting import rewritten_frame
from streams.model.control import Control, ControlKind
from streams.model.erasure import Erase
from streams.model.events import Event, ProfileKeys
from streams.operators.erasing import Person
from tests.laws.engine_kit import Run, straight_run

WORKSPACE = "default"
START_MS = 1_700_000_000_000
GONE = ("user:ada", "email:ada@example.com", "anon:a1", "anon:earlier-ada")
CLAIMED = "user:earlier-ada"
"""What her alias leaves behind beside the browser that it means."""
OTHERS = ("group:acme", "user:bob", "user:eve", CLAIMED)
NAMES = ("product_added", "page_viewed", "identified", "order_completed", "demo_requested", "grouped", "aliased")


def event(number: int, who: str, name: str, *, shares: bool) -> Event:
    """Ada's events name all her ids; others' now and then her browser, without her."""
    if who == "ada":
        keys = ProfileKeys("ada", "a1", "ada@example.com")
    else:
        keys = ProfileKeys(who, "a1" if shares else f"b-{who}", f"{who}@example.com")
    at_ms = START_MS + number * 1_000
    profile = f"user:{who}"
    properties = {"product_id": "kettle", "price": 9.5, "quantity": 1}
    if name == "grouped":
        properties = {"group_id": "acme", "group_traits": {"name": "Acme"}}
    if name == "aliased":
        properties = {"previous_id": f"earlier-{who}"}
    traits = {"email": keys.email, "name": who.title()} if name == "identified" else {}
    return Event(
        f"m{number}", WORKSPACE, "web", profile, name, at_ms, at_ms, keys, properties=properties, traits=traits
    )


STEPS = st.lists(
    st.tuples(st.sampled_from(["ada", "bob", "eve"]), st.sampled_from(NAMES), st.booleans()), min_size=1, max_size=25
)


def frames_of(events: list[Event], size: int) -> list[Frame]:
    cut = [events[at : at + size] for at in range(0, len(events), size)]
    return [decode(encode_events(part, part[-1].received_ms)) for part in cut]


def erase_frame(others: tuple[str, ...], clock_ms: int) -> Frame:
    body = msgspec.msgpack.encode(Erase("e1", GONE, others, {name: f"erased:{i}" for i, name in enumerate(GONE)}))
    return Frame(FrameKind.CONTROL, clock_ms, control=Control(ControlKind.ERASE, WORKSPACE, 0, body))


async def settled(run: Run) -> Run:
    """Pass on what the partition tells itself, until it has nothing to say."""
    from streams.state.flushing import take_flush

    while True:
        flush = take_flush(run.partition, 1)
        await run.log.append(flush.records)
        run.partition.seen.mark_written()
        if not flush.moves:
            return run
        for _, frame in flush.moves:
            run.partition.apply(run.partition.offset + 1, decode(frame))


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 6))
async def test_nothing_of_an_erased_person_is_left_in_the_state(steps, size):
    events = [event(n, who, name, shares=False) for n, (who, name, _) in enumerate(steps)]
    run = Run()
    run.apply(frames_of(events, size))
    await settled(run)
    run.partition.apply(run.partition.offset + 1, erase_frame(OTHERS, START_MS + 10**6))
    await settled(run)
    for state in run.states().values():
        assert not Person(WORKSPACE, GONE).names(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
    assert not {state.id for state in run.states().values()} & {*GONE, CLAIMED}


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 6))
async def test_people_who_share_nothing_with_an_erased_person_keep_their_state_and_triggers(steps, size):
    events = [event(n, who, name, shares=False) for n, (who, name, _) in enumerate(steps) if name != "grouped"]
    others = [one for one in events if one.profile != "user:ada"]
    end_ms = START_MS + 10**6
    with_her, without_her = Run(), Run()
    with_her.apply([*frames_of(events, size)])
    await settled(with_her)
    with_her.partition.apply(with_her.partition.offset + 1, erase_frame((CLAIMED,), end_ms))
    await settled(with_her)
    without_her.apply([*frames_of(others, size), Frame(FrameKind.TICK, end_ms)])
    await settled(without_her)
    assert with_her.states() == without_her.states()
    of_others = {i: t for i, t in (await with_her.triggers()).items() if t.profile not in GONE}
    assert of_others == await without_her.triggers()


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 6))
async def test_erasing_twice_does_no_more_than_erasing_once(steps, size):
    events = [event(n, who, name, shares=shares) for n, (who, name, shares) in enumerate(steps)]
    everybody = (*OTHERS, "anon:a1")
    run = Run()
    run.apply(frames_of(events, size))
    await settled(run)
    run.partition.apply(run.partition.offset + 1, erase_frame(everybody, START_MS + 10**6))
    await settled(run)
    once = run.states()
    run.partition.apply(run.partition.offset + 1, erase_frame(everybody, START_MS + 10**6))
    await settled(run)
    assert run.states() == once


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 6))
async def test_a_rewritten_log_replays_as_if_an_erased_person_had_never_come(steps, size):
    events = [event(n, who, name, shares=False) for n, (who, name, _) in enumerate(steps)]
    person = Person(WORKSPACE, GONE)
    values = [encode_events(f.events, f.clock_ms) for f in frames_of(events, size)]
    rewritten = [decode(rewritten_frame(value, (person,))) for value in values]
    left = [
        decode(encode_events([one for one in f.events if one.profile != "user:ada"], f.clock_ms))
        for f in frames_of(events, size)
    ]
    assert await (await straight_run(rewritten)).everything() == await (await straight_run(left)).everything()


async def test_what_was_erased_and_not_flushed_comes_back_erased_after_a_crash():
    run = Run()
    frames = frames_of([event(n, who, "product_added", shares=False) for n, who in enumerate(("ada", "bob"))], 2)
    run.apply(frames)
    await run.flush()
    erase = erase_frame((), START_MS + 10**6)
    run.partition.apply(1, erase)
    await run.crash()
    assert "user:ada" in run.states()
    run.partition.apply(1, erase)
    await run.flush()
    await run.restart()
    assert set(run.states()) == {"user:bob"}
    assert run.partition.erasures.must_purge


async def test_a_person_who_comes_back_after_an_erasure_begins_anew():
    run = Run()
    run.apply(frames_of([event(n, "ada", "page_viewed", shares=False) for n in range(5)], 5))
    await run.flush()
    run.partition.apply(1, erase_frame((), START_MS + 10**6))
    back = event(3_000, "ada", "page_viewed", shares=False)
    run.partition.apply(2, decode(encode_events([back], back.received_ms)))
    await run.flush()
    assert run.states()["user:ada"].facts.events == 1
