"""`campaigniq sources`: what is typed changes the store, and what is printed shows no secret."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.source_commands import sources_app
from infra.sources import in_store
from streams.model.errors import ConfigurationError, SourceConflictError, SourceError, UnknownThingError
from streams.store.config import ConfigStore
from streams.store.sources import Source


@pytest.fixture
def data(tmp_path: Path) -> Path:
    async def make() -> None:
        store = ConfigStore(f"sqlite:///{tmp_path / 'config.db'}", lambda size: f"r{size}-{next(numbers)}")
        await store.open()
        await store.bootstrap(1)
        await store.close()

    numbers = iter(range(100))
    asyncio.run(make())
    return tmp_path


def run(data: Path, *argv: str, typed: str = "") -> Result:
    done = CliRunner().invoke(sources_app, [*argv, "--data", str(data)], input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def stored(data: Path, source: str = "web") -> Source:
    return asyncio.run(in_store(data, lambda store: store.sources.get(source)))


def test_list_prints_what_add_does(data: Path):
    added = run(data, "add", "server", "--name", "Back office").stdout
    assert added.startswith("back-office\tserver\twk_")
    assert added in run(data, "list").stdout


def test_set_changes_what_is_given_and_an_empty_text_empties_a_list(data: Path):
    run(data, "set", "web", "--rate", "5", "--hash-field", "email", "--hash-field", "ssn", "--name", "Site")
    run(data, "set", "web", "--no-opt-out", "--hash-field", "")
    policy = stored(data).policy
    assert (policy.rate_per_s, policy.hash_fields, policy.honours_opt_out) == (5.0, (), False)


def test_the_snippet_is_for_a_page_of_that_website(data: Path):
    printed = run(data, "snippet", "web", "--url", "https://events.example.com/").stdout
    key = stored(data).write_key
    assert f'<script async src="https://events.example.com/pixel.js" data-key="{key}"></script>' in printed
    run(data, "add", "server", "--name", "Back office")
    with pytest.raises(SourceError, match="kind server"):
        run(data, "snippet", "back-office")


def test_a_source_is_turned_off_and_on(data: Path):
    run(data, "set", "web", "--off")
    assert not stored(data).is_enabled
    run(data, "set", "web", "--on")
    assert stored(data).is_enabled


def test_a_key_is_rotated_and_the_older_one_retired(data: Path):
    first = stored(data).write_key
    assert f"older key {first}" in run(data, "rotate", "web").stdout
    with pytest.raises(SourceConflictError):
        run(data, "rotate", "web")
    run(data, "retire", "web")
    assert first not in stored(data).write_keys


def test_a_secret_comes_from_standard_input_and_is_never_printed(data: Path):
    told = run(data, "add", "shopify", "--name", "Shop", "--secret", "-", typed="first-secret\n").stdout
    told += run(data, "rotate", "shop", "--secret", "-", typed="second-secret\n").stdout
    told += run(data, "show", "shop").stdout + run(data, "list", "--json").stdout
    assert stored(data, "shop").webhook_secrets == ("second-secret", "first-secret")
    assert "secret" not in told.replace("webhook_secrets", "").replace("live secrets", "")
    run(data, "retire", "shop", "--secrets")
    assert stored(data, "shop").webhook_secrets == ("second-secret",)


def test_removing_asks_first(data: Path):
    assert run(data, "remove", "web", typed="n\n").exit_code == 1
    assert stored(data)
    run(data, "remove", "web", "--yes")
    with pytest.raises(UnknownThingError):
        stored(data)


def test_of_a_source_that_is_not_there_nothing_is_asked(data: Path):
    with pytest.raises(UnknownThingError, match="nope"):
        run(data, "remove", "nope", typed="")


def test_only_platforms_have_an_address_for_webhooks(data: Path):
    run(data, "add", "server", "--name", "Back office")
    run(data, "add", "shopify", "--name", "Shop", "--secret", "s")
    told = {line.split("\t")[0]: line for line in run(data, "list").stdout.splitlines()}
    assert ["/webhooks/" in told[name] for name in ("web", "back-office", "shop")] == [False, False, True]


def test_an_identity_is_no_field_to_drop(data: Path):
    with pytest.raises(SourceError, match="'userId' says whose an event is"):
        run(data, "set", "web", "--drop-field", "userId")


def test_a_schema_is_put_shown_and_taken_away(data: Path, tmp_path: Path):
    (tmp_path / "s.json").write_text('{"required": ["order_id"]}')
    assert (
        run(data, "schema", "put", "Order Completed", str(tmp_path / "s.json")).stdout == "order_completed\tversion 1\n"
    )
    assert json.loads(run(data, "schema", "show", "OrderCompleted").stdout) == {"required": ["order_id"]}
    assert run(data, "schema", "list").stdout == "order_completed\t*\tversion 1\tcommand line\n"
    run(data, "schema", "remove", "order_completed")
    assert run(data, "schema", "list").stdout == ""
    assert json.loads(run(data, "schema", "show", "order_completed").stdout) is None
    assert json.loads(run(data, "schema", "show", "order_completed", "--version", "1").stdout)


def test_a_schema_that_can_not_be_used_is_not_stored(data: Path, tmp_path: Path):
    (tmp_path / "s.json").write_text('{"type": "text"}')
    with pytest.raises(SourceError):
        run(data, "schema", "put", "x", str(tmp_path / "s.json"))
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(UnknownThingError):
        run(data, "schema", "put", "x", str(tmp_path / "s.json"), "--source", "nobody")
    with pytest.raises(ConfigurationError):
        run(data, "schema", "put", "x", str(tmp_path / "missing.json"))
    assert run(data, "schema", "list").stdout == ""


def test_a_vendor_without_a_secret_and_an_unknown_kind_are_refused(data: Path):
    with pytest.raises(ConfigurationError, match="can't verify anything"):
        run(data, "add", "shopify", "--name", "Shop")
    with pytest.raises(ConfigurationError, match="is not known"):
        run(data, "add", "fax", "--name", "Fax")
