"""Event names reach the engine in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model.names import SYNONYMS, canonical_name, snake_case


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("Email Opened", "email_opened"),
        ("emailOpened", "email_opened"),
        ("email-opened", "email_opened"),
        ("EMAIL_OPENED", "email_opened"),
        ("Email Link Clicked", "email_clicked"),
        ("add_to_cart", "product_added"),
        ("AddToCart", "product_added"),
        ("cart_add", "product_added"),
        ("purchase", "order_completed"),
        ("begin_checkout", "checkout_started"),
        ("view_item", "product_viewed"),
        ("page_view", "page_viewed"),
        ("form_submit", "form_submitted"),
        ("generate_lead", "form_submitted"),
        ("sign_up", "signed_up"),
        ("Sign Up", "signed_up"),
        ("CompleteRegistration", "signed_up"),
        ("Registration Started", "registration_started"),
        ("Sign Up Started", "registration_started"),
        ("Registration Step Completed", "registration_step_completed"),
        ("Form Started", "form_started"),
        ("form_start", "form_started"),
        ("Form Step Completed", "form_step_completed"),
        ("Back In Stock Requested", "back_in_stock_requested"),
        ("Subscribed to Back in Stock", "back_in_stock_requested"),
        ("Back In Stock Canceled", "back_in_stock_cancelled"),
        ("Product Updated", "product_updated"),
        ("Price Changed", "price_changed"),
        ("productRestocked", "product_restocked"),
        ("Product Out Of Stock", "product_sold_out"),
        ("Back In Stock", "back_in_stock"),
        ("Signed In", "logged_in"),
        ("HTTPRequest Sent", "http_request_sent"),
        ("Größe gewählt", "größe_gewählt"),
        ("—", ""),
    ],
)
def test_spelling_becomes_the_canonical_name(sent: str, canonical: str):
    assert canonical_name(sent) == canonical


def test_no_synonym_leads_to_another_synonym():
    assert not set(SYNONYMS) & set(SYNONYMS.values())


def test_every_alias_is_spelled_as_names_arrive():
    assert [alias for alias in SYNONYMS if snake_case(alias) != alias] == []


@given(st.text(max_size=200))
def test_a_canonical_name_stays_as_it_is(name: str):
    assert canonical_name(canonical_name(name)) == canonical_name(name)
