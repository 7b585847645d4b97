"""What the garbage collector is spared in a process that has started: what is alive by then stays so for good."""

import gc

# Events and profiles hold no cycles. With Python's own thresholds looking for some would cost a tenth of the CPU time.
THRESHOLDS = (50_000, 50, 100)


def spare_what_lives() -> None:
    """Call it once all parts have started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
