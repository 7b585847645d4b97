"""Saltmoor, the demo's shop: pages that carry the pixel. It keeps no data; what visitors do travels as events alone."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from infra.demo import controls as switches
from infra.demo.catalogue import BY_SLUG, CURRENCY, DISCOUNTS, PRODUCTS
from infra.demo.controls import TrafficControls

_HERE = Path(__file__).parent
PIXEL_STUB = "window.ciq=window.ciq||function(){(ciq.q=ciq.q||[]).push(arguments)}"
_DONE = {
    "outage": "The mobile app has gone quiet. Watch the dashboard: an alert should fire shortly.",
    "burst": "Eight times the visitors are on their way.",
    "normal": "Traffic is back to normal.",
}


def create_shop(
    write_key: str,
    pixel_src: str = "/pixel.js",
    controls: TrafficControls | None = None,
    cart_window_s: float = 3600.0,
    dashboard_url: str = "/",
) -> Starlette:
    """Return the shop, to be mounted below any path (`/shop`); without `controls` its switches are not offered."""
    pages = _Pages(write_key, pixel_src, controls, cart_window_s, dashboard_url)
    plain = ("home", "cart", "checkout", "thanks", "pricing", "tasting")
    return Starlette(
        routes=[
            *(Route("/" if name == "home" else f"/{name}", pages.plain(name)) for name in plain),
            Route("/p/{slug}", pages.product),
            Route("/controls", pages.controls),
            Route("/controls/{action}", pages.control, methods=["POST"]),
            Mount("/static", _Static(directory=_HERE / "static")),
        ],
        exception_handlers={HTTPException: pages.error},
    )


class _Static(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        if isinstance(response, FileResponse):
            # Ask each time (it is answered 304): a new release must not meet an old script.
            response.headers["Cache-Control"] = "no-cache"
        return response


class _Pages:
    def __init__(
        self,
        write_key: str,
        pixel_src: str,
        traffic: TrafficControls | None,
        cart_window_s: float,
        dashboard_url: str,
    ) -> None:
        self._traffic = traffic
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["money"] = "${:,.2f}".format
        self._environment.globals.update(
            write_key=write_key,
            pixel_src=pixel_src,
            pixel_stub=PIXEL_STUB,
            products=PRODUCTS,
            catalogue={p.slug: {"name": p.name, "kind": p.kind, "price": p.price} for p in PRODUCTS},
            currency=CURRENCY,
            discounts=DISCOUNTS,
            window=_seconds_in_words(cart_window_s),
            dashboard_url=dashboard_url,
        )
        self._headers = {
            "Content-Security-Policy": _content_security_policy(pixel_src),
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }

    def plain(self, name: str) -> Any:
        async def page(request: Request) -> Response:
            return self._render(request, f"{name}.html")

        return page

    async def product(self, request: Request) -> Response:
        product = BY_SLUG.get(request.path_params["slug"])
        if product is None:
            raise HTTPException(404)
        others = [other for other in PRODUCTS if other is not product]
        start = PRODUCTS.index(product) % len(others)
        related = [*others[start:], *others[:start]][:3]
        return self._render(request, "product.html", {"product": product, "related": related})

    async def controls(self, request: Request) -> Response:
        status = self._traffic.status() if self._traffic else None
        note = _DONE.get(request.query_params.get("done", ""), "")
        context = {"status": status, "note": note, "switches": switches}
        return self._render(request, "controls.html", context)

    async def control(self, request: Request) -> Response:
        if not switches.is_same_origin(request):
            raise HTTPException(403)
        action = request.path_params["action"]
        if self._traffic is None or not switches.act(self._traffic, action):
            raise HTTPException(404)
        return RedirectResponse(f"{request.scope.get('root_path', '')}/controls?done={action}", 303)

    async def error(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._render(request, "error.html", {"status": status}, status)

    def _render(
        self, request: Request, template: str, context: Mapping[str, Any] | None = None, status: int = 200
    ) -> HTMLResponse:
        base = request.scope.get("root_path", "")
        page = self._environment.get_template(template)
        return HTMLResponse(page.render(base=base, **(context or {})), status, self._headers)


def _content_security_policy(pixel_src: str) -> str:
    digest = base64.b64encode(hashlib.sha256(PIXEL_STUB.encode()).digest()).decode()
    parts = urlsplit(pixel_src)
    elsewhere = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return (
        f"default-src 'self'; script-src 'self' 'sha256-{digest}'{elsewhere}; connect-src 'self'{elsewhere}; "
        f"img-src 'self' data:{elsewhere}; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'"
    )


def _seconds_in_words(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return f"{seconds:g} seconds"
