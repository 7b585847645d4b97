"""What librdkafka says when it is not let in, told as the setting; what may pass is told as none."""

import pytest
from confluent_kafka import KafkaError

from streams.log.kafka_access import hung_up, refusal, unusable, words_of
from streams.settings import LogSettings

AUTHENTICATION, SSL, TRANSPORT = KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError._TRANSPORT
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
HANDSHAKE = "SASL SCRAM-SHA-512 mechanism handshake failed: Broker: "
CASES = [
    (AUTHENTICATION, "SASL authentication error: Authentication failed", "log.sasl_username, log.sasl_password"),
    (AUTHENTICATION, f"{HANDSHAKE}Unsupported: broker's supported mechanisms: PLAIN", "log.sasl_mechanism"),
    (AUTHENTICATION, f"{HANDSHAKE}Not valid: broker's supported mechanisms:  ", "log.security_protocol"),
    (SSL, "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed", "log.ssl_ca_file"),
    (TRANSPORT, "ssl/tls alert bad certificate: SSL alert 42", "log.ssl_certificate_file, log.ssl_key_file"),
    (TRANSPORT, "tlsv13 alert certificate required: 116", "log.ssl_certificate_file, log.ssl_key_file"),
    (TRANSPORT, "tlsv1 alert unknown ca: SSL alert 48", "log.ssl_certificate_file, log.ssl_key_file"),
    (TRANSPORT, "SSL handshake failed: connecting to a PLAINTEXT broker listener?", "log.security_protocol"),
]


def settings(**values) -> LogSettings:
    return LogSettings(url="kafka://one:9092", sasl_username="engine", **values)


@pytest.mark.parametrize(("code", "words", "setting"), CASES)
def test_what_stays_refused_is_told_as_the_setting(code, words, setting):
    told = refusal(settings(), [DOWN, KafkaError(code, words)])
    assert (told.setting, str(told).startswith(f"{setting}: ")) == (setting, True)


@pytest.mark.parametrize("words", ["Connect to ipv4#1.2.3.4:9092 failed: Connection refused", "Disconnected"])
def test_what_may_pass_is_no_refusal(words):
    errors = [KafkaError(TRANSPORT, words), DOWN]
    assert (refusal(settings(), errors), hung_up(settings(), errors)) == (None, None)


def test_connections_that_end_without_a_word_hint_at_the_protocol():
    assert hung_up(settings(), [DOWN, DOWN]).setting == "log.security_protocol"


def test_silence_is_no_hint():
    assert hung_up(settings(), []) is None


def test_a_file_that_the_library_does_not_take_is_named_with_its_setting():
    error = KafkaError(KafkaError._INVALID_ARG, "Failed to create admin client: ssl.key.location failed: PEM lib")
    told = unusable(settings(ssl_key_file="key.pem", ssl_certificate_file="me.pem"), error)
    assert str(told).startswith("log.ssl_key_file: key.pem can't be used: PEM lib. ")


def test_any_other_doubt_of_the_library_is_passed_on():
    told = unusable(settings(), KafkaError(KafkaError._INVALID_ARG, "Failed to create admin client: no such thing"))
    assert "no such thing" in str(told)


def test_the_connection_is_left_out_of_the_words():
    error = KafkaError(TRANSPORT, "sasl_ssl://one:9092/bootstrap: Disconnected (after 3ms in state AUTH_REQ)")
    assert words_of(error) == "Disconnected"
