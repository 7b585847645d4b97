"""Event names: snake_case, and one table of synonyms. Everything behind the door sees canonical names only."""

import re
from functools import lru_cache

MAX_NAME_CHARS = 128

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN_WORDS = re.compile(r"[\W_]+")

# canonical name: what others call it (in snake_case). Sources: Segment's e-commerce v1 and v2, e-mail and B2B SaaS
# specs, GA4's recommended events, the Meta pixel's standard events, and forms that people type.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "page_viewed": ("page_view", "pageview", "page", "viewed_page", "view_page"),
    "screen_viewed": ("screen_view", "screen", "viewed_screen"),
    "product_viewed": ("view_item", "viewed_product", "product_view", "view_product", "view_content", "item_viewed"),
    "product_list_viewed": ("view_item_list", "viewed_product_category", "product_category_viewed", "list_viewed"),
    "product_clicked": ("select_item", "clicked_product", "product_click"),
    "products_searched": ("search", "view_search_results", "searched", "searched_products"),
    "product_added": (
        "add_to_cart", "added_to_cart", "cart_add", "cart_added", "added_product", "product_add", "add_product",
        "product_added_to_cart", "item_added", "item_added_to_cart",
    ),
    "product_removed": (
        "remove_from_cart", "removed_from_cart", "cart_remove", "cart_removed", "removed_product", "product_remove",
        "remove_product", "product_removed_from_cart", "item_removed", "item_removed_from_cart",
    ),
    "product_added_to_wishlist": ("add_to_wishlist", "added_to_wishlist", "wishlist_add", "wishlist_product_added"),
    "back_in_stock_requested": (
        "back_in_stock_request", "requested_back_in_stock", "back_in_stock_subscribed", "subscribed_to_back_in_stock",
        "back_in_stock_notification_requested", "restock_requested", "restock_notification_requested", "notify_me",
        "notify_me_requested",
    ),
    "back_in_stock_cancelled": (
        "back_in_stock_canceled", "back_in_stock_cancel", "cancelled_back_in_stock", "canceled_back_in_stock",
        "back_in_stock_unsubscribed", "unsubscribed_from_back_in_stock",
    ),
    # News of the product itself. What may also mean a person ("Back In Stock") is told apart in ingest/catalogue.py.
    "product_updated": ("product_update", "updated_product", "update_product", "product_changed"),
    "price_changed": (
        "price_change", "changed_price", "price_updated", "price_update", "product_price_changed",
        "product_price_updated",
    ),
    "product_restocked": (
        "product_restock", "product_back_in_stock", "product_in_stock", "item_restocked", "item_back_in_stock",
    ),
    "product_sold_out": ("product_out_of_stock", "item_sold_out", "item_out_of_stock"),
    "cart_viewed": ("view_cart", "viewed_cart", "cart_view"),
    "cart_updated": ("update_cart", "updated_cart", "cart_update", "cart_changed", "checkout_updated"),
    "checkout_started": (
        "begin_checkout", "started_checkout", "checkout_start", "initiate_checkout", "checkout_initiated",
        "checkout_begun", "checkout",
    ),
    "payment_info_entered": ("add_payment_info", "payment_info_submitted"),
    "order_completed": (
        "purchase", "purchased", "completed_order", "order_complete", "order_placed", "placed_order", "order_paid",
        "order_created", "order", "purchase_completed", "checkout_completed", "product_purchased",
    ),
    "order_refunded": ("refund", "refunded", "refunded_order", "order_refund"),
    "order_cancelled": ("order_canceled", "cancelled_order", "canceled_order", "order_cancel", "cancel_order"),
    "promotion_viewed": ("view_promotion", "viewed_promotion"),
    "promotion_clicked": ("select_promotion", "clicked_promotion"),
    "email_delivered": ("email_deliver",),
    "email_opened": ("email_open", "opened_email", "open_email"),
    "email_clicked": ("email_link_clicked", "email_click", "clicked_email", "email_link_click", "clicked_email_link"),
    "email_bounced": ("email_bounce", "bounced_email"),
    "email_marked_as_spam": ("email_spam", "email_complained", "spam_complaint", "spam_report"),
    "unsubscribed": ("unsubscribe", "email_unsubscribed", "email_unsubscribe"),
    "form_submitted": (
        "form_submit", "submitted_form", "submit_form", "form_submission", "generate_lead", "lead", "lead_generated",
        "contact_form_submitted",
    ),
    "form_started": ("form_start", "started_form", "start_form", "form_begun"),
    "form_step_completed": (
        "form_step", "form_step_complete", "completed_form_step", "form_step_submitted", "form_page_completed",
    ),
    "pricing_viewed": (
        "pricing_view", "pricing_page_viewed", "pricing_page_view", "viewed_pricing", "viewed_pricing_page",
        "pricing_page_visited", "visited_pricing_page", "view_pricing",
    ),
    "case_study_viewed": ("case_study_view", "viewed_case_study", "case_study_read", "view_case_study"),
    "whitepaper_downloaded": (
        "whitepaper_download", "downloaded_whitepaper", "download_whitepaper", "white_paper_downloaded",
        "white_paper_download",
    ),
    "demo_requested": (
        "demo_request", "requested_demo", "request_demo", "demo_booked", "book_demo", "booked_demo",
        "demo_scheduled",
    ),
    "call_booked": (
        "book_call", "booked_call", "call_scheduled", "schedule_call", "meeting_booked", "meeting_scheduled",
        "booked_meeting", "schedule",
    ),
    "registration_started": (
        "registration_start", "started_registration", "start_registration", "begin_registration", "sign_up_started",
        "signup_started", "sign_up_start", "signup_start", "started_sign_up", "begin_sign_up",
    ),
    "registration_step_completed": (
        "registration_step", "registration_step_complete", "completed_registration_step", "sign_up_step_completed",
        "signup_step_completed", "sign_up_step", "signup_step",
    ),
    "signed_up": (
        "sign_up", "signup", "user_signed_up", "complete_registration", "registered", "user_registered",
        "registration_completed", "registration_complete", "completed_registration", "sign_up_completed",
        "signup_completed",
    ),
    "logged_in": ("login", "log_in", "signed_in", "sign_in", "user_logged_in", "user_signed_in"),
    "logged_out": ("logout", "log_out", "signed_out", "sign_out"),
    "trial_started": ("start_trial", "started_trial"),
}  # fmt: skip

SYNONYMS: dict[str, str] = {alias: name for name, aliases in _SYNONYMS.items() for alias in aliases}


def snake_case(name: str) -> str:
    """Return `name` in snake_case ("Email Opened", "emailOpened" -> "email_opened"); empty if it has no letter."""
    words = _WORD_STARTS.sub("_", name[:MAX_NAME_CHARS])
    return _BETWEEN_WORDS.sub("_", words.lower()).strip("_")


@lru_cache(maxsize=4096)
def canonical_name(name: str) -> str:
    """Return the one name that all spellings of this event share; empty if `name` has no letter or digit."""
    plain = snake_case(name)
    return SYNONYMS.get(plain, plain)
