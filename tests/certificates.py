"""Throw-away authorities and what they sign, as PEM files; made by `openssl`: tests with them have its marker."""

import subprocess
from pathlib import Path
from typing import NamedTuple

_CONFIG = """[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Signed(NamedTuple):
    """A certificate and its key, each in a file; `both` has the two in one."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs for a day."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.certificate = folder / f"{name}.pem"
        self._key = folder / f"{name}-key.pem"
        self._config = folder / f"{name}.cnf"
        self._config.write_text(_CONFIG, encoding="utf-8")
        self._request(self.certificate, self._key, name, "-extensions", "authority")

    def sign(self, name: str, *, address: str | None = None, password: str | None = None) -> Signed:
        """Make a key, encrypted where there is a password, and its certificate, valid for one IP address if given."""
        made = Signed(*(self._folder / f"{name}{ending}.pem" for ending in ("", "-key", "-both")))
        words: list[str | Path] = ["-extensions", "leaf", "-CA", self.certificate, "-CAkey", self._key]
        if address is not None:
            words += ["-addext", f"subjectAltName=IP:{address}"]
        self._request(made.certificate, made.key, name, *words, password=password)
        made.both.write_bytes(made.key.read_bytes() + made.certificate.read_bytes())
        return made

    def _request(
        self, certificate: Path, key: Path, name: str, *words: str | Path, password: str | None = None
    ) -> None:
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        told = ["-config", self._config, "-subj", f"/CN={name}", "-days", "1", "-keyout", key, "-out", certificate]
        argv = ["openssl", "req", "-x509", *kind, *secret, *told, *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
