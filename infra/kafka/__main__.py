"""`python -m infra.kafka --brokers 1|3 --port 9092 --data DIR`: a Kafka for development, until SIGINT or SIGTERM, or
until a broker dies.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from infra.kafka.distribution import KafkaUnavailableError, find_or_fetch_kafka
from infra.kafka.server import running_kafka

_HEAP_MIB = 1_024
_LOOK_S = 0.5


def main() -> int:
    """Run the cluster and say when it is ready; exit status 1 when it can't run, or a broker has died."""
    parser = argparse.ArgumentParser(prog="python -m infra.kafka", description=__doc__)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--port", type=int, default=9092, help="port of the first broker; 0 takes free ones")
    parser.add_argument("--data", type=Path, help="where to keep the data; without it they go when it stops")
    parser.add_argument("--heap-mib", type=int, default=_HEAP_MIB, help="memory of a broker")
    wanted = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        data = wanted.data.resolve() if wanted.data else None
        with running_kafka(find_or_fetch_kafka(), wanted.brokers, wanted.port, data, wanted.heap_mib) as cluster:
            sys.stdout.write(f"ready {cluster.bootstrap}\n")
            sys.stdout.flush()
            while not stopped.wait(_LOOK_S):
                cluster.check_alive()
    except KafkaUnavailableError as error:
        sys.stderr.write(f"kafka: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
