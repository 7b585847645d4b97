"""A whole front door in one process, asked without a network: what it answers, and what it kept and took meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import NamedTuple, Self
from urllib.parse import unquote

import msgspec
import orjson

from ingest.app import app_of
from ingest.batcher import Batcher
from ingest.call import Call
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door as FrontDoor
from ingest.policy.agents import Agents
from ingest.policy.gate import SourceGate
from ingest.policy.pii import PrivateFields
from ingest.policy.schemas import SchemaBook, SchemaCheck
from ingest.policy.sight import SenderSight
from ingest.quick import QuickCalls
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from ingest.vendors.registry import VENDORS
from streams.frames import decode
from streams.log.topics import DEAD_LETTERS, EVENTS
from streams.model.dead_letters import DeadLetter
from streams.model.links import LinkSigner
from streams.ports import NewRecord
from streams.store.event_schemas import SchemaKey, SchemaVersion
from streams.store.sources import SourcePolicy
from tests.unit.ingest.fake_log import FakeClock

WEB_KEY, SERVER_KEY, STRICT_KEY = "wk_web", "wk_server", "wk_strict"
STRICT = SourcePolicy(
    allowed_origins=("https://shop.example",),
    schemas="block",
    drop_fields=("traits.x", "currency"),
    hash_fields=("email", "properties.name", "phone"),
    address="drop",
    uncounted="bots",
)
SCHEMA = (
    '{"type":"object","properties":{"price":{"type":"number","minimum":0},"products":{"type":"array","maxItems":2}}}'
)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNER = LinkSigner(["secret"])
SOURCES = [
    Source("site", "ws", "web", write_key=WEB_KEY),
    Source("shop", "ws", "server", write_key=SERVER_KEY),
    Source("strict", "ws", "web", write_key=STRICT_KEY, policy=STRICT),
    *(Source(f"hook-{kind}", "ws", kind, webhook_secrets=(SECRET,)) for kind in VENDORS),
]
PARTITIONS = 4


Way = Callable[["Request"], Coroutine[None, None, tuple[int, dict[str, str], bytes]]]


class Request(NamedTuple):
    """What a server would make of the bytes of one request."""

    method: str
    path: str
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    chunks: tuple[bytes, ...] = ()

    @property
    def kind(self) -> str:
        return self.path.rpartition("/")[2]


class Answer(NamedTuple):
    """The answer, and what became durable for it; `events` counts those too that were durable before."""

    status: int
    headers: dict[str, str]
    body: bytes
    events: int
    letters: list[DeadLetter]

    @property
    def told(self) -> dict:
        return orjson.loads(self.body)


class CountingLog:
    """An EventLog that remembers how many events it got and which dead letters since it was last asked."""

    def __init__(self) -> None:
        self.events = 0
        self.letters: list[DeadLetter] = []

    def partitions(self, topic: str) -> int:
        return PARTITIONS

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        for record in records:
            if record.topic == EVENTS:
                self.events += len(decode(record.value).events)
            elif record.topic == DEAD_LETTERS:
                self.letters.append(msgspec.msgpack.decode(record.value, type=DeadLetter))
        return [0] * len(records)

    def since(self) -> tuple[int, list[DeadLetter]]:
        found = self.events, self.letters
        self.events, self.letters = 0, []
        return found


class Schemas:
    """A store with one schema for the orders of all sources."""

    async def mark(self) -> tuple[int, int]:
        return 1, 1

    async def newest(self) -> list[SchemaVersion]:
        return [SchemaVersion(SchemaKey("ws", "", "order_completed"), 1, SCHEMA, 0, "")]


class Door:
    """The door with a loop of its own, for tests that Hypothesis calls again and again."""

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._log, clock, settings = CountingLog(), FakeClock(), IngestSettings(linger_ms=0)
        self._batcher = Batcher(self._log, clock, settings)
        self._runner.run(self._batcher.start())
        schemas = SchemaBook(Schemas())
        self._runner.run(schemas.refresh())
        door = FrontDoor(
            self._batcher,
            StaticSources(SOURCES),
            LogDeadLetters(self._log),
            clock,
            settings,
            gate=SourceGate(lambda: clock.ms / 1000),
            sight=SenderSight(Agents()).sees,
            treatments=(SchemaCheck(schemas), PrivateFields("secret")),
        )
        self._app = app_of(door, SIGNER)
        self._quick = QuickCalls(door, lambda: None)
        self._clock = clock
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._batcher.stop())
        self._runner.close()

    def ask_quickly(self, request: Request) -> Answer | None:
        """Ask by the short cut; None when it leaves the request to the ordinary way."""
        self._is_taken = True
        answer = self.ask(request, self._asked_quickly)
        return answer if self._is_taken else None

    def ask(self, request: Request, way: Way | None = None) -> Answer:
        self._clock.ms += 50  # so that only a burst is too much
        known = self._batcher.tallies.total()["duplicate"]
        status, headers, body = self._runner.run((way or self._asked)(request))
        assert self._batcher.drift() == {}
        events, letters = self._log.since()
        repeated = self._batcher.tallies.total()["duplicate"] - known
        return Answer(status, headers, body, events + repeated, letters)

    async def _asked(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        waiting = list(request.chunks) or [b""]
        sent: list[dict] = []

        async def receive() -> dict:
            if not waiting:
                return {"type": "http.disconnect"}
            body = waiting.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(waiting)}

        async def send(message: dict) -> None:
            sent.append(message)

        async with asyncio.timeout(60):
            await self._app(_scope_of(request), receive, send)
        headers = {key.decode(): value.decode("latin-1") for key, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])

    async def _asked_quickly(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        told: asyncio.Future[tuple[bytes, bytes]] = asyncio.get_running_loop().create_future()
        call = Call(request.method, unquote(request.path), request.query, request.headers, "203.0.113.9")
        self._is_taken = self._quick(call, b"".join(request.chunks), lambda head, body: told.set_result((head, body)))
        if not self._is_taken:
            return 0, {}, b""
        head, body = await asyncio.wait_for(told, 60)
        line, *headers = head.decode("latin-1").split("\r\n")[:-1]
        return int(line.split()[1]), dict(header.split(": ", 1) for header in headers), body


def _scope_of(request: Request) -> dict:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path),
        "raw_path": request.path.encode(),
        "query_string": request.query,
        "root_path": "",
        "headers": list(request.headers),
        "client": ("203.0.113.9", 4711),
        "server": ("127.0.0.1", 8000),
    }
