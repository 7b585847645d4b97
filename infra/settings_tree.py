"""The tree of settings models, leaf by leaf, with the environment variable of each. Never reads a setting's value."""

import types
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple, Union

from pydantic import BaseModel
from pydantic.fields import FieldInfo

PREFIX = "CAMPAIGNIQ_"


class Setting(NamedTuple):
    """One setting: its path from the root model, its field, and the section that a parent sets up by default."""

    path: tuple[str, ...]
    field: FieldInfo
    section: BaseModel | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + "__".join(self.path).upper()

    @property
    def default(self) -> Any:
        """Its value when nothing sets it."""
        if self.section is not None:
            return getattr(self.section, self.path[-1])
        return self.field.get_default(call_default_factory=True, validated_data={})


def settings_of(
    model: type[BaseModel], path: tuple[str, ...] = (), instance: BaseModel | None = None
) -> Iterator[Setting]:
    """Yield every leaf of a tree of models, in the order in which the models declare them."""
    for name, field in model.model_fields.items():
        setting = Setting((*path, name), field, instance)
        section = _section(field)
        if section is None:
            yield setting
        else:
            default = None if field.is_required() else setting.default
            yield from settings_of(section, setting.path, default)


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the parts of a union, or the type itself."""
    return typing.get_args(annotation) if typing.get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    for part in alternatives(field.annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None
