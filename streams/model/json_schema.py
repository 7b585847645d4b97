"""JSON Schemas of events, compiled. Nothing is fetched for one, and none can take long over an event: schemas come from
many hands, and the front door judges everybody's events.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from streams.model.errors import SourceError

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

MAX_BYTES = 65_536
MAX_NODES = 20_000
MAX_DEPTH = 64
_MAX_PATTERN_BYTES = 1 << 20
_MAX_REASON_CHARS = 200
_MASK = "the value"
_REFERENCE = "$ref"
_OTHER_REFERENCES = frozenset({"$dynamicRef", "$recursiveRef"})


class Misfit(NamedTuple):
    """Where an instance breaks its schema, as a path of names, and how. Quotes nothing of the instance but names."""

    path: tuple[str, ...]
    problem: str


class EventSchema:
    """One version of a schema."""

    __slots__ = ("_validator",)

    def __init__(self, validator: "Validator") -> None:
        self._validator = validator

    def misfit(self, instance: Any) -> Misfit | None:
        """Return the first thing that is wrong with the instance, None when it fits."""
        try:
            if self._validator.is_valid(instance):
                return None
            return _told(next(self._validator.iter_errors(instance)))
        except ValueError as error:  # what JSON has not: half a surrogate pair, a key that is no text
            return Misfit((), f"can't be judged ({type(error).__name__})")


def compile_schema(body: bytes | str) -> EventSchema:
    """Return the compiled schema (draft 2020-12, or the one its $schema names). Raises SourceError."""
    size = len(body if isinstance(body, bytes) else body.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise SourceError("schema", f"has {size} bytes", f"Send at most {MAX_BYTES}")
    try:
        schema = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SourceError("schema", f"is not JSON ({error})", "Send a JSON Schema") from None
    if not isinstance(schema, dict | bool):
        raise SourceError("schema", "is neither an object nor true or false", "Send a JSON Schema")
    _Expansion(schema).count(schema)
    # Here, because it takes 3 MiB, and most installations have no schema.
    from jsonschema_rs import RegexOptions, ValidationError, validator_for  # noqa: PLC0415

    try:
        # Patterns without backtracking, values that are not quoted, nothing that is fetched.
        patterns = RegexOptions(size_limit=_MAX_PATTERN_BYTES)
        return EventSchema(
            validator_for(schema, mask=_MASK, offline=True, validate_formats=True, pattern_options=patterns)
        )
    except ValidationError as error:
        where = ".".join(map(str, error.instance_path))
        problem = f"{error.message[:_MAX_REASON_CHARS]}"
        raise SourceError(f"schema.{where}" if where else "schema", problem, "Mend it") from None


class _Expansion:
    """Counts the parts of a schema with all references followed. Raises SourceError for too many, or a circle."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._under_way: set[str] = set()
        self._known: dict[str, int] = {}
        self._depth = 0

    def count(self, node: Any) -> int:
        if self._depth > MAX_DEPTH:
            problem = f"is nested more than {MAX_DEPTH} deep with its references followed"
            raise SourceError("schema", problem, "Flatten it")
        self._depth += 1
        total = self._count(node)
        self._depth -= 1
        return total

    def _count(self, node: Any) -> int:
        if isinstance(node, list):
            total = 1 + sum(map(self.count, node))
        elif isinstance(node, dict):
            if odd := _OTHER_REFERENCES & node.keys():
                raise SourceError(f"schema.{min(odd)}", "is not taken here", 'Use {"$ref": "#/$defs/name"}')
            total = 1 + sum(map(self.count, node.values()))
            if isinstance(node.get(_REFERENCE), str):
                total += self._count_referred(node[_REFERENCE])
        else:
            return 1
        if total > MAX_NODES:
            raise SourceError("schema", f"has more than {MAX_NODES} parts with its references followed", "Flatten it")
        return total

    def _count_referred(self, reference: str) -> int:
        if not reference.startswith("#/"):
            raise SourceError("schema.$ref", f"{reference[:100]!r} is not in this schema", "Put it under $defs")
        if reference in self._under_way:
            raise SourceError("schema.$ref", f"{reference[:100]!r} leads back to itself", "Say how deep it goes")
        if reference not in self._known:
            self._under_way.add(reference)
            self._known[reference] = self.count(self._at(reference))
            self._under_way.discard(reference)
        return self._known[reference]

    def _at(self, reference: str) -> Any:
        node = self._root
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        return node  # where there is nothing the compiler says so


def _told(error: "ValidationError") -> Misfit:
    from jsonschema_rs import ValidationErrorKind  # noqa: PLC0415  as in compile_schema

    path = tuple(str(part) for part in error.instance_path)
    kind = error.kind
    if isinstance(kind, ValidationErrorKind.Required):
        return Misfit((*path, str(kind.property)), "is missing")
    if isinstance(kind, ValidationErrorKind.AdditionalProperties) and kind.unexpected:
        return Misfit((*path, str(kind.unexpected[0])[:_MAX_REASON_CHARS]), "is not foreseen")
    return Misfit(path, error.message.removeprefix(f"{_MASK} ")[:_MAX_REASON_CHARS])
