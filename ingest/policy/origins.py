"""From which page a request comes, and whether a source allows that page. Browsers say it; programs may lie.

It keeps foreign pages from using a key that everybody can read, and stops nobody who is not a browser.
"""

import re
from functools import lru_cache

from ingest.call import Head

_DEFAULT_PORTS = {"https": "443", "http": "80"}
# As browsers write it, and nothing that one reader of addresses takes for a part of the host and another for its end.
_ORIGIN = re.compile(r"(https?)://([a-z0-9_](?:[a-z0-9._-]{0,253})|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?")


def origin_of(request: Head) -> str:
    """Return the page's origin: the Origin header, else what the Referer tells of it, else nothing."""
    headers = request.headers
    origin = headers.get("origin")
    if origin is not None:
        return origin[:300].lower()
    referer = headers.get("referer", "")[:2_000]
    scheme, has_scheme, rest = referer.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0].partition('#')[0]}".lower() if has_scheme else ""


@lru_cache(maxsize=4_096)
def is_allowed(origin: str, allowed: tuple[str, ...]) -> bool:
    """Say whether one of the forms of SourcePolicy.allowed_origins fits the origin."""
    if origin in allowed:
        return True
    told = _ORIGIN.fullmatch(origin)
    if told is None:
        return False
    scheme, host, port = told.groups()
    has_port = f":{port}" if port and port != _DEFAULT_PORTS[scheme] else ""
    plain = f"{scheme}://{host}{has_port}"
    return any(_fits(plain, host, has_port, form) for form in allowed)


def _fits(plain: str, host: str, has_port: str, form: str) -> bool:
    if "*." not in form:
        return form == plain
    scheme, has_scheme, pattern = form.rpartition("://")
    if has_scheme and not plain.startswith(f"{scheme}://"):
        return False
    name, colon, port = pattern.removeprefix("*.").partition(":")
    if (has_scheme or colon) and f"{colon}{port}" != has_port:
        return False  # without a scheme any port is meant
    return host == name or host.endswith(f".{name}")
