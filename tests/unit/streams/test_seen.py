"""Message ids already seen: exact within the days kept, bounded beyond."""

from hypothesis import given
from hypothesis import strategies as st

from streams.operators.seen import DAY_MS, SeenIds, digest_of


@given(ids=st.lists(st.text(max_size=8)))
def test_an_id_is_new_exactly_once(ids):
    seen = SeenIds()
    fresh = [i for i in ids if seen.add(digest_of("w", "p", i), 0)]
    assert fresh == list(dict.fromkeys(ids))


def test_an_id_is_remembered_for_a_week_and_then_forgotten():
    seen = SeenIds(days=7)
    digest = digest_of("w", "p", "m")
    seen.add(digest, 0)
    seen.forget(7 * DAY_MS)
    assert not seen.add(digest, 7 * DAY_MS)
    seen.forget(8 * DAY_MS)
    assert seen.add(digest, 8 * DAY_MS)


def test_an_id_that_is_too_old_does_not_count_before_it_is_forgotten_either():
    seen = SeenIds(days=7)
    seen.add(digest_of("w", "p", "m"), 0)
    assert seen.add(digest_of("w", "p", "m"), 8 * DAY_MS)


def test_ids_of_different_workspaces_are_different():
    assert digest_of("a", "p", "m") != digest_of("b", "p", "m")


def test_ids_of_different_profiles_are_different():
    assert digest_of("w", "a", "m") != digest_of("w", "b", "m")


def test_what_was_sliced_off_can_be_restored():
    seen, again = SeenIds(), SeenIds()
    for number in range(50):
        seen.add(digest_of("w", "p", str(number)), 0)
    again.restore(0, seen.slice(0, 0, 50))
    assert not any(again.add(digest_of("w", "p", str(number)), 0) for number in range(50))
