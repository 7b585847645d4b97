"""A process loads no more than it uses: what only some installations need is imported where they need it.

Which megabytes and tenths of a second that saves is told in docs/benchmarks.md.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

UP = ROOT / "tests" / "architecture" / "loaded_by_up.py"
OF_SOME_INSTALLATIONS = {
    "confluent_kafka": "a log on Kafka",
    "cryptography": "webhooks that a public key signs",
    "httpx": "webhooks, certificates of vendors, the demo",
    "infra.demo.build": "the demo",
    "influxdb_client": "metrics in InfluxDB",
    "jsonschema_rs": "schemas of events",
    "rich": "people who read help",
    "streams.agents.kafka_broker": "a log on Kafka",
    "streams.log.kafka": "a log on Kafka",
}


def run(*argv: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAMPAIGNIQ_")}
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by_importing(module: str) -> set[str]:
    return set(json.loads(run("-c", f"import {module}, json, sys; print(json.dumps(list(sys.modules)))")))


def test_an_embedded_platform_loads_nothing_that_only_others_need(tmp_path: Path) -> None:
    loaded = set(json.loads(run(str(UP), str(tmp_path / "data"))))
    assert {"faust", "fastapi"} <= loaded
    assert {name: why for name, why in OF_SOME_INSTALLATIONS.items() if name in loaded} == {}


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("infra.worker", {"api.app", "fastapi", "httpx", "ingest.door", "sqlalchemy", "uvicorn"}),
        ("infra.front_door", {"api.app", "cryptography", "fastapi", "faust", "httpx", "numpy", "sinks.sender"}),
        ("infra.cli", {"asyncio", "httpx", "numpy", "pydantic", "rich", "sqlalchemy", "uvloop"}),
    ],
)
def test_who_does_less_loads_less(module: str, needless: set[str]) -> None:
    assert needless & loaded_by_importing(module) == set()
