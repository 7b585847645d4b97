"""Options that several commands have; those that belong together are a dataclass, and `spread` over a command."""

import inspect
import os
from collections.abc import Callable, Coroutine
from dataclasses import fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

T = TypeVar("T")

DEFAULT_DATA = Path("campaigniq-data")
DATA_VARIABLE = "CAMPAIGNIQ_DATA"
Data = Annotated[Path, typer.Option("--data", help="Folder that holds the installation.", envvar=DATA_VARIABLE)]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", envvar="CAMPAIGNIQ_CONFIG")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def usual_data() -> Path:
    """Return the folder of commands whose `--data` has no default, since they may be meant for Kafka."""
    return Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA)


def completed(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end and return what it returns."""
    # Here, because it takes half as long as all else that a command that needs none of it imports.
    import asyncio  # noqa: PLC0415

    return asyncio.run(work)


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with an option for each field of its parameters that are dataclasses, in their places."""
    groups: dict[str, Any] = {name: kind for name, kind in get_type_hints(command).items() if is_dataclass(kind)}
    shown = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            kinds = get_type_hints(groups[name], include_extras=True)
            shown += [
                inspect.Parameter(one.name, parameter.KEYWORD_ONLY, default=one.default, annotation=kinds[one.name])
                for one in fields(groups[name])
            ]
        else:
            shown.append(parameter.replace(kind=parameter.KEYWORD_ONLY))

    @wraps(command)
    def run(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{one.name: given.pop(one.name) for one in fields(kind)})
        command(**given)

    # The framework reads it first.
    vars(run)["__signature__"] = inspect.Signature(shown)
    return run
