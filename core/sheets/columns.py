"""What a sheet consists of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from django.conf import settings
from django.utils import translation

MAX_ROWS = 10_000  # below the header


class Kind(Enum):
    """What the cells of a column hold."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    FLAG = auto()
    SECRET = auto()  # shown as the mask


@dataclass(frozen=True, slots=True)
class Column:
    """`title` is translatable; people find the column by it. `key` is what programs call it."""

    key: str
    title: Any
    kind: Kind = Kind.TEXT
    example: Any = ""
    width: int = 18


def by_header(columns: Iterable[Column]) -> Mapping[str, Column]:
    """Every header that means one of the columns: a sheet made in one language is read in any other."""
    found = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            found.update({plain_header(column.title): column for column in columns})
    return found


def plain_header(text: Any) -> str:
    """A header without what people do not see as a difference."""
    return " ".join(str(text).split()).casefold()
