"""Changes of a JSON document as data: set, remove, rename. Pure; knows nothing of events."""

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from ingest.errors import IngestError
from streams.model.errors import FixError
from streams.model.letters import MAX_FIXES, Fix

_MAX_PATH_CHARS = 500
_MAX_STEPS = 20
_MAX_DIGITS = 10
_MAX_DEPTH = 100


def fixed_raw(raw: bytes, fixes: Sequence[Fix]) -> bytes:
    """Return JSON bytes with the fixes applied. Raises IngestError."""
    if not fixes:
        return raw
    document: Any = None
    if _steps(fixes[0].path):
        try:
            # Not orjson: what had been refused for its NaN or its large numbers is to be mended here.
            document = json.loads(raw)
        except (ValueError, RecursionError) as error:
            problem = f"the body is no JSON to change a part of ({error})"
            remedy = "Replace it as a whole: set the empty path"
            raise IngestError("fix_does_not_apply", "", problem, remedy) from None
    try:
        for fix in fixes:
            document = _applied(document, fix)
        return json.dumps(document, ensure_ascii=False).encode()
    except (RecursionError, UnicodeEncodeError):
        raise IngestError("fix_does_not_apply", "", "the body is no text or nested too deep", "Replace it") from None


def fixed(document: Any, fixes: Sequence[Fix]) -> Any:
    """Return a copy of the document with the fixes applied in their order. Raises IngestError."""
    document = deepcopy(document)
    for fix in fixes:
        document = _applied(document, fix)
    return document


def check_fixes(fixes: Sequence[Fix]) -> None:
    """Raise FixError for fixes that fit no document."""
    if len(fixes) > MAX_FIXES:
        raise FixError("fixes", f"are {len(fixes)}", f"Give at most {MAX_FIXES}")
    for number, fix in enumerate(fixes):
        for name, path in (("path", fix.path), ("to", fix.to)):
            if len(path) > _MAX_PATH_CHARS or len(_steps(path)) > _MAX_STEPS:
                raise FixError(f"fixes.{number}.{name}", "is too long", f"Use at most {_MAX_STEPS} steps")
        if not fix.path and fix.op != "set":
            raise FixError(f"fixes.{number}.path", "is empty", f"Say what to {fix.op}")
        if not fix.to and fix.op == "rename":
            raise FixError(f"fixes.{number}.to", "is empty", "Say the new path")
        _require_text(fix.value, f"fixes.{number}.value")


def _require_text(value: Any, field: str) -> None:
    """Raise FixError for what no JSON text of bounded depth can carry."""
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        texts = [one for one in level if isinstance(one, str)]
        texts += [key for one in level if isinstance(one, dict) for key in one]
        try:
            "".join(texts).encode()
        except UnicodeEncodeError:
            raise FixError(field, "holds half a surrogate pair", "Send whole characters") from None
        holders = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        if not holders:
            return
        level = [item for holder in holders for item in holder]
    raise FixError(field, f"is nested more than {_MAX_DEPTH} deep", "Flatten it: no event is taken so deep")


def _applied(document: Any, fix: Fix) -> Any:
    steps = _steps(fix.path)
    if fix.op == "set":
        return _set(document, steps, deepcopy(fix.value), fix.path)
    found, value = _taken_out(document, steps)
    if fix.op == "rename" and found:
        return _set(document, _steps(fix.to), value, fix.to)
    return document


def _steps(path: str) -> list[str]:
    if path.startswith("/"):
        return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
    return path.split(".") if path else []


def _set(document: Any, steps: list[str], value: Any, path: str) -> Any:
    if not steps:
        return value
    if document is None:
        document = {}
    step, rest = steps[0], steps[1:]
    if isinstance(document, dict):
        document[step] = _set(document.get(step), rest, value, path)
    elif isinstance(document, list):
        index = _index(step)
        if index is None or index > len(document):
            problem = f"{step!r} is no place in a list of {len(document)}"
            raise IngestError("fix_does_not_apply", path, problem, "Count from 0")
        if index == len(document):
            document.append(_set(None, rest, value, path))
        else:
            document[index] = _set(document[index], rest, value, path)
    else:
        raise _no_object(path, step)
    return document


def _taken_out(document: Any, steps: list[str]) -> tuple[bool, Any]:
    """Take out what stands at the path; say whether anything did, and what."""
    for step in steps[:-1]:
        document = _at(document, step)
    last = steps[-1]
    if isinstance(document, dict) and last in document:
        return True, document.pop(last)
    index = _index(last) if isinstance(document, list) else None
    if index is not None and index < len(document):
        return True, document.pop(index)
    return False, None


def _at(document: Any, step: str) -> Any:
    if isinstance(document, dict):
        return document.get(step)
    index = _index(step) if isinstance(document, list) else None
    return document[index] if index is not None and index < len(document) else None


def _index(step: str) -> int | None:
    return int(step) if step.isascii() and step.isdigit() and len(step) < _MAX_DIGITS else None


def _no_object(path: str, step: str) -> IngestError:
    problem = f"what is to hold {step!r} is neither object nor list"
    return IngestError("fix_does_not_apply", path, problem, "Set what is above it")
