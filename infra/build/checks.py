"""The static checks, all of them even when the first one fails, each with its time."""

import time

from infra.build.checkout import VENV_BIN, BuildError, run, say

CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)


def run_checks() -> None:
    """Run lint, format, types and layers. Raises BuildError naming those that failed."""
    failed = []
    for tool, *arguments in CHECKS:
        name = " ".join([tool, *arguments])
        started = time.perf_counter()
        try:
            run([VENV_BIN / tool, *arguments], "")
        except BuildError as error:
            say(str(error))
            failed.append(name)
        say(f"{name}: {'failed' if name in failed else 'ok'}, {time.perf_counter() - started:.1f} s")
    if failed:
        raise BuildError(f"failed: {', '.join(failed)}; what they say is above. `make format` mends style.")
