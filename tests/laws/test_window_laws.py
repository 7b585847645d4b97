"""Laws of abandonment windows: purity, snapshots, timers, bounds, merging."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.model.events import Event, ProfileKeys
from streams.model.facts import FactsState
from streams.model.rules.abandonment import AbandonmentRule, EventMatch, WindowKind
from streams.model.rules.abandonment_defaults import default_abandonment, example_rules
from streams.model.windows import WindowsState
from streams.operators.windows import MAX_MARKS, MAX_WINDOWS, Abandonment
from streams.operators.windows_items import MAX_ITEMS, MAX_TEXT
from tests.strategies import START_MS

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
FACTS = FactsState()


def once(*names: str) -> tuple[EventMatch, ...]:
    return tuple(EventMatch(name) for name in names)


STEPPED = AbandonmentRule(
    "stepped", WindowKind.CART, once("product_added", "cart_updated"), once("order_completed"), once("cart_viewed"),
    (HOUR_MS, 24 * HOUR_MS, 72 * HOUR_MS), "cart_id", 10.0, rearm=False,
)  # fmt: skip
RULES = (*default_abandonment(), *example_rules(), STEPPED)
OPERATOR = Abandonment(RULES)
NAMES = sorted({match.event for rule in RULES for match in (*rule.opens, *rule.extends, *rule.cancels)})
PRODUCTS = ["kettle", "cup", "tea", "pot"]

lines = st.fixed_dictionaries(
    {"product_id": st.sampled_from(PRODUCTS)},
    optional={"price": st.sampled_from([4.0, 12.5, 80, "dear"]), "quantity": st.integers(0, 3)},
)
properties = st.fixed_dictionaries(
    {},
    optional={
        "product_id": st.sampled_from(PRODUCTS),
        "price": st.sampled_from([4.0, 80]),
        "quantity": st.integers(1, 3),
        "cart_id": st.sampled_from(["a", "b"]),
        "form_id": st.sampled_from(["f", "g"]),
        "form_step": st.sampled_from(["1", "x" * 2_000]),
        "cart_url": st.sampled_from(["https://shop.example/cart", "/" + "c" * 4_000]),
        "products": st.lists(lines, max_size=3),
    },
)


@st.composite
def histories(draw: st.DrawFn, names: list[str] = NAMES, max_size: int = 12) -> list[tuple[int, Event]]:
    """Log times and events, some of which took long to arrive or come from clocks that are off."""
    now_ms, history = START_MS, []
    for number in range(draw(st.integers(0, max_size))):
        now_ms += draw(st.sampled_from([0, 1, 9_000, 20 * MINUTE_MS, HOUR_MS, 30 * HOUR_MS]))
        age_ms = draw(st.sampled_from([0, 0, 0, -200_000, 70, 400_000, HOUR_MS + 1, 20 * HOUR_MS, 60 * HOUR_MS]))
        keys, value = ProfileKeys(user_id="1"), draw(st.sampled_from([None, 5.0]))
        name, told = draw(st.sampled_from(names)), draw(properties)
        event = Event(f"m{number}", "w", "web", "user:1", name, now_ms - age_ms, now_ms, keys, None, value, "EUR", told)
        history.append((now_ms, event))
    return history


def law(**drawn):
    """Without a deadline: a busy machine breaks no law."""
    return lambda test: settings(deadline=None)(given(**drawn)(test))


def frozen(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def run(history, state=None, operator=OPERATOR, one_by_one=False):
    """The state and all that fired, by (log time at which it fired, firing)."""
    state, found = state or WindowsState(), []
    for now_ms, event in history:
        state, fired = served(state, now_ms, operator, one_by_one)
        found += fired
        state, fired = operator.on_event(state, event, event.name, FACTS, now_ms)
        assert fired == ()
    return state, found


def served(state, now_ms, operator=OPERATOR, one_by_one=False):
    found = []
    while one_by_one and 0 < state.due_ms <= now_ms:
        state, fired = operator.on_timer(state, state.due_ms)
        found += fired
    state, fired = operator.on_timer(state, now_ms)
    return state, found + list(fired)


def exported(history) -> WindowsState:
    return OPERATOR.exported(run(history)[0], "anon:1")


@law(history=histories())
def test_the_same_events_give_the_same(history):
    assert run(history) == run(history)


@law(history=histories(), more=histories(max_size=1))
def test_nothing_that_was_given_is_changed(history, more):
    state, _ = run(history)
    before = frozen((state, more))
    run(more, state)
    OPERATOR.on_timer(state, START_MS + 10**10)
    OPERATOR.merged(state, exported(more))
    assert frozen((state, more)) == before


@law(history=histories(), cut=st.integers(0, 12))
def test_a_state_written_and_read_back_goes_on_as_if_nothing_happened(history, cut):
    state, _ = run(history[:cut])
    restored = msgspec.msgpack.decode(frozen(state), type=WindowsState)
    assert restored == state
    assert run(history[cut:], restored) == run(history[cut:], state)


@law(history=histories())
def test_timers_that_were_served_are_gone(history):
    state, _ = run(history)
    due_ms = state.due_ms
    after, _ = OPERATOR.on_timer(state, due_ms)
    assert not 0 < after.due_ms <= due_ms


@law(history=histories())
def test_the_state_is_due_when_its_first_window_is(history):
    state, _ = run(history)
    assert state.due_ms == min((w.due_ms for w in state.windows.values() if w.due_ms), default=0)


@law(history=histories(), wait_ms=st.integers(0, 100 * HOUR_MS))
def test_serving_timers_one_by_one_or_all_at_once_is_the_same(history, wait_ms):
    state, found = run(history)
    slow, found_slowly = run(history, one_by_one=True)
    now_ms = (history[-1][0] if history else START_MS) + wait_ms
    after, last = served(state, now_ms)
    after_slowly, last_slowly = served(slow, now_ms, one_by_one=True)
    assert (after, found + last) == (after_slowly, found_slowly + last_slowly)


@law(history=histories())
def test_what_fires_is_ordered_by_when_it_was_due(history):
    _, found = served(run(history)[0], START_MS + 10**10)
    assert [f.due_ms for f in found] == sorted(f.due_ms for f in found)


@law(history=histories(max_size=20))
def test_an_occurrence_fires_once(history):
    state, found = run(history)
    _, last = served(state, START_MS + 10**10)
    names = [(f.rule, f.occurrence) for f in found + last]
    assert len(names) == len(set(names))


@law(history=histories(max_size=20))
def test_a_step_fires_at_most_once_per_touch(history):
    state, found = run(history)
    _, last = served(state, START_MS + 10**10)
    steps = [
        (f.rule, f.data["subject"], f.data["opened_ms"], f.data["updated_ms"], f.data["step"]) for f in found + last
    ]
    assert len(steps) == len(set(steps))


CANCELS = {rule.id: rule.cancels[-1].event for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@law(history=histories(), subject=st.sampled_from(["", "a", "f"]))
def test_a_cancel_leaves_nothing_due_of_its_subject(rule, history, subject):
    state, _ = run(history)
    now_ms = (history[-1][0] if history else START_MS) + 1
    told = {rule.subject: subject} if rule.subject and subject else {}
    name = CANCELS[rule.id]
    cancel = Event("c", "w", "web", "user:1", name, now_ms, now_ms, ProfileKeys(user_id="1"), properties=told)
    after, _ = OPERATOR.on_event(state, cancel, name, FACTS, now_ms)
    of_rule = [w for w in after.windows.values() if w.rule == rule.id and w.due_ms]
    assert not of_rule if not told else all(w.subject != subject for w in of_rule)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@law(history=histories(), late=histories())
def test_what_is_older_than_a_cancel_begins_nothing_whichever_id_it_comes_by(rule, history, late):
    at_ms = 1 + max([START_MS, *(event.at_ms for _, event in history + late), *(now_ms for now_ms, _ in history)])
    name = CANCELS[rule.id]
    cancel = Event("c", "w", "web", "user:1", name, at_ms, at_ms, ProfileKeys(user_id="1"))
    state, _ = run([*history, (at_ms, cancel)])
    for reached in (run([(at_ms, event) for _, event in late], state)[0], OPERATOR.merged(state, exported(late))):
        assert not [w for w in reached.windows.values() if w.rule == rule.id]


@law(history=histories(max_size=8), times=st.integers(1, 12))
def test_the_state_stays_bounded(history, times):
    state = WindowsState()
    for number in range(times):
        for now_ms, event in history:
            told = event.properties | {"cart_id": f"c{number}", "form_id": f"f{number}", "product_id": f"p{number}"}
            one = msgspec.structs.replace(event, properties=told)
            state, _ = OPERATOR.on_event(state, one, one.name, FACTS, now_ms)
    assert len(state.windows) <= MAX_WINDOWS
    assert len(state.cancelled) <= MAX_MARKS
    for window in state.windows.values():
        assert len(window.items) <= MAX_ITEMS
        assert max(len(window.url), len(window.form_step)) <= MAX_TEXT


@law(history=histories())
def test_unchanged_rules_leave_windows_as_they_are(history):
    state, _ = run(history)
    assert OPERATOR.migrated(state) is state


# Merging.


@law(one=histories(), other=histories())
def test_a_merge_does_not_ask_who_is_who(one, other):
    mine, theirs = exported(one), exported(other)
    assert frozen(OPERATOR.merged(mine, theirs)) == frozen(OPERATOR.merged(theirs, mine))


@law(one=histories(), other=histories(), third=histories())
def test_a_merge_does_not_ask_in_which_order(one, other, third):
    a, b, c = exported(one), exported(other), exported(third)
    merged = OPERATOR.merged
    assert frozen(merged(merged(a, b), c)) == frozen(merged(a, merged(b, c)))


@law(one=histories(), other=histories())
def test_merging_again_changes_nothing(one, other):
    a, b = exported(one), exported(other)
    merged = OPERATOR.merged(a, b)
    assert frozen(OPERATOR.merged(a, a)) == frozen(a)
    assert frozen(OPERATOR.merged(merged, b)) == frozen(merged)


CART_NAMES = ["product_added", "product_removed", "cart_updated", "cart_viewed", "checkout_started"]


@law(one=histories(names=CART_NAMES), other=histories(names=CART_NAMES))
def test_a_merge_loses_no_carts_items(one, other):
    mine, theirs = run(one)[0], exported(other)
    merged = OPERATOR.merged(mine, theirs)
    for key in mine.windows.keys() | theirs.windows.keys():
        held = [item for state in (mine, theirs) if key in state.windows for item in state.windows[key].items]
        assert {i.product_id for i in merged.windows[key].items} == {i.product_id for i in held}


@law(one=histories(), other=histories())
def test_a_merge_brings_back_nothing_that_was_bought_later(one, other):
    buyer, _ = run(one)
    last_ms = max([START_MS, *(event.at_ms for _, event in one + other), *(at for at, _ in one + other)])
    order = Event("o", "w", "web", "user:1", "order_completed", last_ms, last_ms, ProfileKeys(user_id="1"))
    buyer, _ = OPERATOR.on_event(buyer, order, order.name, FACTS, last_ms)
    merged = OPERATOR.merged(buyer, exported(other))
    assert not [w for w in merged.windows.values() if w.kind in {"cart", "checkout", "browse"}]
