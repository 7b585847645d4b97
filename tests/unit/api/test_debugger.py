"""Looking on at a source over the API: what was, what comes, and who may."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from streams.model.events import INVALID, Event, ProfileKeys, Provenance
from streams.model.noted import Noted
from tests.unit.api.fakes_api import NOW, URL, Installation, Socket, install
from tests.unit.api.fakes_watch import FakeWatch

GOOD = Noted(
    5, NOW, "track", "accepted", Event("m", "default", "web", "user:ada", "signed_up", NOW, NOW, ProfileKeys("ada"))
)
BAD = Noted(6, NOW + 1, "batch", "rejected", None, "userId: nobody is identified", b'{"event":"Gr\xc3\xb6\xc3')
MANY = Noted(7, NOW + 2, "track", "refused", None, "source web sends more than its 5 messages a second", b"", 12)
WEB = "/ws/sources/web"


@pytest.fixture
def watch() -> FakeWatch:
    watch = FakeWatch()
    watch.kept["web"] = [GOOD, BAD, MANY]
    return watch


@pytest.fixture
async def there(watch: FakeWatch) -> AsyncIterator[Installation]:
    installation = await install(watch=watch)
    yield installation
    await installation.close()


def auth(there: Installation) -> dict[str, str]:
    return {"authorization": f"Bearer {there.token}"}


async def seqs(there: Installation, **asked: object) -> list[int]:
    found = (await there.with_token().get("/api/sources/web/events", params=asked)).json()
    return [message["seq"] for message in found["events"]]


async def test_messages_are_listed_as_they_came(there):
    found = (await there.with_token().get("/api/sources/web/events")).json()
    good, bad, many = found["events"]
    assert (good["event"]["profile"], good["raw"], good["verdict"]) == ("user:ada", None, "accepted")
    assert (bad["event"], bad["raw"]) == (None, '{"event":"Grö\ufffd')
    assert (many["times"], many["raw"], found["last_seq"]) == (12, None, 7)


async def test_what_is_wrong_with_an_accepted_event_is_its_reason(there, watch):
    faulty = msgspec.structs.replace(GOOD.event, provenance=Provenance(flags=(INVALID,), fault="properties.value: odd"))
    watch.kept["web"] = [GOOD._replace(event=faulty)]
    (told,) = (await there.with_token().get("/api/sources/web/events")).json()["events"]
    assert (told["verdict"], told["reason"], told["event"]["flags"]) == ("accepted", "properties.value: odd", [INVALID])


async def test_messages_are_chosen_by_verdict_text_and_place(there):
    assert await seqs(there, verdict="rejected, refused") == [6, 7]
    assert await seqs(there, text="USER:ADA") == [5]
    assert await seqs(there, after=5, limit=1) == [7]
    assert await seqs(there, text="no such thing") == []


@pytest.mark.parametrize("asked", [{"verdict": "odd"}, {"limit": 0}, {"after": -1}, {"text": "x" * 201}], ids=str)
async def test_what_can_not_be_asked_is_refused(there, asked):
    assert (await there.with_token().get("/api/sources/web/events", params=asked)).status_code == 422


async def test_a_source_of_nobody_and_one_of_another_workspace_are_not_found(there):
    client = there.with_token()
    await there.deps.store._sql.run(lambda db: db.exec_driver_sql("INSERT INTO workspaces VALUES ('other', 'Other')"))
    foreign = await there.deps.store.add_source("other", "server", "Theirs")
    for name in ("nobody", foreign.id):
        assert (await client.get(f"/api/sources/{name}/events")).status_code == 404
        async with Socket(there.app, f"/ws/sources/{name}", **auth(there)) as socket:
            assert (await socket.raw())["code"] == 4404


async def test_a_socket_gives_what_was_and_what_comes(there, watch):
    async with Socket(there.app, WEB, **auth(there)) as socket:
        kinds = [(await socket.message())["kind"] for _ in range(4)]
        watch.followers[0].offer(GOOD._replace(seq=8))
        later = await socket.message()
    assert kinds == ["hello", "message", "message", "message"]
    assert (later["seq"], later["kind"], later["data"]["event"]["name"]) == (8, "message", "signed_up")
    assert watch.followers[0].is_closed


async def test_a_socket_is_told_what_it_missed(there, watch):
    async with Socket(there.app, WEB, **auth(there)) as socket:
        for _ in range(4):
            await socket.message()
        watch.followers[0].missed = 9
        watch.followers[0].offer(GOOD._replace(seq=20))
        gap, after = await socket.message(), await socket.message()
    assert (gap["kind"], gap["seq"], gap["data"], after["seq"]) == ("gap", 19, {"missed": 9}, 20)


async def test_a_socket_filters_on_the_server(there):
    async with Socket(there.app, f"{WEB}?verdict=rejected&text=NOBODY", **auth(there)) as socket:
        assert (await socket.message())["kind"] == "hello"
        assert (await socket.message())["seq"] == 6


async def test_strangers_and_foreign_pages_get_no_socket(there):
    browser = await there.browser()
    cookie = f"campaigniq_session={browser.cookies['campaigniq_session']}"
    for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": cookie, "origin": "https://evil.example"}):
        async with Socket(there.app, WEB, **headers) as socket:
            assert (
                socket.answer["type"] == "websocket.http.response.start" or socket.answer["type"] == "websocket.close"
            )
    async with Socket(there.app, WEB, cookie=cookie, origin=URL) as socket:
        assert socket.answer["type"] == "websocket.accept"


async def test_a_socket_ends_when_asked_for_the_impossible_or_too_many_look_on(there, watch):
    async with Socket(there.app, f"{WEB}?verdict=odd", **auth(there)) as socket:
        assert (await socket.raw())["code"] == 4400
    watch.is_full = True
    async with Socket(there.app, WEB, **auth(there)) as socket:
        assert (await socket.raw())["code"] == 1013
