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
_REFUSALS = range(400, 600)
_SIGN_IN_REFUSED = frozenset({530, 534, 535, 538})
_QUIT_TIMEOUT_S = 1.0


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
        """Say good-bye on every idle connection, on all at once: the process has little time to end."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(_quit, idle))

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
        except (SMTPException, OSError, TimeoutError) as error:
            if isinstance(error, SMTPResponseException) and error.code in _REFUSALS:
                await _reset(client)
                return _refusal(error)
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
        except (SMTPException, OSError, TimeoutError) as error:
            if isinstance(error, SMTPResponseException) and error.code in _REFUSALS:
                await _reset(client)
                return _refusal(error)
            # Whatever else it said, or did not say: the message may be on its way.
            client.close()
            return Unknown(
                "The mail server gave no clear answer to the message, so nobody knows whether it went out. "
                f"It is not sent again, so that nobody gets it twice. ({_text(error)})"
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


async def _quit(client: SMTP) -> None:
    try:
        await client.quit(timeout=_QUIT_TIMEOUT_S)
    except (SMTPException, OSError, TimeoutError) as error:
        _log.debug("the mail server did not answer QUIT: %s", error)
    client.close()


async def _reset(client: SMTP) -> None:
    """Make a connection usable after a refusal, or give it up."""
    try:
        if client.is_connected:
            await client.rset()
    except (SMTPException, OSError, TimeoutError):
        client.close()


def _text(error: BaseException) -> str:
    return _line(str(error)) or type(error).__name__


def _line(answer: str) -> str:
    """Return a server's words as one line that can be stored; bytes that are no text become question marks."""
    return " ".join(answer.encode(errors="replace").decode().split())[:300]


def _refusal(error: SMTPResponseException) -> Outcome:
    answer = f"{error.code} {_line(error.message)}"
    if error.code in _SIGN_IN_REFUSED:
        return Retry(f"The mail server wants a valid sign-in; check user and password. It answered: {answer}")
    if error.code >= _PERMANENT:
        return Rejected(f"The mail server refused the message: {answer}")
    return Retry(f"The mail server can't take the message now: {answer}")
