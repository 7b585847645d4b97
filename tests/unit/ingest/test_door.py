"""What a door knows of a request by its head alone."""

from base64 import b64encode

import pytest

from ingest.batcher import Batcher
from ingest.call import Call
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.errors import OriginError, RateLimitedError
from ingest.policy.gate import SourceGate
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from streams.store.sources import SourcePolicy
from tests.unit.ingest.conftest import SHOP, WEB
from tests.unit.ingest.fake_log import FakeClock, FakeLog


@pytest.fixture
def door(batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings) -> Door:
    return Door(batcher, StaticSources([WEB, SHOP]), LogDeadLetters(log), clock, settings)


@pytest.mark.parametrize(
    ("path", "query", "authorization", "source"),
    [
        ("/v1/batch", b"", b"Basic " + b64encode(b"wk_web:"), "src_web"),
        ("/v1/batch", b"k=wk_web", b"", "src_web"),
        ("/webhooks/src_shop", b"", b"", "src_shop"),
        ("/webhooks/none", b"", b"", ""),
        ("/v1/batch", b"", b"Basic " + b64encode(b"made up:"), ""),
        ("/v1/batch", b"", b"Basic !", ""),
        ("/v1/batch", b"k=%ff", b"", ""),
        ("/v1/batch", b"", b"", ""),
    ],
)
def test_a_head_tells_its_source_or_nothing(door: Door, path: str, query: bytes, authorization: bytes, source: str):
    headers = [(b"authorization", authorization)] if authorization else []
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query, "headers": headers}
    assert door.source_id_of(scope) == source


def test_what_is_refused_for_its_sender_is_counted_by_reason_and_leaves_the_books_right(
    batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings
):
    policy = SourcePolicy(allowed_origins=("https://shop.example",), rate_per_s=1, burst=1)
    source = Source("own", "ws", "web", "wk_own", policy=policy)
    sources = StaticSources([source])
    door = Door(batcher, sources, LogDeadLetters(log), clock, settings, gate=SourceGate(lambda: 0.0))
    with pytest.raises(OriginError):
        door.caller(Call("POST", "/v1/batch", b"", [], ""), source, "batch", 3)
    own = Call("POST", "/v1/batch", b"", [(b"origin", b"https://shop.example")], "")
    door.caller(own, source, "batch", 9)
    with pytest.raises(RateLimitedError):
        door.caller(own, source, "batch", 5)
    tally = batcher.tallies.of("own")
    assert (tally.origin_not_allowed, tally.rate_limited, tally.accepted, batcher.drift()) == (3, 5, 0, {})
