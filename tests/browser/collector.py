"""A site and the real front door on ports of their own, with faults to plant, and what arrived to ask for."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.app import app_of
from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.pixel.daily_ids import DailyIds
from ingest.pixel.scripts import DIST
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from streams.model.events import Event
from tests.unit.ingest.fake_log import FakeClock, FakeLog

KEY = "wk_web"
PATIENCE_S = 30.0
LEAVE_TO_REFUSE = ("/v1/", "/p.gif", "/pixel/id")


@dataclass
class Knock:
    """One request that came to the collector."""

    path: str
    body: bytes
    headers: dict[str, str]
    at_s: float

    @property
    def batch(self) -> list[dict[str, Any]]:
        return orjson.loads(self.body)["batch"] if self.path.startswith("/v1/batch") else []


@dataclass
class Collector:
    """The front door over a log in memory. `refusal` is answered instead of taking events; None takes them."""

    log: FakeLog
    port: int = 0
    knocks: list[Knock] = field(default_factory=list)
    refusal: ASGIApp | None = None
    script: asyncio.Event = field(default_factory=asyncio.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)
    loop: asyncio.AbstractEventLoop | None = None

    def hold_script(self) -> None:
        """Let no /pixel.js out."""
        self.in_loop(self.script.clear)

    def release_script(self) -> None:
        self.in_loop(self.script.set)

    def events(self) -> list[Event]:
        """Every event in effect: repeats of a message id count once, as in the engine."""
        return sorted({e.id: e for e in self.log.events()}.values(), key=lambda event: (event.at_ms, event.id))

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events() if event.name == name]

    def sends(self) -> Counter[str]:
        """How often each message was sent."""
        return Counter(message["messageId"] for knock in list(self.knocks) for message in knock.batch)

    def until(self, what: Callable[[], Any]) -> Any:
        """Return what `what` says, once that is something."""
        ends = time.monotonic() + PATIENCE_S
        with self.changed:
            while not (answer := what()):
                left = ends - time.monotonic()
                assert left > 0, f"in vain; here are {[event.name for event in self.events()]}"
                self.changed.wait(left)
        return answer

    def arrived(self, *names: str) -> list[Event]:
        """Return the first event of each name, once all are there."""
        return self.until(
            lambda: (
                [self.named(name)[0] for name in names]
                if not Counter(names) - Counter(event.name for event in self.events())
                else None
            )
        )

    def knocked(self, count: int, path: str = "/v1/batch") -> list[Knock]:
        """Return the requests to a path, once there are so many."""
        return self.until(lambda: found if len(found := self.knocks_at(path)) >= count else None)

    def knocks_at(self, path: str) -> list[Knock]:
        return [knock for knock in list(self.knocks) if knock.path == path]

    def in_loop(self, work: Callable[[], None]) -> None:
        """Run something in the collector's thread."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(work)

    def over(self, app: ASGIApp) -> ASGIApp:
        """Return the application with this in front of it."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/pixel.js":
                await self.script.wait()
            body, taken = await _read(receive), False

            async def again() -> Message:
                nonlocal taken
                if taken:
                    await asyncio.Event().wait()
                taken = True
                return {"type": "http.request", "body": body}

            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.knocks.append(Knock(scope["path"], body, headers, time.monotonic()))
            refusal = self.refusal if scope["path"].startswith(LEAVE_TO_REFUSE) else None
            await (refusal or app)(scope, again, send)
            with self.changed:
                self.changed.notify_all()

        return serve


@dataclass
class Site:
    """Pages that carry the pixel. `attributes` go into its tag, `head` before it and `body` behind."""

    collector: Collector
    port: int = 0
    attributes: str = ""
    head: str = ""
    body: str = ""
    collector_host: str = "127.0.0.1"
    has_stub: bool = True

    @property
    def url(self) -> str:
        """The address of the site, whose host is not the collector's unless a test makes it so."""
        return f"http://localhost:{self.port}"

    async def page(self, _: Request) -> HTMLResponse:
        script = f"http://{self.collector_host}:{self.collector.port}/pixel.js"
        stub = f"<script>{(DIST / 'stub.js').read_text()}</script>" if self.has_stub else ""
        gif = f'<noscript><img src="{script.removesuffix("pixel.js")}p.gif?k={KEY}&amp;n=1" alt=""></noscript>'
        tag = f'<script async src="{script}" data-key="{KEY}" {self.attributes}></script>'
        return HTMLResponse(
            f"<!doctype html><title>Shop</title><link rel=icon href=data:,>{stub}{self.head}{tag}{self.body}{gif}"
        )


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


@contextmanager
def running() -> Iterator[Site]:
    """Serve a site and its collector from a thread of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    found: list[Any] = []
    stop = asyncio.Event()

    async def main() -> None:
        collector = Collector(FakeLog(), loop=loop)
        site = Site(collector)
        clock, settings = FakeClock(int(time.time() * 1000)), IngestSettings(linger_ms=0)
        batcher = Batcher(collector.log, clock, settings)
        await batcher.start()
        sources = StaticSources([Source("src_web", "ws", "web", write_key=KEY)])

        async def salts(days: Any) -> dict[int, bytes]:
            return {day: b"salt %d" % day for day in days}

        namer = DailyIds(salts, clock)
        app = app_of(Door(batcher, sources, LogDeadLetters(collector.log), clock, settings, namer=namer))
        pages = Starlette(routes=[Route("/{path:path}", site.page)])
        servers = []
        for owner, served in ((collector, collector.over(app)), (site, pages)):
            listener = socket.create_server(("127.0.0.1", 0))
            owner.port = listener.getsockname()[1]
            server = uvicorn.Server(uvicorn.Config(served, log_level="warning", lifespan="off", ws="none"))
            server.capture_signals = _no_signals  # type: ignore[method-assign]
            servers.append((server, asyncio.create_task(server.serve([listener]))))
        collector.script.set()
        found.append(site)
        ready.set()
        await stop.wait()
        collector.script.set()
        for server, _ in servers:
            server.should_exit = server.force_exit = True
        await asyncio.gather(*(serving for _, serving in servers))
        await batcher.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextmanager
def _no_signals() -> Iterator[None]:
    yield
