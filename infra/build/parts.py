"""The programs that some tests need and no lock can bring: how each is found, had, and what to do where it can't be."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from infra.build.checkout import VENV_PYTHON, BuildError, run, say
from infra.build.clients import find_clients, provide_clients

_APT = "run `make test` as root on Debian, or install it yourself"
_SYS_ADMIN = 21  # the number of the capability
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Part(NamedTuple):
    """A program behind a test marker. `find` is quick and changes nothing; `provide` installs or builds it."""

    name: str
    remedy: str
    find: Callable[[], Path | None]
    provide: Callable[[], None]


def find_chromium() -> Path | None:
    """Return the machine's Chromium."""
    return _first_on_path(*_CHROMIUM_NAMES)


def find_influxd() -> Path | None:
    """Return the influxd that was built earlier; to be called inside the environment only."""
    from infra.influxdb import server  # noqa: PLC0415 - needs packages, which the rest of this module must not

    return server.find_influxd()


def find_kafka() -> Path | None:
    """Return the folder of the Kafka fetched earlier, where Java is there too; inside the environment only."""
    from infra.kafka import distribution  # noqa: PLC0415 - needs packages, which the rest of this module must not

    found = distribution.find_kafka()
    return found.jars if found else None


def find_openssl() -> Path | None:
    """Return the program that makes the tests' certificates."""
    return _first_on_path("openssl")


def find_mount() -> Path | None:
    """Return the program that mounts, where this process may use it."""
    status = Path("/proc/self/status")
    words = status.read_text("utf-8") if status.is_file() else ""
    rights = next((line.split()[1] for line in words.splitlines() if line.startswith("CapEff:")), "0")
    return _first_on_path("mount") if int(rights, 16) >> _SYS_ADMIN & 1 else None


def provide_parts() -> None:
    """Bring every part that can be had here; a part that can't be had is told and left out."""
    for part in PARTS.values():
        try:
            part.provide()
        except BuildError as error:
            say(f"{error}\n{part.name} is missing; to have it, {part.remedy}")


def _provide_chromium() -> None:
    if find_chromium() is None:
        say("installing Chromium")
        _apt_install("chromium", "fonts-liberation")


def _provide_influxd() -> None:
    if shutil.which("go") is None:
        say("installing Go")
        _apt_install("golang-go")
    run([VENV_PYTHON, "-m", "infra.influxdb.server"], "Check that this machine reaches its Go module proxy.")


def _provide_kafka() -> None:
    # Maven of Debian brings a Java along; a Java alone is enough once the jars are there.
    if shutil.which("java") is None or shutil.which("mvn") is None:
        say("installing Java and Maven")
        _apt_install("default-jre-headless", "maven")
    run([VENV_PYTHON, "-m", "infra.kafka.distribution"], "Check that this machine reaches its Maven repository.")


def _provide_openssl() -> None:
    if find_openssl() is None:
        say("installing openssl")
        _apt_install("openssl")


def _apt_install(*packages: str) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise BuildError(f"{packages[0]} can only be installed here with apt-get, as root.")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    remedy = "Check that this machine reaches its package mirror."
    run(["apt-get", "update", "-qq"], remedy, env=quiet)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], remedy, env=quiet)


def _nothing() -> None:
    """Rights are not ours to give."""


def _first_on_path(*names: str) -> Path | None:
    found = [path for path in map(shutil.which, names) if path]
    return Path(found[0]) if found else None


PARTS: dict[str, Part] = {
    "browser": Part("Chromium", f"{_APT} (package chromium)", find_chromium, _provide_chromium),
    "influx": Part(
        "influxd", f"{_APT}: Go 1.19 or newer (package golang-go) builds it", find_influxd, _provide_influxd
    ),
    "clients": Part(
        "Segment's clients from npm",
        "run `make test` where the npm registry can be reached",
        find_clients,
        provide_clients,
    ),
    "kafka": Part(
        "Kafka", f"{_APT}: Java (default-jre-headless) and maven, which fetches its jars", find_kafka, _provide_kafka
    ),
    "openssl": Part("openssl", f"{_APT} (package openssl, 3.0 or newer)", find_openssl, _provide_openssl),
    "tmpfs": Part(
        "the right to mount", "run the tests as root, in a container with --cap-add SYS_ADMIN", find_mount, _nothing
    ),
}
