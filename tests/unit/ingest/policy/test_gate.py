"""The gate: pages that a source allows, how much it may send, and that one source never uses up another's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from ingest.errors import OriginError, RateLimitedError
from ingest.policy.bucket import TokenBuckets
from ingest.policy.gate import WEBHOOK_GENEROSITY, SourceGate
from tests.unit.ingest.policy.kit import a_source


def asking(method: str = "POST", **headers: str) -> Request:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": pairs, "query_string": b""})


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("allowed", "origin", "is_welcome"),
    [
        ("https://shop.example", "https://shop.example", True),
        ("https://shop.example", "https://SHOP.example", True),
        ("https://shop.example", "https://shop.example:443", True),
        ("https://shop.example", "http://shop.example", False),
        ("https://shop.example", "https://shop.example:8443", False),
        ("https://shop.example", "https://shop.example.evil.test", False),
        ("https://shop.example", "https://evil.test", False),
        ("https://shop.example", "null", False),
        ("null", "null", True),
        ("*.shop.example", "https://www.shop.example", True),
        ("*.shop.example", "http://a.b.shop.example:8080", True),
        ("*.shop.example", "https://shop.example", True),
        ("*.shop.example", "https://evilshop.example", False),
        ("*.shop.example", "https://shop.example@evil.test", False),
        ("*.shop.example", "android-app://shop.example", False),
        ("https://*.shop.example", "https://www.shop.example", True),
        ("https://*.shop.example", "http://www.shop.example", False),
        ("https://*.shop.example", "https://www.shop.example:444", False),
        ("http://[::1]:8000", "http://[::1]:8000", True),
        ("https://shop.example", "http://[", False),
        ("*.shop.example", "https://evil.com\\.shop.example", False),
        ("*.shop.example", "https://evil.com%2f.shop.example", False),
        ("*.shop.example", "https://evil.com%5c.shop.example", False),
        ("*.shop.example", "https://evil.com\t.shop.example", False),
        ("*.shop.example", "https://evil.com;.shop.example", False),
        ("*.shop.example", "https://evil.com/.shop.example", False),
        ("*.shop.example", "https://a_b.xn--bcher-kva.shop.example", True),
    ],
)
def test_a_page_is_welcome_when_the_source_allows_it(allowed: str, origin: str, is_welcome: bool):
    gate, source = SourceGate(Clock()), a_source(allowed_origins=(allowed,))
    try:
        gate.admit(asking(origin=origin), source)
    except OriginError:
        assert not is_welcome
    else:
        assert is_welcome


def test_without_origin_the_referer_tells_the_page():
    gate, source = SourceGate(Clock()), a_source(allowed_origins=("https://shop.example",))
    gate.admit(asking("GET", referer="https://shop.example/cart?x=https://evil.test"), source)
    with pytest.raises(OriginError, match=r"evil\.test"):
        gate.admit(asking("GET", referer="https://evil.test/?https://shop.example"), source)


def test_a_picture_of_no_page_passes_and_a_post_of_no_page_does_not():
    gate, source = SourceGate(Clock()), a_source(allowed_origins=("https://shop.example",))
    gate.admit(asking("GET"), source)
    with pytest.raises(OriginError):
        gate.admit(asking("POST"), source)


def test_any_page_may_send_to_a_source_that_names_none_and_servers_have_no_page():
    gate = SourceGate(Clock())
    gate.admit(asking(origin="https://anywhere.test"), a_source())
    gate.admit(asking(), a_source("server", allowed_origins=("https://shop.example",)))


def test_what_exceeds_the_rate_is_told_when_to_come_back():
    clock = Clock()
    gate, source = SourceGate(clock), a_source(rate_per_s=10, burst=20)
    gate.spend(source, 20)
    with pytest.raises(RateLimitedError) as refused:
        gate.spend(source, 5)
    assert refused.value.retry_after_s == pytest.approx(0.5)
    clock.now += refused.value.retry_after_s
    gate.spend(source, 5)


def test_a_batch_larger_than_the_burst_passes_when_the_bucket_is_full_and_is_paid_off():
    clock = Clock()
    gate, source = SourceGate(clock), a_source(rate_per_s=10, burst=20)
    gate.spend(source, 100)
    with pytest.raises(RateLimitedError) as refused:
        gate.spend(source, 1)
    assert refused.value.retry_after_s == pytest.approx(8.1)


def test_what_messages_became_more_than_one_event_each_is_paid_off_by_the_next():
    clock = Clock()
    gate, source = SourceGate(clock), a_source(rate_per_s=10, burst=20)
    gate.owe(source, 5)  # of one that was never let in, or long ago: nothing is known of it
    gate.spend(source, 1)
    gate.owe(source, 249)
    with pytest.raises(RateLimitedError) as refused:
        gate.spend(source, 1)
    assert refused.value.retry_after_s == pytest.approx(23.1)
    clock.now += refused.value.retry_after_s
    gate.spend(source, 1)


def test_a_flooding_source_leaves_anothers_room_untouched():
    gate = SourceGate(Clock())
    flood = a_source(rate_per_s=10, burst=10)
    quiet = a_source("server", rate_per_s=10, burst=10)
    quiet = type(quiet)("quiet", "ws", "server", "wk2", policy=quiet.policy)
    refused = 0
    for _ in range(1_000):
        try:
            gate.spend(flood, 1)
        except RateLimitedError:
            refused += 1
    gate.spend(quiet, 10)
    assert refused == 990


def test_webhooks_have_a_bucket_of_their_own_and_a_generous_one():
    gate, source = SourceGate(Clock()), a_source("shopify", rate_per_s=1, burst=10)
    gate.spend(source, 10)
    gate.spend(source, 10 * WEBHOOK_GENEROSITY, is_webhook=True)
    with pytest.raises(RateLimitedError):
        gate.spend(source, 1, is_webhook=True)


def test_a_clock_that_steps_back_lets_nothing_through_twice():
    buckets = TokenBuckets()
    assert buckets.take("a", 10, 1, 10, 100) == 0
    assert buckets.take("a", 1, 1, 10, 50) == pytest.approx(1)
    assert buckets.take("a", 1, 1, 10, 101) == 0


def test_a_lower_burst_holds_at_once():
    buckets = TokenBuckets()
    buckets.take("a", 1, 1, 100, 0)
    assert buckets.take("a", 5, 1, 5, 0) == 0
    assert buckets.take("a", 1, 1, 5, 0) > 0


def test_buckets_of_sources_long_silent_take_no_memory():
    buckets = TokenBuckets()
    for number in range(50_000):
        buckets.take(str(number), 1, 1, 1, number)
    assert len(buckets) <= 10_000


knocks = st.lists(st.tuples(st.floats(0, 5), st.integers(1, 60)), max_size=80)


@given(knocks, st.floats(0.5, 200), st.integers(1, 50))
def test_no_span_lets_more_through_than_burst_and_rate(asked: list[tuple[float, int]], rate: float, burst: int):
    buckets, now, passed = TokenBuckets(), 0.0, []
    for pause, cost in asked:
        now += pause
        if buckets.take("a", cost, rate, burst, now) == 0:
            passed.append((now, cost))
    for first, (start, _) in enumerate(passed):
        for last in range(first, len(passed)):
            largest = max([burst, *(cost for _, cost in passed[first : last + 1])])
            total = sum(cost for _, cost in passed[first : last + 1])
            assert total <= largest + rate * (passed[last][0] - start) + 1e-6


@given(knocks, st.floats(0.5, 200), st.integers(1, 50))
def test_who_waits_as_long_as_told_is_let_in(asked: list[tuple[float, int]], rate: float, burst: int):
    buckets, now = TokenBuckets(), 0.0
    for pause, cost in asked:
        now += pause
        if wait := buckets.take("a", cost, rate, burst, now):
            now += wait * (1 + 1e-9) + 1e-9
            assert buckets.take("a", cost, rate, burst, now) == 0
