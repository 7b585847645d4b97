"""No write key or session id is in what is kept and shown of what could not be used; it is replayed all the same."""

import gzip
from base64 import b64encode

import orjson
import pytest

from ingest.caller import Caller
from ingest.errors import IngestError
from ingest.keyless import without_keys
from ingest.watch import SourceWatch
from streams.model.events import Event
from streams.model.letters import LetterVerdict
from tests.unit.ingest.fake_log import FakeClock
from tests.unit.ingest.letters_kit import open_desk, put
from tests.unit.ingest.vendors.test_salesforce import CONTACT, SESSION, message, notification

KEYS = ("wk_a-B_9", "wk_a-B_9longer")
TOKEN = "a-token-of-32-characters-or-more"


def nobodys(_: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b'{"writeKey":"wk_a-B_9","event":1}', b'{"writeKey":"***","event":1}'),
        (b'{"writeKey": "wk_a-B_9longer"', b'{"writeKey": "***"'),
        (b'{"writeKey":"\\u0077k\\u005Fa-B_9"}', b'{"writeKey":"***"}'),
        (b"k=wk_a-B_9&e=x", b"k=***&e=x"),
        (b"e=x&k=wk%5fa%2DB%5F9", b"e=x&k=***"),
        (b"wk_another wk_", b"wk_another wk_"),
        (b"", b""),
    ],
)
def test_a_key_is_blanked_however_it_is_spelt(raw: bytes, kept: bytes):
    assert without_keys(raw, KEYS, nobodys) == kept


def test_the_key_of_another_source_is_blanked_too():
    assert without_keys(b'{"writeKey":"wk_other"}', (), "wk_other".__eq__) == b'{"writeKey":"***"}'


PACKED = gzip.compress(b'{"writeKey":"wk_a-B_9"}')


@pytest.mark.parametrize(
    "packed", [PACKED, PACKED[:-4], PACKED[:-1] + b"\xff", PACKED + b"behind", gzip.compress(b"") + PACKED]
)
def test_packed_bytes_with_a_key_are_kept_unpacked(packed: bytes):
    assert without_keys(packed, KEYS, nobodys) == b'{"writeKey":"***"}'


def test_packed_bytes_without_a_key_are_kept_as_they_are_and_bombs_do_no_harm():
    for packed in (
        gzip.compress(b'{"event":1}'),
        gzip.compress(bytes(50_000_000)),
        gzip.compress(PACKED),
        b"\x1f\x8bno",
    ):
        assert without_keys(packed, KEYS, nobodys) == packed


async def test_a_broken_pixel_of_segment_keeps_no_key_in_base64():
    data = b64encode(b'{"writeKey":"wk_web","event":"Opened"}').decode()
    async with open_desk() as desk:
        await desk.client.get("/v1/pixel/track", params={"k": "wk_web", "data": f"{data}!"})
        assert (await desk.only()).raw == b'{"writeKey":"***","event":"Opened"}'


async def test_neither_letters_nor_the_debugger_hold_a_key_and_letters_are_replayed():
    watch = SourceWatch(FakeClock())
    async with open_desk(watch=watch) as desk:
        nameless = {"event": "Signed Up", "writeKey": "wk_web"}
        shared = {"type": "track", "context": {"key": "wk_web"}}
        answers = [
            await desk.client.post("/v1/track", json=nameless),
            await desk.client.post(
                "/v1/track", json={"event": "Signed Up", "writeKey": "wk_server"}, auth=("wk_web", "")
            ),
            await desk.client.post("/v1/batch", json={"writeKey": "wk_web", "batch": [nameless | shared]} | shared),
            await desk.client.post("/v1/batch", json={"writeKey": "wk_web", "batch": [nameless] * 51}),
            await desk.client.get("/p.gif?k=wk_web&e=x", headers={"User-Agent": "wk_web"}),
        ]
        assert [answer.status_code for answer in answers] == [400, 400, 400, 413, 400]
        letters = [await desk.store.get("ws", note.id) for note in await desk.notes()]
        shown = str([(letter.raw, letter.head, letter.note) for letter in letters])
        assert (len(letters), "wk_" in shown, "wk_" in str(watch.recent("web"))) == (5, False, False)
        verdicts = [one.verdict for one in await desk.replay(put("userId", "ada"), put("u", "ada"))]
        assert verdicts == [*[LetterVerdict.REPLAYED] * 3, LetterVerdict.FAILED, LetterVerdict.REPLAYED]


@pytest.mark.parametrize("refused", ["all", "some"])
async def test_what_the_policy_refuses_of_salesforce_is_kept_without_session_and_replayed(refused: str):
    strict = True

    def schema(event: Event, _: Caller) -> Event:
        if strict and (refused == "all" or "Bob" in event.traits["first_name"]):
            raise IngestError("schema", "traits", "breaks the schema", "Mend it")
        return event

    async with open_desk(treatments=[schema]) as desk:
        other = notification("Contact", CONTACT | {"FirstName": "Bob", "Id": "0035w000035gg9HAAQ"}, "04l2")
        raw = message(notification("Contact", CONTACT), other)
        await desk.client.post(f"/webhooks/sales?secret={TOKEN}", content=raw)
        letter = await desk.only()
        assert (SESSION.encode() in letter.raw, TOKEN in letter.head) == (False, False)
        assert b"<Notification>" in letter.raw
        strict = False
        (attempt,) = await desk.replay()
        assert (attempt.verdict, len(await desk.events())) == (LetterVerdict.REPLAYED, 2)


async def test_a_cut_off_body_is_kept_without_key():
    async with open_desk() as desk:
        await desk.track(b'{"writeKey":"wk_web","event":"Cut O')
        (whole,) = await desk.replay(put("", {"event": "Signed Up", "userId": "ada"}), dry_run=True)
        assert (await desk.only()).raw == b'{"writeKey":"***","event":"Cut O'
        assert whole.verdict is LetterVerdict.WOULD_REPLAY
        assert orjson.loads((await desk.only()).head or "{}").get("lost") is None
