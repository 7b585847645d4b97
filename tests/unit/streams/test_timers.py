"""Timers: who is due is told in time, once, and what was scheduled in vain takes no memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.state import timers
from streams.state.timers import Timers

DAY_MS = 86_400_000


def test_timers_that_come_before_others_of_their_profile_leave_nothing_behind():
    found = Timers()
    for now_ms in range(0, 5_000_000, 1_000):
        found.schedule("user:ada", now_ms + 1_000)
        assert found.pop_due(now_ms + 1_000) == "user:ada"
        found.schedule("user:ada", now_ms + 100 * DAY_MS)
    assert len(found) == 1
    assert len(found._heap) < 100


steps = st.lists(
    st.tuples(st.sampled_from(["schedule", "schedule", "forget", "pop"]), st.sampled_from("abc"), st.integers(1, 20))
)


@given(steps=steps)
def test_who_is_due_is_popped_in_order_of_time_whatever_was_scheduled_in_vain(steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timers, "_MAX_STALE", 0)
        found, due = Timers(), {}
        for step, key, at_ms in steps:
            if step == "schedule":
                found.schedule(key, at_ms)
                due[key] = min(at_ms, due.get(key, at_ms))
            elif step == "forget":
                found.forget(key)
                due.pop(key, None)
            else:
                first = min(due, key=lambda name: (due[name], name), default=None)
                assert found.pop_due(at_ms) == (first if first and due[first] <= at_ms else None)
                if first and due[first] <= at_ms:
                    del due[first]
            assert 0 < found.next_ms <= min(due.values()) if due else True
        assert len(found) == len(due)
