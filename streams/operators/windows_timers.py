"""What a window's due step fires, and what is left of the window then; also when its rule has changed meanwhile."""

from typing import Any

from msgspec.structs import replace

from streams.model.rules.abandonment import WindowKind
from streams.model.windows import Window
from streams.operators.base import Firing
from streams.operators.windows_items import item_as_dict
from streams.operators.windows_rules import WindowRule


def may_fire(rule: WindowRule, window: Window) -> bool:
    """Say whether the step that is due is worth telling."""
    # A purchase that a merge brought may have left nothing of a cart.
    is_empty = rule.kind == WindowKind.CART and not window.items
    return not is_empty and (not rule.min_value or window.value >= rule.min_value)


def stepped(rule: WindowRule, window: Window) -> Window | None:
    """Return the window with one more step behind it; None when it was the last and nothing has to be kept."""
    step = window.step + 1
    if step < len(rule.steps_ms):
        return replace(window, step=step, due_ms=window.updated_ms + rule.steps_ms[step])
    return replace(window, step=step, due_ms=0, opened_ms=0) if rule.keeps_fired else None


def migrated(rule: WindowRule, window: Window) -> Window | None:
    """Return the window as the rule has it by now; None when it is of another kind or done."""
    if window.kind != rule.kind:
        return None
    if not window.due_ms:
        return window
    if window.step >= len(rule.steps_ms):
        return replace(window, due_ms=0, opened_ms=0) if rule.keeps_fired else None
    due_ms = window.updated_ms + rule.steps_ms[window.step]
    return window if due_ms == window.due_ms else replace(window, due_ms=due_ms)


def firing(rule: WindowRule, window: Window) -> Firing:
    """Return the step that is due, with what the window holds."""
    step = window.step + 1
    data: dict[str, Any] = {
        "items": [item_as_dict(item) for item in window.items],
        "value": window.value,
        "currency": window.currency,
        "url": window.url,
        "opened_ms": window.opened_ms,
        "updated_ms": window.updated_ms,
        "kind": window.kind,
        "step": step,
        "steps": len(rule.steps_ms),
        "subject": window.subject,
    }
    if window.form_id or window.form_step:
        data |= {"form_id": window.form_id, "form_step": window.form_step}
    if window.subject:
        data.setdefault(rule.subject, window.subject)
    occurrence = str(window.opened_ms) if step == 1 else f"{window.opened_ms}:{step}"
    # Two carts of a profile may be opened in the same millisecond.
    return Firing(rule.id, f"{occurrence}/{window.subject}" if window.subject else occurrence, window.due_ms, data)
