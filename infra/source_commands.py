"""`campaigniq sources ...`: parses and prints; the work is in infra/sources.py and the configuration store."""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.options import DEFAULT_DATA, Data, Json, completed
from streams.model.errors import SourceError

VENDOR_IDS = (
    "bigcommerce, brevo, calendly, github, hubspot, infobip, intercom, mailchimp_marketing, mailchimp_transactional, "
    "meta_leads, paypal, pipedrive, postmark, salesforce, sendgrid, ses, shopify, standard_webhooks, stripe, twilio, "
    "typeform, whatsapp, woocommerce, zendesk"
)
"""Those of ingest/vendors/registry.py, as a text: help should not wait for its imports."""

sources_app = typer.Typer(help="Who may send events, and what is done with it (docs/sources.md).", no_args_is_help=True)
schema_app = typer.Typer(help="JSON Schemas of events (docs/sources.md).", no_args_is_help=True)
sources_app.add_typer(schema_app, name="schema")

_Id = Annotated[str, typer.Argument(metavar="ID", help="The source's id, as `sources list` prints it.")]
_Event = Annotated[str, typer.Argument(metavar="EVENT", help='The event\'s name, e.g. "Order Completed".')]
_Whose = Annotated[str, typer.Option("--source", help="Only of this source's events. [default: all sources]")]


@sources_app.command("list")
def list_sources(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Print every source: id, kind, write key, of platforms the address for webhooks."""
    from streams.store.source_forms import source_form  # noqa: PLC0415  help should not wait for it

    found = _asked(data, lambda store: store.list_sources())
    if as_json:
        _print_json([source_form(source) for source in found])
        return
    for source in found:
        _say(_line(source))


@sources_app.command("show")
def show_source(source: _Id, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Print one source with its policy; of webhook secrets, how many are live."""
    _tell(_asked(data, lambda store: store.sources.get(source)), as_json=as_json)


@sources_app.command("snippet")
def print_snippet(
    source: _Id,
    url: Annotated[str, typer.Option(help="Where browsers reach the collector. [default: as `up` was started]")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Print the HTML that a website's pages carry in their head (docs/pixel.md)."""
    from infra.data_dir import read_bootstrap  # noqa: PLC0415  as above
    from ingest.pixel.scripts import snippet  # noqa: PLC0415  as above

    found = _asked(data, lambda store: store.sources.get(source))
    if found.kind != "web":
        raise SourceError("source", f"{source} is of kind {found.kind}", "Name one of kind web")
    base = (url or read_bootstrap(data).url).rstrip("/")
    _say(snippet(f"{base}/pixel.js", found.write_key))


@sources_app.command("add")
def add_source(
    kind: Annotated[str, typer.Argument(help=f"web, server, or a webhook vendor: {VENDOR_IDS}.")],
    name: Annotated[str, typer.Option(help="What the source is called in events and on the page.")],
    secret: Annotated[
        list[str] | None,
        typer.Option(
            "--secret",
            "--webhook-secret",
            help="Webhook secret, as docs/vendors/ says for each; twice during a rotation. - reads it from stdin.",
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Add a source; a running platform knows it within two seconds."""
    from infra.sources import add, read_secret  # noqa: PLC0415  as above

    secrets = tuple(read_secret(one, sys.stdin.read) for one in secret or ())
    _say(_line(completed(add(data, kind, name, secrets))))


@sources_app.command("set")
def set_policy(  # noqa: PLR0917  the framework passes them by name
    source: _Id,
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help='Pages that may send: https://shop.example, *.shop.example; "" for any. Replaces the list.'),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Messages a second.")] = None,
    burst: Annotated[int | None, typer.Option(help="Messages at once.")] = None,
    schemas: Annotated[str | None, typer.Option(help="off, warn or block: what breaks its schema.")] = None,
    drop_field: Annotated[
        list[str] | None, typer.Option(help='Field never to keep, e.g. traits.ssn; "" for none. Replaces the list.')
    ] = None,
    hash_field: Annotated[
        list[str] | None, typer.Option(help='Field to keep as a hash, e.g. email; "" for none. Replaces the list.')
    ] = None,
    address: Annotated[str | None, typer.Option(help="truncate, keep or drop network addresses.")] = None,
    uncounted: Annotated[
        str | None, typer.Option(help="Whose events don't count: crawlers, bots (all of them) or nobody.")
    ] = None,
    opt_out: Annotated[
        bool | None, typer.Option("--opt-out/--no-opt-out", help="Honour Global Privacy Control and Do Not Track.")
    ] = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Turn the source on or off.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Change what is given of a source; a running platform holds to it within two seconds."""
    asked: dict[str, Any] = {
        "allowed_origins": _listed(allow_origin),
        "rate_per_s": rate,
        "burst": burst,
        "schemas": schemas,
        "drop_fields": _listed(drop_field),
        "hash_fields": _listed(hash_field),
        "address": address,
        "uncounted": uncounted,
        "honours_opt_out": opt_out,
    }
    policy = {field: value for field, value in asked.items() if value is not None}
    changed = _asked(data, lambda store: store.sources.change(source, policy, name, is_enabled=on))
    _tell(changed, as_json=as_json)


@sources_app.command("rotate")
def rotate(
    source: _Id,
    secret: Annotated[
        str | None,
        typer.Option(help="New webhook secret, as the vendor shows it; - reads it from stdin. Else a new write key."),
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Give a source a new write key, or a new webhook secret. The one it had stays live until `retire`."""
    from infra.clock import SystemClock  # noqa: PLC0415  as above
    from infra.sources import read_secret  # noqa: PLC0415  as above

    now_ms = SystemClock().now_ms()
    if secret is not None:
        fresh = read_secret(secret, sys.stdin.read)
        changed = _asked(data, lambda store: store.sources.rotate_secret(source, fresh, now_ms))
        _say(f"{changed.id}\t{len(changed.webhook_secrets)} live secrets")
        return
    _say(_line(_asked(data, lambda store: store.sources.rotate_key(source, now_ms))))


@sources_app.command("retire")
def retire(
    source: _Id,
    secrets: Annotated[bool, typer.Option("--secrets", help="Webhook secrets instead of write keys.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """End the older write key of a source, or with --secrets all webhook secrets but the newest."""
    if secrets:
        changed = _asked(data, lambda store: store.sources.retire_secrets(source))
        _say(f"{changed.id}\t{len(changed.webhook_secrets)} live secrets")
        return
    _say(_line(_asked(data, lambda store: store.sources.retire_key(source))))


@sources_app.command("remove")
def remove(
    source: _Id,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """End a source with its keys and secrets, for good. What it has sent stays."""
    from infra.clock import SystemClock  # noqa: PLC0415  as above

    _asked(data, lambda store: store.sources.get(source))
    if not yes:
        typer.confirm(f"Whatever still sends to {source} will be refused. Remove it?", abort=True)
    now_ms = SystemClock().now_ms()
    gone = _asked(data, lambda store: store.sources.remove(source, now_ms))
    _say(f"{gone.id}\tremoved")


@schema_app.command("put")
def put_schema(
    event: _Event,
    file: Annotated[Path, typer.Argument(help="JSON Schema of the event's properties (of `identified`: traits).")],
    source: _Whose = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Store the next version of an event's schema; it judges the sources whose policy says warn or block."""
    from infra.sources import put_schema as put  # noqa: PLC0415  as above
    from streams.model.errors import ConfigurationError  # noqa: PLC0415  as above

    try:
        body = file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError("FILE", f"{file} can't be read ({error})", "Name a file of JSON in UTF-8") from None
    stored = completed(put(data, event, source, body))
    _say(f"{stored.key.event}\tversion {stored.version}")


@schema_app.command("list")
def list_schemas(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Print every schema in force: event, source (* for all), version, author."""
    from infra.sources import WORKSPACE  # noqa: PLC0415  as above
    from streams.store.source_forms import schema_form  # noqa: PLC0415  as above

    found = [one for one in _asked(data, lambda store: store.schemas.newest(WORKSPACE)) if one.body]
    if as_json:
        _print_json([schema_form(one) for one in found])
        return
    for one in found:
        _say(f"{one.key.event}\t{one.key.source or '*'}\tversion {one.version}\t{one.author}")


@schema_app.command("show")
def show_schema(
    event: _Event,
    source: _Whose = "",
    version: Annotated[int | None, typer.Option(help="An older version. [default: the newest]")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print a version of an event's schema as JSON; null where it was taken away."""
    from infra.sources import schema_at  # noqa: PLC0415  as above
    from streams.store.source_forms import schema_form  # noqa: PLC0415  as above

    _print_json(schema_form(completed(schema_at(data, event, source, version)))["schema"])


@schema_app.command("versions")
def list_versions(event: _Event, source: _Whose = "", data: Data = DEFAULT_DATA) -> None:
    """Print the versions of an event's schema, newest first: number, Unix time in milliseconds, author."""
    from infra.sources import schema_versions  # noqa: PLC0415  as above

    for one in completed(schema_versions(data, event, source)):
        _say(f"{one.version}\t{one.created_ms}\t{one.author}\t{'' if one.body else 'taken away'}".rstrip())


@schema_app.command("remove")
def remove_schema(event: _Event, source: _Whose = "", data: Data = DEFAULT_DATA) -> None:
    """Judge an event by no schema any more; its versions stay."""
    from infra.sources import put_schema as put  # noqa: PLC0415  as above

    stored = completed(put(data, event, source, ""))
    _say(f"{stored.key.event}\tversion {stored.version}: none any more")


def _asked(data: Path, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Return what `work` makes of the installation's configuration store."""
    from infra.sources import in_store  # noqa: PLC0415  as above

    return completed(in_store(data, work))


def _line(source: Any) -> str:
    older = f"\tolder key {source.older_keys[0]}" if source.older_keys else ""
    webhooks = "" if source.kind in ("web", "server") else f"\t/webhooks/{source.id}"
    return f"{source.id}\t{source.kind}\t{source.write_key}{webhooks}{older}"


def _listed(given: list[str] | None) -> list[str] | None:
    return None if given is None else [one for one in given if one]


def _tell(source: Any, *, as_json: bool) -> None:
    from streams.store.source_forms import source_form  # noqa: PLC0415  as above

    form = source_form(source)
    if as_json:
        _print_json(form)
        return
    policy = form.pop("policy")
    for name, value in {**form, **policy}.items():
        _say(f"{name}\t{', '.join(map(str, value)) if isinstance(value, list | tuple) else value}")


def _print_json(value: Any) -> None:
    import orjson  # noqa: PLC0415  as above

    _say(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _say(text: str) -> None:
    print(text)  # noqa: T201  it is what the command is for
