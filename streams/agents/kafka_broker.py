"""What Faust needs to reach the log's Kafka: addresses, credentials, and a consumer that reads what is committed.

Faust's own consumer reads uncommitted records unless Faust itself runs transactions; what the engine commits would be
seen by its second stage before, or without, its commit.
"""

import ssl
from typing import Any, ClassVar

from aiokafka.errors import KafkaConnectionError  # type: ignore[import-untyped]  # aiokafka has no types
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.transport.drivers import TRANSPORTS, aiokafka
from yarl import URL

from streams.agents.app import STREAM_BUFFER_FRAMES, Membership
from streams.log.kafka_errors import KafkaLogError
from streams.model.errors import ConfigurationError
from streams.settings import LogSettings

SCHEME = "kafka-committed"
_FETCH_WAIT_MS = 50
"""So long the broker may hold an empty answer. A consumer waits for it before it asks for more of any partition, also
of those that it has used up meanwhile: with Faust's 1,500 ms, busy partitions stood still for quiet ones.
"""


class _CommittedThread(aiokafka.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # There are no settings for these; aiokafka looks at them when the consumer starts.
        consumer._isolation_level = "read_committed"  # noqa: SLF001  see above
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS  # noqa: SLF001  see above
        return consumer


class CommittedConsumer(aiokafka.Consumer):
    """Faust's consumer, blind to what is not committed."""

    def _new_consumer_thread(self) -> Any:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


class FirstContact(aiokafka.Producer):
    """Faust's producer: nothing is sent with it, but it is what Faust connects first."""

    async def on_start(self) -> None:
        """Connect. Raises KafkaLogError: the log's own client may get in where this one, with its own TLS, does not."""
        try:
            await super().on_start()
        except KafkaConnectionError as error:
            raise KafkaLogError(
                f"Faust does not get in at Kafka ({error}); aiokafka logged why. If Kafka runs, look at "
                "log.ssl_ca_file (give it, if it is empty), log.security_protocol and log.sasl_mechanism"
            ) from error


class CommittedTransport(aiokafka.Transport):
    """Faust's Kafka transport with those two."""

    Consumer: ClassVar[Any] = CommittedConsumer
    Producer: ClassVar[Any] = FirstContact


def register() -> None:
    """Make Faust know the scheme; calling it again changes nothing."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:CommittedTransport"


def kafka_membership(settings: LogSettings, worker_id: str, session_s: float) -> Membership:
    """Return the membership of one of several workers on Kafka; one that is not heard of for `session_s` has lost its
    partitions. Raises ConfigurationError.
    """
    register()
    options = {
        "broker_session_timeout": session_s,
        "broker_heartbeat_interval": session_s / 5,
        "broker_request_timeout": 3 * session_s,
        "broker_max_poll_records": STREAM_BUFFER_FRAMES,
        # Frames carry a checksum of their own.
        "broker_check_crcs": False,
        "consumer_auto_offset_reset": "earliest",
    }
    return Membership(options | broker_options(settings), worker_id, settings.namespace)


def broker_options(settings: LogSettings) -> dict[str, Any]:
    """Return the arguments of a Faust app that say how to reach Kafka. Raises ConfigurationError."""
    urls = [URL(f"{SCHEME}://{address}") for address in settings.bootstrap.split(",")]
    return {
        "broker": urls,
        "broker_credentials": credentials(settings),
        "broker_client_id": f"{settings.namespace}campaigniq-engine",
        "consumer_max_fetch_size": settings.max_record_bytes,
        "producer_max_request_size": settings.max_record_bytes,
    }


def credentials(settings: LogSettings) -> Credentials | None:
    """Return the credentials in Faust's terms; None where Kafka asks for none. Raises ConfigurationError."""
    context = _tls(settings) if settings.security_protocol.endswith("ssl") else None
    if settings.security_protocol.startswith("sasl"):
        return SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password.get_secret_value(),
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context is not None else None


def _tls(settings: LogSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file or None)
        if settings.ssl_certificate_file:
            # Without a password OpenSSL would ask for one on the terminal, and wait.
            context.load_cert_chain(
                settings.ssl_certificate_file, settings.ssl_key_file, settings.ssl_key_password.get_secret_value
            )
    except (OSError, ssl.SSLError) as error:
        files = f"{settings.ssl_ca_file} {settings.ssl_certificate_file} {settings.ssl_key_file}".split()
        raise ConfigurationError(
            "log.ssl_ca_file, log.ssl_certificate_file, log.ssl_key_file",
            f"{', '.join(files)} can't be used: {error}",
            "Give paths of PEM files that belong together, and log.ssl_key_password if the key has one",
        ) from error
    return context
