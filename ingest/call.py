"""A request's head read once, with as little as possible: what the busiest calls are asked for."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qsl

from msgspec import Struct


class Address(Protocol):
    """Who is at the other end of the connection."""

    @property
    def host(self) -> str: ...


class Head(Protocol):
    """What is asked of a request's head; Starlette's Request offers it too."""

    @property
    def method(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def query_params(self) -> Mapping[str, str]: ...
    @property
    def client(self) -> Address | None: ...


class Peer(Struct, frozen=True, gc=False):
    """A network address."""

    host: str


_ASKED = {
    name.encode(): name
    for name in ("authorization", "content-encoding", "dnt", "origin", "referer", "sec-gpc", "user-agent")
}


class Call:
    """The head of a request that came from `sender`; of a header that comes twice the first counts. Those that are
    never asked for are not there: a browser sends a dozen, and to read them all takes time.
    """

    __slots__ = ("_query", "client", "headers", "method", "path", "query_string")

    def __init__(
        self, method: str, path: str, query_string: bytes, headers: Sequence[tuple[bytes, bytes]], sender: str
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.headers: Mapping[str, str] = {
            _ASKED[name]: value.decode("latin-1") for name, value in reversed(headers) if name in _ASKED
        }
        self.client = Peer(sender)
        self._query: Mapping[str, str] | None = None

    @property
    def query_params(self) -> Mapping[str, str]:
        """The query's fields, the last of each name."""
        if self._query is None:
            self._query = query_of(self.query_string)
        return self._query


def query_of(raw: bytes) -> dict[str, str]:
    """Return the fields of a query, the last of each name. Raises UnicodeDecodeError for what is no UTF-8."""
    text = raw.decode()
    if "%" in text or "+" in text:
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict"))
    return dict([field.partition("=")[::2] for field in text.split("&") if field])
