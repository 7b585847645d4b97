"""The HTTP server: one port; ingest's paths go straight to ingest, everything else to the API and the page."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.quick_http import Quick, Senders, protocol_with
from infra.settings import ServerSettings
from ingest.quick import PATHS as QUICK_PATHS
from streams.model.errors import ConfigurationError

INGEST_PATHS = ("/v1/", "/p.gif", "/pixel", "/stub.js", "/webhooks/", "/c/", "/o/")
MAX_CONNECTIONS = 1_000
SHUTDOWN_S = 3


class Front:
    """Chooses the application by path, before any router or middleware costs time."""

    def __init__(self, ingest: ASGIApp, api: ASGIApp) -> None:
        self._ingest = ingest
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        is_ingest = scope["type"] == "http" and scope["path"].startswith(INGEST_PATHS)
        await (self._ingest if is_ingest else self._api)(scope, receive, send)


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the platform decides when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def bind(settings: ServerSettings) -> socket.socket:
    """Return a bound socket. Raises ConfigurationError naming the port and the remedy."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            "server.port",
            f"{settings.host}:{settings.port} can't be listened on: {error.strerror}",
            "Stop what uses it, or choose another with --port",
        ) from error
    return listener


def url_of(listener: socket.socket, host: str) -> str:
    """Return where this machine reaches what listens on `host`."""
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104  compared, not bound
    return f"http://{shown}:{listener.getsockname()[1]}"


def create_server(
    app: ASGIApp,
    trusted_proxies: Iterable[object] = (),
    quick: Quick | None = None,
) -> Server:
    """Return the server; run `serve([socket])`, stop it by setting `should_exit`. `quick` is a short cut before `app`.

    Who a request is from, and by which scheme, is taken from the headers of these proxies alone.
    """
    proxies = [str(proxy) for proxy in trusted_proxies]
    return Server(
        uvicorn.Config(
            app,
            http=protocol_with(quick, QUICK_PATHS, Senders(proxies)) if quick else "httptools",
            ws="websockets-sansio",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=30,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
    )
