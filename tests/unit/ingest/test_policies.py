"""Policies at the door: what a browser, a server and a vendor are told, and what is kept of their events."""

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.policies import build_policy
from ingest.app import app_of
from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from streams.model.events import BOT, INVALID, UNCOUNTED
from streams.store.config import ConfigStore
from streams.store.event_schemas import SchemaKey
from streams.store.sources import SourcePolicy
from tests.unit.ingest.fake_log import FakeClock, FakeLog

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.1 Mobile/15E148 Safari/604.1"
)


@asynccontextmanager
async def door(
    log: FakeLog,
    schema: str = "",
    kind: str = "web",
    secrets: tuple[str, ...] = (),
    event: str = "order_completed",
    **policy: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    numbers, settings, clock = count(1), IngestSettings(linger_ms=0), FakeClock()
    config = ConfigStore("sqlite://", lambda size: f"r{next(numbers)}")
    await config.open()
    await config.bootstrap(clock.now_ms())
    if schema:
        await config.schemas.put(SchemaKey("default", "", event), schema, clock.now_ms(), "ada")
    quiet = Source("quiet", "default", "server", "wk_quiet")
    sources = StaticSources([Source("src", "default", kind, "wk", secrets, policy=SourcePolicy(**policy)), quiet])
    parts = await build_policy(settings, config)
    batcher = Batcher(log, clock, settings)
    await batcher.start()
    app = app_of(
        Door(
            batcher,
            sources,
            LogDeadLetters(log),
            clock,
            settings,
            gate=parts.gate,
            sight=parts.sight,
            treatments=parts.treatments,
        )
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("203.0.113.77", 5))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://door", auth=("wk", ""), headers={"user-agent": SAFARI}
    ) as client:
        yield client
    await batcher.stop()
    await config.close()


def signed_by_sendgrid(items: list[dict[str, Any]]) -> tuple[str, dict[str, str]]:
    """Return the verification key, and the headers by which it proves these items."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    sent_at = str(FakeClock().now_ms() // 1000)
    signature = private.sign(sent_at.encode() + orjson.dumps(items), ec.ECDSA(SHA256()))
    prefix = "x-twilio-email-event-webhook"
    headers = {f"{prefix}-signature": b64encode(signature).decode(), f"{prefix}-timestamp": sent_at}
    return b64encode(public).decode(), headers


def order(**properties: Any) -> dict[str, Any]:
    return {"event": "Order Completed", "anonymousId": "a1", "properties": properties}


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


async def test_a_foreign_page_is_told_and_leaves_nothing(log: FakeLog):
    async with door(log, allowed_origins=("https://shop.example",)) as client:
        foreign = await client.post("/v1/track", json=order(), headers={"origin": "https://evil.test"})
        own = await client.post("/v1/track", json=order(), headers={"origin": "https://shop.example"})
    assert (foreign.status_code, foreign.json()["error"]["code"], own.status_code) == (403, "origin_not_allowed", 200)
    assert (len(log.events()), log.dead_letters()) == (1, [])


async def test_too_many_are_told_when_to_come_back(log: FakeLog):
    async with door(log, rate_per_s=0.5, burst=2) as client:
        answers = [await client.post("/v1/track", json=order()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "2"
    assert log.dead_letters() == []


async def test_a_batch_costs_as_many_as_it_has_messages(log: FakeLog):
    batch = {"batch": [{"type": "track", **order()}] * 3}
    async with door(log, rate_per_s=0.5, burst=3) as client:
        answers = [await client.post("/v1/batch", json=batch) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


@pytest.mark.parametrize("path", ["track", "batch"])
async def test_a_message_costs_as_many_as_it_has_lines_that_become_events(log: FakeLog, path: str):
    message = {"type": "track", **order(products=[{"sku": number} for number in range(5)]), "event": "Product Added"}
    body = {"batch": [message]} if path == "batch" else message
    async with door(log, rate_per_s=0.01, burst=3) as client:
        answers = [await client.post(f"/v1/{path}", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert len(log.events()) == 5


async def test_an_order_costs_one_whatever_its_lines(log: FakeLog):
    message = order(products=[{"sku": number} for number in range(5)])
    async with door(log, rate_per_s=0.01, burst=2) as client:
        answers = [await client.post("/v1/track", json=message) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("told", [{"context": {"traits": {"a": "x" * 17_000}}}, {"sentAt": "x" * 17_000}])
async def test_what_a_batch_says_for_all_goes_with_few_messages_or_is_little(log: FakeLog, told: dict[str, Any]):
    messages = [{"type": "identify", "anonymousId": f"a{number}"} for number in range(250)]
    async with door(log) as client:
        many = await client.post("/v1/batch", json={"batch": messages, **told})
        few = await client.post("/v1/batch", json={"batch": messages[:240], **told})
    assert (many.status_code, many.json()["error"]["field"], few.status_code) == (413, "context", 200)
    assert ([letter.code for letter in log.dead_letters()], len(log.events())) == (["too_large"], 240)


async def test_no_batch_becomes_events_without_end(log: FakeLog):
    lines = [{"sku": number} for number in range(250)]
    message = {"type": "track", "event": "Product Added", "anonymousId": "a1", "properties": {"products": lines}}
    single = {"type": "track", "event": "Seen", "anonymousId": "a1"}
    async with door(log) as client:
        answer = await client.post("/v1/batch", json={"batch": [*[message] * 42, single]})
    told = [(one["index"], one["code"], one["field"]) for one in answer.json()["rejected"]]
    assert told == [(40, "too_large", "batch"), (41, "too_large", "batch")]
    assert (len(log.events()), len(log.dead_letters())) == (10_001, 2)


async def test_a_flooding_source_leaves_anothers_answers_untouched(log: FakeLog):
    batch = {"batch": [{"type": "track", **order()}] * 20}
    async with door(log, rate_per_s=0.5, burst=100) as client:
        flood = asyncio.gather(*(client.post("/v1/batch", json=batch) for _ in range(300)))
        quiet = [await client.post("/v1/track", json=order(), auth=("wk_quiet", "")) for _ in range(30)]
        flooded = await flood
    assert {answer.status_code for answer in quiet} == {200}
    assert [answer.status_code for answer in flooded].count(200) == 5
    assert Counter(event.source for event in log.events()) == {"src": 100, "quiet": 30}


async def test_what_is_wrong_with_an_events_money_stays_beside_what_is_seen_of_its_sender(log: FakeLog):
    sent = {"event": "Signed Up", "anonymousId": "a1", "properties": {"revenue": "much"}}
    async with door(log, schema='{"required": ["plan"]}', event="signed_up", schemas="warn") as client:
        await client.post("/v1/track", json=sent)
    told = log.events()[0].provenance
    assert told is not None
    assert (told.flags, told.browser) == ((INVALID,), "Mobile Safari 17")
    assert told.fault.startswith("properties.revenue: not a number")
    assert "properties.plan: is missing" in told.fault


async def test_no_secret_of_a_form_comes_in(log: FakeLog):
    sent = {"event": "Form Submitted", "anonymousId": "a1", "properties": {"fields": {"clave": "x", "size": "10"}}}
    async with door(log) as client:
        await client.post("/v1/track", json=sent)
    assert log.events()[0].properties["fields"] == {"size": "10"}


async def test_one_bad_item_of_a_batch_is_refused_by_the_schema_and_kept(log: FakeLog):
    items = [{"type": "track", **order(total=1)}, {"type": "track", **order(total=1, order_id=5)}]
    async with door(log, '{"properties": {"order_id": {"type": "string"}}}', schemas="block") as client:
        answer = await client.post("/v1/batch", json={"batch": items})
    [rejected] = answer.json()["rejected"]
    assert (rejected["index"], rejected["code"], rejected["field"]) == (1, "schema_violation", "properties.order_id")
    [letter] = log.dead_letters()
    assert (letter.code, letter.field, len(log.events())) == ("schema_violation", "properties.order_id", 1)


async def test_a_warning_is_told_with_the_event(log: FakeLog):
    async with door(log, '{"required": ["order_id"]}', schemas="warn") as client:
        assert (await client.post("/v1/track", json=order(total=1))).status_code == 200
    [event] = log.events()
    assert event.is_flagged(INVALID)
    assert "properties.order_id: is missing" in (event.provenance.fault if event.provenance else "")


async def test_what_is_seen_of_a_visitor_is_kept_shortened(log: FakeLog):
    async with door(log) as client:
        await client.post("/v1/track", json=order())
    [event] = log.events()
    assert event.provenance is not None
    assert (event.provenance.address, event.provenance.browser) == ("203.0.113.0", "Mobile Safari 17")


async def test_a_crawler_is_taken_and_tagged(log: FakeLog):
    async with door(log) as client:
        answer = await client.post("/v1/track", json=order(), headers={"user-agent": "Googlebot/2.1"})
    assert answer.status_code == 200
    assert [event.provenance.flags for event in log.events() if event.provenance] == [(BOT, UNCOUNTED)]


async def test_private_fields_reach_neither_event_nor_keys(log: FakeLog):
    async with door(log, hash_fields=("email",), drop_fields=("card",)) as client:
        traits = {"email": "ada@example.com", "card": "4111 1111 1111 1111"}
        await client.post("/v1/identify", json={"userId": "u", "traits": traits})
    [event] = log.events()
    assert "ada@example.com" not in str(event)
    assert "4111 1111" not in str(event)
    assert event.keys.custom[0][0] == "email_hash"


async def test_a_forwarded_address_is_not_believed(log: FakeLog):
    async with door(log) as client:
        await client.post("/v1/track", json=order(), headers={"x-forwarded-for": "198.51.100.1"})
    assert [event.provenance.address for event in log.events() if event.provenance] == ["203.0.113.0"]


POSTMARK = ("user:password-of-32-characters-or-more",)
AUTH = httpx.BasicAuth(*POSTMARK[0].split(":"))
OPENED = {"RecordType": "Open", "Recipient": "a@b.io", "ReceivedAt": "2026-01-01T00:00:00Z"}


async def test_a_vendor_is_throttled_late_and_told_when_to_try_again(log: FakeLog):
    async with door(log, kind="postmark", secrets=POSTMARK, rate_per_s=0.01, burst=1) as client:
        answers = [
            await client.post("/webhooks/src", json={**OPENED, "MessageID": f"m{n}"}, auth=AUTH) for n in range(11)
        ]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) == 10
    assert (len(log.events()), log.dead_letters()) == (10, [])


async def test_a_stranger_does_not_use_up_the_vendors_room(log: FakeLog):
    async with door(log, kind="postmark", secrets=POSTMARK, rate_per_s=0.01, burst=1) as client:
        for _ in range(50):
            assert (await client.post("/webhooks/src", json=OPENED, auth=("user", "guess"))).status_code == 401
        genuine = await client.post("/webhooks/src", json={**OPENED, "MessageID": "m"}, auth=AUTH)
    assert genuine.status_code == 200


async def test_of_a_webhook_the_events_that_break_their_schema_are_kept_and_the_others_taken(log: FakeLog):
    item = {"email": "a@b.io", "timestamp": 1_800_000_000}
    items = [{**item, "event": "open", "sg_event_id": "1"}, {**item, "event": "click", "sg_event_id": "2", "url": "x"}]
    key, headers = signed_by_sendgrid(items)
    schema = {"schema": '{"required": ["coupon"]}', "event": "email_clicked", "schemas": "block"}
    async with door(log, kind="sendgrid", secrets=(key,), **schema) as client:
        answer = await client.post("/webhooks/src", content=orjson.dumps(items), headers=headers)
    assert answer.status_code == 200
    [letter] = log.dead_letters()
    assert (letter.code, letter.field, letter.via) == ("schema_violation", "properties.coupon", "webhook")
    assert [event.name for event in log.events()] == ["email_opened"]


async def test_a_webhook_of_which_nothing_may_come_in_is_told_so(log: FakeLog):
    schema = {"schema": '{"required": ["coupon"]}', "event": "email_opened", "schemas": "block"}
    async with door(log, kind="postmark", secrets=POSTMARK, **schema) as client:
        answer = await client.post("/webhooks/src", json={**OPENED, "MessageID": "m"}, auth=AUTH)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "properties.coupon")
    assert (len(log.dead_letters()), log.events()) == (1, [])
