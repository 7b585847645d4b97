"""Who knocks: the source, and what a request's head tells about its sender beside the body."""

from msgspec import Struct

from ingest.call import Head
from ingest.sources import WEB, Source


class Caller(Struct, frozen=True, gc=False):
    """The sender of one request. `via` is a kind of call ("track", ...), "gif", "link" or "webhook". `address` is the
    whole network address and `user_agent` the browser's name; both are empty where a server speaks for people.
    """

    source: Source
    via: str
    address: str = ""
    user_agent: str = ""
    opts_out: bool = False
    """The browser asks by Global Privacy Control or Do Not Track not to be recorded, and the source honours it."""


def caller_of(request: Head, source: Source, via: str) -> Caller:
    """Return who sent the request to `source`."""
    if source.kind != WEB:
        return Caller(source, via)
    headers = request.headers
    asks = headers.get("sec-gpc") == "1" or headers.get("dnt") == "1"
    address = request.client.host if request.client else ""
    return Caller(source, via, address, headers.get("user-agent", "")[:512], asks and source.policy.honours_opt_out)
