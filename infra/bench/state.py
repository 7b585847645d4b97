"""The local copy of the state: what a record costs to write and to read, in CPU time, memory and disk.

SQLite does the same work for comparison. Each runs in a process of its own, so that memory is the copy's alone.
"""

import importlib
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import orjson

_CACHE_BYTES = 64 << 20
_BATCH = 5_000
_ASKED = 100_000
_MANY = 200
_KEYS_APART = 0x9E3779B97F4A7C15
_STEPS = (7_368_787, 15_485_863)  # primes: each order meets every profile once, in no order of the keys
_SETTLED_S = 0.3

Records = list[tuple[bytes, bytes | None]]


class _Copy(Protocol):
    def get(self, key: bytes) -> bytes | None: ...
    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]: ...
    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int, saved_at_ms: int) -> None: ...
    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]: ...


_Opened = tuple[_Copy, Callable[[], None]]


def measure_state(profiles: int) -> dict[str, Any]:
    """Return what `profiles` records of about 300 bytes cost: written, written again, read one by one and all.

    CPU is in microseconds a record; `background` is that of other threads. Needs /proc.
    """
    figures: dict[str, Any] = {"profiles": profiles, "cache_mib": _CACHE_BYTES >> 20}
    for name, measure in (("local_copy", _measure_local_copy), ("sqlite", _measure_sqlite)):
        with (
            tempfile.TemporaryDirectory(prefix="campaigniq-bench-") as folder,
            ProcessPoolExecutor(1, get_context("spawn")) as process,
        ):
            figures[name] = process.submit(measure, Path(folder), profiles).result()
    return figures


def _measure_local_copy(folder: Path, profiles: int) -> dict[str, Any]:
    before, started = _rss_mib(), time.perf_counter()
    local_copy = importlib.import_module("streams.state.local_copy").LocalCopy
    imported = time.perf_counter()

    def opened() -> _Opened:
        copy = local_copy.open(folder / "copy", cache_bytes=_CACHE_BYTES)
        return copy.partition(0), copy.close

    _, close = opened()
    idle = {
        "import_ms": round(1e3 * (imported - started), 1),
        "open_new_ms": round(1e3 * (time.perf_counter() - imported), 1),
        "rss_mib": round(_rss_mib() - before, 1),
    }
    close()
    return {"idle": idle, **_measure(opened, folder, profiles)}


def _measure_sqlite(folder: Path, profiles: int) -> dict[str, Any]:
    def opened() -> _Opened:
        copy = _SqliteCopy(folder / "copy.db")
        return copy, copy.close

    return _measure(opened, folder, profiles)


def _measure(opened: Callable[[], _Opened], folder: Path, profiles: int) -> dict[str, Any]:
    copy, close = opened()
    figures: dict[str, Any] = {}
    for name, step in zip(("write_new", "write_again"), _STEPS, strict=True):
        figures[name] = _write(copy, profiles, step)
        figures[name]["rss_mib"] = round(_rss_mib())
    started = time.perf_counter()
    close()
    closed = time.perf_counter()
    copy, close = opened()
    figures["close_ms"] = round(1e3 * (closed - started))
    figures["open_ms"] = round(1e3 * (time.perf_counter() - closed), 1)
    _settle()
    figures["disk_mib"] = round(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / (1 << 20))
    figures.update(_read(copy, profiles))
    figures["rss_mib"] = round(_rss_mib())
    close()
    return figures


def _write(copy: _Copy, profiles: int, step: int) -> dict[str, float]:
    """Write every profile once, in batches."""
    chance = random.Random(step)  # noqa: S311  # the same records in each run; nothing secret
    thread = preparing = worst = 0.0
    process_started = time.process_time()
    for first in range(0, profiles, _BATCH):
        started = time.thread_time()
        numbers = range(first, min(first + _BATCH, profiles))
        changes: Records = [(_key(n * step % profiles), _value(chance, n)) for n in numbers]
        prepared, at = time.thread_time(), time.perf_counter()
        copy.write(changes, first + len(changes), first)
        worst = max(worst, time.perf_counter() - at)
        preparing += prepared - started
        thread += time.thread_time() - prepared
    _settle()
    background = time.process_time() - process_started - preparing - thread
    return {
        "cpu_us": round(1e6 * thread / profiles, 2),
        "background_cpu_us": round(1e6 * background / profiles, 2),
        "worst_batch_ms": round(1e3 * worst, 1),
    }


def _read(copy: _Copy, profiles: int) -> dict[str, float]:
    chance = random.Random(profiles)  # noqa: S311  # as above
    there = [_key(chance.randrange(profiles)) for _ in range(_ASKED)]
    hot = there[:200] * (_ASKED // 200)
    gone = [_key(profiles + chance.randrange(profiles)) for _ in range(_ASKED)]
    batches = [there[first : first + _MANY] for first in range(0, _ASKED, _MANY)]
    chance.shuffle(there)
    return {
        "get_present_cpu_us": _cpu_us(_ASKED, lambda: [copy.get(key) for key in there]),
        "get_cached_cpu_us": _cpu_us(_ASKED, lambda: [copy.get(key) for key in hot]),
        "get_absent_cpu_us": _cpu_us(_ASKED, lambda: [copy.get(key) for key in gone]),
        "get_many_cpu_us": _cpu_us(_ASKED, lambda: [copy.get_many(keys) for keys in batches]),
        "scan_cpu_us": _cpu_us(profiles, lambda: sum(1 for _ in copy.scan())),
    }


def _cpu_us(count: int, work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return round(1e6 * (time.thread_time() - started) / count, 2)


def _settle() -> None:
    """Wait until no thread of this process works any more."""
    busy = True
    while busy:
        before = time.process_time()
        time.sleep(_SETTLED_S)
        busy = time.process_time() - before > _SETTLED_S / 10


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / (1 << 20)


def _key(number: int) -> bytes:
    return b"p:default\x1fanon:%016x" % (number * _KEYS_APART & 0xFFFFFFFFFFFFFFFF)


def _value(chance: random.Random, number: int) -> bytes:
    """Return about 300 bytes, half of them as alike as profiles are and half as different as ids and times are."""
    alike = {"page": "product_viewed", "utm": ["newsletter", "email", f"campaign-{number % 5}"], "plan": "free"}
    return orjson.dumps(alike) + b"visitor-%d@example.com" % number + chance.randbytes(165)


class _SqliteCopy:
    """The same in one SQLite table: what the local copy is compared with."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(f"PRAGMA cache_size=-{_CACHE_BYTES >> 10}")
        self._db.execute("CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")

    def get(self, key: bytes) -> bytes | None:
        row = self._db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.get(key) for key in keys]

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int, saved_at_ms: int) -> None:
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", changes)
            self._db.execute("INSERT OR REPLACE INTO state VALUES (x'00', ?)", (f"{offset} {saved_at_ms}".encode(),))

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        yield from self._db.execute("SELECT key, value FROM state WHERE key >= ? AND key > x'00'", (prefix,))

    def close(self) -> None:
        self._db.close()
