"""Where webhooks may go: https and public addresses only, so that nobody makes this machine call its own network."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from msgspec import Struct

from streams.model.errors import CampaignIqError


class TargetRefusedError(CampaignIqError):
    """The webhook address is one that must not be called."""


class Target(Struct, frozen=True):
    """A checked receiver. `address` is the IP address to connect to: asking the DNS again could give another."""

    host: str
    port: int
    address: str


async def resolve(url: str, *, allow_private: bool) -> Target:
    """Return where `url` leads. Raises TargetRefusedError, and OSError when its host is not found."""
    host, port = parse(url, allow_private=allow_private)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private and not all(_is_public(a) for a in addresses):
        raise TargetRefusedError(
            f"The webhook address {host} leads into a private network. If the receiver is your own, "
            "turn on allow_private_targets"
        )
    return Target(host, port, addresses[0])


def parse(url: str, *, allow_private: bool) -> tuple[str, int]:
    """Return host and port of `url`. Raises TargetRefusedError for what can't be called, wherever its host leads."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Without the cause, which quotes parts of an address that may hold a secret.
        raise TargetRefusedError("The webhook address is not a URL") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private):
        raise TargetRefusedError("The webhook address must start with https://")
    if parts.username is not None or not parts.hostname:
        raise TargetRefusedError("The webhook address needs a host and may hold no user name")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return all(i.is_global and not i.is_multicast for i in (ip, mapped) if i is not None)
