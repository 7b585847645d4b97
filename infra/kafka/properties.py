"""The configuration of a small KRaft cluster on loopback: every broker is a controller too."""

from pathlib import Path
from typing import NamedTuple


class Ports(NamedTuple):
    """Where a broker listens."""

    client: int
    controller: int


def broker_properties(node: int, ports: list[Ports], home: Path) -> str:
    """Return server.properties of broker `node` (from 1) of a cluster that listens on `ports`."""
    mine = ports[node - 1]
    copies = min(3, len(ports))
    voters = ",".join(f"{n}@127.0.0.1:{one.controller}" for n, one in enumerate(ports, 1))
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": voters,
        "listeners": f"PLAINTEXT://127.0.0.1:{mine.client},CONTROLLER://127.0.0.1:{mine.controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{mine.client}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
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
    return "".join(f"{name}={value}\n" for name, value in values.items())
