"""How the log's settings become librdkafka's configuration, and its names Kafka's. Reads no file and no environment."""

import logging
from typing import Any, NamedTuple

from streams.settings import LogSettings

logger = logging.getLogger("streams.log.kafka")

Config = dict[str, Any]


def client_config(settings: LogSettings) -> Config:
    """Return what producers, consumers and the admin client share: where Kafka is, and how to be let in."""
    config: Config = {
        "bootstrap.servers": settings.bootstrap,
        "client.id": f"{settings.namespace}campaigniq",
        "security.protocol": settings.security_protocol,
        "socket.keepalive.enable": True,
        # A broker that comes back is found again within a second.
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 4,
        "logger": logger,
    }
    if settings.security_protocol.startswith("sasl"):
        config["sasl.mechanism"] = settings.sasl_mechanism
        config["sasl.username"] = settings.sasl_username
        config["sasl.password"] = settings.sasl_password.get_secret_value()
    if settings.security_protocol.endswith("ssl"):
        files = {
            "ssl.ca.location": settings.ssl_ca_file,
            "ssl.certificate.location": settings.ssl_certificate_file,
            "ssl.key.location": settings.ssl_key_file,
            "ssl.key.password": settings.ssl_key_password.get_secret_value(),
        }
        config |= {name: value for name, value in files.items() if value}
    return config


def producer_config(settings: LogSettings) -> Config:
    """Return the configuration of a producer that loses nothing and repeats nothing."""
    return client_config(settings) | {
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": settings.compression,
        "message.timeout.ms": int(settings.delivery_timeout_s * 1000),
        "message.max.bytes": settings.max_record_bytes,
        "linger.ms": 2,
        # The bound on what waits is ours, in records and bytes: the queue's own would cut an append in two.
        "queue.buffering.max.messages": 0,
        "queue.buffering.max.kbytes": 2_147_483_647,
    }


def writer_config(settings: LogSettings, transactional_id: str) -> Config:
    """Return the configuration of a transactional producer."""
    return producer_config(settings) | {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": int(settings.transaction_timeout_s * 1000),
        # Sooner than the transaction, so that an attempt can still be taken back before Kafka does it; but not much:
        # a broker that was away may know nothing of the attempt, and then refuses to take it back, for good.
        "message.timeout.ms": int(settings.transaction_timeout_s * 800),
        # commit_transaction confirms them all; reports of each would be work for nothing.
        "delivery.report.only.error": True,
    }


def consumer_config(settings: LogSettings, group: str) -> Config:
    """Return the configuration of a consumer that sees what is committed, and commits only what it is told to."""
    return client_config(settings) | {
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "max.poll.interval.ms": 600_000,
        "fetch.max.bytes": max(32 << 20, settings.max_record_bytes),
        "receive.message.max.bytes": max(32 << 20, settings.max_record_bytes) + (1 << 20),
        "max.partition.fetch.bytes": max(4 << 20, settings.max_record_bytes),
    }


class Names(NamedTuple):
    """What things are called on Kafka."""

    namespace: str

    def topic(self, name: str) -> str:
        """Return the topic's name on Kafka."""
        return self.namespace + name

    def logical(self, topic: str) -> str:
        """Return the name that a topic on Kafka has here."""
        return topic.removeprefix(self.namespace)

    def group(self, name: str) -> str:
        """Return the name of a consumer group, and of a writer's transactions."""
        return f"{self.namespace}campaigniq.{name}"
