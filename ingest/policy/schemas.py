"""The schemas in force, compiled once each, and the treatment that judges events by them."""

import logging

from ingest.caller import Caller
from ingest.errors import IngestError
from ingest.provenance import with_fault
from streams.model.errors import SourceError
from streams.model.events import Event
from streams.model.json_schema import EventSchema, compile_schema
from streams.store.event_schemas import EventSchemas, SchemaVersion

_log = logging.getLogger(__name__)
_MAX_FAULT_CHARS = 300
_OF_TRAITS = "identified"
_Key = tuple[str, str, str]


class SchemaBook:
    """Knows what was stored at the last `refresh`."""

    def __init__(self, store: EventSchemas) -> None:
        self._store = store
        self._mark: tuple[int, int] | None = None
        self._known: dict[_Key, int] = {}
        self._in_force: dict[_Key, tuple[int, EventSchema]] = {}

    async def refresh(self) -> None:
        """Compile what has changed; a schema that this build can't read judges nothing."""
        mark = await self._store.mark()
        if mark == self._mark:
            return
        for stored in await self._store.newest():
            if self._known.get(stored.key) == stored.version:
                continue
            self._known[stored.key] = stored.version
            schema = _compiled(stored)
            if schema is None:
                self._in_force.pop(stored.key, None)
            else:
                self._in_force[stored.key] = stored.version, schema
        self._mark = mark

    def of(self, workspace: str, source: str, event: str) -> tuple[int, EventSchema] | None:
        """Return version and schema for the source's events of that name: its own, else that of all sources."""
        return self._in_force.get((workspace, source, event)) or self._in_force.get((workspace, "", event))


class SchemaCheck:
    """The treatment: `warn` flags what breaks its schema, `block` refuses it."""

    def __init__(self, book: SchemaBook) -> None:
        self._book = book

    def __call__(self, event: Event, caller: Caller) -> Event:
        mode = caller.source.policy.schemas
        if mode == "off":
            return event
        found = self._book.of(event.workspace, event.source, event.name)
        if found is None:
            return event
        version, schema = found
        root = "traits" if event.name == _OF_TRAITS else "properties"
        misfit = schema.misfit(event.traits if root == "traits" else event.properties)
        if misfit is None:
            return event
        field = ".".join((root, *misfit.path))[:_MAX_FAULT_CHARS]
        problem = f"{misfit.problem}, which breaks version {version} of the schema of {event.name}"
        if mode == "block":
            raise IngestError("schema_violation", field, problem, "Send what the schema says, or change it")
        return with_fault(event, f"{field}: {problem}"[:_MAX_FAULT_CHARS])


def _compiled(stored: SchemaVersion) -> EventSchema | None:
    if not stored.body:
        return None
    try:
        return compile_schema(stored.body)
    except SourceError as error:
        name = stored.key.event
        _log.error("version %d of the schema of %s can't be read by this build: %s", stored.version, name, error)
        return None
