"""The metric store in one SQLite file: absolute totals by key, summed by queries. Must not know who writes or reads."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from sinks.metrics.answers import quantiles_of, uniques_of
from sinks.metrics.dimensions import check_dimension, check_quantiles, check_query
from sinks.sqlite_worker import SqliteWorker, transaction
from streams.model.rollups import APART, Rollup, Series, Sketch, SketchKind
from streams.ports import MetricPoint, Quantiles, Uniques

_MAX_KNOWN_SERIES = 50_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    workspace TEXT NOT NULL, event TEXT NOT NULL, campaign TEXT NOT NULL, source TEXT NOT NULL, currency TEXT NOT NULL,
    UNIQUE (workspace, event, campaign, source, currency)
);
CREATE TABLE IF NOT EXISTS totals (
    series_id INTEGER NOT NULL, bucket_ms INTEGER NOT NULL, partition INTEGER NOT NULL, part INTEGER NOT NULL,
    count INTEGER NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (series_id, bucket_ms, partition, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sketches (
    workspace TEXT NOT NULL, kind TEXT NOT NULL, dimension TEXT NOT NULL, hour_ms INTEGER NOT NULL, name TEXT NOT NULL,
    currency TEXT NOT NULL, partition INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (workspace, kind, dimension, hour_ms, name, currency, partition, part)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sketches_by_hour ON sketches (hour_ms);
"""
_ADD_SERIES = "INSERT OR IGNORE INTO series (workspace, event, campaign, source, currency) VALUES (?, ?, ?, ?, ?)"
_FIND_SERIES = (
    "SELECT id FROM series WHERE workspace = ? AND event = ? AND campaign = ? AND source = ? AND currency = ?"
)
_PUT_SKETCH = "INSERT OR REPLACE INTO sketches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FIND_UNIQUES = (
    "SELECT name, body FROM sketches WHERE workspace = ? AND kind = ? AND dimension = ?"
    " AND hour_ms >= ? AND hour_ms < ? AND (?6 IS NULL OR name = ?6)"
)
_FIND_VALUES = (
    "SELECT body FROM sketches WHERE workspace = ? AND kind = ? AND dimension = ? AND hour_ms >= ? AND hour_ms < ?"
    " AND name = ? AND currency = ?"
)
_PUT_TOTAL = "INSERT OR REPLACE INTO totals VALUES (?, ?, ?, ?, ?, ?)"
# By series, so that each is a range of the primary key and buckets need no index of their own.
_PRUNE_TOTALS = "DELETE FROM totals WHERE series_id IN (SELECT id FROM series) AND bucket_ms < ?"
_PRUNE_SERIES = "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM totals WHERE series_id = series.id)"


class EmbeddedMetricStore:
    """MetricStore over one SQLite file, or over memory with the path ":memory:".

    A write returns when its one transaction is committed and synced (WAL, synchronous=FULL). The writer commits its
    place in the log next, which survives a power cut; with NORMAL the totals before that place might not, and nobody
    would read those rollups again. It costs one fsync a batch.
    """

    def __init__(self, path: Path | str) -> None:
        self._ids: dict[Series, int] = {}
        self._sqlite = SqliteWorker(path, "FULL", lambda db: db.executescript(_SCHEMA).close())

    async def write(self, rollups: Sequence[Rollup]) -> None:
        if rollups:
            await self._sqlite.run(lambda db: self._write(db, rollups))

    async def query(
        self,
        workspace: str,
        start_ms: int,
        stop_ms: int,
        step_ms: int,
        group_by: str = "event",
        where: Mapping[str, str] | None = None,
    ) -> list[MetricPoint]:
        """Return the totals, steps aligned to multiples of `step_ms`. Raises ValueError for an unknown tag or step."""
        tags = dict(where or {})
        check_query(step_ms, group_by, tags)
        group = f"series.{group_by}" if group_by else "''"
        conditions = "".join(f" AND series.{name} = ?" for name in tags)
        if "event" not in tags:
            conditions += "".join(f" AND series.event <> '{name}'" for name in sorted(APART))
        sql = (
            f"SELECT bucket_ms - bucket_ms % ? AS step, {group} AS tag, SUM(count), SUM(value)"  # noqa: S608 - checked names
            f" FROM series JOIN totals ON series_id = series.id WHERE workspace = ?{conditions}"
            " AND bucket_ms >= ? AND bucket_ms < ? GROUP BY step, tag ORDER BY step, tag"
        )
        values = (step_ms, workspace, *tags.values(), start_ms, stop_ms)
        return await self._sqlite.run(lambda db: [MetricPoint(*row) for row in db.execute(sql, values)])

    async def write_sketches(self, sketches: Sequence[Sketch]) -> None:
        if sketches:
            await self._sqlite.run(lambda db: _write_sketches(db, sketches))

    async def uniques(
        self, workspace: str, start_ms: int, stop_ms: int, dimension: str = "event", name: str | None = None
    ) -> Uniques:
        """Raises ValueError for an unknown dimension."""
        check_dimension(dimension)
        values = (workspace, SketchKind.UNIQUES, dimension, start_ms, stop_ms, name)
        return await self._sqlite.run(lambda db: uniques_of(db.execute(_FIND_UNIQUES, values)))

    async def quantiles(
        self, workspace: str, start_ms: int, stop_ms: int, event: str, currency: str, quantiles: Sequence[float]
    ) -> Quantiles:
        """Raises ValueError for a quantile outside 0..1."""
        check_quantiles(quantiles)
        values = (workspace, SketchKind.VALUES, "event", start_ms, stop_ms, event, currency)
        return await self._sqlite.run(
            lambda db: quantiles_of((body for (body,) in db.execute(_FIND_VALUES, values)), quantiles)
        )

    async def is_empty(self) -> bool:
        """Say whether no total is stored."""
        return await self._sqlite.run(lambda db: db.execute("SELECT 1 FROM totals LIMIT 1").fetchone() is None)

    async def prune(self, before_ms: int) -> int:
        """Delete what is older than `before_ms`, and series left without totals; return how many totals went."""
        return await self._sqlite.run(lambda db: self._prune(db, before_ms))

    async def close(self) -> None:
        await self._sqlite.close()

    def _write(self, db: sqlite3.Connection, rollups: Sequence[Rollup]) -> None:
        try:
            with transaction(db):
                rows = [
                    (self._series_id(db, r.series), r.bucket_ms, r.partition, r.part, r.count, r.value) for r in rollups
                ]
                db.executemany(_PUT_TOTAL, rows)
        except BaseException:
            self._ids.clear()  # may name series whose insertion was rolled back
            raise

    def _series_id(self, db: sqlite3.Connection, series: Series) -> int:
        known = self._ids.get(series)
        if known is not None:
            return known
        tags = (series.workspace, series.event, series.campaign, series.source, series.currency)
        db.execute(_ADD_SERIES, tags)
        if len(self._ids) >= _MAX_KNOWN_SERIES:
            self._ids.clear()
        self._ids[series] = found = int(db.execute(_FIND_SERIES, tags).fetchone()[0])
        return found

    def _prune(self, db: sqlite3.Connection, before_ms: int) -> int:
        with transaction(db):
            gone = db.execute(_PRUNE_TOTALS, (before_ms,)).rowcount
            db.execute("DELETE FROM sketches WHERE hour_ms < ?", (before_ms,))
            db.execute(_PRUNE_SERIES)
        self._ids.clear()
        return gone


def _write_sketches(db: sqlite3.Connection, sketches: Sequence[Sketch]) -> None:
    with transaction(db):
        db.executemany(
            _PUT_SKETCH,
            [
                (s.workspace, s.kind, s.dimension, s.hour_ms, s.name, s.currency, s.partition, s.part, s.body)
                for s in sketches
            ],
        )
