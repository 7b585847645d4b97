"""Sketches: how many different profiles (HyperLogLog), and how values lie (DDSketch). Bytes in, bytes out; pure.

DDSketch is written here because the package's sum of floats depends on the order and its bytes need protobuf: Masson,
Rim and Lee, "DDSketch: A fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec
from datasketches import HLL_6, hll_sketch, hll_union  # type: ignore[import-untyped]  # the package has no types

# The standard error of an estimate of profiles is 0.023, relative; up to about 190 of them it is exact.
_LG_K = 11
RELATIVE_ACCURACY = 0.01
_GAMMA = (1 + RELATIVE_ACCURACY) / (1 - RELATIVE_ACCURACY)
_PER_LOG = 1 / math.log(_GAMMA)
_MIDDLE = 2 / (_GAMMA + 1)
_SMALLEST = 1e-9
_LARGEST = 1e15
# Bins are numbered by rising value: 0 is zero's, 1 that of _SMALLEST, and negative values have the same negated.
_SHIFT = 1 - math.ceil(math.log(_SMALLEST) * _PER_LOG)

_encode = msgspec.msgpack.Encoder().encode
_decode_bins = msgspec.msgpack.Decoder(tuple[tuple[int, int], ...]).decode


class UniqueSketch:
    """Profiles seen. `pending` are those that `settle` has not taken in yet; hot loops append to it directly.

    Six bits a register, not four: the exceptions that four bits need stand in a table whose order a restart may change.
    """

    __slots__ = ("_hll", "pending")

    def __init__(self, image: bytes | None = None) -> None:
        self._hll = hll_sketch.deserialize(image) if image else hll_sketch(_LG_K, HLL_6)
        self.pending: list[str] = []

    def settle(self) -> list[str]:
        """Take in what is pending and return it."""
        settled = self.pending[:]
        self.pending.clear()
        self.absorb(settled)
        return settled

    def absorb(self, profiles: Sequence[str]) -> None:
        """Take in profiles that were settled before."""
        any(map(self._hll.update, profiles))  # update returns None: this is a loop in C

    def without_repeats(self, profiles: list[str]) -> list[str]:
        """Return what gives the same sketch."""
        return list(dict.fromkeys(profiles))

    def image(self) -> bytes:
        """Return what goes on, read back, as if nothing had happened."""
        return bytes(self._hll.serialize_updatable())

    def body(self) -> bytes:
        """Return what is published; the order in which profiles came is no longer all there."""
        return bytes(self._hll.serialize_compact())


class ValueSketch:
    """Values seen, each as a bin that lies within one percent of it; closer to zero than 10^-9 counts as zero."""

    __slots__ = ("_bins", "pending")

    def __init__(self, image: bytes | None = None) -> None:
        self._bins: dict[int, int] = dict(_decode_bins(image)) if image else {}
        self.pending: list[float] = []

    def settle(self) -> list[float]:
        """Take in what is pending and return it."""
        settled = self.pending[:]
        self.pending.clear()
        self.absorb(settled)
        return settled

    def absorb(self, values: Sequence[float]) -> None:
        """Take in values that were settled before."""
        bins, log, ceil, per_log, shift = self._bins, math.log, math.ceil, _PER_LOG, _SHIFT
        for value in values:
            # Most values are amounts of money: what _bin_of would say, without the call.
            number = ceil(log(value) * per_log) + shift if 1 <= value <= _LARGEST else _bin_of(value)
            bins[number] = bins.get(number, 0) + 1

    def without_repeats(self, values: list[float]) -> list[float]:
        """Return what gives the same sketch: all of them, for values count each."""
        return values

    def image(self) -> bytes:
        """Return the bins by rising value."""
        return _encode(sorted(self._bins.items()))

    def body(self) -> bytes:
        """Return what is published: the same."""
        return self.image()


class UniqueUnion:
    """All profiles of the sketches added to it."""

    def __init__(self, bodies: Iterable[bytes] = ()) -> None:
        self._union = hll_union(_LG_K)
        for body in bodies:
            self.add(body)

    def add(self, body: bytes) -> None:
        """Take in a sketch."""
        self._union.update(hll_sketch.deserialize(body))

    def body(self) -> bytes:
        """Return one sketch of all."""
        return bytes(self._union.get_result(HLL_6).serialize_compact())

    def estimate(self) -> float:
        """Return how many profiles there are: a function of their set alone, however it is spread over sketches."""
        # Merging something makes the library leave its estimator that depends on the order of arrival.
        self._union.update(self._union.get_result(HLL_6))
        return float(self._union.get_estimate())


def value_quantiles(bodies: Iterable[bytes], quantiles: Sequence[float]) -> tuple[int, list[float]]:
    """Return how many values the sketches hold together, and those at `quantiles` (0..1), none when there are none.

    The quantile q of n values is the one of rank floor(q (n - 1)), counted from 0; answers are within one percent.
    """
    bins = sorted(_added(bodies).items())
    count = sum(held for _, held in bins)
    if not count:
        return 0, []
    return count, [_value_at(bins, math.floor(quantile * (count - 1))) for quantile in quantiles]


def _added(bodies: Iterable[bytes]) -> dict[int, int]:
    bins: dict[int, int] = {}
    for body in bodies:
        for number, held in _decode_bins(body):
            bins[number] = bins.get(number, 0) + held
    return bins


def _value_at(bins: Sequence[tuple[int, int]], rank: int) -> float:
    for number, held in bins:
        rank -= held
        if rank < 0:
            return _value_of(number)
    raise AssertionError("unreachable: the rank is less than the count")


def _bin_of(value: float) -> int:
    size = min(abs(value), _LARGEST)
    if size < _SMALLEST:
        return 0
    number = math.ceil(math.log(size) * _PER_LOG) + _SHIFT
    return number if value > 0 else -number


def _value_of(number: int) -> float:
    if number == 0:
        return 0.0
    return math.copysign(_MIDDLE * math.exp((abs(number) - _SHIFT) / _PER_LOG), number)
