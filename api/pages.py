"""The few pages that the server writes itself: notes in the dashboard's place, the list of routes. No scripts."""

from collections.abc import Mapping
from html import escape
from typing import Any

import orjson
from starlette.responses import HTMLResponse

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2321; --soft: #5d6964; --line: #d9ded9; --paper: #f5f5f1; --card: #fff;
  --accent: #0b6b4f }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebe7; --soft: #98a49e; --line: #2b3330; --paper: #0e1214; --card: #161b1d; --accent: #5fcfa6 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { max-width: 34rem; margin: 14vh auto 4rem; padding: 2.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 14px }
main.wide { max-width: 60rem; margin-top: 3rem }
.brand { margin: 0 0 1.5rem; font-weight: 650; letter-spacing: -.01em; color: var(--accent) }
h1 { margin: 0 0 .5rem; font-size: 1.45rem; letter-spacing: -.015em; line-height: 1.25 }
h2 { margin: 2.25rem 0 .25rem; font: 600 .95rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
p { margin: .5rem 0; color: var(--soft) } a { color: var(--accent) }
code, pre { font: .9em/1.5 ui-monospace, monospace; color: var(--ink) }
pre { margin: 1rem 0; padding: .75rem 1rem; background: var(--paper); border-radius: 8px; overflow-x: auto }
form { display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; margin-top: .75rem }
label, li { font-size: .8rem; color: var(--soft) } ul { margin: .5rem 0; padding-left: 1.1rem }
input, button { display: block; padding: .4rem .6rem; font: inherit; border: 1px solid var(--line);
  border-radius: 7px; background: var(--card); color: inherit }
input { width: 9rem } button { background: var(--accent); color: var(--card); border-color: transparent }
"""


def _page(title: str, content: str, status: int = 200, css_class: str = "") -> HTMLResponse:
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · CampaignIQ</title><style>{_STYLE}</style></head>"
        f'<body><main class="{css_class}"><p class="brand">CampaignIQ</p>{content}</main></body></html>'
    )
    return HTMLResponse(body, status, {"Cache-Control": "no-store"})


def link_spent() -> HTMLResponse:
    return _page(
        "Sign in",
        "<h1>This sign-in link no longer works</h1>"
        "<p>A link signs in one browser, once, and only for a while. Get a new one where CampaignIQ runs:</p>"
        "<pre>campaigniq sign-in --data FOLDER</pre>"
        "<p>In a checkout started by <code>make up</code>: <code>.venv/bin/campaigniq sign-in</code></p>"
        "<p>It prints a fresh link. Open it in this browser.</p>",
        status=410,
    )


def not_built() -> HTMLResponse:
    return _page(
        "Dashboard not built",
        "<h1>The dashboard is not built yet</h1>"
        "<p>Everything else runs. Build the page from a checkout, then start again:</p>"
        "<pre>make up</pre>"
        '<p>The data is reachable without it: see <a href="/docs">the list of routes</a>.</p>',
        status=503,
    )


def routes(openapi: Mapping[str, Any]) -> HTMLResponse:
    """Return every operation of the document; those that only read can be tried, as plain forms."""
    parts = [
        "<h1>HTTP interface</h1>",
        (
            '<p>The machine-readable document is <a href="/openapi.json">/openapi.json</a>. Sign in, or send '
            "<code>Authorization: Bearer &lt;api token&gt;</code>; events are sent with the write key of a source as "
            "Basic user name, or with <code>?k=</code>. Times are Unix milliseconds.</p>"
        ),
    ]
    for path, operations in openapi["paths"].items():
        parts += [_operation(path, method, about) for method, about in operations.items()]
    return _page("HTTP interface", "".join(parts), css_class="wide")


def _operation(path: str, method: str, about: Mapping[str, Any]) -> str:
    text = about.get("description") or about.get("summary", "")
    heading = f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(text)}</p>{_example(about)}{_answers(about)}"
    # Where a key is asked for, asking tells something.
    if method != "get" or "{" in path or "security" in about:
        return heading
    fields = "".join(_input(p) for p in about.get("parameters", ()))
    return f'{heading}<form action="{escape(path)}">{fields}<button>Try</button></form>'


def _example(about: Mapping[str, Any]) -> str:
    for content in about.get("requestBody", {}).get("content", {}).values():
        if "example" in content:
            return f"<pre>{escape(orjson.dumps(content['example'], option=orjson.OPT_INDENT_2).decode())}</pre>"
    return ""


def _answers(about: Mapping[str, Any]) -> str:
    told = sorted(about.get("responses", {}).items())
    lines = [f"<li><code>{status}</code> {escape(one['description'])}</li>" for status, one in told]
    return f"<ul>{''.join(lines)}</ul>"


def _input(parameter: Mapping[str, Any]) -> str:
    name = escape(parameter["name"])
    default = escape(str(parameter.get("schema", {}).get("default", "") or ""))
    return f'<label>{name}<input name="{name}" value="{default}"></label>'
