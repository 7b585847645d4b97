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
    "product_added_to_wishlist": ("add_to_wishlist", "added_to_wishlist", "wishlist_add"),
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
    "form_started": ("form_start",),
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
    "signed_up": ("sign_up", "signup", "user_signed_up", "complete_registration", "registered", "user_registered"),
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
