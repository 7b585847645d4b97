"""Many slow large uploads at once: the door says no before memory grows, and others come in meanwhile."""

import socket
from base64 import b64encode
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import Platform

MIB = 1 << 20
UPLOADS = 400
BODY_BYTES = 1_000_000
SENT_BYTES = 900_000
PIECE_BYTES = 100_000
MOST_GROWTH_BYTES = 100 * MIB
"""All of it would be 343 MiB."""

pytestmark = pytest.mark.timeout(300)


def resident_bytes(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def begun(stack: ExitStack, port: int, key: str) -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {b64encode(f'{key}:'.encode()).decode()}\r\n"
        f"Content-Length: {BODY_BYTES}\r\n\r\n"
    )
    connection.sendall(head.encode())
    connection.settimeout(5)
    return connection


def went_on(connection: socket.socket) -> bool:
    """Send the next piece; False once the door has answered or hung up."""
    try:
        connection.sendall(b" " * PIECE_BYTES)
    except OSError:
        return False
    return True


def answer_of(connection: socket.socket) -> int:
    connection.settimeout(0.05)
    try:
        head = connection.recv(4_096)
    except TimeoutError:
        return 0
    except OSError:
        return -1
    return int(head.split(b" ")[1]) if head else -1


def test_slow_uploads_are_refused_before_memory_grows_and_others_get_in(tmp_path: Path):
    settings = {"INGEST__MAX_BODY_BYTES": 16 * MIB, "INGEST__BODY_TIMEOUT_S": 5}
    with Platform(tmp_path / "data", settings) as platform, ExitStack() as stack:
        key, other = platform.bootstrap["write_key"], httpx.Client(base_url=platform.url, timeout=60)
        stack.callback(other.close)
        before = most = resident_bytes(platform.pid)
        uploads = [begun(stack, platform.port, key) for _ in range(UPLOADS)]
        slow = uploads
        for _ in range(SENT_BYTES // PIECE_BYTES):
            slow = [connection for connection in slow if went_on(connection)]
            most = max(most, resident_bytes(platform.pid))
            track = {"event": "Seen", "userId": "u", "writeKey": key}
            assert other.post("/v1/track", json=track).status_code == 200
        answers = Counter(map(answer_of, uploads))
        report = platform.get("/api/ingest")
        held = report["body_bytes"]
        platform.until("given up", lambda: platform.get("/api/ingest")["body_bytes"] == 0)
        after = platform.get("/api/ingest")
        print(  # noqa: T201  the run's result
            f"\n{UPLOADS} slow uploads: memory grew by {(most - before) / MIB:.0f} MiB, {held} bytes of bodies held, "
            f"{dict(answers)} answered (0: still reading, -1: hung up), {after['requests_late']} ended as too slow"
        )
        assert most - before < MOST_GROWTH_BYTES
        assert held <= 8 * MIB
        assert answers[503] + answers[-1] >= UPLOADS - 12
        assert (after["body_bytes"], after["requests_late"] > 0) == (0, True)
