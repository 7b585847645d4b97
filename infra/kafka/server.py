"""A real Kafka (KRaft, one or three brokers) on loopback, for tests and development, without containers.

Ends only the processes it started. Not part of the running platform.
"""

import base64
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.kafka.distribution import TEST_HEAP_MIB, Distribution, KafkaUnavailableError
from infra.kafka.properties import Ports, broker_properties
from infra.kafka.security import Listener

_FORMAT_TIMEOUT_S = 60
_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 20


class Broker:
    """One broker, which can be killed and started again on the same port with its data."""

    def __init__(self, kafka: Distribution, home: Path, ports: Ports, heap_mib: int) -> None:
        self.ports = ports
        self.bootstrap = f"127.0.0.1:{ports.client}"
        self._home = home
        self._command = kafka.command(heap_mib, "kafka.Kafka", home / "server.properties")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id. Raises KafkaUnavailableError when it does not run."""
        if not self.is_running():
            raise KafkaUnavailableError(f"the broker {self.bootstrap} does not run: {self.last_words()}")
        assert self._process is not None
        return self._process.pid

    def is_running(self) -> bool:
        """Say whether the process exists (it may be paused)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, on its port and with its data; does not wait until it answers."""
        if self.is_running():
            return
        with (self._home / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self._home)  # noqa: S603 - ours

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Shut it down in order; killed when that takes too long."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal(signal.SIGCONT)

    def last_words(self) -> str:
        """Return the end of what it logged."""
        log = self._home / "broker.log"
        return log.read_text(encoding="utf-8", errors="replace")[-1_000:] if log.is_file() else ""

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(number)
        # A paused process would not notice that it is to end.
        self._signal(signal.SIGCONT)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class Cluster:
    """Brokers that belong together."""

    def __init__(self, brokers: list[Broker], secured: Sequence[Listener] = ()) -> None:
        self.brokers = brokers
        self.bootstrap = ",".join(broker.bootstrap for broker in brokers)
        self._secured = [listener.name for listener in secured]

    def bootstrap_of(self, listener: str) -> str:
        """Return the addresses of a secured listener."""
        at = self._secured.index(listener)
        return ",".join(f"127.0.0.1:{broker.ports.secured[at]}" for broker in self.brokers)

    def start(self) -> None:
        """Start all brokers and wait until they answer. Raises KafkaUnavailableError."""
        for broker in self.brokers:
            broker.start()
        self.wait_ready()

    def wait_ready(self, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Wait until every broker has joined and answers. Raises KafkaUnavailableError."""
        deadline = time.monotonic() + timeout_s
        # Before a port is open a client only backs off, and then answers late.
        while time.monotonic() < deadline and not all(_accepts(broker) for broker in self.brokers):
            self.check_alive()
            time.sleep(0.05)
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})
        while time.monotonic() < deadline:
            self.check_alive()
            try:
                if len(admin.list_topics(timeout=1).brokers) == len(self.brokers):
                    return
            except KafkaException:
                continue
            time.sleep(0.1)
        raise KafkaUnavailableError(f"Kafka did not answer within {timeout_s:.0f} s: {self.brokers[0].last_words()}")

    def stop(self) -> None:
        """Shut all brokers down: at once, as the last of a quorum can't leave in order."""
        for broker in self.brokers if len(self.brokers) > 1 else []:
            broker.kill()
        for broker in self.brokers:
            broker.stop()

    def check_alive(self) -> None:
        """Raise KafkaUnavailableError when a broker has died, with its last words."""
        for broker in self.brokers:
            assert broker.pid


def make_cluster(
    kafka: Distribution,
    home: Path,
    brokers: int = 1,
    port: int = 0,
    heap_mib: int = TEST_HEAP_MIB,
    secured: Sequence[Listener] = (),
) -> Cluster:
    """Lay out a cluster below `home`, keeping the data that is there; `port` 0 takes free ones.

    Brokers take the ports from `port` on, their controllers the ports 10 above, each of the listeners in `secured` the
    next 10. The users of those listeners are fixed when the data is made. Raises KafkaUnavailableError.
    """
    ports = _ports_from(port, brokers, len(secured)) if port else _free_ports(brokers, len(secured))
    identity = home / "cluster.id"
    home.mkdir(parents=True, exist_ok=True)
    if not identity.is_file():
        identity.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="), encoding="utf-8")
    made = []
    for node, mine in enumerate(ports, 1):
        folder = home / f"broker-{node}"
        folder.mkdir(exist_ok=True)
        (folder / "server.properties").write_text(broker_properties(node, ports, folder, secured), encoding="utf-8")
        if not (folder / "data" / "meta.properties").is_file():
            _format(kafka, folder, identity.read_text(encoding="utf-8"), secured)
        made.append(Broker(kafka, folder, mine, heap_mib))
    return Cluster(made, secured)


@contextmanager
def running_kafka(
    kafka: Distribution,
    brokers: int = 1,
    port: int = 0,
    data: Path | None = None,
    heap_mib: int = TEST_HEAP_MIB,
    secured: Sequence[Listener] = (),
) -> Iterator[Cluster]:
    """Run a cluster; stops it on leaving, and removes its data unless `data` names where to keep them.

    Raises KafkaUnavailableError when it does not come up.
    """
    with ExitStack() as stack:
        if data is None:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="campaigniq-kafka-")))
        cluster = make_cluster(kafka, data, brokers, port, heap_mib, secured)
        stack.callback(cluster.stop)
        cluster.start()
        yield cluster


def _format(kafka: Distribution, folder: Path, cluster_id: str, secured: Sequence[Listener]) -> None:
    arguments = [f"--cluster-id={cluster_id}", f"--config={folder / 'server.properties'}"]
    # Two listeners may share a user, whom Kafka takes once only.
    users = {user: None for listener in secured for user in listener.scram_users()}
    arguments += [f"--add-scram={user}" for user in users]
    command = kafka.command(256, "kafka.tools.StorageTool", "format", *arguments)
    done = subprocess.run(  # noqa: S603 - fixed arguments
        command, capture_output=True, text=True, timeout=_FORMAT_TIMEOUT_S, check=False, cwd=folder
    )
    if done.returncode != 0:
        raise KafkaUnavailableError(f"Kafka's data folder can't be made: {(done.stdout + done.stderr).strip()[-500:]}")


def _accepts(broker: Broker) -> bool:
    host, port = broker.bootstrap.split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=0.2):
            return True
    except OSError:
        return False


def _ports_from(port: int, brokers: int, secured: int) -> list[Ports]:
    return [
        Ports(port + n, port + 10 + n, tuple(port + 10 * at + n for at in range(2, 2 + secured)))
        for n in range(brokers)
    ]


def _free_ports(brokers: int, secured: int) -> list[Ports]:
    each = 2 + secured
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(each * brokers)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        numbers = [one.getsockname()[1] for one in sockets]
    mine = [numbers[each * n : each * (n + 1)] for n in range(brokers)]
    return [Ports(first, second, tuple(others)) for first, second, *others in mine]
