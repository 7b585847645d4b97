"""E-mail over SMTP, at most once: what was handed over without an answer is never handed over again."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from sinks.channels.mime import envelope_address, mail_bytes, message_id
from sinks.rendering import Rendered
from sinks.settings import SmtpSettings
from streams.model.deliveries import Delivery, Outcome, Rejected, Retry, Sent, Unknown

_log = logging.getLogger(__name__)
_PERMANENT = 500
_SIGN_IN_REFUSED = frozenset({530, 534, 535, 538})
_QUIT_TIMEOUT_S = 2.0


class SmtpChannel:
    """A few connections, opened when needed and kept open. Not idempotent: SMTP has no key to refuse a repeat by."""

    name = "smtp"
    idempotent = False

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._sender = envelope_address(settings.from_address)
        self._slots = asyncio.Semaphore(settings.connections)
        self._idle: list[SMTP] = []

    @property
    def concurrency(self) -> int:
        """One message a connection: whoever waited for one would only lose time."""
        return self._settings.connections

    async def send(self, delivery: Delivery, message: Rendered, now_ms: int) -> Outcome:
        settings = self._settings
        try:
            mail = mail_bytes(delivery, message, settings.from_address, settings.reply_to, now_ms)
        except ValueError as error:
            return Rejected(f"The message can't be written as an e-mail: {error}")
        try:
            async with AsyncExitStack() as held:
                async with asyncio.timeout(settings.timeout_s):
                    await held.enter_async_context(self._slots)
                    client = await held.enter_async_context(self._connection())
                    refused = await self._open_envelope(client, delivery.recipient)
                return refused or await self._hand_over(client, mail, message_id(delivery.id, settings.from_address))
        except TimeoutError:
            return Retry(f"The mail server did not take the message within {settings.timeout_s:g} s")

    async def close(self) -> None:
        """Say good-bye on every idle connection."""
        while self._idle:
            client = self._idle.pop()
            try:
                await client.quit(timeout=_QUIT_TIMEOUT_S)
            except (SMTPException, OSError) as error:
                _log.debug("the mail server did not answer QUIT: %s", error)
            client.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[SMTP]:
        """Lend a connection; one that is still open afterwards is kept for the next message."""
        client = self._idle.pop() if self._idle else self._new_client()
        try:
            yield client
        except BaseException:
            client.close()
            raise
        if client.is_connected:
            self._idle.append(client)

    async def _open_envelope(self, client: SMTP, recipient: str) -> Outcome | None:
        """Get as far as the mail server wanting the message; nothing has gone out when this returns an outcome."""
        try:
            await self._greet(client)
        except (SMTPException, OSError, TimeoutError) as error:
            client.close()
            return Retry(f"The mail server can't be reached or does not let us in: {_text(error)}")
        try:
            await client.mail(self._sender)
            await client.rcpt(recipient)
        except SMTPResponseException as error:
            await _reset(client)
            return _refusal(error)
        except (SMTPException, OSError, TimeoutError) as error:
            client.close()
            return Retry(f"The connection to the mail server broke before the message: {_text(error)}")
        return None

    async def _greet(self, client: SMTP) -> None:
        """Make sure of a living connection; a server may have closed an idle one without our noticing."""
        if client.is_connected:
            try:
                await client.rset()
            except (SMTPException, OSError, TimeoutError):
                client.close()
        if not client.is_connected:
            await client.connect()

    async def _hand_over(self, client: SMTP, mail: bytes, mail_id: str) -> Outcome:
        try:
            await client.data(mail, timeout=self._settings.answer_timeout_s)
        except SMTPResponseException as error:
            await _reset(client)
            return _refusal(error)
        except (SMTPException, OSError, TimeoutError) as error:
            client.close()
            return Unknown(
                "The connection to the mail server broke while the message was handed over, so nobody knows whether it "
                f"went out. It is not sent again, so that nobody gets it twice. ({_text(error)})"
            )
        return Sent(mail_id)

    def _new_client(self) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.user or None,
            password=settings.password.get_secret_value() or None,
            # A fixed name, since the library's own look-up asks the DNS and may take seconds.
            local_hostname=settings.ehlo_name or socket.gethostname() or "localhost",
            timeout=settings.timeout_s,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
        )


async def _reset(client: SMTP) -> None:
    """Make a connection usable after a refusal, or give it up."""
    try:
        if client.is_connected:
            await client.rset()
    except (SMTPException, OSError, TimeoutError):
        client.close()


def _text(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _refusal(error: SMTPResponseException) -> Outcome:
    answer = f"{error.code} {' '.join(error.message.split())[:300]}"
    if error.code in _SIGN_IN_REFUSED:
        return Retry(f"The mail server wants a valid sign-in; check user and password. It answered: {answer}")
    if error.code >= _PERMANENT:
        return Rejected(f"The mail server refused the message: {answer}")
    return Retry(f"The mail server can't take the message now: {answer}")
