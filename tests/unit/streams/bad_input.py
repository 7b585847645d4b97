"""Input that no honest sender makes, for the stage alone and for a real Kafka: what it is, and what must come of it."""

import struct
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from streams.frames import encode_events, encode_moves, encode_rollups
from streams.model.events import Event, ProfileKeys
from streams.model.moves import Move, MoveBatch, MoveKind
from streams.model.rollups import RollupBatch

DAY_MS = 86_400_000
BIG_BYTES = 7_900_000
"""Nearly what Kafka takes in one record."""


class Bad(NamedTuple):
    """`reason`: what the dead letter says; empty where the event is taken as far as it makes sense."""

    name: str
    frame: bytes
    reason: str


def event(now_ms: int, message_id: str = "bad", **changes: Any) -> Event:
    """A sound event but for `changes`."""
    told = {
        "id": message_id,
        "workspace": "default",
        "source": "web",
        "profile": "user:bad",
        "name": "page_viewed",
        "at_ms": now_ms,
        "received_ms": now_ms,
        "keys": ProfileKeys(user_id="bad"),
    }
    return Event(**(told | changes))


def all_bad(now_ms: int) -> list[Bad]:
    return [*_no_frames(now_ms), *_events_that_lie(now_ms), *_much_of_everything(now_ms), *_odd_values(now_ms)]


def _framed(now_ms: int, clock_ms: int = 0, **changes: Any) -> bytes:
    return encode_events([event(now_ms, **changes)], clock_ms or now_ms)


def _no_frames(now_ms: int) -> list[Bad]:
    whole = _framed(now_ms)
    return [
        Bad("no bytes", b"", "truncated"),
        Bad("a few bytes", b"CQ\x01", "truncated"),
        Bad("text", b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "not a frame"),
        Bad("an unknown version", whole[:2] + b"\x63" + whole[3:], "version 99"),
        Bad("an unknown kind", _packed(99, 1, now_ms, msgspec.msgpack.encode([1])), "kind 99"),
        Bad("a truncated frame", whole[:-7], "checksum"),
        Bad("a flipped bit", whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], "checksum"),
        Bad("a wrong count", _packed(1, 3, now_ms, msgspec.msgpack.encode([])), "count says 3"),
        Bad("a body of another form", _packed(1, 1, now_ms, msgspec.msgpack.encode([{"a": 1}])), "does not decode"),
        Bad("text that is no UTF-8", _packed(1, 1, now_ms, b"\x91\x91\xa2\xff\xff"), "does not decode"),
        Bad("arrays within arrays", _framed(now_ms, properties=_arrays(100_000)), "recursion"),
        Bad("half of a large frame", _framed(now_ms, properties={"a": "x" * BIG_BYTES})[:-9], "checksum"),
    ]


def _events_that_lie(now_ms: int) -> list[Bad]:
    return [
        Bad("not a number", _framed(now_ms, value=float("nan")), "value nan"),
        Bad("infinite", _framed(now_ms, value=float("-inf")), "value -inf"),
        Bad("beyond all money", _framed(now_ms, value=1e300), "value 1e+300"),
        Bad("received in a month", _framed(now_ms, received_ms=now_ms + 30 * DAY_MS), "received_ms"),
        Bad("received at the end of days", _framed(now_ms, received_ms=2**63 - 1), "received_ms"),
        Bad("happened in a month", _framed(now_ms, at_ms=now_ms + 30 * DAY_MS), "at_ms"),
        Bad("a frame of next month", _framed(now_ms, now_ms + 30 * DAY_MS), "clock"),
        Bad("a frame of the end of days", _framed(now_ms, 2**64 - 1), "clock"),
        Bad("happened before 1970", _framed(now_ms, at_ms=-5), "at_ms"),
        Bad("happened before the big bang", _framed(now_ms, at_ms=-(2**63)), "at_ms"),
        Bad("received before 1970", _framed(now_ms, received_ms=-(2**63)), "received_ms"),
        Bad("no id", _framed(now_ms, message_id=""), "id is empty"),
        Bad("no workspace", _framed(now_ms, workspace=""), "workspace is empty"),
        Bad("no profile", _framed(now_ms, profile="", keys=ProfileKeys()), "profile is empty"),
        Bad("no name", _framed(now_ms, name=""), "name is empty"),
    ]


def _much_of_everything(now_ms: int) -> list[Bad]:
    ids = tuple(("crm", f"c{n}") for n in range(10_000))
    many = {f"key{n}": n for n in range(10_000)}
    return [
        Bad("8 MB of properties", _framed(now_ms, properties={"a": "x" * BIG_BYTES}), "bytes"),
        Bad("8 MB of traits", _framed(now_ms, traits={"a": "x" * BIG_BYTES}), "bytes"),
        Bad("a name of 8 MB", _framed(now_ms, name="x" * BIG_BYTES), "bytes"),
        Bad("a workspace of 8 MB", _framed(now_ms, workspace="x" * BIG_BYTES), "bytes"),
        Bad("10,000 ids in one identify", _framed(now_ms, keys=ProfileKeys("bad", custom=ids)), ""),
        Bad("10,000 ids and their weight", _framed(now_ms, keys=ProfileKeys("bad", custom=_heavy(ids))), "bytes"),
        Bad("10,000 properties", _framed(now_ms, message_id="b1", properties=many), ""),
        Bad("10,000 traits", _framed(now_ms, message_id="b2", traits=many), ""),
        Bad("properties within properties", _framed(now_ms, message_id="b3", properties=_nested(400)), ""),
        Bad("traits within traits", _framed(now_ms, message_id="b4", traits=_nested(400)), ""),
    ]


def _odd_values(now_ms: int) -> list[Bad]:
    nan = float("nan")
    cart = {
        "cart_id": ["a"],
        "product_id": {"x": 1},
        "price": nan,
        "quantity": -5,
        "products": [1, None, {"price": "x"}],
    }
    return [
        Bad("a cart of nonsense", _framed(now_ms, message_id="b5", name="product_added", properties=cart), ""),
        Bad("an order of nonsense", _framed(now_ms, message_id="b6", name="order_completed", properties=cart), ""),
        Bad("a price that is infinite", _framed(now_ms, message_id="b7", name="product_viewed",
            properties={"product_id": "p", "price": float("inf")}), ""),
        Bad("a company of nonsense", _framed(now_ms, message_id="b8", name="grouped",
            properties={"group_id": {"a": 1}, "group_traits": 5}), ""),
        Bad("an alias of nonsense", _framed(now_ms, message_id="b9", name="aliased",
            properties={"previous_id": nan}), ""),
        Bad("ids of zero bytes", _framed(now_ms, message_id="\x00", profile="user:\x00", keys=ProfileKeys("\x00")), ""),
        Bad("a move of unsound state", _absorbing(now_ms, 1, b"\x01\xc1 no msgpack"), "does not decode"),
        Bad("a move of a later version", _absorbing(now_ms, 2, b"\x7f\x99"), "is not known; this build reads up to"),
        Bad("totals where events belong", encode_rollups(RollupBatch(0, now_ms, ())), ""),
    ]  # fmt: skip


def _absorbing(now_ms: int, number: int, body: bytes) -> bytes:
    move = Move(MoveKind.ABSORB, "default", "user:bad", "anon:worse", now_ms, body)
    return encode_moves(MoveBatch(90, number, (move,)), now_ms)


def _heavy(ids: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((kind, value * 10) for kind, value in ids)


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def _arrays(depth: int) -> dict[str, Any]:
    return {"a": msgspec.Raw(b"\x91" * depth + b"\xc0")}


def _packed(kind: int, count: int, clock_ms: int, body: bytes) -> bytes:
    head = struct.pack(">2sBBIQ", b"CQ", 1, kind, count, clock_ms)
    return head + struct.pack(">I", crc32(body, crc32(head))) + body
