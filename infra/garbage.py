"""What the garbage collector is spared in a process that has started: what is alive by then stays so for good."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Events and profiles hold no cycles. With Python's own thresholds looking for some would cost a tenth of the CPU time.
THRESHOLDS = (50_000, 50, 100)


@contextmanager
def importing() -> Iterator[None]:
    """Import inside of it: what modules are made of stays, and looking for garbage in it takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def spare_what_lives() -> None:
    """Call it once all parts have started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
