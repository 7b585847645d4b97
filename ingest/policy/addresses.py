"""Network addresses: read, and shortened so that they name a neighbourhood instead of a household."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_MAX_CHARS = 64
_V4_BITS, _V6_BITS = 24, 48
KEEP, TRUNCATE = "keep", "truncate"


@lru_cache(maxsize=4_096)
def kept_address(address: str, mode: str) -> str:
    """Return what may be kept of the address: all of it, its /24 or /48 network, or nothing (as of no address)."""
    if mode not in (KEEP, TRUNCATE):
        return ""
    parsed = _parsed(address)
    if parsed is None:
        return ""
    if mode == KEEP:
        return str(parsed)
    bits = _V4_BITS if parsed.version == 4 else _V6_BITS  # noqa: PLR2004  the protocols' names
    return str(ip_network((parsed.packed, bits), strict=False).network_address)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    text = address[:_MAX_CHARS].strip().partition("%")[0]  # behind it is the name of a network card
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
