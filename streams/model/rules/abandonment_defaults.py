"""Abandonment and product rules to begin with: the cart is on by default, the others are there to be switched on."""

from streams.model.rules.abandonment import HOUR_MS, AbandonmentRule, EventMatch, ProductRule, WindowKind

_DAY_MS = 24 * HOUR_MS


def default_abandonment(window_ms: int = HOUR_MS) -> tuple[AbandonmentRule, ...]:
    """Return the one rule that every workspace has: a cart that nobody touches for `window_ms`, and no purchase."""
    return (
        AbandonmentRule(
            "cart_abandoned",
            WindowKind.CART,
            opens=_events("product_added", "product_removed", "cart_updated", "checkout_started"),
            extends=_events("cart_viewed"),
            cancels=_events("order_completed"),
            steps_ms=(window_ms,),
            subject="cart_id",
        ),
    )


def example_rules() -> tuple[AbandonmentRule, ...]:
    """Return one rule of each other kind: checkout, browse, form and registration."""
    return (
        AbandonmentRule(
            "checkout_abandoned",
            WindowKind.CHECKOUT,
            opens=_events("checkout_started"),
            extends=_events("payment_info_entered", "cart_updated"),
            cancels=_events("order_completed"),
            steps_ms=(HOUR_MS, _DAY_MS, 3 * _DAY_MS),
            subject="cart_id",
        ),
        AbandonmentRule(
            "browse_abandoned",
            WindowKind.BROWSE,
            opens=_events("product_viewed"),
            cancels=_events("product_added", "cart_updated", "checkout_started", "order_completed"),
            steps_ms=(4 * HOUR_MS,),
        ),
        AbandonmentRule(
            "form_abandoned",
            WindowKind.FORM,
            opens=_events("form_started"),
            extends=_events("form_step_completed"),
            cancels=_events("form_submitted"),
            subject="form_id",
        ),
        AbandonmentRule(
            "registration_abandoned",
            WindowKind.REGISTRATION,
            opens=_events("registration_started"),
            extends=_events("registration_step_completed"),
            cancels=_events("signed_up"),
            steps_ms=(HOUR_MS, _DAY_MS),
        ),
    )


def example_products() -> tuple[ProductRule, ...]:
    """Return a rule for a price that fell and one for a product that is in stock again."""
    return (
        ProductRule(
            "price_drop",
            "price_drop",
            interest=_events("product_viewed", "product_added", "product_added_to_wishlist"),
            cancels=_events("order_completed"),
        ),
        ProductRule(
            "back_in_stock",
            "back_in_stock",
            interest=_events("back_in_stock_requested"),
            cancels=_events("order_completed", "back_in_stock_cancelled"),
        ),
    )


def _events(*names: str) -> tuple[EventMatch, ...]:
    return tuple(EventMatch(name) for name in names)
