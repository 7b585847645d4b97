"""Abandonment: what somebody began and did not finish. Windows open, are touched, fire step by step, and are cancelled.

Time is log time; how old an event is goes by event time, and one that is older than a rule's first step neither opens a
window nor starts one anew. Windows of a profile are bounded: closed ones go first, then those touched longest ago.
"""

from streams.model.errors import RuleFailedError
from streams.model.events import Event
from streams.model.facts import FactsState
from streams.model.rules.abandonment import AbandonmentRule, WindowKind
from streams.model.windows import Window, WindowsState
from streams.operators.base import Stepped
from streams.operators.windows_items import text, told_items
from streams.operators.windows_merge import joined, mark_of, newest_marks
from streams.operators.windows_rules import CANCELS, OPENS, Match, WindowRule, compile_window_rules, role_of
from streams.operators.windows_steps import ADVANCES, ORDER_SLACK_MS, Advance, Touch
from streams.operators.windows_timers import firing, may_fire, migrated, stepped

MAX_WINDOWS = 20
MAX_MARKS = 120
"""Of cancels that are remembered."""

_Windows = dict[str, Window]


class Abandonment:
    """The windows of a profile under all rules of a workspace."""

    def __init__(self, rules: tuple[AbandonmentRule, ...]) -> None:
        self._rules, by_name = compile_window_rules(rules)
        self._by_name = {
            name: (
                any(_reads_items(rule, name, matches) for rule, matches in concerns),
                tuple((rule, ADVANCES[rule.kind], _only_role(matches), matches) for rule, matches in concerns),
            )
            for name, concerns in by_name.items()
        }
        self.names = frozenset(self._by_name)
        """Of the events that concern a rule."""

    def on_event(
        self, state: WindowsState, event: Event, name: str, facts: FactsState, now_ms: int
    ) -> Stepped[WindowsState]:
        """Return the windows after the event; the same object when it concerns none. Raises RuleFailedError."""
        concerned = self._by_name.get(name)
        if concerned is None:
            return state, ()
        reads_items, concerns = concerned
        touch = Touch(event, name, now_ms, event.at_ms, told_items(event, name) if reads_items else None)
        windows, cancelled = state.windows, state.cancelled
        for rule, advance, only_role, matches in concerns:
            try:
                role = role_of(matches, event, facts) if only_role is None else only_role
                if role == CANCELS:
                    windows, cancelled = _cancelled(rule, windows, cancelled, event)
                elif role is not None:
                    windows = _advanced(rule, advance, state, windows, touch, role == OPENS)
            except Exception as error:
                raise RuleFailedError(rule.id) from error
        if windows is state.windows and cancelled is state.cancelled:
            return state, ()
        return _bounded(windows, cancelled), ()

    def on_timer(self, state: WindowsState, now_ms: int) -> Stepped[WindowsState]:
        """Fire the steps due by now, the earliest first; of one time, by key. Raises RuleFailedError."""
        if not 0 < state.due_ms <= now_ms:
            return state, ()
        windows, firings, due_ms = dict(state.windows), [], state.due_ms
        while 0 < due_ms <= now_ms:
            key = min(key for key, window in windows.items() if window.due_ms == due_ms)
            window = windows.pop(key)
            rule = self._rules.get(window.rule)
            if rule is not None:
                try:
                    if may_fire(rule, window):
                        firings.append(firing(rule, window))
                    left = stepped(rule, window)
                except Exception as error:
                    raise RuleFailedError(rule.id) from error
                if left is not None:
                    windows[key] = left
            due_ms = _least_due(windows)
        return WindowsState(windows, due_ms, state.cancelled), tuple(firings)

    def exported(self, state: WindowsState, source: str) -> WindowsState:  # noqa: ARG002  windows carry no counts
        """Return the windows as they travel to the profile that takes them up."""
        return self.merged(state, WindowsState())

    def merged(self, mine: WindowsState, theirs: WindowsState) -> WindowsState:
        """Return the windows of both; the next step brings them back into bounds."""
        return self.migrated(joined(mine, theirs))

    def detached(self, state: WindowsState, source: str) -> tuple[WindowsState, WindowsState]:  # noqa: ARG002
        """Return the windows as they are, and none: what was united can't be told apart, and belongs to who bought."""
        return state, WindowsState()

    def migrated(self, state: WindowsState) -> WindowsState:
        """Return what these rules leave of windows that other rules may have opened; unchanged rules change nothing."""
        windows = {
            key: left
            for key, window in state.windows.items()
            if (rule := self._rules.get(window.rule)) and (left := migrated(rule, window))
        }
        due_ms = _least_due(windows)
        same = due_ms == state.due_ms and windows == state.windows
        return state if same else WindowsState(windows, due_ms, state.cancelled)


def _reads_items(rule: WindowRule, name: str, matches: tuple[Match, ...]) -> bool:
    """Say whether it matters to the rule which products an event tells of."""
    if all(role == CANCELS for role, _ in matches):
        return False
    return rule.kind == WindowKind.BROWSE or (rule.has_cart and name != "cart_viewed")


def _only_role(matches: tuple[Match, ...]) -> int | None:
    """Return what an event means when that needs no look at it."""
    role, holds = matches[0]
    return role if holds is None else None


def _advanced(
    rule: WindowRule, advance: Advance, state: WindowsState, windows: _Windows, touch: Touch, opens: bool
) -> _Windows:
    if rule.subject:
        key, subject, known = _found(rule, windows, touch.event)
    else:
        key, subject = rule.key, ""
        known = windows.get(key)
    cancelled = state.cancelled
    if cancelled:
        mark_ms = _mark(rule, key, cancelled, touch.event)
        if touch.at_ms < mark_ms:
            return windows
        if touch.at_ms == mark_ms:
            touch = touch.right_after()
    after = advance(rule, known, subject, touch, opens, state)
    if after is known:
        return windows
    if windows is state.windows:
        windows = windows.copy()
    if known is not None and known.subject != subject:
        del windows[rule.key]
    if after is not None:
        windows[key] = after
    else:
        windows.pop(key, None)
    return windows


def _mark(rule: WindowRule, key: str, cancelled: dict[str, int], event: Event) -> int:
    """Return the event time of the last cancel of what the event is about, or -1: what is older comes late, and does
    nothing, as a merge would have it. An event that names no cart may be about the one that a cancel named.
    """
    mark_ms, unnamed_ms = mark_of(cancelled, rule.id, key), cancelled.get(rule.key, -1)
    return unnamed_ms if unnamed_ms > mark_ms and not text(event.properties.get(rule.subject)) else mark_ms


def _found(rule: WindowRule, windows: _Windows, event: Event) -> tuple[str, str, Window | None]:
    """Return key, subject and window that an event is about, of a rule with a subject.

    An event without a subject is about the cart or checkout touched last. A cart whose id is told late is the one that
    had none so far: it is returned with its old subject.
    """
    subject = text(event.properties.get(rule.subject))
    if not rule.has_cart or not windows:
        key = rule.key + subject
        return key, subject, windows.get(key)
    if not subject:
        if len(windows) == 1 and rule.key in windows:
            return rule.key, "", windows[rule.key]
        latest = _latest(rule.id, windows)
        subject = latest.subject if latest else ""
        return rule.key + subject, subject, latest
    key = rule.key + subject
    return key, subject, windows.get(key) or windows.get(rule.key)


def _latest(rule: str, windows: _Windows) -> Window | None:
    latest = None
    for window in windows.values():
        if window.rule == rule and (latest is None or _recency(window) > _recency(latest)):
            latest = window
    return latest


def _recency(window: Window) -> tuple[bool, int, str]:
    return window.due_ms > 0, window.updated_ms, window.subject


def _cancelled(
    rule: WindowRule, windows: _Windows, cancelled: dict[str, int], event: Event
) -> tuple[_Windows, dict[str, int]]:
    """Close the window that the event names, and one of no name; without a word on it, all of the rule.

    A cancel from before a window was begun leaves that one alone, and no mark either.
    """
    subject = text(event.properties.get(rule.subject)) if rule.subject else ""
    if subject:
        windows, cancelled = _closed(windows, cancelled, [rule.key], rule.key, event.at_ms)
        key = rule.key + subject
        return _closed(windows, cancelled, [key], key, event.at_ms)
    keys = [key for key, window in windows.items() if window.rule == rule.id] if windows else []
    return _closed(windows, cancelled, keys, rule.id, event.at_ms)


def _closed(
    windows: _Windows, cancelled: dict[str, int], keys: list[str], mark: str, at_ms: int
) -> tuple[_Windows, dict[str, int]]:
    survives = False
    for key in keys:
        window = windows.get(key)
        if window is None:
            continue
        if window.started_at_ms - at_ms > ORDER_SLACK_MS:
            survives = True
        else:
            windows = windows.copy()
            del windows[key]
    if not survives and cancelled.get(mark, -1) < at_ms:
        cancelled = cancelled.copy()
        cancelled[mark] = at_ms
    return windows, cancelled


def _bounded(windows: _Windows, cancelled: dict[str, int]) -> WindowsState:
    if len(windows) > MAX_WINDOWS:
        kept = sorted(windows.items(), key=lambda entry: (entry[1].due_ms > 0, entry[1].updated_ms, entry[0]))
        windows = dict(kept[-MAX_WINDOWS:])
    if len(cancelled) > MAX_MARKS:
        cancelled = newest_marks(cancelled, MAX_MARKS)
    return WindowsState(windows, _least_due(windows), cancelled)


def _least_due(windows: _Windows) -> int:
    least = 0
    for window in windows.values():
        due_ms = window.due_ms
        if due_ms and (due_ms < least or not least):
            least = due_ms
    return least
