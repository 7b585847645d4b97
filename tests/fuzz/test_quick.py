"""The short cut answers and keeps as the ordinary way does, whatever it is asked."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.door import Door, Request
from tests.fuzz.requests import calls, pictures
from tests.fuzz.test_requests import fuzzed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REQUESTS = 2_000
TAKEN_AT_LEAST = 150


@pytest.fixture(scope="module", name="doors")
def two_doors() -> Iterator[tuple[Door, Door]]:
    with Door() as ordinary, Door() as quick:
        yield ordinary, quick


@pytest.fixture(scope="module", name="tally")
def tally_of_ways() -> Counter[str]:
    return Counter()


@fuzzed(REQUESTS)
@given(request=st.one_of(calls(), calls(), pictures()))
def test_it_answers_and_keeps_what_the_ordinary_way_does(
    doors: tuple[Door, Door], tally: Counter[str], request: Request
):
    ordinary, quick = doors
    wanted, found = ordinary.ask(request), quick.ask_quickly(request)
    tally["quick" if found else "ordinary"] += 1
    if found is None:
        quick.ask(request)  # so that both know the same afterwards
        return
    assert (found.status, found.headers, found.body, found.events) == (
        wanted.status,
        wanted.headers,
        wanted.body,
        wanted.events,
    )
    assert [letter.code for letter in found.letters] == [letter.code for letter in wanted.letters]


def test_enough_requests_took_it(tally: Counter[str]):
    assert tally["quick"] >= TAKEN_AT_LEAST
