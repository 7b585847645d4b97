"""From a rendered message to the bytes that SMTP carries. Pure."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr

from sinks.rendering import Rendered
from streams.model.deliveries import Delivery


def mail_bytes(delivery: Delivery, message: Rendered, sender: str, reply_to: str, now_ms: int) -> bytes:
    """Return the mail, text and HTML in one. Raises ValueError when a header can't hold what it is given."""
    mail = EmailMessage(policy=SMTP)
    mail["Date"] = formatdate(now_ms / 1000)
    mail["From"] = sender
    mail["To"] = delivery.recipient
    mail["Subject"] = message.subject
    mail["Message-ID"] = message_id(delivery.id, sender)
    if reply_to:
        mail["Reply-To"] = reply_to
    if message.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-CampaignIQ-Delivery"] = delivery.id
    mail.set_content(message.text, cte="quoted-printable")
    if message.html:
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def message_id(delivery_id: str, sender: str) -> str:
    """Return the Message-ID, the same for every attempt, so that receivers can recognise a repeat."""
    return f"<{delivery_id}@{envelope_address(sender).rpartition('@')[2]}>"


def envelope_address(sender: str) -> str:
    """Return the bare address of a `Name <address>` line."""
    return parseaddr(sender)[1]
