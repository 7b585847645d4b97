"""Schemas of events: warned of or refused with the property's path, versions in force, and none that can do harm."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from ingest.errors import IngestError
from ingest.policy.schemas import SchemaBook, SchemaCheck
from streams.model.errors import SourceError
from streams.model.events import INVALID, Event
from streams.model.json_schema import MAX_BYTES, compile_schema
from streams.store.config import ConfigStore
from streams.store.event_schemas import SchemaKey
from tests.unit.ingest.policy.kit import NOW, a_caller, the_event

PRICED = """{"type": "object", "required": ["price"], "properties": {"price": {"type": "number", "minimum": 0},
    "items": {"items": {"required": ["sku"]}}}, "additionalProperties": true}"""


@pytest.fixture
async def store() -> AsyncIterator[ConfigStore]:
    numbers = count(1)
    store = ConfigStore("sqlite://", lambda size: f"r{next(numbers)}")
    await store.open()
    await store.bootstrap(NOW)
    yield store
    await store.close()


async def checked(store: ConfigStore, event: Event, mode: str) -> Event:
    book = SchemaBook(store.schemas)
    await book.refresh()
    return SchemaCheck(book)(event, a_caller(schemas=mode))


async def put(store: ConfigStore, body: str, event: str = "signed_up", source: str = "") -> None:
    await store.schemas.put(SchemaKey("default", source, event), body, NOW, "ada")


async def test_what_fits_stays_as_it_is(store: ConfigStore):
    await put(store, PRICED)
    event = the_event(properties={"price": 5})
    assert await checked(store, event, "block") is event


async def test_block_names_the_property_and_the_problem(store: ConfigStore):
    await put(store, PRICED)
    with pytest.raises(IngestError) as refused:
        await checked(store, the_event(properties={"price": "five"}), "block")
    assert (refused.value.code, refused.value.field) == ("schema_violation", "properties.price")
    assert 'is not of type "number", which breaks version 1 of the schema of signed_up' in str(refused.value)


async def test_what_is_missing_is_named_by_its_own_path(store: ConfigStore):
    await put(store, PRICED)
    with pytest.raises(IngestError, match=r"properties\.items\.1\.sku: is missing"):
        await checked(store, the_event(properties={"price": 1, "items": [{"sku": 1}, {}]}), "block")


async def test_a_refusal_does_not_quote_the_value(store: ConfigStore):
    await put(store, '{"properties": {"ssn": {"type": "integer"}}}')
    with pytest.raises(IngestError) as refused:
        await checked(store, the_event(properties={"ssn": "123-45-6789"}), "block")
    assert "123-45" not in str(refused.value)


async def test_warn_flags_the_event_and_keeps_the_reason(store: ConfigStore):
    await put(store, PRICED)
    event = await checked(store, the_event(), "warn")
    assert event.is_flagged(INVALID)
    assert event.provenance is not None
    assert event.provenance.fault.startswith("properties.price: is missing")


async def test_off_judges_nothing(store: ConfigStore):
    await put(store, "false")
    event = the_event()
    assert await checked(store, event, "off") is event


async def test_events_without_a_schema_pass(store: ConfigStore):
    await put(store, "false", "something_else")
    event = the_event()
    assert await checked(store, event, "block") is event


async def test_a_sources_own_schema_goes_before_that_of_all(store: ConfigStore):
    await put(store, "false")
    await put(store, "true", source="src")
    event = the_event()
    assert await checked(store, event, "block") is event


async def test_of_a_person_the_traits_are_judged(store: ConfigStore):
    await put(store, '{"required": ["plan"]}', "identified")
    with pytest.raises(IngestError, match=r"traits\.plan: is missing"):
        await checked(store, the_event(type="identify", traits={"email": "a@b.io"}), "block")


async def test_a_new_version_is_in_force_after_a_refresh_and_one_taken_away_is_not(store: ConfigStore):
    await put(store, "true")
    book = SchemaBook(store.schemas)
    await book.refresh()
    check, caller, event = SchemaCheck(book), a_caller(schemas="block"), the_event()
    await put(store, "false")
    assert check(event, caller) is event
    await book.refresh()
    with pytest.raises(IngestError, match="version 2"):
        check(event, caller)
    await put(store, "")
    await book.refresh()
    assert check(event, caller) is event


async def test_a_stored_schema_that_can_not_be_read_judges_nothing(
    store: ConfigStore, caplog: pytest.LogCaptureFixture
):
    await put(store, '{"$schema": "https://example.com/draft-99"}')
    event = the_event()
    assert await checked(store, event, "block") is event
    assert "can't be read by this build" in caplog.text


BOMB = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(20)} | {"d20": True}

BOMBED = {"$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("nonsense", "is not JSON"),
        ("5", "neither an object"),
        ('{"type": "text"}', "schema.type"),
        ('{"properties": {"a": {"pattern": "("}}}', r"schema\.properties\.a\.pattern"),
        ('{"properties": {"a": {"pattern": "a{1000}{1000}{1000}"}}}', "pattern"),
        ('{"$ref": "https://example.com/schema.json"}', "is not in this schema"),
        ('{"$ref": "file:///etc/passwd"}', "is not in this schema"),
        ('{"$ref": "#/$defs/none"}', "does not exist"),
        ('{"$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"}', "leads back to itself"),
        ('{"$dynamicRef": "#a"}', "is not taken"),
        (str({"$defs": BOMB, "$ref": "#/$defs/d0"}).replace("'", '"').replace("True", "true"), "more than"),
        ('{"not":' * 500 + "true" + "}" * 500, "nested more than"),
        ("[" * 5_000 + "]" * 5_000, "is not JSON|neither"),
        (str({"properties": {"$ref": BOMBED}, "$defs": BOMB}).replace("'", '"').replace("True", "true"), "more than"),
        ('{"x": "' + "x" * MAX_BYTES + '"}', "bytes"),
    ],
)
def test_a_schema_that_can_not_be_used_is_refused(schema: str, said: str):
    with pytest.raises(SourceError, match=said):
        compile_schema(schema)


def test_a_pattern_takes_no_longer_for_what_is_made_to_be_slow():
    schema = compile_schema('{"properties": {"a": {"pattern": "^(a+)+$"}}}')
    assert schema.misfit({"a": "a" * 50_000 + "b"})


def test_a_pointer_with_escapes_is_followed():
    schema = compile_schema('{"$defs": {"a/b": {"required": ["x"]}}, "$ref": "#/$defs/a~1b"}')
    assert schema.misfit({}) == (("x",), "is missing")


def test_what_json_has_not_fits_no_schema():
    misfit = compile_schema('{"additionalProperties": false}').misfit({"\ud800": 1})
    assert misfit is not None
    assert "can't be judged" in misfit.problem
