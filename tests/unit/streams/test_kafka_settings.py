"""How settings of the log reach both of its Kafka clients, and what is refused with which words."""

import ssl

import certifi
import pytest
from pydantic import ValidationError

from streams.agents.kafka_broker import broker_options, credentials
from streams.log.kafka_admin import topic_config
from streams.log.kafka_settings import Names, client_config, consumer_config, producer_config, writer_config
from streams.log.topics import EVENTS, STATE, TOPICS
from streams.model.errors import ConfigurationError
from streams.settings import LogSettings

SASL = {"sasl_username": "engine", "sasl_password": "secret", "sasl_mechanism": "SCRAM-SHA-256"}


def settings(**values) -> LogSettings:
    return LogSettings(url="kafka://one:9092,two:9093", **values)


def test_all_addresses_reach_both_clients():
    assert client_config(settings())["bootstrap.servers"] == "one:9092,two:9093"
    assert [(url.host, url.port) for url in broker_options(settings())["broker"]] == [("one", 9092), ("two", 9093)]


def test_without_security_no_credentials_are_sent():
    assert not [name for name in client_config(settings()) if name.startswith(("sasl", "ssl"))]
    assert credentials(settings()) is None


def test_user_and_password_reach_both_clients():
    wanted = settings(security_protocol="sasl_plaintext", **SASL)
    config, told = client_config(wanted), credentials(wanted)
    assert (config["security.protocol"], config["sasl.mechanism"]) == ("sasl_plaintext", "SCRAM-SHA-256")
    assert (config["sasl.username"], config["sasl.password"]) == (told.username, told.password) == ("engine", "secret")
    assert (told.protocol.value, told.mechanism.value) == ("SASL_PLAINTEXT", "SCRAM-SHA-256")


def test_a_user_over_tls_is_checked_against_the_authority():
    authority = certifi.where()
    wanted = settings(security_protocol="sasl_ssl", ssl_ca_file=authority, **SASL)
    assert client_config(wanted)["ssl.ca.location"] == authority
    told = credentials(wanted)
    assert (told.protocol.value, told.ssl_context.verify_mode) == ("SASL_SSL", ssl.CERT_REQUIRED)


def test_tls_alone_is_told_to_both_clients():
    wanted = settings(security_protocol="ssl")
    assert (client_config(wanted)["security.protocol"], credentials(wanted).protocol.value) == ("ssl", "SSL")


def test_a_client_certificate_reaches_kafkas_client():
    files = {"ssl_certificate_file": "me.pem", "ssl_key_file": "key.pem", "ssl_key_password": "word"}
    config = client_config(settings(security_protocol="ssl", **files))
    named = [config[f"ssl.{name}"] for name in ("certificate.location", "key.location", "key.password")]
    assert named == ["me.pem", "key.pem", "word"]


def test_files_that_are_no_certificates_are_named():
    with pytest.raises(ConfigurationError, match=r"log\.ssl_ca_file.*no/such\.pem"):
        credentials(settings(security_protocol="ssl", ssl_ca_file="no/such.pem"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"url": "kafka://"}, "String should match"),
        ({"url": "http://one:9092"}, "String should match"),
        ({"security_protocol": "sasl_ssl"}, "needs sasl_username"),
        ({"ssl_key_file": "key.pem"}, "go together"),
    ],
)
def test_what_can_not_work_is_refused(values, words):
    with pytest.raises(ValidationError, match=words):
        LogSettings(**values)


def test_nothing_is_lost_or_doubled_by_configuration():
    producer = producer_config(settings(compression="zstd"))
    assert (producer["acks"], producer["enable.idempotence"], producer["compression.type"]) == ("all", True, "zstd")
    consumer = consumer_config(settings(), "group")
    assert (consumer["isolation.level"], consumer["enable.auto.commit"]) == ("read_committed", False)


def test_a_commit_gives_records_up_before_kafka_gives_up_the_transaction():
    config = writer_config(settings(delivery_timeout_s=300, transaction_timeout_s=20), "name")
    assert config["message.timeout.ms"] < config["transaction.timeout.ms"] == 20_000


def test_a_writer_does_not_give_an_attempt_up_for_a_short_outage():
    config = writer_config(settings(delivery_timeout_s=2, transaction_timeout_s=60), "name")
    assert config["message.timeout.ms"] > 40_000


def test_the_namespace_stands_before_every_name():
    names = Names("shop.")
    assert names.topic(EVENTS) == f"shop.{EVENTS}"
    assert names.logical(f"shop.{EVENTS}") == EVENTS
    assert names.group("metrics") == "shop.campaigniq.metrics"


def test_the_bound_on_a_topics_size_is_shared_by_its_partitions():
    config = topic_config(TOPICS[EVENTS], settings(partitions=16))
    assert int(config["retention.bytes"]) == TOPICS[EVENTS].retention_bytes // 16


def test_state_is_compacted_and_never_expires():
    config = topic_config(TOPICS[STATE], settings())
    assert config["cleanup.policy"] == "compact"
    assert "retention.ms" not in config
