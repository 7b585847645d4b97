"""What tests of abandonment windows share: carts, rules and what a window did."""

from streams.model.facts import FactsState
from streams.model.rules.abandonment import AbandonmentRule, EventMatch, WindowKind
from streams.model.rules.abandonment_defaults import default_abandonment
from streams.model.windows import Window, WindowsState, newest_cart
from streams.operators.windows import Abandonment
from tests.unit.streams.builders import NOW_MS, event, kettle

WINDOW_MS = 60_000
HOUR_MS = 3_600_000
FACTS = FactsState()
CART = Abandonment(default_abandonment(WINDOW_MS))
STEPS_MS = (WINDOW_MS, 24 * WINDOW_MS, 72 * WINDOW_MS)


def matches(*names):
    return tuple(EventMatch(name) for name in names)


def rule(kind=WindowKind.CART, **more):
    more = {"opens": matches("product_added"), "cancels": matches("order_completed"), "id": str(kind), **more}
    return AbandonmentRule(kind=kind, steps_ms=more.pop("steps_ms", (WINDOW_MS,)), **more)


def after(*events, operator=CART, state=None) -> WindowsState:
    state = state or WindowsState()
    for one in events:
        state, _ = operator.on_event(state, one, one.name, FACTS, one.received_ms)
    return state


def the_cart(state: WindowsState) -> Window:
    return newest_cart(state) or Window("", "", "")


def added(at_ms: int = NOW_MS, **more):
    return event("product_added", at_ms, properties=kettle(**more), currency="USD")


def bought(at_ms: int = NOW_MS + 1, received_ms: int | None = None, **properties):
    return event("order_completed", at_ms, received_ms=received_ms or at_ms, properties=properties)


def firings(state: WindowsState, now_ms: int, operator=CART):
    return operator.on_timer(state, now_ms)[1]


def fired(state: WindowsState, now_ms: int, operator=CART) -> list[dict]:
    return [firing.data for firing in firings(state, now_ms, operator)]
