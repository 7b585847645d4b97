"""What `campaigniq bench ingest` sends is what a door takes, and its figures say what was measured."""

from itertools import count

import pytest

from infra.bench.ingest import IngestPlan, describe, measure_ingest
from infra.bench.requests import BATCH_EVENTS, templates
from tests.fuzz.door import WEB_KEY, Door, Request
from tests.kafka import found_kafka  # noqa: F401 - a fixture


def request_in(raw: bytes) -> Request:
    head, _, body = raw.partition(b"\r\n\r\n")
    (method, address, _), *headers = (
        line.split(b": ", 1) if n else line.split() for n, line in enumerate(head.split(b"\r\n"))
    )
    path, _, query = address.decode().partition("?")
    pairs = tuple((name.lower(), value) for name, value in headers)
    return Request(method.decode(), path, query.encode(), pairs, (body,))


@pytest.mark.parametrize(("kind", "events"), [("single", 1), ("gif", 1), ("batch", BATCH_EVENTS)])
def test_every_request_is_taken_by_the_short_cut(kind: str, events: int):
    numbers = count()
    with Door() as door:
        answers = [door.ask_quickly(request_in(t.with_numbers(numbers))) for t in templates(kind, WEB_KEY)[:40]]
    assert {(answer.status, answer.events) for answer in answers if answer} == {(200, events)}
    assert None not in answers


@pytest.mark.parametrize("kind", ["hello", "single", "batch"])
def test_bodies_are_as_long_as_their_heads_say(kind: str):
    raw = templates(kind, WEB_KEY)[7].with_numbers(count(1 << 60))
    head, _, body = raw.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_no_two_requests_say_the_same():
    numbers = count()
    made = [template.with_numbers(numbers) for template in templates("single", WEB_KEY) * 2]
    assert len(set(made)) == len(made)


@pytest.mark.kafka
@pytest.mark.timeout(180)
def test_a_short_measurement_tells_ratios_delays_and_memory(kafka_jars):
    figures = measure_ingest(IngestPlan(turns=1, seconds=0.5, connections=8, latency_s=1, memory_s=2))
    assert [figures[kind]["failed"] for kind in ("hello", "single", "gif", "batch")] == [0, 0, 0, 0]
    assert figures["acknowledgement"]["failed"] == 0
    assert 0 < figures["single"]["ratio_by_cpu"] < 2
    assert "durable events per CPU second" in describe(figures)
