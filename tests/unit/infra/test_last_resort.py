"""A process that was told to end ends, even when its main thread waits for something that never comes."""

import subprocess
import sys

from infra.last_resort import STATUS

HOLDING = """
import gc, datasketches, infra.last_resort
class Holder: pass
one = Holder()
one.one, one.sketch = one, datasketches.kll_floats_sketch(200)
gc.freeze()
del one
print("last words")
infra.last_resort.leave(1)
"""
STUCK = "import threading; from infra.last_resort import exit_within; exit_within(0.1); threading.Event().wait()"


def test_a_process_that_is_stuck_is_cut_off():
    assert (
        subprocess.run([sys.executable, "-c", STUCK], check=False, timeout=20, capture_output=True).returncode == STATUS
    )


def test_a_process_that_leaves_says_nothing_about_what_it_held():
    done = subprocess.run([sys.executable, "-c", HOLDING], check=False, timeout=20, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "last words\n", "")
