"""Standard Webhooks: signed by its own library, by shared and by public keys, mapped without knowing the sender."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook

from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.standard_webhooks import StandardWebhooks
from streams.model.events import Event, ProfileKeys, Provenance, Utm

SOURCE = Source("src_std", "ws", "standard_webhooks")
NOW_S = 1_790_000_000
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
CONTACT = {"type": "contact.created", "timestamp": "2022-11-03T20:26:10.344522Z", "data": {"email": "ada@example.com"}}
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def whpk(private: Ed25519PrivateKey) -> str:
    return "whpk_" + b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def request_of(payload: object, signature: str = "", at_s: int = NOW_S) -> WebhookRequest:
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    signature = signature or Webhook(SECRET).sign(ID, datetime.fromtimestamp(at_s, UTC), raw.decode())
    headers = {"webhook-id": ID, "webhook-timestamp": str(at_s), "webhook-signature": signature}
    return WebhookRequest("https://e.example", headers, raw)


def by_key(payload: object) -> WebhookRequest:
    signed = b".".join((ID.encode(), str(NOW_S).encode(), orjson.dumps(payload)))
    return request_of(payload, f"v1a,{b64encode(PRIVATE.sign(signed)).decode()}")


def holds(request: WebhookRequest, *secrets: str, now_s: float = NOW_S) -> bool:
    return StandardWebhooks().verify(request, secrets or (SECRET,), now_s).is_genuine


def parsed(kind: str, data: object, **more: Any) -> list[Event]:
    return StandardWebhooks().parse(request_of({"type": kind, "data": data} | more), SOURCE, NOW_S * 1000)


def the(events: list[Event]) -> Event:
    (event,) = events
    return event


def test_what_its_library_signs_holds_with_and_without_the_prefix():
    assert holds(request_of(CONTACT))
    assert holds(request_of(CONTACT), SECRET.removeprefix("whsec_"))


def test_what_a_public_key_proves_holds():
    assert holds(by_key(CONTACT), whpk(PRIVATE))
    assert not holds(by_key(CONTACT), whpk(Ed25519PrivateKey.generate()))


def test_a_public_key_is_no_shared_secret():
    key = whpk(PRIVATE)
    raw = orjson.dumps(CONTACT)
    forged = Webhook(key.removeprefix("whpk_")).sign(ID, datetime.fromtimestamp(NOW_S, UTC), raw.decode())
    assert not holds(request_of(CONTACT, forged), key)


def test_a_private_key_is_refused():
    verdict = StandardWebhooks().verify(request_of(CONTACT), ["whsk_" + SECRET.removeprefix("whsec_")], NOW_S)
    assert "whsec_ or whpk_" in verdict.reason


def test_one_signature_of_a_list_is_enough():
    header = request_of(CONTACT).headers["webhook-signature"]
    assert holds(request_of(CONTACT, f"v1,AAAA v2,{'B' * 20} {header}"))


def test_old_times_and_times_to_come_are_refused():
    assert not holds(request_of(CONTACT, at_s=NOW_S - 301))
    assert not holds(request_of(CONTACT, at_s=NOW_S + 301))


@pytest.mark.parametrize("secret", ["whsec_", "whsec_===", "whsec_nö", "whpk_AAAA"])
def test_a_secret_of_no_use_believes_nobody(secret: str):
    assert not holds(request_of(CONTACT), secret)


def test_a_contact_is_identified_under_the_id_of_the_message():
    event = the(StandardWebhooks().parse(request_of(CONTACT), SOURCE, NOW_S * 1000))
    again = the(StandardWebhooks().parse(request_of(CONTACT, at_s=NOW_S + 60), SOURCE, NOW_S * 1000))
    assert (event.name, event.profile, event.at_ms) == ("identified", "email:ada@example.com", 1_667_507_170_345)
    assert event.id == again.id


def test_who_is_found_in_the_data_and_in_its_person():
    keys = the(parsed("order.paid", {"total": "9.50", "user": {"id": 7, "email": "Ada@Example.com"}})).keys
    assert keys == ProfileKeys(user_id="7", email="ada@example.com")
    keys = the(parsed("lead", {"userId": "u1", "phoneNumber": "+49 170 1234567", "anonymousId": "a1"})).keys
    assert keys == ProfileKeys(user_id="u1", phone="+491701234567", anonymous_id="a1")


def test_an_order_is_told_by_its_one_name_with_lines_worth_and_campaign():
    data = {
        "email": "ada@example.com",
        "total": "9.50",
        "currency": "eur",
        "items": [{"id": "mug", "price": 4.75, "quantity": 2}],
        "utm_source": "x",
    }
    event = the(parsed("order.paid", data))
    assert (event.name, event.value, event.currency, event.utm) == ("order_completed", 9.5, "EUR", Utm("x"))
    assert event.properties["products"] == [{"product_id": "mug", "name": "mug", "price": 4.75, "quantity": 2}]


def test_a_mail_s_outcome_is_of_whom_it_went_to():
    event = the(parsed("email.clicked", {"email_id": "m1", "to": ["ada@example.com"], "click": {"ip": "1.2.3.4"}}))
    assert (event.name, event.profile, event.properties) == (
        "email_clicked",
        "email:ada@example.com",
        {"email_id": "m1"},
    )


def test_deleted_people_are_told():
    assert the(parsed("user.deleted", {"id": "u1"})).profile == "user:u1"


def test_news_of_a_product_are_nobodys():
    event = the(parsed("price.changed", {"product_id": "mug", "price": 9.9, "currency": "EUR", "email": "a@b.example"}))
    assert (event.name, event.profile, event.keys) == ("price_changed", "product:mug", ProfileKeys())


@pytest.mark.parametrize("kind", ["invoice.viewed", "unmerged", "aliased", "…"])
def test_what_names_nobody_or_moves_identities_is_not_used(kind: str):
    data = {} if kind == "invoice.viewed" else {"user_id": "u1", "id": "anon:a1"}
    assert parsed(kind, data) == []


@pytest.mark.parametrize("kind", ["order.paid", "product.updated"])
def test_todays_date_alone_is_no_moment(kind):
    day_ms = NOW_S * 1000 - NOW_S * 1000 % 86_400_000
    today = datetime.fromtimestamp(NOW_S, UTC).date()
    event = the(parsed(kind, {"email": "a@b.example", "product_id": "p1", "total": 4}, timestamp=today.isoformat()))
    assert (event.at_ms, event.provenance) == (NOW_S * 1000, Provenance(day_ms))
    event = the(parsed(kind, {"email": "a@b.example", "product_id": "p1", "total": 4}, timestamp="2026-01-31"))
    assert (event.at_ms, event.provenance) == (1_769_817_600_000, Provenance(1_769_817_600_000))


LINES = [{"id": "mug", "price": 4, "quantity": 2}, {"id": "pot", "price": 9}]


def test_several_products_that_are_added_become_an_event_each():
    events = parsed("product.added", {"email": "a@b.example", "items": LINES})
    assert [(e.name, e.properties["product_id"], e.value) for e in events] == [
        ("product_added", "mug", 8.0),
        ("product_added", "pot", 9.0),
    ]
    assert len({e.id for e in events}) == 2


def test_an_order_that_says_no_sum_is_worth_all_its_lines():
    data = {"email": "a@b.example", "items": LINES}
    assert the(parsed("order.paid", data)).value == 17.0
    assert the(parsed("order.paid", data | {"total": 15})).value == 15.0
    assert the(parsed("order.paid", data | {"items": [LINES[1]] * 300})).value == 2_700.0
