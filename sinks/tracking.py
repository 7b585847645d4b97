"""Mails tell that they were opened and which of their links was followed. Pure; templates know nothing of it."""

import re
from html import escape, unescape

from sinks.settings import MessageSettings
from streams.model.deliveries import Delivery
from streams.model.links import Link, LinkSigner, is_web_address

_MAX_URL_CHARS = 2_000
"""Longer addresses are cut off by some mail programs."""
_HREF = re.compile(r'(<a\b[^>]*?\shref=")([^"]*)(")', re.IGNORECASE)
_PIXEL = '<img src="{}" width="1" height="1" alt="" style="width:1px;height:1px;border:0;opacity:0;">'


class MailTracking:
    """Wraps links and makes open pixels, as the settings allow. `base_url` is where ingest is reached from outside."""

    def __init__(self, signer: LinkSigner, base_url: str, settings: MessageSettings) -> None:
        self._signer = signer
        self._base_url = base_url.rstrip("/")
        self._settings = settings

    def wrapped(self, html: str, delivery: Delivery, unsubscribe_url: str) -> str:
        """Return the mail with its links to web pages led through here, but the one that leads out of the list."""
        if not self._settings.track_clicks:
            return html
        kept = {unsubscribe_url, ""}

        def wrap(found: re.Match[str]) -> str:
            url = unescape(found[2]).strip()
            tracked = "" if url in kept or not is_web_address(url) else self._click_url(delivery, url)
            return f"{found[1]}{escape(tracked)}{found[3]}" if tracked else found[0]

        return _HREF.sub(wrap, html)

    def pixel(self, delivery: Delivery) -> str:
        """Return the picture that tells of an open as HTML, an empty string when opens are not to be told."""
        if not self._settings.track_opens:
            return ""
        return _PIXEL.format(f"{self._base_url}/o/{self._signer.token(_link(delivery))}.gif")

    def _click_url(self, delivery: Delivery, url: str) -> str:
        tracked = f"{self._base_url}/c/{self._signer.token(_link(delivery, url))}"
        return tracked if len(tracked) <= _MAX_URL_CHARS else ""


def with_pixel(html: str, pixel: str) -> str:
    """Return the mail with the picture at its end."""
    head, end, tail = html.rpartition("</body>")
    return f"{head}{pixel}{end}{tail}" if end else html + pixel


def _link(delivery: Delivery, url: str = "") -> Link:
    return Link(delivery.workspace, delivery.id, delivery.campaign, delivery.profile, url)
