"""Wildcards: `*` stands for any text, everything else for itself. Matching is linear, whatever pattern and text are."""

from collections.abc import Callable


def compile_wildcard(pattern: str) -> Callable[[str], bool]:
    """Return a test for texts that the pattern fits as a whole, with regard to case."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern.__eq__
    *middle, last = rest
    inner = tuple(part for part in middle if part)
    shortest = sum(map(len, (first, last, *inner)))

    def fits(text: str) -> bool:
        if len(text) < shortest or not (text.startswith(first) and text.endswith(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for part in inner:
            # The leftmost place is as good as any other: it leaves the most for the parts that follow.
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return fits
