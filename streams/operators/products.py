"""Product triggers: a price that fell, a product that is in stock again, told to those who showed interest.

A person and a product may live in different partitions. The person's side says which words of interest are owed to the
node "product:<id>", the product's side whom to tell, and the person's side again whether that is still wanted.
"""

from math import isfinite
from typing import TypeAlias

from streams.model.errors import RuleError, RuleFailedError
from streams.model.events import Event
from streams.model.facts import FactsState
from streams.model.products import Interest, Notice, ProductState
from streams.model.profile import ProfileState
from streams.model.rules.abandonment import ProductRule
from streams.model.windows import WindowsState, window_key
from streams.operators.base import Firing, is_late
from streams.operators.product_news import (
    PRODUCT_EVENTS,
    PRODUCT_PREFIX,
    has_dropped,
    interest_key,
    is_over,
    is_restock,
    notice_of,
    product_after,
    profile_of,
    with_interest,
    with_interested,
)
from streams.operators.windows_items import MAX_ITEMS, is_number, text
from streams.operators.windows_merge import mark_of, newest_marks
from streams.operators.windows_rules import MAX_RULES, Match, check_id, check_matches, matches_by_name, role_of

MAX_BOUGHT = 40
"""Purchases that a profile remembers for its product rules; the oldest go first."""
MAX_KEEP_MS = 2 * 366 * 86_400_000
PRICE_DROP = "price_drop"
BACK_IN_STOCK = "back_in_stock"
_WITHDRAWS, _SHOWS = range(2)
_REFRESHES = 30  # an interest is written anew when it is prolonged by at least this part of its time

Owed: TypeAlias = tuple[str, Interest]
"""The node of a product, and a word of interest for it."""
_Line: TypeAlias = tuple[str, float]


class Products:
    """The product rules of a workspace, for the nodes of people and of products."""

    def __init__(self, rules: tuple[ProductRule, ...]) -> None:
        if len(rules) > MAX_RULES:
            raise RuleError("products", f"{len(rules)} rules", f"Use at most {MAX_RULES}.")
        self._rules: dict[str, ProductRule] = {}
        self._by_name: dict[str, list[tuple[ProductRule, tuple[Match, ...]]]] = {}
        for number, rule in enumerate(rules):
            field = f"products[{number}]"
            check_id(rule.id, self._rules, field)
            _check_rule(rule, field)
            self._rules[rule.id] = rule
            parts = (("cancels", rule.cancels), ("interest", rule.interest))
            for name, matches in matches_by_name(parts, field).items():
                self._by_name.setdefault(name, []).append((rule, matches))

    def on_event(
        self, state: WindowsState, event: Event, name: str, facts: FactsState, now_ms: int
    ) -> tuple[WindowsState, tuple[Owed, ...]]:
        """Return a person's windows, with purchases noted among their cancels, and what is owed to products.

        Raises RuleFailedError.
        """
        concerns = self._by_name.get(name)
        if concerns is None:
            return state, ()
        lines = _lines(event)
        owed: list[Owed] = []
        bought: dict[str, int] = {}
        for rule, matches in concerns:
            try:
                role = role_of(matches, event, facts)
                if role == _WITHDRAWS:
                    bought |= _bought(rule, event, lines, now_ms)
                    owed += [(PRODUCT_PREFIX + product, Interest(rule.id, 0.0, 0, now_ms)) for product, _ in lines]
                elif role == _SHOWS:
                    owed += _shown(rule, state, event, lines, now_ms)
            except Exception as error:
                raise RuleFailedError(rule.id) from error
        return self._with_bought(state, bought) if bought else state, tuple(owed)

    def on_interest(self, product: ProductState, profile: str, interest: Interest, now_ms: int) -> ProductState:
        """Return the product after a person's word; of two words the one later in the person's log time counts."""
        rule = self._rules.get(interest.rule)
        key = interest_key(profile, interest.rule)
        known = product.interested.get(key)
        if rule is None or (known and known.at_ms > interest.at_ms):
            return product
        # A withdrawal counts however late it comes.
        if interest.until_ms and (is_over(interest, now_ms) or (known and _adds_nothing(known, interest, rule))):
            return product
        return with_interest(product, key, interest, now_ms)

    def on_product_event(
        self, product: ProductState, event: Event, name: str, now_ms: int
    ) -> tuple[ProductState, tuple[tuple[str, Notice], ...]]:
        """Return the product after news of it, and what is to be told to whom.

        A drop is told once: the price told becomes the price seen. A restock is told once: the interest is spent. An
        event older than the last is of no use, and one that took a day to arrive is told to nobody.
        """
        if name not in PRODUCT_EVENTS or event.at_ms < product.updated_ms:
            return product, ()
        after = product_after(product, event, name)
        restocked = is_restock(product, after, name)
        is_news = restocked or (after.price, after.currency) != (product.price, product.currency)
        if not after.interested or not is_news or is_late(event, now_ms):
            return after, ()
        interested: dict[str, Interest] = {}
        notices: list[tuple[str, Notice]] = []
        for key, seen in after.interested.items():
            rule = self._rules.get(seen.rule)
            if rule is None or is_over(seen, now_ms):
                continue
            if not seen.until_ms:
                interested[key] = seen
            elif rule.kind == BACK_IN_STOCK and restocked:
                notices.append((profile_of(key), notice_of(after, event, rule.kind, seen)))
            elif rule.kind == PRICE_DROP and has_dropped(seen, after, rule.min_drop_percent):
                notices.append((profile_of(key), notice_of(after, event, rule.kind, seen)))
                interested[key] = _having_seen(seen, after)
            else:
                interested[key] = seen if seen.price else _having_seen(seen, after)
        return with_interested(after, interested), tuple(notices)

    def on_notice(self, notice: Notice, profile: ProfileState, now_ms: int) -> tuple[Firing, ...]:
        """Return what fires for the person: nothing when it has bought since it showed interest."""
        if notice.rule not in self._rules:
            return ()
        key = window_key(notice.rule, text(notice.data.get("product_id")))
        if mark_of(profile.windows.cancelled, notice.rule, key) >= notice.data.get("since_ms", 0):
            return ()
        return (Firing(notice.rule, notice.occurrence, now_ms, notice.data),)

    def _with_bought(self, state: WindowsState, bought: dict[str, int]) -> WindowsState:
        mine, others = dict(bought), {}
        for key, at_ms in state.cancelled.items():
            if key.partition("\x1f")[0] in self._rules:
                mine[key] = max(at_ms, mine.get(key, at_ms))
            else:
                others[key] = at_ms
        return WindowsState(state.windows, state.due_ms, others | newest_marks(mine, MAX_BOUGHT))


def _having_seen(seen: Interest, product: ProductState) -> Interest:
    return Interest(seen.rule, product.price, seen.until_ms, seen.at_ms, product.currency)


def _adds_nothing(known: Interest, told: Interest, rule: ProductRule) -> bool:
    is_same = told.price in (0, known.price) and told.currency in ("", known.currency)
    return is_same and known.until_ms > 0 and told.until_ms - known.until_ms < rule.keep_ms // _REFRESHES


def _shown(rule: ProductRule, state: WindowsState, event: Event, lines: tuple[_Line, ...], now_ms: int) -> list[Owed]:
    """Return the interest in each product that was not bought at a later time than this event's."""
    until_ms = min(event.at_ms, now_ms) + rule.keep_ms
    if until_ms <= now_ms:
        return []
    currency = event.currency or ""
    return [
        (PRODUCT_PREFIX + product, Interest(rule.id, price, until_ms, now_ms, currency))
        for product, price in lines
        if event.at_ms > mark_of(state.cancelled, rule.id, window_key(rule.id, product))
    ]


def _bought(rule: ProductRule, event: Event, lines: tuple[_Line, ...], now_ms: int) -> dict[str, int]:
    """Return when what was bought, in log time unless it is long past; everything, when the event names nothing."""
    at_ms = event.at_ms if is_late(event, now_ms) else now_ms
    return {window_key(rule.id, product): at_ms for product, _ in lines} or {rule.id: at_ms}


def _lines(event: Event) -> tuple[_Line, ...]:
    """Return the products that the event names, with the price of each or 0."""
    products = event.properties.get("products")
    prices: dict[str, float] = {}
    for raw in products[:MAX_ITEMS] if isinstance(products, list) else [event.properties]:
        if isinstance(raw, dict) and (product := text(raw.get("product_id"))):
            price = raw.get("price")
            prices[product] = float(price) if is_number(price) and price > 0 else 0.0
    return tuple(prices.items())


def _check_rule(rule: ProductRule, field: str) -> None:
    kinds = (PRICE_DROP, BACK_IN_STOCK)
    if rule.kind not in kinds:
        raise RuleError(f"{field}.kind", f"{rule.kind!r} is unknown", f"Use one of {', '.join(kinds)}.")
    check_matches(rule.interest, f"{field}.interest")
    check_matches(rule.cancels, f"{field}.cancels")
    percent = rule.min_drop_percent
    if not isfinite(percent) or not 0 < percent <= 100:  # noqa: PLR2004  per cent
        raise RuleError(f"{field}.min_drop_percent", f"{percent} is no drop", "Give more than 0 and up to 100.")
    if not 0 < rule.keep_ms <= MAX_KEEP_MS:
        raise RuleError(f"{field}.keep_ms", f"{rule.keep_ms} ms", f"Give 1 to {MAX_KEEP_MS} ms.")
