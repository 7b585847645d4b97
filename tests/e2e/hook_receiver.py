"""A real HTTP receiver for signed webhooks; it believes what the Standard Webhooks library verifies, nothing else."""

import base64
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = "whsec_" + base64.b64encode(b"a secret of enough bytes").decode()


class HookReceiver:
    """Use as a context manager; `wait_for` blocks until a verified hook of a type is there."""

    def __init__(self) -> None:
        self.verified: list[dict[str, Any]] = []
        self.refused = 0
        self._changed = threading.Condition()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(owner.take(body, dict(self.headers)))
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "HookReceiver":  # noqa: PYI034  never subclassed
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def settings(self) -> dict[str, object]:
        """What makes the platform announce alerts here."""
        return {
            "ALERTS__WEBHOOK_URL": f"http://127.0.0.1:{self._server.server_port}/alerts",
            "ALERTS__WEBHOOK_SECRET": SECRET,
            "ALERTS__ALLOW_PRIVATE_TARGETS": "true",
        }

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        try:
            hook = Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()})
        except WebhookVerificationError:
            self.refused += 1
            return 401
        with self._changed:
            self.verified.append(hook)
            self._changed.notify_all()
        return 204

    def wait_for(self, kind: str, timeout_s: float) -> dict[str, Any]:
        ends = time.monotonic() + timeout_s
        with self._changed:
            while not (found := [hook for hook in self.verified if hook["type"] == kind]):
                assert self._changed.wait(ends - time.monotonic()), f"no {kind} hook within {timeout_s} s"
        return found[0]
