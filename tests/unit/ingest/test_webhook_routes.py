"""What every vendor's webhooks share at the door: probes, and batches of which a part can't be used."""

from base64 import b64encode

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette

from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from ingest.webhooks import WebhookRoutes
from tests.unit.ingest.fake_log import FakeClock, FakeLog

KEY = ec.generate_private_key(ec.SECP256R1())
SHOWN = b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
SOURCES = [
    Source("src_send", "ws", "sendgrid", webhook_secrets=(SHOWN,)),
    Source("src_mandrill", "ws", "mailchimp_transactional"),
    Source("src_audience", "ws", "mailchimp_marketing"),
    Source("src_post", "ws", "postmark", webhook_secrets=("a-token-of-32-characters-or-more",)),
]


@pytest.fixture
def client(batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings) -> httpx.AsyncClient:
    door = Door(batcher, StaticSources(SOURCES), LogDeadLetters(log), clock, settings)
    app = Starlette(routes=WebhookRoutes(door).routes())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door")


async def deliver(client: httpx.AsyncClient, clock: FakeClock, items: object) -> httpx.Response:
    raw, stamp = orjson.dumps(items), str(clock.now_ms() // 1000)
    signature = b64encode(KEY.sign(stamp.encode() + raw, ec.ECDSA(SHA256()))).decode()
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }
    async with client:
        return await client.post("/webhooks/src_send", content=raw, headers=headers)


async def test_the_good_items_are_taken_and_the_body_is_kept_for_the_bad_ones(
    client: httpx.AsyncClient, clock: FakeClock, log: FakeLog
):
    good, bad = {"event": "open", "email": "a@example.com", "timestamp": 1}, {"event": "open", "timestamp": 1}
    assert (await deliver(client, clock, [bad, good])).status_code == 200
    assert [event.profile for event in log.events()] == ["email:a@example.com"]
    (letter,) = log.dead_letters()
    assert orjson.loads(letter.raw) == [bad, good]
    assert orjson.loads(letter.head)["taken"] == [event.id for event in log.events()]
    assert letter.reason.startswith("1 of its items can't be used, the first since ")


async def test_a_body_of_bad_items_is_kept_whole_and_refused(client: httpx.AsyncClient, clock: FakeClock, log: FakeLog):
    items = [{"event": "open", "timestamp": 1}, {"event": "click", "timestamp": 1}]
    assert (await deliver(client, clock, items)).status_code == 400
    assert [orjson.loads(letter.raw) for letter in log.dead_letters()] == [items]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("source", ["src_mandrill", "src_audience"])
async def test_a_probe_is_answered_before_the_source_has_a_secret(client: httpx.AsyncClient, method: str, source: str):
    async with client:
        assert (await client.request(method, f"/webhooks/{source}")).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize(("source", "status"), [("src_post", 401), ("nobody", 404)])
async def test_a_probe_that_no_vendor_sends_is_refused(
    client: httpx.AsyncClient, method: str, source: str, status: int
):
    async with client:
        assert (await client.request(method, f"/webhooks/{source}")).status_code == status


async def test_mandrills_first_post_is_answered_and_nothing_is_taken(client: httpx.AsyncClient, log: FakeLog):
    async with client:
        answer = await client.post("/webhooks/src_mandrill", data={"mandrill_events": "[]"})
    assert (answer.status_code, bool(log.records)) == (200, False)


async def test_a_forged_webhook_is_counted_as_such(client: httpx.AsyncClient, batcher: Batcher):
    async with client:
        assert (await client.post("/webhooks/src_send", content=b"[]")).status_code == 401
    assert batcher.tallies.by_source()["src_send"]["bad_signature"] == 1
