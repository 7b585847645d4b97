"""Importing a module does nothing that the outside could notice, and reads neither settings nor files."""

import json
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT, module_names

WATCH = ROOT / "tests" / "architecture" / "import_watch.py"


def touched_by_importing(root: Path, *names: str) -> list[str]:
    argv = [sys.executable, "-W", "error", str(WATCH), str(root), *names]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_any_module_touches_nothing() -> None:
    assert touched_by_importing(ROOT, *module_names()) == []


def test_the_watch_sees_a_module_that_touches_something(tmp_path: Path) -> None:
    (tmp_path / "culprit.py").write_text(
        "import os, socket, sqlite3\n"
        "os.environ.get('HOME')\n"
        "sqlite3.connect(':memory:').close()\n"
        "open('left_behind', 'w').close()\n"
        "with socket.socket() as s:\n    s.bind(('127.0.0.1', 0))\n"
    )
    touched = [line.split(" ", 1) for line in touched_by_importing(tmp_path, "culprit")]
    assert [what.split()[0] for _, what in touched] == ["reads", "sqlite3.connect", "open", "socket.bind"]
    assert all(where.startswith(f"{tmp_path}/culprit.py:") for where, _ in touched)
