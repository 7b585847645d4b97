"""A process that was told to end ends, even when its main thread waits for something that never comes."""

import subprocess
import sys

from infra.last_resort import STATUS

STUCK = "import threading; from infra.last_resort import exit_within; exit_within(0.1); threading.Event().wait()"


def test_a_process_that_is_stuck_is_cut_off():
    assert (
        subprocess.run([sys.executable, "-c", STUCK], check=False, timeout=20, capture_output=True).returncode == STATUS
    )
