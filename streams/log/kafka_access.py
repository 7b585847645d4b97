"""Why Kafka does not let this client in: librdkafka's words told as the setting to look at. Connects to nothing.

Its error codes are few (a refused client certificate is a "transport failure"), so its words are looked at too.
"""

import re
from collections.abc import Iterable

from confluent_kafka import KafkaError

from streams.model.errors import ConfigurationError
from streams.settings import LogSettings

_USER = "log.sasl_username, log.sasl_password"
_PROTOCOL = "Set it to what that listener of Kafka's speaks, or log.url to another listener"
_OWN_FILES = "log.ssl_certificate_file, log.ssl_key_file"
# The broker's name before the words, and the age of the connection after them.
_AROUND = re.compile(r"^\S+/\S+: |\s*\(after \d+ms in state \w+\)")
_CERTIFICATE_REFUSED = re.compile(r"alert .*(certificate|unknown ca)", re.IGNORECASE)
_UNUSABLE = re.compile(r"(ssl\.(?:ca|certificate|key)\.location) failed: (.*)")
_FILES = {
    "ssl.ca.location": ("log.ssl_ca_file", "Give the path of a PEM file with the authority's certificate"),
    "ssl.certificate.location": (
        "log.ssl_certificate_file",
        "Give the path of a PEM file with this client's certificate",
    ),
    "ssl.key.location": (
        "log.ssl_key_file",
        "Give the path of a PEM file with the key of log.ssl_certificate_file, and log.ssl_key_password if it has one",
    ),
}


class NoBrokerAnswersError(ConfigurationError):
    """Nobody is there, as when Kafka is away."""


def words_of(error: KafkaError) -> str:
    """Return what the library says of it, without the connection it happened on."""
    return _AROUND.sub("", error.str())


def unusable(settings: LogSettings, error: KafkaError) -> ConfigurationError:
    """Return which setting kept the library from making a client at all."""
    found = _UNUSABLE.search(error.str())
    if found is None:
        return ConfigurationError("log", f"Kafka's client does not take it: {error.str()}", "Mend the setting it names")
    setting, remedy = _FILES[found[1]]
    path = getattr(settings, setting.removeprefix("log."))
    return ConfigurationError(setting, f"{path} can't be used: {found[2]}", remedy)


def refusal(settings: LogSettings, errors: Iterable[KafkaError]) -> ConfigurationError | None:
    """Return the setting that Kafka, or the check of its certificate, refuses for good; None if the errors may pass."""
    return next((found for found in (_refusal(settings, error) for error in errors) if found), None)


def hung_up(settings: LogSettings, errors: Iterable[KafkaError]) -> ConfigurationError | None:
    """Return the setting to look at if somebody listens there, and ends every connection without a word."""
    codes = {error.code() for error in errors}
    if codes != {KafkaError._ALL_BROKERS_DOWN}:  # noqa: SLF001  the library's public constant
        return None
    problem = f"who listens at {settings.bootstrap} hangs up on a client that speaks {settings.security_protocol}"
    return ConfigurationError("log.security_protocol", problem, _PROTOCOL)


def _refusal(settings: LogSettings, error: KafkaError) -> ConfigurationError | None:
    words, address = words_of(error), settings.bootstrap
    if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001  the library's public constant
        return _not_authenticated(settings, words)
    if "certificate verify failed" in words:
        authority = settings.ssl_ca_file or "an authority that this system trusts"
        return ConfigurationError(
            "log.ssl_ca_file",
            f"the certificate at {address} is not signed by {authority}, has expired, or is for another host",
            "Give the PEM file of the authority that signed it, and in log.url a name that the certificate has",
        )
    if _CERTIFICATE_REFUSED.search(words):
        own = settings.ssl_certificate_file
        problem = f"Kafka does not take {own}" if own else "Kafka asks for a certificate, and there is none"
        return ConfigurationError(
            _OWN_FILES, f"{problem} ({words})", "Give a certificate that Kafka's authority has signed, and its key"
        )
    if "PLAINTEXT broker listener" in words:
        problem = f"who listens at {address} does not speak TLS, and this says {settings.security_protocol}"
        return ConfigurationError("log.security_protocol", problem, _PROTOCOL)
    return None


def _not_authenticated(settings: LogSettings, words: str) -> ConfigurationError:
    if "mechanism handshake failed" not in words:
        remedy = "Give the name and password of a user that Kafka knows"
        return ConfigurationError(_USER, f"Kafka does not let {settings.sasl_username} in ({words})", remedy)
    _, _, offered = words.partition("supported mechanisms:")
    if offered.strip():
        problem = f"Kafka does not offer {settings.sasl_mechanism}, but {offered.strip()}"
        return ConfigurationError("log.sasl_mechanism", problem, "Set it to one of those")
    problem = f"who listens at {settings.bootstrap} asks for no user, and this says {settings.security_protocol}"
    return ConfigurationError("log.security_protocol", problem, _PROTOCOL)
