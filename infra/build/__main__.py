"""`python3 -m infra.build STEP...`, what the Makefile calls. Must parse on any Python 3.

An old one is told what to do, or replaced.
"""

import os
import shutil
import sys

NEEDED = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def main() -> int:
    """Run the steps on a Python that is new enough, found on PATH if this one is not."""
    if sys.version_info < NEEDED:
        found = [path for path in map(shutil.which, NEWER) if path]
        if found:
            os.execv(found[0], [found[0], "-m", "infra.build", *sys.argv[1:]])  # noqa: S606 - no shell is wanted
        sys.stderr.write(
            "CampaignIQ needs Python 3.11 or newer; {} is {}.{}. Install one (on Debian 12 or newer: "
            "apt-get install python3 python3-venv) and name it: make PYTHON=python3.11 ...\n".format(
                sys.executable, *sys.version_info[:2]
            )
        )
        return 1
    from infra.build.steps import run_steps  # noqa: PLC0415 - an older Python can't read the modules behind it

    return run_steps(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
