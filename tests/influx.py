"""The running influxd that tests share; they are skipped, with the reason, where it was not built."""

from collections.abc import Iterator

import pytest

from infra.influxdb.server import InfluxServer, find_influxd, running_influxd


@pytest.fixture(name="influxd", scope="session")
def shared_influxd() -> Iterator[InfluxServer]:
    binary = find_influxd()
    if binary is None:
        pytest.skip("InfluxDB: influxd is not built. Build it with: python -m infra.influxdb.server")
    with running_influxd(binary) as server:
        yield server
