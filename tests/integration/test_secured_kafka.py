"""TLS, passwords and client certificates on a real Kafka, with both clients; what is refused names the setting."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.kafka.security import Listener
from infra.kafka.server import Cluster, running_kafka
from infra.settings import PREFIX
from streams.agents import kafka_broker
from streams.frames import encode_events
from streams.log.kafka import KafkaEventLog
from streams.log.kafka_admin import TopicAdmin
from streams.log.kafka_errors import KafkaLogError
from streams.log.topics import EVENTS, ROLLUPS, STATE
from streams.model.errors import ConfigurationError
from streams.ports import NewRecord
from streams.settings import LogSettings
from streams.state import codec
from tests.certificates import Authority
from tests.chaos.records import newest_by_key
from tests.chaos.workers import WorkerProcess
from tests.kafka import faust_reader, found_kafka  # noqa: F401 - one is a fixture
from tests.unit.streams.builders import event

pytestmark = [pytest.mark.kafka, pytest.mark.openssl, pytest.mark.timeout(300)]

LIMIT_S = 60
# "password" is by SCRAM-SHA-512, the default.
WAYS = ("password", "certificate", *(pytest.param(way, marks=pytest.mark.slow) for way in ("scram-256", "plain")))
USER, PASSWORD, KEY_PASSWORD = "engine", "kafka's password", "the key's"
_installations = count()


class Secured(NamedTuple):
    """A broker with a listener for passwords, one that knows PLAIN alone, and one for client certificates."""

    cluster: Cluster
    folder: Path

    def values(self, way: str = "password", **other: object) -> dict[str, object]:
        """Return settings that get in, but for those in `other`."""
        listener = {"plain": "SIMPLE", "certificate": "MUTUAL"}.get(way, "PASSWORD")
        values: dict[str, object] = {
            "url": f"kafka://{self.cluster.bootstrap_of(listener)}",
            "partitions": 1,
            "namespace": f"secured{next(_installations)}.",
            "connect_timeout_s": 8,
            "ssl_ca_file": self.file("authority"),
        }
        if way == "certificate":
            values |= {"security_protocol": "ssl", **self.own("client"), "ssl_key_password": KEY_PASSWORD}
        else:
            values |= {"security_protocol": "sasl_ssl", "sasl_username": USER, "sasl_password": PASSWORD}
        mechanism = {"plain": "PLAIN", "scram-256": "SCRAM-SHA-256"}.get(way)
        return values | ({"sasl_mechanism": mechanism} if mechanism else {}) | other

    def settings(self, way: str = "password", **other: object) -> LogSettings:
        return LogSettings(**self.values(way, **other))

    def own(self, name: str) -> dict[str, str]:
        return {"ssl_certificate_file": self.file(name), "ssl_key_file": self.file(f"{name}-key")}

    def file(self, name: str) -> str:
        return str(self.folder / f"{name}.pem")


@pytest.fixture(scope="module")
def secured(kafka_jars, tmp_path_factory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder, "authority")
    authority.sign("client", password=KEY_PASSWORD)
    Authority(folder, "stranger").sign("from-stranger")
    identity = authority.sign("broker", address="127.0.0.1").both
    users = {USER: PASSWORD}
    listeners = [
        Listener("PASSWORD", identity, users),
        Listener("SIMPLE", identity, users, mechanisms=["PLAIN"]),
        Listener("MUTUAL", identity, client_authority=authority.certificate),
    ]
    with running_kafka(kafka_jars, secured=listeners) as cluster:
        yield Secured(cluster, folder)


def record(value: bytes, topic: str = EVENTS, key: bytes | None = None) -> NewRecord:
    return NewRecord(topic, 0, key, value, int(time.time() * 1000))


async def opened(settings: LogSettings) -> KafkaEventLog:
    await asyncio.to_thread(TopicAdmin(settings).check, create=True)
    return await KafkaEventLog(settings).open()


async def next_of(subscription) -> list[bytes | None]:
    async with asyncio.timeout(LIMIT_S):
        while not (found := await subscription.poll(timeout_s=0.2)):
            pass
    return [one.value for one in found]


@pytest.mark.parametrize("way", WAYS)
async def test_the_log_appends_reads_commits_and_follows(secured, way):
    log = await opened(secured.settings(way))
    member = log.subscribe("members", [EVENTS])
    writer = await log.open_writer("p0")
    await log.append([record(b"appended")])
    await writer.commit([record(b"committed", STATE, b"k")])
    assert await log.wait({(STATE, 0): 0}, LIMIT_S)
    found = [one.value for name in (EVENTS, STATE) for one in await log.read(name, 0, 0, 10)]
    assert (found, await next_of(member)) == ([b"appended", b"committed"], [b"appended"])
    await member.commit()
    assert await log.committed("members", EVENTS) == {0: 1}
    await member.close()
    await log.close()


@pytest.mark.parametrize("way", WAYS)
async def test_faust_reads_what_is_committed(secured, way, tmp_path):
    settings = secured.settings(way)
    log = await opened(settings)
    await (await log.open_writer("p0")).commit([record(b"seen", ROLLUPS)])
    seen: asyncio.Queue[bytes] = asyncio.Queue()
    app = faust_reader(settings, tmp_path)

    async def read(stream) -> None:
        async for value in stream:
            seen.put_nowait(value)

    app.agent(app.topic(f"{settings.namespace}{ROLLUPS}", value_type=bytes, value_serializer="raw"))(read)
    app.finalize()
    async with app:
        first = await asyncio.wait_for(seen.get(), LIMIT_S)
    await log.close()
    assert first == b"seen"


async def test_faust_says_where_to_look_when_it_alone_is_refused(secured, tmp_path):
    app = faust_reader(secured.settings(ssl_ca_file=secured.file("stranger")), tmp_path)
    # The part of a starting app that connects first; a whole one that fails there leaves a loop open.
    with pytest.raises(KafkaLogError, match=r"look at log\.ssl_ca_file"):
        await asyncio.wait_for(app.producer.start(), LIMIT_S)
    await app.producer.stop()


def environment(values: dict[str, object]) -> dict[str, str]:
    return {f"LOG__{name.upper()}": str(value) for name, value in values.items()}


def run(values: dict[str, object], *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = os.environ | {PREFIX + name: value for name, value in environment(values).items()}
    argv = [sys.executable, "-m", "infra", *arguments]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=LIMIT_S)


@pytest.mark.parametrize("way", ["password", "certificate"])
def test_a_worker_takes_events_from_topics_that_the_command_made(secured, way, tmp_path):
    values = secured.values(way)
    assert run(values, "topics", "--create").returncode == 0
    worker = WorkerProcess(tmp_path / "worker", environment(values))
    worker.start()
    try:
        asyncio.run(send(LogSettings(**values), int(time.time() * 1000)))
        deadline = time.monotonic() + LIMIT_S
        # What it wrote is read by the listener that asks nobody who they are.
        plain, state = secured.cluster.bootstrap, f"{values['namespace']}{STATE}"
        while not (found := [key for key in newest_by_key(plain, state, 0) if codec.is_profile_key(key)]):
            assert worker.is_running, worker.reason()
            assert time.monotonic() < deadline
            time.sleep(0.3)
        assert (len(found), worker.stop()) == (1, True), worker.reason()
    finally:
        worker.kill()


async def send(settings: LogSettings, now_ms: int) -> None:
    log = await KafkaEventLog(settings).open()
    await log.append([record(encode_events([event("page_viewed", now_ms)], now_ms))])
    await log.close()


REFUSED: dict[str, tuple[str, dict[str, object], str]] = {
    "a wrong password": ("password", {"sasl_password": "guessed"}, "log.sasl_username, log.sasl_password: "),
    "a wrong password in clear": ("plain", {"sasl_password": "guessed"}, "log.sasl_username, log.sasl_password: "),
    "an unknown user": ("password", {"sasl_username": "nobody"}, "log.sasl_username, log.sasl_password: "),
    "another mechanism": ("plain", {"sasl_mechanism": "SCRAM-SHA-512"}, "log.sasl_mechanism: "),
    "an authority that did not sign": ("password", {"ssl_ca_file": "stranger"}, "log.ssl_ca_file: "),
    "the system's authorities": ("password", {"ssl_ca_file": ""}, "log.ssl_ca_file: "),
    "a file that is not there": ("password", {"ssl_ca_file": "missing"}, "log.ssl_ca_file: "),
    "no certificate": (
        "certificate",
        {"ssl_certificate_file": "", "ssl_key_file": ""},
        "log.ssl_certificate_file, log.ssl_key_file: Kafka asks for a certificate",
    ),
    "a stranger's certificate": (
        "certificate",
        {"ssl_certificate_file": "from-stranger", "ssl_key_file": "from-stranger-key"},
        "log.ssl_certificate_file, log.ssl_key_file: Kafka does not take ",
    ),
    "a key without its password": ("certificate", {"ssl_key_password": ""}, "log.ssl_key_file: "),
    "a key of another certificate": ("certificate", {"ssl_key_file": "from-stranger-key"}, "log.ssl_key_file: "),
    "no TLS": ("password", {"security_protocol": "plaintext"}, "log.security_protocol: "),
    "a password without TLS": ("password", {"security_protocol": "sasl_plaintext"}, "log.security_protocol: "),
    "TLS without a password": ("password", {"security_protocol": "ssl"}, "log.security_protocol: "),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_refused_is_told_in_time_by_the_setting(secured, what):
    way, other, words = REFUSED[what]
    files = {name: secured.file(str(value)) for name, value in other.items() if name.endswith("_file") and value}
    settings = secured.settings(way, **(other | files))
    started = time.monotonic()
    with pytest.raises(ConfigurationError) as refused:
        await KafkaEventLog(settings).open()
    assert str(refused.value).startswith(words)
    assert time.monotonic() - started < settings.connect_timeout_s + 10


async def test_a_certificate_for_another_host_is_refused(secured):
    settings = secured.settings()
    with pytest.raises(ConfigurationError, match=r"^log\.ssl_ca_file: .* is for another host"):
        await KafkaEventLog(settings.model_copy(update={"url": settings.url.replace("127.0.0.1", "localhost")})).open()


@pytest.mark.parametrize("protocol", ["ssl", "sasl_ssl", "sasl_plaintext"])
async def test_a_listener_that_asks_for_less_is_told(secured, protocol):
    settings = secured.settings(url=f"kafka://{secured.cluster.bootstrap}", security_protocol=protocol)
    with pytest.raises(ConfigurationError, match=r"^log\.security_protocol: who listens at "):
        await KafkaEventLog(settings).open()


@pytest.mark.parametrize("command", ["topics", "worker"])
def test_a_command_ends_with_the_setting_and_without_the_password(secured, command, tmp_path):
    data = ["--data", str(tmp_path)] if command == "worker" else []
    done = run(secured.values(sasl_password="guessed"), command, *data)
    assert (done.returncode, done.stderr.splitlines()[-1].partition(": Kafka")[0]) == (
        2,
        "campaigniq: log.sasl_username, log.sasl_password",
    )
    assert "guessed" not in done.stdout + done.stderr


def test_a_key_without_its_password_is_refused_and_not_asked_for(secured):
    with pytest.raises(ConfigurationError, match=r"log\.ssl_key_password"):
        kafka_broker.credentials(secured.settings("certificate", ssl_key_password=""))


async def test_a_killed_broker_lets_the_same_clients_in_again(secured):
    log = await opened(secured.settings(delivery_timeout_s=60))
    member = log.subscribe("members", [EVENTS])
    writer = await log.open_writer("p0")
    await log.append([record(b"before")])
    assert await next_of(member) == [b"before"]
    secured.cluster.brokers[0].kill()
    await asyncio.to_thread(secured.cluster.start)
    await log.append([record(b"after")])
    await writer.commit([record(b"committed", STATE, b"k")])
    assert await next_of(member) == [b"after"]
    await member.close()
    await log.close()
