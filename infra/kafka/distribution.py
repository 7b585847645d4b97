"""Where a Kafka for tests and development comes from: jars fetched once with Maven into a cache outside the tree.

Not part of the running platform. `python -m infra.kafka.distribution` fetches them ahead of a test run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from streams.model.errors import CampaignIqError

VERSION = "3.9.1"
TEST_HEAP_MIB = 512
_FETCH_TIMEOUT_S = 900

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>campaigniq</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


class KafkaUnavailableError(CampaignIqError):
    """No Kafka can be had or started on this machine; the text says how to get one."""


class Distribution(NamedTuple):
    """What it takes to start a broker."""

    java: Path
    jars: Path

    def command(self, heap_mib: int, main_class: str, *arguments: str | Path) -> list[str]:
        """Return the command that runs one of Kafka's main classes."""
        memory = [f"-Xmx{heap_mib}m", f"-Xms{min(heap_mib, 256)}m"]
        # Brokers of tests start often and share few cores: the serial collector and the quick compiler alone.
        quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"] if heap_mib <= TEST_HEAP_MIB else []
        said = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Djava.awt.headless=true"]
        words = [self.java, *memory, *quick, *said, "-cp", f"{self.jars}/*", main_class, *arguments]
        return [str(word) for word in words]


def default_cache_dir() -> Path:
    """Return where the jars are kept: below $CAMPAIGNIQ_CACHE, else below ~/.cache/campaigniq."""
    root = os.environ.get("CAMPAIGNIQ_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "campaigniq") / f"kafka-{VERSION}"


def find_java() -> Path | None:
    """Return the machine's Java."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    return Path(found) if found else None


def find_kafka(cache_dir: Path | None = None) -> Distribution | None:
    """Return the Kafka fetched earlier, if any, and a Java to run it."""
    jars = cache_dir or default_cache_dir()
    java = find_java()
    return Distribution(java, jars) if java and (jars / f"kafka_2.13-{VERSION}.jar").is_file() else None


def find_or_fetch_kafka(cache_dir: Path | None = None) -> Distribution:
    """Return a Kafka, fetching its jars (45 MB) the first time. Raises KafkaUnavailableError."""
    if found := find_kafka(cache_dir):
        return found
    java, maven = find_java(), shutil.which("mvn")
    if java is None:
        raise KafkaUnavailableError("Java is not installed; install it (Debian: apt-get install default-jre-headless)")
    if maven is None:
        raise KafkaUnavailableError("Maven is not installed; install it (Debian: apt-get install maven)")
    jars = cache_dir or default_cache_dir()
    jars.parent.mkdir(parents=True, exist_ok=True)
    # Fetched beside their final place and renamed, so that an interrupted fetch never looks finished.
    with tempfile.TemporaryDirectory(dir=jars.parent) as workshop:
        _fetch(maven, Path(workshop))
        if jars.exists():
            shutil.rmtree(jars)
        (Path(workshop) / "jars").replace(jars)
    return Distribution(java, jars)


def _fetch(maven: str, workshop: Path) -> None:
    (workshop / "pom.xml").write_text(_POM, encoding="utf-8")
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [maven, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=jars"],
            cwd=workshop,
            capture_output=True,
            text=True,
            timeout=_FETCH_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaUnavailableError(f"fetching Kafka took more than {_FETCH_TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise KafkaUnavailableError(f"fetching Kafka failed: {(done.stdout + done.stderr).strip()[-500:]}")


def main() -> int:
    """Fetch Kafka unless it is there, saying so; exit status 1 when it can't be had."""
    out = sys.stdout
    out.write(f"Kafka {VERSION}: looking in {default_cache_dir()}; a first fetch takes a minute or two\n")
    out.flush()
    try:
        found = find_or_fetch_kafka()
    except KafkaUnavailableError as error:
        sys.stderr.write(f"kafka: {error}\n")
        return 1
    out.write(f"Kafka {VERSION}: {found.jars}, {found.java}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
