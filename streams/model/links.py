"""Tracked links of mails: what a token says, and that only this installation can have said it. Pure.

token = base64url(msgpack of Link + the first 128 bits of HMAC-SHA256 over it). It is signed, not encrypted: whoever has
the link can read it, as can whoever reads the mail that it came in.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

MAX_TOKEN_CHARS = 4_096
_MAC_BYTES = 16
_CONTEXT = b"campaigniq.links.v1\0"


class Link(Struct, frozen=True, array_like=True, gc=False):
    """Whom a mail was for and, for a click, where the link leads; `url` is empty for the open pixel."""

    workspace: str
    delivery: str
    campaign: str
    profile: str
    url: str = ""


class LinkSigner:
    """Makes and reads tokens. The first secret signs, all of them (two during a rotation) are believed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = tuple(secret.encode() for secret in secrets)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Link).decode

    def token(self, link: Link) -> str:
        """Return the token of a link; one with a `url` must be good by `is_web_address`."""
        payload = self._encode(link)
        return urlsafe_b64encode(payload + _mac(self._keys[0], payload)).decode().rstrip("=")

    def read(self, token: str) -> Link | None:
        """Return what a token says, None when this installation did not make it, just so."""
        packed = _unpacked(token)
        payload, mac = packed[:-_MAC_BYTES], packed[-_MAC_BYTES:]
        if not payload or not any(hmac.compare_digest(mac, _mac(key, payload)) for key in self._keys):
            return None
        try:
            link = self._decode(payload)
        except msgspec.MsgspecError:
            return None  # a form of another version
        return link if not link.url or is_web_address(link.url) else None


def is_web_address(url: str) -> bool:
    """Say whether a browser may be sent there: http or https, with a host and without what could end a header."""
    if not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, _CONTEXT + payload, hashlib.sha256)[:_MAC_BYTES]


def _unpacked(token: str) -> bytes:
    """Return a token's bytes; none when it is written in any but the one way that `token` writes them."""
    if len(token) > MAX_TOKEN_CHARS or not token.isascii():
        return b""
    try:
        packed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return b""
    return packed if urlsafe_b64encode(packed).decode().rstrip("=") == token else b""
