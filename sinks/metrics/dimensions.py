"""What a metric query may ask for, and how its steps fall; the same for every store."""

from collections.abc import Iterable

DIMENSIONS = ("event", "campaign", "source", "currency")
UNIQUE_DIMENSIONS = ("event", "campaign", "source")


def check_query(step_ms: int, group_by: str, where: Iterable[str]) -> None:
    """Raise ValueError, naming the argument, unless every store can answer; names end up in SQL and Flux text."""
    if step_ms <= 0:
        raise ValueError(f"step_ms: {step_ms} is not positive. Send a number of milliseconds, e.g. 60000")
    known = ", ".join(DIMENSIONS)
    if group_by and group_by not in DIMENSIONS:
        raise ValueError(f"group_by: {group_by!r} is not known. Use one of {known}, or nothing for one total")
    for name in where:
        if name not in DIMENSIONS:
            raise ValueError(f"where: {name!r} is not known. Use some of {known}")


def check_dimension(dimension: str) -> None:
    """Raise ValueError unless unique profiles are kept by `dimension`."""
    if dimension not in UNIQUE_DIMENSIONS:
        raise ValueError(f"dimension: {dimension!r} is not known. Use one of {', '.join(UNIQUE_DIMENSIONS)}")


def check_quantiles(quantiles: Iterable[float]) -> None:
    """Raise ValueError unless all lie in 0..1."""
    for quantile in quantiles:
        if not 0 <= quantile <= 1:
            raise ValueError(f"quantiles: {quantile} does not lie between 0 and 1")


def step_start(at_ms: int, step_ms: int) -> int:
    """Return the start of the step that holds `at_ms`; steps are aligned to multiples of their length."""
    return at_ms - at_ms % step_ms
