"""Sketches: within their error, merged exactly, the same after a restart."""

import math
import random

import pytest
from ddsketch import DDSketch

from streams.operators.sketches import UniqueSketch, UniqueUnion, value_quantiles
from tests.unit.streams.sketches_kit import DECILES, SIGMA, unique_estimate, uniques, values


def test_a_sketch_of_nothing_says_nothing():
    assert unique_estimate([]) == unique_estimate([uniques([]).body()]) == 0.0
    assert value_quantiles([], [0.5]) == value_quantiles([values([]).body()], [0.5]) == (0, [])


@pytest.mark.parametrize("many", [1, 8, 9, 190])
def test_few_profiles_are_counted_exactly(many):
    assert round(unique_estimate([uniques(map(str, range(many))).body()])) == many


@pytest.mark.parametrize("many", [1_000, 10_000, 100_000])
def test_the_error_of_estimates_is_that_of_the_books(many):
    errors = []
    for seed in range(20):
        estimate = unique_estimate([uniques(f"{seed}:{n}" for n in range(many)).body()])
        errors.append(estimate / many - 1)
    assert math.sqrt(sum(e * e for e in errors) / len(errors)) < 1.5 * SIGMA
    assert max(map(abs, errors)) < 3.5 * SIGMA


@pytest.mark.parametrize("many", [50_000, 200_000])
def test_a_large_sketch_goes_on_from_its_image_to_the_same_bytes(many):
    """With four bits a register it would not: its table of exceptions comes back in another order."""
    draw = random.Random(many)
    for _ in range(10):
        sketch = uniques(str(draw.getrandbits(48)) for _ in range(many))
        again = UniqueSketch(sketch.image())
        assert (again.image(), again.body()) == (sketch.image(), sketch.body())


def test_a_merged_sketch_is_one_of_all():
    parts = [uniques(map(str, range(start, start + 700))) for start in (0, 500, 1000)]
    merged = UniqueUnion(part.body() for part in parts).body()
    assert unique_estimate([merged]) == unique_estimate([uniques(map(str, range(1700))).body()])


def test_merged_values_are_those_of_all():
    parts = [values([1, 2, -3]).body(), values([2, 0]).body()]
    assert value_quantiles(parts, DECILES) == value_quantiles([values([-3, 0, 1, 2, 2]).body()], DECILES)


def test_quantiles_are_those_of_the_package():
    draw = random.Random(3)
    numbers = [draw.lognormvariate(3, 2) * draw.choice([1, 1, 1, -1]) for _ in range(5_000)]
    theirs = DDSketch(0.01)
    for number in numbers:
        theirs.add(number)
    quantiles = [0, 0.01, 0.25, 0.5, 0.9, 0.99, 1]
    _, ours = value_quantiles([values(numbers).body()], quantiles)
    assert ours == pytest.approx([theirs.get_quantile_value(q) for q in quantiles], rel=0.021)


@pytest.mark.parametrize("number", [0.0, 1e-12, 1e-9, 0.01, 19.99, -5.0, 1e15, -1e15])
def test_a_single_value_comes_back_within_a_percent(number):
    _, [found] = value_quantiles([values([number]).body()], [0.5])
    assert found == pytest.approx(number, rel=0.0101, abs=1e-9)


def test_what_is_larger_than_any_amount_counts_as_the_largest():
    assert values([1e300]).body() == values([1e15]).body()
