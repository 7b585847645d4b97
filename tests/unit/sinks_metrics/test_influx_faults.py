"""InfluxMetricStore against a local server that misbehaves as told: what is tried again, what names a setting."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sinks.metrics.influx import InfluxMetricStore
from sinks.metrics.settings import MetricsSettings
from streams.model.errors import MetricRefusedError, MetricStoreError
from streams.model.rollups import Rollup, Series

ROLLUP = Rollup(Series("w", "purchase", "", "web", "USD"), 0, 0, 0, 1, 2.0)
TOKEN = "s3cret-token"


class Influx:
    """Answers each request with the next of `answers`, the last one for ever; keeps what it was sent."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.answers: list[tuple[int, str]] = [(204, "")]
        self.requests: list[str] = []
        self.body = b""

    def answer(self, path: str) -> tuple[int, str]:
        self.requests.append(path)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def influx() -> Iterator[Influx]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, message = fake.answer(self.path)
            body = fake.body or (b'{"code": "x", "message": "' + message.encode() + b'"}' if message else b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake = Influx(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


async def write(influx: Influx, *answers: tuple[int, str]) -> None:
    influx.answers = list(answers)
    store = InfluxMetricStore(influx.url, TOKEN, "acme", "totals", attempts=3, first_pause_s=0.001)
    try:
        await store.write([ROLLUP])
    finally:
        await store.close()


async def test_a_write_is_one_request_of_the_v2_protocol(influx):
    await write(influx, (204, ""))
    assert influx.requests == ["/api/v2/write?org=acme&bucket=totals&precision=ns"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_transient_fault_is_tried_again(influx, status):
    await write(influx, (status, "busy"), (204, ""))
    assert len(influx.requests) == 2


async def test_tries_are_bounded(influx):
    with pytest.raises(MetricStoreError, match="after 3 tries: busy"):
        await write(influx, (503, "busy"))
    assert len(influx.requests) == 3


async def test_a_server_that_is_away_is_a_metric_store_error():
    store = InfluxMetricStore("http://127.0.0.1:9", TOKEN, "acme", "totals", attempts=2, first_pause_s=0.001)
    with pytest.raises(MetricStoreError, match="after 2 tries"):
        await store.query("w", 0, 10_000, 10_000)
    await store.close()


@pytest.mark.parametrize(
    ("status", "message", "setting"),
    [
        (401, "unauthorized access", "metrics.influx_token"),
        (403, "forbidden", "metrics.influx_token"),
        (404, "bucket totals not found", "metrics.influx_bucket"),
        (404, "organization name acme not found", "metrics.influx_org"),
        (500, "retention policy not found: rp", "metrics.influx_bucket"),
        (400, "no such thing here", "metrics.influx_url"),
    ],
)
async def test_a_refusal_names_the_setting_and_is_not_tried_again_at_once(influx, status, message, setting):
    with pytest.raises(MetricStoreError, match=message) as caught:
        await write(influx, (status, message))
    assert str(caught.value).startswith(f"{setting}: ")
    assert type(caught.value) is MetricStoreError
    assert len(influx.requests) == 1
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "partial write: max-values-per-tag limit exceeded (100000/100000): tag=campaign dropped=1"),
        (400, "partial write: max-series-per-database limit exceeded: (1000000) dropped=90"),
        (422, "partial write: field type conflict dropped=1"),
        (400, "unable to parse 'events': missing fields"),
        (413, "Request Entity Too Large"),
    ],
)
async def test_totals_that_are_refused_for_good_are_told_from_a_store_that_refuses(influx, status, message):
    with pytest.raises(MetricRefusedError, match=message[:20]):
        await write(influx, (status, message))
    assert len(influx.requests) == 1


async def test_totals_older_than_the_bucket_keeps_are_no_fault(influx, caplog):
    await write(influx, (422, "partial write: points beyond retention policy dropped=1"))
    assert "older than the bucket keeps" in caplog.text


async def test_an_answer_that_is_no_table_is_a_metric_store_error(influx):
    influx.answers = [(200, "<html>")]
    store = InfluxMetricStore(influx.url, TOKEN, "acme", "totals", attempts=1)
    with pytest.raises(MetricStoreError):
        await store.query("w", 0, 10_000, 10_000)
    await store.close()


async def test_a_query_that_fails_midway_is_a_metric_store_error(influx):
    influx.answers = [(200, "")]
    influx.body = b"#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,no memory,897\r\n"
    store = InfluxMetricStore(influx.url, TOKEN, "acme", "totals", attempts=1)
    with pytest.raises(MetricStoreError, match="no memory"):
        await store.query("w", 0, 10_000, 10_000)
    await store.close()


async def test_an_address_that_is_none_names_the_setting():
    store = InfluxMetricStore("http://influx:port", TOKEN, "acme", "totals", attempts=1)
    with pytest.raises(MetricStoreError, match=r"metrics\.influx_url"):
        await store.query("w", 0, 10_000, 10_000)
    await store.close()


def test_the_token_is_not_shown_with_the_settings():
    assert TOKEN not in repr(MetricsSettings(influx_url="http://influx:8086", influx_token=TOKEN))
