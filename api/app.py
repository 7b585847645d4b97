"""Builds the API's ASGI application out of its ports. Opens nothing and starts nothing."""

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from api import addresses, errors, pages, schemas
from api.deps import ApiDeps
from api.routes import (
    accounts,
    alerts,
    dead_letters,
    debugger,
    deliveries,
    erasures,
    health,
    ingest,
    leads,
    live,
    metrics,
    rules,
    session,
    sources,
)
from api.security import Guard
from api.spa import Dashboard

_ROUTERS = (
    leads.router,
    accounts.router,
    deliveries.router,
    metrics.router,
    alerts.router,
    rules.router,
    sources.router,
    sources.schema_router,
    dead_letters.router,
    debugger.router,
    erasures.router,
    ingest.router,
    session.router,
)
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": schemas.ErrorBody, "description": "Not signed in."},
    422: {"model": schemas.ErrorBody, "description": "A parameter is not usable; `field` names it."},
}


class _Api(FastAPI):
    """Documents beside its own routes those that are served elsewhere."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            told, others = super().openapi(), self.state.deps.documented
            told["paths"] |= others.get("paths", {})
            for kind, named in others.get("components", {}).items():
                told.setdefault("components", {}).setdefault(kind, {}).update(named)
            self.openapi_schema = told
        return self.openapi_schema


def create_api(deps: ApiDeps) -> FastAPI:
    """Return the application: extra routes first, then the API, then the dashboard for all other addresses."""
    app = _Api(title="CampaignIQ", version=deps.about.version, docs_url=None, redoc_url=None)
    app.state.deps = deps
    errors.install(app)
    app.router.routes[:0] = deps.extra_routes
    app.include_router(health.router)
    app.include_router(ingest.probes)
    for router in _ROUTERS:
        app.include_router(router, responses=_REFUSALS)
    app.include_router(live.router)
    app.router.routes += [Route("/docs", _docs), addresses.Unserved(), _dashboard(deps)]
    app.add_middleware(addresses.HeadAsGet)
    app.add_middleware(Guard, hosts=deps.settings.trusted_hosts, open_to_all=deps.extra_routes)
    return app


def _dashboard(deps: ApiDeps) -> BaseRoute:
    if deps.static and (deps.static / "index.html").is_file():
        return Mount("/", Dashboard(deps.static))
    return Route("/{path:path}", _not_built)


async def _docs(request: Request) -> HTMLResponse:
    return pages.routes(request.app.openapi())


async def _not_built(_request: Request) -> Response:
    return pages.not_built()
