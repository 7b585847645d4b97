"""Memory stays bounded whatever comes: no room is said before it is taken, and no sender takes all of it."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from ingest import turnstile as turnstile_module
from ingest.bodies import read_body
from ingest.errors import answering
from ingest.turnstile import Turnstile
from streams.model.errors import LogFullError

MIB = 1 << 20


class Upload:
    """A request whose body comes piece by piece, as the test says."""

    def __init__(
        self, turnstile: Turnstile, sender: str = "a", path: str = "/v1/batch", key: str = "", query: str = ""
    ) -> None:
        self.statuses: list[int] = []
        self._pieces: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        headers = [(b"authorization", key.encode())]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": query.encode()}
        scope["client"] = (sender, 4711)
        self.task = asyncio.create_task(turnstile(scope, self._pieces.get, self._send))

    async def piece(self, size: int, *, more: bool = True) -> None:
        await self._pieces.put({"type": "http.request", "body": b"x" * size, "more_body": more})
        for _ in range(5):
            await asyncio.sleep(0)

    async def status(self) -> int:
        await asyncio.wait_for(self.task, 60)
        return self.statuses[0]

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])


@answering
async def reads_a_body(request: Request) -> Response:
    return Response(str(len(await read_body(request, MIB))))


async def app(scope, receive, send) -> None:
    response = await reads_a_body(Request(scope, receive))
    await response(scope, receive, send)


def over(limit: int = 4 * MIB, timeout_s: float = 60, **more: Any) -> Turnstile:
    return Turnstile(app, limit, timeout_s, 2, **more)


async def test_a_body_counts_until_it_is_answered():
    turnstile = over()
    upload = Upload(turnstile)
    await upload.piece(1_000)
    assert turnstile.held_bytes == 1_000
    await upload.piece(500, more=False)
    assert (await upload.status(), turnstile.held_bytes, turnstile._by_sender) == (200, 0, {})


async def test_many_slow_large_uploads_are_refused_before_memory_grows():
    turnstile = over()
    uploads = [Upload(turnstile, f"sender {n}") for n in range(500)]
    most = 0
    for upload in uploads:
        await upload.piece(MIB - 1)
        most = max(most, turnstile.held_bytes)
    assert most <= 4 * MIB
    waiting = [upload for upload in uploads if not upload.task.done()]
    assert len(waiting) == 4
    for upload in waiting:
        await upload.piece(1, more=False)
    statuses = [await upload.status() for upload in uploads]
    assert (statuses.count(200), statuses.count(503), turnstile.held_bytes) == (4, 496, 0)


async def test_one_sender_leaves_half_of_the_room_to_others():
    turnstile = over()
    hogs = [Upload(turnstile, "hog") for _ in range(4)]
    for hog in hogs:
        await hog.piece(MIB - 1)
    assert sum(hog.task.done() for hog in hogs) == 2
    other = Upload(turnstile, "other")
    await other.piece(MIB - 1, more=False)
    assert await other.status() == 200
    for hog in hogs:
        await hog.piece(0, more=False)
        await hog.status()


async def test_what_a_sender_makes_up_gives_it_no_more_room():
    turnstile = over()
    hogs = [Upload(turnstile, "hog", key=f"made up {n}", query=f"x={n}") for n in range(4)]
    for hog in hogs:
        await hog.piece(MIB - 1)
    assert sum(hog.task.done() for hog in hogs) == 2
    for hog in hogs:
        await hog.piece(0, more=False)
        await hog.status()


async def test_a_known_source_has_room_beside_strangers_of_the_same_address():
    turnstile = over(source_of=lambda scope: "shop" if (b"authorization", b"real") in scope["headers"] else "")
    hogs = [Upload(turnstile, "proxy", query=f"x={n}") for n in range(4)]
    for hog in hogs:
        await hog.piece(MIB - 1)
    shop = Upload(turnstile, "proxy", key="real")
    await shop.piece(MIB - 1)
    await shop.piece(0, more=False)
    assert await shop.status() == 200
    for hog in hogs:
        await hog.piece(0, more=False)
        await hog.status()


async def test_webhooks_are_told_apart_by_their_source():
    turnstile = over(2 * MIB, source_of=lambda scope: scope["path"].rpartition("/")[2])
    first, second = Upload(turnstile, path="/webhooks/a"), Upload(turnstile, "a", "/webhooks/b")
    await first.piece(900_000)
    await second.piece(900_000)
    assert not first.task.done()
    await first.piece(0, more=False)
    await second.piece(0, more=False)
    assert (await first.status(), await second.status()) == (200, 200)


async def test_a_body_that_takes_too_long_gets_408_and_frees_its_room(monkeypatch):
    monkeypatch.setattr(turnstile_module, "SWEEP_S", 0.01)
    turnstile = over(timeout_s=0.05)
    sweeping = asyncio.create_task(turnstile.run())
    upload = Upload(turnstile)
    await upload.piece(1_000)
    assert (await upload.status(), turnstile.held_bytes, turnstile.late) == (408, 0, 1)
    sweeping.cancel()


async def test_a_request_that_is_cut_off_from_outside_ends_as_such():
    turnstile = over()
    upload = Upload(turnstile)
    await upload.piece(1_000)
    upload.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload.task
    assert turnstile.held_bytes == 0


async def test_nothing_is_read_while_nothing_can_be_taken():
    turnstile = over(refusal=lambda: LogFullError("no room", 10))
    upload = Upload(turnstile)
    assert (await upload.status(), turnstile.refused) == (503, 1)
    script = Upload(turnstile, path="/pixel.js")
    await script.piece(0, more=False)
    assert await script.status() == 200
