"""One partition: timers on log time, poison, late totals after a restart."""

import msgspec
import pytest

from streams.frames import Frame, FrameKind
from streams.log import topics
from streams.model.dead_letters import DeadLetter
from streams.model.scores import points_at
from streams.operators.merging import MAX_DETACHED
from streams.operators.scoring import Scoring
from streams.operators.windows import Abandonment
from tests.laws.engine_kit import Run
from tests.unit.streams.builders import NOW_MS, event, kettle

HOUR_MS = 3_600_000


def frame(*events, clock_ms: int = NOW_MS) -> Frame:
    return Frame(FrameKind.EVENTS, clock_ms, list(events))


def tick(clock_ms: int) -> Frame:
    return Frame(FrameKind.TICK, clock_ms)


async def test_a_tick_closes_a_window_on_a_quiet_partition():
    run = Run()
    run.apply([frame(event("product_added", properties=kettle())), tick(NOW_MS + HOUR_MS)])
    await run.flush()
    [trigger] = (await run.triggers()).values()
    assert (trigger.rule, trigger.due_ms, trigger.at_ms) == ("cart_abandoned", NOW_MS + HOUR_MS, NOW_MS + HOUR_MS)


async def test_a_purchase_received_before_the_window_closed_wins_though_its_frame_came_after():
    bought = event("order_completed", NOW_MS + HOUR_MS - 1, message_id="m2")
    run = Run()
    run.apply([frame(event("product_added", properties=kettle())), frame(bought, clock_ms=NOW_MS + 2 * HOUR_MS)])
    await run.flush()
    assert await run.triggers() == {}


async def test_an_id_that_can_neither_be_taken_out_nor_be_kept_out_becomes_a_dead_letter_that_says_so():
    events = [
        event("unmerged", NOW_MS + number, f"m{number}", properties={"id": f"anon:a{number}"})
        for number in range(MAX_DETACHED + 1)
    ]
    run = Run()
    run.apply([frame(*events)])
    await run.flush()
    [record] = await run.log.read(topics.DEAD_LETTERS, 0, 0, 10)
    letter = msgspec.msgpack.decode(record.value, type=DeadLetter)
    assert f"anon:a{MAX_DETACHED} is not part of user:ada (yet)" in letter.reason


async def test_the_clock_never_goes_back():
    run = Run()
    run.apply([tick(NOW_MS + 5_000), tick(NOW_MS)])
    assert run.partition.clock_ms == NOW_MS + 5_000


async def test_an_event_that_an_operator_cannot_take_is_dead_lettered_and_the_rest_goes_on(monkeypatch):
    original = Scoring.on_event

    def poisoned(self, state, one, *others, **named):
        if one.id == "poison":
            raise RuntimeError("no")
        return original(self, state, one, *others, **named)

    monkeypatch.setattr(Scoring, "on_event", poisoned)
    run = Run()
    run.apply([frame(event("email_opened", message_id="poison"), event("email_opened", message_id="good"))])
    await run.flush()
    [record] = await run.log.read(topics.DEAD_LETTERS, 0, 0, 10)
    letter = msgspec.msgpack.decode(record.value, type=DeadLetter)
    assert (letter.reason, points_at(run.states()["user:ada"].scores["lead"], NOW_MS)) == ("RuntimeError: no", 5)


async def test_a_late_event_after_a_restart_adds_to_the_bucket_and_replaces_nothing():
    run = Run()
    run.apply([frame(event("page_viewed", message_id="m1")), tick(NOW_MS + 2 * HOUR_MS)])
    await run.flush()
    run.apply([tick(NOW_MS + 3 * HOUR_MS)], 2)
    await run.flush()
    await run.restart()
    late = event("page_viewed", NOW_MS, message_id="m2", received_ms=NOW_MS + 3 * HOUR_MS)
    run.partition.apply(9, frame(late, clock_ms=NOW_MS + 3 * HOUR_MS))
    await run.flush()
    viewed = [total for (series, _), total in (await run.totals()).items() if series.event == "page_viewed"]
    assert [count for count, _ in viewed] == [2]


@pytest.mark.parametrize("restart", [False, True])
async def test_the_same_message_id_counts_once_within_a_week(restart):
    run = Run()
    run.apply([frame(event("email_opened"))])
    await run.flush()
    if restart:
        await run.restart()
    again = NOW_MS + 6 * 24 * HOUR_MS
    run.partition.apply(1, frame(event("email_opened", again), clock_ms=again))
    assert run.partition.duplicates == 1


async def test_a_frame_that_broke_off_in_the_middle_is_not_made_durable(monkeypatch):
    run = Run()
    run.apply([frame(event("email_opened", message_id="m1"))])
    await run.flush()
    monkeypatch.setattr(run.partition.totals, "add_all", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.partition.apply(1, frame(event("email_opened", message_id="m2")))
    assert (run.partition.is_whole, run.partition.offset) == (False, 0)


async def test_a_timer_that_an_operator_cannot_take_is_dead_lettered_and_the_rest_goes_on(monkeypatch):
    run = Run()
    run.apply([frame(event("product_added", properties=kettle()))])
    monkeypatch.setattr(Abandonment, "on_timer", lambda *_: 1 / 0)
    run.apply([frame(), tick(NOW_MS + HOUR_MS)], 1)
    await run.flush()
    [record] = await run.log.read(topics.DEAD_LETTERS, 0, 0, 10)
    assert "ZeroDivisionError" in msgspec.msgpack.decode(record.value, type=DeadLetter).reason
