"""Judges the environment's variables by name and form before the settings are read from them.

pydantic-settings passes over names that it does not know, and does not say which variable holds no JSON. Never shows a
value: it may be secret. Names without `__` may belong to others, such as tools and tests.
"""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from infra.settings_tree import PREFIX, settings_of
from streams.model.errors import ConfigurationError

_DELIMITER = "__"
_LIST = 'Write a list as JSON: ["one", "two"]'
_TABLE = 'Write a table as JSON: {"name": "value"}'


def check_variables(model: type[BaseModel], environment: Mapping[str, str]) -> None:
    """Raise ConfigurationError about a variable that names no setting, or whose value can't be read as JSON."""
    settings = {setting.variable: setting.field for setting in settings_of(model)}
    sections = {f"{PREFIX}{name}".upper() for name in model.model_fields}
    for variable, value in sorted(environment.items()):
        name = variable.upper()
        if name in sections:
            _check_json(name, value, _TABLE)
        elif name.startswith(PREFIX) and _DELIMITER in name:
            _check(name, value, settings)


def _check(name: str, value: str, settings: Mapping[str, FieldInfo]) -> None:
    setting = _DELIMITER.join(name.split(_DELIMITER)[:2])
    field = settings.get(setting)
    remedy = _remedy_for(field) if field else ""
    if field is None or (name != setting and remedy != _TABLE):
        meant = get_close_matches(name, settings, 1)
        hint = f"Did you mean {meant[0]}? " if meant else ""
        raise ConfigurationError(name, "there is no such setting", f"{hint}docs/configuration.md lists them all")
    if name == setting and remedy:
        _check_json(name, value, remedy)


def _remedy_for(field: FieldInfo) -> str:
    """Return how a value that has parts is written, nothing for a plain one."""
    kind = get_origin(field.annotation)
    return _TABLE if kind is dict else _LIST if kind in (tuple, list, set, frozenset) else ""


def _check_json(name: str, value: str, remedy: str) -> None:
    try:
        json.loads(value)
    except ValueError:
        # Without the cause, which quotes the value.
        raise ConfigurationError(name, "the value given is not JSON", remedy) from None
