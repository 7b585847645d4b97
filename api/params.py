"""Query parameters that may be left empty: `?status=` asks for the same as no status at all, as forms send it."""

from typing import Any

from pydantic import BeforeValidator


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


EMPTY_IS_NONE = BeforeValidator(_none_if_empty)
