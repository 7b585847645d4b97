"""The virtual environment: made once, filled from the hashed locks, with this checkout installed as `campaigniq`."""

import shutil
import sys
from pathlib import Path

from infra.build import stamps
from infra.build.checkout import LOCKS, ROOT, VENV, VENV_BIN, VENV_PYTHON, BuildError, Command, run, say

RUNTIME_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
_REACH = "Check that this machine reaches its Python package index, then run make again."
_VENV = "On Debian: apt-get install python3-venv. Elsewhere: install a Python 3.11 or newer that has the venv module."
_PIP_INSTALL: Command = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
_UV_INSTALL: Command = [VENV_BIN / "uv", "pip", "install", "--quiet", "--python", VENV_PYTHON]
# Compiled now, as pip does: else each start compiles anew wherever Python may not write byte code.
_UV_ENV = {"UV_SYSTEM_CERTS": "true", "UV_NO_PROGRESS": "1", "UV_COMPILE_BYTECODE": "1"}


def ensure_environment(dev: bool) -> None:
    """Bring .venv to what the locks say; `dev` adds the tools of tests and checks."""
    wanted = {"runtime": _digest(RUNTIME_LOCK), **({"dev": _digest(DEV_LOCK)} if dev else {})}
    if VENV_PYTHON.is_file() and all(stamps.is_current(name, value) for name, value in wanted.items()):
        return
    _ensure_venv()
    lock = DEV_LOCK if dev else RUNTIME_LOCK
    say(f"installing {lock.name} into .venv")
    install_lock(lock)
    install_lock(LOCKS / "setuptools.lock")
    _install_checkout()
    for name, value in wanted.items():
        stamps.write(name, value)


def install_lock(lock: Path) -> None:
    """Install a lock's packages, each checked against its hashes: with uv when it can be had, else with pip."""
    arguments: Command = ["--require-hashes", "-r", lock]
    if _ensure_uv():
        try:
            run([*_UV_INSTALL, *arguments], _REACH, env=_UV_ENV)
        except BuildError as error:
            # A mirror that only pip is told of is no reason to fail.
            say(f"{error}\ntrying pip")
        else:
            return
    run([*_PIP_INSTALL, "--no-deps", *arguments], _REACH)


def _install_checkout() -> None:
    arguments: Command = ["--no-deps", "--no-build-isolation", "--editable", ROOT]
    # compat: a plain path file, which costs nothing at start and is understood by every tool
    mode = "editable_mode=compat"
    remedy = "pyproject.toml can't be built; the output above says why."
    if (VENV_BIN / "uv").is_file():
        run([*_UV_INSTALL, f"--config-setting={mode}", *arguments], remedy, env=_UV_ENV)
    else:
        run([*_PIP_INSTALL, f"--config-settings={mode}", *arguments], remedy)


def _ensure_venv() -> None:
    moved = stamps.read("root") not in ("", str(ROOT))
    if moved or not _is_usable():
        stamps.forget("runtime", "dev", "uv")
        if VENV.exists():
            shutil.rmtree(VENV)
        say(f"making .venv with Python {sys.version.split()[0]}")
        run([sys.executable, "-m", "venv", VENV], _VENV)
    stamps.write("root", str(ROOT))


def _is_usable() -> bool:
    if not VENV_PYTHON.is_file():
        return False
    try:
        run([VENV_PYTHON, "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"], "")
    except BuildError:
        return False
    return True


def _ensure_uv() -> bool:
    lock = LOCKS / "uv.lock"
    value = stamps.digest([lock])
    if (VENV_BIN / "uv").is_file() and stamps.is_current("uv", value):
        return True
    try:
        run([*_PIP_INSTALL, "--only-binary=:all:", "--require-hashes", "-r", lock], _REACH)
    except BuildError:
        return False
    stamps.write("uv", value)
    return True


def _digest(lock: Path) -> str:
    return stamps.digest([lock, ROOT / "pyproject.toml", *sorted(LOCKS.glob("*.lock"))], str(ROOT))
