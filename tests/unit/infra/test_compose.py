"""The container form, read without containers: what it names exists, and its settings are settings."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.kafka.distribution import VERSION
from infra.settings import PREFIX, Settings
from infra.settings_tree import settings_of

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "infra" / "compose"


def parse(lines: list[tuple[int, str]], indent: int = 0) -> Any:
    """Read the part of YAML that the file keeps to: nested keys, plain or quoted values, lists of values."""
    if lines and lines[0][1].startswith("- "):
        return [lines.pop(0)[1][2:] for _ in range(len(lines)) if lines and lines[0][1].startswith("- ")]
    found: dict[str, Any] = {}
    while lines and lines[0][0] == indent:
        key, _, value = lines.pop(0)[1].partition(":")
        assert re.fullmatch(r"[\w-]+", key), f"{key} is no plain key"
        assert key not in found, f"{key} stands there twice"
        if value:
            assert value.startswith(" "), f"after {key}: comes no space"
            found[key] = value.strip().strip('"')
        else:
            found[key] = parse(lines, lines[0][0]) if lines and lines[0][0] > indent else None
    assert not lines or lines[0][0] < indent, f"{lines[0][1]} is indented by {lines[0][0]}"
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (COMPOSE / "docker-compose.yml").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return parse([(len(line) - len(line.lstrip()), line.strip()) for line in lines])


def test_every_service_has_an_image_or_is_built_from_a_file_that_exists(compose):
    for service in compose["services"].values():
        built = service.get("build")
        assert "image" in service or (COMPOSE / built["context"] / built["dockerfile"]).is_file()


def test_services_depend_on_services_and_mount_volumes_that_are_there(compose):
    services = compose["services"]
    assert {name for one in services.values() for name in one.get("depends_on", {})} <= services.keys()
    mounted = {volume.split(":")[0] for one in services.values() for volume in one.get("volumes", [])}
    assert mounted == compose["volumes"].keys()


def test_every_setting_that_a_service_is_given_exists(compose):
    known = {setting.variable for setting in settings_of(Settings)}
    given = {name for one in compose["services"].values() for name in one.get("environment", {})}
    assert {name for name in given if name.startswith(PREFIX)} <= known


def test_kafka_is_the_version_that_tests_run(compose):
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{VERSION}"


def test_nothing_listens_beyond_this_machine(compose):
    ports = [port for one in compose["services"].values() for port in one.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_the_image_copies_and_runs_is_there():
    text = (COMPOSE / "Dockerfile").read_text()
    assert "USER campaigniq" in text
    copied = re.findall(r"COPY --from=build /src/([\w.-]+) ", text)
    assert copied
    assert all((ROOT / name).exists() for name in copied)
