"""PayPal: its certificates, its time, and how little a checksum binds; payments, subscriptions, who paid."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zlib import crc32

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.paypal import PayPal
from streams.model.events import Event, ProfileKeys

SOURCE = Source("src_paypal", "ws", "paypal")
NOW_S = 1_790_000_000
NOW = datetime.fromtimestamp(NOW_S, UTC)
WEBHOOK_ID = "4JH86294D6297924G"
NAME = "messageverificationcerts.paypal.com"
URL = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-5edc0ebc"
# After developer.paypal.com/api/rest/webhooks/event-names and the objects of Payments v2, Orders v2, Subscriptions v1
CAPTURE: dict[str, Any] = {
    "id": "27M47624FP291604U",
    "status": "COMPLETED",
    "amount": {"currency_code": "USD", "value": "2.51"},
    "custom_id": "cart-7",
    "invoice_id": "INV-1",
    "supplementary_data": {"related_ids": {"order_id": "5O190127TN364715T"}},
    "payee": {"email_address": "merchant@example.com"},
}
PAYER = {
    "email_address": "Customer@example.com",
    "payer_id": "QYR5Z8XDVJNXQ",
    "name": {"given_name": "John", "surname": "Doe"},
    "address": {"country_code": "US"},
}
ORDER: dict[str, Any] = {
    "id": "5O190127TN364715T",
    "status": "COMPLETED",
    "payer": PAYER,
    "purchase_units": [
        {
            "amount": {"currency_code": "USD", "value": "2.51"},
            "custom_id": "cart-7",
            "payments": {"captures": [{"id": "27M47624FP291604U"}]},
        }
    ],
}
SUBSCRIPTION = {"id": "I-BW452GLLEP1G", "plan_id": "P-5ML", "subscriber": PAYER, "status": "ACTIVE"}


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


@cache
def small_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 1_024)


def certificate(name: str = NAME, *, days: int = 30, by: rsa.RSAPrivateKey | None = None, is_ca: bool = False) -> bytes:
    """Return a certificate that begins a day before now and ends `days` after it."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example CA")])
    signer = by or key()
    builder = x509.CertificateBuilder(
        issuer, subject, (key() if not is_ca else signer).public_key(), 1,
        NOW - timedelta(days=1 if days > 0 else 90), NOW + timedelta(days=days),
    ).add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)  # fmt: skip
    return builder.sign(signer, SHA256()).public_bytes(Encoding.PEM)


def signed(
    raw: bytes, *, at_s: int = NOW_S, webhook_id: str = WEBHOOK_ID, by: rsa.RSAPrivateKey | None = None, **h: str
):
    stated = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = f"t1|{stated}|{webhook_id}|{crc32(raw)}".encode()
    headers = {
        "paypal-transmission-id": "t1",
        "paypal-transmission-time": stated,
        "paypal-transmission-sig": b64encode((by or key()).sign(message, PKCS1v15(), SHA256())).decode(),
        "paypal-cert-url": URL,
        "paypal-auth-algo": "SHA256withRSA",
    }
    return WebhookRequest("https://e.example", headers | {name.replace("_", "-"): one for name, one in h.items()}, raw)


def reason(request: WebhookRequest, pem: bytes | None = None, *secrets: str) -> str:
    return PayPal().verify(request, secrets or [WEBHOOK_ID], NOW_S, certificate() if pem is None else pem).reason


def parsed(kind: str, resource: object, event_id: str = "WH-1") -> list[Event]:
    told = {"id": event_id, "create_time": "2019-02-14T21:50:07.940Z", "event_type": kind, "resource": resource}
    return PayPal().parse(WebhookRequest("https://e.example", {}, orjson.dumps(told)), SOURCE, NOW_S * 1000)


def the(events: list[Event]) -> Event:
    (event,) = events
    return event


def test_what_paypal_signs_holds_for_either_webhook_id():
    assert reason(signed(b"{}")) == ""
    assert reason(signed(b"{}"), None, "another", WEBHOOK_ID) == ""


def test_the_webhook_of_another_merchant_does_not_hold():
    assert "any webhook id of the source" in reason(signed(b"{}", webhook_id="9XL90610J3647323C"))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://notpaypal.com/v1/notifications/certs/CERT-1",
        "https://evil.example/v1/notifications/certs/CERT-1?.paypal.com",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example#.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../../redirect",
        "https://api.paypal.com/v1/notifications/certs/CERT-1\n",
        "https://www.paypal.com/anything",
    ],
)
def test_a_certificate_from_elsewhere_is_neither_fetched_nor_believed(url: str):
    request = signed(b"{}", paypal_cert_url=url)
    assert PayPal().certificate_url(request) == ""
    assert "no address of PayPal's certificates" in reason(request)


def test_certificates_come_from_paypal_and_its_sandbox():
    for host in ("api.paypal.com", "api.sandbox.paypal.com", "api-m.paypal.com"):
        url = URL.replace("api.paypal.com", host)
        assert PayPal().certificate_url(signed(b"{}", paypal_cert_url=url)) == url


def test_another_algorithm_is_refused():
    assert "SHA256withRSA" in reason(signed(b"{}", paypal_auth_algo="SHA1withRSA"))


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        (b"", "missing"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM"),
        (certificate("evil.example"), "not of the vendor's name"),
        (certificate("paypal.com.evil.example"), "not of the vendor's name"),
        (certificate(days=-1), "not in force"),
        (certificate() + certificate("Example CA", is_ca=True, by=small_key()), "no chain"),
        (certificate() + certificate("Example CA"), "no chain"),
    ],
    ids=["none", "garbage", "another name", "another domain", "expired", "another issuer", "issuer that is none"],
)
def test_a_certificate_that_proves_nothing_is_refused(pem: bytes, problem: str):
    assert problem in reason(signed(b"{}"), pem)


def test_a_certificate_that_comes_with_its_issuer_holds():
    issuer = certificate("Example CA", is_ca=True, by=small_key())
    assert reason(signed(b"{}"), certificate(by=small_key()) + issuer) == ""


def test_a_retry_of_three_days_holds_and_no_later_one():
    assert reason(signed(b"{}", at_s=NOW_S - 72 * 3_600)) == ""
    assert "ago" in reason(signed(b"{}", at_s=NOW_S - 74 * 3_600))


def test_a_time_to_come_is_refused():
    assert "in the future" in reason(signed(b"{}", at_s=NOW_S + 301))


def forged(raw: bytes, wanted: int) -> bytes:
    """Return JSON that means the same as `raw` and has the CRC-32 `wanted`: some of 48 blanks at its end are tabs."""
    blanks = b" " * 48
    base = crc32(raw + blanks)
    pivots: list[
        tuple[int, int]
    ] = []  # what some places do to the sum, and those places; each with a highest bit of its own
    for place in range(len(blanks)):  # CRC-32 is linear: tabs at two places do what each does alone
        effect = crc32(raw + blanks[:place] + b"\t" + blanks[place + 1 :]) ^ base, 1 << place
        reduced = _reduced(effect, pivots)
        if reduced[0]:
            pivots = sorted([*pivots, reduced], reverse=True)
    rest, places = _reduced((base ^ wanted, 0), pivots)
    assert rest == 0
    return raw + bytes(9 if places >> place & 1 else 32 for place in range(len(blanks)))


def _reduced(effect: tuple[int, int], pivots: list[tuple[int, int]]) -> tuple[int, int]:
    change, places = effect
    for other, others in pivots:
        if change.bit_length() == other.bit_length():
            change, places = change ^ other, places ^ others
    return change, places


def test_a_body_with_the_same_checksum_verifies_so_events_say_what_they_were_verified_by():
    genuine = signed(orjson.dumps({"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": CAPTURE}))
    other = CAPTURE | {"amount": {"currency_code": "USD", "value": "99999.00"}}
    body = orjson.dumps({"id": "WH-2", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": other})
    request = genuine._replace(raw=forged(body, crc32(genuine.raw)))
    assert reason(request) == ""
    assert the(PayPal().parse(request, SOURCE, NOW_S * 1000)).properties["verified_by"] == "crc32"


def test_a_forged_body_about_the_same_payment_has_no_second_effect():
    assert (
        the(parsed("PAYMENT.CAPTURE.COMPLETED", CAPTURE)).id
        == the(parsed("PAYMENT.CAPTURE.COMPLETED", CAPTURE | {"amount": {"value": "9"}}, "WH-2")).id
    )


def test_a_payment_without_payer_is_known_by_its_order_and_never_by_the_merchant():
    event = the(parsed("PAYMENT.CAPTURE.COMPLETED", CAPTURE))
    assert (event.name, event.value, event.currency) == ("order_completed", 2.51, "USD")
    assert event.keys == ProfileKeys(anonymous_id="paypal:order:5O190127TN364715T")
    assert event.properties == {
        "order_id": "5O190127TN364715T", "payment_id": "27M47624FP291604U", "custom_id": "cart-7",
        "invoice_id": "INV-1", "verified_by": "crc32",
    }  # fmt: skip


def test_an_order_and_its_payment_count_once_and_the_order_names_the_payer():
    event = the(parsed("CHECKOUT.ORDER.COMPLETED", ORDER, "WH-2"))
    assert event.id == the(parsed("PAYMENT.CAPTURE.COMPLETED", CAPTURE)).id
    assert event.keys == ProfileKeys(email="customer@example.com", custom=(("paypal", "QYR5Z8XDVJNXQ"),))
    assert event.traits == {"first_name": "John", "last_name": "Doe", "email": "customer@example.com"}


def test_an_approved_order_is_a_checkout():
    assert the(parsed("CHECKOUT.ORDER.APPROVED", ORDER)).name == "checkout_started"


def test_a_sale_of_the_first_version_is_an_order():
    sale = {"id": "4EU7", "amount": {"total": "20.00", "currency": "USD"}, "parent_payment": "PAY-86C8"}
    event = the(parsed("PAYMENT.SALE.COMPLETED", sale))
    assert (event.value, event.currency, event.properties["order_id"]) == (20.0, "USD", "PAY-86C8")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("PAYMENT.CAPTURE.REFUNDED", "order_refunded"), ("PAYMENT.CAPTURE.DENIED", "payment_failed")],
)
def test_money_that_goes_back_or_never_comes_is_told(kind: str, name: str):
    assert the(parsed(kind, CAPTURE)).name == name


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("ACTIVATED", "subscription_started"),
        ("SUSPENDED", "subscription_paused"),
        ("CANCELLED", "subscription_cancelled"),
        ("PAYMENT.FAILED", "payment_failed"),
    ],
)
def test_subscriptions_are_told(what: str, name: str):
    event = the(parsed(f"BILLING.SUBSCRIPTION.{what}", SUBSCRIPTION))
    assert (event.name, event.keys.email, event.properties["plan_id"]) == (name, "customer@example.com", "P-5ML")


def test_a_paid_invoice_is_an_order_of_whom_it_went_to():
    billed = [{"billing_info": {"email_address": "bill@example.com"}}]
    invoice = {"id": "INV2-1", "amount": {"currency_code": "EUR", "value": "74.21"}, "primary_recipients": billed}
    event = the(parsed("INVOICING.INVOICE.PAID", {"invoice": invoice}))
    assert (event.profile, event.value, event.properties["order_id"]) == ("email:bill@example.com", 74.21, "INV2-1")


def test_other_kinds_are_not_used():
    assert parsed("MERCHANT.ONBOARDING.COMPLETED", {}) == []
