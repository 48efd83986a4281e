"""How a document is being read, as the checks of single values see it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationInfo


@dataclass(frozen=True, slots=True)
class Reading:
    absent_is_empty: bool  # texts that must be there: the API's messages cannot tell absent from empty
    tolerant: bool  # what only deserves a warning has been noted, and passes now


def reading_of(info: ValidationInfo) -> Reading:
    assert isinstance(info.context, Reading)
    return info.context


def tolerates(info: ValidationInfo) -> bool:
    return reading_of(info).tolerant
