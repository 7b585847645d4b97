"""Who looks on at a source sees what became of each message, within bounds, and nobody who must not be seen."""

import asyncio
import gzip
from base64 import b64encode
from collections.abc import AsyncIterator
from functools import partial

import orjson
import pytest

from ingest.caller import Caller
from ingest.door import ACCEPTED, DECLINED, IGNORED, REFUSED, REJECTED, SUPPRESSED
from ingest.errors import OriginError, RateLimitedError
from ingest.sources import Source
from ingest.watch import KEPT_MS, SourceWatch
from streams.log.rewriting import is_note_of
from streams.model.events import Event, ProfileKeys
from streams.model.noted import Noted
from streams.operators.erasing import Person
from tests.unit.ingest.fake_log import FakeClock
from tests.unit.ingest.letters_kit import SHOP, WEB, Desk, open_desk

CALLER = Caller(WEB, "track")
FIRST = FakeClock().ms * 1000


def event(number: int, at_ms: int, text: str = "", source: str = "web") -> Event:
    keys = ProfileKeys(user_id=str(number))
    return Event(f"m-{number}", "ws", source, f"user:{number}", "x", at_ms, at_ms, keys, properties={"text": text})


class Kit:
    def __init__(self, **limits: int) -> None:
        self.clock = FakeClock()
        self.watch = SourceWatch(self.clock, **limits)

    def accept(self, *numbers: int, text: str = "", source: Source = WEB) -> None:
        for number in numbers:
            found = event(number, self.clock.ms, text, source.id)
            self.watch.note(Caller(source, "track"), ACCEPTED, found, "", b"")

    def ids(self, source: str = "web") -> list[str]:
        return [noted.event.id if noted.event else "" for noted in self.watch.recent(source)]


def test_what_came_is_shown_in_order():
    kit = Kit()
    kit.accept(1, 2)
    kit.watch.note(CALLER, REJECTED, None, "event: is missing", b"{}")
    assert [(n.seq - FIRST, n.verdict, n.via) for n in kit.watch.recent("web")] == [
        (1, ACCEPTED, "track"), (2, ACCEPTED, "track"), (3, REJECTED, "track"),
    ]  # fmt: skip
    assert kit.watch.recent("other") == []


def test_of_what_was_rejected_the_beginning_is_kept():
    kit = Kit()
    kit.watch.note(CALLER, REJECTED, None, "too large", b"x" * 5_000)
    assert len(kit.watch.recent("web")[0].raw) == 2_048


def test_the_oldest_of_a_source_go_first():
    kit = Kit(entries=3)
    kit.accept(*range(5))
    assert kit.ids() == ["m-2", "m-3", "m-4"]


def test_what_is_old_goes():
    kit = Kit()
    kit.accept(1)
    kit.clock.ms += KEPT_MS + 1
    kit.accept(2)
    assert kit.ids() == ["m-2"]


def test_large_events_of_a_source_leave_room_for_fewer():
    kit = Kit(size_bytes=100_000)
    kit.accept(*range(20), text="x" * 10_000)
    assert kit.ids() == ["m-17", "m-18", "m-19"]


@pytest.mark.parametrize("limits", [{"entries_in_all": 12}, {"bytes_in_all": 10_000}])
def test_a_busy_source_takes_no_room_from_a_quiet_one(limits):
    kit = Kit(**limits)
    kit.accept(1, source=SHOP)
    kit.accept(*range(500))
    kit.clock.ms += 300
    kit.accept(501)
    assert kit.ids("shop") == ["m-1"]
    assert 0 < len(kit.ids()) < 13
    assert kit.ids()[-1] == "m-501"


def test_refusals_alike_are_one_entry():
    kit = Kit()
    for _ in range(500):
        kit.watch.note(CALLER, REFUSED, None, "too many", b"")
    kit.watch.note(CALLER, REFUSED, None, "other", b"")
    kit.clock.ms += 5_000
    kit.watch.note(CALLER, REFUSED, None, "too many", b"")
    assert [(n.reason, n.times) for n in kit.watch.recent("web")] == [("too many", 500), ("other", 1), ("too many", 1)]


async def test_a_follower_gets_what_was_and_what_comes():
    kit = Kit()
    kit.accept(1, 2)
    follower = kit.watch.follow("web")
    assert follower is not None
    first = await follower.next(1)
    kit.accept(3)
    rest = await follower.next(10)
    assert [noted.event.id for noted in first + rest if noted.event] == ["m-1", "m-2", "m-3"]


async def test_a_follower_waits_for_a_source_that_has_sent_nothing():
    kit = Kit()
    follower = kit.watch.follow("shop")
    waiting = asyncio.create_task(follower.next(10))
    await asyncio.sleep(0)
    kit.accept(1, source=SHOP)
    assert [noted.event.id for noted in await waiting] == ["m-1"]


async def test_a_slow_follower_misses_the_oldest_and_is_told_how_many():
    kit = Kit(queue=2)
    kit.accept(1, 2, 3)
    follower = kit.watch.follow("web")
    kit.accept(4, 5)
    assert [noted.seq - FIRST for noted in await follower.next(10)] == [4, 5]
    assert follower.missed == 3


def test_only_so_many_look_on_at_once():
    kit = Kit(followers=1)
    first = kit.watch.follow("web")
    assert kit.watch.follow("web") is None
    first.close()
    assert kit.watch.follow("web") is not None


async def test_the_erased_vanish_also_from_those_who_look_on():
    kit = Kit()
    kit.accept(1, 2)
    kit.watch.note(CALLER, REJECTED, None, "bad", b'{"email":"Ada@example.com"')
    follower = kit.watch.follow("web")

    def names(found: Event | None, _reason: str, raw: bytes) -> bool:
        return b"Ada" in raw or (found is not None and found.profile == "user:1")

    assert await kit.watch.forget(names) == 2
    assert kit.ids() == ["m-2"]
    assert [noted.event.id for noted in await follower.next(10)] == ["m-2"]


ADA = Person("ws", ("user:ada-1815-id", "email:ada@example.com", "phone:+441815121000", "user:p7"))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"traits":{"email":"ada\\u0040example.com"}, "event":',
        b"w=1&e=Ada%2540example.com",
        b'{"phone": "+44 (0)1815 / 12 10 00"}',
        b'{"userId": "p7", "event": ""}',
        b64encode(b'{"userId": "ada-1815-id", "event": ""}'),
        gzip.compress(b'{"userId": "ada-1815-id", "event": ""}'),
    ],
)
async def test_the_erased_vanish_however_they_are_written(raw):
    kit = Kit()
    kit.watch.note(CALLER, REJECTED, None, "bad", raw)
    kit.watch.note(CALLER, REJECTED, None, "bad", b'{"userId": "bob", "event": ""}')
    kit.accept(3, text="for ada@example.com")
    kit.accept(4, text="for steve")
    assert await kit.watch.forget(partial(is_note_of, ADA)) == 2
    assert kit.ids() == ["", "m-4"]


class Gate:
    """Refuses as it is told."""

    fault: Exception | None = None

    def admit(self, *_: object) -> None:
        if self.fault:
            raise self.fault

    def spend(self, *_: object, **_more: object) -> None:
        pass


@pytest.fixture
def watch() -> SourceWatch:
    return SourceWatch(FakeClock())


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def desk(watch: SourceWatch, gate: Gate) -> AsyncIterator[Desk]:
    def shouting(found: Event, _: Caller) -> Event:
        return found

    async with open_desk(
        watch=watch, gate=gate, treatments=[shouting], is_suppressed=lambda found: found.profile == "user:gone"
    ) as desk:
        yield desk


def told(watch: SourceWatch, source: str = "web") -> list[tuple[str, str]]:
    return [(noted.verdict, noted.via) for noted in watch.recent(source)]


async def test_accepted_and_rejected_messages_of_a_batch_are_told_apart(desk, watch):
    items = [{"type": "track", "event": "A", "userId": "ada"}, {"type": "track", "event": "B"}]
    await desk.track(orjson.dumps({"batch": items}), "batch")
    assert told(watch) == [(REJECTED, "batch"), (ACCEPTED, "batch")]
    rejected = watch.recent("web")[0]
    assert (rejected.reason[:7], orjson.loads(rejected.raw)) == ("userId:", items[1])


@pytest.mark.parametrize("fault", [OriginError("https://evil.example"), RateLimitedError("web", 1.0, 2.0)])
async def test_refusals_are_told_with_nothing_of_what_was_sent(desk, watch, gate, fault):
    gate.fault = fault
    await desk.track(b'{"event":"A","userId":"ada"}')
    assert watch.recent("web") == [Noted(FIRST + 1, desk.clock.ms, "track", REFUSED, reason=str(fault))]


@pytest.mark.parametrize(
    ("raw", "headers"),
    [(b"x" * 5_000, {}), (b"no gzip", {"Content-Encoding": "gzip"}), (b"{}", {"Content-Encoding": "br"}), (b"{", {})],
)
async def test_bodies_that_can_not_be_read_are_told(desk, watch, raw, headers):
    await desk.track(raw, **headers)
    assert told(watch) == [(REJECTED, "track")]


async def test_those_who_do_not_want_to_be_recorded_are_not_shown(desk, watch):
    await desk.track(b'{"event":"Signed Up","userId":"ada"}', **{"Sec-GPC": "1"})
    await desk.track(b'{"event":"Signed Up","secret":"ada"}', **{"Sec-GPC": "1"})
    await desk.track(b'{"event":"Signed Up","userId":"gone"}')
    assert told(watch) == [(DECLINED, "track"), (REJECTED, "track"), (SUPPRESSED, "track")]
    assert all(noted.event is None and noted.raw == b"" for noted in watch.recent("web"))


async def test_webhooks_without_proof_or_use_are_told(desk, watch):
    await desk.client.post("/webhooks/shop", content=b"{}")
    answer = await desk.client.post("/webhooks/mail", content=b"[]", headers={"Authorization": "Bearer secret"})
    assert (answer.status_code, told(watch, "shop"), told(watch, "mail")) == (
        200, [(REFUSED, "webhook")], [(IGNORED, "webhook")],
    )  # fmt: skip
