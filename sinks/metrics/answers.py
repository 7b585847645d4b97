"""Answers made of stored sketches; the same for every store."""

from collections.abc import Iterable, Sequence

from streams.operators.sketches import UniqueUnion, value_quantiles
from streams.ports import Quantiles, Uniques


def uniques_of(sketches: Iterable[tuple[str, bytes]]) -> Uniques:
    """Return the answer for (name, body) of all partitions and parts, in any order."""
    unions: dict[str, UniqueUnion] = {}
    for name, body in sketches:
        union = unions.get(name)
        if union is None:
            union = unions[name] = UniqueUnion()
        union.add(body)
    together = UniqueUnion(union.body() for union in unions.values())
    return Uniques(together.estimate(), {name: unions[name].estimate() for name in sorted(unions)})


def quantiles_of(bodies: Iterable[bytes], quantiles: Sequence[float]) -> Quantiles:
    """Return the answer for the sketches of all partitions and parts, in any order."""
    return Quantiles(*value_quantiles(bodies, quantiles))
