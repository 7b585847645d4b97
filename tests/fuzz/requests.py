"""Strategies for requests to the front door: nearly right ones, ones that are wrong in one place, and nonsense."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from ingest.vendors.registry import VENDORS
from streams.model.links import Link
from tests.contract.test_webhook_vendors import FOLDER, request_of
from tests.fuzz.door import SERVER_KEY, SIGNER, STRICT_KEY, WEB_KEY, Request
from tests.fuzz.messages import CALLS, any_message, any_text, envelopes, json_values, weird

BATCHES = ("batch", "import", "b")


def dumped(value: Any, *, ascii_only: bool = True) -> bytes:
    """Return JSON as careless encoders write it: with NaN, and with halves of surrogate pairs."""
    return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


_Spoil = Callable[[bytes, int, bytes], tuple[bytes, bytes]]
ENCODINGS = (b"gzip", b"br", b"deflate", b"identity", b"gzip, gzip", b"\xff", b"zstd")
# Each is given a body, a place in it and a few bytes; it returns a body and its Content-Encoding.
SPOILS: tuple[_Spoil, ...] = (
    *[lambda body, _, __: (body, b"")] * 20,
    lambda body, place, _: (body[:place], b""),
    lambda body, place, some: (body[:place] + some[:1] + body[place + 1 :], b""),
    lambda body, place, some: (body[:place] + some + body[place:], b""),
    lambda body, _, __: (b"\xef\xbb\xbf" + body, b""),
    lambda body, _, __: (body + body, b""),
    lambda body, _, __: (body.decode("utf-8", "replace").encode("utf-16"), b""),
    lambda body, _, __: (b"[" * 100_000 + body, b""),
    lambda body, place, _: (gzip.compress(body, 1)[: -place % 16 or None], b"gzip"),
    lambda body, _, __: (gzip.compress(body, 1) + gzip.compress(body, 1), b"gzip"),
    lambda body, _, __: (BOMB + gzip.compress(body, 1), b"gzip"),
    lambda body, _, __: (zlib.compress(body), b"gzip"),
    lambda body, place, _: (body, ENCODINGS[place % len(ENCODINGS)]),
    lambda _, __, some: (some, b""),
    *[lambda body, _, __: (gzip.compress(body, 1), b"gzip")] * 5,
)
BOMB = gzip.compress(b" " * 3_000_000, 9)


@st.composite
def spoiled(draw: st.DrawFn, body: bytes) -> tuple[bytes, bytes]:
    """Return a body that is what it was or wrong in one place, and its Content-Encoding."""
    spoil = draw(st.sampled_from(SPOILS))
    return spoil(body, draw(st.integers(0, max(0, len(body) - 1))), draw(st.binary(max_size=8)))


@st.composite
def heads(draw: st.DrawFn, encoding: bytes = b"") -> tuple[tuple[bytes, bytes], ...]:
    """Return headers: who sends, in the ways that there are, and some that say strange things."""
    found = [(b"host", draw(st.sampled_from([b"door", b"[::1", b"", b"a b", b"\xff", b"door:x"])))]
    if encoding:
        found.append((b"content-encoding", encoding))
    key = draw(
        st.sampled_from([*[WEB_KEY] * 5, SERVER_KEY, SERVER_KEY, STRICT_KEY, STRICT_KEY, "wrong", "", "\x00", "é"])
    )
    how = draw(st.integers(0, 9))
    if how < 7:
        found.append((b"authorization", b"Basic " + base64.b64encode(f"{key}:".encode())))
    elif how == 7:
        value = st.sampled_from([b"Basic", b"Basic \xff", b"Basic ====", b"Bearer x", b"basic Og==", b"Basic /w=="])
        found.append((b"authorization", draw(value)))
    strange = st.sampled_from(
        [
            (b"sec-gpc", b"1"), (b"dnt", b"1"), (b"origin", b"null"), (b"origin", b"https://[::1"),
            (b"origin", b"https://shop.example"), (b"origin", b"https://shop.example"),
            (b"user-agent", b"\xff" * 600), (b"user-agent", b"Googlebot/2.1"), (b"x-forwarded-for", b"1.2.3.4, \xff"),
            (b"content-type", b"text/plain; charset=\xff"), (b"content-type", b"application/x-www-form-urlencoded"),
            (b"cookie", b"_ciq=" + b"x" * 4_000), (b"content-length", b"-1"), (b"if-none-match", b"*"),
            (b"sec-purpose", b"prefetch"), (b"accept-encoding", b"gzip"), (b"referer", b"https://[::1/\xff"),
        ]
    )  # fmt: skip
    return (*found, *draw(st.lists(strange, max_size=2)))


def chunked(body: bytes, cut: int) -> tuple[bytes, ...]:
    return (body[:cut], body[cut:])


@st.composite
def calls(draw: st.DrawFn) -> Request:
    """Calls of Segment's API."""
    if draw(st.booleans()):
        path, value = (
            f"/v1/{draw(st.sampled_from(BATCHES))}",
            draw(envelopes if draw(st.integers(0, 5)) else any_message),
        )
    else:
        path, value = f"/v1/{draw(st.sampled_from(CALLS))}", draw(any_message)
    body, encoding = draw(spoiled(dumped(value, ascii_only=draw(st.booleans()))))
    query = draw(st.sampled_from([b"", b"", b"", f"k={WEB_KEY}".encode(), b"k=wrong", b"k=%ff", b"&&=&k", b"k=" * 200]))
    return Request("POST", path, query, draw(heads(encoding)), chunked(body, draw(st.integers(0, 50))))


@st.composite
def pictures(draw: st.DrawFn) -> Request:
    """Pixels: ours, Segment's, and those of mails with the links beside them."""
    how = draw(st.integers(0, 4))
    headers = draw(heads())
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD"]))
    if how == 0:
        pairs = st.tuples(st.sampled_from("eaumptr") | st.sampled_from(["utm_source", "utm_x", "k"]), weird | any_text)
        told = [(key, str(value).encode("utf-8", "surrogatepass")) for key, value in draw(st.lists(pairs, max_size=5))]
        return Request(method, "/p.gif", urlencode([("k", WEB_KEY), ("a", "a1"), *told]).encode()[:20_000], headers)
    if how == 1:
        data = base64.b64encode(dumped(draw(any_message)))[:30_000]
        cut = draw(st.integers(0, 3))
        path = f"/v1/pixel/{draw(st.sampled_from([*CALLS, 'batch', 'x']))}"
        return Request(method, path, urlencode({"data": data[: len(data) - cut], "k": WEB_KEY}).encode(), headers)
    if how == 2:
        path = f"/v1/projects/{quote(draw(st.just(WEB_KEY) | any_text).encode('utf-8', 'surrogatepass'))}/settings"
        return Request(method, path, b"", headers)
    target = draw(st.sampled_from(["", "https://s.example/é?a=1", "https://s.example/\r\nx: y", "javascript:x"]))
    profile = draw(st.sampled_from(["user:1", "anon:a", "email:a@b.c", "", "custom:", "x", "\x1f", "device:"]))
    token = SIGNER.token(Link("ws", "d", "c", profile, target))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(token)))
        token = token[:place] + quote(draw(any_text).encode("utf-8", "surrogatepass")) + token[place + 1 :]
    path = draw(st.sampled_from([f"/c/{token}", f"/o/{token}.gif", f"/o/{token}"]))
    return Request(method, path, draw(st.sampled_from([b"", b"u=https://evil.example", b"%ff"])), headers)


@cache
def vectors(kind: str) -> list[Any]:
    return [request_of(sample) for sample in json.loads((FOLDER / f"{kind}.json").read_bytes())]


def _places(value: Any, path: tuple = ()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in _places(item, (*path, key)))]


def _with(value: Any, path: tuple, new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _with(copy[path[0]], path[1:], new)
    return copy


@st.composite
def webhooks(draw: st.DrawFn) -> Request:
    """What vendors send, with one or two values of it replaced; whether it is signed is the test's to decide."""
    kind = draw(st.sampled_from(sorted(VENDORS)))
    sample = draw(st.sampled_from(vectors(kind)))
    body = sample.raw
    try:
        value = json.loads(body)
    except ValueError:
        body, _ = draw(spoiled(body))
    else:
        for _ in range(draw(st.integers(0, 2))):
            value = _with(value, draw(st.sampled_from(_places(value))), draw(json_values))
        body = dumped(value, ascii_only=draw(st.booleans()))
        if draw(st.integers(0, 4)) == 0:
            body, _ = draw(spoiled(body))
    headers = {key.encode(): value.encode("latin-1", "replace") for key, value in sample.headers.items()}
    headers[b"host"] = draw(st.sampled_from([b"door", b"door", b"[::1", b"", b"a b"]))
    if draw(st.integers(0, 4)) == 0:
        headers[draw(st.sampled_from(sorted(headers)))] = draw(st.binary(max_size=20))
    path = f"/webhooks/{draw(st.sampled_from([f'hook-{kind}'] * 8 + ['nobody', 'site']))}"
    query = sample.url.partition("?")[2].encode() + draw(st.sampled_from([b"", b"", b"", b"&x=\x80", b"&[=#"]))
    method = draw(st.sampled_from([sample.method] * 6 + ["GET", "HEAD"]))
    return Request(method, path, query, tuple(headers.items()), chunked(body, draw(st.integers(0, 50))))


@st.composite
def nonsense(draw: st.DrawFn) -> Request:
    """Any method and any path."""
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "HEAD", "X"]))
    start = draw(
        st.sampled_from(["/v1/", "/v1", "/o/", "/c/", "/p.gif", "/pixel.js", "/webhooks/", "/", "*", "//v1/track"])
    )
    rest = quote(draw(any_text).encode("utf-8", "surrogatepass"))
    return Request(method, start + rest, draw(st.binary(max_size=10)), draw(heads()), (draw(st.binary(max_size=30)),))
