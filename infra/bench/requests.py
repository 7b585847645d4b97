"""What the load generator sends: the calls of a shop's visitors, each with a message id of its own."""

from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from itertools import count

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
        "Mobile/15E148 Safari/604.1"
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
)
_ID = "0123456789abcdef"
"""Stands in the templates where the message's number comes."""
BATCH_EVENTS = 20
KINDS = ("hello", "single", "gif", "batch")
_VISITORS = 600


class Template(NamedTuple):
    """A request in parts; between them stand the numbers of its messages, each as long as `_ID`."""

    parts: tuple[bytes, ...]

    def with_numbers(self, numbers: "count[int]") -> bytes:
        """Return the request's bytes with the next numbers as message ids."""
        first, *rest = self.parts
        return first + b"".join(b"%016x" % next(numbers) + part for part in rest)


def templates(kind: str, key: str) -> list[Template]:
    """Return requests of the kind, in the proportions of a shop's visitors; `key` is a web source's."""
    if kind == "hello":
        # The same bytes as a single call, so that reading them costs the same.
        return [_post("/", _json(_message(n)), key, n) for n in range(_VISITORS)]
    if kind == "single":
        return [_post(f"/v1/{(m := _message(n))['type']}", _json(m), key, n) for n in range(_VISITORS)]
    if kind == "gif":
        return [
            _get(f"/p.gif?k={key}&e=page_viewed&a=visitor-{n}&m={_ID}&p=/tea/{n % 50}", n) for n in range(_VISITORS)
        ]
    batches = ([_message(n * BATCH_EVENTS + m) for m in range(BATCH_EVENTS)] for n in range(_VISITORS))
    sent = {"sentAt": "2026-01-31T12:00:00.100Z"}
    return [_post("/v1/batch", _json({"batch": batch, **sent}), key, n) for n, batch in enumerate(batches)]


def _message(number: int) -> dict[str, object]:
    path = f"/tea/{number % 50}"
    page = {"path": path, "url": f"https://shop.example{path}", "title": "Tea", "referrer": "https://search.example/"}
    message: dict[str, object] = {
        "messageId": _ID,
        "anonymousId": f"visitor-{number % 5_000}",
        "context": {
            "page": page,
            "sessionId": f"session-{number % 5_000}",
            "library": {"name": "campaigniq-pixel", "version": "1"},
        },
    }
    product = {"product_id": f"p{number % 50}", "name": "Tea", "price": 19.9, "currency": "EUR", "category": "tea"}
    match number % 10:
        case 0:
            return message | {"type": "track", "event": "Product Added", "properties": product | {"quantity": 1}}
        case 1 | 2 | 3:
            return message | {"type": "track", "event": "Product Viewed", "properties": product}
        case 4:
            return message | {"type": "identify", "userId": f"user-{number % 5_000}", "traits": {"plan": "free"}}
        case _:
            return message | {"type": "page", "properties": {}}


def _json(value: object) -> bytes:
    return orjson.dumps(value)


def _post(path: str, body: bytes, key: str, number: int) -> Template:
    basic = b64encode(f"{key}:".encode()).decode()
    lines = (
        f"POST {path} HTTP/1.1",
        *_head(number),
        f"Authorization: Basic {basic}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return _template(lines, body)


def _get(path: str, number: int) -> Template:
    return _template((f"GET {path} HTTP/1.1", *_head(number)), b"")


def _head(number: int) -> Sequence[str]:
    return ("Host: 127.0.0.1", f"User-Agent: {_AGENTS[number % len(_AGENTS)]}", "Accept: */*")


def _template(lines: Sequence[str], body: bytes) -> Template:
    return Template(tuple(("\r\n".join(lines).encode() + b"\r\n\r\n" + body).split(_ID.encode())))
