"""The configuration of a small KRaft cluster on loopback: every broker is a controller too."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from infra.kafka.security import Listener


class Ports(NamedTuple):
    """Where a broker listens; `secured` has a port for each further listener."""

    client: int
    controller: int
    secured: tuple[int, ...] = ()


def broker_properties(node: int, ports: list[Ports], home: Path, secured: Sequence[Listener] = ()) -> str:
    """Return server.properties of broker `node` (from 1) of a cluster that listens on `ports`."""
    mine = ports[node - 1]
    further = [f"{one.name}://127.0.0.1:{port}" for one, port in zip(secured, mine.secured, strict=True)]
    for_clients = [f"PLAINTEXT://127.0.0.1:{mine.client}", *further]
    protocols = ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT", *(f"{one.name}:{one.protocol}" for one in secured)]
    copies = min(3, len(ports))
    voters = ",".join(f"{n}@127.0.0.1:{one.controller}" for n, one in enumerate(ports, 1))
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": voters,
        "listeners": ",".join([*for_clients, f"CONTROLLER://127.0.0.1:{mine.controller}"]),
        "advertised.listeners": ",".join(for_clients),
        "listener.security.protocol.map": ",".join(protocols),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": home / "data",
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": max(1, copies - 1),
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 2,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": max(1, copies - 1),
        "transaction.state.log.num.partitions": 2,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
        "group.initial.rebalance.delay.ms": 0,
        "log.cleaner.threads": 1,
        "log.cleaner.backoff.ms": 500,
        "log.cleaner.dedupe.buffer.size": 16 << 20,
        "log.retention.check.interval.ms": 300_000,
        "message.max.bytes": 16 << 20,
        "replica.fetch.max.bytes": 16 << 20,
        # A broker that was killed is let in again only when the controller has given up the one before it.
        "broker.session.timeout.ms": 2_000,
        "broker.heartbeat.interval.ms": 500,
        "controller.quorum.election.timeout.ms": 500,
        "controller.quorum.fetch.timeout.ms": 2_000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
    }
    for listener in secured:
        values |= listener.properties()
    return "".join(f"{name}={value}\n" for name, value in values.items())
