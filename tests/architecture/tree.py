"""The files of the project, as git knows them: tracked, or new and not ignored."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("streams", "ingest", "sinks", "api", "dashboards", "infra")


@cache
def project_files() -> tuple[Path, ...]:
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = (ROOT / name for name in listed.split("\0") if name)
    return tuple(sorted(path for path in found if path.is_file()))


def modules(*suffixes: str) -> list[Path]:
    return [path for path in project_files() if path.suffix in suffixes]


def module_names() -> list[str]:
    """The dotted names of all modules that ship; `__main__` modules run when imported."""
    names = []
    for path in modules(".py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in PACKAGES and parts[-1] != "__main__":
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names
