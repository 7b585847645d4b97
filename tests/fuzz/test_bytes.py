"""Bytes of all sorts on the port of a running platform: it answers or hangs up, goes on, and grows no larger."""

import asyncio
import base64
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import orjson
import pytest

from tests.e2e.harness import Platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

WARM_UP, REQUESTS, AT_ONCE = 300, 1_500, 40
BEGINS_S, QUIET_S, IN_ORDER_S = 1.5, 0.3, 60.0
"""How long a first byte is waited for, then each further one; and the answers to what is in order, which all end."""
MAY_GROW_BYTES = 24 << 20
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")
CALL = {"type": "track", "event": "Email Opened", "userId": "u1", "properties": {"value": 1.5}}
TOKENS = (
    b"\r\n", b"\r\n\r\n", b"\n\n", b"\0", b"\xff" * 8, b" HTTP/1.1", b"HTTP/9.9", b"Content-Length: 99999999999\r\n",
    b"Content-Length: -1\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"Host: \xff\r\n", b"Host: a\r\nHost: b\r\n", b"Expect: 100-continue\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"%00", b"%ff", b"%", b"\x16\x03\x01\x02\x00", b"A" * 70_000,
    b"X: " + b"y" * 70_000 + b"\r\n", b"x: y\r\n" * 200, b"\r\n folded\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n",
)  # fmt: skip


def requests(key: str) -> list[bytes]:
    """Return requests that are in order, for each way in."""
    auth = b"Authorization: Basic " + base64.b64encode(f"{key}:".encode()) + b"\r\n"
    one, many = orjson.dumps(CALL), orjson.dumps({"batch": [CALL, {"type": "x"}, CALL]})
    packed = gzip.compress(many)
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(one), one)
    end = b"Host: door\r\nConnection: close\r\n"
    return [
        b"POST /v1/track HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n%s" % (auth, end, len(one), one),
        b"POST /v1/batch HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n%s" % (auth, end, len(many), many),
        b"POST /v1/import HTTP/1.1\r\n%s%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
        % (auth, end, len(packed), packed),
        b"POST /v1/page HTTP/1.1\r\n%s%sTransfer-Encoding: chunked\r\n\r\n%s" % (auth, end, chunks),
        b"GET /p.gif?k=%s&a=a1&p=/x HTTP/1.1\r\n%s\r\n" % (key.encode(), end),
        b"GET /v1/projects/%s/settings HTTP/1.1\r\n%s\r\n" % (key.encode(), end),
        b"GET /c/token HTTP/1.1\r\n%s\r\n" % end,
        b"GET /o/token.gif HTTP/1.0\r\n%s\r\n" % end,
        b"POST /webhooks/web HTTP/1.1\r\n%sContent-Length: 2\r\n\r\n{}" % end,
        b"OPTIONS /v1/batch HTTP/1.1\r\n%s\r\n" % end,
    ]


def spoiled(rng: Random, sound: list[bytes]) -> bytes:
    """Return a request with some bytes changed, cut, doubled or put in; now and then no request at all."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.randint(1, 400))
    raw = bytearray(rng.choice(sound))
    for _ in range(rng.choice([1, 1, 2, 4])):
        start = rng.randint(0, len(raw))
        match rng.randint(0, 4):
            case 0 if raw:
                raw[start % len(raw)] = rng.randint(0, 255)
            case 1:
                del raw[start:]
            case 2:
                raw[start:start] = rng.choice(TOKENS)
            case 3:
                raw[start : start + rng.randint(1, 20)] = b""
            case _:
                raw[start:start] = raw[start : start + 60]
    return bytes(raw) if rng.random() < 0.9 else bytes(raw) + rng.choice(sound)


async def said(port: int, raw: bytes, begins_s: float = IN_ORDER_S, quiet_s: float = IN_ORDER_S) -> bytes:
    """Send bytes and return all that comes back until the server hangs up; hang up too when it stays quiet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = bytearray()
    try:
        for start in range(0, len(raw), 4_096):
            writer.write(raw[start : start + 4_096])
            await writer.drain()
        while chunk := await asyncio.wait_for(reader.read(65_536), quiet_s if answer else begins_s):
            answer += chunk
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return bytes(answer)


async def bombard(port: int, bodies: list[bytes], *waits_s: float) -> list[bytes]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(raw: bytes) -> bytes:
        async with places:
            return await said(port, raw, *waits_s)

    return list(await asyncio.gather(*map(one, bodies)))


def resident_bytes(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) << 10


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("bytes") / "data") as running:
        yield running


def test_it_stands_whatever_bytes_come(platform: Platform):
    rng, sound = Random(5), requests(platform.bootstrap["write_key"])
    in_order = asyncio.run(bombard(platform.port, sound))
    assert [int(STATUS.match(answer)[1]) for answer in in_order] == [200, 200, 200, 200, 200, 200, 404, 404, 404, 204]
    asyncio.run(bombard(platform.port, [spoiled(rng, sound) for _ in range(WARM_UP)], BEGINS_S, QUIET_S))
    before_bytes = resident_bytes(platform.pid)
    asked = [spoiled(rng, sound) for _ in range(REQUESTS)]
    answers = asyncio.run(bombard(platform.port, asked, BEGINS_S, QUIET_S))
    grown_bytes = resident_bytes(platform.pid) - before_bytes
    statuses = [(raw[:200], int(status)) for raw, answer in zip(asked, answers, strict=True)
                for status in STATUS.findall(answer)]  # fmt: skip
    assert [told for told in statuses if told[1] >= 500] == []
    assert sum(bool(answer) for answer in answers) > REQUESTS / 2
    assert grown_bytes < MAY_GROW_BYTES
    assert platform.complaints == []
    assert STATUS.match(asyncio.run(said(platform.port, sound[0])))[1] == b"200"
