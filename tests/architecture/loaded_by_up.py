"""Run as a script with a folder: starts the platform in it as `campaigniq up` does, stops it once all parts serve, and
prints the names of the modules that are loaded by then, as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path

from infra.data_dir import DataDir
from infra.embedded import Embedded
from infra.settings import load_settings


async def up(folder: Path) -> list[str]:
    loaded: list[str] = []
    platform = Embedded(load_settings(server={"port": 0}), DataDir(folder), demo=False)

    def note(_: object) -> None:
        loaded.extend(sys.modules)
        platform.stop()

    await platform.run(note)
    return loaded


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(up(Path(sys.argv[1])))))
