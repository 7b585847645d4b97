"""What the platform costs while nothing happens: how long it takes to start, its CPU share and memory at rest."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from infra.bench.platform import Platform

_SETTLE_S = 3.0


async def measure_idle(seconds: int, *, demo: bool) -> dict[str, Any]:
    """Start a platform twice in one folder, let it be for `seconds`, and return the figures. Raises PlatformError.

    With `demo` the shop's visitors are at work, so it is idle but for them. CPU and memory are left out without /proc.
    """
    figures: dict[str, Any] = {"settings": {"seconds": seconds, "demo": demo}}
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(prefix="campaigniq-bench-") as folder:
        for start in ("first_start", "second_start"):
            sys.stderr.write(f"bench: {start.replace('_', ' ')}\n")
            began = loop.time()
            async with Platform(Path(folder) / "data", {}, demo=demo) as platform:
                usage = platform.usage()
                figures[start] = {"ready_s": round(loop.time() - began, 2)}
                if usage:
                    figures[start]["cpu_s"] = round(usage.cpu_s, 2)
                if start == "second_start":
                    figures["idle"] = await _at_rest(platform, seconds)
    return figures


async def _at_rest(platform: Platform, seconds: int) -> dict[str, float]:
    await asyncio.sleep(_SETTLE_S)
    before = platform.usage()
    await asyncio.sleep(seconds)
    after = platform.usage()
    platform.check()
    if before is None or after is None:
        return {}
    share = (after.cpu_s - before.cpu_s) / seconds
    return {"cpu_percent_of_core": round(100 * share, 2), "rss_mib": round(after.rss_mib, 1)}


def describe(figures: dict[str, Any]) -> str:
    """Return the figures in a few lines for people."""
    first, second, idle = figures["first_start"], figures["second_start"], figures["idle"]
    lines = [f"ready    in {first['ready_s']} s, the second time in {second['ready_s']} s"]
    if idle:
        lines.append(f"at rest  {idle['cpu_percent_of_core']} % of a core, {idle['rss_mib']} MiB")
    return "\n".join(lines)
