"""The metric store in InfluxDB (v2 protocol; 1.8 with Flux too). Decides which faults are worth another try."""

import asyncio
import logging
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

from influxdb_client.client.flux_csv_parser import FluxCsvParserException, FluxQueryException
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError, LocationValueError, SSLError

from sinks.metrics.answers import quantiles_of, uniques_of
from sinks.metrics.dimensions import check_dimension, check_quantiles, check_query, step_start
from sinks.metrics.flux import decode_tag, is_empty_range, line_of, sketch_line_of, sketches_query, totals_query
from streams.model.errors import MetricRefusedError, MetricStoreError
from streams.model.rollups import SKETCH_HOUR_MS, Rollup, Sketch, SketchKind
from streams.ports import MetricPoint, Quantiles, Uniques

_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)
_MAX_PAUSE_S = 5.0
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_BAD_TOTALS = frozenset({400, 413, 422})
_UNUSABLE = ("partial write", "unable to parse")
_NO_BUCKET = ("not found", "no database", "retention policy")
_BAD_ANSWER = (FluxQueryException, FluxCsvParserException)


class InfluxMetricStore:
    """MetricStore over influxdb-client.

    The synchronous client on two worker threads, so that a slow query holds up no write: the asynchronous one needs
    aiocsv for queries, a compiled package, and gains nothing at a few requests a second.
    """

    def __init__(
        self,
        url: str,
        token: str,
        org: str,
        bucket: str,
        *,
        timeout_s: float = 10.0,
        attempts: int = 4,
        first_pause_s: float = 0.25,
    ) -> None:
        self._bucket = bucket
        self._attempts = attempts
        self._first_pause_s = first_pause_s
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="influx")
        # Any: the package says that it is typed, but most of its methods are not.
        self._client: Any = InfluxDBClient(url, token, org=org, timeout=int(timeout_s * 1000), enable_gzip=True)
        self._writes: Any = self._client.write_api(write_options=SYNCHRONOUS)
        self._queries = self._client.query_api()

    async def write(self, rollups: Sequence[Rollup]) -> None:
        """Store the totals in one request. Raises MetricStoreError; MetricRefusedError when some never can be."""
        if rollups:
            await self._call(lambda: self._write(map(line_of, rollups)))

    async def query(
        self,
        workspace: str,
        start_ms: int,
        stop_ms: int,
        step_ms: int,
        group_by: str = "event",
        where: Mapping[str, str] | None = None,
    ) -> list[MetricPoint]:
        """Return the totals, steps aligned to multiples of `step_ms`. Raises ValueError for an unknown tag or step.

        Raises MetricStoreError, too.
        """
        tags = dict(where or {})
        check_query(step_ms, group_by, tags)
        if is_empty_range(start_ms, stop_ms):
            return []
        flux = totals_query(self._bucket, workspace, start_ms, stop_ms, step_ms, group_by, tags)
        return _points_of(await self._call(lambda: self._queries.query(flux)), step_ms, group_by)

    async def write_sketches(self, sketches: Sequence[Sketch]) -> None:
        """Store the sketches in one request. Raises as `write` does."""
        if sketches:
            await self._call(lambda: self._write(map(sketch_line_of, sketches)))

    async def uniques(
        self, workspace: str, start_ms: int, stop_ms: int, dimension: str = "event", name: str | None = None
    ) -> Uniques:
        """Raises ValueError for an unknown dimension, and MetricStoreError."""
        check_dimension(dimension)
        if is_empty_range(start_ms, stop_ms, SKETCH_HOUR_MS):
            return uniques_of(())
        where = {} if name is None else {"name": name}
        flux = sketches_query(self._bucket, workspace, start_ms, stop_ms, SketchKind.UNIQUES, dimension, where)
        return await self._call(lambda: uniques_of(self._sketches(flux)))

    async def quantiles(
        self, workspace: str, start_ms: int, stop_ms: int, event: str, currency: str, quantiles: Sequence[float]
    ) -> Quantiles:
        """Raises ValueError for a quantile outside 0..1, and MetricStoreError."""
        check_quantiles(quantiles)
        if is_empty_range(start_ms, stop_ms, SKETCH_HOUR_MS):
            return Quantiles(0, [])
        where = {"name": event, "currency": currency}
        flux = sketches_query(self._bucket, workspace, start_ms, stop_ms, SketchKind.VALUES, "event", where)
        return await self._call(lambda: quantiles_of((body for _, body in self._sketches(flux)), quantiles))

    async def close(self) -> None:
        """Release the connections; closing again does nothing."""
        await asyncio.to_thread(self._pool.shutdown)
        self._writes.close()
        self._client.close()

    def _sketches(self, flux: str) -> Iterator[tuple[str, bytes]]:
        for record in self._queries.query_stream(flux):
            yield decode_tag(record.values.get("name")), b64decode(record.values["_value"])

    def _write(self, lines: Iterator[str]) -> None:
        try:
            self._writes.write(self._bucket, record="\n".join(lines))
        except ApiException as error:
            text = _text_of(error)
            if error.status not in _BAD_TOTALS:
                raise
            # The bucket's own rule would have dropped these at once; the others of the request are stored.
            if "beyond retention policy" in text:
                _LOG.warning("influxdb dropped totals older than the bucket keeps: %s", text)
                return
            if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or any(words in text for words in _UNUSABLE):
                raise MetricRefusedError(f"InfluxDB refuses totals ({error.status}: {text})") from error
            raise

    async def _call(self, work: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        pause_s = self._first_pause_s
        for attempt in range(1, self._attempts + 1):
            try:
                return await loop.run_in_executor(self._pool, work)
            except _BAD_ANSWER as error:
                raise MetricStoreError(f"InfluxDB's answer can't be used: {error}") from error
            except (ApiException, HTTPError) as error:
                _raise_if_permanent(error)
                if attempt == self._attempts:
                    problem = f"InfluxDB did not answer after {attempt} tries: {_text_of(error)}"
                    raise MetricStoreError(problem) from error
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _points_of(tables: Any, step_ms: int, group_by: str) -> list[MetricPoint]:
    counts: defaultdict[tuple[int, str], int] = defaultdict(int)
    values: defaultdict[tuple[int, str], float] = defaultdict(float)
    for table in tables:
        for record in table.records:
            at_ms = round(record.get_time().timestamp() * 1000)
            key = step_start(at_ms, step_ms), decode_tag(record.values.get(group_by))
            if record.get_field() == "count":
                counts[key] += record.get_value()
            else:
                values[key] += record.get_value()
    return [MetricPoint(step, group, counts[step, group], values[step, group]) for step, group in sorted(counts)]


def _raise_if_permanent(error: ApiException | HTTPError) -> None:
    """Raise at once, naming the setting to look at, when only somebody's hand can help."""
    text = _text_of(error)
    refusal = f"InfluxDB refused the request ({error.status}: {text})" if isinstance(error, ApiException) else text
    if isinstance(error, LocationValueError | SSLError):
        problem = f"metrics.influx_url: {text}. Check the address and its certificate"
    elif not isinstance(error, ApiException):
        return
    elif error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        problem = f"metrics.influx_token: {refusal}. Give a token that may read and write the bucket"
    elif "organization" in text and "not found" in text:
        problem = f"metrics.influx_org: {refusal}. Give the name of the organisation of the bucket"
    elif error.status == HTTPStatus.NOT_FOUND or any(words in text for words in _NO_BUCKET):
        problem = f"metrics.influx_bucket: {refusal}. Create the bucket or name an existing one"
    elif error.status not in _TRANSIENT:
        problem = f"metrics.influx_url: {refusal}. Check that this is InfluxDB 2, or 1.8 with flux-enabled = true"
    else:
        return
    raise MetricStoreError(problem) from error


def _text_of(error: ApiException | HTTPError) -> str:
    """Return what went wrong in a line, without the headers that the client's own text carries."""
    text = (error.message if isinstance(error, ApiException) else str(error)) or type(error).__name__
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return " ".join(str(text).split())[:300]
