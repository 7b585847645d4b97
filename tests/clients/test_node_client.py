"""The official Segment client for Node.js, unmodified: every call, and what it does when refused."""

import asyncio
from pathlib import Path

import orjson
import pytest

from infra.build.parts import PARTS
from tests.clients.calls import assert_all_arrived
from tests.clients.conftest import KEY, OpenDoor

pytestmark = [pytest.mark.clients, pytest.mark.slow]

SCRIPT = Path(__file__).with_name("node_client.mjs")


async def send(door: OpenDoor, key: str = KEY, **options: object) -> list[str]:
    """Make all calls in a process of its own; return what the client says has failed."""
    node = str(PARTS["clients"].find())
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(node, str(SCRIPT), **pipes)
    order = orjson.dumps({"url": door.url, "key": key, "options": options})
    async with asyncio.timeout(60):
        answer, _ = await process.communicate(order)
    assert process.returncode == 0
    return orjson.loads(answer)["failures"]


@pytest.mark.parametrize("flush_at", [1, 3, 15])
async def test_every_call_arrives(door: OpenDoor, flush_at: int):
    assert await send(door, flushAt=flush_at) == []
    assert_all_arrived(door.log.events())


async def test_what_the_log_has_no_room_for_is_sent_again_and_arrives_once(door: OpenDoor):
    door.trouble.full = 2
    assert await send(door) == []
    assert door.trouble.refused == 2
    assert_all_arrived(door.log.events())


async def test_what_comes_too_fast_is_sent_again_after_the_wait_that_it_is_told(door: OpenDoor):
    door.trouble.rate_limited = 1
    assert await send(door) == []
    assert door.trouble.refused == 1
    assert_all_arrived(door.log.events())


async def test_an_unknown_key_is_told_to_the_clients_owner(door: OpenDoor):
    failures = await send(door, key="wrong")
    assert failures
    assert all("401" in failure for failure in failures)
