"""Segment's HTTP API: who may send, what a sender is told, and that 2xx means durable."""

import asyncio
import gzip
import json

import httpx
import orjson
import pytest

from ingest import door
from ingest.normalise import events_of
from streams.model.errors import LogFullError
from tests.unit.ingest.fake_log import FakeClock, FakeLog

AUTH = ("wk_web", "")
TRACK = {"userId": "u1", "event": "Email Opened", "messageId": "m1"}


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    assert error["message"]
    return answer.status_code, error["code"], error["field"]


async def test_track_is_answered_only_after_the_append(client: httpx.AsyncClient, log: FakeLog):
    log.gate.clear()
    request = asyncio.create_task(client.post("/v1/track", auth=AUTH, json=TRACK))
    await log.asked.wait()
    assert not request.done()
    log.gate.set()
    assert (await request).json() == {"success": True}
    assert [e.name for e in log.events()] == ["email_opened"]


@pytest.mark.parametrize("kind", ["track", "identify", "page", "screen", "group", "alias", *"tipsga"])
async def test_each_call_is_accepted(client: httpx.AsyncClient, log: FakeLog, kind: str):
    answer = await client.post(f"/v1/{kind}", auth=AUTH, json=TRACK | {"groupId": "g", "previousId": "p"})
    assert answer.status_code == 200
    assert len(log.events()) == 1


@pytest.mark.parametrize("kind", ["batch", "import", "b"])
async def test_key_in_the_body_and_text_plain_are_enough(client: httpx.AsyncClient, log: FakeLog, kind: str):
    body = orjson.dumps({"writeKey": "wk_web", "batch": [TRACK | {"type": "track"}]})
    answer = await client.post(f"/v1/{kind}", content=body, headers={"Content-Type": "text/plain"})
    assert answer.json() == {"success": True, "accepted": 1, "rejected": []}
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_key_in_the_query_is_enough(client: httpx.AsyncClient):
    assert (await client.post("/v1/track?k=wk_web", json=TRACK)).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic d3Jvbmc6"}, {"Authorization": "Basic ☃".encode()}])
async def test_unknown_key_is_refused_and_leaves_nothing(client: httpx.AsyncClient, log: FakeLog, headers: dict):
    answer = await client.post("/v1/track", headers=headers, json=TRACK)
    assert error_of(answer) == (401, "unknown_key", "writeKey")
    assert not log.records


async def test_a_source_that_is_off_is_told_so_and_leaves_nothing(client: httpx.AsyncClient, log: FakeLog):
    by_head = await client.post("/v1/track", auth=("wk_off", ""), json=TRACK)
    by_body = await client.post("/v1/batch", json={"writeKey": "wk_off", "batch": [TRACK | {"type": "track"}]})
    by_picture = await client.get("/p.gif?k=wk_off&e=x")
    assert {error_of(answer) for answer in (by_head, by_body, by_picture)} == {(403, "source_off", "writeKey")}
    assert not log.records


async def test_the_key_of_a_platforms_source_lets_nobody_speak_for_the_platform(
    client: httpx.AsyncClient, log: FakeLog
):
    by_head = await client.post("/v1/track", auth=("wk_shop", ""), json=TRACK)
    by_body = await client.post("/v1/batch", json={"writeKey": "wk_shop", "batch": [TRACK | {"type": "track"}]})
    by_picture = await client.get("/p.gif?k=wk_shop&e=x")
    assert {error_of(answer) for answer in (by_head, by_body, by_picture)} == {(403, "platform_key", "writeKey")}
    assert not log.records


async def test_batch_takes_the_good_and_lists_the_bad(client: httpx.AsyncClient, log: FakeLog):
    items = [TRACK | {"type": "track"}, {"type": "track", "event": "x"}, 7, TRACK | {"type": "page"}]
    answer = (await client.post("/v1/batch", auth=AUTH, json={"batch": items})).json()
    assert (answer["success"], answer["accepted"]) == (True, 2)
    assert [(r["index"], r["code"], r["field"]) for r in answer["rejected"]] == [
        (1, "missing_field", "userId"),
        (2, "wrong_type", "message"),
    ]
    assert [letter.raw for letter in log.dead_letters()] == [b'{"type":"track","event":"x"}', b"7"]


async def test_batch_with_nothing_usable_is_an_error(client: httpx.AsyncClient, log: FakeLog):
    answer = await client.post("/v1/batch", auth=AUTH, json={"batch": [{"type": "track"}]})
    assert error_of(answer) == (400, "all_rejected", "batch")
    assert answer.json()["rejected"][0]["index"] == 0


async def test_an_empty_batch_is_accepted(client: httpx.AsyncClient):
    answer = await client.post("/v1/batch", auth=AUTH, json={"batch": []})
    assert (answer.status_code, answer.json()) == (200, {"success": True, "accepted": 0, "rejected": []})


async def test_batch_context_is_the_default_of_each_message(client: httpx.AsyncClient, log: FakeLog):
    body = {"context": {"campaign": {"name": "spring"}}, "batch": [TRACK | {"type": "track"}]}
    await client.post("/v1/batch", auth=AUTH, json=body)
    assert log.events()[0].campaign == "spring"


async def test_nan_spoils_its_own_message_only(client: httpx.AsyncClient, log: FakeLog):
    good = {"type": "track", "event": "a", "userId": "u"}
    body = json.dumps({"batch": [good, good | {"properties": {"x": float("nan")}}]})
    answer = (await client.post("/v1/batch", auth=AUTH, content=body)).json()
    assert (answer["accepted"], answer["rejected"][0]["code"]) == (1, "invalid_json")


async def test_a_batchs_sending_time_corrects_its_messages(client: httpx.AsyncClient, log: FakeLog, clock: FakeClock):
    hour = 3_600_000
    items = [TRACK | {"type": "track", "timestamp": clock.ms - hour}]
    await client.post("/v1/batch", auth=AUTH, json={"batch": items, "sentAt": clock.ms - hour})
    assert log.events()[0].at_ms == clock.ms


@pytest.mark.parametrize(
    "where", [b'"context":{"page":{"title":"\\ud800"}}', b'"sentAt":"\\udfff"', b'"writeKey":"\\ud800"']
)
async def test_half_a_surrogate_pair_beside_nan_is_explained(client: httpx.AsyncClient, log: FakeLog, where: bytes):
    item = b'{"type":"page","userId":"u","properties":{"a":NaN}}'
    good = b'{"type":"page","userId":"u"}'
    answer = await client.post("/v1/batch", auth=AUTH, content=b'{%s,"batch":[%s,%s]}' % (where, item, good))
    assert error_of(answer) == (400, "invalid_json", "")


async def test_a_fault_about_one_message_spares_the_others(
    client: httpx.AsyncClient, log: FakeLog, monkeypatch, caplog
):
    def faulty(message, *args, **named):
        if message["event"] == "bad":
            raise ZeroDivisionError("inside")
        return events_of(message, *args, **named)

    monkeypatch.setattr(door, "events_of", faulty)
    items = [{"type": "track", "userId": "u", "event": name} for name in ("good", "bad")]
    answer = await client.post("/v1/batch", auth=AUTH, json={"batch": items})
    assert [(r["index"], r["code"]) for r in answer.json()["rejected"]] == [(1, "unusable")]
    assert [orjson.loads(letter.raw)["event"] for letter in log.dead_letters()] == ["bad"]
    assert "inside" not in answer.text
    assert "ZeroDivisionError" in caplog.text


async def test_gzip_is_unpacked(client: httpx.AsyncClient, log: FakeLog):
    body = gzip.compress(orjson.dumps(TRACK))
    answer = await client.post("/v1/track", auth=AUTH, content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 200
    assert log.events()[0].id == "m1"


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        (b"{}", "gzip", (400, "invalid_gzip", "")),
        (b"{}", "br", (415, "unsupported_encoding", "Content-Encoding")),
        (b"{", "", (400, "invalid_json", "")),
        (b"[" * 4_000, "", (400, "invalid_json", "")),
        (b"[]", "", (400, "wrong_type", "message")),
        (b"\xff\xfe", "", (400, "invalid_json", "")),
    ],
)
async def test_bad_body_of_a_known_source_is_explained_and_kept(
    client: httpx.AsyncClient, log: FakeLog, content: bytes, encoding: str, expected: tuple
):
    answer = await client.post("/v1/track", auth=AUTH, content=content, headers={"Content-Encoding": encoding})
    assert error_of(answer) == expected
    letter = log.dead_letters()[0]
    assert (letter.source, letter.stage) == ("src_web", "ingest")
    assert letter.raw == content[:4_097]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"batch":5}', (400, "invalid_field", "batch")),
        (b"{}", (400, "invalid_field", "batch")),
        (b'{"batch":[' + b"[" * 30_000, (400, "too_deep", "")),
        (b'{"batch":[' + b",".join([b"1"] * 51) + b"]}", (413, "too_large", "batch")),
        (b'{"batch":[1],"context":4}', (400, "wrong_type", "context")),
    ],
)
async def test_bad_batch_is_explained_and_kept(
    client: httpx.AsyncClient, log: FakeLog, content: bytes, expected: tuple
):
    assert error_of(await client.post("/v1/batch", auth=AUTH, content=content)) == expected
    assert [letter.raw for letter in log.dead_letters()] == [content]


async def test_oversized_message_is_refused_alone(client: httpx.AsyncClient, log: FakeLog):
    items = [TRACK | {"type": "track"}, TRACK | {"type": "track", "properties": {"x": "y" * 5_000}}]
    answer = (await client.post("/v1/batch", auth=AUTH, json={"batch": items})).json()
    assert (answer["accepted"], answer["rejected"][0]["code"]) == (1, "too_large")


async def test_messages_without_id_and_time_are_occurrences_each(client: httpx.AsyncClient, log: FakeLog):
    for _ in range(2):
        await client.post("/v1/track", auth=AUTH, json={"userId": "u", "event": "x"})
    assert len({e.id for e in log.events()}) == 2


async def test_full_log_is_503_with_retry_after(client: httpx.AsyncClient, log: FakeLog):
    log.fault = LogFullError("disk", 6.2)
    answer = await client.post("/v1/track", auth=AUTH, json=TRACK)
    assert error_of(answer)[:2] == (503, "unavailable")
    assert answer.headers["retry-after"] == "7"


async def test_failing_append_is_503(client: httpx.AsyncClient, log: FakeLog, batcher):
    log.fault = OSError("disk on fire")
    assert (await client.post("/v1/track", auth=AUTH, json=TRACK)).status_code == 503
    with pytest.raises(OSError, match="on fire"):
        await batcher.join()


async def test_a_fault_about_the_only_message_is_told_without_its_inside(
    client: httpx.AsyncClient, log: FakeLog, clock, caplog
):
    clock.ms = "broken"
    answer = await client.post("/v1/track", auth=AUTH, json=TRACK | {"timestamp": 1})
    assert error_of(answer)[:2] == (400, "unusable")
    assert "broken" not in answer.text
    assert "Traceback" in caplog.text


async def test_browsers_may_ask_first(client: httpx.AsyncClient):
    answer = await client.options("/v1/batch")
    assert answer.status_code == 204
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-retry-count", "*"} <= set(allowed)


async def test_unknown_call_and_method_are_json(client: httpx.AsyncClient):
    assert error_of(await client.post("/v1/nonsense", auth=AUTH, json=TRACK))[0] == 404
    assert error_of(await client.get("/v1/track"))[0] == 405
    assert error_of(await client.get("/nowhere"))[0] == 404
