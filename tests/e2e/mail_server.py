"""A real SMTP server on this machine that keeps what it accepts."""

import socket
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller


class Mail(NamedTuple):
    """A mail as it was accepted."""

    to: str
    message: EmailMessage

    def text(self, kind: str = "plain") -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        return part.get_content()


class MailServer:
    """Use as a context manager; `wait_for` blocks until a mail to an address is there."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self._changed = threading.Condition()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        # The controller connects to the port it was given, so it can't be given 0.
        self._controller = Controller(self, hostname="127.0.0.1", port=self._port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        with self._changed:
            self.mails += [Mail(address, message) for address in envelope.rcpt_tos]
            self._changed.notify_all()
        return "250 kept"

    def __enter__(self) -> "MailServer":  # noqa: PYI034  never subclassed
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def settings(self) -> dict[str, object]:
        """What makes the platform send here."""
        return {"SMTP__HOST": "127.0.0.1", "SMTP__PORT": self._port, "SMTP__SECURITY": "none"}

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if mail.to == address]

    def wait_for(self, address: str, timeout_s: float) -> Mail:
        ends = time.monotonic() + timeout_s
        with self._changed:
            while not self.to(address):
                assert self._changed.wait(ends - time.monotonic()), f"no mail to {address} within {timeout_s} s"
        return self.to(address)[0]
