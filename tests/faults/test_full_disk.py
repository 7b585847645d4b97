"""The whole platform on a disk that fills up: it refuses, survives, goes on once there is room, and loses nothing."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import Platform
from tests.faults.clients import Client, end, start
from tests.faults.door import until
from tests.faults.tmpfs import resize, small_disk

MIB = 1 << 20
PAD = 8_000

pytestmark = [pytest.mark.tmpfs, pytest.mark.timeout(600)]


def counted(platform: Platform) -> int:
    return platform.event_totals()["fault_seen"]


def takes(platform: Platform) -> bool:
    return platform.get("/api/ingest")["state"] == "ready" and not platform.get("/api/ingest")["disk"]["is_low"]


def refused_often(clients: list[Client]) -> bool:
    return all(client.answers[503] > 5 for client in clients)


def accepted_of(clients: list[Client], platform: Platform) -> int:
    """End the clients once events are taken again; return what they were told is taken, when so much is counted."""
    until("taking again", lambda: asked(platform, takes), 180)
    time.sleep(2)
    end(clients)
    accepted = sum(len(client.accepted) for client in clients)
    until("all counted", lambda: asked(platform, counted) >= accepted, 180)
    return accepted


def asked(platform: Platform, question: Callable[[Platform], int]) -> int:
    """Return the answer, 0 while there is none."""
    assert platform.is_alive, platform.words()
    try:
        return question(platform)
    except httpx.HTTPError:
        return 0


def test_the_door_closes_before_the_disk_is_full_and_opens_once_there_is_room(tmp_path: Path):
    with small_disk(tmp_path / "disk", 160 * MIB) as disk, Platform(disk / "data") as platform:
        clients = start(platform.port, platform.bootstrap["write_key"], pad=PAD, pause_s=0.02)
        until("refusing", lambda: refused_often(clients), 240)
        time.sleep(8)
        until("calm", lambda: platform.get("/api/ingest")["disk"]["is_low"], 60)
        left = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        resize(disk, 480 * MIB)
        accepted = accepted_of(clients, platform)
        print(f"\nfull disk: {accepted} events answered with 2xx, {counted(platform)} counted, {left} bytes were left")  # noqa: T201  the run's result
        assert counted(platform) == accepted
        assert left > 4 * MIB
        assert platform.get("/api/ingest")["drift"] == 0


def test_a_disk_that_somebody_else_fills_to_the_last_byte_costs_nothing(tmp_path: Path):
    with small_disk(tmp_path / "disk", 96 * MIB) as disk, Platform(disk / "data") as platform:
        key = platform.bootstrap["write_key"]
        clients = start(platform.port, key, pad=PAD, pause_s=0.05)
        time.sleep(2)
        fill(disk / "filler")
        until("red", lambda: asked(platform, lambda one: status(one) == 503), 60)
        refused = httpx.post(f"{platform.url}/v1/track", json={"event": "No Room", "userId": "u"}, auth=(key, ""))
        time.sleep(5)
        (disk / "filler").unlink()
        accepted = accepted_of(clients, platform)
        print(f"\nno byte left: {accepted} events answered with 2xx, {counted(platform)} counted")  # noqa: T201  the run's result
        assert counted(platform) == accepted
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        until("green", lambda: asked(platform, lambda one: status(one) == 200), 60)


def status(platform: Platform) -> int:
    return httpx.get(f"{platform.url}/readyz", timeout=30).status_code


def fill(path: Path) -> None:
    """Take all that is left, to the last byte."""
    with path.open("wb", buffering=0) as file:
        size = MIB
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2
