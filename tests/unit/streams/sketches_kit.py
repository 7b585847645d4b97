"""What tests of sketches share: sketches of something, and what they tell."""

import math
from collections.abc import Iterable

from streams.operators.sketches import UniqueSketch, UniqueUnion, ValueSketch

SIGMA = 1.04 / math.sqrt(2048)
DECILES = tuple(n / 10 for n in range(11))


def uniques(profiles: Iterable[str]) -> UniqueSketch:
    sketch = UniqueSketch()
    sketch.absorb(list(profiles))
    return sketch


def values(numbers: Iterable[float]) -> ValueSketch:
    sketch = ValueSketch()
    sketch.absorb(list(numbers))
    return sketch


def unique_estimate(bodies: Iterable[bytes]) -> float:
    return UniqueUnion(bodies).estimate()
