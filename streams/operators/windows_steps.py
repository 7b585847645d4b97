"""What one event does to one window: it touches it, is only noted in it, or closes it."""

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from streams.model.events import Event
from streams.model.rules.abandonment import WindowKind
from streams.model.windows import Window, WindowsState
from streams.operators.base import is_late
from streams.operators.windows_items import (
    CART_EVENTS,
    LINE_EVENTS,
    Items,
    cart_after,
    checkout_items,
    dated,
    looked_at,
    text,
)
from streams.operators.windows_rules import WindowRule

CLOCK_SKEW_MS = 300_000
"""Two senders' clocks may differ by so much."""
ORDER_SLACK_MS = 86_400_000
"""An order may carry a bare date or local time sent as UTC: better no mail than one after the purchase."""


class Touch(Struct, frozen=True):
    """An event as windows see it. `told` are the items it tells of; `at_ms` is its event time, or what it counts as."""

    event: Event
    name: str
    now_ms: int
    at_ms: int
    told: Items | None

    def right_after(self) -> "Touch":
        """Return the touch as one after the cancel at its own event time: the log shows which of the two came first, so
        that a merge must not take it for what was cancelled.
        """
        at_ms = self.at_ms + 1
        told = self.told and tuple(dated(item, at_ms) for item in self.told)
        return Touch(self.event, self.name, self.now_ms, at_ms, told)


Advance: TypeAlias = Callable[[WindowRule, Window | None, str, Touch, bool, WindowsState], Window | None]
"""From the rule, its window and subject, the touch, whether it opens (or only extends): the window after it, if any."""


def cart_after_touch(
    rule: WindowRule, window: Window | None, subject: str, touch: Touch, opens: bool, state: WindowsState
) -> Window | None:
    """Advance a cart or checkout."""
    event, name = touch.event, touch.name
    late = is_late(event, touch.now_ms, rule.first_ms)
    if window is None:
        items: Items = ()
    else:
        items = window.items
        if not opens and name not in CART_EVENTS:
            return _touched(rule, window, subject, items, touch) if window.due_ms and not late else window
        if _is_outdated(window, touch, late):
            return window
    after = cart_after(items, touch.told, event, name)
    if rule.is_checkout and touch.told is None and name not in LINE_EVENTS:
        after = checkout_items(items, state, touch.at_ms)
    elif after is None:
        return window
    elif not after:
        return None
    return _advanced(rule, window, subject, after, touch, opens, late)


def browse_after_touch(
    rule: WindowRule,
    window: Window | None,
    subject: str,
    touch: Touch,
    opens: bool,
    state: WindowsState,  # noqa: ARG001  as every Advance
) -> Window | None:
    """Advance a visit to some products."""
    late = is_late(touch.event, touch.now_ms, rule.first_ms)
    items = looked_at(window.items if window else (), touch.told, touch.event, touch.at_ms)
    return _advanced(rule, window, subject, items, touch, opens, late)


def form_after_touch(
    rule: WindowRule,
    window: Window | None,
    subject: str,
    touch: Touch,
    opens: bool,
    state: WindowsState,  # noqa: ARG001  as every Advance
) -> Window | None:
    """Advance a form or registration."""
    late = is_late(touch.event, touch.now_ms, rule.first_ms)
    return _advanced(rule, window, subject, (), touch, opens, late)


def _advanced(
    rule: WindowRule, window: Window | None, subject: str, items: Items, touch: Touch, opens: bool, late: bool
) -> Window | None:
    if window is None:
        starts = opens and not late
    else:
        starts = not late and (window.due_ms > 0 or (opens and (rule.rearm or window.step == 0)))
    return (_touched if starts else _noted)(rule, window, subject, items, touch)


def _is_outdated(window: Window, touch: Touch, late: bool) -> bool:
    """Say whether the event is about an earlier cart, or late with the whole of a cart that was touched since."""
    if window.started_at_ms - touch.event.at_ms > CLOCK_SKEW_MS:
        return touch.name != "product_added"
    return late and window.due_ms > 0 and touch.name not in LINE_EVENTS


def _touched(rule: WindowRule, window: Window | None, subject: str, items: Items, touch: Touch) -> Window:
    """Return the window started anew: as the same occurrence, unless a step of it has fired."""
    event, now_ms, at_ms = touch.event, touch.now_ms, touch.at_ms
    known = window or _NO_WINDOW
    opened_ms, started_at_ms = known.opened_ms, known.started_at_ms
    if not opened_ms or known.step:
        opened_ms, started_at_ms = now_ms, min(event.at_ms, now_ms)
    url = event.properties.get(rule.url_property)
    form_id, form_step = _form(known, event) if rule.has_form else ("", "")
    return Window(
        rule.id,
        rule.kind,
        subject,
        items,
        event.currency or known.currency,
        text(url) if url else known.url,
        opened_ms,
        now_ms,
        now_ms + rule.first_ms,
        0,
        started_at_ms,
        known.stated_value if event.value is None or touch.name in LINE_EVENTS else event.value,
        at_ms if at_ms > known.touched_at_ms else known.touched_at_ms,  # noqa: FURB136  a call costs more
        form_id,
        form_step,
    )


def _noted(rule: WindowRule, window: Window | None, subject: str, items: Items, touch: Touch) -> Window | None:
    """Return the window with what was in it a while ago; if it is open, it goes on as it was."""
    if rule.kind != WindowKind.CART and (window is None or items == window.items):
        return window
    event = touch.event
    known = window or _NO_WINDOW
    return Window(
        rule.id,
        rule.kind,
        subject,
        items,
        event.currency or known.currency,
        text(event.properties.get(rule.url_property)) or known.url,
        known.opened_ms,
        known.updated_ms if known.due_ms else touch.now_ms,
        known.due_ms,
        known.step,
        known.started_at_ms if known.items else event.at_ms,
        known.stated_value,
        max(known.touched_at_ms, touch.at_ms),
        known.form_id,
        known.form_step,
    )


_NO_WINDOW = Window("", "", "")


def _form(known: Window, event: Event) -> tuple[str, str]:
    told = event.properties.get
    form_id, step = told("form_id"), told("form_step") or told("step")
    return text(form_id) or known.form_id, text(step) or known.form_step


ADVANCES: dict[str, Advance] = {
    WindowKind.CART: cart_after_touch,
    WindowKind.CHECKOUT: cart_after_touch,
    WindowKind.BROWSE: browse_after_touch,
    WindowKind.FORM: form_after_touch,
    WindowKind.REGISTRATION: form_after_touch,
}
