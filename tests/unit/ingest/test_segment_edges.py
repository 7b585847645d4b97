"""Segment's HTTP API at its edges: text that JSON allows hardly or not, packed bodies, keys that stand in bodies."""

import gzip
import zlib

import httpx
import orjson
import pytest

from streams.model.events import HISTORICAL
from tests.unit.ingest.fake_log import FakeLog
from tests.unit.ingest.test_segment import AUTH, TRACK, error_of

BOM = b"\xef\xbb\xbf"
GOOD = b'{"type":"track","userId":"u","event":"a"}'


async def packed(client: httpx.AsyncClient, content: bytes, encoding: str = "gzip") -> httpx.Response:
    return await client.post("/v1/track", auth=AUTH, content=content, headers={"Content-Encoding": encoding})


@pytest.mark.parametrize(
    "content",
    [
        BOM + GOOD,
        b" \r\n" + GOOD + b"\n",
        b'{"event":"b","event":"a","userId":"x","userId":"u"}',
        GOOD[:-1] + b',"integrations":{"All":false,"Mixpanel":true},"version":2,"_metadata":{"bundled":[]}}',
        GOOD[:-1] + b',"properties":{"pi":3.%s}}' % (b"1415926" * 100),
        GOOD[:-1] + b',"properties":{"zero":"\\u0000"}}',
        GOOD[:-1] + b',"properties":{"big":123456789012345678901234567890}}',
        GOOD[:-1] + b',"receivedAt":"2020-01-01","channel":"server","projectId":"x"}',
    ],
)
async def test_unusual_but_sound_messages_are_taken(client: httpx.AsyncClient, log: FakeLog, content: bytes):
    assert (await client.post("/v1/track", auth=AUTH, content=content)).json() == {"success": True}
    assert [(event.name, event.profile) for event in log.events()] == [("a", "user:u")]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (BOM + BOM + GOOD, ""),
        (BOM * 1_000, ""),
        (b'{"userId":"\xff","event":"a"}', ""),
        (b'{"userId":"\xed\xa0\x80","event":"a"}', ""),
        (b'{"userId":"\\ud800","event":"a"}', ""),
        (GOOD[:-1] + b',"properties":{"a":1e400}}', ""),
        (GOOD[:-1] + b',"properties":{"a":%s}}' % (b"9" * 1_000), ""),
        (GOOD[:-1] + b',"properties":{"a":NaN}}', ""),
        (b'{"userId":12345678901234567890123,"event":"a"}', "userId"),
        (GOOD.decode().encode("utf-16"), ""),
        (b"", ""),
        (b"null", "message"),
        (GOOD + GOOD, ""),
    ],
)
async def test_what_is_no_message_is_explained_and_kept(
    client: httpx.AsyncClient, log: FakeLog, content: bytes, field: str
):
    answer = await client.post("/v1/track", auth=AUTH, content=content)
    assert (answer.status_code, error_of(answer)[2]) == (400, field)
    assert [letter.raw for letter in log.dead_letters()] == [content]


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b'{"batch":[%s],"writeKey":"\xff"}' % GOOD, "invalid_json", ""),
        (b'{"batch":[%s],"context":{"a":1e400}}' % GOOD, "invalid_field", "context"),
        (b'{"batch":[%s],"context":{"a":%s}}' % (GOOD, b"9" * 5_000), "invalid_field", "context"),
        (b'{"batch":[%s],"sentAt":"\\ud800"}' % GOOD, "invalid_json", ""),
        (BOM * 1_000, "invalid_json", ""),
        (b'{"batch":{}}', "invalid_field", "batch"),
        (b"[]", "invalid_field", "batch"),
    ],
)
async def test_an_envelope_that_can_not_be_read_is_explained_and_kept(
    client: httpx.AsyncClient, log: FakeLog, content: bytes, code: str, field: str
):
    answer = await client.post("/v1/batch", auth=AUTH, content=content)
    assert error_of(answer) == (400, code, field)
    assert [letter.raw for letter in log.dead_letters()] == [content]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (b'{"userId":"\xff"}', "invalid_json"),
        (b'{"userId":"\\ud800"}', "invalid_json"),
        (GOOD[:-1] + b',"properties":{"a":1e400}}', "invalid_json"),
        (b'"text"', "wrong_type"),
        (b'{"type":"import"}', "invalid_field"),
    ],
)
async def test_a_bad_message_spares_its_batch(client: httpx.AsyncClient, log: FakeLog, item: bytes, code: str):
    answer = await client.post("/v1/batch", auth=AUTH, content=BOM + b'{"batch":[%s,%s]}' % (item, GOOD))
    assert [(told["index"], told["code"]) for told in answer.json()["rejected"]] == [(0, code)]
    assert [letter.raw for letter in log.dead_letters()] == [item]


async def test_what_is_wrong_with_a_batch_is_kept_also_when_its_key_stands_inside(
    client: httpx.AsyncClient, log: FakeLog
):
    content = orjson.dumps({"writeKey": "wk_web", "batch": [1], "context": 4})
    assert error_of(await client.post("/v1/batch", content=content)) == (400, "wrong_type", "context")
    assert [letter.source for letter in log.dead_letters()] == ["src_web"]


async def test_basic_credentials_without_a_user_leave_it_to_the_body(client: httpx.AsyncClient):
    assert (await client.post("/v1/track", auth=("", ""), json=TRACK | {"writeKey": "wk_web"})).status_code == 200


async def test_a_bearer_token_leaves_it_to_the_body(client: httpx.AsyncClient):
    answer = await client.post("/v1/track", headers={"Authorization": "Bearer x"}, json=TRACK | {"writeKey": "wk_web"})
    assert answer.status_code == 200


@pytest.mark.parametrize("given", [{}, [], [1], False, True, 0.0, 1.5, "x" * 257, "a\x1fb"])
@pytest.mark.parametrize("when", [{}, {"timestamp": "2026-11-22T08:00:00Z"}])
async def test_what_is_no_message_id_is_refused_by_name(
    client: httpx.AsyncClient, log: FakeLog, given: object, when: dict[str, str]
):
    answer = await client.post("/v1/track", auth=AUTH, json=TRACK | when | {"messageId": given})
    assert (answer.status_code, error_of(answer)[2]) == (400, "messageId")
    assert (log.events(), len(log.dead_letters())) == ([], 1)


@pytest.mark.parametrize("given", [None, "", "  "])
async def test_a_message_without_an_id_counts_each_time(client: httpx.AsyncClient, log: FakeLog, given: str | None):
    for _ in range(2):
        assert (await client.post("/v1/track", auth=AUTH, json=TRACK | {"messageId": given})).status_code == 200
    assert len({event.id for event in log.events()}) == 2


async def test_an_import_is_history(client: httpx.AsyncClient, log: FakeLog):
    await client.post("/v1/import", auth=AUTH, json={"batch": [TRACK | {"type": "track"}]})
    assert log.events()[0].is_flagged(HISTORICAL)


async def test_gzip_of_several_members_is_one_body(client: httpx.AsyncClient, log: FakeLog):
    content = gzip.compress(GOOD[:20]) + gzip.compress(b"") + gzip.compress(GOOD[20:])
    assert (await packed(client, content)).status_code == 200


@pytest.mark.parametrize(
    ("content", "code", "kept"),
    [
        (gzip.compress(b" " * 3_000) + gzip.compress(b" " * 3_000), "too_large", b" " * 4_096),
        (gzip.compress(b" " * 3_000_000), "too_large", b" " * 4_096),
        (gzip.compress(b"") * 101, "invalid_gzip", b""),
        (gzip.compress(GOOD) + b"\0", "invalid_gzip", GOOD),
        (gzip.compress(gzip.compress(GOOD, mtime=0)), "invalid_json", gzip.compress(GOOD, mtime=0)),
        (gzip.compress(GOOD)[:-9], "invalid_gzip", GOOD),
        (zlib.compress(GOOD), "invalid_gzip", b""),
        (GOOD, "invalid_gzip", GOOD),
    ],
)
async def test_of_gzip_that_is_none_or_a_bomb_only_what_can_be_searched_is_kept(
    client: httpx.AsyncClient, log: FakeLog, content: bytes, code: str, kept: bytes
):
    assert error_of(await packed(client, content))[1] == code
    letter = log.dead_letters()[0].raw
    assert letter == kept or (len(letter) >= len(kept) - 9 and kept.startswith(letter))


async def test_of_an_encoding_that_is_not_read_no_bytes_are_kept(client: httpx.AsyncClient, log: FakeLog):
    await packed(client, zlib.compress(GOOD), "br")
    assert log.dead_letters()[0].raw == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "gzip,br", "x"])
async def test_other_encodings_are_refused_naming_the_one_that_is_read(
    client: httpx.AsyncClient, log: FakeLog, encoding: str
):
    answer = await packed(client, b"whatever", encoding)
    assert error_of(answer) == (415, "unsupported_encoding", "Content-Encoding")
    assert answer.headers["accept-encoding"] == "gzip"
    assert [letter.raw for letter in log.dead_letters()] == [b"whatever"]
