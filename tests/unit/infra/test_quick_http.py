"""The short cut through uvicorn changes no answer but its cost."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from random import Random

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from infra import bounded_http
from infra.bounded_http import MAX_HEAD_BYTES, MAX_WAITING
from infra.quick_http import MAX_BODY_BYTES, Answer, QuickProtocol, Senders, protocol_with
from ingest.call import Call
from tests.serving import connected

OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"


async def ordinary(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was sent."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    said = b"slow:" + scope["path"].encode() + b":" + body[:20]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


class Recorder:
    """A short cut that keeps what it is offered and lets `react` decide."""

    def __init__(self, react: Callable[[Call, bytes, Answer], bool]) -> None:
        self.bodies: list[bytes] = []
        self._react = react

    def __call__(self, call: Call, body: bytes, answer: Answer) -> bool:
        self.bodies.append(body)
        return self._react(call, body, answer)


def at_once(_call: Call, _body: bytes, answer: Answer) -> bool:
    answer(HEAD, b"quick")
    return True


def never(_call: Call, _body: bytes, _answer: Answer) -> bool:
    return False


def faulty(_call: Call, _body: bytes, _answer: Answer) -> bool:
    raise ZeroDivisionError("inside")


def serving(quick: Recorder) -> AbstractAsyncContextManager[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    return connected(ordinary, http=protocol_with(quick, ("/q",), Senders([])))


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    """Return the body of the next answer."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return await asyncio.wait_for(reader.readexactly(length), 60)


def post(path: str, body: bytes, extra: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def test_a_taken_request_is_answered_with_a_date_like_any_other():
    quick = Recorder(at_once)
    async with serving(quick) as (reader, writer):
        writer.write(post("/q", b"hello"))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    assert head.startswith(HEAD)
    assert b"\r\ndate: " in head


async def test_a_body_that_comes_in_pieces_goes_the_ordinary_way():
    quick = Recorder(at_once)
    async with serving(quick) as (reader, writer):
        whole = post("/q", b"ab" * 100)
        writer.write(whole[:90])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(whole[90:])
        assert await answer_of(reader) == b"slow:/q:" + b"ab" * 10
    assert quick.bodies == []


@pytest.mark.parametrize("react", [never, faulty])
async def test_what_is_not_taken_goes_the_ordinary_way_with_its_body(react):
    async with serving(Recorder(react)) as (reader, writer):
        writer.write(post("/q", b"hello"))
        assert await answer_of(reader) == b"slow:/q:hello"


@pytest.mark.parametrize(
    "request_bytes",
    [
        post("/other", b"hello"),
        post("/q", b"x" * (MAX_BODY_BYTES + 1)),
        b"POST /q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        post("/%71", b"hello"),
        post("/q#part", b"hello"),
        post("/q", b"hello", "Connection: close\r\n"),
        b"POST /q HTTP/1.0\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=[
        "another path",
        "a large body",
        "chunks",
        "an escaped path",
        "a fragment",
        "the last one",
        "HTTP 1.0",
    ],
)
async def test_peculiar_requests_are_not_offered(request_bytes):
    quick = Recorder(at_once)
    async with serving(quick) as (reader, writer):
        writer.write(request_bytes)
        assert (await answer_of(reader)).startswith(b"slow:")
    assert quick.bodies == []


async def test_who_expects_to_be_told_to_go_on_is_told():
    async with serving(Recorder(at_once)) as (reader, writer):
        head, body = post("/q", b"hello", "Expect: 100-continue\r\n").split(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).startswith(b"HTTP/1.1 100")
        writer.write(body)
        assert await answer_of(reader) == b"slow:/q:hello"


async def test_pipelined_requests_are_answered_in_their_order():
    later: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def react(_call: Call, body: bytes, answer: Answer) -> bool:
        if body == b"first":
            later.set_result(answer)
            return True
        return at_once(_call, body, answer)

    quick = Recorder(react)
    async with serving(quick) as (reader, writer):
        writer.write(post("/q", b"first") + post("/q", b"second") + post("/slow", b"third"))
        (await later)(HEAD, b"later")
        answers = [await answer_of(reader) for _ in range(3)]
    # What waits behind another request goes the ordinary way: else each answer would be given inside the one before.
    assert answers == [b"later", b"slow:/q:second", b"slow:/slow:third"]


async def test_an_answer_to_somebody_who_has_gone_is_dropped():
    later: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def react(_call: Call, _body: bytes, answer: Answer) -> bool:
        later.set_result(answer)
        return True

    quick = Recorder(react)
    async with serving(quick) as (_reader, writer):
        writer.write(post("/q", b"hello"))
        answer = await later
        writer.close()
        await writer.wait_closed()
        answer(HEAD, b"later")
    assert quick.bodies == [b"hello"]


async def test_a_connection_serves_many_requests_of_both_kinds():
    async with serving(Recorder(at_once)) as (reader, writer):
        answers = []
        for number in range(50):
            writer.write(post("/q" if number % 2 else "/s", b"%d" % number))
            answers.append(await answer_of(reader))
    assert answers[:3] == [b"slow:/s:0", b"quick", b"slow:/s:2"]
    assert answers.count(b"quick") == 25


async def test_many_pipelined_requests_are_all_answered():
    async with serving(Recorder(at_once)) as (reader, writer):
        writer.write(post("/q", b"x") * 500)
        answers = [await answer_of(reader) for _ in range(500)]
    assert len(answers) == 500


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "without an end"])
async def test_a_head_that_is_too_large_is_refused(is_whole: bool):
    async with serving(Recorder(at_once)) as (reader, writer):
        head = b"POST /q HTTP/1.1\r\nHost: x\r\nX: " + b"a" * MAX_HEAD_BYTES
        writer.write(head + (b"\r\nContent-Length: 0\r\n\r\n" if is_whole else b"aa"))
        assert (await asyncio.wait_for(reader.read(), 60)).startswith(b"HTTP/1.1 431 ")


async def test_an_answer_in_pieces_of_a_head_that_is_not_too_large_comes():
    async with serving(Recorder(at_once)) as (reader, writer):
        whole = b"POST /q HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\nContent-Length: 30000\r\n\r\n"
        writer.write(whole + b"b" * 30_000)
        assert await answer_of(reader) in {b"quick", b"slow:/q:" + b"b" * 20}


@pytest.mark.parametrize("said", [b"", b"POST /q HT", b"POST /q HTTP/1.1\r\nHost: x\r\n"])
async def test_who_lets_a_head_wait_is_closed(said: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded_http, "HEAD_TIMEOUT_S", 0.05)
    monkeypatch.setattr(bounded_http, "SWEEP_S", 0.02)
    async with serving(Recorder(at_once)) as (reader, writer):
        writer.write(said)
        assert await asyncio.wait_for(reader.read(), 60) == b""


async def test_who_asks_nothing_more_after_an_answer_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded_http, "SWEEP_S", 0.02)
    http = protocol_with(Recorder(at_once), ("/q",), Senders([]))
    async with connected(ordinary, http=http, timeout_keep_alive=0) as (reader, writer):
        writer.write(post("/q", b"hello"))
        assert await answer_of(reader) == b"quick"
        assert await asyncio.wait_for(reader.read(), 60) == b""


async def test_where_it_is_crowded_who_says_nothing_goes_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded_http, "CROWDED", 1)
    monkeypatch.setattr(bounded_http, "HURRY_S", 0.0)
    async with serving(Recorder(at_once)) as (reader, writer):
        _, another = await asyncio.open_connection(*writer.get_extra_info("peername"))
        assert await asyncio.wait_for(reader.read(), 60) == b""
        another.close()


async def test_a_request_counts_although_its_sender_has_gone_right_after_it():
    offered = asyncio.Event()

    def react(_call: Call, _body: bytes, _answer: Answer) -> bool:
        offered.set()
        return True

    async with serving(Recorder(react)) as (_reader, writer):
        writer.write(post("/q", b"hello"))
        writer.close()
        async with asyncio.timeout(60):
            assert await offered.wait()


async def test_who_is_being_answered_when_the_server_ends_still_gets_the_answer():
    later: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def react(_call: Call, _body: bytes, answer: Answer) -> bool:
        later.set_result(answer)
        return True

    listener = socket.create_server(("127.0.0.1", 0))
    kind = protocol_with(react, ("/q",), Senders([]))
    server = uvicorn.Server(uvicorn.Config(ordinary, http=kind, lifespan="off", log_config=None, access_log=False))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # the test's process keeps its own
    task = asyncio.create_task(server.serve([listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(post("/q", b"hello"))
    answer = await later
    server.should_exit = True
    asyncio.get_running_loop().call_later(0.3, answer, HEAD, b"later")
    answered = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    await task
    assert answered.endswith(b"later")


def echo(call: Call, body: bytes, answer: Answer) -> bool:
    """Takes every second body, and answers as the ordinary way does."""
    if len(body) % 2:
        return False
    said = b"slow:" + call.path.encode() + b":" + body[:20]
    answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n" % len(said), said)
    return True


def echo_later(call: Call, body: bytes, answer: Answer) -> bool:
    asyncio.get_running_loop().call_later(0.001, echo, call, body + b"." * (len(body) % 2), answer)
    return True


REQUESTS = (
    post("/q", b""),
    post("/q", b"ab"),
    post("/q", b"abc"),
    post("/other", b"abcd"),
    post("/q%20", b"abcdef"),
    post("/q", b"x" * 3_000),
    b"GET /q?a=1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n2\r\nll\r\n0\r\n\r\n",
    b"POST /q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n0\r\n\r\n",
    post("/q", b"abcde", OFFER),
    post("/q", b"abcdef", OFFER),
    f"GET /q?a=1 HTTP/1.1\r\n{OFFER}\r\n".encode(),
)


def never_offered(_call: Call, _body: bytes, _answer: Answer) -> bool:
    return False


@pytest.mark.parametrize("react", [echo, echo_later])
@pytest.mark.parametrize("seed", range(12))
async def test_however_requests_are_cut_and_queued_the_answers_are_those_of_the_ordinary_way(react, seed: int):
    random = Random(seed)
    requests = random.choices(REQUESTS, k=40)
    sent = b"".join(requests)
    cuts = sorted(random.sample(range(1, len(sent)), 60))
    answers = []
    for short_cut in (never_offered, react):
        async with serving(Recorder(short_cut)) as (reader, writer):
            for start, end in pairwise((0, *cuts, len(sent))):
                writer.write(sent[start:end])
                await asyncio.sleep(random.choice((0, 0, 0.001)))
            got = [await answer_of(reader) for _ in requests]
        answers.append([one.rstrip(b".") for one in got])
    assert answers[0] == answers[1]


async def answers_until_end(reader: asyncio.StreamReader) -> list[bytes]:
    """Return the status lines of all answers until the server closes."""
    said = await asyncio.wait_for(reader.read(), 60)
    return [line for line in said.split(b"\r\n") if b"HTTP/1.1 " in line]


@pytest.mark.parametrize("length", [16_385, 65_000, MAX_HEAD_BYTES - 1, MAX_HEAD_BYTES, MAX_HEAD_BYTES + 1])
async def test_an_address_of_any_length_is_answered(length: int):
    async with serving(Recorder(never)) as (reader, writer):
        writer.write(b"GET /q?" + b"a" * (length - 3) + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert len(await answers_until_end(reader)) == 1


async def test_a_request_that_can_not_be_read_again_takes_nobody_with_it(monkeypatch: pytest.MonkeyPatch):
    read_again = QuickProtocol._read_again
    offered = Recorder(never)

    def broken(self: QuickProtocol, plain: object) -> None:
        if len(offered.bodies) == 1:
            raise ZeroDivisionError("inside")
        read_again(self, plain)  # type: ignore[arg-type]

    monkeypatch.setattr(QuickProtocol, "_read_again", broken)
    async with serving(offered) as (reader, writer):
        others = [await asyncio.open_connection(*writer.get_extra_info("peername")) for _ in range(5)]
        for _, one in ((reader, writer), *others):
            one.write(post("/q", b"hello"))
        assert await asyncio.wait_for(reader.read(), 60) == b""
        assert [await answer_of(other) for other, _ in others] == [b"slow:/q:hello"] * 5
        for _, one in others:
            one.close()


async def test_only_so_many_requests_wait_behind_another():
    later: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def react(_call: Call, _body: bytes, answer: Answer) -> bool:
        later.set_result(answer)
        return True

    async with serving(Recorder(react)) as (reader, writer):
        writer.write(post("/q", b"first") + post("/slow", b"x") * 1_000)
        (await later)(HEAD, b"later")
        assert len(await answers_until_end(reader)) == 1 + MAX_WAITING


async def test_requests_behind_each_other_may_be_more_than_a_head():
    async with serving(Recorder(at_once)) as (reader, writer):
        writer.write(post("/q", b"x" * 150) * 600)
        assert [await answer_of(reader) for _ in range(600)] == [b"quick"] * 600


@pytest.mark.parametrize("wrong", [b"\x00\x01\r\n\r\n", b"GET /q HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"])
@pytest.mark.parametrize("path", ["/q", "/slow"])
async def test_what_is_wrong_is_not_taken_for_the_answer_to_what_came_before(path: str, wrong: bytes):
    async with serving(Recorder(at_once)) as (reader, writer):
        writer.write(post(path, b"hello") + wrong)
        assert (await answers_until_end(reader))[0] == b"HTTP/1.1 200 OK"
