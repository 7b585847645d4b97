"""From a rendered message to the bytes that SMTP carries. Pure.

Written out here: `email.message` parses every header it is given and takes 3 ms a mail, which is most of what a mail
costs.
"""

from binascii import b2a_qp
from email.header import Header
from email.utils import formataddr, formatdate, parseaddr

from sinks.rendering import Rendered
from sinks.tracking import with_pixel
from streams.model.deliveries import Delivery

_MAX_LINE_CHARS = 998  # RFC 5322, 2.1.1
_FOLD_AT = 68


def mail_bytes(delivery: Delivery, message: Rendered, sender: str, reply_to: str, now_ms: int) -> bytes:
    """Return the mail, text and HTML in one. Raises ValueError when a header can't hold what it is given."""
    headers = [
        ("Date", formatdate(now_ms / 1000)),
        ("From", formataddr(parseaddr(sender))),
        ("To", delivery.recipient),
        ("Message-ID", message_id(delivery.id, sender)),
    ]
    if reply_to:
        headers.append(("Reply-To", formataddr(parseaddr(reply_to))))
    if message.unsubscribe_url:
        headers.append(("List-Unsubscribe", f"<{message.unsubscribe_url}>"))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    headers += [("Auto-Submitted", "auto-generated"), ("X-CampaignIQ-Delivery", delivery.id), ("MIME-Version", "1.0")]
    lines = [_header(name, value) for name, value in headers]
    return b"".join((*lines, _subject(message.subject), _body(delivery, message)))


def message_id(delivery_id: str, sender: str) -> str:
    """Return the Message-ID, the same for every attempt, so that receivers can recognise a repeat."""
    return f"<{delivery_id}@{envelope_address(sender).rpartition('@')[2]}>"


def envelope_address(sender: str) -> str:
    """Return the bare address of a `Name <address>` line."""
    return parseaddr(sender)[1]


def _header(name: str, value: str) -> bytes:
    _check_one_line(name, value)
    if len(name) + 2 + len(value) > _MAX_LINE_CHARS:
        raise ValueError(f"{name} is longer than a mail's line may be")
    return f"{name}: {value}\r\n".encode("ascii")


def _subject(text: str) -> bytes:
    """Return the subject's header; what is not ASCII, or long, in encoded words (RFC 2047)."""
    _check_one_line("Subject", text)
    if not text.isascii() or len(text) > _FOLD_AT:
        text = Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n")
    return f"Subject: {text}\r\n".encode("ascii")


def _check_one_line(name: str, value: str) -> None:
    if any(c in value for c in "\r\n\0"):
        raise ValueError(f"{name} holds a line break")


def _body(delivery: Delivery, message: Rendered) -> bytes:
    if not message.html:
        return _part("plain", message.text)
    # "=_" can't stand in quoted-printable text, so no part can hold the boundary.
    boundary = f"=_{delivery.id}".encode("ascii")
    return b"".join(
        (
            b'Content-Type: multipart/alternative; boundary="%b"\r\n\r\n' % boundary,
            b"--%b\r\n" % boundary + _part("plain", message.text),
            # The line break before a boundary is the boundary's.
            b"\r\n--%b\r\n" % boundary + _part("html", with_pixel(message.html, message.pixel)),
            b"\r\n--%b--\r\n" % boundary,
        )
    )


def _part(subtype: str, text: str) -> bytes:
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    lines = b"\r\n".join(text.encode().splitlines()) + b"\r\n"
    return head.encode("ascii") + b2a_qp(lines, istext=True)
