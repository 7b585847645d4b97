"""Run as a script with a root and module names: imports them and prints, as JSON, what the imports did besides.

A process of its own is needed, as nothing may be loaded yet; audit events see what patched functions would miss.
"""

import importlib
import json
import os
import sys
import traceback

TOUCHING = {"socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen", "os.mkdir", "os.remove"}


class Watch:
    """Notes what is done while it is on, if the project's own code asked for it and not a package it imports."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.on = False
        self.found: list[str] = []

    def on_audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and (event in TOUCHING or (event == "open" and self._is_notable(arguments))):
            self._note(f"{event} {arguments[0]}")

    def _is_notable(self, arguments: tuple[object, ...]) -> bool:
        path, flags = str(arguments[0]), arguments[2]
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return bool(writes) or (path.startswith(self.root) and not path.endswith((".py", ".pyc")))

    def _note(self, what: str) -> None:
        for frame, line in traceback.walk_stack(sys._getframe(2)):
            path = frame.f_code.co_filename
            if "site-packages" in path:
                return
            if path.startswith(self.root):
                self.found.append(f"{path}:{line} {what}")
                return

    def on_environment(self) -> None:
        """Have reads of environment variables noted too; they raise no audit event."""
        original = os.environ.__class__.__getitem__

        def getitem(environ: "os._Environ[str]", key: str) -> str:
            if self.on:
                self._note(f"reads the environment variable {key}")
            return original(environ, key)

        os.environ.__class__.__getitem__ = getitem  # type: ignore[method-assign]


def main(root: str, names: list[str]) -> None:
    sys.path.insert(0, root)
    sys.dont_write_bytecode = True
    watch = Watch(root)
    watch.on_environment()
    sys.addaudithook(watch.on_audit)
    watch.on = True
    for name in names:
        importlib.import_module(name)
    watch.on = False
    sys.stdout.write(json.dumps(watch.found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
