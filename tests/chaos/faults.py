"""The faults of a run: drawn by a seed, each kind in every round, one beginning soon after the other's end.

A full disk can't be slowed down without privileges, so the broker that waits for its disk is one that is stopped while
its connections stay open: for some seconds ("stalled disk"), or most of the time ("slow disk").
"""

import signal
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from infra.kafka.server import Cluster
from tests.chaos.workers import WorkerProcess

KINDS = ("worker killed", "broker killed", "worker stopped", "rebalance", "disk stalled", "disk slow")


class Faults:
    """`workers` are the ones that share the work, `guest` one that joins and leaves. `on_next` is told the number of
    each fault before it begins.
    """

    def __init__(
        self,
        cluster: Cluster,
        workers: list[WorkerProcess],
        guest: WorkerProcess,
        seed: int,
        session_s: float,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self._cluster = cluster
        self._workers = workers
        self._guest = guest
        self._random = Random(f"faults {seed}")
        self._session_s = session_s
        self._do: dict[str, Callable[[], None]] = {
            "worker killed": self._kill_worker,
            "broker killed": self._kill_broker,
            "worker stopped": self._stop_worker,
            "rebalance": self._rebalance,
            "disk stalled": self._stall,
            "disk slow": self._slow,
        }

    def run(self, count: int, on_next: Callable[[int], None]) -> None:
        """Let `count` faults happen."""
        kinds: list[str] = []
        for number in range(count):
            on_next(number)
            if not kinds:
                kinds = list(KINDS)
                self._random.shuffle(kinds)
            kind = kinds.pop()
            time.sleep(self._random.uniform(0.5, 3))
            print(f"{time.strftime('%H:%M:%S')} fault {number + 1}: {kind}", flush=True)  # noqa: T201  progress
            self._do[kind]()
            self.counts[kind] += 1

    def _kill_worker(self) -> None:
        worker = self._random.choice(self._workers)
        worker.kill()
        outlives_session = self._random.random() < 0.4
        if outlives_session:
            self.notes["workers away until others had taken over"] += 1
            time.sleep(self._session_s + self._random.uniform(0.5, 3))
        else:
            time.sleep(self._random.uniform(0, 1.5))
        worker.start()
        if self._random.random() < 0.2:
            self.notes["workers killed while starting"] += 1
            time.sleep(self._random.uniform(0.2, 3))
            worker.kill()
            worker.start()

    def _kill_broker(self) -> None:
        broker = self._random.choice(self._cluster.brokers)
        broker.kill()
        # Where there are others they take over meanwhile, or don't get so far.
        time.sleep(self._random.uniform(0, 3 if len(self._cluster.brokers) == 1 else 8))
        broker.start()
        self._cluster.wait_ready()

    def _stop_worker(self) -> None:
        """A process that is not scheduled for longer than its session, and then goes on as if nothing had been."""
        worker = self._random.choice(self._workers)
        worker.held = True
        worker.signal(signal.SIGSTOP)
        time.sleep(self._session_s + self._random.uniform(1, 4))
        worker.signal(signal.SIGCONT)
        worker.held = False

    def _rebalance(self) -> None:
        guest = self._guest
        guest.start()
        guest.held = True
        deadline = time.monotonic() + 20
        while guest.is_running and not guest.is_ready() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.notes["guests that took part" if guest.is_ready() else "guests that did not get ready"] += 1
        time.sleep(self._random.uniform(0.5, 4))
        if not guest.stop():
            self.notes["guests that did not leave in order"] += 1

    def _stall(self) -> None:
        broker = self._random.choice(self._cluster.brokers)
        broker.pause()
        time.sleep(self._random.uniform(2, 9))
        broker.resume()

    def _slow(self) -> None:
        broker = self._random.choice(self._cluster.brokers)
        until = time.monotonic() + self._random.uniform(4, 8)
        while time.monotonic() < until:
            broker.pause()
            time.sleep(self._random.uniform(0.2, 0.8))
            broker.resume()
            time.sleep(0.15)
