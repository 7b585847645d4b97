"""Listeners of a test broker that ask clients who they are: TLS, and a password or a certificate of theirs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_LOGIN = "org.apache.kafka.common.security"


class Listener(NamedTuple):
    """A listener over TLS beside the plain one. Files are PEM: `identity` holds the broker's key and certificate.

    With `users` (names to passwords) it asks for a password by one of the mechanisms; with `client_authority` it asks
    for a certificate that this authority has signed.
    """

    name: str
    identity: Path
    users: Mapping[str, str] | None = None
    client_authority: Path | None = None
    mechanisms: Sequence[str] = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

    @property
    def protocol(self) -> str:
        """Kafka's name of what is spoken on it."""
        return "SSL" if self.users is None else "SASL_SSL"

    def properties(self) -> dict[str, object]:
        """Return its part of server.properties."""
        values: dict[str, object] = {"ssl.keystore.type": "PEM", "ssl.keystore.location": self.identity}
        if self.client_authority is not None:
            values |= {
                "ssl.client.auth": "required",
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": self.client_authority,
            }
        if self.users is not None:
            values["sasl.enabled.mechanisms"] = ",".join(self.mechanisms)
            values |= {f"{one.lower()}.sasl.jaas.config": self._login(one) for one in self.mechanisms}
        return {f"listener.name.{self.name.lower()}.{name}": value for name, value in values.items()}

    def scram_users(self) -> Iterator[str]:
        """Yield what the format of a data folder has to be told: SCRAM's passwords are part of the cluster's data."""
        for user, password in (self.users or {}).items():
            for mechanism in self.mechanisms:
                if mechanism.startswith("SCRAM"):
                    yield f"{mechanism}=[name={user},password={password}]"

    def _login(self, mechanism: str) -> str:
        if mechanism != "PLAIN":
            return f"{_LOGIN}.scram.ScramLoginModule required;"
        known = " ".join(f'user_{user}="{password}"' for user, password in (self.users or {}).items())
        return f"{_LOGIN}.plain.PlainLoginModule required {known};"
