"""Who a body of Shopify's is about, and what it says of them."""

from typing import Any

from ingest.persons import custom_pair
from ingest.values import SEPARATOR, email_or_none, optional_object, phone_or_none
from streams.model.events import ProfileKeys

_Payload = dict[str, Any]

_CUSTOMER_ID = "shopify"
_PERSON_KEYS = ("first_name", "last_name", "phone", "email")
_TOKENS = (("checkout", "checkout_token"), ("checkout", "token"), ("cart", "cart_token"), ("order", "id"))
_CONSENTS = {"subscribed": "email_subscribed", "unsubscribed": "unsubscribed"}
_MAX_TAG_CHARS = 1_000


def keys_of(payload: _Payload | None = None, customer: _Payload | None = None) -> ProfileKeys:
    """Return who it is about, by all that other sources may know a customer by too; a buyer who says nothing is known
    by the token of the checkout or cart, or the order's id.
    """
    payload = payload or {}
    customer = customer or optional_object(payload, "customer")
    email = next(filter(None, map(email_or_none, _candidates(payload, customer, "email", "contact_email"))), None)
    phone = next(filter(None, map(phone_or_none, _candidates(payload, customer, "phone"))), None)
    custom = custom_pair(_CUSTOMER_ID, customer.get("id"))
    if email or phone or custom:
        return ProfileKeys(email=email, phone=phone, custom=custom)
    for kind, key in _TOKENS:
        value = payload.get(key)
        if isinstance(value, str | int) and value and SEPARATOR not in str(value):
            return ProfileKeys(anonymous_id=f"shopify:{kind}:{value}"[:200])
    return ProfileKeys()


def traits_of(customer: _Payload) -> _Payload:
    """Return what is said of a customer; addresses and notes are of no use."""
    traits = {key: customer[key] for key in _PERSON_KEYS if isinstance(customer.get(key), str)}
    if isinstance(tags := customer.get("tags"), str) and tags:
        traits["tags"] = tags[:_MAX_TAG_CHARS]
    country = optional_object(customer, "default_address").get("country_code")
    if isinstance(country, str):
        traits["country"] = country
    consent = optional_object(customer, "email_marketing_consent").get("state")
    if isinstance(consent, str):
        traits["email_consent"] = consent.lower()
    return traits


def consent_of(told: _Payload) -> tuple[str, object]:
    """Return the name of the event and when consent was given or taken back; no name when it is neither."""
    consent = optional_object(told, "email_marketing_consent")
    return _CONSENTS.get(str(consent.get("state")).lower(), ""), consent.get("consent_updated_at")


def _candidates(payload: _Payload, customer: _Payload, *keys: str) -> list[object]:
    return [holder.get(key) for holder in (payload, customer) for key in keys]
