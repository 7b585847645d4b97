"""Query parameters that may be left empty: `?status=` asks for the same as no status at all, as forms send it."""

from typing import Any

from pydantic import BeforeValidator


def empty_is(default: Any) -> BeforeValidator:
    """Return a validator that reads an empty parameter as `default`."""
    return BeforeValidator(lambda value: default if value == "" else value)


EMPTY_IS_NONE = empty_is(None)
