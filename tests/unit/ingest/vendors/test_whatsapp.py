"""WhatsApp Cloud API: Meta's greeting, raw bytes, statuses in any order, and what people write, tap and answer."""

import hmac
import json
from typing import Any

import orjson
import pytest

from ingest.sources import Source
from ingest.vendors.base import PartlyUnusableError, WebhookRequest
from ingest.vendors.whatsapp import WhatsApp
from streams.model.events import Event, ProfileKeys

NOW_MS = 1_800_000_000_000
SECRET, TOKEN = "0123456789abcdef0123456789abcdef", "meatyhamhock"
SECRETS = [SECRET, f"verify:{TOKEN}"]
URL = "https://events.example.com/webhooks/src_wa"
SOURCE = Source("src_wa", "ws", "whatsapp")
GREETING = {"hub.mode": "subscribe", "hub.verify_token": TOKEN, "hub.challenge": "1158201444"}
CONTACT = {"profile": {"name": "Sheena"}, "wa_id": "16505551234", "user_id": "US.13491208655302741918"}
# developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
STATUS: dict[str, Any] = {
    "id": "wamid.1", "status": "delivered", "timestamp": "1750263773", "recipient_id": "16505551234",
    "biz_opaque_callback_data": "d-1", "pricing": {"billable": True, "category": "marketing"},
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "from": "16505551234", "id": "wamid.2", "timestamp": "1749416383", "type": "text", "text": {"body": "Hi"},
}  # fmt: skip


def request(raw: bytes, secret: str = SECRET) -> WebhookRequest:
    signature = "sha256=" + hmac.digest(secret.encode(), raw, "sha256").hex()
    return WebhookRequest(URL, {"x-hub-signature-256": signature}, raw)


def payload(*values: dict[str, Any]) -> dict[str, Any]:
    about = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "106"}, "contacts": [CONTACT]}
    changes = [{"field": "messages", "value": about | value} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


def events(**value: Any) -> list[Event]:
    return WhatsApp().parse(request(orjson.dumps(payload(value))), SOURCE, NOW_MS)


def message(kind: str, said: object, **more: Any) -> dict[str, Any]:
    return MESSAGE | {"type": kind, kind: said} | more


def greeted(secrets: list[str] = SECRETS, method: str = "GET", **told: str) -> Any:
    query = "&".join(f"{key}={value}" for key, value in (GREETING | told).items())
    return WhatsApp().handshake(WebhookRequest(f"{URL}?{query}", {}, b"", method), secrets)


def test_greeting_is_answered_with_its_challenge_as_plain_text():
    assert greeted() == (b"1158201444", "text/plain; charset=utf-8", 200)


@pytest.mark.parametrize(
    "told",
    [{"hub.verify_token": "x"}, {"hub.verify_token": ""}, {"hub.verify_token": SECRET}, {"hub.mode": "unsubscribe"}],
)
def test_greeting_without_the_token_is_refused(told: dict[str, str]):
    assert greeted(**told).status == 403


@pytest.mark.parametrize("secrets", [[SECRET], ["verify:"], [], ["verify: "]])
def test_source_without_a_verify_token_greets_nobody(secrets: list[str]):
    assert greeted(secrets, **{"hub.verify_token": ""}).status == 403


@pytest.mark.parametrize("challenge", ["%3Cscript%3E", "", "1" * 300])
def test_challenge_of_another_form_is_not_sent_back(challenge: str):
    assert greeted(**{"hub.challenge": challenge}).status == 400


def test_only_a_get_with_a_mode_is_a_greeting():
    assert greeted(method="POST") is None
    assert WhatsApp().handshake(WebhookRequest(URL, {}, b"", "GET"), SECRETS) is None


def test_verify_token_signs_nothing():
    for key in (TOKEN, f"verify:{TOKEN}"):
        assert not WhatsApp().verify(request(b"{}", key), SECRETS, 0).is_genuine
    assert not WhatsApp().verify(request(b"{}", TOKEN), [f"verify:{TOKEN}"], 0).is_genuine


def test_only_the_bytes_as_they_came_are_signed():
    raw = json.dumps(payload({"messages": [message("text", {"body": "été a/b"})]})).replace("/", "\\/").encode()
    told = request(raw)
    assert WhatsApp().verify(told, SECRETS, 0).is_genuine
    assert not WhatsApp().verify(told._replace(raw=orjson.dumps(orjson.loads(raw))), SECRETS, 0).is_genuine


@pytest.mark.parametrize("header", ["sha256=", "sha1=ab", "ab", "sha256=" + "0" * 64])
def test_headers_of_another_form_are_refused(header: str):
    told = request(b"{}")._replace(headers={"x-hub-signature-256": header})
    assert not WhatsApp().verify(told, SECRETS, 0).is_genuine


def test_status_is_told_of_whom_the_message_went_to():
    event = events(statuses=[STATUS])[0]
    assert (event.name, event.at_ms) == ("message_delivered", 1_750_263_773_000)
    assert event.keys == ProfileKeys(phone="+16505551234", custom=(("whatsapp", "US.13491208655302741918"),))
    assert event.properties == {
        "channel": "whatsapp", "business_number_id": "106", "message_id": "wamid.1", "delivery_id": "d-1",
        "category": "marketing",
    }  # fmt: skip


def test_statuses_of_one_webhook_come_in_any_order_and_each_counts_once():
    read, sent = STATUS | {"status": "read"}, STATUS | {"status": "sent"}
    told = events(statuses=[read, STATUS, sent, STATUS])
    assert [one.name for one in told] == ["message_read", "message_delivered", "message_sent", "message_delivered"]
    assert len({one.id for one in told}) == 3


def test_status_that_is_sent_again_in_another_webhook_has_the_same_id():
    again = events(statuses=[STATUS | {"pricing": {"category": "utility"}}, STATUS | {"status": "sent"}])
    assert again[0].id == events(statuses=[STATUS])[0].id


def test_failure_keeps_its_code():
    error = {"code": 131049, "title": "Not delivered to keep ecosystem engagement healthy"}
    told = events(statuses=[STATUS | {"status": "failed", "errors": [error]}])[0]
    assert (told.name, told.properties["error_code"]) == ("message_failed", 131049)


def test_members_of_a_group_have_a_status_each():
    group = STATUS | {"recipient_id": "g1", "recipient_type": "group"}
    told = events(statuses=[group | {"recipient_participant_id": one} for one in ("16505551234", "16505559999")])
    assert [one.profile for one in told] == ["phone:+16505551234", "phone:+16505559999"]
    assert told[0].id != told[1].id


def test_people_who_hide_their_number_are_known_by_their_id_for_the_business():
    contact = {"profile": {"username": "@sheena"}, "user_id": "US.1"}
    told = events(contacts=[contact], messages=[{**MESSAGE, "from": None, "from_user_id": "US.1"}])
    assert told[0].profile == "custom:whatsapp:US.1"


def test_another_contact_of_the_webhook_is_not_the_person():
    told = events(statuses=[STATUS | {"recipient_id": "16505559999"}])
    assert told[0].keys == ProfileKeys(phone="+16505559999")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (message("text", {"body": "x" * 4_096}), {"text": "x" * 1_000}),
        (message("button", {"text": "Unsubscribe", "payload": "stop"}), {"text": "Unsubscribe", "payload": "stop"}),
        (message("interactive", {"button_reply": {"id": "b", "title": "Yes"}}), {"text": "Yes", "payload": "b"}),
        (message("interactive", {"list_reply": {"id": "l", "title": "Red"}}), {"text": "Red", "payload": "l"}),
        (message("image", {"id": "7", "caption": "Mine"}), {"text": "Mine"}),
        (message("contacts", [{"name": {}}]), {}),
        (message("text", {"body": "?"}, context={"id": "wamid.1"}), {"text": "?", "reply_to": "wamid.1"}),
        (message("text", {"body": "?"}, referral={"source_id": "ad1"}), {"text": "?", "ad_id": "ad1"}),
    ],
)
def test_incoming_messages_keep_what_was_written_or_tapped(said: dict[str, Any], words: dict[str, str]):
    event = events(messages=[said])[0]
    common = {"channel": "whatsapp", "business_number_id": "106", "message_id": "wamid.2", "type": said["type"]}
    assert (event.name, event.properties) == ("message_received", common | words)


def test_completed_flow_is_a_submitted_form():
    answers = '{"email_wanted":"yes","flow_token":"secret"}'
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": answers}}
    event = events(messages=[message("interactive", reply)])[0]
    assert (event.name, event.properties["answers"]) == ("form_submitted", {"email_wanted": "yes"})


@pytest.mark.parametrize("kind", ["system", "edit", "revoke"])
def test_what_is_no_message_is_not_used(kind: str):
    assert events(messages=[message(kind, {})]) == []


@pytest.mark.parametrize(("value", "name"), [("stop", "unsubscribed"), ("resume", "subscribed")])
def test_wish_for_marketing_is_kept(value: str, name: str):
    wish = {"wa_id": "16505551234", "category": "marketing_messages", "value": value, "timestamp": 1731705721}
    assert [one.name for one in events(user_preferences=[wish])] == [f"message_{name}"]


def test_other_changes_are_not_used():
    assert events(event="APPROVED", message_template_name="spring") == []


def test_item_that_cannot_be_used_spoils_no_other():
    with pytest.raises(PartlyUnusableError) as caught:
        events(statuses=[STATUS | {"timestamp": {}}, STATUS])
    assert [one.name for one in caught.value.events] == ["message_delivered"]
