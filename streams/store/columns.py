"""Columns that are filled in every row, as most are."""

from typing import Any

from sqlalchemy import Column
from sqlalchemy.types import TypeEngine


def required(kind: type[TypeEngine[Any]] | TypeEngine[Any], *names: str) -> list[Column[Any]]:
    """Return columns of one kind that are never null."""
    return [Column(name, kind, nullable=False) for name in names]
