"""From which page a request comes, and whether a source allows that page. Browsers say it; programs may lie.

It keeps foreign pages from using a key that everybody can read, and stops nobody who is not a browser.
"""

from functools import lru_cache
from urllib.parse import urlsplit

from ingest.call import Head

_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


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
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.scheme not in _DEFAULT_PORTS or parts.username is not None or "@" in parts.netloc:
        return False
    shown = f"[{host}]" if ":" in host else host
    has_port = f":{port}" if port and f":{port}" != _DEFAULT_PORTS[parts.scheme] else ""
    plain = f"{parts.scheme}://{shown}{has_port}"
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
